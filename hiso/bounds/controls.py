"""Negative controls: agents that must do worse, if what they see and what they learned matters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xapps.slicing.inter.base import InterPolicy
from xapps.slicing.observation import Budgets, SecondReport

_STRIDE = 7
"""Of the other world's seconds: its mixes of loads, which last longer, then follow one another in another rhythm."""


class Misled(InterPolicy):
    """A policy that sees the seconds of another world."""

    def __init__(self, policy: InterPolicy, reports: Sequence[SecondReport]) -> None:
        """`reports`: the other world's, in order."""
        super().__init__(policy.name)
        self._policy = policy
        self._reports = reports

    def on_second(self, report: SecondReport, triggered: bool) -> Budgets | None:
        """Budgets for what was seen elsewhere."""
        other = self._reports[_STRIDE * report.second % len(self._reports)]
        return self._policy.on_second(replace(other, second=report.second), triggered)
