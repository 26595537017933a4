"""What every inter-slice policy is."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from xapps.slicing.observation import F32, Budgets, SecondReport


class InterPolicyError(ValueError):
    """A policy's name, seed or weights that cannot be used; the message names the field and its range."""


@dataclass(frozen=True, slots=True)
class InterWeights:
    """Networks of the agents and critics as plain arrays ("power.actor.0.weight" and the like), and what they are."""

    arrays: dict[str, F32]
    metadata: dict[str, Any]
    version: int = 0
    """Counts the updates of one training; loaded weights are version 0."""


class InterPolicy(ABC):
    """Maps the report of a second to the budgets of the next."""

    def __init__(self, name: str) -> None:
        """A policy that has seen nothing yet."""
        self.name = name
        self.actions: tuple[int, int] | None = None
        """Power and bandwidth action of the last report, for the learner; None where it kept or has none."""

    @property
    def version(self) -> int:
        """Version of the weights in use; 0 where nothing learns."""
        return 0

    @abstractmethod
    def on_second(self, report: SecondReport, triggered: bool) -> Budgets | None:
        """Budgets for the next second, or None to keep those in force; to be called every second.

        Args:
            report: the second that has just passed; second 0 is the empty one before slot 0.
            triggered: the trigger's verdict on this report.

        Raises:
            ReportError: the report's traffic is malformed.
        """


def keyed_rng(seed: int, purpose: str, *key: int) -> np.random.Generator:
    """Generator of one purpose and key: draws that do not depend on what was drawn before.

    Raises:
        InterPolicyError: negative seed.
    """
    if seed < 0:
        raise InterPolicyError(f"seed: must be at least 0, not {seed}")
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), *key]))
