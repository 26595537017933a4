"""A cell and its slices' agents, slot by slot as the loop has it: for those that learn, and those without a kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hiso.bounds.references import OracleAgent, check_oracle
from hiso.observe import SLICES, SliceObserver, slice_context
from ran_emulator.cell import Cell, SecondWindow
from ran_emulator.scenario import SLICE_NAMES
from xapps.agents import SliceAgent
from xapps.slicing.intra.config import DqnConfig
from xapps.slicing.intra.policies import make_intra_policy
from xapps.slicing.networks import IntraWeights
from xapps.slicing.observation import SlotDecision
from xapps.slicing.schedulers import REFERENCE_INTRA, Scheduler

if TYPE_CHECKING:
    from xapps.slicing.intra.dqn import IntraLearner


@dataclass(frozen=True, slots=True)
class IntraLearning:
    """How slices' agents learn."""

    slots: int = 20_000
    """Over which exploration falls where training starts from scratch."""
    config: DqnConfig | None = None
    """None: the variant's own."""


class SteppedWorld:
    """For any intra-slice agents what `hiso.world.World` is for frozen policies, bit for bit."""

    def __init__(
        self,
        cell: Cell,
        scheduler: Scheduler,
        weights: Mapping[str, IntraWeights],
        learning: IntraLearning | None,
    ) -> None:
        """`weights`: by slice name, of agents that are trained. `learning` None: they stay as they are.

        Raises:
            ReferenceRunError: the oracle means nothing in the cell.
        """
        self.cell = cell
        self.learners: dict[str, IntraLearner] = {}
        self._scheduler = scheduler
        self._weights = weights
        self._learning = learning
        compact = scheduler.options.observation == "compact"
        self._observers = [SliceObserver(cell, index, learning is not None, compact) for index in SLICES]
        self._agents: Sequence[SliceAgent | OracleAgent]
        if scheduler.intra in REFERENCE_INTRA:
            check_oracle(cell.scenario, cell.control_delay_slots)
            self._agents = [OracleAgent(cell) for _ in SLICES]
        else:
            self._agents = [self._agent(index) for index in SLICES]

    def _agent(self, index: int) -> SliceAgent:
        context = slice_context(self.cell, index)
        name, seed, options = self._scheduler.intra, self.cell.seed, self._scheduler.options
        start = self._weights.get(SLICE_NAMES[index])
        policy = make_intra_policy(name, context, seed, start, options)
        if self._learning is None:
            policy.freeze()
            return SliceAgent(policy)
        from xapps.slicing.intra.dqn import IntraLearner

        slots, config = self._learning.slots, self._learning.config
        learner = IntraLearner(name, context, seed, slots, start, config, options=options)
        self.learners[SLICE_NAMES[index]] = learner
        return SliceAgent(policy, learner)

    def run(self, slots: int) -> SecondWindow | None:
        """Run `slots` slots; returns the window of the last second that they close."""
        window = None
        for _ in range(slots):
            window = self._slot() or window
        return window

    def _slot(self) -> SecondWindow | None:
        """One slot in the order of the loop: groups chosen and observed, decided for slot n + D, slot n executed."""
        cell = self.cell
        cell.begin_slot()
        for observer, agent in zip(self._observers, self._agents, strict=True):
            if observer.group_size():
                observation = observer.observation()
                decision = agent.on_observation(observation)
                self._submit(observer.slice_id, observation.decided_slot, decision)
        window = cell.execute_slot()
        if self._learning is not None:
            for observer in self._observers:
                observer.record_outcome()
        return window

    def _submit(self, slice_id: int, decided_slot: int, decision: SlotDecision) -> None:
        beams, private_power_w, common_w = decision.beams, decision.private_power_w, decision.common_power_w
        self.cell.check(slice_id, decided_slot, beams, private_power_w, common_w)
        self.cell.submit(slice_id, decided_slot, beams, private_power_w, common_w)
