"""Impairments, RSMA and zero-forcing (Eq. 9-16): by hand, by ceilings, by dense algebra and by symbols."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from driving import drive, greedy, heavy_common
from hypothesis import example, given, settings
from hypothesis import strategies as some
from numpy_twin import sdnr as twin_sdnr

from ran_emulator import state as st
from ran_emulator.cell import Cell
from ran_emulator.phy.codebook import dft_codebook
from ran_emulator.phy.codes import HWI_AGGREGATE, HWI_PAPER, SPLIT_DEFICIT, SPLIT_MAXMIN
from ran_emulator.phy.precoding import coupling, fairest_beam, matched, matched_to_all, mmse_loading, zero_forcing
from ran_emulator.phy.rsma import (
    rates,
    sdnr,
    split_common_rate,
)
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


def rows(rng: np.random.Generator, count: int, antennas: int = 128) -> Any:
    """Channels [K, N] of users at very different distances."""
    scale = 10.0 ** rng.uniform(-6, -3, (count, 1))
    return (rng.standard_normal((count, antennas)) + 1j * rng.standard_normal((count, antennas))) * scale


def zero_forced(h: Any, loading: Any) -> Any:
    """Beams [K, N] of `zero_forcing`."""
    beams = np.zeros((9, h.shape[1]), np.complex128)
    scratch = np.zeros((2, 8, 8), np.complex128)
    zero_forcing(len(h), h, np.asarray(loading, np.float64), scratch[0], scratch[1], beams)
    return beams[: len(h)]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_zero_forcing_is_the_dense_pseudoinverse(count: int) -> None:
    h = rows(np.random.default_rng(count), count)
    beams = zero_forced(h, np.zeros(count))
    expected = np.linalg.pinv(h.conj())  # H: its rows are h_u^H
    expected /= np.linalg.norm(expected, axis=0)
    np.testing.assert_allclose(beams, expected.T, atol=1e-12)
    received = np.array([[coupling(h[u], beams[i])[0] for i in range(count)] for u in range(count)])
    by_gram = 1 / np.diag(np.linalg.inv(h.conj() @ h.T)).real
    np.testing.assert_allclose(np.diag(received), by_gram, rtol=1e-9)
    np.testing.assert_allclose(received - np.diag(np.diag(received)), 0, atol=1e-20 * received.max())
    for u in range(count):
        gain, spread = coupling(h[u], beams[0])
        assert gain == pytest.approx(abs(np.vdot(h[u], beams[0])) ** 2, rel=1e-9, abs=1e-25)
        assert spread == pytest.approx(np.sum(abs(h[u] * beams[0]) ** 2), rel=1e-12)


@pytest.mark.parametrize("count", [1, 3, 8])
def test_rzf_is_the_mmse_solution_over_the_antennas_and_lies_between_zf_and_mrt(count: int) -> None:
    h = rows(np.random.default_rng(count), count)
    loading = np.array([mmse_loading(count, h[u], 0.3, 2.0, 0.1) for u in range(count)])
    np.testing.assert_allclose(loading, count * (0.15 + 0.1 * np.sum(abs(h) ** 2, axis=1) / 128), rtol=1e-12)
    loading = np.sum(abs(h) ** 2, axis=1) / 50
    # (I + H^H D^-1 H)^-1 h_u: the same by the matrix inversion lemma
    expected = np.linalg.inv(np.eye(128) + (h / loading[:, None]).T @ h.conj()) @ h.T
    expected /= np.linalg.norm(expected, axis=0)
    phases = np.sum(zero_forced(h, loading).conj() * expected.T, axis=1)
    np.testing.assert_allclose(abs(phases), 1, rtol=1e-9)
    matched_beams = np.zeros((9, 128), np.complex128)
    matched(count, h, matched_beams)
    np.testing.assert_allclose(zero_forced(h, loading * 1e9), matched_beams[:count], atol=1e-6)
    np.testing.assert_allclose(zero_forced(h, loading * 1e-12), zero_forced(h, loading * 0), atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 8])
def test_mrt_has_all_of_the_channel(count: int) -> None:
    h = rows(np.random.default_rng(count), count)
    beams = np.zeros((9, 128), np.complex128)
    matched(count, h, beams)
    for u in range(count):
        assert coupling(h[u], beams[u])[0] == pytest.approx(np.sum(abs(h[u]) ** 2), rel=1e-12)
        assert np.linalg.norm(beams[u]) == pytest.approx(1, rel=1e-12)


def test_sum_mrt_gives_users_on_orthogonal_beams_equal_parts() -> None:
    codebook = dft_codebook(128)
    h = codebook[:, [3, 40, 90, 120]].T * np.array([[1e-3], [2e-6], [1e-5], [4e-4]])
    beam = np.zeros(128, np.complex128)
    matched_to_all(4, h, beam)
    parts = [coupling(h[u], beam)[0] / np.sum(abs(h[u]) ** 2) for u in range(4)]
    np.testing.assert_allclose(parts, 0.25, rtol=1e-9)


def test_the_best_codebook_beam_is_the_one_whose_worst_user_is_best() -> None:
    gains = np.array([[8.0, 0.0, 4.0, 4.0], [0.0, 0.3, 0.1, 0.1]], np.float32)
    assert fairest_beam(1, gains, np.zeros(8)) == 0
    # relative to the users' sums: [.5, 0, .25, .25] and [0, .6, .2, .2]
    assert fairest_beam(2, gains, np.zeros(8)) == 2


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


def beams_from_csi(precoder: str, common: str, csi: Any) -> Any:
    """Private beams [K, N] and the common one, as the gNB forms them."""
    count, antennas = csi.shape
    beams = np.zeros((count + 1, antennas), np.complex128)
    if precoder == "mrt":
        matched(count, csi, beams)
    else:
        loading = np.sum(abs(csi) ** 2, axis=1) / 10 if precoder == "rzf" else np.zeros(count)
        beams[:count] = zero_forced(csi, loading)
    if common == "sum-mrt":
        matched_to_all(count, csi, beams[count])
    else:
        beams[count] = 1 / math.sqrt(antennas)
    return beams


@pytest.mark.parametrize(
    ("model", "precoder", "common", "noise_w"),
    [
        ("paper", "mrt", "flat", 0.05),
        ("aggregate", "mrt", "flat", 0.05),
        ("paper", "zf", "sum-mrt", 0.05),
        ("aggregate", "rzf", "sum-mrt", 0.05),
        ("paper", "rzf", "flat", 0.05 / 3),  # rsma-split: a third of the band, and of the noise
    ],
)
def test_sdnr_is_what_symbols_show(model: str, precoder: str, common: str, noise_w: float) -> None:
    """Eq. 10 sample by sample: Gaussian symbols, distortion at each antenna and at the receiver, noise, perfect SIC.

    Beams are formed on CSI with an error, so that zero-forcing leaks.
    """
    rng = np.random.default_rng(9)
    samples, antennas, count = 60_000, 16, 3
    kappa_t, kappa_r = 0.4, 0.08

    def gaussian(*shape: int) -> Any:
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / math.sqrt(2)

    h = gaussian(count, antennas) / 2
    beams = beams_from_csi(precoder, common, h + 0.1 * gaussian(count, antennas))  # private, common
    power_w = np.array([0.5, 1.0, 0.7, 3.0])
    symbols = gaussian(count + 1, samples) * np.sqrt(power_w[:, None])
    coupled = np.array([[coupling(h[u], beams[i]) for i in range(count + 1)] for u in range(count)])
    gains, spreads = coupled[..., 0], coupled[..., 1]
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


rates_bps_hz = some.lists(some.floats(0, 40), min_size=1, max_size=8)


def split(kind: int, total: float, wanted: float, private: list[float]) -> Any:
    """Shares [K] of a common rate."""
    shares = np.full(len(private), total / len(private))
    split_common_rate(len(private), kind, wanted, np.array(private), shares)
    return shares


@settings(deadline=None)
@given(private=rates_bps_hz, total=some.floats(0, 40), wanted=some.floats(0, 40))
@example(private=[0.7, 0.7, 0.7], total=0.0, wanted=0.0)  # their mean, rounded, lies below all of them
@pytest.mark.parametrize("kind", [SPLIT_DEFICIT, SPLIT_MAXMIN])
def test_a_split_gives_away_the_common_rate_and_no_more(
    kind: int, private: list[float], total: float, wanted: float
) -> None:
    shares = split(kind, total, wanted, private)
    assert shares.min() >= 0
    assert shares.sum() == pytest.approx(total, rel=1e-12, abs=1e-12)


@settings(deadline=None)
@given(private=rates_bps_hz, total=some.floats(1e-3, 40))
@example(private=[0.0, 0.0, 0.7], total=1.4)  # rounding brings the third back after it has left
def test_maxmin_fills_up_the_lowest(private: list[float], total: float) -> None:
    shares = split(SPLIT_MAXMIN, total, 0.0, private)
    rate = shares + private
    # who gets something ends at the common level, who gets nothing lies above it
    np.testing.assert_allclose(rate[shares > 1e-9], rate.min(), rtol=1e-9, atol=1e-9)
    equal = np.array(private) + total / len(private)
    assert rate.min() >= equal.min() - 1e-9


@settings(deadline=None)
@given(private=rates_bps_hz, total=some.floats(1e-3, 40), wanted=some.floats(0, 40))
def test_deficit_serves_who_lacks_r_min_first(private: list[float], total: float, wanted: float) -> None:
    shares = split(SPLIT_DEFICIT, total, wanted, private)
    lacking = np.maximum(wanted - np.array(private), 0)
    if lacking.sum() <= total:  # enough for all: everybody has it, and the rest is shared equally
        assert np.all(shares + private >= wanted - 1e-9)
        np.testing.assert_allclose(shares - lacking, (total - lacking.sum()) / len(private), atol=1e-9)
    else:  # each gets the same part of what it lacks
        np.testing.assert_allclose(shares * lacking.sum(), lacking * total, rtol=1e-9, atol=1e-9)


def test_splits_by_hand() -> None:
    private = [1.0, 4.0, 10.0]
    np.testing.assert_allclose(split(SPLIT_MAXMIN, 5.0, 0.0, private), [4.0, 1.0, 0.0])  # level 5
    np.testing.assert_allclose(split(SPLIT_MAXMIN, 2.0, 0.0, private), [2.0, 0.0, 0.0])
    np.testing.assert_allclose(split(SPLIT_MAXMIN, 30.0, 0.0, private), [14.0, 11.0, 5.0])  # level 15
    np.testing.assert_allclose(split(SPLIT_DEFICIT, 4.0, 6.0, private), [4 * 5 / 7, 4 * 2 / 7, 0.0])
    np.testing.assert_allclose(split(SPLIT_DEFICIT, 10.0, 6.0, private), [6.0, 3.0, 1.0])


@pytest.mark.parametrize("kind", ["deficit", "maxmin"])
def test_in_a_cell_the_split_changes_shares_and_not_their_sum(kind: str) -> None:
    fields = {"slices": {"embb": {"load_scale": 3.0}}}
    shares = []
    for name in ("equal", kind):
        # the first slot with several users: queues are the same until then
        cell = Cell(parse_scenario(fields | {"common_split": name}), 2)
        while True:
            drive(cell, 1, heavy_common)
            outcome = cell.state.outcomes[1]
            count = int(outcome["count"])
            if count >= 3:
                break
        shares.append(outcome["common_share"][:count].astype(np.float64))
    assert shares[1].sum() == pytest.approx(shares[0].sum(), rel=1e-5)
    assert np.ptp(shares[0]) == 0
    assert np.ptp(shares[1]) > 0.1


def test_rsma_split_divides_the_band_and_leaves_the_interference() -> None:
    fields: dict[str, Any] = {"noise_dbm_hz": -250.0, "slices": {"embb": {"load_scale": 3.0}}}
    scenario, whole = (parse_scenario(fields | {"access": access}) for access in ("rsma-split", "rsma"))
    cells = [Cell(each, 2) for each in (scenario, whole)]
    while True:
        outcomes = [drive(cell, 1, heavy_common).state.outcomes[1] for cell in cells]
        count = int(outcomes[0]["count"])
        if count >= 2:
            break
    ours, theirs = outcomes
    assert ours["common_power_w"] == theirs["common_power_w"] > 0
    # without noise to speak of: all of the interference is left
    for name in ("common_sdnr", "private_sdnr", "common_share", "private_rate"):
        np.testing.assert_allclose(ours[name][:count], theirs[name][:count], rtol=1e-3)
    # R_u = (B_s / K) (X_u + r_u)
    per_hz = ours["common_share"][:count].astype(np.float64) + ours["private_rate"][:count]
    np.testing.assert_allclose(ours["rate_bps"][:count], float(ours["bandwidth_hz"]) / count * per_hz, rtol=1e-6)


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


def embb_rates(fields: dict[str, Any], decide: Any = greedy, slots: int = 200) -> Any:
    """Private rates in bit/s/Hz of eMBB users that were not alone in their slot."""
    scenario = parse_scenario({"hwi": {"kappa_t": 0.0, "kappa_r": 1e-3}} | fields)
    cell = Cell(scenario, 2)
    found: list[float] = []
    for _ in range(slots):
        drive(cell, 1, decide)
        outcome = cell.state.outcomes[1]
        if outcome["count"] >= 2:
            found += outcome["private_rate"][: outcome["count"]].tolist()
    assert len(found) > 100
    return np.array(found)


@pytest.mark.parametrize("precoder", ["zf", "rzf"])
def test_zero_forcing_in_a_cell_leaves_only_kappa(precoder: str) -> None:
    found = embb_rates({"precoder": precoder, "access": "sdma"})
    # at more than 60 dB of SNR the distortion is all that a user without leakage suffers
    np.testing.assert_allclose(found, math.log2(1001), rtol=0.02)


def test_on_csi_with_an_error_zero_forcing_leaks_and_rzf_beats_zf_and_mrt() -> None:
    fields: dict[str, Any] = {"access": "sdma", "antennas": 8, "csi_noise": 0.2}
    exact = embb_rates(fields | {"precoder": "zf", "csi_noise": 0.0}).mean()
    zf, rzf, mrt = (embb_rates(fields | {"precoder": name}).mean() for name in ("zf", "rzf", "mrt"))
    assert exact > 5 * zf
    assert rzf > 1.1 * max(zf, mrt)


@pytest.mark.parametrize("precoder", ["mrt", "zf", "rzf"])
def test_alone_in_its_band_a_user_gets_all_of_its_channel(precoder: str) -> None:
    scenario = parse_scenario({"precoder": precoder, "access": "ofdma", "slices": {"embb": {"load_scale": 3.0}}})
    cell = drive(Cell(scenario, 2), 50, greedy)
    outcome = cell.state.outcomes[1]
    count = int(outcome["count"])
    assert count > 1
    np.testing.assert_allclose(np.diag(cell.state.matrices[0])[:count], outcome["channel_gain"][:count], rtol=1e-5)


def served_together(fields: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Common gains [K] and codebook gains [K, N] of eMBB groups, in parts of each user's channel gain."""
    cell = Cell(parse_scenario(fields), 2)
    found = []
    for _ in range(200):
        drive(cell, 1, heavy_common)
        outcome = cell.state.outcomes[1]
        count = int(outcome["count"])
        if count >= 2:
            norm = outcome["channel_gain"][:count].copy()
            gains = cell.state.outcome_gains[1, :count] / norm[:, None]
            found.append((outcome["common_gain"][:count] / norm, gains))
    assert len(found) > 50
    return found


def test_sum_mrt_reaches_the_worst_user_better_than_a_random_beam() -> None:
    medians = [
        np.median([common.min() for common, _ in served_together({"common_beam": name})])
        for name in ("sum-mrt", "random")
    ]
    assert medians[0] > 20 * medians[1]


def test_the_best_codebook_beam_is_the_maxmin_of_the_groups_gains() -> None:
    for common, gains in served_together({"common_beam": "best-codebook"}):
        np.testing.assert_allclose(common.min(), gains.min(axis=0).max(), rtol=1e-4)


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
