"""The learner of CoMA2C: losses in closed form, one code with the policy, reproducible, and it learns."""

from dataclasses import replace

import numpy as np
import pytest
from second_reports import ReportFactory

from xapps.slicing.inter.base import InterPolicyError, InterWeights
from xapps.slicing.inter.coma2c import (
    COMA2C_CONFIGS,
    PRINTED,
    SINGLE,
    TUNED_LSTM,
    ActorNetwork,
    CoMA2C,
    CoMA2CConfig,
    action_counts,
    initial_weights,
    output_counts,
)
from xapps.slicing.inter.rewards import RewardError
from xapps.slicing.inter.seconds import ReportError
from xapps.slicing.observation import BudgetContext, SecondReport

torch = pytest.importorskip("torch")

from lockstep_training import train  # noqa: E402 - needs torch

from xapps.slicing.inter import a2c_lstm as a2c  # noqa: E402
from xapps.slicing.inter.learning import entropy_weight  # noqa: E402
from xapps.slicing.inter.networks import ActorCritic  # noqa: E402

pytestmark = pytest.mark.torch

CONFIGS = [config for config in COMA2C_CONFIGS.values() if config.critic == "state"]
configs = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.variant)


class Noise:
    """Loads and outcomes that have nothing to do with the actions."""

    def __init__(self, report: ReportFactory, seed: int = 0) -> None:
        self._report, self._rng, self._count = report, np.random.default_rng(seed), 0

    def second(self, _: tuple[int, int] | None) -> SecondReport:
        self._count += 1
        packets = self._rng.integers(1, 9_000, 3)
        return self._report(self._count, packets, self._rng.random(3), float(self._rng.uniform(0, 40)))


class TwoSecondBandit:
    """The right bandwidth action depends on this second's load, or on the one before too; power is inert."""

    actions = ((2, 7), (11, 14))

    def __init__(self, report: ReportFactory, seed: int, memory: bool) -> None:
        self._report, self._rng, self._count = report, np.random.default_rng(seed), 0
        self._memory = memory
        self._last, self._now = 0, 0

    def second(self, actions: tuple[int, int] | None) -> SecondReport:
        hit = actions is not None and actions[1] == self.wanted
        self._last, self._now = self._now, int(self._rng.integers(2))
        self._count += 1
        loads = np.array([200, 16_500, 280] if self._now else [200, 2_750, 2_800]) * self._rng.uniform(0.9, 1.1, 3)
        return self._report(self._count, loads.astype(int), (1, 1, 1), 28.0 if hit else 20.0)

    @property
    def wanted(self) -> int:
        return self.actions[self._now][self._last if self._memory else 0]


class TwoSteps:
    """In every other second a bandwidth action from 8 on costs 2 bit/s/Hz, and earns 10 in the second after it."""

    loads = ((200, 16_500, 280), (200, 2_750, 2_800), (200, 2_750, 280))

    def __init__(self, report: ReportFactory, seed: int) -> None:
        self._report, self._rng, self._count = report, np.random.default_rng(seed), 0
        self.state = 0

    def second(self, actions: tuple[int, int] | None) -> SecondReport:
        invests = actions is not None and actions[1] >= 8
        eta = (18.0 if invests else 20.0) if self.state == 0 else (20.0, 30.0, 20.0)[self.state]
        self.state = 0 if self.state else 1 if invests else 2
        self._count += 1
        packets = np.array(self.loads[self.state]) * self._rng.uniform(0.9, 1.1, 3)
        return self._report(self._count, packets.astype(int), (1, 1, 1), eta)


def hit_share(
    config: CoMA2CConfig,
    context: BudgetContext,
    weights: InterWeights,
    environment: TwoSecondBandit,
    seconds: int = 300,
) -> float:
    policy = CoMA2C(config, context, 0, weights)
    hits = 0
    for _ in range(seconds):
        policy.on_second(environment.second(None), triggered=True)
        assert policy.actions is not None
        hits += policy.actions[1] == environment.wanted
    return hits / seconds


