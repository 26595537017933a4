"""CoMA2C learning while acting and learning wait for the trigger together, one by one, or not at all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from xapps.agents import BudgetAgent
from xapps.slicing.inter.coma2c import CoMA2C, CoMA2CConfig
from xapps.slicing.observation import Budgets, SecondReport
from xapps.slicing.triggers import Trigger

if TYPE_CHECKING:
    from xapps.slicing.inter.learning import InterLearner

Gate = Literal["none", "act", "learn", "both"]
"""What waits for the trigger while agents learn."""


def usual_gate(config: CoMA2CConfig) -> Gate:
    """`both` for agents that learn as printed (Algorithm 2), `none` for others."""
    return "none" if config.ungated_seconds is None else "both"


class GatedAgent(BudgetAgent):
    """CoMA2C and its learner under a gate.

    `act`: between triggers the last budgets hold, and every second is learned from; `learn`: it acts every second
    and learns from triggered ones; `both`: it acts and learns in triggered seconds only, as printed; `none`: neither
    waits.
    """

    def __init__(
        self, policy: CoMA2C, trigger: Trigger, learner: InterLearner, gate: Gate, ungated_seconds: int
    ) -> None:
        """`policy`: one that acts when told to (its own `ungated_seconds` 0).

        `ungated_seconds`: as many are learned from before anything waits.
        """
        super().__init__(policy, trigger, learner)
        self._coma2c, self._inter_learner = policy, learner
        self._ungated_seconds = ungated_seconds
        self._acting_waits = gate in ("act", "both")
        self._learning_waits = gate in ("learn", "both")
        self._in_force: tuple[int, int] | None = None
        self._learned: tuple[int, int] | None = None
        self.learner_s = 0.0
        """Processor time of the learner."""

    def on_report(self, report: SecondReport) -> Budgets | None:
        """Learn from the second that has passed, then act or keep."""
        started_s = time.process_time()
        weights = self._inter_learner.on_second(report, self._learned)
        self.learner_s += time.process_time() - started_s
        if weights is not None:
            self._coma2c.load(weights)
        triggered = self.trigger.evaluate(report)
        is_open = triggered or self._inter_learner.stats.trained_seconds < self._ungated_seconds
        budgets = self._coma2c.on_second(report, is_open or not self._acting_waits)
        if self._coma2c.actions is not None:
            self._in_force = self._coma2c.actions
        self._learned = self._in_force if is_open or not self._learning_waits else None
        if budgets is not None:
            self.updates += 1
        return budgets
