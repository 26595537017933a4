"""Beams that the gNB forms from CSI: MRT, ZF and RZF of one slice's group, and its common beam."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ran_emulator.phy.channel import total_gain
from ran_emulator.phy.jit import kernel


@kernel
def _invert(matrix: Any, inverse: Any, size: int) -> None:
    """Inverse of a small Hermitian positive matrix by Gauss-Jordan with pivoting; destroys `matrix`."""
    for i in range(size):
        for j in range(size):
            inverse[i, j] = 1.0 if i == j else 0.0
    for column in range(size):
        pivot = column
        for row in range(column + 1, size):
            if abs(matrix[row, column]) > abs(matrix[pivot, column]):
                pivot = row
        for j in range(size):
            matrix[column, j], matrix[pivot, j] = matrix[pivot, j], matrix[column, j]
            inverse[column, j], inverse[pivot, j] = inverse[pivot, j], inverse[column, j]
        scale = 1.0 / matrix[column, column]
        for j in range(size):
            matrix[column, j] *= scale
            inverse[column, j] *= scale
        for row in range(size):
            if row != column:
                factor = matrix[row, column]
                for j in range(size):
                    matrix[row, j] -= factor * matrix[column, j]
                    inverse[row, j] -= factor * inverse[column, j]


@kernel
def _power(channel: Any) -> float:
    """||h||^2 of channel [N] complex."""
    power = 0.0
    for n in range(channel.shape[0]):
        power += channel[n].real ** 2 + channel[n].imag ** 2
    return power


@kernel
def _normalise(beam: Any) -> None:
    """Scale a beam [N] complex to unit norm."""
    scale = 1.0 / math.sqrt(_power(beam))
    for n in range(beam.shape[0]):
        beam[n] *= scale


@kernel
def matched(count: int, channels: Any, beams: Any) -> None:
    """MRT: w_u = h_u / ||h_u|| into beams [K, N]; channels [K, N] complex: h_u over the antennas."""
    for u in range(count):
        for n in range(beams.shape[1]):  # copied one by one: assigning a row would allocate
            beams[u, n] = channels[u, n]
        _normalise(beams[u])


@kernel
def zero_forcing(count: int, channels: Any, loading: Any, gram: Any, inverse: Any, beams: Any) -> None:
    """Unit-norm columns of H^H (H H^H + diag(loading))^-1 for the rows h_u^H of H, into beams [K, N].

    channels [K, N] complex: h_u over the antennas. loading [K]: 0 for ZF; for RZF what `mmse_loading` gives.
    gram, inverse [K, K] complex: scratch.
    """
    antennas = channels.shape[1]
    for i in range(count):
        for j in range(count):
            total = complex(0.0, 0.0)
            for n in range(antennas):
                total += channels[i, n].conjugate() * channels[j, n]
            gram[i, j] = total
        gram[i, i] += loading[i]
    _invert(gram, inverse, count)
    for i in range(count):
        for n in range(antennas):
            total = complex(0.0, 0.0)
            for j in range(count):
                total += channels[j, n] * inverse[j, i]
            beams[i, n] = total
        _normalise(beams[i])


@kernel
def mmse_loading(count: int, channel: Any, noise_w: float, power_w: float, error: float) -> float:
    """What RZF adds to a user's ||h||^2: K sigma^2 / P_s (Peel et al., 2005), and K error ||h||^2 / N.

    channel [N]: CSI. error: relative error variance of the CSI, of which an Nth lies in any one direction; each of
    the K victims counts relative to its own gain, as leakage does in SLNR.
    """
    return count * (noise_w / power_w + error * _power(channel) / channel.shape[0])


@kernel
def matched_to_all(count: int, channels: Any, beam: Any) -> None:
    """Sum-MRT common beam: the sum of h_u / ||h_u||, of unit norm, into beam [N].

    Directions, not channels: the weakest user sets the common rate, and channels differ by tens of dB.
    """
    beam[:] = complex(0.0, 0.0)
    for u in range(count):
        scale = 1.0 / math.sqrt(_power(channels[u]))
        for n in range(beam.shape[0]):
            beam[n] += scale * channels[u, n]
    _normalise(beam)


@kernel
def fairest_beam(count: int, beam_gains: Any, weights: Any) -> int:
    """Codebook beam whose smallest |h_u^H c|^2 / ||h_u||^2 is largest; of equal ones the lowest.

    beam_gains [K, N]; weights [K]: scratch.
    """
    for u in range(count):
        weights[u] = 1.0 / total_gain(beam_gains[u])
    best = 0
    best_gain = -1.0
    for b in range(beam_gains.shape[1]):
        smallest = np.inf
        for u in range(count):
            smallest = min(smallest, beam_gains[u, b] * weights[u])
        if smallest > best_gain:
            best = b
            best_gain = smallest
    return best


@kernel
def coupling(channel: Any, beam: Any) -> Any:
    """|h^H w|^2, and sum over antennas of |h_t|^2 |w_t|^2, through which the transmitter's distortion comes."""
    received = complex(0.0, 0.0)
    spread = 0.0
    for n in range(channel.shape[0]):
        h, w = channel[n], beam[n]
        received += h.conjugate() * w
        spread += (h.real**2 + h.imag**2) * (w.real**2 + w.imag**2)
    return received.real**2 + received.imag**2, spread
