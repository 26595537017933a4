"""The learner: transitions as loop.md has them, an identity environment, bitwise determinism."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ran_emulator.state import SOURCE_DEFAULT
from xapps.slicing.intra.config import CONFIGS, PAPER, TUNED
from xapps.slicing.intra.policies import (
    DIFFERENCE_REWARD,
    LEARNING,
    make_intra_policy,
    network_layers,
    untrained_weights,
)
from xapps.slicing.intra.powers import dbm_level_w, linear_level_w
from xapps.slicing.networks import IntraWeights, argmax, forward, initial_weights, parameter_count, split_layers
from xapps.slicing.observation import SlotDecision, SlotOutcome
from xapps.slicing.options import AgentOptions
from xapps.slicing.replay import Replay

from .synthetic import BANDWIDTH_HZ, POWER_W, draw_snapshot, embb_context, execute, noise_w, observe

torch = pytest.importorskip("torch")

from xapps.slicing.intra import dqn  # noqa: E402 - needs torch

pytestmark = pytest.mark.torch

CONTEXT = embb_context(antennas=16)


def compiled_forward(layers: tuple[int, int, int, int], flat: np.ndarray, states: np.ndarray) -> np.ndarray:
    activations = np.zeros((3, max(layers[1:])), np.float32)
    values = []
    for state in states:
        forward(state, flat, np.array(layers), activations)
        values.append(activations[2, : layers[3]].copy())
    return np.array(values)


@pytest.mark.parametrize("layers", [(8, 64, 32, 640), (38, 64, 64, 40), (3, 5, 7, 2)])
def test_compiled_forward_is_the_torch_forward(layers: tuple[int, int, int, int]) -> None:
    rng = np.random.default_rng(1)
    flat = initial_weights(layers, rng)
    states = rng.normal(size=(200, layers[0])).astype(np.float32)
    network = dqn.QNetwork(layers)
    network.load_flat(flat)
    assert np.array_equal(network.to_flat(), flat)
    ours = compiled_forward(layers, flat, states)
    theirs = network(torch.from_numpy(states)).detach().numpy()
    assert np.allclose(ours, theirs, atol=1e-6)
    top = np.sort(theirs, axis=1)
    clear = top[:, -1] - top[:, -2] > 1e-5
    assert clear.mean() > 0.9
    assert all(argmax(q, len(q)) == t for q, t in zip(ours[clear], theirs[clear].argmax(axis=1), strict=True))


def test_ties_go_to_the_lowest_index_in_both() -> None:
    layers = (8, 64, 32, 20)
    flat = initial_weights(layers, np.random.default_rng(2))
    weights, biases = split_layers(layers, flat)[2]
    weights[:] = weights[:, 6:7]  # every output equal
    biases[:] = 0.25
    biases[:3] = -9.0
    states = np.random.default_rng(3).normal(size=(20, 8)).astype(np.float32)
    network = dqn.QNetwork(layers)
    network.load_flat(flat)
    values = network(torch.from_numpy(states)).detach()
    assert [argmax(q, 20) for q in compiled_forward(layers, flat, states)] == [3] * 20
    assert (values == values[:, 3:4]).sum(dim=1).tolist() == [17] * 20
    assert values.argmax(dim=1).tolist() == [3] * 20


def test_td_loss_is_eq_34() -> None:
    layers = (2, 3, 3, 4)
    rng = np.random.default_rng(4)
    network, target = dqn.QNetwork(layers), dqn.QNetwork(layers)
    flats = [initial_weights(layers, rng) for _ in range(2)]
    network.load_flat(flats[0])
    target.load_flat(flats[1])
    replay = Replay(10, 2)
    for k in range(10):
        state, following = rng.normal(size=(2, 2)).astype(np.float32)
        replay.append(state, k % 4, float(k), None if k % 3 == 0 else following)
    batch = replay.sample(6, np.random.default_rng(0))
    chosen = compiled_forward(layers, flats[0], batch.state)[np.arange(6), batch.action]
    bootstrap = compiled_forward(layers, flats[1], batch.next_state).max(axis=1) * ~batch.terminal
    expected = np.sum((batch.reward + 0.95 * bootstrap - chosen) ** 2) / (2 * 6)
    assert dqn.td_loss(network, target, batch, 0.95).item() == pytest.approx(expected, rel=1e-5)


def test_where_every_actions_reward_is_known_the_loss_is_the_mean_over_them() -> None:
    layers = (2, 3, 3, 4)
    rng = np.random.default_rng(4)
    network = dqn.QNetwork(layers)
    flat = initial_weights(layers, rng)
    network.load_flat(flat)
    replay = Replay(5, 2, 4)
    assert replay.mean_reward() == 0.0
    for k in range(7):
        state, reward = rng.normal(size=2).astype(np.float32), np.arange(4, dtype=np.float32) + 10 * k
        replay.append(state, k % 4, reward, None)
    assert replay.mean_reward() == pytest.approx(np.mean([10 * k + k % 4 for k in range(2, 7)]))
    batch = replay.sample(6, np.random.default_rng(0))
    expected = np.mean((batch.reward - compiled_forward(layers, flat, batch.state)) ** 2) / 2
    assert batch.reward.shape == (6, 4)
    assert dqn.td_loss(network, network, batch, 0.0).item() == pytest.approx(expected, rel=1e-5)


def test_replay_keeps_the_newest() -> None:
    replay = Replay(3, 1)
    assert replay.mean_reward() == 0.0
    for k in range(5):
        replay.append(np.array([k], np.float32), k, float(k), None)
    assert len(replay) == 3
    assert replay.mean_reward() == 3.0
    assert set(replay.sample(64, np.random.default_rng(0)).action.tolist()) == {2, 3, 4}


def outcome_of(slot: int, users: list[int], rates: list[float], source: int = 0) -> SlotOutcome:
    """What an outcome without learning detail says."""
    count = len(users)
    zeros = np.zeros(count, np.float32)
    return SlotOutcome(
        slot=slot,
        common_power_w=0.0,
        bandwidth_hz=BANDWIDTH_HZ,
        power_w=1.0,
        user_ids=np.array(users, np.uint16),
        beams=np.zeros(count, np.int16),
        private_power_w=zeros,
        common_sdnr=zeros,
        common_share=zeros,
        private_sdnr=zeros,
        private_rate=zeros,
        rate_bps=np.array(rates, np.float32),
        sent_bits=np.zeros(count, np.uint32),
        decision_source=np.full(count, source, np.uint8),
    )


class Frames:
    """Feeds a `madqn` learner, keeping the decision of the frame before."""

    def __init__(self, delay: int = 0) -> None:
        self.learner = dqn.IntraLearner("madqn", CONTEXT, seed=1, training_slots=1_000)
        self.policy = make_intra_policy("madqn", CONTEXT, seed=1)
        self.previous: SlotDecision | None = None
        self.delay = delay

    def send(self, slot: int, users: list[int], outcomes: list[SlotOutcome] | None = None) -> None:
        snapshot = draw_snapshot(np.random.default_rng(slot), len(users), 16)
        observation = observe(snapshot, slot, np.array(users, np.uint16), outcomes=outcomes)
        observation.decided_slot = slot + self.delay
        self.learner.on_frame(observation, self.previous)
        self.previous = self.policy.decide(observation)

    def stored(self) -> list[tuple[float, bool]]:
        """Reward and terminal of each stored transition, oldest first."""
        count = len(self.learner.replay)
        rows = self.learner.replay
        return [(float(rows._reward[k]), bool(rows._terminal[k])) for k in range(count)]


def rate_of(reward: float) -> float:
    return reward * BANDWIDTH_HZ


def test_a_users_next_observation_within_20_slots_is_the_next_state() -> None:
    frames = Frames()
    frames.send(100, [17, 18])
    frames.send(105, [17], [outcome_of(100, [17, 18], [rate_of(4), rate_of(6)])])
    assert frames.stored() == [(4.0, False)]
    frames.send(120, [18], [outcome_of(105, [17], [rate_of(5)])])
    assert frames.stored() == [(4.0, False), (6.0, False)]
    frames.send(126, [17], [outcome_of(120, [18], [rate_of(7)])])  # 21 slots after 105
    assert frames.stored() == [(4.0, False), (6.0, False), (5.0, True)]


def test_what_missing_frames_cut_off_has_not_ended() -> None:
    frames = Frames()
    frames.send(100, [17])
    frames.learner.cut_off(110)  # none is missing
    frames.send(110, [17], [outcome_of(100, [17], [rate_of(4)])])
    assert frames.stored() == [(4.0, False)]
    frames.learner.cut_off(1_100)
    frames.previous = None
    frames.send(1_100, [17], [outcome_of(110, [17], [rate_of(6)])])
    assert frames.stored() == [(4.0, False)]


def test_complete_transitions_are_stored_by_user_id() -> None:
    frames = Frames()
    frames.send(0, [20, 25, 30])
    frames.send(30, [30], [outcome_of(0, [20, 25, 30], [rate_of(3), rate_of(4), rate_of(5)])])
    assert frames.stored() == [(3.0, True), (4.0, True), (5.0, True)]


def test_fallbacks_and_silent_grants_leave_no_transition() -> None:
    frames = Frames()
    frames.send(0, [17, 18])
    frames.send(1, [17, 18], [outcome_of(0, [17, 18], [rate_of(4), rate_of(4)], SOURCE_DEFAULT)])
    frames.send(2, [17, 18], [outcome_of(1, [17, 18], [rate_of(4), 0.0])])
    frames.send(60, [17, 18], [outcome_of(2, [40], [rate_of(4)])])
    assert frames.stored() == [(4.0, False)]


def test_a_frame_without_a_decision_leaves_no_transition() -> None:
    frames = Frames()
    frames.send(0, [17])
    frames.previous = None
    frames.send(1, [17], [outcome_of(0, [17], [rate_of(4)])])
    frames.send(2, [17])
    assert frames.stored() == []


def test_under_a_control_delay_outcomes_find_the_slot_that_was_decided() -> None:
    frames = Frames(delay=2)
    frames.send(0, [17])  # decides 2
    frames.send(1, [17])  # decides 3
    frames.send(3, [17], [outcome_of(2, [17], [rate_of(4)])])
    assert frames.stored() == [(4.0, False)]
    frames.send(4, [17], [outcome_of(3, [17], [rate_of(9)])])
    assert frames.stored() == [(4.0, False), (9.0, False)]


def identity_learner(seed: int, frames: int) -> tuple[dqn.IntraLearner, list[bool], list[bytes]]:
    """One user whose last common share is a cue: one action a cue earns 10 bit/s/Hz, the others 1."""
    context = dataclasses.replace(embb_context(antennas=4), min_rate_bps=0.0)
    config = dataclasses.replace(PAPER, learning_rate=2e-3)
    learner = dqn.IntraLearner("madqn", context, seed, training_slots=21 * frames, config=config)
    policy = make_intra_policy("madqn", context, seed)
    rng = np.random.default_rng(seed)
    snapshot = draw_snapshot(rng, 1, 4)
    previous: SlotDecision | None = None
    outcomes: list[SlotOutcome] = []
    right: list[bool] = []
    published: list[bytes] = []
    for frame in range(frames):
        cue = int(rng.integers(2))
        last = np.zeros((1, 7), np.float32)
        last[0, 2] = 20.0 * cue
        slot = 21 * frame  # beyond the reach of a next state
        observation = observe(snapshot, slot, np.array([17], np.uint16), last_outcome=last, outcomes=outcomes)
        weights = learner.on_frame(observation, previous)
        if weights is not None:
            policy.load(weights)
            published.append(weights.to_bytes())
        previous = policy.decide(observation)
        assert previous.actions is not None
        right.append(int(previous.actions[0]) == (16 if cue else 3))
        outcomes = [outcome_of(slot, [17], [rate_of(10.0 if right[-1] else 1.0)])]
    return learner, right, published


RICH, POOR = 2, 3
"""Features of a user's last outcome that say which second step it is in; none: it is at the first."""


