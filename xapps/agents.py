"""Policy, trigger and learner of one level put together: the order of their turns is the same in every host."""

from __future__ import annotations

from typing import Protocol

from xapps.slicing.inter.base import InterPolicy, InterWeights
from xapps.slicing.inter.coma2c import CoMA2C
from xapps.slicing.intra.policies import IntraPolicy
from xapps.slicing.networks import IntraWeights
from xapps.slicing.observation import Budgets, SecondReport, SlotDecision, SlotObservation
from xapps.slicing.triggers import Trigger


class SlotLearner(Protocol):
    """What learns one slice's agent: in this process, or behind a socket."""

    def on_frame(self, observation: SlotObservation, previous: SlotDecision | None) -> IntraWeights | None:
        """Learn from a frame and the decision on the frame before; weights to take over now, if any."""


class BudgetLearner(Protocol):
    """What learns the inter-slice agents: in this process, or behind a socket."""

    def on_second(self, report: SecondReport, actions: tuple[int, int] | None) -> InterWeights | None:
        """Learn from a second and the actions taken at the report before; weights to take over now, if any."""


class SliceAgent:
    """Decides for one slice: an observation comes, the learner has its turn, then the policy decides."""

    def __init__(self, policy: IntraPolicy, learner: SlotLearner | None = None) -> None:
        """No learner: the policy stays as it is."""
        self.policy = policy
        self.learner = learner
        self._previous: SlotDecision | None = None

    def on_observation(self, observation: SlotObservation) -> SlotDecision:
        """The decision for an observation's group (Eq. 25).

        Raises:
            ValueError: a group or arrays that do not fit the policy.
        """
        if self.learner is not None:
            weights = self.learner.on_frame(observation, self._previous)
            if weights is not None:
                self.policy.load(weights)
        self._previous = None  # a decision that fails must not be taken for that of the frame before
        self._previous = self.policy.decide(observation)
        return self._previous

    def decided(self, decision: SlotDecision) -> SlotDecision | None:
        """Take note of a decision that the policy made by itself; the one on the frame before."""
        previous, self._previous = self._previous, decision
        return previous


class BudgetAgent:
    """Sets slice budgets: a report comes, the learner has its turn, the trigger is evaluated, the policy answers."""

    def __init__(self, policy: InterPolicy, trigger: Trigger, learner: BudgetLearner | None = None) -> None:
        """No learner: the policy stays as it is."""
        self.policy = policy
        self.trigger = trigger
        self.learner = learner
        self.updates = 0
        """Reports answered with budgets rather than keep."""

    def on_report(self, report: SecondReport) -> Budgets | None:
        """Budgets for the next second, or None: keep.

        Raises:
            ReportError: the report's traffic is malformed.
        """
        if self.learner is not None and isinstance(self.policy, CoMA2C):
            weights = self.learner.on_second(report, self.policy.actions)
            if weights is not None:
                self.policy.load(weights)
        budgets = self.policy.on_second(report, self.trigger.evaluate(report))
        if budgets is not None:
            self.updates += 1
        return budgets
