"""CSI: what is known of the channel is old by its delay and period, off by its noise, and leaves the channel alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from driving import Decide, drive, greedy, powerless
from numpy_twin import bessel_j0, codebook
from pydantic import ValidationError
from ways_in import sense

from ran_emulator import sensing
from ran_emulator.cell import Cell
from ran_emulator.scenario import Csi, load_scenario, parse_scenario

ANTENNAS = 16
URLLC = range(100, 200)
RHO = bessel_j0(2 * np.pi * 10 * 3.5e9 / 299_792_458 * 5e-4)
"""Of uRLLC's 10 m/s, a slot."""
BEAMS = codebook("dft", ANTENNAS)


def urllc_cell(**fields: Any) -> Cell:
    """200 users, half of them uRLLC, on a few antennas."""
    return Cell(parse_scenario({"users": 200, "antennas": ANTENNAS} | fields), 3)


def look(cell: Cell, slot: int) -> tuple[Any, Any]:
    """Channels of the uRLLC users as known in a slot and as they are: h^H C, complex [U, N] each."""
    cell.state.cell["slot"] = slot
    gains = np.zeros(ANTENNAS, np.float32)
    h = np.zeros(ANTENNAS, np.complex128)
    known, true = [], []
    for user in URLLC:
        sense(cell.state, 2, user, 0, gains)
        true.append(cell.state.beam_domain[0, 0] + 1j * cell.state.beam_domain[0, 1])
        sensing.estimate(cell.state, 2, user, gains)
        sensing.estimate_over_antennas(cell.state, user, h)
        known.append(h.conj() @ BEAMS)
        # what the controller sees and what the gNB forms beams on is the same
        np.testing.assert_allclose(gains, abs(known[-1]) ** 2, rtol=1e-3, atol=1e-5 * gains.max())
    return np.array(known), np.array(true)


def age_slots(user: int, slot: int, csi: Csi) -> int:
    """Age of what is known of a user: measured in slots m with (m + user) a multiple of the period, known later."""
    return csi.csi_delay_slots + (slot - csi.csi_delay_slots + user) % csi.csi_period_slots


@pytest.mark.parametrize("csi", [Csi(csi_delay_slots=4), Csi(csi_delay_slots=20), Csi(csi_period_slots=12)], ids=str)
@pytest.mark.parametrize("by_jumps", [False, True])
def test_csi_is_correlated_with_the_channel_by_rho_to_its_age(csi: Csi, by_jumps: bool) -> None:
    cell = urllc_cell(**csi.model_dump())
    products, powers, expected = [], [], []
    for round_slot in range(400, 24_400, 400):
        # seen for the first time in a long while, or in every slot before it
        for slot in range(round_slot, round_slot + 1) if by_jumps else range(round_slot - 3, round_slot + 1):
            known, true = look(cell, slot)
        beta = 4 * cell.state.users["amplitude"][100:200] ** 2
        products.append(np.mean(np.sum(known.conj() * true, axis=1).real / (ANTENNAS * beta)))
        powers.append(np.mean(np.sum(abs(known) ** 2, axis=1) / (ANTENNAS * beta)))
        expected.append(np.mean([RHO ** age_slots(user, round_slot, csi) for user in URLLC]))
    assert np.mean(powers) == pytest.approx(1, abs=0.05)
    assert np.mean(products) == pytest.approx(np.mean(expected), abs=0.05)


@pytest.mark.parametrize("noise", [0.003, 0.1, 1.0])
def test_noise_is_the_relative_error_variance_white_over_the_beams(noise: float) -> None:
    cell = urllc_cell(csi_noise=noise)
    errors = []
    for slot in range(20):
        known, true = look(cell, slot)
        errors.append(abs(known - true) ** 2 / np.sum(abs(true) ** 2, axis=1, keepdims=True))
    by_beam = np.concatenate(errors).mean(axis=0)
    assert by_beam.sum() == pytest.approx(noise, rel=0.03)
    np.testing.assert_allclose(by_beam, noise / ANTENNAS, rtol=0.12)


def test_between_two_measurements_nothing_new_is_known_and_users_take_turns() -> None:
    cell = urllc_cell(csi_period_slots=10, csi_noise=0.01)
    before, _ = look(cell, 50)
    changed = []
    for slot in range(51, 61):
        now, _ = look(cell, slot)
        changed.append(np.any(now != before, axis=1))
        before = now
    np.testing.assert_array_equal(np.sum(changed, axis=0), 1)  # each user once in ten slots
    np.testing.assert_array_equal(np.sum(changed, axis=1), 10)