def two_steps(discount: float) -> tuple[dqn.IntraLearner, np.ndarray]:
    """A learner after 1,000 pairs of slots, and the states of start, rich and poor [3, features].

    At the start an action of the first half earns 1 and leads to rich, one of the second half 3 and leads to poor. In
    rich the second half earns 10, all else 1; then a pause ends the pair.
    """
    context = dataclasses.replace(embb_context(antennas=4), min_rate_bps=0.0)
    pairs = 1_000
    changed: dict[str, Any] = {"learning_rate": 2e-3, "epsilon_end": 0.3, "discount": discount, "target_period": 50}
    config = dataclasses.replace(PAPER, **changed)
    learner = dqn.IntraLearner("madqn", context, 3, training_slots=22 * pairs, config=config)
    policy = make_intra_policy("madqn", context, 3)
    half = network_layers("madqn", 4)[3] // 2
    snapshot = draw_snapshot(np.random.default_rng(3), 1, 4)
    users = np.array([17], np.uint16)
    outcomes: list[SlotOutcome] = []
    previous: SlotDecision | None = None
    states = {}

    def step(slot: int, feature: int | None) -> bool:
        """One frame; whether its action is of the second half."""
        nonlocal previous
        last = np.zeros((1, 7), np.float32)
        if feature is not None:
            last[0, feature] = 20.0
        observation = observe(snapshot, slot, users, last_outcome=last, outcomes=list(outcomes))
        states[feature] = learner._states(observation)[0]
        weights = learner.on_frame(observation, previous)
        if weights is not None:
            policy.load(weights)
        previous = policy.decide(observation)
        assert previous.actions is not None
        return bool(previous.actions[0] >= half)

    for pair in range(pairs):
        slot = 22 * pair  # beyond the reach of a next state
        late = step(slot, None)
        outcomes[:] = [outcome_of(slot, [17], [rate_of(3.0 if late else 1.0)])]
        best = step(slot + 1, POOR if late else RICH) and not late
        outcomes[:] = [outcome_of(slot + 1, [17], [rate_of(10.0 if best else 1.0)])]
    return learner, np.array([states[feature] for feature in (None, RICH, POOR)])


