"""Shares of the oracle: what agents and rules reach of it on paired snapshots, slice by slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hiso.action_set_kernel import best_actions
from hiso.bounds.references import oracle_on
from hiso.bounds.snapshots import Snapshot, mean_rate, slice_rate, take_snapshots
from hiso.observe import slice_context
from ran_emulator.cell import Cell
from ran_emulator.scenario import SLICE_NAMES, Scenario
from xapps.slicing.intra.policies import IntraPolicy, make_intra_policy, trained_weights
from xapps.slicing.weights import Weights

RULES = ("greedy", "slnr")
OWN_ACTIONS = "best of `madqn-tuned`'s actions"
"""A reference: the oracle's search over what those agents can choose."""

UNTRAINED, SHUFFLED = "untrained", "shuffled observations"
"""Negative controls: the network that the first agents' training began with; and the first agents deciding on other
snapshots than those that they meet."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Mean rates of one slice in one scenario, as shares of the oracle's."""

    slice_name: str
    shares: dict[str, float]
    """By weights_id, or name of a rule, reference or control."""


def oracle_rate(snapshot: Snapshot) -> float:
    """Sum rate of the coordinate-ascent oracle on a snapshot's own channels, bit/s/Hz."""
    return slice_rate(snapshot, oracle_on(snapshot.channels))


def own_action_rate(snapshot: Snapshot) -> float:
    """Sum rate of the best of the tuned agents' joint actions that a search finds, bit/s/Hz."""
    count = len(snapshot.observation.user_ids)
    return float(best_actions(snapshot.channels, np.zeros(count, np.int16), np.zeros(count, np.float32)))


def oracle_shares(
    scenario: Scenario, agents: Sequence[Weights], seeds: Sequence[int], snapshots_a_seed: int
) -> list[Shares]:
    """What frozen agents of each slice, rules, a reference and controls reach on snapshots of worlds of these seeds.

    Raises:
        WeightsError: agents that do not fit the scenario.
    """
    found = []
    cell = Cell(scenario, seeds[0])
    for index, name in enumerate(SLICE_NAMES):
        snapshots = [
            one
            for seed in seeds
            for one in take_snapshots(scenario, seed, index, snapshots_a_seed, driver=_driver(scenario))
        ]
        oracle = float(np.mean([oracle_rate(snapshot) for snapshot in snapshots]))
        context = slice_context(cell, index)
        policies = {rule: make_intra_policy(rule, context, 0) for rule in RULES}
        for weights in agents:
            variant = weights.metadata.variant
            start = trained_weights(variant, context, weights)
            policies[weights.weights_id] = policy = make_intra_policy(variant, context, 0, start)
            policy.freeze()
        first = agents[0]
        untrained = make_intra_policy(first.metadata.variant, context, first.metadata.seed)
        untrained.freeze()
        rates = {label: mean_rate(snapshots, policy) for label, policy in policies.items()}
        rates[OWN_ACTIONS] = float(np.mean([own_action_rate(snapshot) for snapshot in snapshots]))
        rates[UNTRAINED] = mean_rate(snapshots, untrained)
        rates[SHUFFLED] = _shuffled_rate(snapshots, policies[first.weights_id])
        found.append(Shares(name, {label: rate / oracle for label, rate in rates.items()}))
    return found


def _driver(scenario: Scenario) -> str:
    """The rule that is near the oracle under the scenario's reading, so that groups are those that good agents meet."""
    distorted = scenario.hwi.kappa_t > 0 or scenario.hwi.kappa_r > 0
    return "greedy" if scenario.hwi.model == "aggregate" and distorted else "slnr"


def _shuffled_rate(snapshots: Sequence[Snapshot], policy: IntraPolicy) -> float:
    """Mean rate where each group is served as another one of its size should be, bit/s/Hz; NaN where none has another.

    The other is half of the groups of its size away: neighbours in time resemble each other. Groups that are alone in
    their size are left out, though the oracle's rate, which the mean is divided by, counts them.
    """
    by_size: dict[int, list[Snapshot]] = {}
    for snapshot in snapshots:
        by_size.setdefault(len(snapshot.observation.user_ids), []).append(snapshot)
    rates = [
        slice_rate(snapshot, policy.decide(other.observation))
        for group in by_size.values()
        if len(group) > 1
        for snapshot, other in zip(group, group[len(group) // 2 :] + group[: len(group) // 2], strict=True)
    ]
    return float(np.mean(rates)) if rates else float("nan")