def test_the_errors_are_the_same_under_any_policy() -> None:
    def relative_errors(decide: Decide) -> Any:
        cell = drive(urllc_cell(csi_noise=0.1), 300, decide)
        known, true = look(cell, cell.slot)
        return (known - true) / np.linalg.norm(true, axis=1, keepdims=True)

    # Without power packets wait: other users' channels were looked at.
    np.testing.assert_allclose(relative_errors(greedy), relative_errors(powerless), atol=1e-5)


def test_new_settings_begin_with_a_measurement_of_everybody() -> None:
    cell = urllc_cell()
    look(cell, 10)
    cell.state.cell["slot"] = 11
    assert cell.set_csi(Csi(csi_delay_slots=3)) == 11
    cell.apply_due()
    seen = {}
    for slot in range(11, 20):
        known, seen[slot] = look(cell, slot)
        np.testing.assert_allclose(known, seen[max(11, slot - 3)], rtol=1e-3, atol=1e-5 * abs(known).max())


def test_a_change_within_a_slot_holds_from_the_next_one() -> None:
    cell = drive(Cell(load_scenario("high-load"), 1), 5, greedy)
    cell.begin_slot()
    assert cell.set_csi(Csi(csi_noise=1.0)) == 6
    cell.execute_slot()
    np.testing.assert_array_equal(cell.state.frame_gains[1, 0], cell.state.outcome_gains[1, 0])
    assert cell.csi == Csi()
    cell.begin_slot()
    assert cell.csi == Csi(csi_noise=1.0)


def test_what_was_measured_before_a_change_of_speed_keeps_its_place() -> None:
    cells = [urllc_cell(csi_period_slots=640) for _ in range(2)]
    for cell in cells:
        cell.state.cell["slot"] = 500
    cells[0].set_speed(2, 50.0)
    kept = []
    for cell in cells:
        look(cell, 510)
        number = (510 + np.array(URLLC)) // 640  # the one that is known
        kept.append(cell.state.measurements[URLLC, number].copy())
    old = kept[0]["slot"] <= 500
    assert old.sum() > 80
    for name in ("path_cos", "amplitude", "fading_re"):
        np.testing.assert_array_equal(kept[0][name][old], kept[1][name][old])


def test_equal_seeds_give_equal_runs_and_csi_that_is_perfect_changes_nothing() -> None:
    def trace(**fields: Any) -> str:
        cell = Cell(parse_scenario({"slices": {"embb": {"load_scale": 3.0}}} | fields), 5)
        drive(cell, 150, greedy)
        cell.set_csi(cell.csi)
        return drive(cell, 150, greedy).trace_sha256()

    aged = {"csi_delay_slots": 4, "csi_noise": 0.01}
    assert trace(**aged) == trace(**aged) != trace()
    untouched = Cell(parse_scenario({"slices": {"embb": {"load_scale": 3.0}}}), 5)
    assert trace() == drive(untouched, 300, greedy).trace_sha256()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("csi_delay_slots", 21),
        ("csi_delay_slots", -1),
        ("csi_period_slots", 0),
        ("csi_period_slots", 641),
        ("csi_noise", -0.1),
        ("csi_noise", 1.1),
    ],
)
def test_settings_have_ranges(name: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=name):
        Csi(**{name: value})


def test_old_csi_costs_zero_forcing_more_the_faster_users_move() -> None:
    def mean_rate(speed_m_s: float, delay: int) -> float:
        embb = {"load_scale": 3.0, "speed_m_s": speed_m_s}
        fields = {"precoder": "zf", "access": "sdma", "csi_delay_slots": delay, "hwi": {"kappa": 1e-4}}
        cell = Cell(parse_scenario({"slices": {"embb": embb}} | fields), 5)
        found: list[float] = []
        for _ in range(200):
            drive(cell, 1, greedy)
            outcome = cell.state.outcomes[1]
            found += outcome["private_rate"][: outcome["count"]].tolist()
        return float(np.mean(found))

    fresh, old = (mean_rate(14.0, delay) for delay in (0, 20))
    assert old < 0.7 * fresh
    assert mean_rate(0.0, 20) == pytest.approx(mean_rate(0.0, 0), rel=0.05)
    assert old < mean_rate(2.0, 20) < fresh
