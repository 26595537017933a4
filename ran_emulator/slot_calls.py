"""The kernels that Python calls in every slot, which find the state by its addresses (`state_addresses`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ran_emulator import slot
from ran_emulator import state as st
from ran_emulator.phy.addresses import addresses_of, rebuild_like
from ran_emulator.phy.jit import state_kernel

state_at = rebuild_like(st.EXAMPLE)
"""`state.CellState` of its addresses, in compiled code."""


def state_addresses(state: st.CellState) -> npt.NDArray[np.int64]:
    """Addresses of a state, for the calls here; they hold while the state is kept."""
    return addresses_of(state)


@state_kernel
def begin(addresses: Any) -> None:
    """`slot.begin`."""
    slot.begin(state_at(addresses))


@state_kernel
def submit(
    addresses: Any, slice_id: int, decided_slot: int, beams: Any, private_power_w: Any, common_power_w: float
) -> None:
    """`slot.submit`."""
    slot.submit(state_at(addresses), slice_id, decided_slot, beams, private_power_w, common_power_w)


@state_kernel
def execute(addresses: Any) -> None:
    """`slot.execute`."""
    slot.execute(state_at(addresses))
