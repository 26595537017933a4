"""The learner of CoMA2C's tuned form: both actors climb one critic, which knows each slice by its own outcomes.

The band is divided, so what a slice earns in a second follows from its own load and budgets and the impairments, and
the objective is the sum over the slices. Each reported second thus teaches the value of three slices' budgets, and
three small networks value all 150 pairs of actions: the actors climb the value that they expect over all of them,
not that of the one pair that was tried. The critic learns a second by the load of that second; the actors, who know
only the load before, act as if it stayed. Two agents that climb each on its own side can end where neither gains alone;
in the place of the entropy they are drawn to the pairs' Boltzmann distribution of temperature phi, which knows both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from xapps.slicing.inter.actions import bandwidth_grid, power_actions
from xapps.slicing.inter.base import InterWeights, keyed_rng
from xapps.slicing.inter.coma2c import CoMA2CConfig, output_counts
from xapps.slicing.inter.learning import AgentStats, InterLearner
from xapps.slicing.inter.networks import Actor, head
from xapps.slicing.inter.rewards import slice_objectives
from xapps.slicing.inter.seconds import slice_outcomes
from xapps.slicing.observation import F32, SLICE_NAMES, BudgetContext, SecondReport
from xapps.slicing.options import DEFAULT_OPTIONS

SLICES = len(SLICE_NAMES)
LISTENING_SECONDS = 16
"""Seconds that agents act in before they learn on from an earlier training; few, as nobody wants to wait."""
_OTHER_AXIS = (2, 1)
"""Of the values of pairs: what is summed over for the power agent, and for the bandwidth agent."""


def expected_value(pairs: Tensor, log_power: Tensor, log_bandwidth: Tensor) -> Tensor:
    """Value that two independent policies expect, mean over states.

    Args:
        pairs: [B, P, W] value of each pair of actions.
        log_power: [B, P] log-probabilities of the power actions.
        log_bandwidth: [B, W] log-probabilities of the bandwidth actions.
    """
    return torch.einsum("bp,bpw,bw->b", log_power.exp(), pairs, log_bandwidth.exp()).mean()


def cross_entropy(wanted: Tensor, log_policy: Tensor) -> Tensor:
    """Of a policy from the wanted one, in nats, mean over states; both [B, A]."""
    return -(wanted * log_policy).sum(1).mean()


@dataclass(slots=True)
class _Choices:
    """The distinct values of one resource that the actions give to one slice, and which of them each action gives."""

    values: Tensor  # [V], as the critic sees them
    of_action: Tensor  # [A]


class _Replay:
    """The last seconds: states, budgets, what each slice earned."""

    def __init__(self, capacity: int, inputs: int) -> None:
        self._states = np.zeros((capacity, inputs), np.float32)
        self._budgets = np.zeros((capacity, SLICES, 2), np.float32)
        self._values = np.zeros((capacity, SLICES), np.float32)
        self.added_seconds = 0

    def add(self, state: F32, budgets: F32, values: F32) -> None:
        place = self.added_seconds % len(self._states)
        self._states[place], self._budgets[place], self._values[place] = state, budgets, values
        self.added_seconds += 1

    def batch(self, rng: np.random.Generator, size: int) -> tuple[Tensor, Tensor, Tensor]:
        places = rng.integers(0, min(self.added_seconds, len(self._states)), size)
        states, budgets, values = self._states[places], self._budgets[places], self._values[places]
        return torch.from_numpy(states), torch.from_numpy(budgets), torch.from_numpy(values)


class SliceCriticLearner(InterLearner):
    """Updates after every n seconds, each a few steps on seconds drawn from those remembered.

    Agents that were trained already listen at first, with a learning rate of 0: a memory of a few seconds would have
    them forget, and so would the first steps of RMSProp, whose running squares begin at 0 (after 32 steps with that
    rate the next one is at most twice too large).
    """

    def __init__(
        self,
        config: CoMA2CConfig,
        context: BudgetContext,
        seed: int,
        weights: InterWeights | None = None,
        step_hz: int = DEFAULT_OPTIONS.bandwidth_step_hz,
    ) -> None:
        """Arguments and errors as of `InterLearner`; the remembered seconds are not among the weights."""
        super().__init__(config, context, seed, weights, step_hz)
        self._context = context
        self._rng = keyed_rng(seed, "learner.inter")
        bandwidths = np.array(bandwidth_grid(context, step_hz))  # [A, S]
        powers = np.array(power_actions(context))  # [A, S]
        self._bandwidths = _choices(self._bandwidth_inputs(bandwidths))
        self._powers = _choices(self._power_inputs(powers))
        self._actors = [Actor(config, count) for count in output_counts(config, self._counts)]
        self._critics = [head(config.slice_critic_inputs, 1) for _ in SLICE_NAMES]
        for name, network in self._networks():
            self._load(name, network)
        self._optimizer = torch.optim.RMSprop(
            [{"params": _parameters(self._actors)}, {"params": _parameters(self._critics)}],
            alpha=config.rmsprop_alpha,
        )
        self._replay = _Replay(config.replay_seconds, config.inputs)
        self._listening_seconds = LISTENING_SECONDS if self._resumed else 0
        self._rewards: list[float] = []

    def _networks(self) -> Iterable[tuple[str, nn.Module]]:
        yield from zip(self.config.agent_names, self._actors, strict=True)
        yield from zip((f"critic.{name}" for name in SLICE_NAMES), self._critics, strict=True)

    def _check_report(self, report: SecondReport) -> None:
        slice_outcomes(report)

    def _begin(self) -> None:
        pass  # no second needs the one before

    def _learn(
        self, report: SecondReport, features: F32, reward: float, actions: tuple[int, int] | None
    ) -> InterWeights | None:
        if actions is None:
            return None
        bandwidth_hz, power_w, eta_bps_hz = slice_outcomes(report)
        budgets = np.stack([self._bandwidth_inputs(bandwidth_hz), self._power_inputs(power_w)], axis=-1)
        values = slice_objectives(report.ssr.astype(np.float64), eta_bps_hz, self.config.sla_weight)
        self._replay.add(features, budgets.astype(np.float32), values.astype(np.float32))
        self._rewards.append(reward)
        if len(self._rewards) < self.config.update_seconds:
            return None
        phi = self._entropy_weight
        listens = self._replay.added_seconds <= self._listening_seconds
        rates = (self.config.actor_learning_rate, self.config.critic_learning_rate)
        for group, rate in zip(self._optimizer.param_groups, rates, strict=True):
            group["lr"] = 0.0 if listens else rate
        for _ in range(self.config.steps_per_update):
            losses, of_critic, log_policies = self._step(phi)
        for name, loss, log_policy in zip(self.config.agent_names, losses, log_policies, strict=True):
            entropy = cross_entropy(log_policy.exp(), log_policy)
            self.stats.agents[name] = AgentStats(loss.item(), of_critic.item(), entropy.item())
        rewards, self._rewards = self._rewards, []
        return None if listens else self._updated(rewards)

    def _step(self, phi: float) -> tuple[list[Tensor], Tensor, list[Tensor]]:
        """One step; before it, the actors' losses, the critic's, and the policies' log-probabilities [B, A]."""
        states, budgets, values = self._replay.batch(self._rng, self.config.batch_seconds)
        earned = torch.stack(
            [self._value(index, states, budgets[:, index, 0], budgets[:, index, 1]) for index in range(SLICES)], dim=1
        )
        of_critic = functional.mse_loss(earned, values)
        with torch.no_grad():
            pairs = self._pairs(states)  # [B, powers, bandwidths]
            wanted = torch.softmax(pairs.flatten(1) / phi, 1).reshape(pairs.shape)  # over pairs
        log_policies = [actor.log_policy(states) for actor in self._actors]
        expected = expected_value(pairs, *log_policies)
        of_actors = [cross_entropy(wanted.sum(axis), log) for axis, log in zip(_OTHER_AXIS, log_policies, strict=True)]
        loss = of_critic - expected + phi * (of_actors[0] + of_actors[1])
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self.config.gradient_norm is not None:
            for network in (*self._actors, *self._critics):
                nn.utils.clip_grad_norm_(network.parameters(), self.config.gradient_norm)
        self._optimizer.step()
        losses = [(phi * of_agent - expected).detach() for of_agent in of_actors]
        return losses, of_critic.detach(), [log_policy.detach() for log_policy in log_policies]

    def _pairs(self, states: Tensor) -> Tensor:
        """Value of each pair of actions, [B, powers, bandwidths]."""
        total: Tensor = torch.zeros(())
        for index in range(SLICES):
            power, bandwidth = self._powers[index], self._bandwidths[index]
            shape = (len(states), len(power.values), len(bandwidth.values))
            of_slice = self._value(
                index,
                states.repeat_interleave(shape[1] * shape[2], 0),
                bandwidth.values.repeat(shape[0] * shape[1]),
                power.values.repeat_interleave(shape[2]).repeat(shape[0]),
            ).reshape(shape)
            total = total + of_slice[:, power.of_action][:, :, bandwidth.of_action]
        return total

    def _value(self, index: int, states: Tensor, bandwidth: Tensor, power: Tensor) -> Tensor:
        """What a slice earns, [B], from states [B, inputs] and its budgets [B]."""
        inputs = torch.cat(
            [states[:, index : index + 1], bandwidth.unsqueeze(1), power.unsqueeze(1), states[:, SLICES:]], 1
        )
        earned: Tensor = self._critics[index](inputs).squeeze(1)
        return earned

    def _bandwidth_inputs(self, bandwidth_hz: np.ndarray) -> np.ndarray:
        """Bandwidths as shares of the total, spread."""
        return 4 * bandwidth_hz / self._context.total_bandwidth_hz - 1

    def _power_inputs(self, power_w: np.ndarray) -> np.ndarray:
        """Powers by decades below the total."""
        return np.log10(power_w / self._context.total_power_w) + 1


def _choices(inputs: np.ndarray) -> list[_Choices]:
    """Of each slice, from what the critic sees of each action's budgets [A, S]."""
    found = []
    for column in inputs.T:
        values, of_action = np.unique(column.astype(np.float32), return_inverse=True)
        found.append(_Choices(torch.from_numpy(values), torch.from_numpy(of_action)))
    return found


def _parameters(networks: Iterable[nn.Module]) -> list[nn.Parameter]:
    return [parameter for network in networks for parameter in network.parameters()]
