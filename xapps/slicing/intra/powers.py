"""Power levels of an intra-slice action: C7-C10 hold for any joint action.

The float32 that crosses the wire is rounded down, so K powers of at most P_s / K never sum to more than P_s.
A level is named by its share 0..1 of the range.
"""

from __future__ import annotations

import math

import numpy as np

from ran_emulator.phy.jit import state_kernel

MIDDLE_SHARE = 0.5


@state_kernel
def float32_at_most(value: float) -> float:
    """Largest float32 that is at most `value` >= 0."""
    rounded = np.float32(value)
    if rounded > value:
        rounded = np.nextafter(rounded, np.float32(0.0))
    return float(rounded)


@state_kernel
def linear_level_w(share: float, power_w: float, count: int) -> float:
    """A share of P_s in watts (Eq. 25), capped at P_s / K."""
    return float(float32_at_most(min(share * power_w, power_w / count)))


@state_kernel
def dbm_level_w(share: float, power_w: float, count: int) -> float:
    """A share of P_s[dBm] (0 dBm is 1 mW), capped at P_s / K, in watts."""
    power_dbm = 10.0 * math.log10(max(power_w, 1e-30)) + 30.0
    level_w = 10.0 ** (share * power_dbm / 10.0 - 3.0)
    return float(float32_at_most(min(level_w, power_w / count)))


@state_kernel
def level_w(dbm: bool, level: int, levels: int, power_w: float, count: int) -> float:
    """Power of one of the agent's levels 0..L-1: linear in W as printed, uniform in dBm as tuned."""
    share = level / (levels - 1)
    if dbm:
        return float(dbm_level_w(share, power_w, count))
    return float(linear_level_w(share, power_w, count))
