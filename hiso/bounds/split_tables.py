"""15-split tables: every bandwidth split of each second of a world, and the clairvoyant policies read off them.

A slice's outcome depends on its own budget only (FDD), and the split of one second hardly moves the next, so one run
of the world with b MHz for every slice at once, for each b of the grid, gives every split of every second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hiso.observe import budget_context
from hiso.world import World
from ran_emulator import state as st
from ran_emulator.cell import SecondWindow
from ran_emulator.scenario import SLICE_NAMES, SLOTS_PER_SECOND, Scenario
from xapps.slicing.inter.actions import bandwidth_grid
from xapps.slicing.networks import IntraWeights

F64 = npt.NDArray[np.float64]

CENTRE, SCALE, SSR_TARGET = 20.0, 4.0, 0.95
"""Of the agents' objective (U - 20) / 4 - lambda sum_s max(0, .95 - SSR_s)."""


@dataclass(frozen=True, slots=True)
class SplitTables:
    """Measures of every split of every second of one world."""

    splits_hz: npt.NDArray[np.int64]  # [A, S]
    offered_packets: npt.NDArray[np.int64]  # [T, S]
    eta_bps_hz: F64  # [T, A]
    successes: npt.NDArray[np.int64]  # [T, A, S]
    resolved: npt.NDArray[np.int64]  # [T, A, S]
    eta_weight: float
    ssr_weights: tuple[float, float, float]

    @property
    def ssr(self) -> F64:
        """SSR of each second, [T, A, S]; 1 where nothing was resolved."""
        return np.asarray(np.where(self.resolved > 0, self.successes / np.maximum(self.resolved, 1), 1.0))

    @property
    def utility(self) -> F64:
        """U of each second (Eq. 17), [T, A]."""
        return np.asarray(self.eta_weight * self.eta_bps_hz + self.ssr @ np.array(self.ssr_weights))

    def objective(self, sla_weight: float) -> F64:
        """What the tuned agents are rewarded with, [T, A]."""
        shortfall = np.maximum(0.0, SSR_TARGET - self.ssr).sum(axis=2)
        return np.asarray((self.utility - CENTRE) / SCALE - sla_weight * shortfall)


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """What a sequence of splits earns in a world."""

    utility: float
    """Mean of the seconds' utility."""
    ssr: tuple[float, float, float]
    """Over the whole run."""


def split_tables(
    scenario: Scenario,
    seed: int,
    seconds: int,
    intra: str = "slnr",
    control_delay_slots: int = 0,
    weights: Mapping[str, IntraWeights] | None = None,
    progress: Callable[[int], None] | None = None,
) -> SplitTables:
    """Run the world once a bandwidth of the grid; equal power. `progress` gets the number of seconds done."""
    splits = np.array(bandwidth_grid(budget_context(scenario, control_delay_slots)), np.int64)
    bandwidths = np.unique(splits)
    rate = np.zeros((len(bandwidths), seconds, len(SLICE_NAMES)))
    good = np.zeros((len(bandwidths), seconds, len(SLICE_NAMES)), np.int64)
    done = np.zeros_like(good)
    offered = np.zeros((seconds, len(SLICE_NAMES)), np.int64)
    for index, bandwidth_hz in enumerate(bandwidths):
        world = World(scenario, seed, intra, control_delay_slots, dict(weights or {}))
        world.cell.fix_budgets([int(bandwidth_hz)] * len(SLICE_NAMES))
        for second in range(seconds):
            _, window = world.second()
            rate[index, second] = window.sums[:, st.SUM_RATE]
            good[index, second] = window.counts[:, st.SUCCEEDED]
            done[index, second] = _resolved(window)
            offered[second] = window.counts[:, st.OFFERED]
            if progress is not None:
                progress(index * seconds + second + 1)
    row = np.searchsorted(bandwidths, splits)  # [A, S]
    slices = np.arange(len(SLICE_NAMES))
    # [A, S, T] -> [T, A, S]
    eta = rate[row, :, slices].transpose(2, 0, 1).sum(axis=2) / SLOTS_PER_SECOND / scenario.total_bandwidth_hz
    return SplitTables(
        splits_hz=splits,
        offered_packets=offered,
        eta_bps_hz=eta,
        successes=good[row, :, slices].transpose(2, 0, 1),
        resolved=done[row, :, slices].transpose(2, 0, 1),
        eta_weight=scenario.eta_weight,
        ssr_weights=scenario.ssr_weights,
    )


def _resolved(window: SecondWindow) -> npt.NDArray[np.int64]:
    counts = window.counts
    return np.asarray(counts[:, st.DELIVERED] + counts[:, st.DROPPED_FULL] + counts[:, st.DROPPED_LATE])


def play(tables: SplitTables, choice: npt.NDArray[np.int64]) -> PolicyResult:
    """What split `choice[t]` in each second t earns; choice int [T]."""
    seconds = np.arange(len(choice))
    good = tables.successes[seconds, choice].sum(axis=0)
    done = tables.resolved[seconds, choice].sum(axis=0)
    ssr = np.where(done > 0, good / np.maximum(done, 1), 1.0)
    return PolicyResult(float(tables.utility[seconds, choice].mean()), (float(ssr[0]), float(ssr[1]), float(ssr[2])))


def best_constant(tables: SplitTables, sla_weight: float = 0.0) -> npt.NDArray[np.int64]:
    """The one split that is best over the whole world, [T]."""
    best = int(tables.objective(sla_weight).mean(axis=0).argmax())
    return np.full(len(tables.eta_bps_hz), best)


def clairvoyant(tables: SplitTables, sla_weight: float = 0.0) -> npt.NDArray[np.int64]:
    """The best split of each second by the agents' own objective, [T]."""
    return np.asarray(tables.objective(sla_weight).argmax(axis=1))


def clairvoyant_late(tables: SplitTables, sla_weight: float = 0.0) -> npt.NDArray[np.int64]:
    """The best split of the second that has just passed, [T]; the first second takes the best constant."""
    best = clairvoyant(tables, sla_weight)
    return np.concatenate([best_constant(tables, sla_weight)[:1], best[:-1]])
