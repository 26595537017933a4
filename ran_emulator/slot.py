"""One slot, compiled: the six steps of its order, over `state.CellState`.

begin: due arrivals, late drops, groups for slot + D chosen and observed. execute: the slot with its decisions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ran_emulator.phy.channel import (
    antenna_domain,
    beam_domain,
    dense_path_response,
    path_response,
    projected_gain,
)
from ran_emulator.phy.codes import (
    ACCESS_OFDMA,
    ACCESS_RSMA_SPLIT,
    CODEBOOK_DFT,
    COMMON_BEAM_BEST_CODEBOOK,
    COMMON_BEAM_RANDOM,
    COMMON_BEAM_SUM_MRT,
    PRECODER_CODEBOOK,
    PRECODER_MRT,
    PRECODER_RZF,
    SPLIT_EQUAL,
)
from ran_emulator.phy.geometry import KNOT_SLOTS, interpolate_shadowing, large_scale_gain, shadowing_step
from ran_emulator.phy.jit import inline_kernel, state_kernel
from ran_emulator.phy.precoding import coupling, fairest_beam, matched, matched_to_all, mmse_loading, zero_forcing
from ran_emulator.phy.random_streams import bits64, normal_pair
from ran_emulator.phy.rsma import rates, sdnr, split_common_rate
from ran_emulator.places import SLOT_S, place_m
from ran_emulator.state import (
    ACTIVE,
    BY_CONTROL,
    GROUP,
    HELD_SLOTS,
    MEASUREMENTS,
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

GEOMETRY_SLOTS = 20
"""Positions, shadowing and path responses are refreshed when older than this (10 ms)."""


@inline_kernel
def _catch_up_shadowing(state: Any, slice_id: int, user: int, slot: int) -> None:
    """Draw the knots of a user's shadowing up to the ones on either side of a slot."""
    cell = state.cell[0]
    me = state.users[user]
    while me.shadowing_knot < slot // KNOT_SLOTS:
        me.shadowing_low = me.shadowing_high
        me.shadowing_knot += 1
        me.shadowing_high = shadowing_step(
            me.shadowing_low, state.slices[slice_id].shadowing_rho, cell.shadowing_key, user, me.shadowing_knot + 1
        )


@inline_kernel
def _respond(state: Any, path_cos: float, out: Any) -> None:
    """a^H C of one path into out [2, N]."""
    if state.cell[0].codebook == CODEBOOK_DFT:
        path_response(path_cos, state.half_turns, out[0], out[1])
    else:
        dense_path_response(path_cos, state.codebook, state.beam_scratch, out[0], out[1])


@inline_kernel
def _refresh_geometry(state: Any, slice_id: int, user: int, slot: int) -> None:
    """Position, shadowing, large-scale gain and path responses of a user, as of a slot."""
    cell = state.cell[0]
    part = state.slices[slice_id]
    me = state.users[user]
    x, y = place_m(state, slice_id, user, slot)
    _catch_up_shadowing(state, slice_id, user, slot)
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
        _respond(state, path_cos, state.response[user, path])
    me.geometry_slot = slot


@inline_kernel
def _refresh_fading(state: Any, slice_id: int, user: int, slot: int) -> None:
    """Small-scale fading, as of a slot: after m slots one Gauss-Markov step with rho^m."""
    cell = state.cell[0]
    me = state.users[user]
    fresh = me.fading_slot < 0
    correlation = 0.0 if fresh else state.slices[slice_id].fading_rho ** (slot - me.fading_slot)
    innovation = math.sqrt((1.0 - correlation * correlation) * 0.5)
    for path in range(PATHS):
        re, im = normal_pair(cell.fading_key, user, slot * PATHS + path)
        me.fading_re[path] = correlation * me.fading_re[path] + innovation * re
        me.fading_im[path] = correlation * me.fading_im[path] + innovation * im
    me.fading_slot = slot


