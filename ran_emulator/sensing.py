"""Users' channels over time, compiled: drawn when somebody looks, measured, known late or with noise."""

from __future__ import annotations

import math
from typing import Any

from ran_emulator.phy.channel import antenna_domain, beam_domain, dense_path_response, path_response
from ran_emulator.phy.codes import CODEBOOK_DFT
from ran_emulator.phy.geometry import KNOT_SLOTS, interpolate_shadowing, large_scale_gain, shadowing_step
from ran_emulator.phy.jit import inline_kernel, state_kernel
from ran_emulator.phy.random_streams import normal_pair
from ran_emulator.places import place_m
from ran_emulator.scenario import PATHS
from ran_emulator.state import MEASUREMENTS

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


@inline_kernel
def _bring_to_now(state: Any, slice_id: int, user: int) -> None:
    """Bring a user's channel to this slot, by way of its measurements where they are not the channel itself."""
    if state.cell[0].csi_perfect == 1:
        _advance(state, slice_id, user, state.cell[0].slot)
    else:
        measure(state, slice_id, user)


@state_kernel
def settle_past(state: Any, slice_id: int) -> None:
    """Draw what a slice's users owe to the slots behind, before their speed changes.

    What was measured keeps its place, and fading and shadowing that have passed keep their correlation.
    """
    part = state.slices[slice_id]
    for user in range(part.first_user, part.first_user + part.users):
        _bring_to_now(state, slice_id, user)
        _catch_up_shadowing(state, slice_id, user, state.cell[0].slot)


@inline_kernel
def sense(state: Any, slice_id: int, user: int, place: int, gains: Any) -> float:
    """Bring a user's channel to this slot: h^H C into beam_domain[place], |h^H c|^2 into gains; returns ||h||^2."""
    _bring_to_now(state, slice_id, user)
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
