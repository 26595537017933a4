"""Compact observations: reports by their definition, and the decisions of the codebook where candidates coincide."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ran_emulator.phy.beam_reports import BEAM_REPORT, BeamReporter
from xapps.slicing.intra.decision import observe as observe_group
from xapps.slicing.intra.policies import IntraPolicy, make_intra_policy
from xapps.slicing.networks import IntraWeights
from xapps.slicing.observation import SlotObservation
from xapps.slicing.options import AgentOptions

from .synthetic import draw_snapshot, embb_context, observe

COMPACT = AgentOptions(observation="compact")


def compacted(observation: SlotObservation) -> SlotObservation:
    count = len(observation.user_ids)
    reports = BeamReporter().reports(count, observation.last_outcome, observation.beam_gains).copy()
    return dataclasses.replace(observation, beam_gains=observation.beam_gains[:, :0], beam_reports=reports)


def drawn(rng: np.random.Generator, users: int, antennas: int, slot: int = 0) -> SlotObservation:
    last = rng.exponential(10, (users, 7)).astype(np.float32)
    last[:, 5] = rng.integers(0, antennas, users)
    return observe(draw_snapshot(rng, users, antennas), slot, last_outcome=last)


@pytest.mark.parametrize("users", [1, 2, 5, 8])
def test_a_report_is_what_its_definition_says(users: int) -> None:
    rng = np.random.default_rng(users)
    observation = drawn(rng, users, 128)
    gains = observation.beam_gains
    reports = compacted(observation).beam_reports
    assert reports is not None
    assert reports.dtype == BEAM_REPORT
    assert reports.nbytes == 120 * users
    relative = gains.astype(np.float64) / gains.max(axis=1, keepdims=True)
    for u in range(users):
        order = np.argsort(-gains[u], kind="stable")[:8]
        others = [j for j in range(users) if j != u]
        assert reports[u]["beams"].tolist() == order.tolist()
        assert reports[u]["gains"].tolist() == gains[u, order].tolist()
        np.testing.assert_allclose(reports[u]["leakage"], relative[others][:, order].sum(axis=0), rtol=1e-6)
        worst = relative[others][:, order].max(axis=0, initial=0.0)
        np.testing.assert_allclose(reports[u]["worst_leakage"], worst, rtol=1e-6)
        best = gains.argmax(axis=1)
        assert reports[u]["incoming"] == pytest.approx(sum(relative[u, best[j]] for j in others), rel=1e-6)
        assert reports[u]["last_beam_gain"] == gains[u, int(observation.last_outcome[u, 5])]


def both(name: str, antennas: int, rng: np.random.Generator) -> tuple[IntraPolicy, IntraPolicy]:
    context = embb_context(antennas=antennas)
    whole, compact = (make_intra_policy(name, context, 3, options=options) for options in (AgentOptions(), COMPACT))
    if whole.learns:
        flat = rng.normal(0, 0.3, whole.parameters.weights.shape).astype(np.float32)
        for policy in (whole, compact):
            policy.load(IntraWeights(1, 0.0, flat, "drawn"))
    return whole, compact


def features(policy: IntraPolicy, observation: SlotObservation) -> np.ndarray:
    """Of the group that it decided last."""
    count = len(observation.user_ids)
    gains = np.zeros((8, policy.context.beams), np.float32)
    if not policy.parameters.compact:
        gains[:count] = observation.beam_gains
    last = np.zeros((8, 7), np.float32)
    last[:count] = observation.last_outcome
    impairments = (int(observation.hwi_model), float(observation.kappa_t), float(observation.kappa_r))
    budget = (float(observation.power_w), float(observation.noise_w))
    observe_group(policy.kind, policy.parameters, *budget, *impairments, count, last, gains)
    return policy.parameters.features[:count].copy()


@pytest.mark.parametrize("name", ["madqn", "madqn-tuned", "slnr", "greedy", "equal", "random", "zf-split"])
def test_decisions_are_the_same_where_the_eight_candidates_coincide(name: str) -> None:
    rng = np.random.default_rng(5)
    whole, compact = both(name, 8, rng)  # of eight beams all are candidates
    for slot in range(300):
        observation = drawn(rng, 1 + slot % 8, 8, slot)
        seen = compacted(observation)
        one, other = whole.decide(observation), compact.decide(seen)
        assert one.beams.tolist() == other.beams.tolist()
        assert one.private_power_w == pytest.approx(other.private_power_w, rel=1e-6)
        assert one.common_power_w == other.common_power_w
        if name == "madqn-tuned":
            np.testing.assert_allclose(features(whole, observation), features(compact, seen), atol=1e-6)


def test_over_the_whole_codebook_the_same_holds_wherever_they_coincide() -> None:
    rng = np.random.default_rng(6)
    whole, compact = both("madqn-tuned", 128, rng)
    coincided = 0
    for slot in range(400):
        observation = drawn(rng, 1 + slot % 3, 128, slot)
        seen = compacted(observation)
        one, other = whole.decide(observation), compact.decide(seen)
        assert seen.beam_reports is not None
        count = len(observation.user_ids)
        same = [
            set(whole.parameters.ranked[u].tolist()) == set(seen.beam_reports[u]["beams"].tolist())
            for u in range(count)
        ]
        coincided += sum(same)
        for u in np.flatnonzero(same):
            assert one.beams[u] == other.beams[u]
            assert one.private_power_w[u] == other.private_power_w[u]
    assert coincided > 130  # each user alone, and others


def test_an_observation_without_reports_is_refused() -> None:
    policy = make_intra_policy("madqn-tuned", embb_context(antennas=16), 1, options=COMPACT)
    observation = drawn(np.random.default_rng(1), 3, 16)
    with pytest.raises(ValueError, match=r"beam_reports: 0 for 3 users"):
        policy.decide(observation)
    seen = compacted(observation)
    assert seen.beam_reports is not None
    with pytest.raises(ValueError, match=r"beam_reports: 2 for 3 users"):
        policy.decide(dataclasses.replace(seen, beam_reports=seen.beam_reports[:2]))
    policy.decide(seen)
