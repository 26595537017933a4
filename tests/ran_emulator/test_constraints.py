"""C1-C4 of budgets and C7-C10, C12-C14 of decisions, for any joint action; what is refused changes nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from driving import RandomDecisions, drive, greedy
from hypothesis import example, given, settings
from hypothesis import strategies as some

from ran_emulator.cell import Cell
from ran_emulator.constraints import Refused, check_budgets
from ran_emulator.scenario import MAX_CSI_DELAY_SLOTS, Scenario, parse_scenario

THIRD_W = 1_000 / 3
MHZ = 1_000_000
GOOD_HZ = (2 * MHZ, 6 * MHZ, 2 * MHZ)
GOOD_W = (THIRD_W, THIRD_W, THIRD_W)


CONSTANTS = {"common_beams", "half_turns"}


def snapshot(cell: Cell) -> dict[str, Any]:
    """A copy of everything in a cell's state that changes."""
    return {name: array.copy() for name, array in cell.state._asdict().items() if name not in CONSTANTS}


def restore(cell: Cell, saved: dict[str, Any]) -> None:
    for name, array in saved.items():
        getattr(cell.state, name)[...] = array


def assert_unchanged(cell: Cell, saved: dict[str, Any]) -> None:
    for name, array in saved.items():
        assert np.array_equal(getattr(cell.state, name), array), name


@pytest.mark.parametrize(
    ("constraint", "bandwidth_hz", "power_w"),
    [
        ("C1", GOOD_HZ, (0.01, 499.99, 500.0)),
        ("C1", GOOD_HZ, (-1.0, 501.0, 500.0)),
        ("C2", GOOD_HZ, (THIRD_W, THIRD_W, THIRD_W + 0.01)),
        ("C2", GOOD_HZ, (300.0, 300.0, 300.0)),
        ("C3", (1_999_999, 6_000_001, 2 * MHZ), GOOD_W),
        ("C3", (-2 * MHZ, 10 * MHZ, 2 * MHZ), GOOD_W),
        ("C4", (2 * MHZ, 6 * MHZ, 2 * MHZ + 1), GOOD_W),
        ("C4", (2 * MHZ, 2 * MHZ, 2 * MHZ), GOOD_W),
        ("power_w", GOOD_HZ, (math.nan, THIRD_W, THIRD_W)),
        ("power_w", GOOD_HZ, (THIRD_W, math.inf, THIRD_W)),
        ("budgets", GOOD_HZ[:2], GOOD_W),
        ("budgets", GOOD_HZ, GOOD_W[:2]),
        ("budgets", (), ()),
    ],
)
def test_budgets_that_are_refused(constraint: str, bandwidth_hz: Any, power_w: Any) -> None:
    cell = drive(Cell(parse_scenario({}), 1), 20, greedy)
    before = snapshot(cell)
    with pytest.raises(Refused) as refusal:
        cell.set_budgets(bandwidth_hz, power_w)
    assert refusal.value.constraint == constraint
    cell.apply_due()
    assert_unchanged(cell, before)


def test_a_refusal_names_slice_value_and_range() -> None:
    with pytest.raises(Refused, match=r"C3: embb: bandwidth_hz 1000000 is below the floor 2000000 Hz"):
        check_budgets(parse_scenario({}), (2 * MHZ, MHZ, 7 * MHZ), GOOD_W)
    with pytest.raises(Refused, match=r"C1: urllc: power_w 0\.01 is below the floor 0\.0316"):
        check_budgets(parse_scenario({}), GOOD_HZ, (500.0, 499.99, 0.01))


@given(
    vonr_hz=some.integers(2 * MHZ, 6 * MHZ),
    embb_part=some.floats(0, 1),
    shares=some.tuples(*[some.floats(0.01, 1)] * 3),
)
def test_budgets_that_hold_c1_to_c4_are_taken(
    vonr_hz: int, embb_part: float, shares: tuple[float, float, float]
) -> None:
    embb_hz = 2 * MHZ + int(embb_part * (6 * MHZ - vonr_hz))
    power_w = tuple(float(np.float32(1_000 * share / sum(shares))) for share in shares)
    check_budgets(parse_scenario({}), (vonr_hz, embb_hz, 10 * MHZ - vonr_hz - embb_hz), power_w)