def test_returns_in_closed_form() -> None:
    rewards = torch.tensor([1.0, 2.0, 3.0])
    returns = a2c.discounted_returns(rewards, torch.tensor(10.0), 0.5)
    assert returns.tolist() == [1 + 1 + 0.75 + 1.25, 2 + 1.5 + 2.5, 8.0]
    assert a2c.discounted_returns(rewards, torch.tensor(10.0), 0.0).tolist() == [1, 2, 3]
    q = a2c.discounted_returns(torch.tensor([2.0]), torch.tensor(3.0), 0.999)  # Eq. 30
    assert q.tolist() == [pytest.approx(2 + 0.999 * 3)]


def test_printed_actor_loss_is_equation_31() -> None:
    log_policy, entropy, td_error = (torch.tensor(v) for v in ([-1.0, -2.0], [0.5, 1.0], [3.0, -1.0]))
    loss = a2c.printed_actor_loss(log_policy, entropy, td_error, 0.1)
    assert loss.item() == pytest.approx(-((-1 + 0.05) * 3 + (-2 + 0.1) * -1) / 2)


def test_actor_loss_keeps_the_entropy_out_of_the_product() -> None:
    log_policy, entropy, td_error = (torch.tensor(v) for v in ([-1.0, -2.0], [0.5, 1.0], [3.0, -1.0]))
    loss = a2c.actor_loss(log_policy, entropy, td_error, 0.1)
    assert loss.item() == pytest.approx(-((-3 + 0.05) + (2 + 0.1)) / 2)


def test_critic_loss_is_equation_32() -> None:
    assert a2c.critic_loss(torch.tensor([3.0, -1.0])).item() == pytest.approx(5)


@pytest.mark.parametrize("name", ["printed_actor_loss", "actor_loss"])
def test_the_td_error_passes_no_gradient_to_the_actor(name: str) -> None:
    td_error = torch.tensor([1.0, 2.0], requires_grad=True)
    log_policy = torch.tensor([-1.0, -2.0], requires_grad=True)
    getattr(a2c, name)(log_policy, torch.zeros(2), td_error, 0.0).backward()
    assert td_error.grad is None
    assert log_policy.grad.tolist() == [-0.5, -1.0]


def test_descending_makes_good_actions_likelier() -> None:
    logits = torch.zeros(3, requires_grad=True)
    log_policy = torch.log_softmax(logits, 0)[1].unsqueeze(0)
    a2c.actor_loss(log_policy, torch.zeros(1), torch.tensor([2.0]), 0.0).backward()  # type: ignore[no-untyped-call]
    assert logits.grad[1] < 0 < logits.grad[0]


def test_entropy_falls_geometrically_and_stays() -> None:
    weights = [entropy_weight(TUNED_LSTM, seconds) for seconds in (0, 1_500, 3_000, 9_000)]
    assert weights == pytest.approx([0.3, np.sqrt(0.3 * 0.01), 0.01, 0.01])
    assert entropy_weight(PRINTED, 500) == pytest.approx(0.01)


@configs
def test_numpy_decides_as_torch_does(context: BudgetContext, config: CoMA2CConfig) -> None:
    counts = action_counts(context)
    weights = initial_weights(config, counts, seed=3)
    features = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    for agent, count in zip(config.agent_names, output_counts(config, counts), strict=True):
        module = ActorCritic(config, count)
        module.load_state_dict({key: torch.from_numpy(weights.arrays[f"{agent}.{key}"]) for key in module.state_dict()})
        state = (torch.zeros(1, 1, 64), torch.zeros(1, 1, 64))
        with torch.no_grad():
            expected = module.actor(module.remember(torch.from_numpy(features), state)[0]).numpy()
        network = ActorNetwork(weights.arrays, agent)
        logits = np.stack([network.step(row) for row in features])
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(logits.argmax(axis=1), expected.argmax(axis=1))


