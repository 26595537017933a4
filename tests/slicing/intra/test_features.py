"""Ranking, state and context against plain numpy written from the definitions."""

from __future__ import annotations

import numpy as np
import pytest

from ran_emulator.phy.beam_reports import best_beams
from ran_emulator.phy.codes import HWI_AGGREGATE, HWI_PAPER
from xapps.slicing.features import (
    CANDIDATES,
    FEATURES_TUNED,
    context_features,
    impairment_features,
    rank_beams,
    state_features,
)

from .synthetic import POWER_W, draw_snapshot, noise_w

KAPPA = 1e-3


def slnr_twin(gains: np.ndarray, user: int, kappa_r: float) -> np.ndarray:
    gains = gains.astype(np.float64)
    relative = gains / gains.max(axis=1, keepdims=True)
    leaked = np.delete(relative, user, axis=0).sum(axis=0)
    private_w = 1e-4 * POWER_W / len(gains)
    slnr: np.ndarray = relative[user] / (leaked + kappa_r + noise_w() / (private_w * gains[user].max()))
    return slnr


def ranked_by_kernel(gains: np.ndarray, places: int = CANDIDATES) -> tuple[np.ndarray, np.ndarray]:
    count = len(gains)
    best = np.zeros(count, np.int16)
    best_beams(count, gains, best)
    ranked = np.zeros((count, places), np.int16)
    scores = np.zeros(gains.shape[1])
    for u in range(count):
        rank_beams(count, u, gains, best, POWER_W, noise_w(), KAPPA, scores, ranked[u])
    return best, ranked


@pytest.mark.parametrize("users", [1, 2, 3, 6, 8])
def test_ranking_is_by_signal_to_leakage(users: int) -> None:
    rng = np.random.default_rng(users)
    for _ in range(20):
        gains = draw_snapshot(rng, users).beam_gains
        best, ranked = ranked_by_kernel(gains)
        assert np.array_equal(best, gains.argmax(axis=1))
        for u in range(users):
            scores = slnr_twin(gains, u, KAPPA)
            assert np.allclose(scores[ranked[u]], np.sort(scores)[::-1][:CANDIDATES], rtol=1e-9)
            assert len(set(ranked[u].tolist())) == CANDIDATES


def test_a_user_alone_ranks_by_its_own_gain() -> None:
    gains = draw_snapshot(np.random.default_rng(3), 1).beam_gains
    _, ranked = ranked_by_kernel(gains)
    assert np.array_equal(ranked[0], np.argsort(-gains[0], kind="stable")[:CANDIDATES])


def test_equal_beams_rank_by_index_and_few_beams_repeat_the_first() -> None:
    _, ranked = ranked_by_kernel(np.ones((2, 16), np.float32))
    assert np.array_equal(ranked[0], np.arange(CANDIDATES))
    _, ranked = ranked_by_kernel(np.array([[1, 4, 2, 3]], np.float32))
    assert ranked[0].tolist() == [1, 3, 2, 0, 1, 1, 1, 1]


def decades(ratio: float) -> float:
    return float((np.log10(max(ratio, 1e-6)) + 3) / 3)


def snr_decades(gain: float) -> float:
    return float((np.log10(gain * POWER_W / noise_w()) - 10) / 3)


@pytest.mark.parametrize("users", [1, 2, 5])
def test_context_is_what_its_definition_says(users: int) -> None:
    gains = draw_snapshot(np.random.default_rng(10 + users), users).beam_gains
    best, ranked = ranked_by_kernel(gains)
    relative = gains.astype(np.float64) / gains.max(axis=1, keepdims=True)
    for u in range(users):
        out = np.zeros(27, np.float32)
        context_features(users, u, gains, best, ranked[u], POWER_W, noise_w(), out)
        others = [j for j in range(users) if j != u]
        expected = [
            users / 5 - 1,
            snr_decades(float(gains[u].max())),
            decades(sum(relative[u, best[j]] for j in others)),
        ]
        for beam in ranked[u]:
            leaks = [relative[j, beam] for j in others]
            expected += [decades(relative[u, beam]), decades(sum(leaks)), decades(max(leaks, default=0.0))]
        assert np.allclose(out, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "kappa_t", "kappa_r", "expected"),
    [
        (HWI_PAPER, 0.0, 0.0, (0, -1, -1)),
        (HWI_AGGREGATE, 0.0, 0.0, (0, -1, -1)),  # without distortion the readings are one
        (HWI_PAPER, 1e-4, 1.0, (0, 0, 1)),
        (HWI_AGGREGATE, 1e-2, 0.0, (1, 0.5, -1)),
    ],
)
def test_impairments_are_seen_by_decades(
    model: int, kappa_t: float, kappa_r: float, expected: tuple[float, float, float]
) -> None:
    out = np.full(30, 9.0, np.float32)
    impairment_features(model, kappa_t, kappa_r, out)
    assert out[27:].tolist() == pytest.approx(expected)
    assert (out[:27] == 9.0).all()


def test_state_is_eq_24_scaled() -> None:
    gains = draw_snapshot(np.random.default_rng(0), 2).beam_gains
    last = np.array([[300.0, 31.0, 2.5, 0.03, 1023.0, 77.0, 10.0], [0] * 7], np.float32)
    out = np.zeros(8, np.float32)
    state_features(0, last, 128, float(gains[0, 77]), POWER_W, noise_w(), out)
    expected = [
        np.log10(1 + 3e5) / 6,
        5 / 20,
        2.5 / 20,
        np.log10(31) / 6,
        10 / 20,
        77 / 128,
        10 / 20,
        snr_decades(float(gains[0, 77])),
    ]
    assert np.allclose(out, expected, atol=1e-6)
    state_features(1, last, 128, float(gains[1, 0]), POWER_W, noise_w(), out)
    assert np.all(out[:7] == 0)


def test_features_stay_finite_for_dead_channels_and_wild_outcomes() -> None:
    gains = np.zeros((3, 16), np.float32)
    last = np.full((3, 7), np.finfo(np.float32).max, np.float32)
    best, ranked = ranked_by_kernel(gains)
    for u in range(3):
        out = np.zeros(FEATURES_TUNED, np.float32)
        state_features(u, last, 16, 0.0, POWER_W, noise_w(), out[:8])
        context_features(3, u, gains, best, ranked[u], POWER_W, noise_w(), out[8:])
        impairment_features(HWI_AGGREGATE, 1.0, 1.0, out[8:])
        assert np.isfinite(out).all()
        assert np.abs(out).max() <= 4.0
