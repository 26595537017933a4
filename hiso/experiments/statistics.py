"""Statistics over few seeds: interquartile means, stratified bootstrap, paired differences, improvement.

As in Agarwal et al., Deep RL at the Edge of the Statistical Precipice (2021), but for improvement, which is counted
over pairs of the same worlds. A stratum is a condition, a value is a seed's mean over its episodes; slots, which depend
on one another, are never units.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    """Values behind it."""


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


def estimate(strata: Sequence[F64], rng: np.random.Generator, resamples: int = RESAMPLES) -> Estimate:
    """Interquartile mean over all strata, with the percentile interval of a stratified bootstrap.

    Args:
        strata: values of each condition, [N_c] each; every resample draws N_c of each with replacement.
        rng: draws the resamples.
        resamples: number of them.

    Raises:
        ValueError: no values.
    """
    if not strata or any(len(values) == 0 for values in strata):
        raise ValueError("strata: each needs at least one value")
    drawn = [values[rng.integers(len(values), size=(resamples, len(values)))] for values in strata]
    means = interquartile_mean(np.concatenate(drawn, axis=1))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    everything = np.concatenate(list(strata))
    return Estimate(float(interquartile_mean(everything)), float(low), float(high), len(everything))


def paired_difference(a: Sequence[F64], b: Sequence[F64], rng: np.random.Generator) -> Estimate:
    """Estimate of a - b, pair by pair: both met the same worlds, whose differences cancel.

    Args:
        a: values of each condition, [N_c] each, in the order of the seeds.
        b: of the same shape.
        rng: draws the resamples.
    """
    return estimate([x - y for x, y in zip(a, b, strict=True)], rng)


def probability_of_improvement(a: Sequence[F64], b: Sequence[F64]) -> float:
    """Mean over strata of P(A > B) + P(A = B) / 2 in one world: the share of pairs that a wins, ties halved.

    Not over all pairs of seeds (Mann-Whitney): there the spread between worlds, which both met, hides who is better.

    Args:
        a: values of each condition, [N_c] each, in the order of the seeds.
        b: of the same shape.
    """
    shares = [float(((x > y).mean() + (x >= y).mean()) / 2) for x, y in zip(a, b, strict=True)]
    return float(np.mean(shares))