@pytest.mark.parametrize("config", [PRINTED, TUNED_LSTM], ids=lambda config: config.variant)
def test_policy_and_learner_carry_the_same_memory(
    report: ReportFactory, context: BudgetContext, config: CoMA2CConfig
) -> None:
    seconds = 6 * config.update_seconds + 1
    policy, learner, _ = train(config, context, Noise(report), seconds, seed=2)
    assert isinstance(learner, a2c.A2CLearner)
    for network, agent in zip(policy._networks, learner._agents, strict=True):
        hidden, cell = agent.state
        # The policy has seen the newest second too, which the learner acts on next.
        assert policy.version == learner.version == 6
        replay = ActorNetwork(policy.weights.arrays, "power" if agent is learner._agents[0] else "bandwidth")
        replay._hidden, replay._cell = hidden.numpy().ravel().copy(), cell.numpy().ravel().copy()
        assert learner._acted_on is not None
        replay.step(learner._acted_on)
        np.testing.assert_allclose(network._hidden, replay._hidden, atol=1e-5)
        np.testing.assert_allclose(network._cell, replay._cell, rtol=1e-4, atol=1e-5)


@configs
def test_training_is_bitwise_reproducible(report: ReportFactory, context: BudgetContext, config: CoMA2CConfig) -> None:
    (*_, one), (*_, same), (*_, other) = (train(config, context, Noise(report), 60, seed=seed) for seed in (5, 5, 6))
    assert [update.version for update in one] == list(range(1, len(one) + 1))
    for first, second in zip(one, same, strict=True):
        assert first.metadata == second.metadata
        for name, array in first.arrays.items():
            np.testing.assert_array_equal(array, second.arrays[name])
    assert any(np.any(array != other[-1].arrays[name]) for name, array in one[-1].arrays.items())


def test_it_updates_after_every_n_seconds(report: ReportFactory, context: BudgetContext) -> None:
    learner = a2c.A2CLearner(TUNED_LSTM, context, seed=1)
    noise = Noise(report)
    published = [learner.on_second(noise.second(None), (0, 0)) is not None for _ in range(13)]
    # The first report carries no action's outcome.
    assert [index for index, update in enumerate(published) if update] == [4, 8, 12]
    assert (learner.stats.updates, learner.stats.trained_seconds, learner.version) == (3, 12, 3)


def test_the_empty_report_and_a_gap_teach_nothing(report: ReportFactory, context: BudgetContext) -> None:
    learner = a2c.A2CLearner(PRINTED, context, seed=1)
    updates = [learner.on_second(report(second, (1, 1, 1)), (0, 0)) for second in (0, 1, 2, 7, 8)]
    assert [update is not None for update in updates] == [False, False, True, False, True]


def test_a_second_that_kept_passes_through_the_memory_only(report: ReportFactory, context: BudgetContext) -> None:
    learner = a2c.A2CLearner(PRINTED, context, seed=1)
    before = learner.weights()
    noise = Noise(report)
    assert all(learner.on_second(noise.second(None), None) is None for _ in range(5))
    after = learner.weights()
    assert all(np.array_equal(array, after.arrays[name]) for name, array in before.arrays.items())
    assert torch.any(learner._agents[0].state[0] != 0)


def test_statistics_are_of_the_last_update(report: ReportFactory, context: BudgetContext) -> None:
    _, learner, _ = train(TUNED_LSTM, context, Noise(report), 9, seed=1)
    assert learner.stats.updates == 2
    assert learner.stats.agents["bandwidth"].entropy == pytest.approx(np.log(15), rel=0.1)
    assert learner.stats.agents["power"].entropy == pytest.approx(np.log(10), rel=0.1)
    assert learner.stats.agents["power"].critic_loss > 0


