"""The learner of CoMA2C's tuned form: one critic of slices for both actors; reproducible, and it learns."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as some
from second_reports import ReportFactory

from ran_emulator.phy.codes import HWI_PAPER
from xapps.slicing.inter.actions import bandwidth_grid, power_actions
from xapps.slicing.inter.coma2c import (
    TUNED,
    TUNED_LSTM,
    ActorNetwork,
    CoMA2C,
    CoMA2CConfig,
    action_counts,
    initial_weights,
    output_counts,
)
from xapps.slicing.inter.rewards import CENTRE, SCALE, objective, slice_objectives
from xapps.slicing.inter.seconds import F64, ReportError
from xapps.slicing.observation import BudgetContext, SecondReport

torch = pytest.importorskip("torch")

from lockstep_training import train  # noqa: E402 - needs torch

from xapps.slicing.inter.learners import make_inter_learner  # noqa: E402
from xapps.slicing.inter.networks import Actor  # noqa: E402
from xapps.slicing.inter.slice_critic import SliceCriticLearner  # noqa: E402

pytestmark = pytest.mark.torch

SHORT = replace(TUNED, training_seconds=400)


class DividedBand:
    """What each slice earns is a known function of its own load and budgets, and of kappa."""

    def __init__(self, report: ReportFactory, context: BudgetContext, seed: int) -> None:
        self._report, self._rng, self._count = report, np.random.default_rng(seed), 0
        self._bandwidths = np.array(bandwidth_grid(context))
        self._powers = np.array(power_actions(context))
        self._next()

    def _next(self) -> None:
        self.loads = np.array([200, 5_500, 280]) * np.exp(self._rng.uniform(-1, 1, 3))
        self.kappa = float(10 ** self._rng.uniform(-5, -1))

    def outcome(self, bandwidth_hz: npt.NDArray[np.int64], power_w: F64) -> tuple[F64, F64]:
        """SSR and spectral efficiency of each slice; impairments leave bandwidth as the only help."""
        wanted_hz = self.loads / np.array([200, 5_500, 280]) * np.array([1.5e6, 5e6, 2e6])
        ssr = np.minimum(1, bandwidth_hz / wanted_hz)
        of_power = np.log2(1 + power_w / 100) * (0.1 if self.kappa > 1e-3 else 1.0)
        return ssr, bandwidth_hz / 1e7 * of_power * 10

    def values(self) -> F64:
        """The agents' objective for each pair of actions, [powers, bandwidths]."""
        ssr, eta = self.outcome(self._bandwidths[None], self._powers[:, None])
        return objective(ssr, eta.sum(-1), TUNED.sla_weight)

    def second(self, actions: tuple[int, int] | None) -> SecondReport:
        """The report of a second under these actions, and a new state."""
        power, bandwidth = actions or (0, 0)
        ssr, eta = self.outcome(self._bandwidths[bandwidth], self._powers[power])
        self._count += 1
        report = replace(
            self._report(self._count, self.loads.astype(int), ssr, float(eta.sum())),
            slice_eta_bps_hz=eta.astype(np.float32),
            bandwidth_hz=self._bandwidths[bandwidth],
            power_w=self._powers[power].astype(np.float32),
            hwi_model=HWI_PAPER,
            kappa_t=self.kappa,
            kappa_r=self.kappa,
        )
        self._next()
        return report


@given(
    ssr=some.lists(some.floats(0, 1), min_size=3, max_size=3),
    eta=some.lists(some.floats(0, 50), min_size=3, max_size=3),
    sla_weight=some.floats(0, 10),
)
def test_the_objective_is_the_sum_over_the_slices(ssr: list[float], eta: list[float], sla_weight: float) -> None:
    of_slices = slice_objectives(np.array(ssr), np.array(eta), sla_weight)
    total = objective(np.array(ssr), sum(eta), sla_weight)
    assert of_slices.sum() - CENTRE / SCALE == pytest.approx(float(total))


def test_a_pair_of_actions_is_worth_the_sum_of_its_slices(context: BudgetContext) -> None:
    learner = make_inter_learner(TUNED, context, seed=1)
    assert isinstance(learner, SliceCriticLearner)
    states = torch.randn(3, TUNED.inputs)
    with torch.no_grad():
        pairs = learner._pairs(states)
        assert pairs.shape == (3, 10, 15)
        for power, power_w in enumerate(power_actions(context)):
            for bandwidth, bandwidth_hz in enumerate(bandwidth_grid(context)):
                budgets = learner._bandwidth_inputs(np.array(bandwidth_hz)), learner._power_inputs(np.array(power_w))
                expected = sum(
                    learner._value(
                        index,
                        states,
                        *(torch.full((3,), float(of_slice[index]), dtype=torch.float32) for of_slice in budgets),
                    )
                    for index in range(3)
                )
                torch.testing.assert_close(pairs[:, power, bandwidth], expected)


def test_numpy_decides_as_torch_does(context: BudgetContext) -> None:
    counts = action_counts(context)
    weights = initial_weights(TUNED, counts, seed=3)
    features = np.random.default_rng(0).normal(size=(40, TUNED.inputs)).astype(np.float32)
    for agent, count in zip(TUNED.agent_names, output_counts(TUNED, counts), strict=True):
        module = Actor(TUNED, count)
        module.load_state_dict({key: torch.from_numpy(weights.arrays[f"{agent}.{key}"]) for key in module.state_dict()})
        with torch.no_grad():
            expected = module.log_policy(torch.from_numpy(features)).numpy()
        network = ActorNetwork(weights.arrays, agent)
        logits = np.stack([network.step(row) for row in features])
        found = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_training_is_bitwise_reproducible(report: ReportFactory, context: BudgetContext) -> None:
    runs = [train(TUNED, context, DividedBand(report, context, 1), 24, seed=seed)[2] for seed in (5, 5, 6)]
    one, same, other = runs
    assert [update.version for update in one] == [1, 2, 3, 4, 5]
    for first, second in zip(one, same, strict=True):
        assert first.metadata == second.metadata
        for name, array in first.arrays.items():
            np.testing.assert_array_equal(array, second.arrays[name])
    assert any(np.any(array != other[-1].arrays[name]) for name, array in one[-1].arrays.items())


