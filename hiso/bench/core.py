"""The cell alone, without processes: whole runs compiled, and one slot a call."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from hiso.world import World
from ran_emulator.scenario import load_scenario

POLICY = "greedy"
REPEATS = 5
_WARM_UP_SLOTS = 2_000


def slots_per_s(slots: int, overrides: list[str] | None = None) -> float:
    """Slots a second of `base` (with overrides), compiled whole, greedy policy, one thread; median of five."""
    world = _warm_world(overrides)
    return _rate(slots, lambda: world.run(slots))


def step_slots_per_s(slots: int) -> float:
    """The same with one call from Python a slot."""
    world = _warm_world(None)

    def step() -> None:
        for _ in range(slots):
            world.run(1)

    return _rate(slots, step)


def _warm_world(overrides: list[str] | None) -> World:
    world = World(load_scenario("base", overrides), seed=1, intra=POLICY)
    world.run(_WARM_UP_SLOTS)
    return world


def _rate(slots: int, work: Callable[[], object]) -> float:
    """Slots a second of the thread's CPU time: what other processes take of the core is not the cell's."""
    rates = []
    for _ in range(REPEATS):
        started_s = time.thread_time()
        work()
        rates.append(slots / (time.thread_time() - started_s))
    return median(rates)
