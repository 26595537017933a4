"""Where users are in a slot, and who is out of reach."""

from __future__ import annotations

from typing import Any

from ran_emulator.phy.codes import COVERAGE_CONFINED, COVERAGE_DISC
from ran_emulator.phy.geometry import reflect, reflect_in_disc
from ran_emulator.phy.jit import inline_kernel, state_kernel
from ran_emulator.scenario import SLOT_S


@inline_kernel
def place_m(state: Any, slice_id: int, user: int, slot: int) -> Any:
    """x and y of a user in a slot: straight on, reflected at the border of the area, or of the disc if confined."""
    cell = state.cell[0]
    part = state.slices[slice_id]
    me = state.users[user]
    elapsed_s = (slot - me.anchor_slot) * SLOT_S
    x = me.anchor_x_m + part.velocity_x_m_s * elapsed_s
    y = me.anchor_y_m + part.velocity_y_m_s * elapsed_s
    if cell.coverage == COVERAGE_CONFINED:
        return reflect_in_disc(x, y, part.heading_x, part.heading_y, cell.coverage_radius_m)
    return reflect(x, cell.side_m), reflect(y, cell.side_m)


@state_kernel
def out_of_reach(state: Any, slice_id: int, user: int) -> bool:
    """Whether coverage ends at the disc and the user is outside it in this slot."""
    cell = state.cell[0]
    if cell.coverage != COVERAGE_DISC:
        return False
    x, y = place_m(state, slice_id, user, cell.slot)
    return bool(x * x + y * y > cell.coverage_radius_m * cell.coverage_radius_m)


@state_kernel
def places_m(state: Any, x_m: Any, y_m: Any) -> None:
    """Where all users are in this slot, into x_m, y_m [U]."""
    for s in range(state.slices.shape[0]):
        part = state.slices[s]
        for user in range(part.first_user, part.first_user + part.users):
            x_m[user], y_m[user] = place_m(state, s, user, state.cell[0].slot)
