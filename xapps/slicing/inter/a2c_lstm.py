"""The learner of CoMA2C: advantage actor-critic, back-propagated through time (Algorithm 2, Eq. 30-32)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from xapps.slicing.inter.base import InterWeights, keyed_rng
from xapps.slicing.inter.coma2c import CORE_UNITS, CoMA2CConfig, output_counts, outputs_taken
from xapps.slicing.inter.learning import AgentStats, InterLearner
from xapps.slicing.inter.networks import ActorCritic, CoreState
from xapps.slicing.observation import F32, BudgetContext, SecondReport
from xapps.slicing.options import DEFAULT_OPTIONS


def discounted_returns(rewards: Tensor, bootstrap: Tensor, discount: float) -> Tensor:
    """Returns G_t = r_t + gamma G_(t+1), where G after the last step is the bootstrap value.

    Args:
        rewards: [T].
        bootstrap: scalar V(s_T) of the state after the last step.
        discount: gamma, 0..1.

    Returns:
        [T]; for T = 1 it is Q of Eq. 30.
    """
    returns = torch.empty_like(rewards)
    following = bootstrap
    for step in range(len(rewards) - 1, -1, -1):
        following = rewards[step] + discount * following
        returns[step] = following
    return returns


def printed_actor_loss(log_policy: Tensor, entropy: Tensor, td_error: Tensor, entropy_weight: float) -> Tensor:
    """Actor loss as printed, the entropy inside the product: -[log pi + phi H] E (Eq. 31), mean over steps.

    Args:
        log_policy: [T] log-probability of the actions taken.
        entropy: [T] of the policy, nats.
        td_error: [T] E; no gradient passes through it.
        entropy_weight: phi.
    """
    return -((log_policy + entropy_weight * entropy) * td_error.detach()).mean()


def actor_loss(log_policy: Tensor, entropy: Tensor, td_error: Tensor, entropy_weight: float) -> Tensor:
    """Actor loss with the entropy as a term of its own: -[log pi E + phi H], mean over steps.

    As printed, the entropy is rewarded after good actions and punished after bad ones, and so does not keep
    exploration alive.

    Args:
        log_policy: [T] log-probability of the actions taken.
        entropy: [T] of the policy, nats.
        td_error: [T] E; no gradient passes through it.
        entropy_weight: phi.
    """
    return -(log_policy * td_error.detach() + entropy_weight * entropy).mean()


def critic_loss(td_error: Tensor) -> Tensor:
    """Squared TD error (Eq. 32), mean over steps."""
    return (td_error**2).mean()


@dataclass(frozen=True, slots=True)
class _Second:
    features: F32  # [inputs], the state that was acted on
    actions: tuple[int, int] | None
    reward: float


@dataclass(slots=True)
class _Agent:
    network: ActorCritic
    optimizer: torch.optim.RMSprop
    state: CoreState


class A2CLearner(InterLearner):
    """Each agent on its own, with its own state value.

    It replays the seconds that the policy saw, with the same weights, and updates after every n of them. A
    second without an action (the policy kept) passes through the memory, and its reward into earlier returns.
    """

    def __init__(
        self,
        config: CoMA2CConfig,
        context: BudgetContext,
        seed: int,
        weights: InterWeights | None = None,
        step_hz: int = DEFAULT_OPTIONS.bandwidth_step_hz,
    ) -> None:
        """Arguments and errors as of `InterLearner`."""
        super().__init__(config, context, seed, weights, step_hz)
        self._dropout_rng = keyed_rng(seed, "learner.inter")
        self._agents = [
            self._make_agent(name, count)
            for name, count in zip(config.agent_names, output_counts(config, self._counts), strict=True)
        ]
        self._window: list[_Second] = []
        self._acted_on: F32 | None = None

    def _make_agent(self, name: str, count: int) -> _Agent:
        network = ActorCritic(self.config, count)
        self._load(name, network)
        optimizer = torch.optim.RMSprop(
            [
                {
                    "params": [*network.core.parameters(), *network.actor.parameters()],
                    "lr": self.config.actor_learning_rate,
                },
                {"params": list(network.critic.parameters()), "lr": self.config.critic_learning_rate},
            ],
            alpha=self.config.rmsprop_alpha,
        )
        return _Agent(network, optimizer, _empty_state())

    def _networks(self) -> Iterable[tuple[str, nn.Module]]:
        return ((name, agent.network) for name, agent in zip(self.config.agent_names, self._agents, strict=True))

    def _check_report(self, report: SecondReport) -> None:
        pass  # nothing more

    def _begin(self) -> None:
        self._window = []
        self._acted_on = None
        for agent in self._agents:
            agent.state = _empty_state()

    def _learn(
        self,
        report: SecondReport,  # noqa: ARG002
        features: F32,
        reward: float,
        actions: tuple[int, int] | None,
    ) -> InterWeights | None:
        if self._acted_on is not None:
            self._window.append(_Second(self._acted_on, actions, reward))
        self._acted_on = features
        if len(self._window) < self.config.update_seconds:
            return None
        window, self._window = self._window, []
        return self._update(window, features)

    def _update(self, window: Sequence[_Second], following: F32) -> InterWeights | None:
        learned = [index for index, second in enumerate(window) if second.actions is not None]
        if not learned:
            self._pass_through(window)
            return None
        phi = self._entropy_weight
        outputs = [
            outputs_taken(self.config, self._counts, second.actions) for second in window if second.actions is not None
        ]
        for index, (name, agent) in enumerate(zip(self.config.agent_names, self._agents, strict=True)):
            taken = [of_second[index] for of_second in outputs]
            self.stats.agents[name] = self._update_agent(
                agent, window, following, learned=learned, taken=taken, phi=phi
            )
        return self._updated([window[index].reward for index in learned])

    def _pass_through(self, window: Sequence[_Second]) -> None:
        features = torch.from_numpy(np.stack([second.features for second in window]))
        with torch.no_grad():
            for agent in self._agents:
                _, agent.state = agent.network.remember(features, agent.state)

    def _update_agent(
        self,
        agent: _Agent,
        window: Sequence[_Second],
        following: F32,
        *,
        learned: list[int],
        taken: list[int],
        phi: float,
    ) -> AgentStats:
        config, network = self.config, agent.network
        features = torch.from_numpy(np.stack([second.features for second in window]))  # [T, inputs]
        rewards = torch.tensor([second.reward for second in window], dtype=torch.float32)  # [T]
        shared, state = network.remember(features, agent.state)  # [T, cells]
        with torch.no_grad():
            next_shared, _ = network.remember(torch.from_numpy(following).unsqueeze(0), state)
            bootstrap = network.value(next_shared)[0]
        if config.dropout > 0:
            shared = shared * self._dropout_mask(len(window))
        td_error = (discounted_returns(rewards, bootstrap, config.discount) - network.value(shared))[learned]
        log_probabilities = functional.log_softmax(network.actor(shared), dim=-1)[learned]  # [learned, A]
        log_policy = log_probabilities.gather(1, torch.tensor(taken).unsqueeze(1)).squeeze(1)
        entropy = -(log_probabilities.exp() * log_probabilities).sum(dim=-1)

        of_actor = (printed_actor_loss if config.entropy_in_td_product else actor_loss)(
            log_policy, entropy, td_error, phi
        )
        of_critic = critic_loss(td_error)
        agent.optimizer.zero_grad()
        (of_actor + config.critic_weight * of_critic).backward()  # type: ignore[no-untyped-call]
        if config.gradient_norm is not None:
            nn.utils.clip_grad_norm_(network.parameters(), config.gradient_norm)
        if self._resumed:
            _warm_up(agent.optimizer)
        agent.optimizer.step()
        agent.state = (state[0].detach(), state[1].detach())
        return AgentStats(of_actor.item(), of_critic.item(), entropy.mean().item())

    def _dropout_mask(self, steps: int) -> Tensor:
        kept = self._dropout_rng.random((steps, CORE_UNITS), dtype=np.float32) >= self.config.dropout
        return torch.from_numpy(kept.astype(np.float32) / np.float32(1 - self.config.dropout))


def _empty_state() -> CoreState:
    return torch.zeros(1, 1, CORE_UNITS), torch.zeros(1, 1, CORE_UNITS)


def _warm_up(optimizer: torch.optim.RMSprop) -> None:
    """Before its first step, start the running squares at the first gradient's; later nothing.

    From 0 the first steps are ten times a later one: a fresh network bears that, a trained one would forget.
    """
    if optimizer.state:
        return
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            optimizer.state[parameter] = {
                "step": torch.tensor(0.0),
                "square_avg": parameter.grad.detach() ** 2,
            }
