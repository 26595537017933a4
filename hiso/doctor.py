"""What this machine lacks for a run, and how to mend it."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from hiso import ports
from hiso.launcher import discard_run_dir, make_run_dir
from hiso.loopback import LoopbackClient
from hiso.placement import HOT_LOOPS, Placement, allowed_cores, fifo_allowed, place
from service_kit.wakefulness import DEVICE, may_keep_cores_awake

MIN_PYTHON = (3, 11)
NEWEST_TESTED_PYTHON = (3, 13)
DISTRIBUTION = "hiso-coma"
_INSTALL = "pip install . (or: make up)"

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `note`: a run goes without it; `wrong`: no run before it is mended."""

    subject: str
    state: State
    detail: str
    remedy: str = ""


def examine(port_base: int) -> Iterator[Finding]:
    """Look at everything that a run needs or profits from."""
    yield python()
    yield packages()
    yield from cores()
    yield scheduling()
    yield wakefulness()
    yield placement()
    yield local_ports(port_base)
    yield run_directory()
    yield kernels()
    yield torch()
    yield docker_engine()


def python() -> Finding:
    """The interpreter's version."""
    text = platform.python_version()
    if sys.version_info < MIN_PYTHON:
        return Finding("Python", "wrong", text, f"install Python {MIN_PYTHON[0]}.{MIN_PYTHON[1]} or newer")
    if sys.version_info[:2] > NEWEST_TESTED_PYTHON:
        return Finding("Python", "note", text, "not tested; 3.11 to 3.13 are")
    return Finding("Python", "ok", text)


def packages() -> Finding:
    """Whether every dependency is installed."""
    try:
        wanted = [text for text in requires(DISTRIBUTION) or [] if "extra ==" not in text]
    except PackageNotFoundError:
        return Finding("packages", "wrong", f"{DISTRIBUTION} is not installed", _INSTALL)
    missing = [text for text in wanted if not _installed(text)]
    if missing:
        return Finding("packages", "wrong", "missing: " + ", ".join(missing), _INSTALL)
    return Finding("packages", "ok", f"{len(wanted)} of {len(wanted)} installed")


def _installed(requirement: str) -> bool:
    """Whether a distribution `NAME>=VERSION` is here in that version."""
    name, _, wanted = requirement.partition(">=")
    try:
        found = version(name)
    except PackageNotFoundError:
        return False
    return _numbers(found) >= _numbers(wanted)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def cores() -> Iterator[Finding]:
    """Cores, and whether processes may be pinned to them."""
    count = len(allowed_cores()) or os.cpu_count() or 1
    if count < 2:
        yield Finding(
            "cores", "note", "one core", "real time needs two: expect a slower clock, or use --clock lockstep"
        )
    else:
        yield Finding("cores", "ok", str(count))
    if allowed_cores():
        yield Finding("pinning", "ok", "processes are pinned to cores")
    else:
        yield Finding(
            "pinning", "note", f"{platform.system()} pins no processes", "Linux does: the loop is faster there"
        )


def scheduling() -> Finding:
    """Whether hot loops may take SCHED_FIFO."""
    if fifo_allowed():
        return Finding("real-time priority", "ok", "SCHED_FIFO is allowed")
    return Finding(
        "real-time priority",
        "note",
        "SCHED_FIFO is refused: more decisions come late in real time",
        "allow it: add '@YOUR_GROUP - rtprio 20' to /etc/security/limits.d/hiso.conf and log in again, "
        "or run as root (in containers: cap_add SYS_NICE)",
    )


def wakefulness() -> Finding:
    """Whether cores may be kept from sleeping between two slots."""
    if may_keep_cores_awake():
        return Finding("idle cores", "ok", "kept awake")
    if not DEVICE.exists():
        return Finding("idle cores", "ok", f"{platform.system()} has no {DEVICE} here: they sleep as they do")
    return Finding(
        "idle cores",
        "note",
        "they may sleep between two slots: the loop is slower, and more decisions come late in real time",
        f"let your user write {DEVICE} (sudo chgrp YOUR_GROUP {DEVICE}; sudo chmod g+w {DEVICE}), or run as root",
    )