def test_it_updates_after_every_n_seconds_that_it_acted_in(report: ReportFactory, context: BudgetContext) -> None:
    learner = make_inter_learner(TUNED, context, seed=1)
    environment = DividedBand(report, context, 1)
    before = learner.weights()
    assert all(learner.on_second(environment.second(None), None) is None for _ in range(9))
    assert all(np.array_equal(array, before.arrays[name]) for name, array in learner.weights().arrays.items())
    published = [learner.on_second(environment.second((1, 2)), (1, 2)) is not None for _ in range(9)]
    assert [index for index, update in enumerate(published) if update] == [3, 7]
    assert (learner.stats.updates, learner.stats.trained_seconds, learner.version) == (2, 8, 2)
    assert learner.stats.agents["power"].critic_loss == learner.stats.agents["bandwidth"].critic_loss > 0


@pytest.mark.parametrize("variant", [TUNED, TUNED_LSTM])
@pytest.mark.parametrize("waits", [False, True])
def test_exploration_ends_with_the_training_whatever_it_waited_for(
    report: ReportFactory, context: BudgetContext, variant: CoMA2CConfig, waits: bool
) -> None:
    config = replace(variant, training_seconds=40)
    learner = make_inter_learner(config, context, seed=1)
    environment = DividedBand(report, context, 1)
    for second in range(41):
        actions = None if waits and second % 2 else (1, 2)
        learner.on_second(environment.second(actions), actions)
    assert learner.stats.trained_seconds == (20 if waits else 40)
    assert learner._entropy_weight == pytest.approx(config.entropy_final, rel=0.1)


def test_training_goes_on_where_it_stood(report: ReportFactory, context: BudgetContext) -> None:
    _, learner, published = train(TUNED, context, DividedBand(report, context, 1), 41, seed=1)
    stored = replace(published[-1], metadata={**published[-1].metadata, "weights_id": "x"}, version=0)
    resumed = make_inter_learner(TUNED, context, 1, stored)
    assert resumed.stats.trained_seconds == learner.stats.trained_seconds == 40
    # A memory of a few seconds teaches nothing.
    _, listening, published = train(TUNED, context, DividedBand(report, context, 2), 20, seed=1, weights=stored)
    assert published == []
    assert all(np.array_equal(array, stored.arrays[name]) for name, array in listening.weights().arrays.items())
    _, _, published = train(TUNED, context, DividedBand(report, context, 2), 21, seed=1, weights=stored)
    assert [update.version for update in published] == [1]
    assert published[0].metadata["trained_seconds"] == 44
    assert "weights_id" not in published[0].metadata
    # No first steps of ten times the learning rate, but where a unit wakes up.
    moved = np.concatenate([np.abs(array - stored.arrays[name]).ravel() for name, array in published[0].arrays.items()])
    assert 0 < np.quantile(moved, 0.9) < 2 * TUNED.steps_per_update * TUNED.actor_learning_rate


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"slice_eta_bps_hz": np.array([1, np.nan, 1])}, "slice_eta_bps_hz: must be 3 values at least 0"),
        ({"power_w": np.array([1, 0, 1])}, "power_w: must be 3 values above 0"),
        ({"bandwidth_hz": np.array([1, 2])}, "bandwidth_hz: must be 3 values above 0"),
    ],
)
def test_what_a_report_cannot_say_is_not_learned_from(
    report: ReportFactory, context: BudgetContext, wrong: dict[str, Any], message: str
) -> None:
    learner = make_inter_learner(TUNED, context, seed=1)
    environment = DividedBand(report, context, 1)
    for _ in range(3):
        learner.on_second(environment.second((1, 2)), (1, 2))
    with pytest.raises(ReportError, match=message):
        learner.on_second(replace(environment.second((1, 2)), **wrong), (1, 2))
    assert learner.on_second(environment.second((1, 2)), (1, 2)) is not None
    assert all(np.all(np.isfinite(array)) for array in learner.weights().arrays.values())


def test_agents_that_see_loads_alone_are_trained_too(report: ReportFactory, context: BudgetContext) -> None:
    config = replace(TUNED, sees_impairments=False)
    _, learner, published = train(config, context, DividedBand(report, context, 1), 12, seed=1)
    assert learner.stats.updates == len(published) == 2
    assert published[-1].arrays["critic.embb.0.weight"].shape == (32, 3)
    assert published[-1].arrays["power.core.weight"].shape == (64, 3)


@pytest.mark.slow
def test_both_agents_find_the_pair_that_is_best(report: ReportFactory, context: BudgetContext) -> None:
    _, _, published = train(SHORT, context, DividedBand(report, context, 1), 400, seed=1)
    policy = CoMA2C(SHORT, context, 0, published[-1])
    fresh = DividedBand(report, context, 2)
    lost, spread = [], []
    for _ in range(200):
        values = fresh.values()
        policy.on_second(fresh.second(None), triggered=True)
        lost.append(values.max() - values[policy.actions])
        spread.append(values.max() - values.mean())
    assert np.mean(lost) < 0.2 * np.mean(spread)
