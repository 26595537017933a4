"""The channel: codebook, path responses, large-scale fading, mobility and small-scale fading (Eq. 6-8)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from driving import drive, greedy, powerless, undecided
from hypothesis import given, settings
from hypothesis import strategies as some
from numpy_twin import bessel_j0, billiard, common_beams, steering
from ways_in import sense

from ran_emulator import state as st
from ran_emulator.cell import Cell
from ran_emulator.phy.channel import (
    antenna_domain,
    dense_path_response,
    fading_correlation,
    half_turns,
    path_response,
)
from ran_emulator.phy.codebook import PHASES, dft_codebook, phase_quantised_codebook
from ran_emulator.phy.geometry import large_scale_gain, reflect, reflect_in_disc
from ran_emulator.scenario import ScenarioError, parse_scenario

CARRIER_HZ = 3.5e9
SLOT_S = 5e-4


def response(path_cos: float, antennas: int) -> Any:
    out = np.zeros((2, antennas), np.float32)
    path_response(path_cos, half_turns(antennas), out[0], out[1])
    return out[0] + 1j * out[1]


def sense_all(cell: Cell, users: range, slot: int) -> Any:
    """Bring users' channels to a slot; their fading [U, L]."""
    cell.state.cell["slot"] = slot
    gains = np.zeros(cell.scenario.antennas, np.float32)
    slice_of = np.searchsorted(np.cumsum(cell.users_by_slice), np.array(users), side="right")
    for user in users:
        sense(cell.state, int(slice_of[user - users.start]), user, 0, gains)
    records = cell.state.users[users.start : users.stop]
    return records["fading_re"] + 1j * records["fading_im"]


@pytest.mark.parametrize("antennas", [8, 128])
def test_the_codebook_is_unitary(antennas: int) -> None:
    codebook = dft_codebook(antennas)
    np.testing.assert_allclose(codebook.conj().T @ codebook, np.eye(antennas), atol=1e-12)
    np.testing.assert_allclose(abs(codebook), 1 / math.sqrt(antennas), atol=1e-14)


@pytest.mark.parametrize("antennas", [8, 16, 32, 64, 128, 256])
def test_the_phase_quantised_codebook_is_unitary_with_16_phases(antennas: int) -> None:
    codebook = phase_quantised_codebook(antennas)
    np.testing.assert_allclose(codebook.conj().T @ codebook, np.eye(antennas), atol=1e-12)
    np.testing.assert_allclose(abs(codebook), 1 / math.sqrt(antennas), atol=1e-14)
    steps = np.angle(codebook) / (2 * math.pi / PHASES)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    if antennas <= PHASES:  # all phases of the DFT are there
        found = {tuple(np.round(beam, 9)) for beam in codebook.T}
        assert found == {tuple(np.round(beam, 9)) for beam in dft_codebook(antennas).T}


@pytest.mark.parametrize("antennas", [24, 96, 512])
def test_elsewhere_its_beams_overlap_which_a_scenario_refuses(antennas: int) -> None:
    codebook = phase_quantised_codebook(antennas)
    assert abs(codebook.conj().T @ codebook - np.eye(antennas)).max() > 0.05
    with pytest.raises(ScenarioError, match="antennas must be 8, 16, 32, 64, 128 or 256 where codebook is"):
        parse_scenario({"antennas": antennas, "codebook": "phase-quantised"})


@settings(deadline=None)
@given(path_cos=some.floats(-1, 1))
def test_dense_path_response_is_the_product(path_cos: float) -> None:
    codebook = phase_quantised_codebook(64)
    out = np.zeros((2, 64), np.float32)
    dense_path_response(path_cos, codebook, np.zeros(64, np.complex128), out[0], out[1])
    dense = steering([path_cos], 64)[:, 0].conj() @ codebook
    np.testing.assert_allclose(out[0] + 1j * out[1], dense, atol=1e-6)


@pytest.mark.parametrize("antennas", [8, 64, 128])
@settings(deadline=None)
@given(path_cos=some.floats(-1, 1))
def test_path_response_is_the_dense_product(path_cos: float, antennas: int) -> None:
    dense = steering([path_cos], antennas)[:, 0].conj() @ dft_codebook(antennas)
    np.testing.assert_allclose(response(path_cos, antennas), dense, atol=3e-6 * math.sqrt(antennas))


