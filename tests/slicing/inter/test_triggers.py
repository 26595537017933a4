"""Eq. 21-23 in closed form, the common rules, and stationary, switching and drifting traffic."""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from second_reports import ReportFactory

from xapps.slicing.inter.seconds import F64, ReportError
from xapps.slicing.triggers import (
    TRIGGER_NAMES,
    Trigger,
    TriggerError,
    make_trigger,
    poisson_deviation,
    relative_change_percent,
)

BASE = (212, 5_500, 278)


def fire(report: ReportFactory, trigger: Trigger, loads: Iterable[npt.ArrayLike], first_second: int = 1) -> list[bool]:
    return [trigger.evaluate(report(first_second + i, packets)) for i, packets in enumerate(loads)]


def renewal_counts(
    rng: np.random.Generator, users: int, seconds: int, interarrivals_s: Callable[[np.random.Generator], F64]
) -> npt.NDArray[np.int64]:
    """Counts a second of independent users, [seconds]."""
    counts = np.zeros(seconds, int)
    for _ in range(users):
        times = np.cumsum(interarrivals_s(rng))
        counts += np.bincount(times[times < seconds].astype(int), minlength=seconds)
    return counts


@pytest.fixture(scope="module")
def stationary() -> npt.NDArray[np.int64]:
    """Loads of 600 s of Table 2, [seconds, S], drawn packet by packet."""
    rng, seconds = np.random.default_rng(5), 600
    vonr = renewal_counts(rng, 17, seconds, lambda r: r.uniform(0, 0.16, int(14 * seconds)))
    embb = renewal_counts(
        rng, 33, seconds, lambda r: np.minimum(2.536e-3 * (1 + r.pareto(1.2, int(175 * seconds))), 12.5e-3)
    )
    urllc = renewal_counts(rng, 50, seconds, lambda r: r.exponential(0.18, int(7 * seconds)))
    loads = np.stack([vonr, embb, urllc], axis=1)
    np.testing.assert_allclose(loads.mean(axis=0), BASE, rtol=0.02)
    return loads


def test_relative_change_is_equation_21() -> None:
    np.testing.assert_allclose(
        relative_change_percent(np.array([110.0, 90, 0]), np.array([100.0, 100, 50])), [10, 10, 100]
    )


def test_relative_change_from_zero() -> None:
    change = relative_change_percent(np.array([5.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0]))
    assert change.tolist() == [np.inf, 0.0, 0.0]


def test_every_ten_fires_in_the_first_second_and_each_tenth_after_it(report: ReportFactory) -> None:
    fired = fire(report, make_trigger("every-10"), [BASE] * 35)
    assert [second for second, fires in enumerate(fired) if fires] == [0, 10, 20, 30]


def test_poisson_deviation_in_closed_form() -> None:
    deviation = poisson_deviation(np.array([120.0, 3.0, 0.0]), np.array([100.0, 0.0, 0.0]), 4)
    assert deviation.tolist() == [pytest.approx(20 / np.sqrt(100 * 1.25)), np.inf, 0.0]


@pytest.mark.parametrize("name", TRIGGER_NAMES)
def test_the_empty_report_keeps_and_the_first_second_with_a_load_fires(report: ReportFactory, name: str) -> None:
    trigger = make_trigger(name)
    assert not trigger.evaluate(report(0, (0, 0, 0)))
    assert trigger.evaluations == 0
    assert fire(report, trigger, [(0, 0, 0), (0, 0, 7)]) == [False, True]
    assert trigger.evaluations == 2


@pytest.mark.parametrize("name", TRIGGER_NAMES)
def test_a_new_world_and_a_gap_begin_again(report: ReportFactory, name: str) -> None:
    trigger = make_trigger(name)
    assert fire(report, trigger, [BASE])[0]
    assert not trigger.evaluate(report(0, (0, 0, 0)))
    assert trigger.evaluate(report(1, BASE))
    assert trigger.evaluate(report(9, BASE))


@pytest.mark.parametrize("name", ["10-percent", "z-ref"])
def test_a_slice_that_wakes_fires_and_one_that_sleeps_does_not(report: ReportFactory, name: str) -> None:
    fired = fire(report, make_trigger(name), [(200, 5_000, 0), (200, 5_000, 0), (200, 5_000, 9)])
    assert fired == [True, False, True]


def test_always_and_never(report: ReportFactory) -> None:
    assert fire(report, make_trigger("always"), [BASE, BASE, (0, 0, 0)]) == [True, True, True]
    assert fire(report, make_trigger("never"), [BASE, (9_000, 1, 1), (0, 0, 0)]) == [True, False, False]


