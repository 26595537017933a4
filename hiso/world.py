"""A cell with frozen intra-slice policies, run a second at a time: what trains and judges the inter-slice level."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hiso.observe import second_report, slice_context
from hiso.whole_run_kernel import run_slots
from ran_emulator import state as st
from ran_emulator.cell import Cell, SecondWindow, cell_name
from ran_emulator.scenario import MAX_GROUP_USERS, SLICE_NAMES, SLOTS_PER_SECOND, Scenario
from ran_emulator.summary import utility
from xapps.agents import BudgetAgent
from xapps.slicing.inter.base import InterPolicy
from xapps.slicing.intra.policies import IntraPolicy, make_intra_policy, trained_weights
from xapps.slicing.networks import IntraWeights
from xapps.slicing.observation import Budgets, SecondReport, SliceContext
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions
from xapps.slicing.triggers import make_trigger
from xapps.slicing.weights import Weights


def slice_weights(
    contexts: Iterable[SliceContext], policy: str, trained: Weights, options: AgentOptions = DEFAULT_OPTIONS
) -> dict[str, IntraWeights]:
    """Each slice's agent out of a weights file, by the slice's name.

    Raises:
        WeightsError: they are of another policy or action set, or do not fit a context.
    """
    return {SLICE_NAMES[each.slice_id]: trained_weights(policy, each, trained, options) for each in contexts}


class World:
    """One world: scenario, seed, one intra-slice policy a slice. It gives the numbers of `hiso.runner`, faster."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        intra: str,
        control_delay_slots: int = 0,
        weights: dict[str, IntraWeights] | None = None,
        options: AgentOptions = DEFAULT_OPTIONS,
        cell: int = 0,
    ) -> None:
        """`intra`: a policy's name, for all slices; `weights`: by slice name, where it has networks.

        `cell`: which of several cells of the seed.
        """
        self.scenario = scenario
        self.cell = Cell(scenario, seed, control_delay_slots, cell_name(cell))
        self.policies: list[IntraPolicy] = [
            make_intra_policy(intra, slice_context(self.cell, index), seed, (weights or {}).get(name), options)
            for index, name in enumerate(SLICE_NAMES)
        ]
        for policy in self.policies:
            policy.freeze()
        self._kinds = np.array([policy.kind for policy in self.policies], np.int64)
        self._beams = np.zeros(MAX_GROUP_USERS, np.int16)
        self._powers = np.zeros(MAX_GROUP_USERS, np.float32)
        self._actions = np.zeros(MAX_GROUP_USERS, np.int32)

    def load(self, trained: Weights) -> None:
        """Let frozen agents out of a weights file serve.

        Raises:
            WeightsError: they are of another policy or action set, or do not fit the cell.
        """
        first = self.policies[0]
        weights = slice_weights([policy.context for policy in self.policies], first.name, trained, first.options)
        for name, policy in zip(SLICE_NAMES, self.policies, strict=True):
            policy.load(weights[name])
            policy.freeze()

    def run(self, slots: int) -> SecondWindow | None:
        """Run `slots` slots; returns the window of the last second that they close."""
        cell = self.cell
        end = cell.slot + slots
        window = None
        while cell.slot < end:
            cell.apply_due()
            second_end = (cell.slot // SLOTS_PER_SECOND + 1) * SLOTS_PER_SECOND
            until = min(end, second_end, max(cell.next_event_slot, cell.slot + 1))
            run_slots(
                cell.state,
                self._kinds,
                *(policy.parameters for policy in self.policies),
                until,
                self._beams,
                self._powers,
                self._actions,
            )
            if cell.state.cell[0]["trace_length"] > st.TRACE_BYTES // 2:
                cell.flush_trace()
            if cell.slot == second_end:
                window = cell.close_second()
        return window

    def second(self, budgets: Budgets | None = None) -> tuple[SecondReport, SecondWindow]:
        """Run the second that begins now, under new budgets or those in force; its report, and its measures."""
        if budgets is not None:
            self.cell.set_budgets(budgets.bandwidth_hz, budgets.power_w)
        window = self.run(SLOTS_PER_SECOND - self.cell.slot % SLOTS_PER_SECOND)
        assert window is not None
        return self.report(window), window

    def report(self, window: SecondWindow) -> SecondReport:
        """A window as the inter-slice level sees it."""
        return second_report(window, self.scenario.total_bandwidth_hz)


def make_world(
    scenario: Scenario,
    seed: int,
    control_delay_slots: int,
    intra: Weights | str,
    options: AgentOptions = DEFAULT_OPTIONS,
) -> World:
    """A world that frozen trained agents serve, or a policy that does not learn."""
    if isinstance(intra, str):
        return World(scenario, seed, intra, control_delay_slots, options=options)
    world = World(scenario, seed, intra.metadata.variant, control_delay_slots, options=options)
    world.load(intra)
    return world


def play_policy(world: World, policy: InterPolicy, trigger: str, seconds: int) -> list[SecondReport]:
    """Reports of a world under an inter-slice policy, from its slot 0 on."""
    agent = BudgetAgent(policy, make_trigger(trigger))
    reports = [world.report(world.cell.window())]  # the zero-load report before slot 0
    for _ in range(seconds):
        report, _ = world.second(agent.on_report(reports[-1]))
        reports.append(report)
    return reports[1:]


def report_utility(scenario: Scenario, report: SecondReport) -> float:
    """U of one second (Eq. 17)."""
    return utility(scenario.eta_weight, scenario.ssr_weights, report.eta_bps_hz, report.ssr)
