"""Makes every kernel of the slot loop ready before its first slot."""

from __future__ import annotations

import numpy as np

from ran_emulator.cell import Cell
from ran_emulator.e2.slot_wire import SlotWire
from ran_emulator.e2.subscriptions import SLOT_FUNCTION
from ran_emulator.scenario import SLICE_NAMES, load_scenario


def warm_up() -> None:
    """Compile, or load, every kernel of the loop, so that no slot pays for it."""
    cell = Cell(load_scenario("base"), seed=0)
    for slice_id in range(len(SLICE_NAMES)):
        cell.inject(slice_id, 1)
        cell.set_speed(slice_id, 1.0)
    cell.inject_users([0], 1)
    wire = SlotWire(cell)
    wire.request(0, (0, 0), SLOT_FUNCTION, 0, detail=None, compact=False)
    cell.begin_slot()
    wire.inserts()
    frame = np.frombuffer(bytes(1), np.uint8)
    wire.read_control(frame, 0)
    wire.carry_out(frame, 0.0)
    for slice_id in range(len(SLICE_NAMES)):
        count = cell.group_size(slice_id)
        beams, powers = np.zeros(count, np.int16), np.zeros(count, np.float32)
        cell.check(slice_id, 0, beams, powers, None)
        cell.submit(slice_id, 0, beams, powers, None)
    cell.execute_slot()
    wire.keep_outcomes()
    cell.close_second()
    cell.places_m()
