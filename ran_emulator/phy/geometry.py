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
