"""How much of an SSR splits of the band can give the slice that has least, whoever chooses them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]


def worst_ssr_bound(succeeded: I64, resolved: I64, steps: int = 40, halvings: int = 16) -> float:
    """An SSR that the worst slice exceeds under no sequence of splits; packets are [T, A, S].

    A sequence in which each slice reaches the SSR x has sum_t sum_s w_s (succeeded - x resolved) >= 0 for all weights
    w >= 0. So x is out of reach where even the best split of each second, for some w, leaves that sum below 0.
    """
    parts = [(a, b, steps - a - b) for a in range(steps + 1) for b in range(steps + 1 - a)]
    packets = np.maximum(resolved.max(axis=1).sum(axis=0), 1)  # [S]
    weights = np.array(parts) / steps / packets  # [W, S]
    good, done = (np.einsum("ws,tas->wta", weights, each) for each in (succeeded, resolved))
    low, high = 0.0, 1.0
    for _ in range(halvings):
        middle = (low + high) / 2
        reached = (good - middle * done).max(axis=2).sum(axis=1).min() >= 0
        low, high = (middle, high) if reached else (low, middle)
    return high
