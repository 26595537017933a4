"""One run of the product's compose file: its own project name, image name and free ports."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from free_ports import free_ports

from .engine import Engine

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
XAPPS_OVERLAY = ROOT / "compose.xapps.yml"
IMAGE = "hiso-coma-test"
COMPOSE_V2 = Path("/usr/local/lib/docker/cli-plugins/docker-compose")
XAPPS = ("xapp-inter-slice", "xapp-intra-vonr", "xapp-intra-embb", "xapp-intra-urllc")
SERVICES = ("near-rt-ric", "ran-emulator", *XAPPS)
AGENTS = ("inter", "vonr", "embb", "urllc")
LEARNERS = tuple(f"learner-{agent}" for agent in AGENTS)
WHEEL = os.environ.get("HISO_TEST_TORCH_WHEEL", "")
needs_wheel = pytest.mark.skipif(not WHEEL, reason="HISO_TEST_TORCH_WHEEL names no wheel of PyTorch's CPU build")
BUILT = ("near-rt-ric", "learner-inter")
"""A service of each image."""
BUILD_INPUTS = (
    "Dockerfile", ".dockerignore", ".env", "docker-compose.yml", "docker-entrypoint.sh", "constraints.txt",
    "pyproject.toml", "README.md", "hiso", "monitoring", "near_rt_ric", "proto", "ran_emulator", "service_kit", "xapps",
)  # fmt: skip
PORT_VARIABLES = ("HISO_EMULATOR_PORT", "HISO_RIC_PORT", "HISO_E2_PORT", "PROMETHEUS_PORT", "GRAFANA_PORT")


def compose_programs() -> dict[str, str]:
    """The docker-compose programs of this machine, by version."""
    found = {}
    for program in (str(COMPOSE_V2), shutil.which("docker-compose")):
        if program is not None and os.access(program, os.X_OK):
            done = subprocess.run([program, "version", "--short"], capture_output=True, text=True, check=True)
            found[done.stdout.strip()] = program
    return found


def newest_program() -> str:
    """The docker-compose program of the newest generation."""
    programs = compose_programs()
    return programs[max(programs, key=_generation)]


def oldest_program() -> str:
    """The docker-compose program of the oldest generation."""
    programs = compose_programs()
    return programs[min(programs, key=_generation)]


def _generation(version: str) -> int:
    return int(version.split(".", maxsplit=1)[0])


@dataclass
class Project:
    """A compose project on an engine."""

    engine: Engine
    client: docker.DockerClient
    folder: Path
    root: Path = ROOT
    profiles: tuple[str, ...] = ()
    overlays: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    name: str = field(default_factory=lambda: f"hiso-test-{os.getpid()}")
    program: str = field(default_factory=newest_program)

    def __post_init__(self) -> None:
        self.ports = dict(zip(PORT_VARIABLES, free_ports(len(PORT_VARIABLES)), strict=True))
        self._settings = {name: str(port) for name, port in self.ports.items()}
        self._settings |= {"COMPOSE_PROJECT_NAME": self.name, "HISO_IMAGE": IMAGE, **self.settings}
        self._files = [self.root / name for name in (COMPOSE_FILE.name, *self.overlays)]
        if self.engine.own:
            self._files.append(self._host_network_for_builds())

    def url(self, variable: str) -> str:
        """Where a published port is reached."""
        return f"http://127.0.0.1:{self.ports[variable]}"

    def compose(self, *arguments: str) -> str:
        """Run docker-compose on this project; its output.

        Raises:
            AssertionError: it failed; the message holds the end of what it printed.
        """
        files = [part for file in self._files for part in ("--file", str(file))]
        profiles = [part for profile in self.profiles for part in ("--profile", profile)]
        done = subprocess.run(
            [self.program, "--project-directory", str(self.root), *files, *profiles, *arguments],
            env=self.engine.environment() | self._settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"docker-compose {' '.join(arguments)}:\n{done.stdout[-6000:]}"
        return done.stdout

    @contextmanager
    def running(self, services: list[str]) -> Iterator[None]:
        """Start `services`; in the end, remove them with their networks and volumes."""
        try:
            self.compose("up", "--detach", *services)
            yield
        finally:
            self.compose("down", "--volumes", "--timeout", "5")

    def container(self, service: str) -> Any:
        """The container of a service, stopped ones included."""
        labels = [f"com.docker.compose.project={self.name}", f"com.docker.compose.service={service}"]
        (found,) = self.client.containers.list(all=True, filters={"label": labels})
        return found

    def health(self, service: str) -> str:
        """What the engine says of a service's health check: starting, healthy or unhealthy."""
        return str(self.container(service).attrs["State"]["Health"]["Status"])

    def wait_healthy(self, services: Sequence[str], limit_s: float) -> None:
        """Wait until every health check has passed.

        Raises:
            AssertionError: not within `limit_s` seconds; the message holds the last words of the others.
        """
        deadline_s = time.monotonic() + limit_s
        waiting = list(services)
        while waiting and time.monotonic() < deadline_s:
            time.sleep(0.5)
            waiting = [service for service in waiting if self.health(service) != "healthy"]
        if waiting:
            logs = {s: self.container(s).logs(tail=15).decode(errors="replace") for s in waiting}
            raise AssertionError("not healthy: " + "".join(f"\n== {s}\n{log}" for s, log in logs.items()))

    def _host_network_for_builds(self) -> Path:
        """Builds in an engine that the tests started reach package indexes the way this machine does."""
        services = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
        built = {name: {"build": {"network": "host"}} for name, body in services.items() if "build" in body}
        file = self.folder / "build-network.yml"
        file.write_text(yaml.safe_dump({"services": built}))
        return file


def learning_project(engine: Engine, client: docker.DockerClient, folder: Path) -> Project:
    """The product with its learners, in a copy that holds a wheel of PyTorch for their image."""
    root = folder / "tree"
    root.mkdir()
    for name in BUILD_INPUTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, root / name)
    (root / "wheels").mkdir()
    shutil.copy2(WHEEL, root / "wheels" / Path(WHEEL).name)
    return Project(engine, client, folder, root=root, profiles=("learn",))
