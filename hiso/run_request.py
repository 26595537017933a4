"""What a person asks to run, checked as a whole before anything is started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hiso.bounds.references import ReferenceRunError, check_oracle
from hiso.observe import budget_context, slice_contexts
from hiso.runner import RunWeights, default_weights
from hiso.world import slice_weights
from ran_emulator.arguments import MAX_CELLS
from ran_emulator.clock import Clock, ClockError, control_delay_slots, parse_clock
from ran_emulator.events import TimedChange
from ran_emulator.scenario import (
    MAX_CONTROL_DELAY_SLOTS,
    MAX_SLOTS,
    SLOT_US,
    SLOTS_PER_SECOND,
    Scenario,
    ScenarioError,
    load_scenario,
    parse_scenario,
)
from ran_emulator.timeline import TimelineError, load_timeline
from xapps.slicing.inter.actions import BudgetError, bandwidth_grid
from xapps.slicing.inter.base import InterPolicyError
from xapps.slicing.inter.coma2c import COMA2C_CONFIGS
from xapps.slicing.inter.policies import make_inter_policy
from xapps.slicing.intra.policies import DIFFERENCE_REWARD, check_difference_reward
from xapps.slicing.intra.policies import LEARNING as LEARNING_INTRA
from xapps.slicing.observation import SLICE_NAMES
from xapps.slicing.options import OptionsError, parse_options
from xapps.slicing.schedulers import REFERENCE_INTER, REFERENCE_INTRA, Scheduler, SchedulerError, resolve
from xapps.slicing.triggers import TriggerError
from xapps.slicing.weights import WeightsError
from xapps.trained import inter_weights

AGENTS = ("inter", *SLICE_NAMES)
MAX_SEED = (1 << 63) - 1


class RequestError(ValueError):
    """Something that cannot be run; the message names the field and what is allowed."""


LOCKSTEP = Clock("lockstep", None)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run: what is simulated, who decides, from which seed, for how long, by which clock."""

    scenario: Scenario
    scheduler: Scheduler
    seed: int
    slots: int | None
    """Length; None: until it is ended."""
    clock: Clock
    control_delay: int | None
    """D as asked for; None: by scenario and clock."""
    learn: bool = False
    from_scratch: bool = False
    timeline: tuple[TimedChange, ...] = ()
    cells: int = 1
    """Cells, each an emulator of its own with random streams of its own; the same agents decide for all."""
    weights_folder: Path | None = None
    """Where trained weights are, as `hiso train --out` leaves them; None: those shipped."""
    left_out: frozenset[str] = frozenset()
    """Agents (inter, vonr, embb, urllc) whose xApp is not started: somebody's own takes the place."""

    @property
    def control_delay_slots(self) -> int:
        """D: the command line wins, then the scenario, then the clock (0 in lock-step, 2 in real time or slower)."""
        return control_delay_slots(self.control_delay, self.scenario, self.clock)

    @property
    def learning_agents(self) -> tuple[str, ...]:
        """Agents (inter, vonr, embb, urllc) that learn in this run."""
        able = agents_that_can_learn(self.scheduler) if self.learn else ()
        return tuple(agent for agent in able if agent not in self.left_out)

    def weights(self) -> RunWeights:
        """The trained weights that the agents start from.

        Raises:
            WeightsError: they are missing or unusable.
        """
        if self.from_scratch:
            return RunWeights()
        return default_weights(self.scenario, self.scheduler, self.control_delay_slots, self.weights_folder)

    def never_made(self) -> int:
        """Events of the timeline that lie beyond the end of the run."""
        return 0 if self.slots is None else sum(event.slot >= self.slots for event in self.timeline)

    def with_clock(self, clock: Clock) -> RunRequest:
        """The same run by another clock; a D that was left to the clock follows it."""
        return replace(self, clock=clock)


def agents_that_can_learn(scheduler: Scheduler) -> tuple[str, ...]:
    """Agents (inter, vonr, embb, urllc) of a scheduler that have networks."""
    inter = ("inter",) if scheduler.inter in COMA2C_CONFIGS else ()
    return inter + (SLICE_NAMES if scheduler.intra in LEARNING_INTRA else ())


