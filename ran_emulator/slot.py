"""One slot, compiled: the six steps of its order, over `state.CellState`.

begin: due arrivals, late drops, groups for slot + D chosen and observed. execute: the slot with its decisions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ran_emulator.grants import choose, observe
from ran_emulator.phy.jit import state_kernel
from ran_emulator.serving import execute_slice
from ran_emulator.state import ACTIVE, RING, SUM_BANDWIDTH, SUM_POWER
from ran_emulator.trace import write_trace
from ran_emulator.traffic.queues import arrive, drop_late

VALID, PRIVATE_NOT_FINITE, PRIVATE_NEGATIVE, NO_SUCH_BEAM, COMMON_NOT_FINITE, ABOVE_BUDGET = range(6)
"""What `check_decision` finds."""


@state_kernel
def begin(state: Any) -> None:
    """Steps 2 to 4 of this slot: arrivals, late drops, groups chosen and observed."""
    for s in range(state.slices.shape[0]):
        part = state.slices[s]
        state.outcomes[s].delivered_packets = 0
        state.outcomes[s].dropped_packets = part.injected_drops
        part.injected_drops = 0
    arrive(state)
    drop_late(state)
    for s in range(state.slices.shape[0]):
        choose(state, s)
        observe(state, s)


@state_kernel
def check_decision(
    count: int, beams: Any, private_power_w: Any, common_power_w: float, power_w: float, antennas: int
) -> int:
    """VALID, or the first rule that a decision breaks at a budget of power_w.

    beams int16 [K], private_power_w float32 [K] in W; common_power_w in W, of which one below 0 counts as none.
    """
    limit = power_w * (1.0 + 1e-6)
    total = 0.0
    for i in range(count):
        if not math.isfinite(private_power_w[i]):
            return PRIVATE_NOT_FINITE
        if private_power_w[i] < 0.0:
            return PRIVATE_NEGATIVE
        if beams[i] < 0 or beams[i] >= antennas:
            return NO_SUCH_BEAM
        total += private_power_w[i]
    if not math.isfinite(common_power_w):
        return COMMON_NOT_FINITE
    if common_power_w > 0.0:
        total += common_power_w
    return ABOVE_BUDGET if total > limit else VALID


@state_kernel
def submit(state: Any, slice_id: int, decided_slot: int, beams: Any, private_power_w: Any, common_w: float) -> None:
    """Take a checked decision for a group; common_w below 0 means what the private streams leave."""
    cell = state.cell[0]
    grant = state.grants[decided_slot % RING, slice_id]
    grant.decided = 1
    for i in range(grant.count):
        grant.beams[i] = beams[i]
        grant.private_power_w[i] = private_power_w[i]
    grant.common_power_w = common_w
    if cell.common_stream == 0:
        grant.common_power_w = 0.0


@state_kernel
def execute(state: Any) -> None:
    """Steps 5 and 6 of this slot for every slice; then the clock moves on."""
    cell = state.cell[0]
    for s in range(state.slices.shape[0]):
        part = state.slices[s]
        sums = state.window_sums[s]
        sums[SUM_BANDWIDTH] += part.bandwidth_hz
        sums[SUM_POWER] += part.power_w
        for user in range(part.first_user, part.first_user + part.users):
            if state.backlog_bits[user] > 0:
                state.window_counts[s, ACTIVE] += 1
        execute_slice(state, s)
    write_trace(state)
    cell.slot += 1


@state_kernel
def close_second(state: Any) -> None:
    """Step 7: windows go into the totals, users' SSR of the second is set (1 where nothing was resolved)."""
    for s in range(state.slices.shape[0]):
        for k in range(state.window_counts.shape[1]):
            state.total_counts[s, k] += state.window_counts[s, k]
        for k in range(state.window_sums.shape[1]):
            state.total_sums[s, k] += state.window_sums[s, k]
        for k in range(state.delays.shape[2]):
            state.delays[1, s, k] += state.delays[0, s, k]
    state.window_counts[:] = 0
    state.window_sums[:] = 0.0
    state.delays[0] = 0
    for user in range(state.users.shape[0]):
        me = state.users[user]
        me.ssr = 1.0
        if me.window_resolved > 0:
            me.ssr = np.float32(me.window_successes / me.window_resolved)
        me.total_successes += me.window_successes
        me.total_resolved += me.window_resolved
        me.window_successes = 0
        me.window_resolved = 0
