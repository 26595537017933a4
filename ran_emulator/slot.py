"""One slot, compiled: the six steps of its order, over `state.CellState`.

begin: due arrivals, late drops, groups for slot + D chosen and observed. execute: the slot with its decisions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ran_emulator.phy.channel import antenna_domain, beam_domain, path_response, projected_gain
from ran_emulator.phy.geometry import (
    KNOT_SLOTS,
    interpolate_shadowing,
    large_scale_gain,
    reflect,
    shadowing_step,
)
from ran_emulator.phy.jit import inline_kernel, state_kernel
from ran_emulator.phy.random_streams import bits64, normal_pair
from ran_emulator.phy.rsma import rates, sdnr
from ran_emulator.phy.zero_forcing import zero_forcing
from ran_emulator.state import (
    ACTIVE,
    BY_CONTROL,
    GROUP,
    HELD_SLOTS,
    PATHS,
    RING,
    RULE_DEFAULT,
    SOURCE_CONTROL,
    SOURCE_DEFAULT,
    SOURCE_HELD,
    SUM_BANDWIDTH,
    SUM_COMMON_POWER,
    SUM_POWER,
    SUM_PRIVATE_POWER,
    SUM_RATE,
    SUM_RATE_PER_HZ,
)
from ran_emulator.traffic.queues import arrive, drop_late, serve

SLOT_S = 5e-4
GEOMETRY_SLOTS = 20
"""Positions, shadowing and path responses are refreshed when older than this (10 ms)."""
ACCESS_RSMA, ACCESS_SDMA, ACCESS_OFDMA = 0, 1, 2
PRECODER_ZF = 1


@state_kernel
def catch_up_shadowing(state: Any, slice_id: int, user: int) -> None:
    """Draw the knots of a user's shadowing up to the ones on either side of this slot."""
    cell = state.cell[0]
    me = state.users[user]
    while me.shadowing_knot < cell.slot // KNOT_SLOTS:
        me.shadowing_low = me.shadowing_high
        me.shadowing_knot += 1
        me.shadowing_high = shadowing_step(
            me.shadowing_low, state.slices[slice_id].shadowing_rho, cell.shadowing_key, user, me.shadowing_knot + 1
        )


@inline_kernel
def _refresh_geometry(state: Any, slice_id: int, user: int) -> None:
    """Position, shadowing, large-scale gain and path responses of a user, as of this slot."""
    cell = state.cell[0]
    part = state.slices[slice_id]
    me = state.users[user]
    slot = cell.slot
    elapsed_s = (slot - me.anchor_slot) * SLOT_S
    x = reflect(me.anchor_x_m + part.velocity_x_m_s * elapsed_s, cell.side_m)
    y = reflect(me.anchor_y_m + part.velocity_y_m_s * elapsed_s, cell.side_m)
    catch_up_shadowing(state, slice_id, user)
    knot = slot // KNOT_SLOTS
    fraction = (slot - knot * KNOT_SLOTS) / KNOT_SLOTS
    unit = interpolate_shadowing(me.shadowing_low, me.shadowing_high, fraction, part.shadowing_rho)
    beta = large_scale_gain(
        math.sqrt(x * x + y * y),
        cell.distance_floor_m,
        cell.path_loss_at_1km_db,
        cell.path_loss_slope_db,
        cell.shadowing_std_db * unit,
    )
    me.amplitude = math.sqrt(beta / PATHS)
    angle = math.atan2(y, x)
    for path in range(PATHS):
        path_cos = math.cos(angle + me.path_offset_rad[path])
        me.path_cos[path] = path_cos
        path_response(path_cos, state.half_turns, state.response[user, path, 0], state.response[user, path, 1])
    me.geometry_slot = slot


@inline_kernel
def _refresh_fading(state: Any, slice_id: int, user: int) -> None:
    """Small-scale fading, as of this slot: after m slots one Gauss-Markov step with rho^m."""
    cell = state.cell[0]
    me = state.users[user]
    slot = cell.slot
    fresh = me.fading_slot < 0
    correlation = 0.0 if fresh else state.slices[slice_id].fading_rho ** (slot - me.fading_slot)
    innovation = math.sqrt((1.0 - correlation * correlation) * 0.5)
    for path in range(PATHS):
        re, im = normal_pair(cell.fading_key, user, slot * PATHS + path)
        me.fading_re[path] = correlation * me.fading_re[path] + innovation * re
        me.fading_im[path] = correlation * me.fading_im[path] + innovation * im
    me.fading_slot = slot