@pytest.mark.parametrize("beam", [0, 1, 17, 63, 64, 65, 127])
@pytest.mark.parametrize("offset", [0.0, 1e-13, -1e-10, 1e-7])
def test_path_response_towards_a_beam(beam: int, offset: float) -> None:
    # 2 b / N = cos: all antennas add up in this beam, none of the others sees the path
    path_cos = (2 * beam / 128 + 1) % 2 - 1 + offset
    if abs(path_cos) > 1:
        path_cos = -path_cos
    dense = steering([path_cos], 128)[:, 0].conj() @ dft_codebook(128)
    np.testing.assert_allclose(response(path_cos, 128), dense, atol=2e-5)
    assert abs(response(path_cos, 128)).max() == pytest.approx(math.sqrt(128), rel=1e-5)


def test_parseval() -> None:
    cell = Cell(parse_scenario({}), 3)
    gains = np.zeros(128, np.float32)
    h = np.zeros(128, np.complex128)
    for user in range(0, 100, 7):
        slice_id = int(np.searchsorted(np.cumsum(cell.users_by_slice), user, side="right"))
        norm = sense(cell.state, slice_id, user, 0, gains)
        me = cell.state.users[user]
        antenna_domain(me["amplitude"], me["fading_re"], me["fading_im"], me["path_cos"], h)
        assert norm == pytest.approx(np.sum(abs(h) ** 2), rel=1e-5)
        assert gains.sum(dtype=np.float64) == pytest.approx(norm, rel=1e-6)
        np.testing.assert_allclose(gains, abs(h.conj() @ dft_codebook(128)) ** 2, rtol=1e-4, atol=1e-6 * norm)


def test_common_beams_are_of_constant_modulus_and_kept_in_the_beam_domain() -> None:
    cell = Cell(parse_scenario({}), 5)
    pool = cell.state.common_beams[:, 0] + 1j * cell.state.common_beams[:, 1]
    over_antennas = common_beams(5, 128)
    np.testing.assert_allclose(pool @ dft_codebook(128).T, over_antennas, atol=2e-7)
    np.testing.assert_allclose(abs(over_antennas), 1 / math.sqrt(128), rtol=1e-12)
    # isotropic: on average a 128th of any direction
    assert np.mean(abs(pool[:, 5]) ** 2) == pytest.approx(1 / 128, rel=0.06)


@pytest.mark.parametrize(("speed_m_s", "rho"), [(2, 0.99866), (6, 0.98795), (10, 0.96670), (14, 0.93525)])
def test_jakes_correlation(speed_m_s: float, rho: float) -> None:
    assert fading_correlation(speed_m_s, CARRIER_HZ, SLOT_S) == pytest.approx(rho, abs=1e-4)
    x = 2 * math.pi * speed_m_s * CARRIER_HZ / 299_792_458 * SLOT_S
    assert fading_correlation(speed_m_s, CARRIER_HZ, SLOT_S) == pytest.approx(bessel_j0(x), abs=1e-12)


@pytest.mark.parametrize("fading", ["jakes", "fixed", "iid"])
@pytest.mark.parametrize("lag", [1, 3, 10])
@pytest.mark.parametrize("by_jumps", [False, True])
def test_fading_has_power_1_and_correlation_rho_to_the_lag(fading: str, lag: int, by_jumps: bool) -> None:
    scenario = parse_scenario({"users": 1200, "fading": fading, "fading_rho": 0.9})
    cell = Cell(scenario, 1)
    urllc = range(600, 1200)
    rho = {"jakes": bessel_j0(2 * math.pi * 10 * CARRIER_HZ / 299_792_458 * SLOT_S), "fixed": 0.9, "iid": 0.0}[fading]
    slot, products, powers = 0, [], []
    for _ in range(12):
        before = sense_all(cell, urllc, slot)
        for step in range(lag, lag + 1) if by_jumps else range(1, lag + 1):
            after = sense_all(cell, urllc, slot + step)
        slot += 400  # far enough that rounds are independent
        products.append(np.mean(after * before.conj()))
        powers.append(np.mean(abs(after) ** 2))
    assert np.mean(powers) == pytest.approx(1, abs=0.03)
    assert abs(np.mean(products) - rho**lag) < 0.03


def test_path_loss_by_hand() -> None:
    # 120.9 + 37.6 log10(0.1) = 83.3 dB at 100 m
    assert large_scale_gain(100.0, 5.0, 120.9, 37.6, 0.0) == pytest.approx(10**-8.33, rel=1e-12)
    assert large_scale_gain(100.0, 5.0, 120.9, 37.6, 8.0) == pytest.approx(10**-7.53, rel=1e-12)
    # 120.9 - 37.6 x 2.30103 = 34.3813 dB at the floor of 5 m
    assert large_scale_gain(0.0, 5.0, 120.9, 37.6, 0.0) == pytest.approx(10**-3.43813, rel=1e-5)


