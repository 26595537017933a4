"""The trace of a run, compiled: what its SHA-256 is taken over."""

from __future__ import annotations

from typing import Any

import numpy as np

from ran_emulator.phy.jit import inline_kernel


@inline_kernel
def _put(trace: Any, place: int, value: int, size: int) -> int:
    """Little-endian bytes of an integer into the trace."""
    for i in range(size):
        trace[place + i] = (value >> (8 * i)) & 0xFF
    return place + size


@inline_kernel
def _put_float(state: Any, place: int, value: float) -> int:
    """Little-endian bytes of a float32 into the trace."""
    state.float_bits[0] = value
    return _put(state.trace, place, np.int64(state.float_bits.view(np.uint32)[0]), 4)


@inline_kernel
def write_trace(state: Any) -> None:
    """This slot's line of the trace: budgets, decisions with their sources and bits, packets delivered and dropped."""
    cell = state.cell[0]
    trace = state.trace
    place = _put(trace, cell.trace_length, cell.slot, 8)
    slices = state.slices.shape[0]
    for s in range(slices):
        place = _put(trace, place, state.slices[s].bandwidth_hz, 4)
        place = _put_float(state, place, state.slices[s].power_w)
    for s in range(slices):
        outcome = state.outcomes[s]
        for i in range(outcome.count):
            place = _put(trace, place, np.int64(outcome.user_ids[i]), 2)
            place = _put(trace, place, np.int64(outcome.beams[i]), 2)
            place = _put_float(state, place, outcome.private_power_w[i])
            place = _put(trace, place, np.int64(outcome.decision_source[i]), 1)
            place = _put(trace, place, np.int64(outcome.sent_bits[i]), 4)
    for s in range(slices):
        outcome = state.outcomes[s]
        place = _put(trace, place, outcome.delivered_packets, 4)
        place = _put(trace, place, outcome.dropped_packets, 4)
    cell.trace_length = place
