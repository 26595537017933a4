"""The bound of the worst slice's SSR against every sequence of splits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hiso.bounds.ssr_bound import worst_ssr_bound


def test_no_sequence_of_splits_has_its_worst_slice_above_the_bound() -> None:
    rng = np.random.default_rng(1)
    resolved = rng.integers(5, 50, (4, 5, 3))
    succeeded = rng.binomial(resolved, rng.uniform(0.2, 1, resolved.shape))
    seconds = np.arange(4)
    best = max(
        (succeeded[seconds, choice].sum(axis=0) / resolved[seconds, choice].sum(axis=0)).min()
        for choice in itertools.product(range(5), repeat=4)
    )
    assert best <= worst_ssr_bound(succeeded, resolved) <= best + 0.05
    # With one split for all there is nothing to choose.
    alone = succeeded[:, :1], resolved[:, :1]
    least = (alone[0].sum(axis=(0, 1)) / alone[1].sum(axis=(0, 1))).min()
    assert worst_ssr_bound(*alone) == pytest.approx(least, abs=1e-4)