@settings(deadline=None)
@given(x=some.floats(-1e5, 1e5), step=some.floats(0, 100))
def test_reflection_stays_inside_and_is_continuous(x: float, step: float) -> None:
    assert -120 <= reflect(x, 240.0) <= 120
    assert abs(reflect(x + step, 240.0) - reflect(x, 240.0)) <= step + 1e-9


def test_reflection_by_hand() -> None:
    assert reflect(100.0, 240.0) == pytest.approx(100)
    assert reflect(130.0, 240.0) == pytest.approx(110)
    assert reflect(-125.0, 240.0) == pytest.approx(-115)
    assert reflect(370.0, 240.0) == pytest.approx(-110)


@settings(deadline=None)
@given(
    radius=some.floats(0, 0.999),
    angle=some.floats(0, 2 * math.pi),
    heading=some.floats(0, 2 * math.pi),
    travelled_m=some.floats(0, 2_000),
)
def test_a_user_in_the_disc_is_a_billiard(radius: float, angle: float, heading: float, travelled_m: float) -> None:
    start = 40 * radius * np.array([math.cos(angle), math.sin(angle)])
    unit = np.array([math.cos(heading), math.sin(heading)])
    x, y = reflect_in_disc(*(start + travelled_m * unit), *unit, 40.0)
    assert math.hypot(x, y) <= 40 * (1 + 1e-9)
    np.testing.assert_allclose([x, y], billiard(start, unit, travelled_m, 40.0), atol=1e-5)


def test_confined_users_live_in_the_disc() -> None:
    cell = Cell(parse_scenario({"coverage": "confined", "users": 2_000}), 3)
    squares = []
    for slot in (0, 10_000, 200_000):
        cell.state.cell["slot"] = slot
        x, y = cell.places_m()
        assert np.hypot(x, y).max() <= 40 * (1 + 1e-9)
        squares.append(np.mean(x**2 + y**2))
    np.testing.assert_allclose(squares, 40**2 / 2, rtol=0.06)  # uniform, and stays so


def test_beyond_the_disc_nobody_has_traffic_or_is_served() -> None:
    fields = {"coverage": "disc", "coverage_radius_m": 60.0, "slices": {"embb": {"load_scale": 3.0, "speed_m_s": 50.0}}}
    cell = Cell(parse_scenario(fields), 4)
    embb = cell.slice_users(1)
    inside, left_with_packets = [], 0
    for _ in range(3_000):
        queued = cell.state.users["packets"] > 0
        cell.begin_slot()
        within = np.hypot(*cell.places_m()) <= 60
        assert np.all(cell.state.users["packets"][~within] == 0)
        left_with_packets += int(np.sum(queued & ~within))
        inside.append(within[embb].mean())
        for slice_id in range(3):  # without power packets wait, and some users leave before theirs is late
            if cell.group_size(slice_id):
                cell.submit(slice_id, cell.slot, *powerless(cell, slice_id))
        cell.execute_slot()
    assert 0.05 < np.mean(inside) < 0.5
    assert left_with_packets > 0
    counts = cell.state.window_counts + cell.state.total_counts
    everywhere = drive(Cell(parse_scenario(fields | {"coverage": "area"}), 4), 3_000, undecided).state
    offered = (everywhere.window_counts + everywhere.total_counts)[1, st.OFFERED]
    assert counts[1, st.OFFERED] == pytest.approx(np.mean(inside) * offered, rel=0.05)
    done = counts[:, [st.DELIVERED, st.DROPPED_FULL, st.DROPPED_LATE]].sum()
    assert counts[:, st.OFFERED].sum() == done + cell.state.users["packets"].sum()


def test_packets_by_hand_go_to_users_within_the_disc() -> None:
    cell = Cell(parse_scenario({"coverage": "disc"}), 4)
    cell.inject(2, 30)
    within = np.hypot(*cell.places_m()) <= 40
    packets = cell.state.users["packets"]
    assert packets[~within].sum() == 0
    assert packets[within][-int(within[50:].sum()) :].sum() > 0
    nobody = Cell(parse_scenario({"coverage": "disc", "coverage_radius_m": 1.0}), 4)
    nobody.inject(2, 30)
    assert nobody.state.users["packets"].sum() == 0