@pytest.mark.parametrize(("discount", "start"), [(0.0, (1.0, 3.0)), (0.8, (1.0 + 0.8 * 10.0, 3.0 + 0.8 * 1.0))])
def test_what_the_next_step_earns_counts_as_far_as_it_is_discounted(
    discount: float, start: tuple[float, float]
) -> None:
    learner, states = two_steps(discount)
    layers = network_layers("madqn", 4)
    values = compiled_forward(layers, learner.weights.flat, states).reshape(3, 2, -1)
    assert values.max(axis=2)[0] == pytest.approx(start, rel=0.15)
    assert values.max(axis=2)[1:] == pytest.approx(np.array([[1.0, 10.0], [1.0, 1.0]]), rel=0.15)


def test_an_identity_environment_is_solved() -> None:
    _, right, _ = identity_learner(seed=3, frames=3_000)
    assert np.mean(right[:300]) < 0.2
    assert np.mean(right[-300:]) > 0.93


def test_equal_frames_and_seed_give_bitwise_equal_weights() -> None:
    _, _, once = identity_learner(seed=4, frames=600)
    _, _, again = identity_learner(seed=4, frames=600)
    _, _, other = identity_learner(seed=5, frames=600)
    assert len(once) > 300
    assert once == again
    assert once[-1] != other[-1]


