"""Step 4 of a slot, compiled: who may send in slot + D, and what the group looks like now."""

from __future__ import annotations

from typing import Any

from ran_emulator.phy.jit import inline_kernel
from ran_emulator.scenario import SLOT_S, SLOT_US
from ran_emulator.sensing import estimate, sense
from ran_emulator.state import GROUP, RING


@inline_kernel
def _uncovered(state: Any, user: int) -> bool:
    """Whether a user with a queue has bits that no grant in flight covers."""
    backlog = state.backlog_bits[user]
    me = state.users[user]
    if me.grants_in_flight == 0:
        return True
    if me.rate_bps == 0.0:
        return False
    return backlog > me.grants_in_flight * int(me.rate_bps * SLOT_S)


@inline_kernel
def _collect(state: Any, part: Any, grant: Any, count: int, first: int, end: int) -> int:
    """Grant users first..end-1 that have uncovered bits, up to a full group; returns the new count."""
    backlog = state.backlog_bits
    for user in range(first, end):
        if backlog[user] > 0 and _uncovered(state, user):
            grant.user_ids[count] = user
            count += 1
            state.users[user].grants_in_flight += 1
            part.last_granted = user
            if count == GROUP:
                break
    return count


@inline_kernel
def choose(state: Any, slice_id: int) -> None:
    """Step 4: the group for slot + D, round robin by id after the last one granted, at most eight, ids ascending."""
    cell = state.cell[0]
    part = state.slices[slice_id]
    decided_slot = cell.slot + cell.control_delay
    grant = state.grants[decided_slot % RING, slice_id]
    grant.slot = decided_slot
    grant.decided = 0
    start = part.last_granted + 1
    before = _collect(state, part, grant, 0, start, part.first_user + part.users)
    after = 0
    if before < GROUP:
        after = _collect(state, part, grant, before, part.first_user, start) - before
    if before > 0 and after > 0:  # those from behind the starting point come first by id
        for _ in range(after):
            last = grant.user_ids[before + after - 1]
            for i in range(before + after - 1, 0, -1):
                grant.user_ids[i] = grant.user_ids[i - 1]
            grant.user_ids[0] = last
    grant.count = before + after


@inline_kernel
def observe(state: Any, slice_id: int) -> None:
    """Step 4: what the group looks like now, for the frame; nobody is asked for a slot between two decisions."""
    cell = state.cell[0]
    frame = state.frames[slice_id]
    decided_slot = cell.slot + cell.control_delay
    grant = state.grants[decided_slot % RING, slice_id]
    frame.decided_slot = decided_slot
    if decided_slot % cell.decision_period != 0:
        frame.count = 0
        return
    frame.count = grant.count
    for i in range(grant.count):
        user = grant.user_ids[i]
        me = state.users[user]
        frame.user_ids[i] = user
        frame.queue_bits[i] = state.backlog_bits[user]
        frame.head_age_us[i] = (cell.slot - state.packet_slot[user, me.head]) * SLOT_US
        frame.ssr[i] = me.ssr
        for k in range(7):
            frame.last_outcome[i, k] = me.last_outcome[k]
        if cell.csi_perfect == 1:
            sense(state, slice_id, user, i, state.frame_gains[slice_id, i])
        else:
            estimate(state, slice_id, user, state.frame_gains[slice_id, i])
