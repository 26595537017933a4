"""Packet arrivals (Eq. 1, Table 2): per-user renewal processes in operational time, drawn by address.

Operational time of a slice runs at its load, so that a change of load acts at once, stretches the time that is left,
and leaves the draws of every user what they were.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ran_emulator.phy.jit import inline_kernel, state_kernel
from ran_emulator.phy.random_streams import bits64, uniform

VONR, EMBB, URLLC = 0, 1, 2


@inline_kernel
def interarrival_ms(slice_id: int, parameters: Any, u: float) -> float:
    """Inter-arrival time from a uniform number: U(0, max), min(cap, Pareto(shape, scale)), Exp(mean) by slice."""
    if slice_id == VONR:
        return u * parameters[0]
    if slice_id == EMBB:
        return min(parameters[2], parameters[1] * (1.0 - u) ** (-1.0 / parameters[0]))
    return -parameters[0] * math.log(1.0 - u)


@inline_kernel
def packet_bits(key: Any, user: int, counter: int, bytes_min: int, bytes_max: int) -> int:
    """Size of a packet, uniform over whole bytes."""
    if bytes_min == bytes_max:
        return 8 * bytes_min
    span = np.uint64(bytes_max - bytes_min + 1)
    extra: Any = np.int64(bits64(key, user, counter) % span)
    return 8 * (bytes_min + extra)


@state_kernel
def first_arrivals(state: Any) -> None:
    """Draw each user's first arrival."""
    key = state.cell[0].traffic_key
    for s in range(state.slices.shape[0]):
        part = state.slices[s]
        part.next_arrival_ms = np.inf
        for user in range(part.first_user, part.first_user + part.users):
            state.next_arrival_ms[user] = interarrival_ms(s, part.arrival_parameters, uniform(key, user, 0))
            part.next_arrival_ms = min(part.next_arrival_ms, state.next_arrival_ms[user])
            state.users[user].arrivals = 1