def test_training_goes_on_where_it_stood(report: ReportFactory, context: BudgetContext) -> None:
    _, learner, published = train(TUNED_LSTM, context, Noise(report), 41, seed=1)
    stored = replace(published[-1], metadata={**published[-1].metadata, "weights_id": "x"}, version=0)
    resumed = a2c.A2CLearner(TUNED_LSTM, context, 1, stored)
    assert resumed.stats.trained_seconds == learner.stats.trained_seconds == 40
    _, _, published = train(TUNED_LSTM, context, Noise(report, seed=1), 6, seed=1, weights=stored)
    assert published[0].version == 1
    assert "weights_id" not in published[0].metadata
    # No first step of ten times the learning rate: each weight moves by about the learning rate at most.
    moved = [np.abs(array - stored.arrays[name]).max() for name, array in published[0].arrays.items()]
    assert 0 < max(moved) <= 1.01 * TUNED_LSTM.actor_learning_rate


def test_bad_input_is_refused_and_changes_nothing(report: ReportFactory, context: BudgetContext) -> None:
    learner = a2c.A2CLearner(PRINTED, context, seed=1)
    assert learner.on_second(report(1, (1, 1, 1)), None) is None
    for error, message, bad, actions in [
        (InterPolicyError, "the power action must be 0 to 9, not 10", report(2, (1, 1, 1)), (10, 0)),
        (InterPolicyError, "the bandwidth action must be 0 to 14, not -1", report(2, (1, 1, 1)), (0, -1)),
        (RewardError, "ssr", report(2, (1, 1, 1), (1, 1, np.nan)), (0, 0)),
        (RewardError, "eta_bps_hz", report(2, (1, 1, 1), (1, 1, 1), np.inf), (0, 0)),
        (ReportError, "offered_packets", report(2, (1, 1)), (0, 0)),
    ]:
        with pytest.raises(error, match=message):
            learner.on_second(bad, actions)
    assert learner.on_second(report(2, (1, 1, 1)), (0, 0)) is not None


def test_weights_of_another_form_are_refused(context: BudgetContext) -> None:
    weights = initial_weights(PRINTED, action_counts(context), 1)
    with pytest.raises(InterPolicyError, match="variant must be 'coma2c-tuned-lstm'"):
        a2c.A2CLearner(TUNED_LSTM, context, 1, weights)


@pytest.mark.slow
def test_it_solves_a_contextual_bandit_that_needs_memory(report: ReportFactory, context: BudgetContext) -> None:
    _, _, published = train(TUNED_LSTM, context, TwoSecondBandit(report, 1, True), 3_000, seed=1)
    assert hit_share(TUNED_LSTM, context, published[-1], TwoSecondBandit(report, 2, True)) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize(("discount", "invests"), [(0.9, True), (0.0, False)])
def test_what_the_next_second_earns_counts_as_far_as_it_is_discounted(
    report: ReportFactory, context: BudgetContext, discount: float, invests: bool
) -> None:
    config = replace(TUNED_LSTM, discount=discount)
    *_, published = train(config, context, TwoSteps(report, 1), 3_000, seed=1)
    policy, environment = CoMA2C(config, context, 0, published[-1]), TwoSteps(report, 2)
    chosen = []
    for _ in range(100):
        policy.on_second(environment.second(policy.actions), triggered=True)
        if environment.state == 0:
            assert policy.actions is not None
            chosen.append(policy.actions[1] >= 8)
    assert np.mean(chosen) == pytest.approx(float(invests), abs=0.05)


@pytest.mark.slow
def test_one_agent_for_both_resources_solves_it_too(report: ReportFactory, context: BudgetContext) -> None:
    # Ten of its 150 actions hit: with the printed hyperparameters it would need far longer.
    config = replace(TUNED_LSTM, variant=SINGLE.variant, joint=True, gradient_norm=None)
    _, learner, published = train(config, context, TwoSecondBandit(report, 1, True), 4_000, seed=1)
    assert set(learner.stats.agents) == {"joint"}
    assert hit_share(config, context, published[-1], TwoSecondBandit(report, 2, True)) > 0.95
