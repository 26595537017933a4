"""Codebooks of N orthonormal beams with entries of one modulus."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

PHASES = 16


def dft_codebook(antennas: int) -> npt.NDArray[np.complex128]:
    """C = [c_0 ... c_(N-1)], [N, N], c_b,n = exp(j 2 pi n b / N) / sqrt(N) (section III-C)."""
    n: Any = np.arange(antennas)
    return np.asarray(np.exp(2j * np.pi * np.outer(n, n) / antennas) / np.sqrt(antennas))


def phase_quantised_codebook(antennas: int) -> npt.NDArray[np.complex128]:
    """C [N, N] with 16 phases (IEEE 802.15.3c's form, reference [35]).

    c_b,n = exp(j 2 pi / 16 floor(16 n ((b + N/2) mod N) / N)) / sqrt(N). Orthonormal where N is a power of 2 and at
    most 256 (up to 16 it is the DFT codebook, in another order); elsewhere beams overlap.
    """
    n: Any = np.arange(antennas)
    steps = PHASES * np.outer(n, (n + antennas // 2) % antennas) // antennas
    return np.asarray(np.exp(2j * np.pi * (steps % PHASES) / PHASES) / np.sqrt(antennas))


CODEBOOKS = {"dft": dft_codebook, "phase-quantised": phase_quantised_codebook}
