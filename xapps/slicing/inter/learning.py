"""What the learners of the inter-slice agents have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from xapps.slicing.inter.base import InterPolicyError, InterWeights
from xapps.slicing.inter.coma2c import (
    AGENT_NAMES,
    CoMA2CConfig,
    action_counts,
    check_weights,
    initial_weights,
    state_features,
    team_reward,
)
from xapps.slicing.inter.seconds import SecondSequence
from xapps.slicing.observation import F32, BudgetContext, SecondReport
from xapps.slicing.options import DEFAULT_OPTIONS


@dataclass(slots=True)
class AgentStats:
    """What the last update of one agent gave."""

    actor_loss: float = 0.0
    critic_loss: float = 0.0
    """Of its own critic, or of the one that both agents climb."""
    entropy: float = 0.0
    """Of the policy in nats, mean over the update's last batch."""


@dataclass(slots=True)
class LearnerStats:
    """What the learner shows to the outside."""

    updates: int = 0
    trained_seconds: int = 0
    reward: float = 0.0
    """Mean over the last update's seconds."""
    agents: dict[str, AgentStats] = field(default_factory=dict)


def entropy_weight(config: CoMA2CConfig, seconds: int) -> float:
    """Weight phi of the entropy after so many seconds: geometric from the initial to the final one."""
    progress = min(1.0, seconds / config.training_seconds)
    return float(config.entropy_initial * (config.entropy_final / config.entropy_initial) ** progress)


class InterLearner(ABC):
    """Trains the agents from reports and the actions taken; deterministic."""

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
        torch.set_num_threads(1)  # more would reorder sums: the same seed must learn the same on every machine
        self.config = config
        self._counts = action_counts(context, step_hz)
        self._start = weights or initial_weights(config, self._counts, seed)
        check_weights(self._start, config, self._counts)
        self._version = self._start.version
        self._sequence = SecondSequence()
        self._resumed = self._start.metadata["trained_seconds"] > 0
        self._seconds = self._start.metadata["trained_seconds"]
        self._annealed_seconds = self._seconds
        self.stats = LearnerStats(
            trained_seconds=self._start.metadata["trained_seconds"],
            agents={name: AgentStats() for name in config.agent_names},
        )

    @property
    def _entropy_weight(self) -> float:
        """phi by the seconds that had passed at the last update, so that trainings that wait end with it, too."""
        return entropy_weight(self.config, self._annealed_seconds)

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
        features = state_features(report, self.config)
        reward = team_reward(report, self.config)
        self._check_report(report)
        self._check_actions(actions)
        if not self._sequence.follows(report.second):
            self._begin()
        if report.second == 0:
            return None
        if actions is not None or self._seconds > self._start.metadata["trained_seconds"]:
            self._seconds += 1  # from the first second that was acted in
        return self._learn(report, features, reward, actions)

    @abstractmethod
    def _check_report(self, report: SecondReport) -> None:
        """Whether the report holds what this learner needs beyond traffic, SSR and eta; raises `ReportError`."""

    @abstractmethod
    def _begin(self) -> None:
        """A world that began anew, or a gap: what follows does not follow from what was."""

    @abstractmethod
    def _learn(
        self, report: SecondReport, features: F32, reward: float, actions: tuple[int, int] | None
    ) -> InterWeights | None:
        """Learn from a well-formed second."""

    @abstractmethod
    def _networks(self) -> Iterable[tuple[str, nn.Module]]:
        """All networks, by the prefix of their arrays."""

    def weights(self) -> InterWeights:
        """The weights as they are now."""
        arrays = {
            f"{name}.{key}": tensor.detach().numpy().copy()
            for name, network in self._networks()
            for key, tensor in network.state_dict().items()
        }
        # An id names a file's content, which these are no longer.
        metadata = {key: value for key, value in self._start.metadata.items() if key != "weights_id"}
        metadata["trained_seconds"] = self.stats.trained_seconds
        return InterWeights(arrays, metadata, self._version)

    def _load(self, name: str, network: nn.Module) -> None:
        arrays = self._start.arrays
        network.load_state_dict({key: torch.from_numpy(arrays[f"{name}.{key}"]) for key in network.state_dict()})

    def _updated(self, rewards: list[float]) -> InterWeights:
        """Count an update of the seconds that gave these rewards; the weights after it."""
        self._version += 1
        self._annealed_seconds = self._seconds
        self.stats.updates += 1
        self.stats.trained_seconds += len(rewards)
        self.stats.reward = float(np.mean(rewards))
        return self.weights()

    def _check_actions(self, actions: tuple[int, int] | None) -> None:
        for name, action, count in zip(AGENT_NAMES, actions or (0, 0), self._counts, strict=True):
            if not 0 <= action < count:
                raise InterPolicyError(f"actions: the {name} action must be 0 to {count - 1}, not {action}")
