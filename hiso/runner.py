"""A whole run in this process: the cell and its agents without sockets, slot by slot as the loop would have it.

The same seed gives the same trace here and in the distributed system in lock-step. Frozen policies run in one
compiled loop, learning ones step by step; both give the same trace.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hiso.bounds.references import Clairvoyant, ReferenceRunError
from hiso.bounds.split_tables import SplitWorlds
from hiso.observe import budget_context, second_report, slice_contexts
from hiso.stepped_world import IntraLearning, SteppedWorld
from hiso.world import World, slice_weights
from ran_emulator.cell import Cell, SecondWindow, cell_name
from ran_emulator.events import TimedChange
from ran_emulator.scenario import PRESETS, SLOTS_PER_SECOND, Scenario
from ran_emulator.summary import Totals, cell_summary, totals
from xapps.agents import BudgetAgent
from xapps.slicing.inter.coma2c import COMA2C_CONFIGS
from xapps.slicing.inter.policies import make_inter_policy
from xapps.slicing.intra.policies import LEARNING
from xapps.slicing.networks import IntraWeights
from xapps.slicing.schedulers import REFERENCE_INTER, REFERENCE_INTRA, Scheduler
from xapps.slicing.triggers import make_trigger
from xapps.slicing.weights import (
    INTER_OPTION_FIELDS,
    INTRA_OPTION_FIELDS,
    Weights,
    WeightsError,
    check_trained_options,
)
from xapps.trained import (
    find_weights,
    inter_weights,
    is_shipped,
    trained_name,
)

if TYPE_CHECKING:
    from xapps.slicing.inter.learning import InterLearner
    from xapps.slicing.intra.dqn import IntraLearner

Progress = Callable[[SecondWindow], None]
"""Called with each closed second."""


@dataclass(frozen=True, slots=True)
class RunWeights:
    """Trained weights of a run; None: none are needed, or untrained ones."""

    inter: Weights | None = None
    intra: Weights | None = None

    @property
    def weights_id(self) -> str | None:
        """Ids of both levels, joined by "+"; None where nothing is trained."""
        return "+".join(weights.weights_id for weights in (self.inter, self.intra) if weights is not None) or None


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run gave."""

    summary: dict[str, Any]
    """Of the cell: `ran_emulator.summary.cell_summary`."""
    weights_id: str | None
    inter_slice_updates: int
    trigger_evaluations: int
    wall_s: float


def weights_reference(scenario: Scenario, variant: str, control_delay_slots: int, folder: Path | None = None) -> str:
    """Name or path of the trained weights of a variant: in a folder as `hiso train --out` leaves it, or shipped.

    Of those shipped a scenario of one's own takes those of the preset that is most like it.
    """
    if folder is not None:
        return str(folder / f"{trained_name(variant, scenario.name, control_delay_slots)}.npz")
    preset = scenario.name
    if preset not in PRESETS:
        preset = "base" if scenario.regimes is None else "regimes"
    return trained_name(variant, preset, control_delay_slots)


def default_weights(
    scenario: Scenario, scheduler: Scheduler, control_delay_slots: int, folder: Path | None = None
) -> RunWeights:
    """The weights for a scheduler, by `weights_reference`.

    Raises:
        WeightsError: they are missing or unusable, or trained for other actions than the scheduler's.
    """

    def find(variant: str, action_fields: tuple[str, ...]) -> Weights:
        reference = weights_reference(scenario, variant, control_delay_slots, folder)
        if folder is None and not is_shipped(reference):
            raise WeightsError(
                f"weights: {reference} is not shipped: hiso train with this run's --scheduler, --inter and --scenario "
                f"and --control-delay-slots {control_delay_slots}, then --weights DIR (or --from-scratch)"
            )
        weights = find_weights(reference)
        check_trained_options(weights, scheduler.options, action_fields)
        return weights

    return RunWeights(
        inter=find(scheduler.inter, INTER_OPTION_FIELDS) if scheduler.inter in COMA2C_CONFIGS else None,
        intra=find(scheduler.intra, INTRA_OPTION_FIELDS) if scheduler.intra in LEARNING else None,
    )


