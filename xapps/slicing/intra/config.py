"""How MADQN's agents learn: hyperparameters of each variant, without torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class DqnConfig:
    """Hyperparameters: Table 3 where the paper gives them, its reference [35]'s line or ours where it is silent."""

    learning_rate: float
    epsilon_end: float
    """Exploration ends here; it starts at what the first weights say (1 from scratch)."""
    reward_clip: float
    """mu of Eq. 26."""
    difference_reward: bool
    """Reward the slice's sum in difference form instead of the user's own rate."""
    reward_scale: float
    """Rewards are divided by it."""
    discount: float = 0.95  # Table 3
    replay_capacity: int = 1_000  # Table 3
    batch_size: int = 32
    learning_starts: int = 256
    """Transitions stored before the first update."""
    target_period: int = 200
    """Updates between copies to the target network (Table 3)."""
    frames_per_update: int = 1
    epsilon_decay_share: float = 0.5
    """Share of the training over which epsilon falls from where it starts to its end, by one factor a slot."""
    all_actions: bool = False
    """Learn from what every action would have earned on a slot's own channels (`action_rewards`); of the tuned form
    alone, where p_c is no action."""
    averaging: float = 0.0
    """Weights that act are a mean over the updates: each one's weight falls by this factor with every later one. 0: the
    last ones act."""

    def __post_init__(self) -> None:
        """Refuse what has no meaning together."""
        if self.all_actions and (self.discount > 0.0 or not self.difference_reward):
            raise ValueError(
                "all_actions: needs difference_reward, and discount 0 (only a taken action has a next state)"
            )


PAPER = DqnConfig(learning_rate=5e-4, epsilon_end=0.01, reward_clip=20.0, difference_reward=False, reward_scale=1.0)
# A slot's decision hardly moves the next state, so a bandit learns the same policy without the noise of a bootstrap.
# Its reward is known for every action as well as for the one taken, which saves most of the exploration.
TUNED = DqnConfig(
    learning_rate=1e-3,
    epsilon_end=0.02,
    reward_clip=40.0,
    difference_reward=True,
    reward_scale=10.0,
    discount=0.0,
    replay_capacity=10_000,
    batch_size=64,
    all_actions=True,
    averaging=0.999,
)
CONFIGS = {"madqn": PAPER, "madqn-tuned": TUNED}


def check_config(policy: str, config: DqnConfig) -> None:
    """Whether a variant can learn so.

    Raises:
        ValueError: it cannot; the message names the field.
    """
    if config.all_actions and policy != "madqn-tuned":
        raise ValueError(f"all_actions: only madqn-tuned learns from every action's reward, not {policy}")


def changed_dqn_config(policy: str, changes: dict[str, Any]) -> DqnConfig:
    """The configuration of a variant with some fields exchanged, given as plain data.

    Raises:
        ValueError: they do not go together.
    """
    config = replace(CONFIGS[policy], **changes)
    check_config(policy, config)
    return config