def shadowing_db(cell: Cell, users: range, slot: int) -> Any:
    """Shadowing of users in a slot, from their large-scale gain and position."""
    records = cell.state.users[users.start : users.stop]
    records["geometry_slot"] = -1
    sense_all(cell, users, slot)
    part = cell.state.slices[2]
    travelled_s = slot * SLOT_S
    x = [reflect(a + part["velocity_x_m_s"] * travelled_s, 240.0) for a in records["anchor_x_m"]]
    y = [reflect(a + part["velocity_y_m_s"] * travelled_s, 240.0) for a in records["anchor_y_m"]]
    distance_km = np.maximum(np.hypot(x, y), 5.0) / 1e3
    return 10 * np.log10(4 * records["amplitude"] ** 2) + 120.9 + 37.6 * np.log10(distance_km)


def test_shadowing_has_8_db_and_is_correlated_over_50_m() -> None:
    lags_m = {10: 2_000, 25: 5_000, 50: 10_000, 100: 20_000}
    urllc = range(1_000, 2_000)
    values = []
    for seed in range(4):
        cell = Cell(parse_scenario({"users": 2_000}), seed)
        values.append([shadowing_db(cell, urllc, slot) for slot in (0, 100, *lags_m.values())])
    fields = np.concatenate(values, axis=1)  # [slots, users]
    np.testing.assert_allclose(fields.std(axis=1), 8, rtol=0.04)
    np.testing.assert_allclose(fields.mean(axis=1), 0, atol=0.5)
    for place, lag_m in enumerate(lags_m, start=2):
        correlation = np.corrcoef(fields[0], fields[place])[0, 1]
        assert correlation == pytest.approx(math.exp(-lag_m / 50), abs=0.05)


def large_scale(cell: Cell) -> tuple[Any, Any]:
    """Large-scale amplitude and path cosines of all users as of now."""
    cell.state.users["geometry_slot"] = -1
    sense_all(cell, range(100), cell.slot)
    return cell.state.users["amplitude"], cell.state.users["path_cos"]


def test_positions_and_shadowing_are_the_same_under_any_policy() -> None:
    scenario = parse_scenario({"slices": {"embb": {"load_scale": 3.0}}})
    ours, theirs = (large_scale(drive(Cell(scenario, 4), 900, decide)) for decide in (greedy, undecided))
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])


def test_shadowing_is_the_same_under_any_policy_after_a_change_of_speed() -> None:
    def run(decide: Any) -> Any:
        cell = drive(Cell(parse_scenario({}), 4), 1_010, decide)
        cell.set_speed(1, 30.0)
        return large_scale(drive(cell, 1_000, decide))[0]

    # Without power packets wait: other users are awake, and their shadowing up to date, when the speed changes.
    np.testing.assert_array_equal(run(greedy), run(powerless))


def test_a_change_of_speed_leaves_users_where_they_are() -> None:
    cell = Cell(parse_scenario({}), 4)
    drive(cell, 400, greedy)
    users = cell.slice_users(1)

    def places() -> Any:
        part, records = cell.state.slices[1], cell.state.users[users]
        travelled_s = (cell.slot - records["anchor_slot"]) * SLOT_S
        x = [reflect(v, 240.0) for v in records["anchor_x_m"] + part["velocity_x_m_s"] * travelled_s]
        y = [reflect(v, 240.0) for v in records["anchor_y_m"] + part["velocity_y_m_s"] * travelled_s]
        return np.array([x, y])

    before = places()
    cell.set_speed(1, 40.0)
    np.testing.assert_allclose(places(), before, atol=1e-9)
    drive(cell, 1, greedy)
    moved_m = np.hypot(*(places() - before))
    np.testing.assert_allclose(moved_m, 40 * SLOT_S, rtol=1e-6)
    assert cell.state.slices[1]["fading_rho"] == pytest.approx(fading_correlation(40.0, CARRIER_HZ, SLOT_S))


@pytest.mark.parametrize(("before_m_s", "after_m_s"), [(0.0, 14.0), (14.0, 0.0), (2.0, 10.0)])
def test_fading_that_nobody_saw_ages_by_the_speed_of_its_time(before_m_s: float, after_m_s: float) -> None:
    cell = Cell(parse_scenario({"users": 2_000, "slices": {"urllc": {"speed_m_s": before_m_s}}}), 4)
    urllc = range(1_000, 2_000)
    first = sense_all(cell, urllc, 10)
    cell.state.cell["slot"] = 170
    cell.set_speed(2, after_m_s)
    last = sense_all(cell, urllc, 172)
    rho_before, rho_after = (fading_correlation(speed, CARRIER_HZ, SLOT_S) for speed in (before_m_s, after_m_s))
    correlation = np.mean(first.conj() * last).real
    assert correlation == pytest.approx(rho_before**160 * rho_after**2, abs=0.05)
    assert np.mean(abs(last) ** 2) == pytest.approx(1, abs=0.06)