class Runner:
    """A cell and its agents, to be advanced by any number of slots."""

    def __init__(
        self,
        scenario: Scenario,
        scheduler: Scheduler,
        seed: int,
        control_delay_slots: int = 0,
        learn: bool = False,
        from_scratch: bool = False,
        weights: RunWeights | None = None,
        compiled: bool = True,
        timeline: Sequence[TimedChange] = (),
        cell: int = 0,
        budget_agent: BudgetAgent | None = None,
        intra_learning: IntraLearning | None = None,
    ) -> None:
        """`weights` None: the shipped ones, or with `from_scratch` untrained ones. Learning needs torch.

        `compiled` False: step by step also where nothing learns. `timeline`: changes at their slots.
        `cell`: which of several cells of the seed. `budget_agent`: in place of the scheduler's inter-slice policy
        and trigger. `intra_learning` None: as it is usual, where intra-slice agents learn.

        Raises:
            WeightsError: weights that are missing or do not fit.
            ValueError: a policy's or trigger's name, seed, weights or an event that cannot be used, or a reference
                that means nothing in this run.
        """
        if weights is None:
            weights = RunWeights() if from_scratch else default_weights(scenario, scheduler, control_delay_slots)
        self.scheduler = scheduler
        self.weights = weights
        self.wall_s = 0.0
        self.intra_learners: dict[str, IntraLearner] = {}
        self.inter_learner: InterLearner | None = None
        self._timeline = timeline
        self._unmeasured: tuple[Totals, int, int] | None = None
        learning = (intra_learning or IntraLearning()) if learn and scheduler.intra in LEARNING else None
        self._slice_weights = self._trained_slices(scenario, control_delay_slots)
        self._world = self._make_world(scenario, seed, control_delay_slots, cell, learning, compiled)
        self.cell = self._world.cell
        self.cell.schedule(timeline)
        self._budget_agent = budget_agent or self._make_budget_agent(learn and scheduler.inter in COMA2C_CONFIGS)
        self._set_budgets(self.cell.window())  # the empty report before slot 0

    def _trained_slices(self, scenario: Scenario, control_delay_slots: int) -> dict[str, IntraWeights]:
        trained, contexts = self.weights.intra, slice_contexts(scenario, control_delay_slots)
        return {} if trained is None else slice_weights(contexts, self.scheduler.intra, trained, self.scheduler.options)

    def _make_world(
        self,
        scenario: Scenario,
        seed: int,
        control_delay_slots: int,
        cell: int,
        learning: IntraLearning | None,
        compiled: bool,
    ) -> World | SteppedWorld:
        """The cell and its slices' agents: in one compiled loop where they can be."""
        intra, options = self.scheduler.intra, self.scheduler.options
        if compiled and learning is None and intra not in REFERENCE_INTRA:
            return World(scenario, seed, intra, control_delay_slots, self._slice_weights, options, cell)
        bare = Cell(scenario, seed, control_delay_slots, cell_name(cell))
        world = SteppedWorld(bare, self.scheduler, self._slice_weights, learning)
        self.intra_learners = world.learners
        return world

    def _make_budget_agent(self, learns: bool) -> BudgetAgent:
        cell, scheduler = self.cell, self.scheduler
        context = budget_context(cell.scenario, cell.control_delay_slots)
        trigger = make_trigger(scheduler.trigger)
        if scheduler.inter in REFERENCE_INTER:
            return BudgetAgent(Clairvoyant(scheduler.inter, context, self._split_worlds), trigger)
        step_hz = scheduler.options.bandwidth_step_hz
        start = None if self.weights.inter is None else inter_weights(self.weights.inter, scheduler.options)
        policy = make_inter_policy(scheduler.inter, context, cell.seed, start, learning=learns, step_hz=step_hz)
        if learns:
            from xapps.slicing.inter.learners import make_inter_learner

            config = COMA2C_CONFIGS[scheduler.inter]
            self.inter_learner = make_inter_learner(config, context, cell.seed, start, step_hz)
        return BudgetAgent(policy, trigger, self.inter_learner)

    def _split_worlds(self) -> SplitWorlds:
        """The run's world under every split, from slot 0.

        Raises:
            ReferenceRunError: its intra-slice policy is no fixed one.
        """
        cell, intra, options = self.cell, self.scheduler.intra, self.scheduler.options
        if self.intra_learners or intra in REFERENCE_INTRA:
            raise ReferenceRunError(f"intra: {self.scheduler.inter} needs one that is frozen and no reference: {intra}")
        weights, timeline = self._slice_weights, self._timeline
        return SplitWorlds(cell.scenario, cell.seed, intra, cell.control_delay_slots, weights, options, timeline)

    def advance(self, slots: int, progress: Progress | None = None) -> None:
        """Run a number of slots."""
        started = time.perf_counter()
        end = self.cell.slot + slots
        while self.cell.slot < end:
            window = self._world.run(self._slots_until(end))
            if window is not None:
                self._set_budgets(window)
                if progress is not None:
                    progress(window)
        self.wall_s += time.perf_counter() - started

    def _slots_until(self, end: int) -> int:
        """Slots from now to `end`, or to the end of the second, which comes first."""
        return min(end - self.cell.slot, SLOTS_PER_SECOND - self.cell.slot % SLOTS_PER_SECOND)

    def _set_budgets(self, window: SecondWindow) -> None:
        """Answer a second's report; new budgets hold from the next slot start + D."""
        report = second_report(window, self.cell.scenario.total_bandwidth_hz)
        budgets = self._budget_agent.on_report(report)
        if budgets is not None:
            self.cell.set_budgets(budgets.bandwidth_hz, budgets.power_w)

    def leave_out_what_was(self) -> None:
        """Let results be over what comes from here on; what was so far is not measured."""
        agent = self._budget_agent
        self._unmeasured = totals(self.cell), agent.updates, agent.trigger.evaluations

    def result(self) -> RunResult:
        """What the run gave so far."""
        agent = self._budget_agent
        since, updates, evaluations = self._unmeasured or (None, 0, 0)
        return RunResult(
            summary=cell_summary(self.cell, since),
            weights_id=self.weights.weights_id,
            inter_slice_updates=agent.updates - updates,
            trigger_evaluations=agent.trigger.evaluations - evaluations,
            wall_s=self.wall_s,
        )


def run(
    scenario: Scenario,
    scheduler: Scheduler,
    seed: int,
    slots: int,
    control_delay_slots: int = 0,
    learn: bool = False,
    from_scratch: bool = False,
    weights: RunWeights | None = None,
    progress: Progress | None = None,
    timeline: Sequence[TimedChange] = (),
    cell: int = 0,
) -> RunResult:
    """A run of `slots` from slot 0; arguments and errors as of `Runner`."""
    runner = Runner(
        scenario, scheduler, seed, control_delay_slots, learn, from_scratch, weights, timeline=timeline, cell=cell
    )
    runner.advance(slots, progress)
    return runner.result()
