"""CPU time and memory of a system's processes, from /proc; empty where a system has none."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def cpu_us_by_process(pids: dict[str, int]) -> dict[str, float]:
    """CPU time since start in us, user and system, by process.

    `pids`: by service. Emulators and RIC count twice: `emulator` is the hot loop, `emulator-face` its face.
    """
    return _by_process(pids, _cpu_us)


def resident_kb_by_process(pids: dict[str, int]) -> dict[str, float]:
    """Resident memory in kB, by process as in `cpu_us_by_process`."""
    return _by_process(pids, _resident_kb)


def children_of(pid: int) -> list[int]:
    """Processes that a process has started."""
    with suppress(OSError):
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return []


def _by_process(pids: dict[str, int], of: Callable[[int], float]) -> dict[str, float]:
    found = {}
    for service, pid in pids.items():
        if service.startswith(("emulator", "ric")):  # its hot loop is its child
            found[f"{service}-face"] = of(pid)
            found[service] = sum(of(child) for child in children_of(pid))
        else:
            found[service] = of(pid)
    return {name: used for name, used in found.items() if used > 0}


def _cpu_us(pid: int) -> float:
    with suppress(OSError):
        # After the name, which may hold anything: state is field 3, utime 14, stime 15.
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) * 1e6 / os.sysconf("SC_CLK_TCK")
    return 0.0


def _resident_kb(pid: int) -> float:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e3
    return 0.0
