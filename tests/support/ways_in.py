"""Ways in from Python to kernels that only kernels call."""

from __future__ import annotations

from typing import Any

from ran_emulator import sensing
from ran_emulator.phy.jit import kernel, state_kernel
from ran_emulator.traffic import arrivals


@state_kernel
def sense(state: Any, slice_id: int, user: int, place: int, gains: Any) -> float:
    power: float = sensing.sense(state, slice_id, user, place, gains)
    return power


@kernel
def interarrival_ms(slice_id: int, parameters: Any, u: float) -> float:
    drawn: float = arrivals.interarrival_ms(slice_id, parameters, u)
    return drawn


@kernel
def packet_bits(key: Any, user: int, counter: int, bytes_min: int, bytes_max: int) -> int:
    drawn: int = arrivals.packet_bits(key, user, counter, bytes_min, bytes_max)
    return drawn
