"""The learner of CoMA2C: advantage actor-critic, back-propagated through time (Algorithm 2, Eq. 30-32)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from xapps.slicing.inter.base import InterPolicyError, InterWeights, keyed_rng
from xapps.slicing.inter.coma2c import (
    AGENT_NAMES,
    CORE_UNITS,
    HEAD_UNITS,
    CoMA2CConfig,
    action_counts,
    check_weights,
    initial_weights,
    load_features,
    output_counts,
    outputs_taken,
    team_reward,
)
from xapps.slicing.inter.seconds import SecondSequence
from xapps.slicing.observation import F32, SLICE_NAMES, BudgetContext, SecondReport
from xapps.slicing.options import DEFAULT_OPTIONS

CoreState = tuple[Tensor, Tensor]
"""Hidden and cell state of the shared layer, [1, 1, cells] each."""


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


def entropy_weight(config: CoMA2CConfig, trained_seconds: int) -> float:
    """Weight phi of the entropy after so many seconds: geometric from the initial to the final one."""
    progress = min(1.0, trained_seconds / config.training_seconds)
    return float(config.entropy_initial * (config.entropy_final / config.entropy_initial) ** progress)


class ActorCritic(nn.Module):
    """One agent: the shared layer with memory, and the heads of actor and critic."""

    def __init__(self, config: CoMA2CConfig, actions: int) -> None:
        """Layers of Table 3; the weights are loaded from arrays afterwards."""
        super().__init__()
        inputs = len(SLICE_NAMES)
        self.core: nn.Module = nn.LSTM(inputs, CORE_UNITS) if config.core == "lstm" else nn.Linear(inputs, CORE_UNITS)
        self.actor = _head(actions)
        self.critic = _head(1)

    def remember(self, features: Tensor, state: CoreState) -> tuple[Tensor, CoreState]:
        """Pass consecutive seconds through the shared layer.

        Args:
            features: [T, S].
            state: before the first of them.

        Returns:
            [T, cells], and the state after the last one.
        """
        if isinstance(self.core, nn.LSTM):
            outputs, after = self.core(features.unsqueeze(1), state)  # [T, 1, cells]
            return outputs.squeeze(1), after
        return torch.tanh(self.core(features)), state

    def value(self, shared: Tensor) -> Tensor:
        """State values V.

        Args:
            shared: [T, cells].

        Returns:
            [T].
        """
        values: Tensor = self.critic(shared).squeeze(-1)
        return values


def _head(outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(CORE_UNITS, HEAD_UNITS),
        nn.ReLU(),
        nn.Linear(HEAD_UNITS, HEAD_UNITS),
        nn.ReLU(),
        nn.Linear(HEAD_UNITS, outputs),
    )


@dataclass(slots=True)
class AgentStats:
    """What the last update of one agent gave."""

    actor_loss: float = 0.0
    critic_loss: float = 0.0
    entropy: float = 0.0
    """Of the policy in nats, mean over the update's steps."""