@inline_kernel
def _advance(state: Any, slice_id: int, user: int, slot: int) -> None:
    """Bring a user's channel to a slot."""
    me = state.users[user]
    if slot - me.geometry_slot > GEOMETRY_SLOTS or me.geometry_slot < 0:
        _refresh_geometry(state, slice_id, user, slot)
    if me.fading_slot != slot:
        _refresh_fading(state, slice_id, user, slot)


@inline_kernel
def _known_measurement(state: Any, user: int) -> int:
    """Number of the last measurement of a user that is known in this slot.

    Measurement k is made in slot k T - u mod T, so that users take turns; the first one counts as made when these CSI
    settings began to hold.
    """
    cell = state.cell[0]
    known_until = max(cell.slot - cell.csi_delay, cell.csi_since)
    return (known_until + user % cell.csi_period) // cell.csi_period


@inline_kernel
def _keep(state: Any, user: int, number: int) -> None:
    """Keep a user's channel, as it stands, as its measurement of that number."""
    me = state.users[user]
    kept = state.measurements[user, number % MEASUREMENTS]
    kept.slot = me.fading_slot
    kept.geometry_slot = me.geometry_slot
    kept.amplitude = me.amplitude
    for path in range(PATHS):
        kept.path_cos[path] = me.path_cos[path]
        kept.fading_re[path] = me.fading_re[path]
        kept.fading_im[path] = me.fading_im[path]


@state_kernel
def restart_measurements(state: Any) -> None:
    """New CSI settings hold from this slot on: it is everybody's first measurement under them."""
    cell = state.cell[0]
    cell.csi_since = cell.slot
    for user in range(state.users.shape[0]):
        if state.users[user].fading_slot == cell.slot:  # others come to it when they are looked at
            _keep(state, user, _known_measurement(state, user))


