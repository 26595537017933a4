"""Statistics against closed forms and definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiso.experiments.statistics import (
    estimate,
    interquartile_mean,
    paired_difference,
    probability_of_improvement,
)

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=12).map(np.array)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([7.0], 7.0),
        ([1.0, 2.0, 6.0], 3.0),  # too few to cut
        ([100.0, 2.0, 4.0, -50.0], 3.0),
        ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1000.0], 3.5),
        ([1.0, 2.0, 3.0, 4.0, 50.0, -9.0, 2.0], 2.4),  # one of seven at each end
    ],
)
def test_the_interquartile_mean_cuts_a_quarter_at_each_end(values: list[float], mean: float) -> None:
    assert interquartile_mean(np.array(values)) == pytest.approx(mean)


@given(VALUES, st.floats(-10, 10), st.floats(0.1, 10))
def test_estimates_are_equivariant_and_lie_among_the_values(values: np.ndarray, shift: float, scale: float) -> None:
    found, moved = estimate(values, rng(), 50), estimate(scale * values + shift, rng(), 50)
    assert moved.value == pytest.approx(scale * found.value + shift, abs=1e-6)
    assert moved.low == pytest.approx(scale * found.low + shift, abs=1e-6)
    assert values.min() - 1e-9 <= found.low <= found.high <= values.max() + 1e-9


def test_the_interval_of_a_mean_is_that_of_the_normal_approximation() -> None:
    values = np.array([0.0, 1.0] * 200)
    found = estimate(values[:3], rng())
    assert (found.low, found.high) == (0.0, 1.0)
    # Of a Bernoulli sample the middle half is linear in the share of ones: IQM = 2 p - 1/2.
    found = estimate(values, rng(), 20_000)
    half_width = 2 * 1.96 * math.sqrt(0.25 / 400)
    assert found.high - found.low == pytest.approx(2 * half_width, rel=0.05)


SEEDS = np.array([20.1, 19.7, 22.4, 18.9, 20.8, 21.3, 19.9, 20.0, 25.2, 17.6, 20.3, 20.6])
OTHERS = np.array([19.8, 19.9, 21.0, 18.0, 20.1, 21.1, 19.2, 20.4, 24.0, 17.1, 20.0, 19.5])


# scipy 1.17.1: trim_mean(values, 0.25), and bootstrap of it with method="percentile", n_resamples=1_000_000.
# Not asked here: numba would import scipy into every process of every test, a quarter of a second each time.
OF_SCIPY = {"mean": (20.28333, 19.66667, 21.23333), "difference": (0.56667, 0.21667, 0.93333)}


def test_means_and_intervals_are_those_of_scipy() -> None:
    for found, (value, low, high) in (
        (estimate(SEEDS, rng(), 20_000), OF_SCIPY["mean"]),
        (paired_difference(SEEDS, OTHERS, rng()), OF_SCIPY["difference"]),
    ):
        assert found.value == pytest.approx(value, abs=1e-5)
        assert found.low == pytest.approx(low, abs=0.03 * (high - low))
        assert found.high == pytest.approx(high, abs=0.03 * (high - low))


@pytest.mark.parametrize(("count", "least", "most"), [(5, 0.87, 0.93), (10, 0.91, 0.955)])
def test_intervals_of_few_seeds_cover_less_than_they_say(count: int, least: float, most: float) -> None:
    """Not 95 % of normal samples, but some 90 % at 5 seeds and 94 % at 10: resamples spread less than samples do."""
    samples = np.random.default_rng(7).normal(size=(1_500, count))
    found = [estimate(values, rng()) for values in samples]
    assert least < np.mean([interval.low <= 0.0 <= interval.high for interval in found]) < most


def test_each_condition_is_a_stratum_of_its_own() -> None:
    found = estimate(np.array([np.zeros(4), np.full(4, 10.0)]), rng())
    assert (found.value, found.low, found.high, found.count) == (5.0, 5.0, 5.0, 4)


def test_conditions_that_share_their_seeds_narrow_no_interval() -> None:
    alone = estimate(SEEDS, rng())
    several = estimate(np.array([SEEDS] * 4), rng())
    assert (several.low, several.high) == pytest.approx((alone.low, alone.high))
    others = estimate(np.array([SEEDS, *(rng().permutation(SEEDS) for _ in range(3))]), rng())
    assert others.high - others.low < alone.high - alone.low


def test_no_values_are_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        estimate(np.array([]), rng())


def test_pairing_cancels_what_worlds_have_in_common() -> None:
    worlds = np.array([0.0, 100.0, -50.0, 30.0, 7.0])
    found = paired_difference(worlds + 1.0, worlds, rng())
    assert (found.value, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))


def test_probability_of_improvement_counts_pairs_of_the_same_world_and_halves_ties() -> None:
    a, b = np.array([3.0, 1.0, 9.0, 4.0]), np.array([1.0, 1.0, 8.0, 5.0])
    assert probability_of_improvement(a, b) == (2 + 0.5) / 4
    assert probability_of_improvement(np.array([a, a]), np.array([b, a])) == pytest.approx((0.625 + 0.5) / 2)


@given(VALUES, VALUES)
def test_improvement_of_a_and_of_b_sum_to_one(first: np.ndarray, second: np.ndarray) -> None:
    a, b = (values[: min(len(first), len(second))] for values in (first, second))
    assert probability_of_improvement(a, b) + probability_of_improvement(b, a) == pytest.approx(1)
