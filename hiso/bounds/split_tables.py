"""Split tables: every bandwidth split of each second of a world, and the clairvoyant policies read off them.

A slice's outcome depends on its own budget only (FDD), and the split of one second hardly moves the next, so one run
of the world with b MHz for every slice at once, for each b of the grid, gives every split of every second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hiso.observe import budget_context
from hiso.world import World
from ran_emulator import state as st
from ran_emulator.cell import resolved, success_ratio
from ran_emulator.events import TimedChange
from ran_emulator.scenario import SLICE_NAMES, SLOTS_PER_SECOND, Scenario
from xapps.slicing.inter.actions import bandwidth_grid, equal_power
from xapps.slicing.inter.rewards import objective
from xapps.slicing.networks import IntraWeights
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SplitTables:
    """Measures of every split of every second of one world."""

    splits_hz: npt.NDArray[np.int64]  # [A, S]
    eta_bps_hz: F64  # [T, A]
    successes: npt.NDArray[np.int64]  # [T, A, S]
    resolved: npt.NDArray[np.int64]  # [T, A, S]
    eta_weight: float
    ssr_weights: tuple[float, float, float]

    @property
    def ssr(self) -> F64:
        """SSR of each second, [T, A, S]; 1 where nothing was resolved."""
        return success_ratio(self.successes, self.resolved)

    @property
    def utility(self) -> F64:
        """U of each second (Eq. 17) by the scenario's weights, [T, A]."""
        return np.asarray(self.eta_weight * self.eta_bps_hz + self.ssr @ np.array(self.ssr_weights))

    def after_first(self) -> SplitTables:
        """The tables without the first second."""
        return replace(self, eta_bps_hz=self.eta_bps_hz[1:], successes=self.successes[1:], resolved=self.resolved[1:])

    def objective(self, sla_weight: float) -> F64:
        """What the tuned agents are rewarded with, whatever the scenario's weights, [T, A]."""
        return objective(self.ssr, self.eta_bps_hz, sla_weight)


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """What a sequence of splits earns in a world."""

    utility: float
    """Mean of the seconds' utility."""
    ssr: tuple[float, float, float]
    """Over the whole run."""


class SplitWorlds:
    """The same world once a bandwidth of the grid, each slice with that bandwidth and equal power, a second at a time.

    Together they give every split of each second.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        intra: str,
        control_delay_slots: int = 0,
        weights: Mapping[str, IntraWeights] | None = None,
        options: AgentOptions = DEFAULT_OPTIONS,
        timeline: Sequence[TimedChange] = (),
    ) -> None:
        """Frozen `intra` policies serve; weights by slice name, where they have networks; changes at their slots."""
        context = budget_context(scenario, control_delay_slots)
        grid = bandwidth_grid(context, options.bandwidth_step_hz)
        self._scenario = scenario
        self._splits = np.array(grid, np.int64)
        self._bandwidths = np.unique(self._splits)
        self._worlds = []
        for bandwidth_hz in self._bandwidths:
            world = World(scenario, seed, intra, control_delay_slots, dict(weights or {}), options)
            world.cell.fix_budgets([int(bandwidth_hz)] * len(SLICE_NAMES), equal_power(context))
            world.cell.schedule(timeline)
            self._worlds.append(world)

    def second(self) -> SplitTables:
        """The tables of the next second (T = 1)."""
        windows = [world.second()[1] for world in self._worlds]
        row = np.searchsorted(self._bandwidths, self._splits)  # [A, S]
        slices = np.arange(len(SLICE_NAMES))
        rate = np.stack([window.sums[:, st.SUM_RATE] for window in windows])[row, slices]  # [A, S]
        good = np.stack([window.counts[:, st.SUCCEEDED] for window in windows])[row, slices]
        done = np.stack([resolved(window.counts) for window in windows])[row, slices]
        scenario = self._scenario
        return SplitTables(
            splits_hz=self._splits,
            eta_bps_hz=rate.sum(axis=1)[None] / SLOTS_PER_SECOND / scenario.total_bandwidth_hz,
            successes=good[None],
            resolved=done[None],
            eta_weight=scenario.eta_weight,
            ssr_weights=scenario.ssr_weights,
        )


def split_tables(
    scenario: Scenario,
    seed: int,
    seconds: int,
    intra: str = "slnr",
    control_delay_slots: int = 0,
    weights: Mapping[str, IntraWeights] | None = None,
) -> SplitTables:
    """Every split of `seconds` seconds of a world."""
    worlds = SplitWorlds(scenario, seed, intra, control_delay_slots, weights)
    rows = [worlds.second() for _ in range(seconds)]
    return replace(
        rows[0],
        eta_bps_hz=np.concatenate([row.eta_bps_hz for row in rows]),
        successes=np.concatenate([row.successes for row in rows]),
        resolved=np.concatenate([row.resolved for row in rows]),
    )


def play(tables: SplitTables, choice: npt.NDArray[np.int64]) -> PolicyResult:
    """What split `choice[t]` in each second t earns; choice int [T]."""
    seconds = np.arange(len(tables.eta_bps_hz))
    good = tables.successes[seconds, choice].sum(axis=0)
    done = tables.resolved[seconds, choice].sum(axis=0)
    ssr = success_ratio(good, done)
    return PolicyResult(float(tables.utility[seconds, choice].mean()), (float(ssr[0]), float(ssr[1]), float(ssr[2])))


def best_constant(tables: SplitTables, sla_weight: float = 0.0) -> npt.NDArray[np.int64]:
    """The one split that is best over the whole world, [T]."""
    best = int(tables.objective(sla_weight).mean(axis=0).argmax())
    return np.full(len(tables.eta_bps_hz), best)


def clairvoyant(tables: SplitTables, sla_weight: float = 0.0) -> npt.NDArray[np.int64]:
    """The best split of each second by the agents' own objective, [T]."""
    return np.asarray(tables.objective(sla_weight).argmax(axis=1))


def clairvoyant_late(tables: SplitTables, sla_weight: float = 0.0) -> npt.NDArray[np.int64]:
    """The best split of the second before, [T - 1]: of all seconds but the first, which has none before it."""
    return clairvoyant(tables, sla_weight)[:-1]
