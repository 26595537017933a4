"""MADQN's learner: one DQN a slice, shared by its users (Algorithm 3, Eq. 33, 34).

Frames in, weights out. Equal frames and seed give bitwise equal weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from xapps.slicing.features import CANDIDATES
from xapps.slicing.intra.config import CONFIGS, DqnConfig, check_config
from xapps.slicing.intra.decision import make_parameters, observe
from xapps.slicing.intra.policies import (
    KINDS,
    LEARNING,
    check_difference_reward,
    checked_reports,
    network_layers,
    untrained_weights,
)
from xapps.slicing.intra.powers import MIDDLE_SHARE, dbm_level_w, level_w
from xapps.slicing.networks import IntraWeights, Layers, parameter_count, split_layers
from xapps.slicing.observation import (
    F32,
    SOURCE_CONTROL,
    SliceContext,
    SlotDecision,
    SlotObservation,
    SlotOutcome,
)
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions
from xapps.slicing.replay import Batch, Replay
from xapps.slicing.rewards import SliceChannels, action_rewards, difference_rewards, own_reward

NEXT_STATE_SLOTS = 20
"""A user's next observation within so many slots is the next state; later, the transition is terminal."""


class IntraStats(NamedTuple):
    """What a learner shows of itself."""

    loss: float
    reward: float
    epsilon: float
    updates: int


class QNetwork(nn.Module):
    """Two hidden ReLU layers; weights in the order of the compiled forward pass."""

    def __init__(self, layers: Layers) -> None:
        """A network with weights still to be loaded."""
        super().__init__()
        inputs, first, second, outputs = layers
        self.layers = layers
        self.first = nn.Linear(inputs, first)
        self.second = nn.Linear(first, second)
        self.output = nn.Linear(second, outputs)

    def forward(self, state: Tensor) -> Tensor:
        """Q-values [M, actions] of states [M, features]."""
        hidden = torch.relu(self.first(state))
        hidden = torch.relu(self.second(hidden))
        values: Tensor = self.output(hidden)
        return values

    def _dense(self) -> tuple[nn.Linear, nn.Linear, nn.Linear]:
        return self.first, self.second, self.output

    def load_flat(self, flat: F32) -> None:
        """Take the weights of a flat vector (torch keeps its matrices transposed)."""
        with torch.no_grad():
            for layer, (matrix, bias) in zip(self._dense(), split_layers(self.layers, flat), strict=True):
                layer.weight.copy_(torch.from_numpy(matrix.T.copy()))
                layer.bias.copy_(torch.from_numpy(bias.copy()))

    def to_flat(self) -> F32:
        """Inverse of `load_flat`."""
        parts = []
        for layer in self._dense():
            parts += [layer.weight.detach().numpy().T.ravel(), layer.bias.detach().numpy()]
        return np.concatenate(parts).astype(np.float32)


def td_loss(network: QNetwork, target: QNetwork, batch: Batch, discount: float) -> Tensor:
    """Eq. 34: 1/(2M) sum (r + gamma max_a' Q(s', a'; target) - Q(s, a))^2, the bootstrap 0 where terminal.

    Where the reward of every action is known, the mean over all of them, without a bootstrap.
    """
    if batch.reward.ndim == 2:
        loss: Tensor = ((torch.from_numpy(batch.reward) - network(torch.from_numpy(batch.state))) ** 2).mean() / 2
        return loss
    with torch.no_grad():
        bootstrap = target(torch.from_numpy(batch.next_state)).max(dim=1).values
        bootstrap = bootstrap.masked_fill(torch.from_numpy(batch.terminal), 0.0)
        wanted = torch.from_numpy(batch.reward) + discount * bootstrap
    chosen = network(torch.from_numpy(batch.state)).gather(1, torch.from_numpy(batch.action)[:, None])[:, 0]
    loss = ((wanted - chosen) ** 2).mean() / 2
    return loss


@dataclass(slots=True)
class _Transition:
    """One user's decision on its way to the replay."""

    slot: int  # decided for
    user_id: int
    state: F32
    action: int
    ssr: float
    group: int  # users decided for
    ranked: npt.NDArray[np.int16]  # [R], the candidate beams
    reward: float | F32 | None = None
    next_state: F32 | None = None
    ended: bool = False  # its next state is known, or known to be none


