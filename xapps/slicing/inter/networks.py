"""Networks of the inter-slice agents as their learners have them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from xapps.slicing.inter.coma2c import CORE_UNITS, HEAD_UNITS, CoMA2CConfig

CoreState = tuple[Tensor, Tensor]
"""Hidden and cell state of the shared layer, [1, 1, cells] each."""


class Actor(nn.Module):
    """One agent without memory or critic: the shared layer, and the actor's head."""

    def __init__(self, config: CoMA2CConfig, actions: int) -> None:
        """Layers of Table 3; the weights are loaded from arrays afterwards."""
        super().__init__()
        self.core = nn.Linear(config.inputs, CORE_UNITS)
        self.actor = head(CORE_UNITS, actions)

    def log_policy(self, features: Tensor) -> Tensor:
        """Log-probabilities of the actions, [B, A], from features [B, inputs]."""
        return functional.log_softmax(self.actor(torch.tanh(self.core(features))), 1)


class ActorCritic(nn.Module):
    """One agent with a critic of its own, and with a memory where its core is an LSTM."""

    def __init__(self, config: CoMA2CConfig, actions: int) -> None:
        """Layers of Table 3; the weights are loaded from arrays afterwards."""
        super().__init__()
        kind = nn.LSTM if config.core == "lstm" else nn.Linear
        self.core: nn.Module = kind(config.inputs, CORE_UNITS)
        self.actor = head(CORE_UNITS, actions)
        self.critic = head(CORE_UNITS, 1)

    def remember(self, features: Tensor, state: CoreState) -> tuple[Tensor, CoreState]:
        """Pass consecutive seconds through the shared layer.

        Args:
            features: [T, inputs].
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


def head(inputs: int, outputs: int) -> nn.Sequential:
    """Two hidden layers of 32, rectified."""
    return nn.Sequential(
        nn.Linear(inputs, HEAD_UNITS),
        nn.ReLU(),
        nn.Linear(HEAD_UNITS, HEAD_UNITS),
        nn.ReLU(),
        nn.Linear(HEAD_UNITS, outputs),
    )
