"""Two hand-made decisions on a group's codebook gains, in numpy: the columns of the model's reference values."""

from __future__ import annotations

from typing import Any

import numpy as np
from driving import Decision, float32_down, greedy

from ran_emulator.cell import Cell

PRIVATE_SHARE = 1e-4


def slnr_beams(gains: Any, floor: Any) -> Any:
    """Beam with the best own gain over victim-normalised leakage; gains [K, N], floor [K]: noise and distortion."""
    relative = gains / gains.max(axis=1, keepdims=True)  # [K, N]
    leakage = relative.sum(axis=0) - relative  # of each user's beam on all others
    return np.argmax(relative / (leakage + floor[:, None]), axis=1)


def slnr(cell: Cell, slice_id: int) -> Decision:
    """SLNR beams, a ten-thousandth of the power on private streams, the rest on the common one."""
    count = cell.group_size(slice_id)
    part = cell.state.slices[slice_id]
    gains = cell.state.frame_gains[slice_id, :count].astype(np.float64)
    power_w = float(part["decided_power_w"]) * PRIVATE_SHARE / count
    noise_w = cell.scenario.noise_w_per_hz * float(part["decided_bandwidth_hz"])
    floor = cell.hwi.kappa_r + noise_w / (power_w * gains.max(axis=1))
    beams = slnr_beams(gains, floor).astype(np.int16)
    return beams, np.full(count, float32_down(power_w), np.float32), None


POLICIES = {"greedy": greedy, "slnr": slnr}
