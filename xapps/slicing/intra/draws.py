"""Counter-based random draws: each is a function of its key alone, so a lost slot shifts no other draw."""

from __future__ import annotations

from typing import Any

import numpy as np

from ran_emulator.phy.jit import kernel

STREAM_EXPLORE, STREAM_ACTION, STREAM_BEAM, STREAM_LEVEL = 0, 1, 2, 3

_INCREMENT = np.uint64(0x9E3779B97F4A7C15)
_FACTOR_1 = np.uint64(0xBF58476D1CE4E5B9)
_FACTOR_2 = np.uint64(0x94D049BB133111EB)


@kernel
def mix(value: Any) -> Any:
    """One step of SplitMix64: u64 in, u64 out, each output bit depending on each input bit."""
    z = np.uint64(value) + _INCREMENT
    z = (z ^ (z >> np.uint64(30))) * _FACTOR_1
    z = (z ^ (z >> np.uint64(27))) * _FACTOR_2
    return z ^ (z >> np.uint64(31))


@kernel
def uniform(seed: Any, slice_id: int, slot: int, user_id: int, stream: int) -> float:
    """Uniform number in [0, 1) keyed by (seed u64, slice, slot, user, stream)."""
    place = (np.uint64(user_id) << np.uint64(32)) | (np.uint64(slice_id) << np.uint64(8)) | np.uint64(stream)
    z = mix(mix(mix(seed) ^ np.uint64(slot)) ^ place)
    return float(z >> np.uint64(11)) * 2.0**-53


@kernel
def integer_below(bound: int, seed: Any, slice_id: int, slot: int, user_id: int, stream: int) -> int:
    """Uniform integer in 0..bound-1 keyed as `uniform`."""
    return int(uniform(seed, slice_id, slot, user_id, stream) * bound)
