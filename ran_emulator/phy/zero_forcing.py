"""Zero-forcing precoder of one slice's group, with the transmit spread that its distortion needs."""

from __future__ import annotations

from typing import Any

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
def zero_forcing(count: int, channels: Any, gram: Any, inverse: Any, beam: Any, gains: Any, spreads: Any) -> None:
    """Unit-norm ZF beams W = H^H (H H^H)^-1 for the rows h_u^H of H, as gains and spreads of `rsma.sdnr`.

    channels [K, N] complex: h_u over the antennas. gram, inverse [K, K] and beam [N] complex: scratch.
    gains[u, i] = |h_u^H w_i|^2 = delta_ui / [(H H^H)^-1]_ii; spreads[u, i] = sum_t |h_u,t|^2 |w_i,t|^2.
    """
    antennas = channels.shape[1]
    for i in range(count):
        for j in range(count):
            total = complex(0.0, 0.0)
            for n in range(antennas):
                total += channels[i, n].conjugate() * channels[j, n]
            gram[i, j] = total
    _invert(gram, inverse, count)
    for i in range(count):
        norm = inverse[i, i].real
        for n in range(antennas):
            total = complex(0.0, 0.0)
            for j in range(count):
                total += channels[j, n] * inverse[j, i]
            beam[n] = total
        for u in range(count):
            gains[u, i] = 1.0 / norm if u == i else 0.0
            spread = 0.0
            for n in range(antennas):
                power = channels[u, n].real ** 2 + channels[u, n].imag ** 2
                spread += power * (beam[n].real ** 2 + beam[n].imag ** 2)
            spreads[u, i] = spread / norm
