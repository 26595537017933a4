"""Which process runs on which core, and at which priority: a part of the product (docs/e2.md), not tuning."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FIFO_PRIORITY = 10
LEARNER_NICENESS = 19
HOT_LOOPS = ("emulator", "ric", "xapp-embb", "xapp-urllc", "xapp-vonr", "xapp-inter")

# Which hot loops share a core, by the number of cores that they may have.
_SHARED: dict[int, tuple[tuple[str, ...], ...]] = {
    1: (HOT_LOOPS,),
    2: (HOT_LOOPS[:1], HOT_LOOPS[1:]),
    3: (HOT_LOOPS[:1], HOT_LOOPS[1:2], HOT_LOOPS[2:]),
    4: (HOT_LOOPS[:1], HOT_LOOPS[1:2], HOT_LOOPS[2:3], HOT_LOOPS[3:]),
    5: (HOT_LOOPS[:1], HOT_LOOPS[1:2], HOT_LOOPS[2:3], HOT_LOOPS[3:4], HOT_LOOPS[4:]),
    6: tuple((name,) for name in HOT_LOOPS),
}

# On two cores the xApps of the slices that decide least often even the load out: a slot costs the emulator, of one
# cell, about as much as RIC and the busiest xApp together. The emulators of several fill a core.
_TWO_CORES_ONE_CELL = (("emulator", "xapp-urllc", "xapp-vonr"), ("ric", "xapp-embb", "xapp-inter"))

_TRY_FIFO = f"import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param({FIFO_PRIORITY}))"


@dataclass(frozen=True, slots=True)
class Placement:
    """Cores by hot loop, the core of the faces, the cores left for learners; empty where nothing is pinned."""

    hot_cores: dict[str, int]
    face_core: int | None
    learner_cores: frozenset[int]
    fifo_priority: int | None
    description: str


def allowed_cores() -> tuple[int, ...]:
    """Cores that this process may be pinned to, physical ones first; empty where this system does not pin."""
    if not hasattr(os, "sched_getaffinity"):
        return ()
    return spread({core: _siblings(core) for core in os.sched_getaffinity(0)})


def spread(siblings: dict[int, frozenset[int]]) -> tuple[int, ...]:
    """Logical cores in the order in which loops get them: one of each physical core, then their second threads.

    `siblings`: by logical core, the logical cores that share its physical one.
    """

    def rank(core: int) -> int:
        return sum(other < core for other in siblings[core] if other in siblings)

    return tuple(sorted(siblings, key=lambda core: (rank(core), core)))


def _siblings(core: int) -> frozenset[int]:
    """From Linux's list, as "0,4" or "0-1"; the core alone where there is none."""
    path = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    try:
        ranges = [part.split("-") for part in path.read_text().strip().split(",")]
        return frozenset(n for bounds in ranges for n in range(int(bounds[0]), int(bounds[-1]) + 1))
    except (OSError, ValueError):
        return frozenset({core})


def fifo_allowed() -> bool:
    """Whether a process of this user may take SCHED_FIFO: a child tries."""
    if not hasattr(os, "sched_setscheduler"):
        return False
    child = subprocess.run([sys.executable, "-ISc", _TRY_FIFO], capture_output=True, check=False)
    return child.returncode == 0


def emulator_names(cells: int) -> tuple[str, ...]:
    """The emulators of a run, one a cell."""
    return (HOT_LOOPS[0], *(f"{HOT_LOOPS[0]}-{cell}" for cell in range(1, cells)))


def place(cores: tuple[int, ...], *, urgent: bool, fifo: bool, cells: int = 1) -> Placement:
    """Placement on `cores`.

    The emulator works while the others decide, so it has another core than RIC and eMBB's xApp; with more cores the
    others spread too, and after them the emulators of further cells. Faces and learners take what is left. So at
    D = 0 as well: a slot waits for its decision, but what is not on its way has a core for itself. `cores` as
    `allowed_cores` orders them. `urgent`: a real-time clock, or a measurement; SCHED_FIFO is for these alone: a
    lock-step loop would never give way.
    """
    fifo_priority = FIFO_PRIORITY if urgent and fifo else None
    scheduling = _scheduling(urgent=urgent, fifo=fifo)
    if not cores:
        where = "processes are not pinned (this system has no sched_setaffinity)"
        return Placement({}, None, frozenset(), fifo_priority, f"placement: {where}; {scheduling}")
    count = _hot_core_count(len(cores))
    shared = _TWO_CORES_ONE_CELL if (count, cells) == (2, 1) else _SHARED[count]
    hot_cores = {name: core for core, names in zip(cores, shared, strict=False) for name in names}
    spare = cores[len(shared) :]
    further_cores = spare[:-1][: cells - 1]
    spare = spare[len(further_cores) :]
    emulator_cores = (cores[0], *further_cores)
    further = {name: emulator_cores[n % len(emulator_cores)] for n, name in enumerate(emulator_names(cells)) if n}
    hot_cores |= further
    # With nothing to spare, faces share the emulator's core.
    face_core = spare[-1] if spare else cores[0]
    where = ", ".join(f"{_spoken(names)} on core {core}" for core, names in zip(cores, shared, strict=False))
    where += "".join(f", {name} on core {core}" for name, core in further.items() if core != cores[0])
    return Placement(
        hot_cores=hot_cores,
        face_core=face_core,
        learner_cores=frozenset(spare),
        fifo_priority=fifo_priority,
        description=f"placement: {where}; {scheduling}",
    )


def _hot_core_count(cores: int) -> int:
    return cores if cores <= 2 else min(cores - 1, len(HOT_LOOPS))


def _spoken(names: tuple[str, ...]) -> str:
    xapps = [name.removeprefix("xapp-") for name in names if name.startswith("xapp-")]
    parts = [{"ric": "RIC"}.get(name, name) for name in names if not name.startswith("xapp-")]
    if len(xapps) == sum(name.startswith("xapp-") for name in HOT_LOOPS):
        parts.append("xApps")
    elif xapps:
        parts.append(f"xApps ({', '.join(xapps)})" if len(xapps) > 1 else f"xApp {xapps[0]}")
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _scheduling(*, urgent: bool, fifo: bool) -> str:
    if not urgent:
        return "normal priority (lock-step)"
    if fifo:
        return f"SCHED_FIFO {FIFO_PRIORITY}"
    return "SCHED_FIFO is refused here, so normal priority: hiso doctor says how to allow it"
