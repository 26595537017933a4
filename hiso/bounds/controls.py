"""Controls: inter-slice agents without what they see, which must do worse if that matters, or without one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xapps.slicing.inter.actions import equal_power
from xapps.slicing.inter.base import InterPolicy
from xapps.slicing.observation import BudgetContext, Budgets, SecondReport

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


class EqualPower(InterPolicy):
    """A policy of whose budgets the bandwidths alone count: every slice has a third of the power."""

    def __init__(self, policy: InterPolicy, context: BudgetContext) -> None:
        """`context`: totals and floors."""
        super().__init__(policy.name)
        self._policy = policy
        self._power_w = equal_power(context)

    def on_second(self, report: SecondReport, triggered: bool) -> Budgets | None:
        """The policy's budgets with equal powers."""
        budgets = self._policy.on_second(report, triggered)
        return None if budgets is None else replace(budgets, power_w=self._power_w)