def busy(model: str = "paper", **fields: Any) -> Scenario:
    slices = {"vonr": {"load_scale": 20.0}, "embb": {"load_scale": 3.0}, "urllc": {"load_scale": 20.0}}
    return parse_scenario({"slices": slices, "hwi": {"model": model}} | fields)


@pytest.fixture(scope="module")
def begun() -> Cell:
    """A busy cell in the middle of a slot: groups are chosen, nothing is decided."""
    cell = drive(Cell(busy(), 3), 30, greedy)
    cell.begin_slot()
    assert min(cell.group_size(s) for s in range(3)) >= 1
    assert max(cell.group_size(s) for s in range(3)) >= 4
    return cell


any_power = some.one_of(
    some.floats(width=32),
    some.sampled_from([math.nan, math.inf, -math.inf, -0.0, -1e-30, 1e38]),
    some.floats(0, 400, width=32),
)


@settings(deadline=None, max_examples=200)
@given(
    beams=some.lists(some.integers(-(2**15), 2**15 - 1) | some.integers(0, 127), min_size=0, max_size=9),
    powers=some.lists(any_power, min_size=0, max_size=9),
    common_w=some.none() | some.floats() | some.floats(0, 400),
    slice_id=some.integers(0, 2),
    fit=some.booleans(),
)
@example(beams=[], powers=[], common_w=None, slice_id=1, fit=True)
@example(beams=[], powers=[], common_w=1.0, slice_id=1, fit=True)
def test_any_joint_action_is_carried_out_within_the_budget_or_refused(
    begun: Cell, beams: list[int], powers: list[float], common_w: float | None, slice_id: int, fit: bool
) -> None:
    cell = begun
    count = cell.group_size(slice_id)
    if fit:
        beams = [(beams[k] if k < len(beams) else 5) for k in range(count)]
        powers = [(powers[k] if k < len(powers) else 1.0) for k in range(count)]
    beam_array, power_array = np.array(beams, np.int16), np.array(powers, np.float32)
    budget_w = float(cell.state.slices[slice_id]["power_w"])
    with np.errstate(all="ignore"):
        total_w = float(power_array.sum(dtype=np.float64)) + (common_w or 0.0)
    valid = (
        len(beams) == len(powers) == count
        and all(0 <= beam <= 127 for beam in beams)
        and np.isfinite(power_array).all()
        and (power_array >= 0).all()
        and (common_w is None or (math.isfinite(common_w) and common_w >= 0))
        and total_w <= budget_w * (1 + 1e-6)
    )
    before = snapshot(cell)
    if not valid:
        with pytest.raises(Refused) as refusal:
            cell.check(slice_id, cell.slot, beam_array, power_array, common_w)
        assert refusal.value.constraint in {"user_ids", "C7", "C8-C10", "C12", "private_power_w", "common_power_w"}
        assert_unchanged(cell, before)
        return
    cell.check(slice_id, cell.slot, beam_array, power_array, common_w)
    cell.submit(slice_id, cell.slot, beam_array, power_array, common_w)
    cell.execute_slot()
    assert_constraints(cell)
    restore(cell, before)


@pytest.mark.parametrize(
    ("constraint", "beam", "private_w", "common_w"),
    [
        ("private_power_w", 5, math.nan, None),
        ("private_power_w", 5, math.inf, 1.0),
        ("C7", 5, -1.0, None),
        ("C12", 128, 1.0, None),
        ("C12", -1, 1.0, None),
        ("common_power_w", 5, 1.0, math.nan),
        ("common_power_w", 5, 1.0, math.inf),
        ("C8-C10", 5, 1.0, -1.0),
        ("C8-C10", 5, 1.0, 400.0),
        ("C8-C10", 5, 400.0, None),
    ],
)
def test_a_refused_decision_names_what_is_wrong(
    begun: Cell, constraint: str, beam: int, private_w: float, common_w: float | None
) -> None:
    count = begun.group_size(1)
    beams, powers_w = np.full(count, beam, np.int16), np.full(count, private_w, np.float32)
    with pytest.raises(Refused) as refusal:
        begun.check(1, begun.slot, beams, powers_w, common_w)
    assert refusal.value.constraint == constraint


