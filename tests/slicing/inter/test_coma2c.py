"""Decisions of CoMA2C without torch: state, gating, sampling, memory, weights."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from second_reports import ReportFactory

from ran_emulator.phy.codes import HWI_AGGREGATE, HWI_PAPER
from xapps.slicing.inter.actions import bandwidth_grid, power_actions
from xapps.slicing.inter.base import InterPolicyError, InterWeights
from xapps.slicing.inter.coma2c import (
    AGENT_NAMES,
    COMA2C_CONFIGS,
    CORE_UNITS,
    PRINTED,
    SINGLE,
    TUNED,
    TUNED_LSTM,
    ActorNetwork,
    CoMA2C,
    CoMA2CConfig,
    action_counts,
    initial_weights,
    output_counts,
    outputs_taken,
    sample_action,
    state_features,
    team_reward,
)
from xapps.slicing.inter.seconds import ReportError
from xapps.slicing.observation import BudgetContext, Budgets, SecondReport

BASE = (212, 5_500, 278)


def walk(report: ReportFactory, rng: np.random.Generator, seconds: int, first_second: int = 1) -> list[SecondReport]:
    """Reports of random loads and outcomes."""
    return [
        report(first_second + i, rng.integers(1, 9_000, 3), rng.random(3), float(rng.uniform(0, 40)))
        for i in range(seconds)
    ]


def test_one_agent_for_both_resources_names_each_pair_once(report: ReportFactory, context: BudgetContext) -> None:
    counts = action_counts(context)
    assert output_counts(SINGLE, counts) == (150,)
    taken = [outputs_taken(SINGLE, counts, (power, split)) for power in range(10) for split in range(15)]
    assert taken == [(output,) for output in range(150)]
    policy = CoMA2C(SINGLE, context, 1, weights_of(SINGLE, context, 1))
    seen = set()
    for second in walk(report, np.random.default_rng(3), 40):
        budgets = policy.on_second(second, triggered=True)
        assert policy.actions is not None
        power, split = policy.actions
        assert budgets == Budgets(bandwidth_grid(context)[split], power_actions(context)[power])
        seen.add(policy.actions)
    assert len(seen) > 1


def weights_of(config: CoMA2CConfig, context: BudgetContext, seed: int, **metadata: int) -> InterWeights:
    weights = initial_weights(config, action_counts(context), seed)
    # Ten times larger than drawn, so that actions differ from second to second.
    arrays = {name: (10 * array).astype(np.float32) for name, array in weights.arrays.items()}
    return InterWeights(arrays, {**weights.metadata, **metadata})


def test_printed_state_is_packets_and_tuned_their_logarithm(report: ReportFactory) -> None:
    assert state_features(report(1, BASE), PRINTED).tolist() == list(BASE)
    np.testing.assert_allclose(state_features(report(1, (200, 5_500, 280)), TUNED_LSTM), 0, atol=1e-7)
    np.testing.assert_allclose(state_features(report(1, (200, 0, 28)), TUNED_LSTM), [0, -np.log(5_500), np.log(0.1)])
    assert state_features(report(1, BASE), TUNED).dtype == np.float32


@pytest.mark.parametrize(
    ("hwi_model", "kappa_t", "kappa_r", "seen"),
    [
        (HWI_PAPER, 1e-4, 1.0, (0, 1, 0)),
        (HWI_AGGREGATE, 1e-8, 1e-6, (-1, -0.5, 1)),
        (HWI_AGGREGATE, 0.0, 0.0, (-1, -1, 0)),
    ],
)
def test_the_tuned_state_holds_the_impairments_too(
    report: ReportFactory, hwi_model: int, kappa_t: float, kappa_r: float, seen: tuple[float, ...]
) -> None:
    second = replace(report(1, BASE), hwi_model=hwi_model, kappa_t=kappa_t, kappa_r=kappa_r)
    features = state_features(second, TUNED)
    np.testing.assert_allclose(features[3:], seen, atol=1e-6)
    np.testing.assert_array_equal(features[:3], state_features(second, TUNED_LSTM))


@pytest.mark.parametrize(("field", "kappa"), [("kappa_t", -0.1), ("kappa_r", 1.1), ("kappa_t", np.nan)])
def test_impairments_out_of_range_are_refused(report: ReportFactory, field: str, kappa: float) -> None:
    changed: dict[str, Any] = {field: kappa}
    with pytest.raises(ReportError, match=f"{field}: must be 0 to 1, not"):
        state_features(replace(report(1, BASE), **changed), TUNED)


def test_rewards_follow_the_config(report: ReportFactory) -> None:
    second = report(1, BASE, (1, 1, 0.5), 30.0)
    assert team_reward(second, PRINTED) == pytest.approx(-2)
    assert team_reward(second, TUNED) == pytest.approx((0.6 * 30 + 4.5 - 20) / 4 - 0.5 * 0.45)


def test_table_3_and_the_recommended_form() -> None:
    assert (PRINTED.discount, PRINTED.actor_learning_rate, PRINTED.critic_learning_rate) == (
        0.999,
        5e-4,
        2e-3,
    )
    assert (PRINTED.entropy_initial, PRINTED.dropout, PRINTED.update_seconds) == (0.01, 0.1, 1)
    assert (TUNED.discount, TUNED.update_seconds, TUNED.actor_learning_rate) == (0, 4, 5e-3)
    assert (TUNED.core, TUNED.critic, TUNED_LSTM.core, TUNED_LSTM.critic) == ("tanh", "slices", "lstm", "state")


def test_the_lstm_step_in_closed_form() -> None:
    units, rng = CORE_UNITS, np.random.default_rng(0)
    weights = initial_weights(TUNED_LSTM, (10, 15), seed=4)
    own = {name.removeprefix("power."): array.astype(np.float64) for name, array in weights.arrays.items()}
    network = ActorNetwork(weights.arrays, "power")
    hidden, cell = np.zeros(units), np.zeros(units)
    for _ in range(5):
        features = rng.normal(size=3).astype(np.float32)
        gates = own["core.weight_ih_l0"] @ features + own["core.bias_ih_l0"]
        gates += own["core.weight_hh_l0"] @ hidden + own["core.bias_hh_l0"]
        inlet, forget, outlet = (1 / (1 + np.exp(-gates[k * units : (k + 1) * units])) for k in (0, 1, 3))
        cell = forget * cell + inlet * np.tanh(gates[2 * units : 3 * units])
        hidden = outlet * np.tanh(cell)
        signal = np.maximum(own["actor.0.weight"] @ hidden + own["actor.0.bias"], 0)
        signal = np.maximum(own["actor.2.weight"] @ signal + own["actor.2.bias"], 0)
        np.testing.assert_allclose(
            network.step(features), own["actor.4.weight"] @ signal + own["actor.4.bias"], rtol=1e-4, atol=1e-6
        )


@pytest.mark.parametrize("config", COMA2C_CONFIGS.values(), ids=lambda config: config.variant)
def test_untrained_weights_are_seeded_and_bounded(config: CoMA2CConfig) -> None:
    weights, same, other = (initial_weights(config, (10, 15), seed) for seed in (1, 1, 2))
    for name, array in weights.arrays.items():
        assert array.dtype == np.float32
        assert np.abs(array).max() <= (np.sqrt(2) if config.orthogonal_heads else 1 / np.sqrt(3))
        np.testing.assert_array_equal(array, same.arrays[name])
    assert any(np.any(array != other.arrays[name]) for name, array in weights.arrays.items())


def test_tuned_heads_begin_orthogonal_without_biases() -> None:
    arrays = initial_weights(TUNED, (10, 15), seed=1).arrays
    for name, array in arrays.items():
        if ".core." in name or name.startswith("critic."):
            continue
        if array.ndim == 1:
            assert not array.any()
            continue
        gain = 0.01 if name.endswith("actor.4.weight") else 1 if name.endswith("critic.4.weight") else np.sqrt(2)
        np.testing.assert_allclose(array @ array.T, gain**2 * np.eye(len(array)), atol=1e-5)


def test_tuned_begins_with_nearly_equal_probabilities(report: ReportFactory, context: BudgetContext) -> None:
    network = ActorNetwork(initial_weights(TUNED, action_counts(context), 1).arrays, "bandwidth")
    logits = network.step(state_features(report(1, BASE), TUNED))
    assert np.ptp(logits) < 0.05


def test_raw_loads_saturate_without_a_warning(report: ReportFactory, context: BudgetContext) -> None:
    with np.errstate(all="raise"):
        policy = CoMA2C(PRINTED, context, 1, weights_of(PRINTED, context, 1))
        policy.on_second(report(1, (2_000_000, 9_000_000, 1)), triggered=True)


@pytest.mark.parametrize("config", COMA2C_CONFIGS.values(), ids=lambda config: config.variant)
def test_frozen_acts_where_triggered_and_names_its_actions(
    report: ReportFactory, context: BudgetContext, config: CoMA2CConfig
) -> None:
    policy = CoMA2C(config, context, 1, weights_of(config, context, 1))
    for second in walk(report, np.random.default_rng(0), 30):
        triggered = second.second % 3 == 0
        budgets = policy.on_second(second, triggered)
        assert (budgets is not None) == (policy.actions is not None) == triggered
    assert policy.on_second(report(0, (0, 0, 0)), triggered=False) is None


def test_memory_advances_between_triggers(report: ReportFactory, context: BudgetContext) -> None:
    seconds = walk(report, np.random.default_rng(0), 60)
    weights = weights_of(TUNED, context, 1)
    every, gated = (CoMA2C(TUNED, context, 1, weights) for _ in range(2))
    acted = [every.on_second(second, triggered=True) for second in seconds]
    assert len({budgets.bandwidth_hz for budgets in acted if budgets}) > 1
    for second, budgets in zip(seconds, acted, strict=True):
        triggered = second.second % 7 == 0
        assert gated.on_second(second, triggered) == (budgets if triggered else None)


def test_memory_is_empty_in_a_new_world_and_after_a_gap(report: ReportFactory, context: BudgetContext) -> None:
    def logits_after(*seconds: int) -> npt.NDArray[np.float32]:
        policy = CoMA2C(TUNED_LSTM, context, 1, weights_of(TUNED_LSTM, context, 1))
        for second in seconds:
            policy.on_second(report(second, BASE), triggered=True)
        return policy._networks[0]._hidden

    fresh = logits_after(1)
    assert np.any(logits_after(1, 2) != fresh)
    for begin_again in ((1, 2, 0, 1), (1, 2, 9)):
        np.testing.assert_array_equal(logits_after(*begin_again), fresh)


def test_the_tuned_form_acts_every_second_while_it_learns(report: ReportFactory, context: BudgetContext) -> None:
    policy = CoMA2C(TUNED, context, 1, learning=True)
    assert all(policy.on_second(second, triggered=False) for second in walk(report, np.random.default_rng(0), 20))


def test_the_printed_form_is_triggered_after_200_learned_seconds(report: ReportFactory, context: BudgetContext) -> None:
    policy = CoMA2C(PRINTED, context, 1, learning=True)
    assert policy.on_second(report(1, BASE), triggered=False) is not None
    policy.load(weights_of(PRINTED, context, 1, trained_seconds=199))
    assert policy.on_second(report(2, BASE), triggered=False) is not None
    policy.load(weights_of(PRINTED, context, 1, trained_seconds=200))
    assert policy.on_second(report(3, BASE), triggered=False) is None
    assert policy.on_second(report(4, BASE), triggered=True) is not None


def test_sampling_follows_the_policy_and_is_keyed() -> None:
    logits = np.log(np.array([0.6, 0.3, 0.1], np.float32))
    drawn = [sample_action(logits, seed=1, agent=0, second=second) for second in range(4_000)]
    np.testing.assert_allclose(np.bincount(drawn) / len(drawn), [0.6, 0.3, 0.1], atol=0.03)
    assert drawn[17] == sample_action(logits, seed=1, agent=0, second=17)
    assert drawn != [sample_action(logits, seed=1, agent=1, second=second) for second in range(4_000)]
    extreme = np.array([-3e38, 0.0, -3e38], np.float32)
    assert {sample_action(extreme, seed=1, agent=0, second=second) for second in range(50)} == {1}


def test_both_agents_explore_apart_while_learning(report: ReportFactory, context: BudgetContext) -> None:
    policy = CoMA2C(TUNED, context, 1, learning=True)
    taken = []
    for second in walk(report, np.random.default_rng(0), 300):
        policy.on_second(second, triggered=False)
        taken.append(policy.actions)
    powers, bandwidths = zip(*taken, strict=True)
    assert set(powers) == set(range(10))
    assert set(bandwidths) == set(range(15))
    assert abs(np.corrcoef(powers, bandwidths)[0, 1]) < 0.2


def broken(weights: InterWeights, name: str, array: npt.NDArray[Any]) -> InterWeights:
    return InterWeights({**weights.arrays, name: array}, weights.metadata)


def test_weights_that_do_not_fit_are_refused_and_change_nothing(report: ReportFactory, context: BudgetContext) -> None:
    good = weights_of(TUNED, context, 1)
    policy = CoMA2C(TUNED, context, 1, good)
    missing = {name: array for name, array in good.arrays.items() if name != "power.actor.4.bias"}
    cases = [
        (weights_of(PRINTED, context, 1), "variant must be 'coma2c-tuned', not 'coma2c'"),
        (InterWeights(good.arrays, {"variant": "coma2c-tuned"}), "trained_seconds must be an integer"),
        (InterWeights(missing, good.metadata), "power.actor.4.bias is missing"),
        (broken(good, "power.tail", np.zeros(1, np.float32)), "power.tail is unknown"),
        (broken(good, "power.actor.4.bias", np.zeros(9, np.float32)), "trained for 9 power actions, not 10"),
        (broken(good, "power.actor.2.bias", np.zeros(9, np.float32)), r"float32 of shape \(32,\)"),
        (broken(good, "power.actor.4.bias", np.zeros(10)), "must be float32"),
        (broken(good, "power.actor.4.bias", np.full(10, np.nan, np.float32)), "must be finite"),
    ]
    for weights, message in cases:
        with pytest.raises(InterPolicyError, match=message):
            policy.load(weights)
        assert policy.weights is good
    assert policy.version == 0


def test_array_names_are_per_agent(context: BudgetContext) -> None:
    names = initial_weights(PRINTED, action_counts(context), 1).arrays
    assert {name.split(".")[0] for name in names} == set(AGENT_NAMES)
    tuned = initial_weights(TUNED, action_counts(context), 1).arrays
    of_both = {name.rsplit(".", 2)[0] for name in tuned if name.startswith("critic.")}
    assert of_both == {"critic.vonr", "critic.embb", "critic.urllc"}
    assert not any(".critic." in name for name in tuned)
    assert names["bandwidth.actor.4.weight"].shape == (15, 32)


def test_deciding_needs_no_torch() -> None:
    code = (
        "import sys, xapps.slicing.inter.policies, xapps.slicing.schedulers, xapps.slicing.triggers;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "wrong",
    [{"core": "lstm"}, {"joint": True}, {"reward": "algorithm-1"}, {"discount": 0.5}, {"dropout": 0.1}],
)
def test_what_the_critic_of_slices_cannot_train_is_no_configuration(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: must be .* critic of slices"):
        replace(TUNED, **wrong)
    replace(TUNED_LSTM, **wrong)
