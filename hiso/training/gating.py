"""CoMA2C learning while acting and learning wait for the trigger together, one by one, or not at all."""

from __future__ import annotations

import time

from xapps.agents import BudgetAgent
from xapps.slicing.inter.coma2c import CoMA2C
from xapps.slicing.inter.learning import InterLearner
from xapps.slicing.observation import Budgets, SecondReport
from xapps.slicing.triggers import Trigger

UNGATED_SECONDS = 200
"""Of learning before a gate closes (Algorithm 2)."""


class GatedAgent(BudgetAgent):
    """CoMA2C and its learner under a gate.

    `act`: between triggers the last budgets hold, and every second is learned from; `learn`: it acts every second
    and learns from triggered ones; `both`: it acts and learns in triggered seconds only, as printed; `none`: neither
    waits.
    """

    def __init__(self, policy: CoMA2C, trigger: Trigger, learner: InterLearner, gate: str) -> None:
        """`policy`: one that acts when told to (`ungated_seconds` 0)."""
        super().__init__(policy, trigger, learner)
        self._coma2c, self._learner = policy, learner
        self._acting_waits = gate in ("act", "both")
        self._learning_waits = gate in ("learn", "both")
        self._in_force: tuple[int, int] | None = None
        self._learned: tuple[int, int] | None = None
        self.learner_s = 0.0
        """Processor time of the learner."""

    def on_report(self, report: SecondReport) -> Budgets | None:
        """Learn from the second that has passed, then act or keep."""
        started_s = time.process_time()
        weights = self._learner.on_second(report, self._learned)
        self.learner_s += time.process_time() - started_s
        if weights is not None:
            self._coma2c.load(weights)
        triggered = self.trigger.evaluate(report)
        is_open = triggered or self._learner.stats.trained_seconds < UNGATED_SECONDS
        budgets = self._coma2c.on_second(report, is_open or not self._acting_waits)
        if self._coma2c.actions is not None:
            self._in_force = self._coma2c.actions
        self._learned = self._in_force if is_open or not self._learning_waits else None
        if budgets is not None:
            self.updates += 1
        return budgets
