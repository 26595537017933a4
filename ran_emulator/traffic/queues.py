"""Queues of a few packets a user (Eq. 3), first come first served; every bit is accounted for.

offered = delivered + dropped + queued, in packets and in bits, after every call.
"""

from __future__ import annotations

from typing import Any

from ran_emulator.phy.codes import COVERAGE_DISC
from ran_emulator.phy.jit import inline_kernel, state_kernel
from ran_emulator.phy.random_streams import uniform
from ran_emulator.places import out_of_reach
from ran_emulator.scenario import SLOT_MS, SLOT_S
from ran_emulator.state import (
    DELAY_BINS,
    DELIVERED,
    DELIVERED_BITS,
    DROPPED_BITS,
    DROPPED_FULL,
    DROPPED_LATE,
    OFFERED,
    OFFERED_BITS,
    SUCCEEDED,
    SUM_DELAY,
)
from ran_emulator.traffic.arrivals import interarrival_ms, packet_bits


@inline_kernel
def offer(state: Any, slice_id: int, user: int, bits: int) -> int:
    """A packet arrives: queued, or offered and dropped where the queue is full; returns the packets dropped."""
    cell = state.cell[0]
    me = state.users[user]
    places = state.packet_bits.shape[1]
    counts = state.window_counts[slice_id]
    counts[OFFERED] += 1
    counts[OFFERED_BITS] += bits
    if me.packets == places:
        counts[DROPPED_FULL] += 1
        counts[DROPPED_BITS] += bits
        me.window_resolved += 1
        return 1
    place = (me.head + me.packets) % places
    state.packet_bits[user, place] = bits
    state.packet_slot[user, place] = cell.slot
    me.packets += 1
    state.backlog_bits[user] += bits
    return 0


@inline_kernel
def arrive(state: Any) -> None:
    """Step 2: the packets that arrive in this slot; their delay counts from its start.

    A user out of reach has no traffic, though its draws go on.
    """
    cell = state.cell[0]
    for s in range(state.slices.shape[0]):
        part = state.slices[s]
        part.clock_ms += part.load * SLOT_MS
        now = part.clock_ms
        if part.next_arrival_ms >= now:
            continue
        earliest = state.next_arrival_ms[part.first_user]
        for user in range(part.first_user, part.first_user + part.users):
            while state.next_arrival_ms[user] < now:
                me = state.users[user]
                counter = me.arrivals
                if cell.coverage != COVERAGE_DISC or not out_of_reach(state, s, user):
                    bits = packet_bits(cell.size_key, user, counter, part.bytes_min, part.bytes_max)
                    state.outcomes[s].dropped_packets += offer(state, s, user, bits)
                gap = interarrival_ms(s, part.arrival_parameters, uniform(cell.traffic_key, user, counter))
                state.next_arrival_ms[user] += gap
                me.arrivals += 1
            earliest = min(earliest, state.next_arrival_ms[user])
        part.next_arrival_ms = earliest


@inline_kernel
def _inject_one(state: Any, slice_id: int, user: int) -> None:
    """A packet by hand, of the slice's sizes, drawn from a stream of its own; what it drops is in the next outcome."""
    part = state.slices[slice_id]
    me = state.users[user]
    bits = packet_bits(state.cell[0].injected_key, user, me.injected, part.bytes_min, part.bytes_max)
    me.injected += 1
    part.injected_drops += offer(state, slice_id, user, bits)


@state_kernel
def inject(state: Any, slice_id: int, packets: int) -> None:
    """A burst by hand: `packets` packets at once, round robin over the slice's users within reach."""
    part = state.slices[slice_id]
    for _ in range(packets):
        for _ in range(part.users):
            user = part.first_user + part.inject_next
            part.inject_next = (part.inject_next + 1) % part.users
            if not out_of_reach(state, slice_id, user):
                break
        else:
            return
        _inject_one(state, slice_id, user)


@state_kernel
def inject_users(state: Any, users: Any, packets: int) -> None:
    """A burst by hand: `packets` packets at once for each of the users i64 [K], in their order."""
    for user in users:
        slice_id = 0
        while user >= state.slices[slice_id].first_user + state.slices[slice_id].users:
            slice_id += 1
        for _ in range(packets):
            _inject_one(state, slice_id, user)


@inline_kernel
def drop_late(state: Any) -> None:
    """Step 3: packets whose waiting time has reached L_max, at which Eq. 3's delay must exceed it, are dropped.

    So are those of a user that has left the disc, where coverage ends there: none can be in time any more.
    """
    slot = state.cell[0].slot
    disc = state.cell[0].coverage == COVERAGE_DISC
    for s in range(state.slices.shape[0]):
        part = state.slices[s]
        counts = state.window_counts[s]
        for user in range(part.first_user, part.first_user + part.users):
            if state.backlog_bits[user] == 0:
                continue
            me = state.users[user]
            lost = disc and out_of_reach(state, s, user)
            while me.packets > 0 and (lost or slot - state.packet_slot[user, me.head] >= part.max_latency_slots):
                left = state.packet_bits[user, me.head]
                state.backlog_bits[user] -= left
                counts[DROPPED_LATE] += 1
                counts[DROPPED_BITS] += left
                me.window_resolved += 1
                me.head = (me.head + 1) % state.packet_bits.shape[1]
                me.packets -= 1
                state.outcomes[s].dropped_packets += 1


@inline_kernel
def serve(state: Any, slice_id: int, user: int, rate_bps: float) -> int:
    """Send at most floor(rate x slot) bits of the user's queue; returns the bits sent.

    A packet succeeds (Eq. 2) where the slot that completes it has rate >= R_min and waiting + transmission <= L_max;
    transmission in that slot = bits sent up to the packet's last one / rate.
    """
    slot = state.cell[0].slot
    part = state.slices[slice_id]
    me = state.users[user]
    counts = state.window_counts[slice_id]
    budget = int(rate_bps * SLOT_S)
    sent = 0
    while me.packets > 0 and budget > 0:
        left = state.packet_bits[user, me.head]
        if left > budget:
            state.packet_bits[user, me.head] = left - budget
            sent += budget
            break
        budget -= left
        sent += left
        delay_ms = (slot - state.packet_slot[user, me.head]) * SLOT_MS + sent / rate_bps * 1e3
        max_ms = part.max_latency_slots * SLOT_MS
        counts[DELIVERED] += 1
        state.outcomes[slice_id].delivered_packets += 1
        state.window_sums[slice_id, SUM_DELAY] += delay_ms
        state.delays[0, slice_id, min(DELAY_BINS, int(delay_ms / max_ms * DELAY_BINS))] += 1
        me.window_resolved += 1
        if rate_bps >= part.min_rate_bps and delay_ms <= max_ms:
            counts[SUCCEEDED] += 1
            me.window_successes += 1
        me.head = (me.head + 1) % state.packet_bits.shape[1]
        me.packets -= 1
    counts[DELIVERED_BITS] += sent
    state.backlog_bits[user] -= sent
    return sent
