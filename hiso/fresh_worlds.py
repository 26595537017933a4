"""Worlds that no training has seen: what inter-slice agents reach in them, and what splits of the band can do there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hiso.bounds import split_tables as tables
from hiso.bounds.controls import Misled
from hiso.bounds.shares import SHUFFLED, UNTRAINED
from hiso.bounds.ssr_bound import worst_ssr_bound
from hiso.observe import budget_context, slice_contexts
from hiso.run_request import pinned
from hiso.world import make_world, report_utility, slice_weights
from ran_emulator import state as st
from ran_emulator.cell import resolved, success_ratio
from ran_emulator.scenario import SLICE_NAMES, Scenario
from xapps.agents import BudgetAgent
from xapps.slicing.inter.base import InterPolicy
from xapps.slicing.inter.coma2c import TUNED
from xapps.slicing.inter.policies import make_inter_policy
from xapps.slicing.observation import BudgetContext, SecondReport
from xapps.slicing.schedulers import SCHEDULERS
from xapps.slicing.triggers import make_trigger
from xapps.slicing.weights import Weights
from xapps.trained import find_weights, inter_weights, is_shipped, trained_name

I64 = npt.NDArray[np.int64]

FRESH_SEEDS = (9_001, 9_002, 9_003)
TUNED_SCHEDULER = "hiso-coma-tuned"
INTER_SCHEDULERS = (TUNED_SCHEDULER, "hiso-coma", "sa2c-t")
C6_WEIGHT = 100.0
"""Of the SLA deficits, for a clairvoyant to whom nothing else matters while there are any."""


class Condition(NamedTuple):
    """In which inter-slice agents are played."""

    scenario: Scenario
    delay: int
    """Control delay in slots."""


class Played(NamedTuple):
    """What inter-slice agents, or a sequence of splits, gave in the fresh worlds."""

    utility: float
    """Mean of the seconds' utility."""
    succeeded: I64  # [S], packets of all worlds
    resolved: I64  # [S]
    reports: list[list[SecondReport]]
    """By world; empty for a sequence."""

    @property
    def worst_ssr(self) -> float:
        """Of the slices."""
        return float(success_ratio(self.succeeded, self.resolved).min())


class References(NamedTuple):
    """What splits of the band can do at equal power."""

    constant: Played
    """The best constant split of each world."""
    late: Played
    """The best split of the second before."""
    c6_first: Played
    """The split with the smallest deficits of the second to come."""
    bound: float
    """On the SSR of the worst slice."""


def references(condition: Condition, seconds: int) -> References:
    """What splits of the band can do in a condition, over the tuned intra-slice agents, after the first second."""
    scenario, delay = condition
    below = find_weights(trained_name("madqn-tuned", scenario.name, delay))
    agents = slice_weights(slice_contexts(scenario, delay), "madqn-tuned", below)
    whole = [tables.split_tables(scenario, seed, 1 + seconds, "madqn-tuned", delay, agents) for seed in FRESH_SEEDS]
    worlds = [world.after_first() for world in whole]
    return References(
        _play_splits(worlds, [tables.best_constant(world, TUNED.sla_weight) for world in worlds]),
        _play_splits(worlds, [tables.clairvoyant_late(world, TUNED.sla_weight) for world in whole]),
        _play_splits(worlds, [tables.clairvoyant(world, C6_WEIGHT) for world in worlds]),
        worst_ssr_bound(
            np.concatenate([world.successes for world in worlds]), np.concatenate([world.resolved for world in worlds])
        ),
    )


def _play_splits(worlds: Sequence[tables.SplitTables], choices: Sequence[I64]) -> Played:
    utility = np.mean([tables.play(world, choice).utility for world, choice in zip(worlds, choices, strict=True)])

    def packets(counts: Sequence[I64]) -> I64:
        each = [count[np.arange(len(choice)), choice] for count, choice in zip(counts, choices, strict=True)]
        return np.asarray(np.concatenate(each).sum(axis=0))

    return Played(
        float(utility),
        packets([world.successes for world in worlds]),
        packets([world.resolved for world in worlds]),
        [],
    )


MakeAgents = Callable[[int, BudgetContext], InterPolicy]
"""Inter-slice agents of a fresh world, by its place."""


def agents_and_controls(condition: Condition, seconds: int, *, own: bool) -> Iterator[tuple[str, Played]]:
    """Labels, and what they give: of the tuned agents, in the preset's `own` impairments also of all else."""
    delay = condition.delay
    played = None
    for name in INTER_SCHEDULERS if own else (TUNED_SCHEDULER,):
        scheduler = SCHEDULERS[name]
        weights = find_weights(trained_name(scheduler.inter, condition.scenario.name, delay))
        result = play(condition, name, _trained(weights), seconds)
        played = played or result
        yield f"`{weights.weights_id}`, `{scheduler.trigger}`, over `{scheduler.intra}`", result
    if not own or delay or played is None:
        return
    variant = SCHEDULERS[TUNED_SCHEDULER].inter
    tuned = _trained(find_weights(trained_name(variant, condition.scenario.name, delay)))
    of_others = played.reports[1:] + played.reports[:1]
    controls: dict[str, MakeAgents] = {
        UNTRAINED: lambda world, context: make_inter_policy(variant, context, FRESH_SEEDS[world], None),
        SHUFFLED: lambda world, context: Misled(tuned(world, context), of_others[world]),
    }
    for control, agents in controls.items():
        yield control, play(condition, TUNED_SCHEDULER, agents, seconds)


def _trained(weights: Weights) -> MakeAgents:
    networks = inter_weights(weights)
    return lambda world, context: make_inter_policy(weights.metadata.variant, context, FRESH_SEEDS[world], networks)


def play(condition: Condition, name: str, agents: MakeAgents, seconds: int) -> Played:
    """The fresh worlds under inter-slice agents, with the trigger and the intra-slice policy of a scheduler.

    Over `seconds` after the first, in which agents that see loads have seen none yet.
    """
    scheduler = SCHEDULERS[name]
    scenario = pinned(condition.scenario, scheduler)
    intra = trained_name(scheduler.intra, scenario.name, condition.delay)
    below = find_weights(intra) if is_shipped(intra) else scheduler.intra
    context = budget_context(scenario, condition.delay)
    succeeded, done = np.zeros(len(SLICE_NAMES), np.int64), np.zeros(len(SLICE_NAMES), np.int64)
    reports: list[list[SecondReport]] = []
    for place, seed in enumerate(FRESH_SEEDS):
        world = make_world(scenario, seed, condition.delay, below)
        agent = BudgetAgent(agents(place, context), make_trigger(scheduler.trigger))
        report = world.report(world.cell.window())  # the zero-load report before slot 0
        report, _ = world.second(agent.on_report(report))
        reports.append([])
        for _ in range(seconds):
            report, window = world.second(agent.on_report(report))
            reports[-1].append(report)
            succeeded += window.counts[:, st.SUCCEEDED]
            done += resolved(window.counts)
    utility = np.mean([report_utility(scenario, report) for world_reports in reports for report in world_reports])
    return Played(float(utility), succeeded, done, reports)