def test_versions_epsilon_and_stats() -> None:
    learner, _, published = identity_learner(seed=6, frames=1_000)
    assert learner.stats.updates == len(published) == learner.weights.version
    assert learner.stats.epsilon == pytest.approx(0.01)
    assert learner.stats.loss > 0
    halfway = IntraWeights.from_bytes(published[0], "")
    started = 21 * (1_000 - len(published))
    assert halfway.epsilon == pytest.approx(0.01 ** (started / (0.5 * 21_000)), rel=1e-3)


def test_weights_that_act_are_a_mean_over_the_updates() -> None:
    def published(averaging: float) -> list[np.ndarray]:
        config = dataclasses.replace(TUNED, averaging=averaging, learning_starts=32)
        learner = dqn.IntraLearner("madqn-tuned", CONTEXT, 1, training_slots=1_000, config=config)
        rng = np.random.default_rng(0)
        policy = make_intra_policy("madqn-tuned", CONTEXT, 1)  # never loads: the frames are the same for both
        previous: SlotDecision | None = None
        outcomes: list[SlotOutcome] = []
        versions: list[np.ndarray] = []
        for slot in range(60):
            snapshot = draw_snapshot(rng, 3, 16)
            observation = observe(snapshot, slot, outcomes=outcomes)
            weights = learner.on_frame(observation, previous)
            if weights is not None:
                versions.append(weights.flat)
            previous = policy.decide(observation)
            outcomes = [execute(snapshot, observation, previous)]
        return versions

    last, mean = published(0.0), published(0.8)
    assert len(last) == len(mean) > 20
    expected = last[0]
    for update, flat in enumerate(last[1:], start=2):
        expected = expected + max(0.2, 10 / (9 + update)) * (flat - expected)
    np.testing.assert_allclose(mean[-1], expected, atol=1e-6)


