"""Drives a cell slot by slot with a function that decides, as a controller with no delay of its own would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ran_emulator.cell import Cell, SecondWindow

Decision = tuple[Any, Any, float | None]
"""beams i16 [K], private powers f32 W [K], common power W (None: the rest)."""
Decide = Callable[[Cell, int], Decision | None]
"""(cell, slice) -> decision for the group that was just chosen; None: it comes never."""


def float32_down(value: float) -> Any:
    """The largest float32 that is at most `value`."""
    rounded = np.float32(value)
    return np.nextafter(rounded, np.float32(0)) if rounded > value else rounded


def greedy(cell: Cell, slice_id: int) -> Decision:
    """Best own beam, P_s / K each, no common stream."""
    count = cell.group_size(slice_id)
    beams = np.argmax(cell.state.frame_gains[slice_id, :count], axis=1).astype(np.int16)
    power_w = float32_down(float(cell.state.slices[slice_id]["decided_power_w"]) / count)
    return beams, np.full(count, power_w, np.float32), 0.0


def heavy_common(cell: Cell, slice_id: int) -> Decision:
    """Best own beam, 1e-4 of the slice's power on the private streams, the rest on the common one."""
    beams, private_power_w, _ = greedy(cell, slice_id)
    return beams, private_power_w * np.float32(1e-4), None


def powerless(cell: Cell, slice_id: int) -> Decision:
    """Nothing is sent."""
    beams, private_power_w, _ = greedy(cell, slice_id)
    return beams, private_power_w * np.float32(0), 0.0


def undecided(cell: Cell, slice_id: int) -> None:
    """Nobody decides."""


def drive_slot(cell: Cell, decide: Decide) -> SecondWindow | None:
    """One slot: decisions are checked, taken, and the slot executed."""
    cell.begin_slot()
    for slice_id in range(3):
        if cell.group_size(slice_id) == 0:
            continue
        decision = decide(cell, slice_id)
        if decision is not None:
            decided_slot = int(cell.state.frames[slice_id]["decided_slot"])
            cell.check(slice_id, decided_slot, *decision)
            cell.submit(slice_id, decided_slot, *decision)
    return cell.execute_slot()


def drive(cell: Cell, slots: int, decide: Decide) -> Cell:
    """Drive a number of slots."""
    for _ in range(slots):
        drive_slot(cell, decide)
    return cell


class RandomDecisions:
    """Random beams, levels and common powers within the budget; some decisions are missing."""

    def __init__(self, seed: int, missing: float = 0.0) -> None:
        self.rng = np.random.default_rng(seed)
        self.missing = missing

    def __call__(self, cell: Cell, slice_id: int) -> Decision | None:
        rng = self.rng
        if rng.random() < self.missing:
            return None
        count = cell.group_size(slice_id)
        budget_w = float(cell.state.slices[slice_id]["decided_power_w"])
        best = np.argmax(cell.state.frame_gains[slice_id, :count], axis=1)
        anywhere = rng.integers(0, cell.scenario.antennas, count)
        beams = np.where(rng.random(count) < 0.7, best, anywhere).astype(np.int16)
        share = rng.random(count) * 10.0 ** rng.integers(-5, 1, count)
        private_power_w = (share * budget_w / count * (1 - 1e-6)).astype(np.float32)
        left_w = budget_w * (1 - 1e-6) - float(private_power_w.sum(dtype=np.float64))
        common_w = None if rng.random() < 0.5 else float(np.float32(max(left_w, 0.0) * rng.random()))
        return beams, private_power_w, common_w