def parse_control_delay(text: str) -> int | None:
    """D from `auto` or a number of slots.

    Raises:
        RequestError: anything else, or out of range.
    """
    if text == "auto":
        return None
    value = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= value <= MAX_CONTROL_DELAY_SLOTS:
        raise RequestError(f"control-delay-slots: must be auto or 0..{MAX_CONTROL_DELAY_SLOTS} (given {text!r})")
    return value


def check_seed(seed: int) -> None:
    """Whether a seed can be one.

    Raises:
        RequestError: out of range.
    """
    if not 0 <= seed <= MAX_SEED:
        raise RequestError(f"seed: must be 0..{MAX_SEED} (given {seed})")


def check_cells(cells: int, *, learn: bool) -> None:
    """Whether there may be so many cells.

    Raises:
        RequestError: out of range, or several cells to learn from.
    """
    if not 1 <= cells <= MAX_CELLS:
        raise RequestError(f"cells: must be 1..{MAX_CELLS} (given {cells})")
    if learn and cells > 1:
        raise RequestError(f"cells: agents learn from one cell; with --learn it must be 1 (given {cells})")


def check_learnable(scenario: Scenario, scheduler: Scheduler) -> None:
    """Whether the scheduler's agents can learn in the scenario's cell.

    Raises:
        RequestError: they cannot, by access or precoder.
    """
    if scheduler.intra not in DIFFERENCE_REWARD:
        return
    try:
        check_difference_reward(scheduler.intra, scenario.access, scenario.precoder)
    except ValueError as error:
        raise RequestError(str(error)) from error


def run_length(duration_s: float | None, slots: int | None) -> int | None:
    """Length in slots from at most one of a simulated duration and a number of slots; None: neither given.

    Raises:
        RequestError: both given, or out of range.
    """
    if duration_s is not None and slots is not None:
        raise RequestError("duration, slots: give one of them")
    if duration_s is not None:
        slot_s = SLOT_US * 1e-6
        if not slot_s <= duration_s <= MAX_SLOTS * slot_s:
            raise RequestError(
                f"duration: must be {slot_s:g}..{MAX_SLOTS * slot_s:g} simulated seconds (given {duration_s:g})"
            )
        return round(duration_s * SLOTS_PER_SECOND)
    if slots is not None and not 1 <= slots <= MAX_SLOTS:
        raise RequestError(f"slots: must be 1..{MAX_SLOTS} (given {slots})")
    return slots


def make_request(
    *,
    scenario: str,
    scheduler: str,
    seed: int,
    clock: str,
    overrides: Sequence[str] = (),
    inter: str | None = None,
    intra: str | None = None,
    trigger: str | None = None,
    duration_s: float | None = None,
    slots: int | None = None,
    control_delay: str = "auto",
    learn: bool = False,
    from_scratch: bool = False,
    timeline: Path | None = None,
    cells: int = 1,
    set_agents: Sequence[str] = (),
    weights_folder: Path | None = None,
    in_process: bool = False,
) -> RunRequest:
    """Check every part of a run, and how the parts fit; references run only `in_process`.

    Raises:
        RequestError: naming the field and what is allowed.
    """
    length = run_length(duration_s, slots)
    check_seed(seed)
    check_cells(cells, learn=learn)
    chosen = _scheduler(scheduler, inter, intra, trigger, set_agents)
    cell, events = _world(scenario, overrides, timeline, chosen)
    request = RunRequest(
        scenario=cell,
        scheduler=chosen,
        seed=seed,
        slots=length,
        clock=_clock(clock),
        control_delay=parse_control_delay(control_delay),
        learn=learn,
        from_scratch=from_scratch,
        timeline=events,
        cells=cells,
        weights_folder=weights_folder,
    )
    _check_agents(request, in_process=in_process)
    _check_references(request)
    _check_weights(request)
    return request


def _scheduler(
    name: str, inter: str | None, intra: str | None, trigger: str | None, set_agents: Sequence[str]
) -> Scheduler:
    """Who decides."""
    try:
        return resolve(name, inter, intra, trigger, parse_options(set_agents))
    except (SchedulerError, InterPolicyError, TriggerError, OptionsError) as error:
        raise RequestError(str(error)) from error


