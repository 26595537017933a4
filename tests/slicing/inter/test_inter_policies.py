"""Budgets of every policy hold C1-C4; what each of the simple ones says, and when."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from second_reports import ReportFactory

from xapps.slicing.inter.actions import (
    BudgetError,
    bandwidth_grid,
    constant_budgets,
    equal_budgets,
    power_actions,
)
from xapps.slicing.inter.base import InterPolicyError
from xapps.slicing.inter.policies import INTER_NAMES, make_inter_policy
from xapps.slicing.observation import BudgetContext, Budgets

CONCRETE_NAMES = [name.replace("A,B,C", "2,5.5,2.5") for name in INTER_NAMES]


def assert_valid(budgets: Budgets, context: BudgetContext) -> None:
    """C1-C4 as the node checks them: Hz exactly, W within 1e-6 and float32."""
    assert min(budgets.bandwidth_hz) >= context.bandwidth_floor_hz
    assert sum(budgets.bandwidth_hz) == context.total_bandwidth_hz
    assert all(isinstance(value, int) for value in budgets.bandwidth_hz)
    # Some floors that hypothesis draws are below what a float32 can hold.
    assert min(budgets.power_w) >= context.power_floor_w * (1 - 1e-6) - 1e-30
    assert sum(budgets.power_w) == pytest.approx(context.total_power_w, rel=1e-6)
    assert all(value == np.float32(value) for value in budgets.power_w)


@st.composite
def contexts(draw: st.DrawFn) -> BudgetContext:
    floor_hz = draw(st.integers(1, 4)) * 500_000
    total_hz = 3 * floor_hz + draw(st.integers(0, 12)) * 1_000_000
    total_w = draw(st.floats(1e-3, 1e5))
    floor_w = draw(st.floats(0, 1 / 3)) * total_w
    return BudgetContext(total_hz, total_w, floor_hz, floor_w, draw(st.integers(0, 12)))


def test_the_papers_cell_has_fifteen_splits_and_ten_power_actions(context: BudgetContext) -> None:
    splits = bandwidth_grid(context)
    assert len(splits) == len(set(splits)) == 15
    assert (2_000_000, 6_000_000, 2_000_000) in splits
    assert all(value % 1_000_000 == 0 for split in splits for value in split)
    assert len(set(power_actions(context))) == len(power_actions(context)) == 10


def test_half_megahertz_steps_are_optional(context: BudgetContext) -> None:
    assert len(bandwidth_grid(context, step_hz=500_000)) == 45


def test_power_offsets_are_decibels_above_the_floors(context: BudgetContext) -> None:
    equal, *offsets = (np.array(split) - context.power_floor_w for split in power_actions(context))
    np.testing.assert_allclose(equal, equal[0], rtol=1e-6)
    for index in range(3):
        for split, offset_db in zip(offsets[3 * index : 3 * index + 3], (10, -10, 20), strict=True):
            others = np.delete(split, index)
            np.testing.assert_allclose(10 * np.log10(split[index] / others), offset_db, atol=1e-4)


@settings(deadline=None)
@given(contexts())
def test_every_action_holds_c1_to_c4(context: BudgetContext) -> None:
    for bandwidth in bandwidth_grid(context):
        for power in power_actions(context):
            assert_valid(Budgets(bandwidth, power), context)
    assert_valid(equal_budgets(context), context)


@settings(deadline=None)
@given(
    contexts(),
    st.sampled_from([name for name in CONCRETE_NAMES if not name.startswith("constant")]),
    st.lists(st.tuples(*[st.integers(0, 100_000)] * 3), min_size=1, max_size=4),
    st.integers(0, 2**32),
)
def test_every_policy_holds_c1_to_c4_for_any_report(
    report: ReportFactory, context: BudgetContext, name: str, loads: list[tuple[int, ...]], seed: int
) -> None:
    policy = make_inter_policy(name, context, seed)
    for second, packets in enumerate([(0, 0, 0), *loads]):
        budgets = policy.on_second(report(second, packets), triggered=second > 0)
        if budgets is not None:
            assert_valid(budgets, context)


@pytest.mark.parametrize("name", CONCRETE_NAMES)
def test_only_constant_budgets_answer_the_empty_report(
    report: ReportFactory, context: BudgetContext, name: str
) -> None:
    budgets = make_inter_policy(name, context, seed=1).on_second(report(0, (0, 0, 0)), triggered=False)
    assert (budgets is not None) == (name == "equal" or name.startswith("constant"))


@pytest.mark.parametrize("name", ["equal", "constant:2,6,2"])
def test_constant_budgets_are_said_once_a_world_and_after_a_gap(
    report: ReportFactory, context: BudgetContext, name: str
) -> None:
    policy = make_inter_policy(name, context, seed=1)
    said = [policy.on_second(report(second, (1, 1, 1)), triggered=True) for second in (0, 1, 2, 5, 6, 0, 1)]
    assert [budgets is not None for budgets in said] == [True, False, False, True, False, True, False]
    late = make_inter_policy(name, context, seed=1)
    assert late.on_second(report(7, (1, 1, 1)), triggered=False) is not None


def test_equal_is_thirds_with_an_exact_sum(context: BudgetContext) -> None:
    budgets = equal_budgets(context)
    assert budgets.bandwidth_hz == (3_333_334, 3_333_333, 3_333_333)
    np.testing.assert_allclose(budgets.power_w, 1_000 / 3, rtol=1e-7)


def test_constant_takes_megahertz(report: ReportFactory, context: BudgetContext) -> None:
    policy = make_inter_policy("constant:2,5.5,2.5", context, seed=1)
    budgets = policy.on_second(report(0, (0, 0, 0)), triggered=False)
    assert budgets is not None
    assert budgets.bandwidth_hz == (2_000_000, 5_500_000, 2_500_000)
    assert policy.name == "constant:2,5.5,2.5"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("constant:1.9,6,2.1", r"vonr must have 2 to 6 MHz, not 1.9 MHz \(C3\)"),
        ("constant:2,6,2.5", r"must sum to 10 MHz, not 10.5 MHz \(C4\)"),
    ],
)
def test_constant_is_checked(context: BudgetContext, name: str, message: str) -> None:
    with pytest.raises(BudgetError, match=message):
        make_inter_policy(name, context, seed=1)


def test_constant_must_be_finite(context: BudgetContext) -> None:
    with pytest.raises(BudgetError, match="must be numbers in MHz"):
        constant_budgets(context, (np.nan, 6, 2))


@pytest.mark.parametrize("name", ["constant", "constant:2,6", "constant:2,6,-2", "constant:a,b,c", "gga", ""])
def test_an_unknown_name_lists_the_known_ones(context: BudgetContext, name: str) -> None:
    with pytest.raises(InterPolicyError, match="is none of coma2c, coma2c-tuned"):
        make_inter_policy(name, context, seed=1)


def test_three_numbers_must_be_numbers(context: BudgetContext) -> None:
    with pytest.raises(InterPolicyError, match="must hold three numbers of MHz"):
        make_inter_policy("constant:2.0.0,6,2", context, seed=1)


@pytest.mark.parametrize(("packets", "winner"), [((200, 5_500, 280), 1), ((200, 1_650, 4_200), 2)])
def test_greedy_gives_the_rest_to_the_slice_with_most_packets(
    report: ReportFactory, context: BudgetContext, packets: tuple[int, ...], winner: int
) -> None:
    budgets = make_inter_policy("greedy", context, seed=1).on_second(report(1, packets), triggered=True)
    assert budgets is not None
    assert budgets.bandwidth_hz[winner] == 6_000_000
    assert budgets.power_w[winner] == pytest.approx(1_000 - 2 * context.power_floor_w)
    assert min(budgets.power_w) == pytest.approx(context.power_floor_w)


@pytest.mark.parametrize(
    ("packets", "megahertz"),
    [
        ((212, 5_500, 278), (2, 6, 2)),
        ((212, 16_500, 278), (2, 6, 2)),
        ((212, 2_750, 2_780), (2, 4, 4)),
        ((212, 1_650, 4_170), (2, 3, 5)),
    ],
)
def test_load_proportional_takes_the_nearest_split(
    report: ReportFactory, context: BudgetContext, packets: tuple[int, ...], megahertz: tuple[int, ...]
) -> None:
    policy = make_inter_policy("load-proportional", context, seed=1)
    budgets = policy.on_second(report(1, packets), triggered=True)
    assert budgets is not None
    assert budgets.bandwidth_hz == tuple(1_000_000 * value for value in megahertz)


SLA_HELD = (1.0, 0.97, 0.97)


def splits_of_ssr_pi(
    report: ReportFactory,
    context: BudgetContext,
    ssr: tuple[float, ...],
    seconds: int,
    triggered: bool = True,
    step_hz: int = 500_000,
) -> list[float | None]:
    """MHz for uRLLC, second by second, under one SSR for ever."""
    policy = make_inter_policy("ssr-pi", context, seed=1, step_hz=step_hz)
    said = [policy.on_second(report(s, (200, 5_500, 280), ssr), triggered) for s in range(1, seconds + 1)]
    return [None if budgets is None else budgets.bandwidth_hz[2] / 1e6 for budgets in said]


def test_ssr_pi_is_its_closed_form(report: ReportFactory, context: BudgetContext) -> None:
    # e = 3 (.97 - .87) = .3: I_n = 1.5 (1 - .9^n) / .1 MHz, and k_p e = 3 MHz beside it, at most 4 above the floor.
    assert splits_of_ssr_pi(report, context, (1.0, 0.97, 0.94), 5) == [
        2 + round(2 * (0.9 + 0.45 * (1 - 0.9**n) / 0.1)) / 2 for n in range(1, 6)
    ]
    assert splits_of_ssr_pi(report, context, (1.0, 0.97, 0.87), 3) == [6.0, 6.0, 6.0]


def test_ssr_pi_gives_what_is_left_to_embb_and_the_floor_to_vonr(report: ReportFactory, context: BudgetContext) -> None:
    policy = make_inter_policy("ssr-pi", context, seed=1)
    for second, urllc in enumerate((0.97, 0.9, 0.5, 0.99), 1):
        budgets = policy.on_second(report(second, (200, 5_500, 280), (0.2, 0.97, urllc)), triggered=True)
        assert budgets is not None
        assert budgets.bandwidth_hz[0] == context.bandwidth_floor_hz
        assert_valid(budgets, context)
    assert splits_of_ssr_pi(report, context, SLA_HELD, 3) == [2.0, 2.0, 2.0]


def test_ssr_pi_does_not_wind_up(report: ReportFactory, context: BudgetContext) -> None:
    policy = make_inter_policy("ssr-pi", context, seed=1)
    for second in range(1, 200):
        policy.on_second(report(second, (200, 5_500, 280), (1.0, 1.0, 0.0)), triggered=True)
    answers = [policy.on_second(report(200 + s, (200, 5_500, 280), (1.0, 0.5, 1.0)), triggered=True) for s in range(2)]
    assert [budgets and budgets.bandwidth_hz[2] for budgets in answers] == [2_000_000, 2_000_000]


def test_ssr_pi_integrates_between_triggers_and_begins_anew_after_a_gap(
    report: ReportFactory, context: BudgetContext
) -> None:
    def answer(seconds: Iterable[int], triggers: Iterable[bool]) -> list[Budgets | None]:
        policy = make_inter_policy("ssr-pi", context, seed=1, step_hz=500_000)
        return [
            policy.on_second(report(s, (200, 5_500, 280), (1.0, 0.97, 0.94)), triggered)
            for s, triggered in zip(seconds, triggers, strict=True)
        ]

    always, last = answer(range(1, 6), [True] * 5), answer(range(1, 6), [False] * 4 + [True])
    assert last[:4] == [None] * 4
    assert last[4] == always[4] != always[0]
    assert answer([1, 2, 3, 9], [True] * 4)[3] == always[0]


@pytest.mark.parametrize("name", ["greedy", "load-proportional", "ssr-pi"])
def test_followers_keep_between_triggers_and_without_traffic(
    report: ReportFactory, context: BudgetContext, name: str
) -> None:
    policy = make_inter_policy(name, context, seed=1)
    assert policy.on_second(report(1, (1, 2, 3)), triggered=False) is None
    assert policy.on_second(report(2, (0, 0, 0)), triggered=True) is None


def test_random_acts_every_second_and_covers_the_grid(report: ReportFactory, context: BudgetContext) -> None:
    policy = make_inter_policy("random", context, seed=3)
    said = [policy.on_second(report(second, (1, 1, 1)), triggered=False) for second in range(1, 400)]
    assert {budgets.bandwidth_hz for budgets in said if budgets} == set(bandwidth_grid(context))
    assert {budgets.power_w for budgets in said if budgets} == set(power_actions(context))


def test_random_draws_are_keyed_by_seed_and_second(report: ReportFactory, context: BudgetContext) -> None:
    def draws(seed: int, seconds: Iterable[int]) -> list[Budgets | None]:
        policy = make_inter_policy("random", context, seed)
        return [policy.on_second(report(second, (1, 1, 1)), triggered=False) for second in seconds]

    assert draws(3, range(1, 30)) == draws(3, range(1, 30))
    assert draws(3, range(1, 30)) != draws(4, range(1, 30))
    assert draws(3, [5, 9, 20]) == [draws(3, range(1, 30))[second - 1] for second in (5, 9, 20)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bandwidth_floor_hz": 4_000_000}, "bandwidth_floor_hz"),
        ({"bandwidth_floor_hz": 0}, "bandwidth_floor_hz"),
        ({"power_floor_w": 400.0}, "power_floor_w"),
        ({"power_floor_w": -1.0}, "power_floor_w"),
        ({"total_power_w": float("nan")}, "power_floor_w"),
        ({"total_power_w": 0.0, "power_floor_w": 0.0}, "total_power_w"),
    ],
)
@pytest.mark.parametrize("name", CONCRETE_NAMES)
def test_floors_that_do_not_fit_are_refused(name: str, change: dict[str, Any], message: str) -> None:
    values = {
        "total_bandwidth_hz": 10_000_000,
        "total_power_w": 1_000.0,
        "bandwidth_floor_hz": 2_000_000,
        "power_floor_w": 0.03,
        "control_delay_slots": 0,
    }
    with pytest.raises(BudgetError, match=message):
        make_inter_policy(name, BudgetContext(**{**values, **change}), seed=1)


@pytest.mark.parametrize("name", ["random", "load-proportional", "ssr-pi", "coma2c", "coma2c-tuned", "sa2c-t"])
def test_a_total_off_the_grid_is_refused(name: str) -> None:
    context = BudgetContext(10_300_000, 1_000.0, 2_000_000, 0.03, 0)
    with pytest.raises(BudgetError, match="must be a multiple of 1000000 Hz, not 4300000 Hz"):
        make_inter_policy(name, context, seed=1)


@pytest.mark.parametrize("name", ["random", "coma2c", "coma2c-tuned"])
def test_a_negative_seed_is_refused(context: BudgetContext, name: str) -> None:
    with pytest.raises(InterPolicyError, match="seed: must be at least 0"):
        make_inter_policy(name, context, seed=-1)


def test_what_does_not_learn_takes_no_weights(context: BudgetContext) -> None:
    with pytest.raises(InterPolicyError, match="greedy does not learn"):
        make_inter_policy("greedy", context, seed=1, learning=True)
