"""On paired snapshots the tuned agent passes greedy clearly; the printed one does not come near (phy.md Q5)."""

from __future__ import annotations

import numpy as np
import pytest

from xapps.slicing.intra.policies import IntraPolicy, make_intra_policy
from xapps.slicing.observation import SlotDecision, SlotOutcome

from .oracle import oracle
from .synthetic import draw_snapshot, embb_context, etas, execute, observe

pytest.importorskip("torch")

from xapps.slicing.intra import dqn

pytestmark = [pytest.mark.torch, pytest.mark.slow]

CONTEXT = embb_context()
SLOTS_APART = 21
"""Beyond the reach of a next state: a bandit."""


def train(name: str, frames: int, seed: int) -> IntraPolicy:
    policy = make_intra_policy(name, CONTEXT, seed)
    learner = dqn.IntraLearner(name, CONTEXT, seed, training_slots=SLOTS_APART * frames)
    rng = np.random.default_rng(seed)
    previous: SlotDecision | None = None
    outcomes: list[SlotOutcome] = []
    for frame in range(frames):
        snapshot = draw_snapshot(rng)
        users = np.sort(rng.choice(33, len(snapshot.beam_gains), replace=False)).astype(np.uint16)
        observation = observe(snapshot, SLOTS_APART * frame, users, outcomes=outcomes)
        weights = learner.on_frame(observation, previous)
        if weights is not None:
            policy.load(weights)
        previous = policy.decide(observation)
        outcomes = [execute(snapshot, observation, previous)]
    policy.freeze()
    return policy


def mean_rate(policy: IntraPolicy, snapshots: int = 1_000) -> float:
    """Mean slice sum in bit/s/Hz over the same snapshots for every policy."""
    rng = np.random.default_rng(10**6)
    total = 0.0
    for slot in range(snapshots):
        snapshot = draw_snapshot(rng)
        observation = observe(snapshot, slot)
        total += etas(snapshot, observation, policy.decide(observation)).sum()
    return total / snapshots


def test_the_tuned_agent_passes_greedy_by_a_tenth() -> None:
    greedy = mean_rate(make_intra_policy("greedy", CONTEXT, 0))
    assert mean_rate(train("madqn-tuned", 5_000, seed=1)) > 1.10 * greedy


def test_the_printed_agent_does_not_learn_beams() -> None:
    greedy = mean_rate(make_intra_policy("greedy", CONTEXT, 0))
    assert mean_rate(train("madqn", 4_000, seed=1)) < 0.5 * greedy


def test_heuristics_stand_in_order_below_the_oracle() -> None:
    rng = np.random.default_rng(9)
    rates: dict[str, list[float]] = {name: [] for name in ("random", "greedy", "slnr")}
    best: list[float] = []
    policies = {name: make_intra_policy(name, CONTEXT, 0) for name in rates}
    for slot in range(60):
        snapshot = draw_snapshot(rng)
        observation = observe(snapshot, slot)
        best.append(oracle(snapshot, observation))
        for name, policy in policies.items():
            rates[name].append(float(etas(snapshot, observation, policy.decide(observation)).sum()))
    means = {name: np.mean(values) for name, values in rates.items()}
    assert means["random"] < 0.5 * means["greedy"]
    assert means["greedy"] < 0.90 * means["slnr"]
    assert 0.94 * np.mean(best) < means["slnr"] < 1.01 * np.mean(best)
