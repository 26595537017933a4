"""Figures of merit of a run (model section 7): one function for every host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ran_emulator import state as st
from ran_emulator.cell import Cell, ssr_of
from ran_emulator.scenario import SLICE_NAMES, SLOT_US, SLOTS_PER_SECOND


def delay_quantiles_ms(
    histograms: npt.NDArray[np.int64], max_latency_ms: npt.NDArray[np.float64], quantiles: Sequence[float]
) -> npt.NDArray[np.float64]:
    """Quantiles of delivered packets' delay from histograms [S, DELAY_BINS + 1] over [0, L_max]: [S, Q].

    The middle of a bin; NaN where a histogram is empty. For all slices in few calls: it runs between two slots.
    """
    cumulated = histograms.cumsum(axis=1)
    result = np.full((len(histograms), len(quantiles)), np.nan)
    for row, total in enumerate(cumulated[:, -1].tolist()):
        if total:
            places = cumulated[row].searchsorted([quantile * total for quantile in quantiles])
            result[row] = (places + 0.5) * (max_latency_ms[row] / st.DELAY_BINS)
    return result


def utility(eta_weight: float, ssr_weights: Any, eta_bps_hz: float, ssr: Any) -> float:
    """Eq. 17's objective: alpha eta + sum_s B_s SSR_s."""
    return float(eta_weight * eta_bps_hz + np.dot(ssr_weights, ssr))


@dataclass(frozen=True, slots=True)
class Totals:
    """What a cell has counted from slot 0 to a slot, the open window included."""

    slots: int
    counts: npt.NDArray[np.int64]  # [S, counters of ran_emulator.state]
    sums: npt.NDArray[np.float64]  # [S, sums of ran_emulator.state]
    delays: npt.NDArray[np.int64]  # [S, DELAY_BINS + 1]
    resolved: npt.NDArray[np.int64]  # [users]
    successes: npt.NDArray[np.int64]  # [users]

    def __sub__(self, earlier: Totals) -> Totals:
        """What was counted between."""
        return Totals(
            self.slots - earlier.slots,
            self.counts - earlier.counts,
            self.sums - earlier.sums,
            self.delays - earlier.delays,
            self.resolved - earlier.resolved,
            self.successes - earlier.successes,
        )


def totals(cell: Cell) -> Totals:
    """What a cell has counted so far."""
    open_window, users = cell.window(), cell.state.users
    return Totals(
        cell.slot,
        cell.state.total_counts + open_window.counts,
        cell.state.total_sums + open_window.sums,
        cell.state.delays[0] + cell.state.delays[1],
        users["total_resolved"] + users["window_resolved"],
        users["total_successes"] + users["window_successes"],
    )


def cell_summary(cell: Cell, since: Totals | None = None) -> dict[str, Any]:
    """What a cell has counted since slot 0: rates, utility, decisions and each slice's accounts.

    offered = delivered + dropped + queued holds exactly, in packets and in bits; of a summary `since` some earlier
    slot, with what was queued then on the left.
    """
    scenario, counted = cell.scenario, totals(cell)
    if since is not None:
        counted -= since
    counts, sums = counted.counts, counted.sums
    slots = max(counted.slots, 1)
    eta = float(sums[:, st.SUM_RATE].sum() / slots / scenario.total_bandwidth_hz)
    goodput_bps = counts[:, st.DELIVERED_BITS].sum() / (slots * SLOT_US * 1e-6)
    decisions = counts[:, [st.BY_CONTROL, st.BY_HELD, st.BY_DEFAULT]].sum(axis=0)
    return {
        "slots": counted.slots,
        "simulated_s": counted.slots / SLOTS_PER_SECOND,
        "eta_bps_hz": eta,
        "eta_sum_bps_hz": float(sums[:, st.SUM_RATE_PER_HZ].sum() / slots),
        "goodput_bps_hz": float(goodput_bps / scenario.total_bandwidth_hz),
        "utility": utility(scenario.eta_weight, scenario.ssr_weights, eta, ssr_of(counts)),
        "decision_source": {
            name: int(value) for name, value in zip(("control", "held", "default"), decisions, strict=True)
        },
        "hwi_model": cell.hwi.model,
        "access": scenario.access,
        "control_delay_slots": cell.control_delay_slots,
        "seed": cell.seed,
        "trace_sha256": cell.trace_sha256(),
        "events": list(cell.events),
        "slices": _slice_summaries(cell, counted),
    }


def _slice_summaries(cell: Cell, counted: Totals) -> dict[str, dict[str, Any]]:
    """SLA, delay, budgets and accounts of each slice."""
    counts, sums = counted.counts, counted.sums
    open_window, ssr = cell.window(), ssr_of(counts)
    parts = cell.scenario.slices.in_order()
    max_latency_ms = np.array([part.max_latency_ms for part in parts])
    delay_p99_ms = delay_quantiles_ms(counted.delays, max_latency_ms, (0.99,))[:, 0]
    slots = max(counted.slots, 1)
    seconds = slots * SLOT_US * 1e-6
    return {
        name: {
            "ssr": float(ssr[index]),
            "ssr_user": _user_ssr(counted, cell.slice_users(index), part.ssr_threshold),
            "throughput_bps": float(counts[index, st.DELIVERED_BITS] / seconds),
            "delay_ms": {
                "mean": _mean(sums[index, st.SUM_DELAY], counts[index, st.DELIVERED]),
                "p99": None if np.isnan(delay_p99_ms[index]) else float(delay_p99_ms[index]),
            },
            "mean_active_users": float(counts[index, st.ACTIVE] / slots),
            "bandwidth_hz": float(sums[index, st.SUM_BANDWIDTH] / slots),
            "power_w": float(sums[index, st.SUM_POWER] / slots),
            "offered_packets": int(counts[index, st.OFFERED]),
            "delivered_packets": int(counts[index, st.DELIVERED]),
            "dropped_packets": int(counts[index, st.DROPPED_FULL] + counts[index, st.DROPPED_LATE]),
            "queued_packets": int(open_window.queued_packets[index]),
            "offered_bits": int(counts[index, st.OFFERED_BITS]),
            "delivered_bits": int(counts[index, st.DELIVERED_BITS]),
            "dropped_bits": int(counts[index, st.DROPPED_BITS]),
            "queued_bits": int(open_window.queued_bits[index]),
        }
        for index, (name, part) in enumerate(zip(SLICE_NAMES, parts, strict=True))
    }


def _mean(total: float, count: int) -> float | None:
    return float(total / count) if count else None


def _user_ssr(counted: Totals, users: slice, threshold: float) -> dict[str, float]:
    """Eq. 5 and C11 over a slice's users with at least one resolved packet: minimum, 5th percentile, share at C11."""
    done, good = counted.resolved[users], counted.successes[users]
    ssr = good[done > 0] / done[done > 0]
    if len(ssr) == 0:
        return {"min": 1.0, "p5": 1.0, "share_at_threshold": 1.0}
    return {
        "min": float(ssr.min()),
        "p5": float(np.quantile(ssr, 0.05)),
        "share_at_threshold": float((ssr >= threshold).mean()),
    }