@pytest.mark.parametrize("wrong", [{"discount": 0.5}, {"difference_reward": False}])
def test_every_actions_reward_needs_a_bandit(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="all_actions: needs difference_reward, and discount 0"):
        dataclasses.replace(TUNED, **wrong)


def test_going_on_from_trained_weights_keeps_their_epsilon() -> None:
    weights = dataclasses.replace(untrained_weights("madqn-tuned", CONTEXT, 1), epsilon=0.02, version=7)
    learner = dqn.IntraLearner("madqn-tuned", CONTEXT, 1, training_slots=100, weights=weights)
    policy = make_intra_policy("madqn-tuned", CONTEXT, 1, weights)
    rng = np.random.default_rng(0)
    previous: SlotDecision | None = None
    outcomes: list[SlotOutcome] = []
    newest: IntraWeights | None = None
    first: IntraWeights | None = None
    for slot in range(0, 21 * 150, 21):
        snapshot = draw_snapshot(rng, 3, 16)
        observation = observe(snapshot, slot, outcomes=outcomes)
        newest = learner.on_frame(observation, previous) or newest
        first = first or newest
        previous = policy.decide(observation)
        outcomes = [execute(snapshot, observation, previous)]
    assert newest is not None
    assert first is not None
    # An update moves each weight by the learning rate at most, of which a thousandth enters the mean.
    assert 0 < np.abs(first.flat - weights.flat).max() < 1.1e-3 * learner.config.learning_rate
    assert newest.epsilon == 0.02
    assert newest.version == 7 + learner.stats.updates


def test_a_difference_reward_reckons_with_what_held_in_the_executed_slot() -> None:
    def rewards(kappa_in_frame: float, kappa_in_outcome: float) -> list[list[float]]:
        learner = dqn.IntraLearner("madqn-tuned", CONTEXT, 1, training_slots=100)
        policy = make_intra_policy("madqn-tuned", CONTEXT, 1, untrained_weights("madqn-tuned", CONTEXT, 1))
        snapshot = draw_snapshot(np.random.default_rng(3), 4, 16)
        observation = observe(snapshot, 0)
        learner.on_frame(observation, None)
        decision = policy.decide(observation)
        outcome = execute(snapshot, observation, decision)
        assert outcome.learning_detail is not None
        outcome.learning_detail.kappa_t = outcome.learning_detail.kappa_r = kappa_in_outcome
        learner.on_frame(observe(snapshot, 30, kappa=kappa_in_frame, outcomes=[outcome]), decision)
        earned: list[list[float]] = learner.replay._reward[: len(learner.replay)].tolist()
        return earned

    first = rewards(1e-3, 1e-3)
    assert len(first) == 4
    assert rewards(0.3, 1e-3) == first
    assert rewards(1e-3, 0.3) != first


@pytest.mark.parametrize(
    ("options", "level_w"),
    [
        (AgentOptions(), dbm_level_w),
        (AgentOptions(power_scale="linear"), linear_level_w),
        (AgentOptions(action="rest_own_level"), dbm_level_w),
        (AgentOptions(state="user"), dbm_level_w),
    ],
)
def test_users_that_were_silent_keep_their_power_when_actions_are_judged(
    options: AgentOptions, level_w: Callable[[float, float, int], float]
) -> None:
    def reward(served: int) -> np.ndarray:
        """Of the first user of three, of which so many still had something to send."""
        learner = dqn.IntraLearner("madqn-tuned", CONTEXT, 1, training_slots=100, options=options)
        policy = make_intra_policy("madqn-tuned", CONTEXT, 1, options=options)
        snapshot = draw_snapshot(np.random.default_rng(3), 3, 16)
        observation = observe(snapshot, 0)
        learner.on_frame(observation, None)
        decision = policy.decide(observation)
        outcome = execute(snapshot, observation, decision)
        fields = {f.name: getattr(outcome, f.name) for f in dataclasses.fields(outcome)}
        detail = fields["learning_detail"]
        cut: dict[str, Any] = {name: value[:served] for name, value in fields.items() if isinstance(value, np.ndarray)}
        names = ("beam_gains", "common_gain", "channel_gain")
        cut["learning_detail"] = dataclasses.replace(detail, **{name: getattr(detail, name)[:served] for name in names})
        learner.on_frame(observe(snapshot, 30, outcomes=[dataclasses.replace(outcome, **cut)]), decision)
        assert len(learner.replay) == served
        of_first: np.ndarray = learner.replay._reward[0].reshape(8, 5).copy()
        return of_first

    alone = reward(1)
    # The highest level is P_s / 3 although one alone transmits: the rest of the power is not its own.
    levels = [level_w(level / 4, float(np.float32(POWER_W)), 3) for level in range(5)]
    rest = [POWER_W - 3 * level for level in levels]
    snapshot = draw_snapshot(np.random.default_rng(3), 3, 16)
    beams = make_intra_policy("madqn-tuned", CONTEXT, 1)
    decision = beams.decide(observe(snapshot, 0))
    assert decision.actions is not None
    beam = int(beams.parameters.ranked[0, 0])
    gain, common = float(snapshot.beam_gains[0, beam]), float(snapshot.common_gain[0])
    spread = float(snapshot.channel_gain[0]) / 16
    earned = []
    for level, common_w in zip(levels, rest, strict=True):
        own = gain * level
        private = np.log2(1 + own / (1e-3 * (spread + gain) * level + noise_w()))
        shared = np.log2(1 + common * common_w / (own + 1e-3 * (spread + common) * common_w + noise_w()))
        earned.append(private + shared)
    np.testing.assert_allclose(np.diff(alone[0]), np.diff(earned) / 10, atol=1e-4)


