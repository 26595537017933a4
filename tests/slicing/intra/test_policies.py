"""Decisions of every policy: constraints for anything, closed forms, keyed draws."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xapps.slicing.intra.names import INTRA_POLICIES
from xapps.slicing.intra.policies import KINDS, IntraPolicy, make_intra_policy, untrained_weights
from xapps.slicing.intra.powers import dbm_level_w, float32_at_most, linear_level_w
from xapps.slicing.networks import IntraWeights, forward
from xapps.slicing.observation import SlotObservation

from .synthetic import POWER_W, draw_snapshot, embb_context, noise_w, observe

NAMES = (*KINDS, "random:best", "equal:random")
CONTEXT = embb_context(antennas=16)
POLICIES = {name: make_intra_policy(name, CONTEXT, seed=7) for name in NAMES}


def test_every_policy_that_can_be_named_exists() -> None:
    assert tuple(KINDS) == INTRA_POLICIES


FULL = embb_context()


def with_random_weights(policy: IntraPolicy, rng: np.random.Generator, epsilon: float) -> None:
    if policy.learns:
        flat = rng.normal(0, 3, policy.parameters.weights.shape).astype(np.float32)
        policy.load(IntraWeights(1, epsilon, flat, "random"))


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    users=st.integers(1, 8),
    power_w=st.floats(2**-20, 2**17, width=32),
    gain_exponent=st.floats(-30, 3),
    epsilon=st.floats(0, 1),
    seed=st.integers(0, 2**32),
    slot=st.integers(0, 2**40),
)
def test_any_decision_keeps_c7_to_c10(
    name: str, users: int, power_w: float, gain_exponent: float, epsilon: float, seed: int, slot: int
) -> None:
    rng = np.random.default_rng(seed)
    policy = POLICIES[name]
    with_random_weights(policy, rng, epsilon)
    snapshot = draw_snapshot(rng, users, antennas=16)
    snapshot.beam_gains *= np.float32(10**gain_exponent)
    last = rng.exponential(100, (users, 7)).astype(np.float32)
    observation = observe(snapshot, slot, power_w=power_w, last_outcome=last)
    decision = policy.decide(observation)
    private_w = decision.private_power_w.astype(np.float64)
    assert decision.private_power_w.dtype == np.float32
    assert decision.beams.dtype == np.int16
    assert np.isfinite(private_w).all()
    assert (private_w >= 0).all()
    assert private_w.sum() <= observation.power_w
    assert ((decision.beams >= 0) & (decision.beams < 16)).all()
    if decision.common_power_w is not None:
        assert decision.common_power_w == float(np.float32(decision.common_power_w))
        assert decision.common_power_w >= 0
        assert private_w.sum() + decision.common_power_w <= observation.power_w


@given(st.floats(0, 1e6))
def test_rounding_never_goes_up(value: float) -> None:
    rounded = float32_at_most(value)
    assert rounded == float(np.float32(rounded))
    assert rounded <= value
    assert float(np.nextafter(np.float32(rounded), np.float32(np.inf))) > value


def test_levels() -> None:
    assert [linear_level_w(level / 4, 8.0, 2) for level in range(5)] == [0, 2, 4, 4, 4]
    levels_dbm = [10 * np.log10(dbm_level_w(level / 4, POWER_W, 1)) + 30 for level in range(5)]
    assert np.allclose(levels_dbm, 55.2288 * np.arange(5) / 4, atol=1e-3)
    assert dbm_level_w(1.0, POWER_W, 3) == pytest.approx(POWER_W / 3)


def test_greedy_and_equal_are_their_closed_forms() -> None:
    observation = observe(draw_snapshot(np.random.default_rng(1), 3))
    best = observation.beam_gains.argmax(axis=1)
    greedy = make_intra_policy("greedy", FULL, 0).decide(observation)
    assert np.array_equal(greedy.beams, best)
    assert greedy.common_power_w == 0.0
    assert greedy.private_power_w == pytest.approx(observation.power_w / 3)
    equal = make_intra_policy("equal", FULL, 0).decide(observation)
    assert np.array_equal(equal.beams, best)
    assert equal.common_power_w == pytest.approx(observation.power_w / 4)
    assert equal.private_power_w == pytest.approx(observation.power_w / 4)
    assert greedy.actions is None


def test_slnr_puts_all_but_1e_4_on_the_common_stream() -> None:
    observation = observe(draw_snapshot(np.random.default_rng(1), 4))
    decision = make_intra_policy("slnr", FULL, 0).decide(observation)
    assert decision.common_power_w is None
    assert decision.private_power_w.sum() == pytest.approx(1e-4 * observation.power_w)


@pytest.mark.parametrize(("name", "loss"), [("zf-split", 128), ("zf-split-mrt", 4)])
def test_zf_split_promises_the_best_sum_on_its_grid(name: str, loss: int) -> None:
    snapshot = draw_snapshot(np.random.default_rng(1), 4)
    gain = snapshot.beam_gains.sum(axis=1).astype(np.float64)  # ||h||^2
    policy = make_intra_policy(name, FULL, 0)

    def promised(share: float, kappa: float, aggregate: bool) -> float:
        private, common = share * POWER_W / 4, (1 - share) * POWER_W
        own, heard = gain * private, gain / loss * common
        in_private, in_common = (kappa / 128 + kappa) * own, kappa * (gain / 128 * common + heard)
        if aggregate:
            # Each antenna's distortion of every stream, and the receiver's of all that it hears.
            in_private = in_common = kappa * (gain / 128 * (4 * private + common) + own + heard)
        rate = np.log2(1 + own / (in_private + noise_w())).sum()
        return float(rate + np.log2(1 + heard / (own + in_common + noise_w())).min())

    shares = 10.0 ** (-0.5 * np.arange(17))
    for kappa in (0.0, 1e-4, 1e-3, 1e-2):
        for model in (0, 1):
            observation = dataclasses.replace(observe(snapshot, kappa=kappa), hwi_model=model)
            decision = policy.decide(observation)
            best = shares[int(np.argmax([promised(share, kappa, model == 1) for share in shares]))]
            assert decision.private_power_w.sum() / observation.power_w == pytest.approx(best, rel=1e-5)
            assert decision.common_power_w is None
            if loss == 128 and (kappa == 0 or model == 1):  # nothing to win on the common stream
                assert best == 1.0


def test_slnr_avoids_the_beam_that_hits_a_victim() -> None:
    gains = np.full((2, 16), 1e-12, np.float32)
    gains[0, 3], gains[0, 4] = 1e-8, 0.9e-8
    gains[1, 3], gains[1, 9] = 0.5e-8, 1e-8
    observation = observe(dataclasses.replace(draw_snapshot(np.random.default_rng(0), 2, 16), beam_gains=gains))
    assert POLICIES["slnr"].decide(observation).beams.tolist() == [4, 9]
    assert POLICIES["greedy"].decide(observation).beams.tolist() == [3, 9]


def test_random_draws_belong_to_slot_and_user() -> None:
    policy = POLICIES["random"]
    snapshot = draw_snapshot(np.random.default_rng(2), 4, 16)
    together = policy.decide(observe(snapshot, slot=50))
    policy.decide(observe(snapshot, slot=51))
    again = make_intra_policy("random", CONTEXT, seed=7).decide(observe(snapshot, slot=50))
    assert np.array_equal(together.beams, again.beams)
    alone = dataclasses.replace(snapshot, beam_gains=snapshot.beam_gains[2:3])
    single = policy.decide(observe(alone, slot=50, user_ids=np.array([19], np.uint16)))
    assert single.beams[0] == together.beams[2]
    other = make_intra_policy("random", CONTEXT, seed=8)
    assert any(
        not np.array_equal(
            other.decide(observe(snapshot, slot=s)).beams, policy.decide(observe(snapshot, slot=s)).beams
        )
        for s in range(5)
    )


def test_random_beams_and_levels_are_uniform() -> None:
    policy = POLICIES["random"]
    snapshot = draw_snapshot(np.random.default_rng(2), 1, 16)
    beams, powers = [], []
    for slot in range(8_000):
        decision = policy.decide(observe(snapshot, slot))
        beams.append(int(decision.beams[0]))
        powers.append(float(decision.private_power_w[0]))
    counts = np.bincount(beams, minlength=16)
    assert ((counts - 500) ** 2 / 500).sum() < 45  # chi-squared, 15 degrees of freedom: 1e-4
    _, counts = np.unique(powers, return_counts=True)
    assert ((counts - 1_600) ** 2 / 1_600).sum() < 24  # 4 degrees of freedom


def exploring(name: str, epsilon: float) -> tuple[IntraPolicy, IntraPolicy]:
    """An untrained agent, and the same that does not explore."""
    policy = make_intra_policy(name, CONTEXT, seed=3)
    policy.load(dataclasses.replace(untrained_weights(name, CONTEXT, 3), epsilon=epsilon))
    frozen = make_intra_policy(name, CONTEXT, seed=3)
    frozen.freeze()
    return policy, frozen


def test_exploration_happens_at_its_rate_and_actions_decode() -> None:
    policy, frozen = exploring("madqn", 0.3)
    snapshot = draw_snapshot(np.random.default_rng(5), 2, 16)
    greedy_actions = frozen.decide(observe(snapshot)).actions
    assert greedy_actions is not None
    explored = 0
    for slot in range(2_000):
        decision = policy.decide(observe(snapshot, slot))
        assert decision.actions is not None
        explored += int((decision.actions != greedy_actions).sum())
        wanted = [linear_level_w(int(a) % 5 / 4, float(np.float32(POWER_W)), 2) for a in decision.actions]
        assert decision.private_power_w.tolist() == wanted
        assert np.array_equal(decision.beams, decision.actions // 5)
    outputs = int(policy.parameters.layers[3])
    rate = 0.3 * (1 - 1 / outputs)
    assert explored / 4_000 == pytest.approx(rate, abs=4 * (rate * (1 - rate) / 4_000) ** 0.5)


def test_the_tuned_group_explores_one_level_and_each_user_its_beam() -> None:
    policy, frozen = exploring("madqn-tuned", 0.3)
    snapshot = draw_snapshot(np.random.default_rng(5), 2, 16)
    usual = frozen.decide(observe(snapshot)).actions
    assert usual is not None
    other_levels = 0
    other_beams = 0
    same_level = 0
    for slot in range(4_000):
        actions = policy.decide(observe(snapshot, slot)).actions
        assert actions is not None
        assert len({int(action) % 5 for action in actions}) == 1
        if actions[0] % 5 == usual[0] % 5:
            same_level += 1
            other_beams += int((actions // 5 != usual // 5).sum())
        else:
            other_levels += 1
    for seen, of, rate in ((other_levels, 4_000, 0.3 * 4 / 5), (other_beams, 2 * same_level, 0.3 * 7 / 8)):
        assert seen / of == pytest.approx(rate, abs=4 * (rate * (1 - rate) / of) ** 0.5)


@pytest.mark.parametrize("users", [1, 2, 5, 8])
def test_the_tuned_group_takes_the_level_that_is_worth_most_to_all(users: int) -> None:
    policy = make_intra_policy("madqn-tuned", CONTEXT, seed=users)
    rng = np.random.default_rng(users)
    levels_seen = set()
    for slot in range(40):
        with_random_weights(policy, rng, epsilon=0.0)
        decision = policy.decide(observe(draw_snapshot(np.random.default_rng(slot), users, 16), slot))
        parameters = policy.parameters
        values = np.zeros((users, 8, 5))
        for u in range(users):
            forward(parameters.features[u], parameters.weights, parameters.layers, parameters.activations)
            values[u] = parameters.activations[2, :40].reshape(8, 5)
        level = int(values.max(axis=1).sum(axis=0).argmax())
        levels_seen.add(level)
        candidates = values[:, :, level].argmax(axis=1)
        assert decision.actions is not None
        assert decision.actions.tolist() == (candidates * 5 + level).tolist()
        assert decision.beams.tolist() == [parameters.ranked[u, c] for u, c in enumerate(candidates)]
        level_w = dbm_level_w(level / 4, float(np.float32(POWER_W)), users)
        assert decision.private_power_w.tolist() == [level_w] * users
    assert len(levels_seen) > 1


@pytest.mark.parametrize("name", list(KINDS))
def test_read_only_arrays_decide_the_same(name: str) -> None:
    observation = observe(draw_snapshot(np.random.default_rng(4), 3, 16), slot=9)
    read_only = dataclasses.replace(
        observation,
        beam_gains=np.frombuffer(b"\0" + observation.beam_gains.tobytes(), "<f4", offset=1).reshape(3, 16),
        user_ids=np.frombuffer(observation.user_ids.tobytes(), "<u2"),
    )
    one, other = POLICIES[name].decide(observation), POLICIES[name].decide(read_only)
    assert np.array_equal(one.beams, other.beams)
    assert np.array_equal(one.private_power_w, other.private_power_w)
    assert one.common_power_w == other.common_power_w


def test_a_policy_of_another_slice_draws_differently() -> None:
    snapshot = draw_snapshot(np.random.default_rng(2), 4, 16)
    other = make_intra_policy("random", dataclasses.replace(CONTEXT, slice_id=2), seed=7)
    beams = [
        (POLICIES["random"].decide(o).beams, other.decide(o).beams) for o in (observe(snapshot, s) for s in range(5))
    ]
    assert any(not np.array_equal(one, two) for one, two in beams)


def test_bad_input_is_refused_and_changes_nothing() -> None:
    with pytest.raises(ValueError, match=r"'nonsense' is none of madqn, madqn-tuned"):
        make_intra_policy("nonsense", CONTEXT, 0)
    with pytest.raises(ValueError, match="greedy:random"):
        make_intra_policy("greedy:random", CONTEXT, 0)
    with pytest.raises(ValueError, match="seed: -1"):
        make_intra_policy("greedy", CONTEXT, -1)
    with pytest.raises(ValueError, match="greedy has no network"):
        POLICIES["greedy"].load(untrained_weights("madqn", CONTEXT, 0))
    policy = make_intra_policy("madqn-tuned", CONTEXT, 0)
    before = policy.parameters.weights.copy()
    for flat in (np.zeros(3, np.float32), np.full_like(before, np.nan)):
        with pytest.raises(ValueError, match=f"expected {before.size} finite"):
            policy.load(IntraWeights(1, 0.5, flat, "wrong"))
    with pytest.raises(ValueError, match=r"epsilon 1\.5 must be 0\.\.1"):
        policy.load(IntraWeights(1, 1.5, before, "wrong"))
    assert np.array_equal(policy.parameters.weights, before)
    assert policy.version == 0


def test_groups_that_do_not_fit_are_refused() -> None:
    def resized(observation: SlotObservation, users: int) -> SlotObservation:
        return dataclasses.replace(observation, user_ids=np.arange(users, dtype=np.uint16))

    observation = observe(draw_snapshot(np.random.default_rng(4), 3, 16))
    for users in (0, 9):
        with pytest.raises(ValueError, match=rf"user_ids: {users} users, must be 1\.\.8"):
            POLICIES["greedy"].decide(resized(observation, users))
    with pytest.raises(ValueError, match="beam_gains"):
        POLICIES["greedy"].decide(resized(observation, 2))
