"""Whole runs in one compiled loop: cell and policies slot by slot, as `hiso.runner` steps them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ran_emulator import slot as cell_slot
from ran_emulator.phy.beam_reports import report_beams
from ran_emulator.phy.jit import state_kernel
from ran_emulator.state import TRACE_BYTES
from xapps.slicing.intra.decision import decide

TRACE_MARGIN = 1_024


@state_kernel
def run_slots(
    state: Any, kinds: Any, vonr: Any, embb: Any, urllc: Any, until_slot: int, beams: Any, powers: Any, actions: Any
) -> None:
    """Run slots until `until_slot` is next, or the trace buffer is nearly full, with frozen intra-slice policies.

    kinds int64 [S] and the three `IntraParameters` are the policies; beams int16 [8], powers float32 [8] and actions
    int32 [8] are scratch. Budgets, loads and impairments stay what they are: the caller stops where they change.
    """
    cell = state.cell[0]
    while cell.slot < until_slot and cell.trace_length < TRACE_BYTES - TRACE_MARGIN:
        cell_slot.begin(state)
        for s in range(state.slices.shape[0]):
            frame = state.frames[s]
            if frame.count == 0:
                continue
            part = state.slices[s]
            parameters = vonr
            if s == 1:
                parameters = embb
            elif s == 2:
                parameters = urllc
            if parameters.compact:
                report_beams(frame.count, frame.last_outcome, state.frame_gains[s], parameters.best, parameters.reports)
            # Reals of one type and whole arrays: `decide` is compiled once for all its callers.
            common_w = decide(
                kinds[s],
                parameters,
                s,
                frame.decided_slot,
                cell.antennas,
                np.float64(part.decided_power_w),
                np.float64(np.float32(cell.noise_w_per_hz * part.decided_bandwidth_hz)),
                cell.hwi_model,
                np.float64(cell.kappa_t),
                np.float64(cell.kappa_r),
                frame.count,
                frame.user_ids[:],
                frame.last_outcome[:],
                state.frame_gains[s],
                beams,
                powers,
                actions,
            )
            cell_slot.submit(state, s, frame.decided_slot, beams, powers, common_w)
        cell_slot.execute(state)
