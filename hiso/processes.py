"""Child processes that never outlive their parent: started, watched, restarted, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from service_kit.child import command

RESTART_LIMIT = 5
RESTART_WINDOW_S = 10.0
TERM_GRACE_S = 5.0
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process: `python -P -m <module> <arguments>`, and where it answers /healthz."""

    name: str
    module: str
    arguments: tuple[str, ...]
    http_port: int
    niceness: int = 0
    cores: frozenset[int] = frozenset()


class ProcessFailed(RuntimeError):  # noqa: N818 - it is an event before it is an error
    """A process that cannot be kept alive; the message names it, its exit and its last words."""


def describe_exit(code: int) -> str:
    """An exit code in words: "exit code 1", "SIGKILL"."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


class Child:
    """One process of a run, over its restarts."""

    def __init__(self, spec: ProcessSpec, run_dir: Path) -> None:
        """Not started yet; its output will be in `run_dir`."""
        self.spec = spec
        self.log_path = run_dir / f"{spec.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._starts: deque[float] = deque(maxlen=RESTART_LIMIT)

    @property
    def pid(self) -> int:
        """Process id; 0 before the first start."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start it in a process group of its own (the terminal's Ctrl-C is for the parent), its output in its log.

        Not in a session of its own: Linux schedules those against each other (autogroup). What wakes up in one waits
        for the others, and niceness counts within a session alone.
        """
        self._starts.append(time.monotonic())
        program = [sys.executable, "-P", "-m", self.spec.module, *self.spec.arguments]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command(program, cores=self.spec.cores, niceness=self.spec.niceness),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    def exit_code(self) -> int | None:
        """Exit code (negative: signal) once it has ended."""
        return self._process.poll() if self._process else None

    def restart(self) -> None:
        """Start it again after it died.

        Raises:
            ProcessFailed: it dies too often.
        """
        self.kill()  # what is left of its group
        if len(self._starts) == RESTART_LIMIT and time.monotonic() - self._starts[0] < RESTART_WINDOW_S:
            raise ProcessFailed(
                f"{self.spec.name} died {RESTART_LIMIT} times in {RESTART_WINDOW_S:g} s: {self.last_words()}"
            )
        self.start()

    def terminate(self) -> None:
        """Ask it to end."""
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def kill(self) -> None:
        """End its whole group at once."""
        if self._process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def last_words(self) -> str:
        """The last line of its log."""
        with suppress(OSError):
            lines = self.log_path.read_text(errors="replace").strip().splitlines()
            if lines:
                return lines[-1]
        return "it said nothing"


def end_all(children: Iterable[Child], grace_s: float = TERM_GRACE_S) -> list[str]:
    """SIGTERM to all, then SIGKILL to the groups of those that stay; names of the latter."""
    children = list(children)
    for child in children:
        child.terminate()
    deadline_s = time.monotonic() + grace_s
    while any(child.pid and child.exit_code() is None for child in children) and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)
    stubborn = [child.spec.name for child in children if child.pid and child.exit_code() is None]
    for child in children:
        child.kill()
    return stubborn