def test_every_kth_frame_updates() -> None:
    config = dataclasses.replace(PAPER, frames_per_update=4, learning_starts=1)
    learner = dqn.IntraLearner("madqn", CONTEXT, 1, 1_000, config=config)
    policy = make_intra_policy("madqn", CONTEXT, 1)
    previous: SlotDecision | None = None
    outcomes: list[SlotOutcome] = []
    updates: list[bool] = []
    for slot in range(40):
        observation = observe(
            draw_snapshot(np.random.default_rng(slot), 1, 16), slot, np.array([17], np.uint16), outcomes=outcomes
        )
        updates.append(learner.on_frame(observation, previous) is not None)
        previous = policy.decide(observation)
        outcomes = [outcome_of(slot, [17], [rate_of(2)])]
    assert sum(updates) == 10
    assert all(k % 4 == 3 for k, updated in enumerate(updates) if updated)


def test_who_learns_from_difference_rewards_is_known_without_torch() -> None:
    assert tuple(name for name, config in CONFIGS.items() if config.difference_reward) == DIFFERENCE_REWARD
    assert tuple(CONFIGS) == LEARNING


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="'greedy' does not learn"):
        dqn.IntraLearner("greedy", CONTEXT, 1, 1)
    with pytest.raises(ValueError, match="all_actions: only madqn-tuned learns"):
        dqn.IntraLearner("madqn", CONTEXT, 1, 1, config=TUNED)
    with pytest.raises(ValueError, match="training_slots: 0"):
        dqn.IntraLearner("madqn", CONTEXT, 1, 0)
    with pytest.raises(ValueError, match="access: madqn-tuned learns under rsma or sdma, not ofdma"):
        dqn.IntraLearner("madqn-tuned", dataclasses.replace(CONTEXT, access="ofdma"), 1, 1)
    with pytest.raises(ValueError, match="precoder: madqn-tuned learns under codebook, not zf"):
        dqn.IntraLearner("madqn-tuned", dataclasses.replace(CONTEXT, precoder="zf"), 1, 1)
    dqn.IntraLearner("madqn", dataclasses.replace(CONTEXT, access="ofdma", precoder="zf"), 1, 1)
    wrong = dataclasses.replace(untrained_weights("madqn", CONTEXT, 1), flat=np.zeros(2, np.float32))
    expected = parameter_count(network_layers("madqn", 16))
    with pytest.raises(ValueError, match=f"expected {expected} numbers"):
        dqn.IntraLearner("madqn", CONTEXT, 1, 1, weights=wrong)
    learner = dqn.IntraLearner("madqn-tuned", CONTEXT, 1, 1)
    snapshot = draw_snapshot(np.random.default_rng(0), 1, 16)
    decision = make_intra_policy("madqn-tuned", CONTEXT, 1).decide(observe(snapshot))
    learner.on_frame(observe(snapshot), None)
    with pytest.raises(ValueError, match="slot 0: learning detail is missing"):
        learner.on_frame(observe(snapshot, 1, outcomes=[outcome_of(0, [17], [1.0])]), decision)
