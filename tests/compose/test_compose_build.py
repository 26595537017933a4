"""Both images are built, in company: what runs in them later has the machine alone, and finds them made."""

from __future__ import annotations

import os
from pathlib import Path

import docker
import pytest

from .engine import Engine
from .project import BUILT, IMAGE, learning_project

WHEEL = os.environ.get("HISO_TEST_TORCH_WHEEL", "")
SCRIPT = "import importlib.util as u; print([bool(u.find_spec(name)) for name in ('numba', 'torch')])"


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.skipif(not WHEEL, reason="HISO_TEST_TORCH_WHEEL names no wheel of PyTorch's CPU build")
def test_the_image_of_learners_alone_holds_torch(engine: Engine, client: docker.DockerClient, tmp_path: Path) -> None:
    learning_project(engine, client, tmp_path, WHEEL).compose("build", *BUILT)
    for image, held in (("runtime", "[True, False]"), ("learn", "[True, True]")):
        found = client.containers.run(f"{IMAGE}:{image}", ["python", "-c", SCRIPT], remove=True)
        assert found.decode().strip() == held
