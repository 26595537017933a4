"""Random draws of a policy by address: a function of seed, slice, slot and user alone, so a lost slot shifts none."""

from __future__ import annotations

from typing import Any

from ran_emulator.phy import random_streams
from ran_emulator.phy.jit import state_kernel

STREAM_EXPLORE, STREAM_ACTION, STREAM_BEAM, STREAM_LEVEL = 0, 1, 2, 3
STREAM_GROUP_LEVEL, STREAM_GROUP_EXPLORE = STREAM_BEAM, STREAM_LEVEL
"""Of a group's first user; no policy draws from these and from `STREAM_BEAM` or `STREAM_LEVEL`."""


@state_kernel
def uniform(seed: Any, slice_id: int, slot: int, user_id: int, stream: int) -> float:
    """Uniform number in [0, 1); seed u64, stream 0..3."""
    return float(random_streams.uniform(seed, slice_id << 16 | user_id, 4 * slot + stream))


@state_kernel
def integer_below(bound: int, seed: Any, slice_id: int, slot: int, user_id: int, stream: int) -> int:
    """Uniform integer in 0..bound-1, keyed as `uniform`."""
    return int(uniform(seed, slice_id, slot, user_id, stream) * bound)