@dataclass(slots=True)
class LearnerStats:
    """What the learner shows to the outside."""

    updates: int = 0
    trained_seconds: int = 0
    reward: float = 0.0
    """Mean over the last update's seconds."""
    entropy_weight: float = 0.0
    agents: dict[str, AgentStats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Second:
    features: F32  # [S], the state that was acted on
    actions: tuple[int, int] | None
    reward: float


@dataclass(slots=True)
class _Agent:
    network: ActorCritic
    optimizer: torch.optim.RMSprop
    state: CoreState


class InterLearner:
    """Trains the agents, each on its own, from reports and the actions taken; deterministic.

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
        """Goes on from the given weights at their place in the training, or from untrained ones of the seed.

        Raises:
            InterPolicyError: weights that do not fit, or a negative seed.
            BudgetError: totals and floors that leave no grid.
        """
        self.config = config
        self._counts = action_counts(context, step_hz)
        start = weights or initial_weights(config, self._counts, seed)
        check_weights(start, config, self._counts)
        self._metadata = start.metadata
        self._version = start.version
        self._dropout_rng = keyed_rng(seed, "learner.inter")
        self._agents = [
            self._make_agent(name, count, start)
            for name, count in zip(config.agent_names, output_counts(config, self._counts), strict=True)
        ]
        self._sequence = SecondSequence()
        self._window: list[_Second] = []
        self._acted_on: F32 | None = None
        self.stats = LearnerStats(
            trained_seconds=start.metadata["trained_seconds"],
            agents={name: AgentStats() for name in config.agent_names},
        )
        self.stats.entropy_weight = entropy_weight(config, self.stats.trained_seconds)

    def _make_agent(self, name: str, count: int, start: InterWeights) -> _Agent:
        network = ActorCritic(self.config, count)
        network.load_state_dict({key: torch.from_numpy(start.arrays[f"{name}.{key}"]) for key in network.state_dict()})
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

    @property
    def version(self) -> int:
        """Version of the weights that were published last."""
        return self._version

    def on_second(self, report: SecondReport, actions: tuple[int, int] | None) -> InterWeights | None:
        """Learn from a second.

        Args:
            report: the second that has just passed; its reward belongs to `actions`.
            actions: power and bandwidth action taken at the report before for this second; None: the budgets
                were kept, or others than the agents' were in force.

        Returns:
            The next version where there was an update.

        Raises:
            ReportError, RewardError: a malformed report.
            InterPolicyError: an action out of range. In each case nothing has changed.
        """
        features = load_features(report, self.config)
        reward = team_reward(report, self.config)
        self._check_actions(actions)
        if not self._sequence.follows(report.second):
            self._begin()
        if report.second == 0:
            return None
        if self._acted_on is not None:
            self._window.append(_Second(self._acted_on, actions, reward))
        self._acted_on = features
        if len(self._window) < self.config.update_seconds:
            return None
        window, self._window = self._window, []
        return self._update(window, features)

    def weights(self) -> InterWeights:
        """The weights as they are now."""
        arrays = {
            f"{name}.{key}": tensor.detach().numpy().copy()
            for name, agent in zip(self.config.agent_names, self._agents, strict=True)
            for key, tensor in agent.network.state_dict().items()
        }
        # An id names a file's content, which these are no longer.
        metadata = {key: value for key, value in self._metadata.items() if key != "weights_id"}
        metadata["trained_seconds"] = self.stats.trained_seconds
        return InterWeights(arrays, metadata, self._version)

    def _check_actions(self, actions: tuple[int, int] | None) -> None:
        for name, action, count in zip(AGENT_NAMES, actions or (0, 0), self._counts, strict=True):
            if not 0 <= action < count:
                raise InterPolicyError(f"actions: the {name} action must be 0 to {count - 1}, not {action}")

    def _begin(self) -> None:
        self._window = []
        self._acted_on = None
        for agent in self._agents:
            agent.state = _empty_state()

    def _update(self, window: Sequence[_Second], following: F32) -> InterWeights | None:
        learned = [index for index, second in enumerate(window) if second.actions is not None]
        if not learned:
            self._pass_through(window)
            return None
        phi = entropy_weight(self.config, self.stats.trained_seconds)
        outputs = [
            outputs_taken(self.config, self._counts, second.actions) for second in window if second.actions is not None
        ]
        for index, (name, agent) in enumerate(zip(self.config.agent_names, self._agents, strict=True)):
            taken = [of_second[index] for of_second in outputs]
            self.stats.agents[name] = self._update_agent(
                agent, window, following, learned=learned, taken=taken, phi=phi
            )
        self._version += 1
        self.stats.updates += 1
        self.stats.trained_seconds += len(learned)
        self.stats.reward = float(np.mean([window[index].reward for index in learned]))
        self.stats.entropy_weight = phi
        return self.weights()

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
        features = torch.from_numpy(np.stack([second.features for second in window]))  # [T, S]
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
        if self.stats.updates == 0 and self.stats.trained_seconds > 0:
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
    """Start the running squares at the first gradient's: from 0 the first steps are ten times a later one.

    A fresh network bears that; a trained one would forget.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            optimizer.state[parameter] = {
                "step": torch.tensor(0.0),
                "square_avg": parameter.grad.detach() ** 2,
            }