def test_ten_percent_is_exclusive_and_compares_with_the_second_before(report: ReportFactory) -> None:
    loads = [(100, 1_000, 100), (110, 1_000, 100), (121, 900, 100), (121, 900, 89), (121, 991, 89)]
    assert fire(report, make_trigger("10-percent"), loads) == [True, False, False, True, True]


def test_z_ref_keeps_the_mean_since_the_last_trigger(report: ReportFactory) -> None:
    still = [(100, 1_000, 100)] * 3
    # 4 sqrt(100 (1 + 1/3)) = 46.19 above the mean of three seconds of 100
    assert fire(report, make_trigger("z-ref"), [*still, (146, 1_000, 100)])[-1] is False
    trigger = make_trigger("z-ref")
    assert fire(report, trigger, [*still, (147, 1_000, 100)])[-1] is True
    # the reference is now one second of 147: 4 sqrt(147 * 2) = 68.6
    assert fire(report, trigger, [(215, 1_000, 100)], first_second=5) == [False]
    assert fire(report, make_trigger("z-ref"), [*still, (147, 1_000, 100), (216, 1_000, 100)])[-1] is True


def test_z_ref_forgets_what_is_more_than_twenty_seconds_old(report: ReportFactory) -> None:
    trigger = make_trigger("z-ref")
    # Twenty seconds of 120 push the single 100 out: the threshold is 120 + 4 sqrt(120 * 1.05) = 164.9.
    loads = [(100, 1_000, 100), *[(120, 1_000, 100)] * 20]
    assert sum(fire(report, trigger, loads)) == 1
    assert fire(report, trigger, [(164, 1_000, 100)], first_second=22) == [False]
    assert fire(report, trigger, [(170, 1_000, 100)], first_second=23) == [True]


@pytest.mark.parametrize(("name", "low", "high"), [("10-percent", 0.2, 0.38), ("z-ref", 0, 0.01), ("never", 0, 0)])
def test_false_alarms_on_stationary_traffic(
    report: ReportFactory, stationary: npt.NDArray[np.int64], name: str, low: float, high: float
) -> None:
    fired = fire(report, make_trigger(name), stationary)
    assert low <= np.mean(fired[1:]) <= high


@pytest.mark.parametrize("name", ["10-percent", "z-ref"])
@pytest.mark.parametrize("factors", [(1, 3, 1), (1, 0.5, 10), (1, 0.3, 15)])
def test_a_regime_switch_is_seen_in_its_second(
    report: ReportFactory, stationary: npt.NDArray[np.int64], name: str, factors: tuple[float, ...]
) -> None:
    mean, gain = np.array(BASE), np.array(factors)
    loads = stationary[:60].copy()
    # Counts of faster arrivals vary by the root of the factor only.
    loads[30:] = (mean * gain + (loads[30:] - mean) * np.sqrt(gain)).round()
    trigger = make_trigger(name)
    assert fire(report, trigger, loads)[30]
    if name == "z-ref":
        assert sum(fire(report, make_trigger(name), loads)) == 2


def test_a_slow_drift_escapes_ten_percent_and_not_z_ref(report: ReportFactory) -> None:
    drift = [(1_000_000, int(5_500 * 1.03**second), 1_000_000) for second in range(60)]
    assert sum(fire(report, make_trigger("10-percent"), drift)) == 1
    assert sum(fire(report, make_trigger("z-ref"), drift)) > 10


@given(
    st.sampled_from(TRIGGER_NAMES),
    st.lists(st.tuples(*[st.integers(0, 100_000)] * 3), min_size=1, max_size=30),
)
def test_any_traffic_is_evaluated(report: ReportFactory, name: str, loads: list[tuple[int, ...]]) -> None:
    trigger = make_trigger(name)
    fired = fire(report, trigger, loads)
    assert trigger.evaluations == len(loads)
    assert any(fired) == any(any(packets) for packets in loads)


@pytest.mark.parametrize("packets", [(1, 2), (1, 2, 3, 4), (1, -2, 3)])
def test_malformed_traffic_is_refused_and_changes_nothing(report: ReportFactory, packets: tuple[int, ...]) -> None:
    trigger = make_trigger("10-percent")
    fire(report, trigger, [(100, 100, 100)])
    with pytest.raises(ReportError, match="offered_packets"):
        trigger.evaluate(report(2, packets))
    assert fire(report, trigger, [(105, 100, 100)], first_second=2) == [False]


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(TriggerError, match="'z' is none of always, never, every-10, 10-percent, z-ref"):
        make_trigger("z")
