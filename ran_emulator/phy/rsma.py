"""1-layer RSMA with hardware impairments: SDNR (Eq. 13, 14) and rates (Eq. 15, 16) of one slice's group."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ran_emulator.phy.codes import HWI_AGGREGATE, SPLIT_DEFICIT, SPLIT_MAXMIN
from ran_emulator.phy.jit import kernel


@kernel
def sdnr(
    count: int,
    gains: Any,
    spreads: Any,
    private_power_w: Any,
    common_power_w: float,
    noise_w: float,
    hwi_model: int,
    kappa_t: float,
    kappa_r: float,
    common_sdnr: Any,
    private_sdnr: Any,
) -> None:
    """SDNR of the common and of the private stream of each user (Eq. 13, 14), written into the last two.

    count: K users. gains [K, K + 1]: |h_u^H w_i|^2 for unit-norm beams, column K the common one.
    spreads [K, K + 1]: sum over antennas of |h_u,t|^2 |w_i,t|^2, through which the transmitter's distortion comes.
    Under `paper` a stream suffers its own distortion only (Eq. 11, 12 as printed); under `aggregate` (Bjornson)
    every stream's distortion is there at each decoding step, and what the common stream caused survives SIC.
    """
    for u in range(count):
        interference = 0.0
        distortion = 0.0
        for i in range(count):
            power = private_power_w[i]
            interference += gains[u, i] * power
            distortion += (kappa_t * spreads[u, i] + kappa_r * gains[u, i]) * power
        common = gains[u, count] * common_power_w
        common_distortion = (kappa_t * spreads[u, count] + kappa_r * gains[u, count]) * common_power_w
        own = gains[u, u] * private_power_w[u]
        own_distortion = (kappa_t * spreads[u, u] + kappa_r * gains[u, u]) * private_power_w[u]
        if hwi_model == HWI_AGGREGATE:
            in_common = distortion + common_distortion
            in_private = in_common
        else:
            in_common = common_distortion
            in_private = own_distortion
        common_sdnr[u] = common / (interference + in_common + noise_w)
        # The sum without the own term, not the difference: cancellation would eat a small interference.
        others = 0.0
        for i in range(count):
            if i != u:
                others += gains[u, i] * private_power_w[i]
        private_sdnr[u] = own / (others + in_private + noise_w)


@kernel
def rates(count: int, common_sdnr: Any, private_sdnr: Any, common_share: Any, private_rate: Any) -> None:
    """Common share X_u (equal split of the group's minimum) and private rate, bit/s/Hz (Eq. 15, 16), in place."""
    lowest = common_sdnr[0]
    for u in range(1, count):
        lowest = min(lowest, common_sdnr[u])
    share = math.log2(1.0 + lowest) / count
    for u in range(count):
        common_share[u] = share
        private_rate[u] = math.log2(1.0 + private_sdnr[u])


@kernel
def split_common_rate(count: int, split: int, wanted: float, private_rate: Any, common_share: Any) -> None:
    """Share the common rate, the sum of common_share [K], otherwise than equally, in place (Eq. 15), bit/s/Hz.

    `deficit`: each user first gets what its private rate lacks of `wanted` (R_min / b_u), in proportion where that
    is more than there is; what is left is shared equally. `maxmin`: the smallest total rate is as large as can be:
    X_u = max(0, level - r_u) (water-filling).
    """
    total = 0.0
    for u in range(count):
        total += common_share[u]
    if split == SPLIT_DEFICIT:
        lacking = 0.0
        for u in range(count):
            lacking += max(0.0, wanted - private_rate[u])
        granted = min(1.0, total / lacking) if lacking > 0.0 else 0.0
        rest = max(0.0, total - lacking) / count
        for u in range(count):
            common_share[u] = granted * max(0.0, wanted - private_rate[u]) + rest
    elif split == SPLIT_MAXMIN:
        level = _water_level(count, total, private_rate)
        for u in range(count):
            common_share[u] = max(0.0, level - private_rate[u])


@kernel
def _water_level(count: int, total: float, rates_below: Any) -> float:
    """The level to which `total` fills the vessels: sum of max(0, level - r_u) = total.

    Over the users that the level covers it is (total + sum of their rates) / their number; who lies above it leaves,
    which lowers it.
    """
    level = np.inf
    covered = count + 1
    while True:
        filled = total
        still = 0
        for u in range(count):
            if rates_below[u] <= level:
                filled += rates_below[u]
                still += 1
        # Rounding can bring one back that had left, or have all leave.
        if still >= covered or still == 0:
            return level
        covered = still
        level = filled / still