@inline_kernel
def sense(state: Any, slice_id: int, user: int, place: int, gains: Any) -> float:
    """Bring a user's channel to this slot: h^H C into beam_domain[place], |h^H c|^2 into gains; returns ||h||^2."""
    me = state.users[user]
    slot = state.cell[0].slot
    if slot - me.geometry_slot > GEOMETRY_SLOTS or me.geometry_slot < 0:
        _refresh_geometry(state, slice_id, user)
    if me.fading_slot != slot:
        _refresh_fading(state, slice_id, user)
    return beam_domain(me.amplitude, me.fading_re, me.fading_im, state.response[user], state.beam_domain[place], gains)


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
def _choose(state: Any, slice_id: int) -> None:
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
def _observe(state: Any, slice_id: int) -> None:
    """Step 4: what the group looks like now, for the frame."""
    cell = state.cell[0]
    frame = state.frames[slice_id]
    decided_slot = cell.slot + cell.control_delay
    grant = state.grants[decided_slot % RING, slice_id]
    frame.decided_slot = decided_slot
    frame.count = grant.count
    for i in range(grant.count):
        user = grant.user_ids[i]
        me = state.users[user]
        frame.user_ids[i] = user
        frame.queue_bits[i] = state.backlog_bits[user]
        frame.head_age_us[i] = (cell.slot - state.packet_slot[user, me.head]) * 500
        frame.ssr[i] = me.ssr
        for k in range(7):
            frame.last_outcome[i, k] = me.last_outcome[k]
        sense(state, slice_id, user, i, state.frame_gains[slice_id, i])


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
        _choose(state, s)
        _observe(state, s)


@state_kernel
def check_decision(
    count: int, beams: Any, private_power_w: Any, common_power_w: float, power_w: float, antennas: int
) -> int:
    """0 where a decision is valid, else which rule it breaks: 1 finite, 2 C7, 3 codebook range, 4 C8-C10."""
    limit = power_w * (1.0 + 1e-6)
    total = 0.0
    for i in range(count):
        if not math.isfinite(private_power_w[i]):
            return 1
        if private_power_w[i] < 0.0:
            return 2
        if beams[i] < 0 or beams[i] >= antennas:
            return 3
        total += private_power_w[i]
    if not math.isfinite(common_power_w):
        return 1
    if common_power_w > 0.0:
        total += common_power_w
    return 4 if total > limit else 0


@state_kernel
def submit(state: Any, slice_id: int, decided_slot: int, beams: Any, private_power_w: Any, common_w: float) -> None:
    """Take a checked decision for a group; common_w below 0 means what the private streams leave."""
    cell = state.cell[0]
    part = state.slices[slice_id]
    grant = state.grants[decided_slot % RING, slice_id]
    grant.decided = 1
    for i in range(grant.count):
        me = state.users[grant.user_ids[i]]
        grant.beams[i] = beams[i]
        grant.private_power_w[i] = private_power_w[i]
        me.held_slot = decided_slot
        me.held_beam = beams[i]
        me.held_power_w = private_power_w[i]
    grant.common_power_w = common_w
    part.held_common_w = common_w
    if cell.access != ACCESS_RSMA:
        grant.common_power_w = 0.0
        part.held_common_w = 0.0


@inline_kernel
def _seat(outcome: Any, place: int, user: int, beam: int, power_w: float, source: int) -> None:
    outcome.user_ids[place] = user
    outcome.beams[place] = beam
    outcome.private_power_w[place] = power_w
    outcome.decision_source[place] = source


@inline_kernel
def _in_grant(grant: Any, count: int, user: int) -> bool:
    found = False
    for i in range(count):
        found = found or grant.user_ids[i] == user
    return found


@inline_kernel
def _default_beam(gains: Any) -> int:
    best = 0
    for b in range(1, gains.shape[0]):
        if gains[b] > gains[best]:
            best = b
    return best


