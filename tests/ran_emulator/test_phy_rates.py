"""Impairments, RSMA and zero-forcing (Eq. 9-16): by hand, by ceilings, by dense algebra and by symbols."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from driving import drive, greedy, heavy_common
from numpy_twin import sdnr as twin_sdnr

from ran_emulator import state as st
from ran_emulator.cell import Cell
from ran_emulator.phy.codebook import dft_codebook
from ran_emulator.phy.rsma import HWI_AGGREGATE, HWI_PAPER, rates, sdnr
from ran_emulator.phy.zero_forcing import zero_forcing
from ran_emulator.scenario import Impairments, parse_scenario

CEILINGS_BPS_HZ = {1e-6: 19.93, 1e-4: 13.29, 1e-3: 9.967, 1e-2: 6.658, 5e-2: 4.392}
MODELS = {"paper": HWI_PAPER, "aggregate": HWI_AGGREGATE}


def compiled_sdnr(
    gains: Any,
    spreads: Any,
    private_w: Any,
    common_w: float,
    noise_w: float,
    model: str,
    kappa_t: float,
    kappa_r: float,
) -> tuple[Any, Any]:
    count = len(gains)
    common, private = np.zeros(count, np.float32), np.zeros(count, np.float32)
    watts = np.asarray(private_w, np.float32)
    sdnr(
        count,
        np.asarray(gains, float),
        np.asarray(spreads, float),
        watts,
        common_w,
        noise_w,
        MODELS[model],
        kappa_t,
        kappa_r,
        common,
        private,
    )
    return common, private


def test_two_users_by_hand() -> None:
    gains = [[4.0, 1.0, 2.0], [0.5, 8.0, 1.0]]
    spreads = [[0.1, 0.1, 0.2], [0.05, 0.2, 0.1]]
    arguments = (gains, spreads, [1.0, 2.0], 4.0, 1.0)
    # user 0: common 2 x 4 = 8; private 4 and 2; distortion of common (.1 x .2 + .05 x 2) 4 = .48, of its own
    # (.1 x .1 + .05 x 4) 1 = .21, of user 1's (.1 x .1 + .05 x 1) 2 = .12
    # user 1: common 1 x 4 = 4; private .5 and 16; distortion of common .24, of its own .84, of user 0's .03
    common, private = compiled_sdnr(*arguments, "paper", 0.1, 0.05)
    np.testing.assert_allclose(common, [8 / 7.48, 4 / 17.74], rtol=1e-6)
    np.testing.assert_allclose(private, [4 / 3.21, 16 / 2.34], rtol=1e-6)
    share, rate = np.zeros(2, np.float32), np.zeros(2, np.float32)
    rates(2, common, private, share, rate)
    # log2(1 + 4 / 17.74) = 0.293346 in two; log2(2.246106) = 1.167426; log2(7.837607) = 2.970413
    np.testing.assert_allclose(share, [0.146673, 0.146673], atol=2e-6)
    np.testing.assert_allclose(rate, [1.167426, 2.970413], atol=2e-6)
    common, private = compiled_sdnr(*arguments, "aggregate", 0.1, 0.05)
    np.testing.assert_allclose(common, [8 / 7.81, 4 / 18.61], rtol=1e-6)
    np.testing.assert_allclose(private, [4 / 3.81, 16 / 2.61], rtol=1e-6)


@pytest.mark.parametrize("model", ["paper", "aggregate"])
@pytest.mark.parametrize(("kappa", "ceiling"), CEILINGS_BPS_HZ.items())
def test_a_lone_stream_reaches_the_ceiling_of_kappa_r(kappa: float, ceiling: float, model: str) -> None:
    # no noise, no spread of the transmitter's distortion: log2(1 + 1 / kappa_r) is left
    _, private = compiled_sdnr([[1.0, 0.0]], [[0.0, 0.0]], [1.0], 0.0, 0.0, model, kappa, kappa)
    assert math.log2(1 + private[0]) == pytest.approx(math.log2(1 + 1 / kappa), rel=1e-6)
    assert math.log2(1 + private[0]) == pytest.approx(ceiling, abs=5e-3)


@pytest.mark.parametrize("kappa", CEILINGS_BPS_HZ)
@pytest.mark.parametrize("decide", [greedy, heavy_common])
def test_no_stream_of_a_run_exceeds_the_ceiling(kappa: float, decide: Any) -> None:
    scenario = parse_scenario({"hwi": {"kappa": kappa}, "slices": {"embb": {"load_scale": 3.0}}})
    cell = Cell(scenario, 2)
    ceiling = math.log2(1 + 1 / float(np.float32(kappa))) * (1 + 1e-6)
    most = 0.0
    for _ in range(600):
        drive(cell, 1, decide)
        for outcome in cell.state.outcomes:
            count = int(outcome["count"])
            if count:
                common = float(outcome["common_share"][:count].sum(dtype=np.float64))
                private = outcome["private_rate"][:count]
                assert common <= ceiling
                assert private.max() <= ceiling
                total = common + float(private.sum(dtype=np.float64))
                assert total <= (count + 1) * ceiling
                most = max(most, private.max() / ceiling)
    assert most > 0.9  # the ceiling is what limits


@pytest.mark.parametrize("decide", [greedy, heavy_common])
def test_a_slice_of_k_users_comes_near_k_plus_1_ceilings_only_with_a_common_stream(decide: Any) -> None:
    cell = Cell(parse_scenario({"hwi": {"kappa": 5e-2}}), 2)
    ceiling = math.log2(21)
    most = 0.0
    for _ in range(600):
        drive(cell, 1, decide)
        outcome = cell.state.outcomes[1]
        if outcome["count"] == 1:
            total = float(outcome["common_share"][0] + outcome["private_rate"][0])
            most = max(most, total / ceiling)
    assert (0.98 < most <= 1.000001) if decide is greedy else (1.9 < most <= 2.000001)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_zero_forcing_is_the_dense_pseudoinverse(count: int) -> None:
    rng = np.random.default_rng(count)
    antennas = 128
    scale = 10.0 ** rng.uniform(-6, -3, (count, 1))
    h = (rng.standard_normal((count, antennas)) + 1j * rng.standard_normal((count, antennas))) * scale  # rows h_u
    gains, spreads = np.zeros((8, 9)), np.zeros((8, 9))
    scratch = np.zeros((2, 8, antennas), np.complex128)
    zero_forcing(count, h.copy(), scratch[0], scratch[1], np.zeros(antennas, np.complex128), gains, spreads)
    rows = h.conj()  # H: its rows are h_u^H
    beams = rows.conj().T @ np.linalg.inv(rows @ rows.conj().T)
    beams /= np.linalg.norm(beams, axis=0)
    received = abs(rows @ beams) ** 2
    np.testing.assert_allclose(received - np.diag(np.diag(received)), 0, atol=1e-20 * received.max())
    np.testing.assert_array_equal(gains[:count, :count] - np.diag(np.diag(gains[:count, :count])), 0)
    np.testing.assert_allclose(np.diag(gains[:count, :count]), np.diag(received), rtol=1e-9)
    expected = 1 / np.diag(np.linalg.inv(rows @ rows.conj().T)).real
    np.testing.assert_allclose(np.diag(gains[:count, :count]), expected, rtol=1e-9)
    spread = [[np.sum(abs(h[u] * beams[:, i]) ** 2) for i in range(count)] for u in range(count)]
    np.testing.assert_allclose(spreads[:count, :count], spread, rtol=1e-9)


def test_transmit_distortion_is_a_128th_of_kappa_t_for_a_beam_on_a_single_path() -> None:
    beam = dft_codebook(128)[:, 37]
    h = 3e-5 * math.sqrt(128) * beam  # one path, along the beam
    hwi = Impairments(kappa_t=0.01, kappa_r=0)
    by_antenna = twin_sdnr(h[None], np.array([beam, beam]), [2.0], 0.0, 0.0, hwi)
    assert by_antenna.private[0] == pytest.approx(128 / float(np.float32(0.01)), rel=1e-9)
    gain = abs(np.vdot(h, beam)) ** 2
    spread = float(np.sum(abs(h * beam) ** 2))
    assert spread == pytest.approx(gain / 128)
    _, compiled = compiled_sdnr([[gain, 0.0]], [[spread, 0.0]], [2.0], 0.0, 0.0, "paper", 0.01, 0.0)
    assert compiled[0] == pytest.approx(12_800, rel=1e-5)


def test_a_lone_users_sdnr_follows_from_its_outcome() -> None:
    scenario = parse_scenario({"hwi": {"kappa_t": 0.02, "kappa_r": 0.0}, "noise_dbm_hz": -250.0})
    cell = Cell(scenario, 6)
    seen = 0
    for _ in range(400):
        drive(cell, 1, greedy)
        outcome = cell.state.outcomes[1]
        if outcome["count"] == 1:
            gain = cell.state.outcome_gains[1, 0, outcome["beams"][0]]
            expected = gain / (0.02 * outcome["channel_gain"][0] / 128)
            assert outcome["private_sdnr"][0] == pytest.approx(expected, rel=1e-4)
            seen += 1
    assert seen > 20


@pytest.mark.parametrize("model", ["paper", "aggregate"])
def test_sdnr_is_what_symbols_show(model: str) -> None:
    """Eq. 10 sample by sample: Gaussian symbols, distortion at each antenna and at the receiver, noise, perfect SIC."""
    rng = np.random.default_rng(9)
    samples, antennas, count = 60_000, 16, 3
    kappa_t, kappa_r, noise_w = 0.4, 0.08, 0.05

    def gaussian(*shape: int) -> Any:
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / math.sqrt(2)

    h = gaussian(count, antennas) / 2
    beams = np.vstack([h / np.linalg.norm(h, axis=1, keepdims=True), np.ones((1, antennas)) / 4])  # private, common
    power_w = np.array([0.5, 1.0, 0.7, 3.0])
    symbols = gaussian(count + 1, samples) * np.sqrt(power_w[:, None])
    gains = abs(h.conj() @ beams.T) ** 2
    spreads = abs(h) ** 2 @ (abs(beams) ** 2).T
    analytic = compiled_sdnr(gains, spreads, power_w[:count], 3.0, noise_w, model, kappa_t, kappa_r)

    def measured(user: int, stream: int) -> float:
        distorted = range(count + 1) if model == "aggregate" else [stream]
        received = h[user].conj() @ (beams.T @ symbols) + math.sqrt(noise_w) * gaussian(samples)
        for i in distorted:
            at_antennas = math.sqrt(kappa_t * power_w[i]) * abs(beams[i])[:, None] * gaussian(antennas, samples)
            received += h[user].conj() @ at_antennas
            received += math.sqrt(kappa_r * gains[user, i] * power_w[i]) * gaussian(samples)
        if stream != count:
            received -= np.vdot(h[user], beams[count]) * symbols[count]
        wanted = np.vdot(h[user], beams[stream]) * symbols[stream]
        return float(np.mean(abs(wanted) ** 2) / np.mean(abs(received - wanted) ** 2))

    for user in range(count):
        assert measured(user, count) == pytest.approx(analytic[0][user], rel=0.03)
        assert measured(user, user) == pytest.approx(analytic[1][user], rel=0.03)


@pytest.mark.parametrize("access", ["sdma", "ofdma"])
def test_no_common_stream_without_rsma(access: str) -> None:
    cell = Cell(parse_scenario({"access": access, "slices": {"embb": {"load_scale": 3.0}}}), 2)
    for _ in range(200):
        drive(cell, 1, heavy_common)
        for outcome in cell.state.outcomes:
            assert outcome["count"] == 0 or outcome["common_power_w"] == 0
            assert outcome["common_share"][: outcome["count"]].sum() == 0


def test_ofdma_splits_the_band_and_leaves_nobody_interference() -> None:
    scenario = parse_scenario({"access": "ofdma", "hwi": {"kappa": 0.0}, "slices": {"embb": {"load_scale": 3.0}}})
    cell = Cell(scenario, 2)
    drive(cell, 50, greedy)
    outcome = cell.state.outcomes[1]
    count = int(outcome["count"])
    assert count > 1
    band_hz = float(outcome["bandwidth_hz"]) / count
    for place in range(count):
        gain = float(cell.state.outcome_gains[1, place, outcome["beams"][place]])
        snr = gain * float(outcome["private_power_w"][place]) / (scenario.noise_w_per_hz * band_hz)
        assert outcome["rate_bps"][place] == pytest.approx(band_hz * math.log2(1 + snr), rel=1e-5)


def test_zero_forcing_in_a_cell_leaves_only_kappa() -> None:
    scenario = parse_scenario({"precoder": "zf", "access": "sdma", "hwi": {"kappa_t": 0.0, "kappa_r": 1e-3}})
    cell = Cell(scenario, 2)
    seen = 0
    for _ in range(200):
        drive(cell, 1, greedy)
        outcome = cell.state.outcomes[1]
        count = int(outcome["count"])
        if count >= 2:
            # at more than 60 dB of SNR the distortion is all that a user without leakage suffers
            np.testing.assert_allclose(outcome["private_rate"][:count], math.log2(1001), rtol=0.02)
            seen += 1
    assert seen > 50


def test_rates_add_up_to_the_windows_sums() -> None:
    cell = Cell(parse_scenario({"slices": {"embb": {"load_scale": 3.0}}}), 2)
    bps = per_hz = 0.0
    for _ in range(300):
        drive(cell, 1, heavy_common)
        outcome = cell.state.outcomes[1]
        count = int(outcome["count"])
        bps += float(outcome["rate_bps"][:count].sum(dtype=np.float64))
        shares = outcome["common_share"][:count].sum(dtype=np.float64)
        per_hz += float(shares + outcome["private_rate"][:count].sum(dtype=np.float64))
    assert cell.state.window_sums[1, st.SUM_RATE] == pytest.approx(bps, rel=1e-6)
    assert cell.state.window_sums[1, st.SUM_RATE_PER_HZ] == pytest.approx(per_hz, rel=1e-6)
