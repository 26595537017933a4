"""Statistics over few seeds: interquartile means, bootstrap over seeds, paired differences, improvement.

As in Agarwal et al., Deep RL at the Edge of the Statistical Precipice (2021), but in two things. Improvement is counted
over pairs of the same worlds. And where conditions are taken together a seed is drawn with its values in all of them,
since they share its training and its worlds: so many values are not so many independent ones. A value is a seed's mean
over its episodes; slots, which depend on one another, are never units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

RESAMPLES = 2_000
CONFIDENCE = 0.95
BOOTSTRAP_SEED = 20_251_111
"""One stream an interval: a page made twice from the same results is the same page."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An interquartile mean and its 95 % interval."""

    value: float
    low: float
    high: float
    count: int
    """Seeds behind it."""


def interquartile_mean(values: F64) -> F64:
    """Mean of the middle half, along the last axis: a quarter of the values (rounded down) is cut at each end.

    Args:
        values: [..., N].

    Returns:
        [...].
    """
    count = values.shape[-1]
    cut = count // 4
    return np.asarray(np.sort(values, axis=-1)[..., cut : count - cut].mean(axis=-1))


def estimate(values: F64, rng: np.random.Generator, resamples: int = RESAMPLES) -> Estimate:
    """Interquartile mean over all values, with the percentile interval of a bootstrap over seeds.

    Args:
        values: [N] of a condition's seeds, or [C, N] of several conditions'; every resample draws N seeds with
            replacement, each with its values in all conditions: the bootstrap is stratified by condition.
        rng: draws the resamples.
        resamples: number of them.

    Raises:
        ValueError: no values.
    """
    if values.size == 0:
        raise ValueError("values: there must be at least one")
    seeds = values.shape[-1]
    drawn = values[..., rng.integers(seeds, size=(resamples, seeds))]  # [(C,) resamples, N]
    means = interquartile_mean(drawn if values.ndim == 1 else np.concatenate(drawn, axis=-1))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Estimate(float(interquartile_mean(values.ravel())), float(low), float(high), seeds)


def paired_difference(a: F64, b: F64, rng: np.random.Generator) -> Estimate:
    """Estimate of a - b, pair by pair: both met the same worlds, whose differences cancel.

    Args:
        a: [N] or [C, N], in the order of the seeds.
        b: of the same shape.
        rng: draws the resamples.
    """
    return estimate(a - b, rng)


def probability_of_improvement(a: F64, b: F64) -> float:
    """P(A > B) + P(A = B) / 2 in one world: the share of pairs that a wins, ties halved.

    Not over all pairs of seeds (Mann-Whitney): there the spread between worlds, which both met, hides who is better.

    Args:
        a: [N] or [C, N], in the order of the seeds.
        b: of the same shape.
    """
    return float(((a > b).mean() + (a >= b).mean()) / 2)
