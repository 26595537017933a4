"""Where users are, and large-scale fading: mobility with reflection, path loss, correlated shadowing."""

from __future__ import annotations

import math
from typing import Any

from ran_emulator.phy.jit import kernel
from ran_emulator.phy.random_streams import normal_pair

KNOT_SLOTS = 200
"""Shadowing is drawn at knots of this distance in time (0.1 s), and interpolated between them."""


@kernel
def reflect(unfolded_m: float, side_m: float) -> float:
    """Position in [-side/2, side/2] of a user that is reflected at the borders."""
    half = side_m / 2
    phase = (unfolded_m + half) % (2 * side_m)
    if phase > side_m:
        phase = 2 * side_m - phase
    return phase - half


@kernel
def reflect_in_disc(x_m: float, y_m: float, heading_x: float, heading_y: float, radius_m: float) -> Any:
    """Position inside a disc of a user that is reflected at its rim; (x, y): where it would be without the rim.

    heading: unit vector along its first line. The chords of a billiard in a circle are equal: the n-th is the first
    one turned by n times its central angle, so the place on it is found at once.
    """
    along = x_m * heading_x + y_m * heading_y
    across_x, across_y = x_m - along * heading_x, y_m - along * heading_y
    across_m = math.sqrt(across_x * across_x + across_y * across_y)
    half_chord_m = math.sqrt(max(radius_m * radius_m - across_m * across_m, 1e-12))
    chords = math.floor((along + half_chord_m) / (2.0 * half_chord_m))
    along -= 2.0 * half_chord_m * chords
    turn = chords * 2.0 * math.acos(min(across_m / radius_m, 1.0))
    if across_x * heading_y - across_y * heading_x < 0.0:
        turn = -turn
    on_first_x, on_first_y = across_x + along * heading_x, across_y + along * heading_y
    cos, sin = math.cos(turn), math.sin(turn)
    return cos * on_first_x - sin * on_first_y, sin * on_first_x + cos * on_first_y


@kernel
def large_scale_gain(
    distance_m: float, floor_m: float, at_1km_db: float, slope_db: float, shadowing_db: float
) -> float:
    """beta of Eq. 6: path loss at_1km + slope log10(d_km) dB and shadowing, as a power ratio."""
    loss_db = at_1km_db + slope_db * math.log10(max(distance_m, floor_m) / 1000.0)
    return 10.0 ** ((shadowing_db - loss_db) / 10.0)


@kernel
def shadowing_step(previous: float, correlation: float, key: Any, user: int, knot: int) -> float:
    """Unit shadowing at the next knot: first-order Gauss-Markov, keyed (user, knot)."""
    innovation, _ = normal_pair(key, user, knot)
    return correlation * previous + math.sqrt(1.0 - correlation * correlation) * innovation


@kernel
def interpolate_shadowing(low: float, high: float, fraction: float, correlation: float) -> float:
    """Unit shadowing between two knots, scaled so that its variance stays 1."""
    a, b = 1.0 - fraction, fraction
    return (a * low + b * high) / math.sqrt(a * a + b * b + 2.0 * a * b * correlation)
