"""Random numbers by address: a draw is a function of (stream key, address, counter), so that order does not matter."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np

from ran_emulator.phy.jit import kernel

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLY_1 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLY_2 = np.uint64(0x94D049BB133111EB)
_STRIDE = np.uint64(0xD1342543DE82EF95)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


def stream_seed(seed: int, name: str) -> np.random.SeedSequence:
    """The child of `seed` with this name: world, traffic, shadowing, fading, policy.embb, learner.inter ..."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")
    return np.random.SeedSequence(entropy=seed, spawn_key=(number,))


def stream_key(seed: int, name: str) -> np.uint64:
    """64-bit key of a named stream, for draws by address in compiled code."""
    return np.uint64(stream_seed(seed, name).generate_state(1, np.uint64)[0])


@kernel
def _mix(z: Any) -> Any:
    """SplitMix64's finaliser."""
    z = (z ^ (z >> _S30)) * _MULTIPLY_1
    z = (z ^ (z >> _S27)) * _MULTIPLY_2
    return z ^ (z >> _S31)


@kernel
def bits64(key: Any, address: int, counter: int) -> Any:
    """64 random bits of (key, address, counter): SplitMix64 started at a hashed address."""
    start = _mix(key + np.uint64(address) * _STRIDE)
    return _mix(start + np.uint64(counter) * _GOLDEN)


@kernel
def uniform(key: Any, address: int, counter: int) -> float:
    """Uniform in [0, 1) with 53 bits."""
    return np.float64(bits64(key, address, counter) >> _S11) * 1.1102230246251565e-16


@kernel
def normal_pair(key: Any, address: int, counter: int) -> Any:
    """Two independent standard normals (Box-Muller)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(key, address, 2 * counter)))
    angle = 2.0 * math.pi * uniform(key, address, 2 * counter + 1)
    return radius * math.cos(angle), radius * math.sin(angle)