@inline_kernel
def _assemble(state: Any, slice_id: int) -> None:
    """Who is served in this slot, by whose decision, with which beam and private power (-1: to be set)."""
    cell = state.cell[0]
    slot = cell.slot
    part = state.slices[slice_id]
    outcome = state.outcomes[slice_id]
    grant = state.grants[slot % RING, slice_id]
    granted = grant.count if grant.slot == slot else 0
    count = 0
    for i in range(granted):
        user = grant.user_ids[i]
        me = state.users[user]
        me.grants_in_flight -= 1
        if state.backlog_bits[user] == 0:
            continue  # an unused grant is silent
        if grant.decided == 1:
            _seat(outcome, count, user, grant.beams[i], grant.private_power_w[i], SOURCE_CONTROL)
        elif me.held_slot >= 0 and slot - me.held_slot <= HELD_SLOTS:
            _seat(outcome, count, user, me.held_beam, me.held_power_w, SOURCE_HELD)
        else:
            _seat(outcome, count, user, -1, -1.0, SOURCE_DEFAULT)
        count += 1
    if part.rule == RULE_DEFAULT:
        start = part.last_default + 1 - part.first_user
        for step in range(part.users):
            if count == GROUP:
                break
            user = part.first_user + (start + step) % part.users
            if state.backlog_bits[user] == 0 or _in_grant(grant, granted, user):
                continue
            place = count
            while place > 0 and outcome.user_ids[place - 1] > user:
                before = place - 1
                _seat(
                    outcome,
                    place,
                    outcome.user_ids[before],
                    outcome.beams[before],
                    outcome.private_power_w[before],
                    outcome.decision_source[before],
                )
                place -= 1
            _seat(outcome, place, user, -1, -1.0, SOURCE_DEFAULT)
            part.last_default = user
            count += 1
    outcome.count = count
    outcome.slot = slot
    outcome.bandwidth_hz = part.bandwidth_hz
    outcome.power_w = part.power_w


@inline_kernel
def _power(state: Any, slice_id: int) -> None:
    """Private powers of default users, the common power, and clipping to the slice's budget (C8-C10)."""
    cell = state.cell[0]
    part = state.slices[slice_id]
    outcome = state.outcomes[slice_id]
    grant = state.grants[cell.slot % RING, slice_id]
    count = outcome.count
    decided = 0
    smallest = np.float32(np.inf)
    for i in range(count):
        if outcome.decision_source[i] != SOURCE_DEFAULT:
            decided += 1
            smallest = min(smallest, outcome.private_power_w[i])
    if decided == 0:
        smallest = np.float32(cell.default_private_share * part.power_w / count)
    total = 0.0
    for i in range(count):
        if outcome.decision_source[i] == SOURCE_DEFAULT:
            outcome.private_power_w[i] = smallest
        total += outcome.private_power_w[i]
    if total > part.power_w:
        for i in range(count):
            outcome.private_power_w[i] = np.float32(outcome.private_power_w[i] * (part.power_w / total))
        total = np.float64(part.power_w)
    # A silent grant's power stays unused: the rest counts what was decided for it. Default users alone have no
    # decision to follow.
    reserved = total
    common = np.float32(-1.0)
    if decided > 0:
        common = part.held_common_w
        if grant.slot == cell.slot and grant.decided == 1:
            common = grant.common_power_w
            for i in range(grant.count):
                if state.backlog_bits[grant.user_ids[i]] == 0:
                    reserved += grant.private_power_w[i]
    rest = max(0.0, part.power_w - reserved)
    if cell.access != ACCESS_RSMA:
        rest = 0.0
    outcome.common_power_w = rest if common < 0.0 else min(np.float64(common), rest)


