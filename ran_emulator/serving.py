"""Steps 5 and 6 of a slot, compiled: a slice's decisions in force, powers, couplings, rates, bits sent."""

from __future__ import annotations

from typing import Any

import numpy as np

from ran_emulator.phy.channel import antenna_domain, projected_gain
from ran_emulator.phy.codes import (
    ACCESS_OFDMA,
    ACCESS_RSMA_SPLIT,
    COMMON_BEAM_BEST_CODEBOOK,
    COMMON_BEAM_RANDOM,
    COMMON_BEAM_SUM_MRT,
    PRECODER_CODEBOOK,
    PRECODER_MRT,
    PRECODER_RZF,
    SPLIT_EQUAL,
)
from ran_emulator.phy.jit import inline_kernel, state_kernel
from ran_emulator.phy.precoding import coupling, fairest_beam, matched, matched_to_all, mmse_loading, zero_forcing
from ran_emulator.phy.random_streams import bits64
from ran_emulator.phy.rsma import rates, sdnr, split_common_rate
from ran_emulator.sensing import estimate, estimate_over_antennas, sense
from ran_emulator.state import (
    BY_CONTROL,
    GROUP,
    HELD_SLOTS,
    RING,
    RULE_DEFAULT,
    SOURCE_CONTROL,
    SOURCE_DEFAULT,
    SOURCE_HELD,
    SUM_COMMON_POWER,
    SUM_PRIVATE_POWER,
    SUM_RATE,
    SUM_RATE_PER_HZ,
)
from ran_emulator.traffic.queues import serve


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
def _seat_granted(state: Any, slice_id: int, granted: int) -> int:
    """Seat this slot's group by its decision, else by each user's last one or by default; returns the seats taken."""
    slot = state.cell[0].slot
    outcome = state.outcomes[slice_id]
    grant = state.grants[slot % RING, slice_id]
    if granted > 0 and grant.decided == 1:
        state.slices[slice_id].held_common_w = grant.common_power_w
    count = 0
    for i in range(granted):
        user = grant.user_ids[i]
        me = state.users[user]
        me.grants_in_flight -= 1
        if grant.decided == 1:
            me.held_slot = slot
            me.held_beam = grant.beams[i]
            me.held_power_w = grant.private_power_w[i]
        if state.backlog_bits[user] == 0:
            continue  # an unused grant is silent
        if grant.decided == 1:
            _seat(outcome, count, user, grant.beams[i], grant.private_power_w[i], SOURCE_CONTROL)
        elif me.held_slot >= 0 and slot - me.held_slot <= HELD_SLOTS:
            _seat(outcome, count, user, me.held_beam, me.held_power_w, SOURCE_HELD)
        else:
            _seat(outcome, count, user, -1, -1.0, SOURCE_DEFAULT)
        count += 1
    return count


@inline_kernel
def _make_room(outcome: Any, count: int, user: int) -> int:
    """Move up those of `count` who come after a user by id; returns the place before them."""
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
    return place


@inline_kernel
def _seat_by_default(state: Any, slice_id: int, granted: int, count: int) -> int:
    """Seat users who have bits and no grant beside `count` others, round robin by id; returns the seats taken."""
    part = state.slices[slice_id]
    outcome = state.outcomes[slice_id]
    grant = state.grants[state.cell[0].slot % RING, slice_id]
    start = part.last_default + 1 - part.first_user
    for step in range(part.users):
        if count == GROUP:
            break
        user = part.first_user + (start + step) % part.users
        if state.backlog_bits[user] == 0 or _in_grant(grant, granted, user):
            continue
        _seat(outcome, _make_room(outcome, count, user), user, -1, -1.0, SOURCE_DEFAULT)
        part.last_default = user
        count += 1
    return count


@inline_kernel
def _head(state: Any, slice_id: int, count: int) -> None:
    """What the outcome says of the slot and the slice, and how many are served."""
    cell = state.cell[0]
    part = state.slices[slice_id]
    outcome = state.outcomes[slice_id]
    outcome.count = count
    outcome.slot = cell.slot
    outcome.bandwidth_hz = part.bandwidth_hz
    outcome.power_w = part.power_w
    outcome.noise_w = np.float32(cell.noise_w_per_hz * part.bandwidth_hz)
    outcome.hwi_model = cell.hwi_model
    outcome.kappa_t = cell.kappa_t
    outcome.kappa_r = cell.kappa_r


@inline_kernel
def _assemble(state: Any, slice_id: int) -> None:
    """Who is served in this slot, by whose decision, with which beam and private power (-1: to be set)."""
    slot = state.cell[0].slot
    grant = state.grants[slot % RING, slice_id]
    granted = grant.count if grant.slot == slot else 0
    count = _seat_granted(state, slice_id, granted)
    if state.slices[slice_id].rule == RULE_DEFAULT:
        count = _seat_by_default(state, slice_id, granted, count)
    _head(state, slice_id, count)


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
def execute_slice(state: Any, slice_id: int) -> None:
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