def assert_constraints(cell: Cell) -> None:
    """C7-C10 and C12-C14 of every slice's executed slot."""
    for slice_id, outcome in enumerate(cell.state.outcomes):
        count = int(outcome["count"])
        if count == 0:
            continue
        budget_w = float(outcome["power_w"])
        private_w = outcome["private_power_w"][:count].astype(np.float64)
        assert budget_w == cell.state.slices[slice_id]["power_w"]
        assert (private_w >= 0).all()
        assert outcome["common_power_w"] >= 0
        assert private_w.sum() + float(outcome["common_power_w"]) <= budget_w * (1 + 1e-6)
        assert ((outcome["beams"][:count] >= 0) & (outcome["beams"][:count] < cell.scenario.antennas)).all()
        common_rate = np.log2(1 + outcome["common_sdnr"][:count].astype(np.float64)).min()
        share = outcome["common_share"][:count].astype(np.float64)
        assert (share >= 0).all()
        assert share.sum() <= common_rate * (1 + 1e-5) + 1e-12
        assert (outcome["private_rate"][:count] >= 0).all()
        assert np.isfinite(outcome["rate_bps"][:count]).all()
        assert len(set(outcome["user_ids"][:count].tolist())) == count <= 8


any_radio = some.fixed_dictionaries(
    {
        "access": some.sampled_from(["rsma", "rsma-split", "sdma", "ofdma"]),
        "precoder": some.sampled_from(["codebook", "mrt", "zf", "rzf"]),
        "common_beam": some.sampled_from(["random", "sum-mrt", "best-codebook"]),
        "common_split": some.sampled_from(["equal", "deficit", "maxmin"]),
        "coverage": some.sampled_from(["area", "disc", "confined"]),
        "csi_delay_slots": some.just(0) | some.integers(0, MAX_CSI_DELAY_SLOTS),
        "csi_period_slots": some.just(1) | some.integers(1, 640),
        "csi_noise": some.just(0.0) | some.floats(0, 1),
        "decision_period_slots": some.just(1) | some.integers(1, 20),
    }
)
any_array = some.one_of(
    some.fixed_dictionaries({"codebook": some.just("dft"), "antennas": some.integers(1, 32).map(lambda n: 8 * n)}),
    some.fixed_dictionaries(
        {"codebook": some.just("phase-quantised"), "antennas": some.sampled_from([8, 16, 32, 64, 128, 256])}
    ),
)


@settings(deadline=None, max_examples=50)
@given(
    seed=some.integers(0, 2**32),
    delay=some.integers(0, 12),
    model=some.sampled_from(["paper", "aggregate"]),
    radio=any_radio,
    array=any_array,
    missing=some.floats(0, 1),
)
def test_c7_to_c14_hold_in_every_executed_slot(
    seed: int, delay: int, model: str, radio: dict[str, Any], array: dict[str, Any], missing: float
) -> None:
    cell = Cell(busy(model, **radio, **array), seed, delay)
    decide = RandomDecisions(seed, missing)
    rng = np.random.default_rng(seed)
    for slot in range(60):
        if slot % 7 == 3:  # budgets move while decisions made under the old ones are held or in flight
            shares = rng.dirichlet((1, 1, 1)) * 0.9 + 1 / 30
            cell.set_budgets(GOOD_HZ, tuple(float(np.float32(1_000 * share)) for share in shares))
        drive(cell, 1, decide)
        assert_constraints(cell)


@pytest.mark.parametrize("decided_slot", [1, 5, -1, 2**40])
def test_a_decision_for_a_slot_without_a_group_is_refused(decided_slot: int) -> None:
    cell = Cell(busy(), 3)
    cell.begin_slot()
    with pytest.raises(Refused, match="no group waits"):
        cell.check(0, decided_slot, np.zeros(0, np.int16), np.zeros(0, np.float32), None)


def test_decisions_are_held_to_the_budget_of_the_slot_that_they_decide() -> None:
    cell = drive(Cell(busy(), 3, control_delay_slots=2), 10, greedy)
    first = cell.set_budgets(GOOD_HZ, (100.0, 100.0, 800.0))
    assert first == 12
    cell.begin_slot()
    count = cell.group_size(1)
    beams = np.zeros(count, np.int16)
    cell.check(1, 12, beams, np.full(count, 99.0 / count, np.float32), None)
    with pytest.raises(Refused) as refusal:
        cell.check(1, 12, beams, np.full(count, 101.0 / count, np.float32), None)
    assert refusal.value.constraint == "C8-C10"