def _checked_config(policy: str, context: SliceContext, training_slots: int, config: DqnConfig | None) -> DqnConfig:
    """The given configuration, or the policy's own; errors as of `IntraLearner`."""
    if policy not in LEARNING:
        raise ValueError(f"policy: {policy!r} does not learn (these do: {', '.join(LEARNING)})")
    if training_slots < 1:
        raise ValueError(f"training_slots: {training_slots}, must be at least 1")
    config = config or CONFIGS[policy]
    check_config(policy, config)
    if config.difference_reward:
        check_difference_reward(policy, context.access, context.precoder)
    return config


class IntraLearner:
    """Trains one slice's agent from its frames."""

    def __init__(
        self,
        policy: str,
        context: SliceContext,
        seed: int,
        training_slots: int,
        weights: IntraWeights | None = None,
        config: DqnConfig | None = None,
        options: AgentOptions = DEFAULT_OPTIONS,
    ) -> None:
        """Start from `weights`, or from scratch.

        Raises:
            ValueError: a policy that does not learn, no slots, weights that do not fit, or a difference reward
                under an access without shared bands or a precoder other than the codebook.
        """
        self.config = _checked_config(policy, context, training_slots, config)
        self.policy = policy
        self.context = context
        self.weights = weights or untrained_weights(policy, context, seed, options)
        layers = network_layers(policy, context.beams, options)
        if self.weights.flat.shape != (parameter_count(layers),):
            raise ValueError(f"weights: expected {parameter_count(layers)} numbers, got {self.weights.flat.shape}")
        torch.set_num_threads(1)  # more would be slower here, and reorder sums
        self._network, self._target = QNetwork(layers), QNetwork(layers)
        self._network.load_flat(self.weights.flat)
        self._target.load_flat(self.weights.flat)
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=self.config.learning_rate, fused=True)
        self._all_actions = self.config.all_actions and options.action != "pc_pp_beam"
        self.replay = Replay(self.config.replay_capacity, layers[0], layers[3] if self._all_actions else None)
        self._power_levels = options.power_levels
        self._rng = np.random.default_rng([seed, context.slice_id, 1])
        self._kind = KINDS[policy]
        self._observer = make_parameters(self._kind, layers, context.beams, seed, 0, options)
        self._no_gains = np.zeros((0, context.beams), np.float32)
        decay_slots = max(1.0, self.config.epsilon_decay_share * training_slots)
        self._epsilon_factor = self.config.epsilon_end ** (1.0 / decay_slots)
        self._epsilon_start = max(self.weights.epsilon, self.config.epsilon_end)
        self._first_slot: int | None = None
        self._pending: SlotObservation | None = None
        self._open: dict[tuple[int, int], _Transition] = {}  # by (user, slot)
        self._average = self.weights.flat.astype(np.float32)
        self._from_scratch = self.weights.epsilon == 1.0
        self._frames = 0
        self._updates = 0
        self._loss = 0.0

    @property
    def stats(self) -> IntraStats:
        """Loss of the last update, mean reward in the replay, epsilon of the last published version, updates."""
        return IntraStats(self._loss, self.replay.mean_reward(), self.weights.epsilon, self._updates)

    def on_frame(self, observation: SlotObservation, previous: SlotDecision | None) -> IntraWeights | None:
        """Learn from one frame: its outcomes, and the decision taken on the frame before (None: there was none).

        Returns the next version where an update was made.

        Raises:
            ValueError: outcomes without the learning detail that a difference reward needs.
        """
        if self._first_slot is None:
            self._first_slot = observation.decided_slot
        if self._pending is not None and previous is not None:
            self._open_transitions(self._pending, previous)
        self._pending = observation
        for outcome in observation.outcomes:
            self._reward(outcome)
        self._link_next_states(observation)
        self._store_complete(observation)
        self._frames += 1
        ready = len(self.replay) >= self.config.learning_starts
        if not ready or self._frames % self.config.frames_per_update:
            return None
        self._update()
        self.weights = IntraWeights(
            version=self.weights.version + 1,
            epsilon=self._epsilon(observation.decided_slot),
            flat=self._average,
            weights_id=f"{self.policy}-learning",
        )
        return self.weights

    def cut_off(self, observed_slot: int) -> None:
        """Forget what is open where a frame's predecessors are missing, which is no end of it; before `on_frame`."""
        if self._pending is not None and observed_slot - self._pending.observed_slot > NEXT_STATE_SLOTS:
            self._open.clear()

    def _epsilon(self, slot: int) -> float:
        elapsed = slot - (self._first_slot or 0)
        return float(max(self.config.epsilon_end, self._epsilon_start * self._epsilon_factor**elapsed))

    def _states(self, observation: SlotObservation) -> F32:
        """Network inputs [K, features] of a group, by the code that decides."""
        count = len(observation.user_ids)
        beam_gains = np.array(observation.beam_gains)
        if self._observer.compact:
            self._observer.reports[:count] = checked_reports(observation, count)
            beam_gains = self._no_gains
        observe(
            self._kind,
            self._observer,
            float(observation.power_w),
            float(observation.noise_w),
            int(observation.hwi_model),
            float(observation.kappa_t),
            float(observation.kappa_r),
            count,
            np.array(observation.last_outcome),
            beam_gains,
        )
        return self._observer.features[:count, : self._observer.layers[0]].copy()

    def _open_transitions(self, observation: SlotObservation, decision: SlotDecision) -> None:
        """(s, a) of each user of a decided group."""
        if decision.actions is None:
            raise ValueError(f"actions: missing in a decision of {self.policy}")
        states = self._states(observation)
        ranked = self._observer.ranked.copy()
        slot = int(observation.decided_slot)
        for k, user in enumerate(observation.user_ids.tolist()):
            self._open[user, slot] = _Transition(
                slot, user, states[k], int(decision.actions[k]), float(observation.ssr[k]), len(states), ranked[k]
            )

    def _reward(self, outcome: SlotOutcome) -> None:
        """Rewards of the open transitions that an executed slot ends; fallbacks and silent grants give none."""
        matched: list[tuple[int, _Transition]] = []
        ssr = np.ones(len(outcome.user_ids), np.float32)
        for k, user in enumerate(outcome.user_ids.tolist()):
            transition = self._open.get((user, int(outcome.slot)))
            if transition is None:
                continue
            ssr[k] = transition.ssr
            if outcome.decision_source[k] != SOURCE_CONTROL or outcome.rate_bps[k] <= 0.0:
                del self._open[user, int(outcome.slot)]
            else:
                matched.append((k, transition))
        if not matched:
            return
        if self._all_actions:
            rewards = self._action_rewards(outcome, ssr, matched)
        elif self.config.difference_reward:
            rewards = self._difference_rewards(outcome, ssr)
        else:
            rewards = self._own_rewards(outcome, ssr)
        rewards /= np.float32(self.config.reward_scale)
        for k, transition in matched:
            transition.reward = rewards[k]
            # Without a bootstrap nothing waits for a next state.
            transition.ended = transition.ended or self._all_actions

    def _own_rewards(self, outcome: SlotOutcome, ssr: F32) -> F32:
        """Eq. 26 of each user; b_u is the slice's band, or its share of it under ofdma and rsma-split."""
        shares = len(outcome.user_ids) if self.context.access in ("ofdma", "rsma-split") else 1
        band_hz = outcome.bandwidth_hz / shares
        rewards = [
            own_reward(
                rate / band_hz,
                rate,
                satisfied,
                self.context.min_rate_bps,
                self.context.ssr_threshold,
                self.config.reward_clip,
            )
            for rate, satisfied in zip(outcome.rate_bps.tolist(), ssr.tolist(), strict=True)
        ]
        return np.array(rewards, np.float32)

    def _difference_rewards(self, outcome: SlotOutcome, ssr: F32) -> F32:
        """S(a) - S(a_-i, default_i) on the executed slot's own channels and noise, over the users that transmitted."""
        active = np.flatnonzero(outcome.rate_bps > 0.0)
        count = len(active)
        channels = self._channels(outcome, active)
        rewards = np.zeros(count)
        difference_rewards(
            count,
            outcome.beams[active],
            outcome.private_power_w[active],
            float(outcome.common_power_w),
            dbm_level_w(MIDDLE_SHARE, channels.power_w, count),
            channels,
            ssr[active],
            self.context.min_rate_bps,
            self.context.ssr_threshold,
            self.config.reward_clip,
            rewards,
        )
        by_row = np.zeros(len(outcome.user_ids), np.float32)
        by_row[active] = rewards
        return by_row

    def _action_rewards(self, outcome: SlotOutcome, ssr: F32, matched: list[tuple[int, _Transition]]) -> F32:
        """What each action of each user would have earned [K, A], in place of the one of `_difference_rewards`."""
        active = np.flatnonzero(outcome.rate_bps > 0.0)
        # Users decided for that had nothing left to send are no part of the outcome; their power stays unused.
        group, count = matched[0][1].group, len(active)
        channels = self._channels(outcome, active)
        ranked = np.zeros((len(outcome.user_ids), CANDIDATES), np.int16)
        for k, transition in matched:
            ranked[k] = transition.ranked
        levels = self._power_levels
        dbm = self._observer.dbm_levels
        levels_w = [level_w(dbm, level, levels, channels.power_w, group) for level in range(levels)]
        rewards = np.zeros((count, CANDIDATES * levels), np.float32)
        action_rewards(
            count,
            group,
            outcome.beams[active],
            dbm_level_w(MIDDLE_SHARE, channels.power_w, group),
            channels,
            ssr[active],
            self.context.min_rate_bps,
            self.context.ssr_threshold,
            self.config.reward_clip,
            ranked[active],
            np.array(levels_w, np.float32),
            rewards,
        )
        by_row = np.zeros((len(ranked), rewards.shape[1]), np.float32)
        by_row[active] = rewards
        return by_row

    def _channels(self, outcome: SlotOutcome, active: npt.NDArray[np.intp]) -> SliceChannels:
        """What the rates of an executed slot's rows `active` followed from."""
        detail = outcome.learning_detail
        if detail is None:
            raise ValueError(f"outcome of slot {outcome.slot}: learning detail is missing (action definition)")
        return SliceChannels(
            beam_gains=detail.beam_gains[active],
            common_gain=detail.common_gain[active],
            channel_gain=detail.channel_gain[active],
            antennas=self.context.antennas,
            common_stream=self.context.access == "rsma",
            bandwidth_hz=float(outcome.bandwidth_hz),
            power_w=float(outcome.power_w),
            noise_w=float(detail.noise_w),
            hwi_model=int(detail.hwi_model),
            kappa_t=float(detail.kappa_t),
            kappa_r=float(detail.kappa_r),
        )

    def _link_next_states(self, observation: SlotObservation) -> None:
        """This observation is the next state of its users' open transitions; those too old end without one."""
        if self._all_actions:
            return  # there is no bootstrap
        slot = int(observation.decided_slot)
        rows = {user: k for k, user in enumerate(observation.user_ids.tolist())}
        states: F32 | None = None
        for transition in self._open.values():
            if transition.ended or transition.slot >= slot:
                continue
            if slot - transition.slot > NEXT_STATE_SLOTS:
                transition.ended = True
            elif transition.user_id in rows:
                states = self._states(observation) if states is None else states
                transition.next_state = states[rows[transition.user_id]]
                transition.ended = True

    def _store_complete(self, observation: SlotObservation) -> None:
        """Move complete transitions to the replay by user id; forget those whose outcome never came."""
        complete = [t for t in self._open.values() if t.ended and t.reward is not None]
        for transition in sorted(complete, key=lambda t: (t.user_id, t.slot)):
            assert transition.reward is not None
            self.replay.append(transition.state, transition.action, transition.reward, transition.next_state)
            del self._open[transition.user_id, transition.slot]
        oldest = int(observation.observed_slot) - 2 * NEXT_STATE_SLOTS
        for key in [key for key in self._open if key[1] < oldest]:
            del self._open[key]

    def _update(self) -> None:
        """One gradient step (Algorithm 3, lines 15-19)."""
        batch = self.replay.sample(self.config.batch_size, self._rng)
        loss = td_loss(self._network, self._target, batch, self.config.discount)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._updates += 1
        self._loss = float(loss.detach())
        newest = 1.0 - self.config.averaging
        if self._from_scratch:  # the first weights are noise: a tenth of the updates so far is remembered, at most all
            newest = max(newest, 10.0 / (9.0 + self._updates))
        flat = self._network.to_flat()
        self._average = flat if newest >= 1.0 else self._average + np.float32(newest) * (flat - self._average)
        # What makes it a DQN rather than Q-learning on a moving target: the copy is rare.
        if self._updates % self.config.target_period == 0:
            self._target.load_state_dict(self._network.state_dict())