def placement() -> Finding:
    """Which process a run puts where, and why."""
    available = allowed_cores()
    placed = place(available, urgent=True, fifo=fifo_allowed())
    where = _spoken(placed)
    if placed.face_core is not None:
        learners = ", ".join(map(str, sorted(placed.learner_cores))) or "any core, below all others"
        if len(set(placed.hot_cores.values())) > 1:
            where += " (the emulator runs slots while other cores decide)"
        where += f"; HTTP on core {placed.face_core}, where there is most room; learners on {learners}"
    if placed.fifo_priority is None:
        where += ". SCHED_FIFO is refused: any process may delay a slot"
    if available and len(available) <= len(HOT_LOOPS):
        return Finding("placement", "ok", where, f"{len(HOT_LOOPS) + 1} cores would give each hot loop its own")
    return Finding("placement", "ok", where)


def _spoken(placed: Placement) -> str:
    return placed.description.removeprefix("placement: ").partition(";")[0]


def local_ports(port_base: int) -> Finding:
    """Whether the ports of a run are free."""
    taken = []
    for service in ports.OFFSETS:
        port = ports.port_of(service, port_base)
        if ports.taken(port):
            holder = ports.holder(port)
            taken.append(f"{port} ({service})" + (f" by {holder}" if holder else ""))
    if taken and LoopbackClient(ports.port_of("ric", port_base)).healthy():
        where = f"a near-RT RIC of ours runs at --port-base {port_base}"
        return Finding("ports", "note", where, "end that run, or start another with hiso up --port-base N")
    if taken:
        return Finding("ports", "wrong", "taken: " + ", ".join(taken), "end what holds them, or hiso up --port-base N")
    last = port_base + max(ports.OFFSETS.values())
    return Finding("ports", "ok", f"{port_base}..{last} are free where they are needed")


def run_directory() -> Finding:
    """Whether a run directory for sockets and logs can be made."""
    try:
        path = make_run_dir()
    except OSError as error:
        return Finding("run directory", "wrong", str(error), "set TMPDIR to a writable directory with a short path")
    discard_run_dir(path)
    return Finding("run directory", "ok", f"below {path.parent}")


def kernels() -> Finding:
    """Whether the compiled kernels are there, or can be written."""
    from ran_emulator.phy import jit  # noqa: F401 - it says where the cache is

    cache = Path(os.environ["NUMBA_CACHE_DIR"])
    if any(cache.rglob("*.nbi")):
        return Finding("compiled kernels", "ok", str(cache))
    nearest = next(path for path in (cache, *cache.parents) if path.exists())
    if not os.access(nearest, os.W_OK):
        return Finding(
            "compiled kernels", "wrong", f"{cache} cannot be written", "set HISO_CACHE_DIR to a writable directory"
        )
    return Finding(
        "compiled kernels", "note", "not compiled: the first run takes a minute longer", "python -m hiso.warm_up"
    )


def torch() -> Finding:
    """PyTorch, for learning."""
    if importlib.util.find_spec("torch") is None:
        return Finding("PyTorch", "note", "not installed: needed to learn, not to run", torch_remedy())
    return Finding("PyTorch", "ok", version("torch"))


def torch_remedy() -> str:
    """How to get PyTorch."""
    pip = f"{sys.executable} -m pip install torch"
    return f"{pip}, or PyTorch's smaller CPU build: {pip} --index-url https://download.pytorch.org/whl/cpu"


def docker_engine() -> Finding:
    """A container engine, for docker compose."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=3)
        engine = client.version()["Version"]
        client.close()
    except (DockerException, OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        return Finding(
            "Docker engine", "note", f"not reachable ({reason})", "only docker compose needs it: start the engine"
        )
    return Finding("Docker engine", "ok", engine)
