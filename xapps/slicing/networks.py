"""The Q-network of a slice: two hidden ReLU layers, as one flat float32 vector and its compiled forward pass.

Decisions come from this forward pass in every host, never from torch.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ran_emulator.phy.jit import state_kernel
from xapps.slicing.observation import F32

_HEADER = struct.Struct("<Qd")

Layers = tuple[int, int, int, int]
"""Inputs, first and second hidden layer, outputs."""


@dataclass(frozen=True, slots=True)
class IntraWeights:
    """One version of an agent's network: flat [W1 (in x out), b1, W2, b2, W3, b3], and its exploration rate."""

    version: int
    epsilon: float
    flat: F32
    weights_id: str

    def to_bytes(self) -> bytes:
        """Version, epsilon and weights, little-endian, for the way from a learner to its xApp."""
        return _HEADER.pack(self.version, self.epsilon) + self.flat.astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes, weights_id: str) -> IntraWeights:
        """Inverse of `to_bytes`.

        Raises:
            ValueError: the length is not that of a header and whole float32 numbers.
        """
        size = len(data) - _HEADER.size
        if size < 0 or size % 4:
            raise ValueError(f"weights: {len(data)} bytes, expected {_HEADER.size} and a multiple of 4 more")
        version, epsilon = _HEADER.unpack_from(data)
        flat = np.frombuffer(data, "<f4", offset=_HEADER.size).astype(np.float32)
        return cls(int(version), float(epsilon), flat, weights_id)


def parameter_count(layers: Sequence[int]) -> int:
    """Number of weights and biases of a network."""
    return sum((inputs + 1) * outputs for inputs, outputs in pairwise(layers))


def initial_weights(layers: Sequence[int], rng: np.random.Generator) -> F32:
    """Fresh flat weights: uniform within 1 / sqrt(inputs) of zero, layer by layer, biases too."""
    parts = []
    for inputs, outputs in pairwise(layers):
        bound = inputs**-0.5
        parts.append(rng.uniform(-bound, bound, (inputs + 1) * outputs).astype(np.float32))
    return np.concatenate(parts)


def split_layers(layers: Sequence[int], flat: F32) -> list[tuple[F32, F32]]:
    """Views (weights [in, out], biases [out]) of a flat vector, layer by layer."""
    views = []
    start = 0
    for inputs, outputs in pairwise(layers):
        middle = start + inputs * outputs
        views.append((flat[start:middle].reshape(inputs, outputs), flat[middle : middle + outputs]))
        start = middle + outputs
    return views


@state_kernel
def _dense(inputs: Any, flat: Any, start: int, width_in: int, width_out: int, outputs: Any) -> int:
    """One affine layer into outputs; returns where the next one's weights start.

    The inner loop runs over outputs, four inputs at a time: it vectorises in IEEE arithmetic, in one order of sums.
    """
    bias = start + width_in * width_out
    matrix = flat[start:bias].reshape(width_in, width_out)
    out = outputs[:width_out]
    for o in range(width_out):
        out[o] = flat[bias + o]
    fours = width_in - width_in % 4
    for i in range(0, fours, 4):
        x0, x1, x2, x3 = inputs[i], inputs[i + 1], inputs[i + 2], inputs[i + 3]
        row0, row1, row2, row3 = matrix[i], matrix[i + 1], matrix[i + 2], matrix[i + 3]
        for o in range(out.shape[0]):
            out[o] += (x0 * row0[o] + x1 * row1[o]) + (x2 * row2[o] + x3 * row3[o])
    for i in range(fours, width_in):
        x0 = inputs[i]
        row0 = matrix[i]
        for o in range(out.shape[0]):
            out[o] += x0 * row0[o]
    return bias + width_out


@state_kernel
def _rectify(values: Any, width: int) -> None:
    for i in range(width):
        values[i] = max(values[i], np.float32(0.0))


@state_kernel
def forward(features: Any, flat: Any, layers: Any, activations: Any) -> None:
    """Q-values of one state into activations[2], of [3, widest] f32. features [in] f32, layers [4] int64."""
    start = _dense(features, flat, 0, layers[0], layers[1], activations[0])
    _rectify(activations[0], layers[1])
    start = _dense(activations[0], flat, start, layers[1], layers[2], activations[1])
    _rectify(activations[1], layers[2])
    _dense(activations[1], flat, start, layers[2], layers[3], activations[2])


@state_kernel
def argmax(values: Any, count: int) -> int:
    """Index of the greatest of the first `count` values; of equal ones the lowest."""
    index = 0
    for i in range(1, count):
        if values[i] > values[index]:
            index = i
    return index
