"""xApps as local processes: a module or a file under the RIC's Python."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.machinery import ExtensionFileLoader, ModuleSpec, PathFinder
from pathlib import Path

from near_rt_ric.xapp_manager.backend import CannotStartError
from near_rt_ric.xapp_manager.descriptor import Descriptor
from near_rt_ric.xapp_manager.errors import DescriptorError
from service_kit import child
from service_kit.placement import FACE_NICENESS

MAX_LOG_BYTES = 16 * 1024 * 1024
_KEPT_LOG_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ChildPlacement:
    """Where children run: hot ones as the RIC's hot loop does, the others as its face does."""

    hot_cpu: int | None = None
    hot_fifo: int | None = None
    face_cpu: int | None = None


class ProcessInstance:
    """One process, leader of a process group of its own."""

    def __init__(self, process: subprocess.Popen[bytes], log_path: Path) -> None:
        self._process = process
        self._log_path = log_path

    def poll(self) -> int | None:
        """Exit code (negative: signal) once it has ended; its output file is kept from growing for ever."""
        _trim(self._log_path)
        return self._process.poll()

    def terminate(self) -> None:
        """SIGTERM to the process."""
        self._process.terminate()

    def kill(self) -> None:
        """SIGKILL to all that is left of its group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def where(self) -> str:
        """Its process id."""
        return f"pid {self._process.pid}"

    def health(self) -> str:
        """Nobody asks a process."""
        return ""


class ProcessBackend:
    """Starts processes whose output goes into one file each."""

    poll_s = 0.0

    def __init__(self, log_folder: Path, bus: str, placement: ChildPlacement) -> None:
        """Call it before this thread is pinned or niced: what it starts would inherit both, and keep the niceness."""
        self._log_folder = log_folder
        self._bus = bus
        self._placement = placement
        # A child gets its SIGTERM when the thread that started it ends: so one thread starts all, and stays.
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="xapp-spawner")
        self._spawner.submit(os.getpid).result()

    def check(self, descriptor: Descriptor) -> None:
        """Whether Python would find the program; nothing of it is imported. Raises DescriptorError."""
        if descriptor.file is not None:
            if not os.access(descriptor.file, os.R_OK) or not Path(descriptor.file).is_file():
                raise DescriptorError("file", f"{descriptor.file} is no file that the RIC can read")
        elif descriptor.module is not None and not _is_runnable(descriptor.module):
            raise DescriptorError("module", f"{descriptor.module} is no module that the RIC's Python can run")

    def start(self, descriptor: Descriptor) -> ProcessInstance:
        """Start it with its own output file; raises CannotStartError."""
        program = [sys.executable, descriptor.file] if descriptor.file else [sys.executable, "-P", "-m"]
        if descriptor.module:
            program.append(descriptor.module)
        return self._spawner.submit(self._spawn, descriptor, [str(part) for part in program]).result()

    def logs(self, name: str, lines: int) -> list[str]:
        """The last `lines` lines."""
        try:
            return _tail(self._log_path(name)).decode(errors="replace").splitlines()[-lines:]
        except FileNotFoundError:
            return []

    def forget(self, name: str) -> None:
        """Remove its output file."""
        self._log_path(name).unlink(missing_ok=True)

    def close(self) -> None:
        """End the thread that starts processes; call it when none is left."""
        self._spawner.shutdown()

    def _log_path(self, name: str) -> Path:
        return self._log_folder / f"{name}.log"

    def _spawn(self, descriptor: Descriptor, program: list[str]) -> ProcessInstance:
        placement = self._placement
        line = [*program, *descriptor.resolved_arguments(self._bus)]
        cpu = placement.hot_cpu if descriptor.hot else placement.face_cpu
        cores = () if cpu is None else (cpu,)
        if descriptor.hot:
            line = child.command(line, cores=cores, hot=True, fifo=placement.hot_fifo)
        else:
            line = child.command(line, cores=cores, niceness=FACE_NICENESS if cores else 0)
        log_path = self._log_path(descriptor.name)
        try:
            self._log_folder.mkdir(parents=True, exist_ok=True)
            with log_path.open("ab") as log:
                process = subprocess.Popen(
                    line,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "PYTHONUNBUFFERED": "1", **descriptor.resolved_environment(self._bus)},
                    process_group=0,  # no session of its own: the scheduler would set it against the others
                )
        except (OSError, ValueError) as error:  # ValueError: a text that this system cannot encode
            raise CannotStartError(str(error)) from error
        return ProcessInstance(process, log_path)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _KEPT_LOG_BYTES))
        return file.read()


def _trim(path: Path) -> None:
    """Keep the end of an output file that has grown too long; its writer appends, so it may go on meanwhile."""
    with suppress(OSError):
        if path.stat().st_size > MAX_LOG_BYTES:
            kept = _tail(path)
            with path.open("ab") as file:
                file.truncate(0)
                file.write(kept)


def _is_runnable(module: str) -> bool:
    """Whether `python -P -m module` would find something, without importing its parents as find_spec does."""
    named = [os.path.abspath(place) for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    here = {"", os.getcwd()}.difference(named)  # where this process lacks -P
    places = [place for place in sys.path if place not in here]
    first, *others = module.split(".")
    spec = _find(first, places)
    for part in others:
        if spec is None or spec.submodule_search_locations is None:
            return False
        spec = _find_in(part, spec)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = _find_in("__main__", spec)
    return spec is not None and spec.has_location and not isinstance(spec.loader, ExtensionFileLoader)


def _find_in(name: str, parent: ModuleSpec) -> ModuleSpec | None:
    # By its last name alone: a namespace package looks for its parent among what was imported.
    return PathFinder.find_spec(name, list(parent.submodule_search_locations or ()))


def _find(name: str, places: list[str]) -> ModuleSpec | None:
    specs = (finder.find_spec(name, places) for finder in sys.meta_path if hasattr(finder, "find_spec"))
    return next((spec for spec in specs if spec is not None), None)
