"""Agents and references of the cards are measured alike."""

from __future__ import annotations

import pytest

from hiso.fresh_worlds import FRESH_SEEDS, TUNED_SCHEDULER, Condition, Played, play, references
from ran_emulator.scenario import load_scenario
from xapps.slicing.inter.actions import equal_power
from xapps.slicing.inter.base import InterPolicy
from xapps.slicing.observation import BudgetContext, Budgets, SecondReport

BEST_HZ = (2_000_000, 6_000_000, 2_000_000)
"""Of constant splits, in each of the fresh worlds of `base`."""


class BestConstant(InterPolicy):
    """The best constant split, which it sets at once, or as trained agents do: at the first second that it has seen."""

    def __init__(self, context: BudgetContext, first_second: int) -> None:
        super().__init__("best constant")
        self._budgets = Budgets(BEST_HZ, equal_power(context))
        self._first_second = first_second

    def on_second(self, report: SecondReport, triggered: bool) -> Budgets | None:
        return self._budgets if report.second >= self._first_second else None


@pytest.mark.parametrize("delay", [0, 2])
def test_who_holds_the_best_constant_split_has_all_of_it_whatever_the_first_second_was(delay: int) -> None:
    condition, seconds = Condition(load_scenario("base"), delay), 3
    best = references(condition, seconds).constant

    def held_from(second: int) -> Played:
        return play(condition, TUNED_SCHEDULER, lambda _world, context: BestConstant(context, second), seconds)

    at_once, as_trained = held_from(0), held_from(1)
    assert at_once.utility == pytest.approx(best.utility, rel=1e-6)  # reports are float32
    assert as_trained.utility == pytest.approx(best.utility, rel=1e-4)  # what the first second left in the queues
    for played in (at_once, as_trained):
        assert played.succeeded.tolist() == best.succeeded.tolist()
        assert played.resolved.tolist() == best.resolved.tolist()
        assert [[report.second for report in world] for world in played.reports] == [[2, 3, 4]] * len(FRESH_SEEDS)
