"""A container engine for the tests: the one that runs already, or one of their own in a cache folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import DockerException

STARTUP_LIMIT_S = 60.0
KEPT_UNUSED = "72h"


class NoEngineError(RuntimeError):
    """No engine runs and none can be started; the message says why."""


@dataclass(frozen=True)
class Engine:
    """A running engine; `own` where the tests started it, and then no registry is expected."""

    host: str
    own: bool

    def client(self) -> docker.DockerClient:
        """A client of this engine; close it after use."""
        return docker.DockerClient(base_url=self.host)

    def environment(self) -> dict[str, str]:
        """This process's environment, with docker and docker-compose pointed at this engine."""
        # The builder that every engine has: Debian's comes without BuildKit.
        builder = {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"} if self.own else {}
        return os.environ | {"DOCKER_HOST": self.host} | builder


def cache_folder() -> Path:
    """Where images survive between runs: HISO_TEST_CACHE, or a folder beside other temporary files.

    Raises:
        NoEngineError: the folder belongs to somebody else.
    """
    default = Path(tempfile.gettempdir()) / f"hiso-coma-test-cache-{os.getuid()}"
    folder = Path(os.environ.get("HISO_TEST_CACHE") or default)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise NoEngineError(f"{folder} belongs to another user: set HISO_TEST_CACHE to a folder of your own")
    return folder


@contextmanager
def running_engine() -> Iterator[Engine]:
    """An engine that answers.

    Raises:
        NoEngineError: none runs, and none can be started.
    """
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if _answers(host):
        yield Engine(host, own=False)
        return
    if os.getuid() != 0:
        raise NoEngineError(f"no engine answers at {host}, and only root may start one")
    program = shutil.which("dockerd")
    if program is None:
        raise NoEngineError(f"no engine answers at {host}, and dockerd is not installed (.ci/install-services)")
    with tempfile.TemporaryDirectory(prefix="hiso-engine-") as folder:
        yield from _own_engine(program, Path(folder))


def _own_engine(program: str, folder: Path) -> Iterator[Engine]:
    host = f"unix://{folder}/engine.sock"
    log_file = folder / "engine.log"
    cache = cache_folder()
    arguments = {
        "--data-root": str(cache / "engine"),
        # Kept too: the engine leaves a mount in it, and refuses to start where another has this process file.
        "--exec-root": str(cache / "exec"),
        "--pidfile": str(cache / "engine.pid"),
        "--host": host,
    }
    with log_file.open("w") as log:
        process = subprocess.Popen(
            [program, *(f"{name}={value}" for name, value in arguments.items())],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline_s = time.monotonic() + STARTUP_LIMIT_S
        while not _answers(host):
            if process.poll() is not None or time.monotonic() > deadline_s:
                last_words = "\n".join(log_file.read_text().splitlines()[-5:])
                raise NoEngineError(f"dockerd does not start:\n{last_words}")
            time.sleep(0.1)
        engine = Engine(host, own=True)
        yield engine
        _forget_old_images(engine)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _answers(host: str) -> bool:
    try:
        client = docker.DockerClient(base_url=host, timeout=5)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except DockerException:
        return False
    finally:
        client.close()


def _forget_old_images(engine: Engine) -> None:
    client = engine.client()
    with suppress(DockerException):
        client.images.prune(filters={"dangling": True, "until": KEPT_UNUSED})
    client.close()