def _world(
    scenario: str, overrides: Sequence[str], timeline: Path | None, scheduler: Scheduler
) -> tuple[Scenario, tuple[TimedChange, ...]]:
    """What is simulated: a scenario in which the scheduler can decide, and what changes in it."""
    try:
        cell = pinned(load_scenario(scenario, list(overrides)), scheduler)
        _check_budgets_fit(cell, scheduler)
        return cell, () if timeline is None else load_timeline(timeline, cell)
    except (ScenarioError, InterPolicyError, BudgetError, TimelineError) as error:
        raise RequestError(str(error)) from error


def _check_agents(request: RunRequest, *, in_process: bool) -> None:
    """Whether what is asked of the agents can be asked of this scheduler's."""
    chosen, some = request.scheduler, agents_that_can_learn(request.scheduler)
    if chosen.in_process_only and not in_process:
        raise RequestError(f"scheduler {chosen.name!r}: a reference knows what no xApp can; hiso sim runs it")
    if request.learn and not some:
        raise RequestError(f"learn: nothing in scheduler {chosen.name!r} learns")
    if request.learn:
        check_learnable(request.scenario, chosen)
    if request.from_scratch and not some:
        raise RequestError(f"from-scratch: nothing in scheduler {chosen.name!r} has weights")
    if request.weights_folder is not None and (request.from_scratch or not some):
        what = "from-scratch" if request.from_scratch else f"scheduler {chosen.name!r}"
        raise RequestError(f"weights: {what} takes none")


def _check_weights(request: RunRequest) -> None:
    """Whether there are weights for the agents, and whether they can decide in the run."""
    try:
        check_weights_fit(request.scenario, request.scheduler, request.control_delay_slots, request.weights())
    except WeightsError as error:
        raise RequestError(str(error)) from error


def check_weights_fit(scenario: Scenario, scheduler: Scheduler, control_delay_slots: int, weights: RunWeights) -> None:
    """Whether trained agents can decide for a scheduler in a scenario.

    Raises:
        WeightsError: naming which of the two files, and what does not fit.
    """
    options = scheduler.options
    if weights.inter is not None:
        context = budget_context(scenario, control_delay_slots)
        start = inter_weights(weights.inter, options)
        try:
            make_inter_policy(scheduler.inter, context, 0, start, step_hz=options.bandwidth_step_hz)
        except InterPolicyError as error:
            raise WeightsError(str(error)) from error
    if weights.intra is not None:
        slice_weights(slice_contexts(scenario, control_delay_slots), scheduler.intra, weights.intra, options)


def _check_references(request: RunRequest) -> None:
    """Whether a reference means something in the run."""
    scheduler = request.scheduler
    try:
        if scheduler.intra in REFERENCE_INTRA:
            check_oracle(request.scenario, request.control_delay_slots)
    except ReferenceRunError as error:
        raise RequestError(str(error)) from error
    frozen = scheduler.intra not in REFERENCE_INTRA and not (request.learn and scheduler.intra in LEARNING_INTRA)
    if scheduler.inter in REFERENCE_INTER and not frozen:
        raise RequestError(f"inter: {scheduler.inter} needs a frozen intra-slice policy that is no reference")
    if scheduler.inter in REFERENCE_INTER and request.cells > 1:
        raise RequestError(f"cells: {scheduler.inter} foresees one cell (given {request.cells})")


def _clock(text: str) -> Clock:
    try:
        return parse_clock(text)
    except ClockError as error:
        raise RequestError(str(error)) from error


def pinned(scenario: Scenario, scheduler: Scheduler) -> Scenario:
    """The scenario with the fields that the scheduler pins.

    Raises:
        RequestError: one was set to something else.
    """
    data = scenario.model_dump()
    for name in ("access", "precoder", "common_beam"):
        value = getattr(scheduler, name)
        if value is None or data[name] == value:
            continue
        if name in scenario.model_fields_set:
            raise RequestError(f"{name}: scheduler {scheduler.name!r} needs {value} (given {data[name]})")
        data[name] = value
    return parse_scenario(data)


def _check_budgets_fit(scenario: Scenario, scheduler: Scheduler) -> None:
    """Budgets that an inter-slice policy would never be allowed to set must not wait until it says them."""
    context = budget_context(scenario, control_delay_slots=0)
    step_hz = scheduler.options.bandwidth_step_hz
    if scheduler.inter in REFERENCE_INTER:
        bandwidth_grid(context, step_hz)
    else:
        make_inter_policy(scheduler.inter, context, seed=0, step_hz=step_hz)
