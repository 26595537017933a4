"""The same loop in containers, in real time at D = 2, where an engine runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import DockerException

import hiso
from hiso import ports
from hiso.bench.system_run import Interrupted
from hiso.loopback import LoopbackClient, Unreachable
from hiso.monitor import Metrics
from service_kit.signals import Stop

SERVICES = (
    "near-rt-ric",
    "ran-emulator",
    "xapp-inter-slice",
    "xapp-intra-vonr",
    "xapp-intra-embb",
    "xapp-intra-urllc",
)
_AS_SHIPPED = ("HISO_SET", "HISO_SEED", "HISO_INTER", "HISO_INTRA", "HISO_TRIGGER")
"""What a person's .env may say otherwise, and a measurement must not."""

_FILE = Path(hiso.__file__).resolve().parents[1] / "docker-compose.yml"
_START_LIMIT_S = 120.0
_POLL_S = 0.25
_SETTLED_DECISIONS = 100


class NoContainersError(RuntimeError):
    """The loop cannot run in containers here; the message says why."""


@dataclass(frozen=True, slots=True)
class _Counts:
    asked: int
    missed: int


def missed_fraction(port_base: int, wall_s: float, stop: Stop) -> float:
    """Share of late decisions over `wall_s`, once agents decide; builds the image where it is not there.

    Raises:
        NoContainersError: no engine, no docker-compose, no compose file, or it does not start.
        Interrupted: `stop` was set.
    """
    program = _compose_program()
    _check_engine()
    if not _FILE.is_file():
        raise NoContainersError(f"{_FILE.name} is not here: containers are started from a checkout")
    try:
        _compose(program, port_base, "up", "--detach", "--build", *SERVICES)
        return _measure(port_base, wall_s, stop)
    finally:
        _compose(program, port_base, "down", "--volumes", "--timeout", "5", check=False)


def _compose_program() -> list[str]:
    for program in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(program[0]) is None:
            continue
        if subprocess.run([*program, "version"], capture_output=True, check=False).returncode == 0:
            return program
    raise NoContainersError("docker compose is not installed")


def _check_engine() -> None:
    try:
        client = docker.from_env(timeout=5)
        client.ping()
        client.close()
    except DockerException as error:
        raise NoContainersError("no container engine answers (hiso doctor says more)") from error


def _compose(program: list[str], port_base: int, *arguments: str, check: bool = True) -> None:
    settings = {
        "COMPOSE_PROJECT_NAME": f"hiso-bench-{os.getpid()}",
        "HISO_EMULATOR_PORT": str(ports.port_of("emulator", port_base)),
        "HISO_RIC_PORT": str(ports.port_of("ric", port_base)),
        "HISO_E2_PORT": str(ports.port_of("e2", port_base)),
        "HISO_SCENARIO": "base",
        "HISO_WEIGHTS": "base",
        "HISO_CLOCK": "realtime",
        "HISO_CONTROL_DELAY_SLOTS": "2",
        **dict.fromkeys(_AS_SHIPPED, ""),
    }
    done = subprocess.run(
        [*program, "--file", str(_FILE), *arguments],
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if check and done.returncode:
        last = done.stdout.strip().splitlines()[-1:] or ["it said nothing"]
        raise NoContainersError(f"{' '.join(program)} {arguments[0]}: {last[0][:200]}")


def _measure(port_base: int, wall_s: float, stop: Stop) -> float:
    client = LoopbackClient(ports.port_of("emulator", port_base))
    try:
        deadline_s = time.monotonic() + _START_LIMIT_S
        while not _agents_decide(client):
            if time.monotonic() > deadline_s:
                raise NoContainersError(f"no agent decides within {_START_LIMIT_S:g} s")
            if stop.wait(_POLL_S):
                raise Interrupted
        before = _counts(client)
        if stop.wait(wall_s):
            raise Interrupted
        after = _counts(client)
    except Unreachable as error:
        raise NoContainersError(f"the emulator does not answer: {error}") from error
    finally:
        client.close()
    if after.asked <= before.asked:
        raise NoContainersError("no decision was asked for")
    return (after.missed - before.missed) / (after.asked - before.asked)


def _agents_decide(client: LoopbackClient) -> bool:
    try:
        decided = Metrics.parse(client.text("/metrics")).count("hiso_decisions_total", source="control")
    except (Unreachable, ValueError):
        return False
    return decided > _SETTLED_DECISIONS


def _counts(client: LoopbackClient) -> _Counts:
    metrics = Metrics.parse(client.text("/metrics"))
    asked = metrics.count("hiso_e2_messages_total", function="slot", procedure="ric_indication", direction="to_ric")
    return _Counts(asked, metrics.count("hiso_missed_deadlines_total"))
