"""The DFT codebook: N orthonormal beams."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def dft_codebook(antennas: int) -> npt.NDArray[np.complex128]:
    """C = [c_0 ... c_(N-1)], [N, N], c_b,n = exp(j 2 pi n b / N) / sqrt(N) (section III-C, reference [35])."""
    n: Any = np.arange(antennas)
    return np.asarray(np.exp(2j * np.pi * np.outer(n, n) / antennas) / np.sqrt(antennas))
