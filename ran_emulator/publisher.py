"""Fills the snapshot from the cell. Reads only: it draws nothing and refreshes nothing."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from ran_emulator import state as st
from ran_emulator.cell import Cell, SecondWindow
from ran_emulator.e2.node import E2Node
from ran_emulator.phy.codes import HWI_MODELS
from ran_emulator.scenario import SLICE_NAMES, SLOT_US, SLOTS_PER_SECOND
from ran_emulator.snapshot import PERIOD_S, QUANTILES, SnapshotFile
from ran_emulator.summary import delay_quantiles_ms, utility

_TOTALS = {
    "offered_packets": st.OFFERED,
    "delivered_packets": st.DELIVERED,
    "succeeded_packets": st.SUCCEEDED,
    "dropped_full_packets": st.DROPPED_FULL,
    "dropped_late_packets": st.DROPPED_LATE,
    "offered_bits": st.OFFERED_BITS,
    "delivered_bits": st.DELIVERED_BITS,
    "dropped_bits": st.DROPPED_BITS,
    "decisions_control": st.BY_CONTROL,
    "decisions_held": st.BY_HELD,
    "decisions_default": st.BY_DEFAULT,
}
_FACTOR_OVER = 5
"""Snapshots over which the real-time factor is taken."""


class Publisher:
    """Publishes a snapshot each 0.25 s of wall time."""

    def __init__(self, cell: Cell, node: E2Node, file: SnapshotFile) -> None:
        """Publishes into `file`."""
        self._cell = cell
        self._node = node
        self._file = file
        self._record: Any = np.zeros(1, file.type)
        self._record["loop_latency_ms"] = np.nan
        self._record["slices"]["delay_ms"] = np.nan
        self._max_latency_ms = np.array([part.max_latency_ms for part in cell.scenario.slices.in_order()])
        self._last: deque[tuple[float, int]] = deque(maxlen=_FACTOR_OVER)
        self.due_s = 0.0
        """On the monotonic clock: when the next snapshot is due."""

    def second_closed(self, window: SecondWindow, latencies_ms: npt.NDArray[np.float64]) -> None:
        """Take a closed second's measures, and the loop latencies of the slots in it."""
        cell = self._cell
        scenario = cell.scenario
        record = self._record[0]
        second_s = SLOTS_PER_SECOND * SLOT_US * 1e-6
        eta = window.sums[:, st.SUM_RATE] / SLOTS_PER_SECOND / scenario.total_bandwidth_hz
        ssr = window.ssr()
        record["seconds"] = window.second
        record["eta_bps_hz"] = eta.sum()
        record["eta_sum_bps_hz"] = window.sums[:, st.SUM_RATE_PER_HZ].sum() / SLOTS_PER_SECOND
        record["goodput_bps_hz"] = window.counts[:, st.DELIVERED_BITS].sum() / second_s / scenario.total_bandwidth_hz
        record["utility"] = utility(scenario.eta_weight, scenario.ssr_weights, float(eta.sum()), ssr)
        slices = record["slices"]
        slices["ssr"] = ssr
        slices["eta_bps_hz"] = eta
        slices["active_users"] = window.counts[:, st.ACTIVE] / SLOTS_PER_SECOND
        slices["goodput_bps"] = window.counts[:, st.DELIVERED_BITS] / second_s
        slices["second_offered_packets"] = window.counts[:, st.OFFERED]
        slices["second_dropped_packets"] = window.counts[:, st.DROPPED_FULL] + window.counts[:, st.DROPPED_LATE]
        slices["second_bandwidth_hz"] = window.bandwidth_hz
        slices["second_power_w"] = window.power_w
        slices["delay_ms"] = delay_quantiles_ms(window.delays, self._max_latency_ms, QUANTILES)
        record["loop_latency_ms"] = np.nan
        if len(latencies_ms):
            latencies_ms.sort()
            last = len(latencies_ms) - 1
            record["loop_latency_ms"] = latencies_ms[[last // 2, last * 99 // 100, last]]

    def publish(self, late_slots: int) -> None:
        """Write what stands now."""
        cell, node = self._cell, self._node
        record = self._record[0]
        now_s = time.monotonic()
        self.due_s = now_s + PERIOD_S
        record["wall_time_s"] = time.time()
        record["slot"] = cell.slot
        record["connected"] = node.connected
        record["functions"] = [function.state for function in node.updates.configuration.functions]
        record["regime"] = -1 if cell.regime is None else cell.regime
        record["regime_fixed"] = cell.regime_fixed
        record["hwi_model"] = HWI_MODELS.index(cell.hwi.model)
        record["kappa_t"], record["kappa_r"] = cell.hwi.kappa_t, cell.hwi.kappa_r
        for name, value in cell.csi:
            record[name] = value
        record["late_slots"] = late_slots
        self._last.append((now_s, cell.slot))
        first_s, first_slot = self._last[0]
        if now_s > first_s:
            record["real_time_factor"] = (cell.slot - first_slot) * SLOT_US * 1e-6 / (now_s - first_s)
        record["e2_bytes"] = node.traffic.bytes
        record["e2_messages"] = node.traffic.messages
        self._fill_slices(record["slices"])
        self._fill_users(record["users"])
        self._file.write(self._record)

    def _fill_slices(self, slices: Any) -> None:
        cell = self._cell
        counts = cell.state.total_counts + cell.state.window_counts
        parts = cell.state.slices
        for name, column in _TOTALS.items():
            slices[name] = counts[:, column]
        slices["users"] = parts["users"]
        slices["load"] = parts["load"]
        slices["speed_m_s"] = np.hypot(parts["velocity_x_m_s"], parts["velocity_y_m_s"])
        slices["bandwidth_hz"] = parts["bandwidth_hz"]
        slices["power_w"] = parts["power_w"]
        slices["missed_deadlines"] = self._node.missed_deadlines
        for index in range(len(SLICE_NAMES)):
            users = cell.slice_users(index)
            slices[index]["queued_packets"] = cell.state.users["packets"][users].sum()
            slices[index]["queued_bits"] = cell.state.backlog_bits[users].sum()

    def _fill_users(self, users: Any) -> None:
        cell = self._cell
        state = cell.state
        users["x_m"], users["y_m"] = cell.places_m()
        users["queued_packets"] = state.users["packets"]
        users["queued_bits"] = state.backlog_bits
        users["ssr"] = state.users["ssr"]
