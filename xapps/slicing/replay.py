"""Replay buffer of a slice's agent (Algorithm 3, line 3): the newest transitions of all its users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xapps.slicing.observation import F32


@dataclass(frozen=True, slots=True)
class Batch:
    """Transitions (s, a, r, s'); a terminal one has no value of s'."""

    state: F32  # [M, features]
    action: npt.NDArray[np.int64]  # [M]
    reward: F32  # [M], or of every action [M, A]
    next_state: F32  # [M, features], zero where terminal
    terminal: npt.NDArray[np.bool_]  # [M]


class Replay:
    """Ring of at most `capacity` transitions."""

    def __init__(self, capacity: int, features: int, rewards: int | None = None) -> None:
        """An empty ring for states of `features` numbers, with a reward each or, of every action, `rewards`."""
        self._state = np.zeros((capacity, features), np.float32)
        self._action = np.zeros(capacity, np.int64)
        self._reward = np.zeros(capacity if rewards is None else (capacity, rewards), np.float32)
        self._next_state = np.zeros((capacity, features), np.float32)
        self._terminal = np.zeros(capacity, np.bool_)
        self._written = 0

    def __len__(self) -> int:
        """Number of transitions stored."""
        return min(self._written, len(self._action))

    def append(self, state: F32, action: int, reward: float | F32, next_state: F32 | None) -> None:
        """Store one transition over the oldest; next_state None: terminal."""
        place = self._written % len(self._action)
        self._state[place] = state
        self._action[place] = action
        self._reward[place] = reward
        self._next_state[place] = 0.0 if next_state is None else next_state
        self._terminal[place] = next_state is None
        self._written += 1

    def sample(self, size: int, rng: np.random.Generator) -> Batch:
        """`size` transitions, uniform with replacement."""
        rows = rng.integers(len(self), size=size)
        return Batch(
            self._state[rows], self._action[rows], self._reward[rows], self._next_state[rows], self._terminal[rows]
        )

    def mean_reward(self) -> float:
        """Mean reward of the actions taken in what is stored, 0 where nothing is."""
        if not len(self):
            return 0.0
        reward = self._reward[: len(self)]
        taken = reward if reward.ndim == 1 else np.take_along_axis(reward, self._action[: len(self), None], axis=1)
        return float(taken.mean())
