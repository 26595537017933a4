"""Both images are built, in company: what runs in them later has the machine alone, and finds them made."""

from __future__ import annotations

from pathlib import Path

import docker
import pytest

from .engine import Engine
from .project import BUILT, IMAGE, learning_project, needs_wheel

SCRIPT = "import importlib.util as u; print([bool(u.find_spec(name)) for name in ('numba', 'torch')])"


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.timeout(1_200)
@needs_wheel
def test_the_image_of_learners_alone_holds_torch(engine: Engine, client: docker.DockerClient, tmp_path: Path) -> None:
    learning_project(engine, client, tmp_path).compose("build", *BUILT)
    for image, held in (("runtime", "[True, False]"), ("learn", "[True, True]")):
        found = client.containers.run(f"{IMAGE}:{image}", ["python", "-c", SCRIPT], remove=True)
        assert found.decode().strip() == held