@state_kernel
def measure(state: Any, slice_id: int, user: int) -> None:
    """Bring a user's channel to this slot by way of its measurements, which are kept.

    The channel is drawn only when somebody looks; so the oldest measurement that is known now is drawn first, and
    aged by rho^m from one measurement to the next and to this slot. Those that are not known yet will be: had they
    been passed over, they would have to be drawn given both the past and the future.
    """
    cell = state.cell[0]
    me = state.users[user]
    if me.fading_slot == cell.slot:
        return
    period = cell.csi_period
    turn = user % period
    number = _known_measurement(state, user)
    if me.fading_slot >= cell.csi_since:  # those up to there are kept
        number = max(number, (me.fading_slot + turn) // period + 1)
    while number * period - turn <= cell.slot:
        slot = max(number * period - turn, cell.csi_since)
        _advance(state, slice_id, user, slot)
        _keep(state, user, number)
        number += 1
    _advance(state, slice_id, user, cell.slot)


@state_kernel
def settle_past(state: Any, slice_id: int) -> None:
    """Draw what a slice's users owe to the slots behind, before their speed changes.

    What was measured keeps its place, and shadowing that has passed keeps its correlation.
    """
    cell = state.cell[0]
    part = state.slices[slice_id]
    for user in range(part.first_user, part.first_user + part.users):
        if cell.csi_perfect == 0:
            measure(state, slice_id, user)
        _catch_up_shadowing(state, slice_id, user, cell.slot)


@inline_kernel
def sense(state: Any, slice_id: int, user: int, place: int, gains: Any) -> float:
    """Bring a user's channel to this slot: h^H C into beam_domain[place], |h^H c|^2 into gains; returns ||h||^2."""
    if state.cell[0].csi_perfect == 1:
        _advance(state, slice_id, user, state.cell[0].slot)
    else:
        measure(state, slice_id, user)
    me = state.users[user]
    return beam_domain(me.amplitude, me.fading_re, me.fading_im, state.response[user], state.beam_domain[place], gains)


@state_kernel
def estimate(state: Any, slice_id: int, user: int, gains: Any) -> None:
    """|h^H c|^2 over the codebook as it is known in this slot, out of the last measurement, into gains [N].

    The error is white over the beams, so over the antennas too: drawn by (user, slot of the measurement, beam).
    """
    cell = state.cell[0]
    measure(state, slice_id, user)
    kept = state.measurements[user, _known_measurement(state, user) % MEASUREMENTS]
    response = state.response[user]
    if kept.geometry_slot != state.users[user].geometry_slot:
        response = state.csi_response
        for path in range(PATHS):
            _respond(state, kept.path_cos[path], response[path])
    domain = state.csi_domain
    power = beam_domain(kept.amplitude, kept.fading_re, kept.fading_im, response, domain, gains)
    if cell.csi_noise > 0.0:
        beams = gains.shape[0]
        scale = math.sqrt(0.5 * cell.csi_noise * power / beams)
        for b in range(beams):
            re, im = normal_pair(cell.csi_key, user, kept.slot * beams + b)
            noisy_re, noisy_im = domain[0, b] + scale * re, domain[1, b] + scale * im
            gains[b] = noisy_re * noisy_re + noisy_im * noisy_im


@state_kernel
def estimate_over_antennas(state: Any, user: int, out: Any) -> None:
    """h as it is known in this slot, for what `estimate` has in the beam domain, into out [N] complex."""
    cell = state.cell[0]
    kept = state.measurements[user, _known_measurement(state, user) % MEASUREMENTS]
    antenna_domain(kept.amplitude, kept.fading_re, kept.fading_im, kept.path_cos, out)
    if cell.csi_noise > 0.0:
        antennas = out.shape[0]
        power = 0.0
        for n in range(antennas):
            power += out[n].real ** 2 + out[n].imag ** 2
        scale = math.sqrt(0.5 * cell.csi_noise * power / antennas)
        for b in range(antennas):
            re, im = normal_pair(cell.csi_key, user, kept.slot * antennas + b)
            state.beam_scratch[b] = complex(scale * re, -scale * im)  # of c_b^H h; `estimate` has h^H c_b
        for n in range(antennas):
            for b in range(antennas):
                out[n] += state.codebook[n, b] * state.beam_scratch[b]


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
        if cell.csi_perfect == 1:
            sense(state, slice_id, user, i, state.frame_gains[slice_id, i])
        else:
            estimate(state, slice_id, user, state.frame_gains[slice_id, i])


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
    if cell.common_stream == 0:
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
    outcome.noise_w = np.float32(cell.noise_w_per_hz * part.bandwidth_hz)
    outcome.hwi_model = cell.hwi_model
    outcome.kappa_t = cell.kappa_t
    outcome.kappa_r = cell.kappa_r


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
    if cell.common_stream == 0:
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
        known = state.outcome_gains[slice_id, i]
        # Only a default beam and the fairest common beam are looked up in what is known.
        if cell.csi_perfect == 0 and (outcome.beams[i] < 0 or cell.common_beam == COMMON_BEAM_BEST_CODEBOOK):
            known = state.csi_gains[i]
            estimate(state, slice_id, np.int64(outcome.user_ids[i]), known)
        if outcome.beams[i] < 0:
            outcome.beams[i] = _default_beam(known)
    draw = bits64(cell.common_beam_key, slice_id, cell.slot) % np.uint64(state.common_beams.shape[0])
    common = state.common_beams[draw]
    for u in range(count):
        gains[u, count] = projected_gain(state.beam_domain[u], common)
        spread = outcome.channel_gain[u] / antennas  # all these beams have constant modulus
        spreads[u, count] = spread
        for i in range(count):
            gains[u, i] = state.outcome_gains[slice_id, u, outcome.beams[i]]
            spreads[u, i] = spread
    if cell.precoder != PRECODER_CODEBOOK or cell.common_beam != COMMON_BEAM_RANDOM:
        _precode(state, slice_id)
    for u in range(count):
        outcome.common_gain[u] = gains[u, count]


@state_kernel
def _precode(state: Any, slice_id: int) -> None:
    """Beams that the gNB forms from its CSI take the place of codebook beams, or of the random common beam."""
    cell = state.cell[0]
    outcome = state.outcomes[slice_id]
    count = outcome.count
    gains = state.matrices[0]
    spreads = state.matrices[1]
    for u in range(count):
        user = np.int64(outcome.user_ids[u])
        me = state.users[user]
        antenna_domain(me.amplitude, me.fading_re, me.fading_im, me.path_cos, state.channel_rows[u])
        if cell.csi_perfect == 1:
            for n in range(cell.antennas):
                state.csi_rows[u, n] = state.channel_rows[u, n]
        else:
            estimate_over_antennas(state, user, state.csi_rows[u])
    if cell.precoder != PRECODER_CODEBOOK:
        _private_beams(state, slice_id)
        for u in range(count):
            for i in range(count):
                if i == u or cell.access != ACCESS_OFDMA:  # where each has a band of its own, nothing else counts
                    gains[u, i], spreads[u, i] = coupling(state.channel_rows[u], state.beam_rows[i])
    if cell.common_beam == COMMON_BEAM_SUM_MRT:
        common = state.beam_rows[GROUP]
        matched_to_all(count, state.csi_rows, common)
        for u in range(count):
            gains[u, count], spreads[u, count] = coupling(state.channel_rows[u], common)
    elif cell.common_beam == COMMON_BEAM_BEST_CODEBOOK:
        known = state.outcome_gains[slice_id] if cell.csi_perfect == 1 else state.csi_gains
        beam = fairest_beam(count, known, state.loading)
        for u in range(count):  # its spread is that of the random beam
            gains[u, count] = state.outcome_gains[slice_id, u, beam]


@state_kernel
def _private_beams(state: Any, slice_id: int) -> None:
    """The group's MRT, ZF or RZF beams into beam_rows [K, N]. Alone in its band a user has nobody to spare: MRT."""
    cell = state.cell[0]
    part = state.slices[slice_id]
    count = state.outcomes[slice_id].count
    if cell.precoder == PRECODER_MRT or cell.access == ACCESS_OFDMA:
        matched(count, state.csi_rows, state.beam_rows)
        return
    noise_w = cell.noise_w_per_hz * _bandwidth_hz(state, slice_id)
    for u in range(count):
        state.loading[u] = 0.0
        if cell.precoder == PRECODER_RZF:
            state.loading[u] = mmse_loading(count, state.csi_rows[u], noise_w, part.power_w, cell.csi_noise)
    zero_forcing(count, state.csi_rows, state.loading, state.small[0], state.small[1], state.beam_rows)


@inline_kernel
def _bandwidth_hz(state: Any, slice_id: int) -> float:
    """Bandwidth of a served user: the slice's, or its part where round robin splits it."""
    cell = state.cell[0]
    bandwidth_hz = np.float64(state.slices[slice_id].bandwidth_hz)
    if cell.access in (ACCESS_OFDMA, ACCESS_RSMA_SPLIT):
        bandwidth_hz /= state.outcomes[slice_id].count
    return bandwidth_hz


@inline_kernel
def _rate(state: Any, slice_id: int) -> float:
    """SDNR, shares and rates of the served users (Eq. 13-16) into the outcome; returns the bandwidth a user."""
    cell = state.cell[0]
    part = state.slices[slice_id]
    outcome = state.outcomes[slice_id]
    count = outcome.count
    gains = state.matrices[0]
    spreads = state.matrices[1]
    bandwidth_hz = _bandwidth_hz(state, slice_id)
    kappa_t = np.float64(cell.kappa_t)
    kappa_r = np.float64(cell.kappa_r)
    if cell.access == ACCESS_OFDMA:
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
    if cell.common_split != SPLIT_EQUAL and cell.common_stream == 1:
        wanted = part.min_rate_bps / bandwidth_hz
        split_common_rate(count, cell.common_split, wanted, outcome.private_rate, outcome.common_share)
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
