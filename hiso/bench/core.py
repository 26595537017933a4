"""The cell alone, without processes: whole runs compiled, and one slot a call."""

from __future__ import annotations

import time
from statistics import median

from hiso.runner import Runner
from ran_emulator.scenario import load_scenario
from xapps.slicing.schedulers import resolve

SCHEDULER = resolve("slnr", intra="greedy")
"""Greedy beams under constant budgets."""
TUNED = resolve("hiso-coma-tuned")
REPEATS = 5
_WARM_UP_SLOTS = 2_000
LEARNING_WARM_UP_SLOTS = 2_600
"""Every frame updates from then on, and of each 8,000 slots one the inter-slice level."""


def slots_per_s(slots: int, overrides: list[str] | None = None) -> float:
    """Slots a CPU second of one thread, `base` (with overrides), compiled whole, greedy policy; median of five."""
    return _rate(make_runner(overrides, compiled=True), slots)


def step_slots_per_s(slots: int) -> float:
    """The same from Python, slot by slot as the loop has it.

    A slot: begun, each slice's group observed, decided for, its decision checked and submitted, the slot executed.
    """
    return _rate(make_runner(None, compiled=False), slots)


def trained_slots_per_s(slots: int) -> float:
    """As `slots_per_s`, with the shipped tuned agents of both levels."""
    return _rate(Runner(load_scenario("base"), TUNED, seed=1), slots)


def learning_slots_per_s(slots: int) -> float:
    """The same while both levels learn on, from every slot and second; in one stretch, of which few are seconds."""
    runner = Runner(load_scenario("base"), TUNED, seed=1, learn=True)
    runner.advance(LEARNING_WARM_UP_SLOTS)
    started_s = time.thread_time()
    runner.advance(slots)
    return slots / (time.thread_time() - started_s)


def make_runner(overrides: list[str] | None, *, compiled: bool) -> Runner:
    """What is measured, before slot 0, seed 1."""
    return Runner(load_scenario("base", overrides), SCHEDULER, seed=1, compiled=compiled)


def _rate(runner: Runner, slots: int) -> float:
    """Slots a second of the thread's CPU time: what other processes take of the core is not the cell's."""
    runner.advance(_WARM_UP_SLOTS)
    rates = []
    for _ in range(REPEATS):
        started_s = time.thread_time()
        runner.advance(slots)
        rates.append(slots / (time.thread_time() - started_s))
    return median(rates)
