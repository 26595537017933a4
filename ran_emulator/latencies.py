"""Loop latencies of a whole run, however long, in constant memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BIN_S = 1e-5
BINS = 100_000


class Latencies:
    """Loop latencies of a whole run: a histogram of 10 us bins up to one second, and the maximum."""

    def __init__(self) -> None:
        """Empty."""
        self._bins = np.zeros(BINS, np.int64)
        self._max_s = 0.0

    def add(self, latencies_s: npt.NDArray[np.float64]) -> None:
        """Take one second's latencies."""
        if len(latencies_s):
            places = np.minimum(latencies_s / BIN_S, BINS - 1).astype(np.int64)
            np.add.at(self._bins, places, 1)
            self._max_s = max(self._max_s, float(latencies_s.max()))

    def summary_ms(self) -> dict[str, float | None]:
        """p50, p99 and max in ms; None where nothing was decided."""
        total = int(self._bins.sum())
        if total == 0:
            return {"p50": None, "p99": None, "max": None}
        cumulated = np.cumsum(self._bins)
        p50, p99 = ((np.searchsorted(cumulated, q * total) + 0.5) * BIN_S * 1e3 for q in (0.5, 0.99))
        return {"p50": float(p50), "p99": float(p99), "max": self._max_s * 1e3}
