"""The engine that the tests of this folder share, with the images that ours are built on."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest

from . import base_images
from .engine import Engine, NoEngineError, running_engine
from .project import COMPOSE_FILE, compose_programs


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    if not compose_programs():
        pytest.skip("no docker-compose here (.ci/install-services installs it)")
    try:
        with running_engine() as started:
            yield started
    except NoEngineError as error:
        pytest.skip(f"no container engine: {error}")


@pytest.fixture(scope="session")
def client(engine: Engine) -> Iterator[docker.DockerClient]:
    opened = engine.client()
    base_images.provide(opened, COMPOSE_FILE)
    yield opened
    opened.close()