@inline_kernel
def _couple(state: Any, slice_id: int) -> None:
    """Gains and spreads of every served user under every stream (matrices[0], matrices[1])."""
    cell = state.cell[0]
    outcome = state.outcomes[slice_id]
    count = outcome.count
    antennas = cell.antennas
    gains = state.matrices[0]
    spreads = state.matrices[1]
    for i in range(count):
        outcome.channel_gain[i] = sense(
            state, slice_id, np.int64(outcome.user_ids[i]), i, state.outcome_gains[slice_id, i]
        )
        if outcome.beams[i] < 0:
            outcome.beams[i] = _default_beam(state.outcome_gains[slice_id, i])
    draw = bits64(cell.common_beam_key, slice_id, cell.slot) % np.uint64(state.common_beams.shape[0])
    common = state.common_beams[draw]
    for u in range(count):
        gains[u, count] = projected_gain(state.beam_domain[u], common)
        outcome.common_gain[u] = gains[u, count]
        spread = outcome.channel_gain[u] / antennas  # all these beams have constant modulus
        spreads[u, count] = spread
        for i in range(count):
            gains[u, i] = state.outcome_gains[slice_id, u, outcome.beams[i]]
            spreads[u, i] = spread
    if cell.precoder == PRECODER_ZF:
        channels = state.complex_scratch
        for u in range(count):
            me = state.users[np.int64(outcome.user_ids[u])]
            antenna_domain(me.amplitude, me.fading_re, me.fading_im, me.path_cos, channels[u, :antennas])
        zero_forcing(
            count,
            channels[:count, :antennas],
            channels[GROUP + 1 : 2 * GROUP + 1],
            channels[2 * GROUP + 1 :],
            channels[GROUP, :antennas],
            gains,
            spreads,
        )


@inline_kernel
def _rate(state: Any, slice_id: int) -> float:
    """SDNR, shares and rates of the served users (Eq. 13-16) into the outcome; returns the bandwidth a user."""
    cell = state.cell[0]
    part = state.slices[slice_id]
    outcome = state.outcomes[slice_id]
    count = outcome.count
    gains = state.matrices[0]
    spreads = state.matrices[1]
    bandwidth_hz = np.float64(part.bandwidth_hz)
    kappa_t = np.float64(cell.kappa_t)
    kappa_r = np.float64(cell.kappa_r)
    if cell.access == ACCESS_OFDMA:
        bandwidth_hz /= count
        for u in range(count):
            for i in range(count):
                if i != u:
                    gains[u, i] = 0.0
                    spreads[u, i] = 0.0
    sdnr(
        count,
        gains,
        spreads,
        outcome.private_power_w,
        np.float64(outcome.common_power_w),
        cell.noise_w_per_hz * bandwidth_hz,
        cell.hwi_model,
        kappa_t,
        kappa_r,
        outcome.common_sdnr,
        outcome.private_sdnr,
    )
    rates(count, outcome.common_sdnr, outcome.private_sdnr, outcome.common_share, outcome.private_rate)
    return bandwidth_hz


@inline_kernel
def _execute_slice(state: Any, slice_id: int) -> None:
    """Steps 5 and 6 of one slice: serve its users, leave the outcome."""
    _assemble(state, slice_id)
    outcome = state.outcomes[slice_id]
    if outcome.count == 0:
        return
    _power(state, slice_id)
    _couple(state, slice_id)
    bandwidth_hz = _rate(state, slice_id)
    counts = state.window_counts[slice_id]
    sums = state.window_sums[slice_id]
    for i in range(outcome.count):
        user = np.int64(outcome.user_ids[i])
        me = state.users[user]
        per_hz = np.float64(outcome.common_share[i]) + np.float64(outcome.private_rate[i])
        rate_bps = bandwidth_hz * per_hz
        outcome.rate_bps[i] = rate_bps
        sums[SUM_RATE] += rate_bps
        sums[SUM_RATE_PER_HZ] += per_hz
        sums[SUM_PRIVATE_POWER] += outcome.private_power_w[i]
        counts[BY_CONTROL + outcome.decision_source[i]] += 1
        outcome.sent_bits[i] = serve(state, slice_id, user, rate_bps)
        me.rate_bps = rate_bps
        me.last_outcome[0] = outcome.common_power_w
        me.last_outcome[1] = outcome.common_sdnr[i]
        me.last_outcome[2] = outcome.common_share[i]
        me.last_outcome[3] = outcome.private_power_w[i]
        me.last_outcome[4] = outcome.private_sdnr[i]
        me.last_outcome[5] = outcome.beams[i]
        me.last_outcome[6] = outcome.private_rate[i]
    sums[SUM_COMMON_POWER] += outcome.common_power_w


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
def _write_trace(state: Any) -> None:
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
        _execute_slice(state, s)
    _write_trace(state)
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
