"""Eq. 26-29 in closed form; difference rewards against brute force in numpy."""

from __future__ import annotations

import numpy as np
import pytest

from ran_emulator.phy.codes import HWI_AGGREGATE, HWI_PAPER
from xapps.slicing.intra.powers import dbm_level_w
from xapps.slicing.rewards import action_rewards, difference_rewards, own_reward, satisfaction_factor

from .synthetic import ANTENNAS, BANDWIDTH_HZ, POWER_W, Snapshot, draw_snapshot, noise_w, slice_channels

MIN_RATE_BPS, SSR_THRESHOLD, CLIP = 15e6, 0.95, 20.0


def test_factors_and_clip() -> None:
    assert satisfaction_factor(0.95, 0.95) == 1.0
    assert satisfaction_factor(0.475, 0.95) == 0.5
    assert satisfaction_factor(0.0, 0.95) == 0.1
    assert satisfaction_factor(0.0, 0.0) == 1.0
    assert own_reward(4.0, 20e6, 1.0, 15e6, 0.95, 20.0) == 4.0
    assert own_reward(4.0, 7.5e6, 0.475, 15e6, 0.95, 20.0) == 1.0
    assert own_reward(30.0, 100e6, 1.0, 15e6, 0.95, 20.0) == 20.0


def slice_sum(
    snapshot: Snapshot,
    beams: np.ndarray,
    private_w: np.ndarray,
    common_w: float,
    ssr: np.ndarray,
    hwi_model: int,
    kappa_t: float,
    kappa_r: float,
) -> float:
    """Eq. 13-16 and 26-29 written out."""
    count = len(beams)
    gains = snapshot.beam_gains.astype(np.float64)[:, beams]  # [user, stream]
    spread = snapshot.channel_gain.astype(np.float64) / ANTENNAS
    common_gain = snapshot.common_gain.astype(np.float64)
    etas, common = [], []
    for u in range(count):
        received = gains[u] * private_w
        distortion = (kappa_t * spread[u] + kappa_r * gains[u]) * private_w
        common_distortion = (kappa_t * spread[u] + kappa_r * common_gain[u]) * common_w
        if hwi_model == HWI_AGGREGATE:
            in_common = in_private = distortion.sum() + common_distortion
        else:
            in_common, in_private = common_distortion, distortion[u]
        common.append(common_gain[u] * common_w / (received.sum() + in_common + noise_w()))
        etas.append(np.log2(1 + received[u] / (np.delete(received, u).sum() + in_private + noise_w())))
    eta = np.array(etas) + np.log2(1 + min(common)) / count
    delta = np.clip(eta * BANDWIDTH_HZ / MIN_RATE_BPS, 0.1, 1)
    theta = np.clip(ssr / SSR_THRESHOLD, 0.1, 1)
    return float(np.minimum(eta * theta * delta, CLIP).sum())


@pytest.mark.parametrize("hwi_model", [HWI_PAPER, HWI_AGGREGATE])
@pytest.mark.parametrize("rsma_access", [True, False])
@pytest.mark.parametrize("users", [1, 2, 3, 6])
def test_difference_reward_is_the_brute_force_difference(users: int, rsma_access: bool, hwi_model: int) -> None:
    rng = np.random.default_rng(users)
    for _ in range(10):
        snapshot = draw_snapshot(rng, users)
        beams = rng.integers(ANTENNAS, size=users).astype(np.int16)
        private_w = (10.0 ** rng.uniform(-4, 0, users) * POWER_W / users).astype(np.float32)
        common_w = float(POWER_W - private_w.sum(dtype=np.float64))
        ssr = rng.uniform(0, 1, users).astype(np.float32)
        default_w = dbm_level_w(0.5, POWER_W, users)
        out = np.zeros(users)
        difference_rewards(
            users,
            beams,
            private_w,
            common_w,
            default_w,
            slice_channels(snapshot, hwi_model, 2e-3, 1e-3, rsma_access),
            ssr,
            MIN_RATE_BPS,
            SSR_THRESHOLD,
            CLIP,
            out,
        )

        for i in range(users):
            other_beams, other_w = beams.copy(), private_w.astype(np.float64)
            other_beams[i] = snapshot.beam_gains[i].argmax()
            other_w[i] = default_w
            values = []
            for some_beams, some_w in ((beams, private_w.astype(np.float64)), (other_beams, other_w)):
                rest = max(0.0, POWER_W - float(some_w.sum())) if rsma_access else 0.0
                values.append(slice_sum(snapshot, some_beams, some_w, rest, ssr, hwi_model, 2e-3, 1e-3))
            expected = values[0] - values[1]
            assert out[i] == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("hwi_model", [HWI_PAPER, HWI_AGGREGATE])
@pytest.mark.parametrize("rsma_access", [True, False])
@pytest.mark.parametrize(("users", "silent"), [(1, 0), (3, 0), (6, 0), (3, 2)])
def test_an_action_is_judged_with_its_level_for_all(users: int, silent: int, rsma_access: bool, hwi_model: int) -> None:
    rng = np.random.default_rng(users)
    snapshot = draw_snapshot(rng, users)
    beams = rng.integers(ANTENNAS, size=users).astype(np.int16)
    candidates = rng.integers(ANTENNAS, size=(users, 3)).astype(np.int16)
    level_w = np.array([dbm_level_w(level / 4, POWER_W, users + silent) for level in range(5)], np.float32)
    ssr = rng.uniform(0, 1, users).astype(np.float32)
    default_w = dbm_level_w(0.5, POWER_W, users)
    out = np.zeros((users, 15), np.float32)
    before = beams.copy()
    action_rewards(
        users,
        users + silent,
        beams,
        default_w,
        slice_channels(snapshot, hwi_model, 2e-3, 1e-3, rsma_access),
        ssr,
        MIN_RATE_BPS,
        SSR_THRESHOLD,
        CLIP,
        candidates,
        level_w,
        out,
    )
    np.testing.assert_array_equal(beams, before)

    def together(i: int, beam: int, level: float) -> float:
        changed = beams.copy()
        changed[i] = beam
        rest = max(0.0, POWER_W - (users + silent) * float(np.float32(level))) if rsma_access else 0.0
        powers = np.full(users, np.float32(level), np.float64)
        return slice_sum(snapshot, changed, powers, rest, ssr, hwi_model, 2e-3, 1e-3)

    for i in range(users):
        default = together(i, int(snapshot.beam_gains[i].argmax()), default_w)
        expected = [together(i, int(beam), float(level)) - default for beam in candidates[i] for level in level_w]
        np.testing.assert_allclose(out[i], expected, rtol=1e-5, atol=1e-5)


def test_the_default_action_earns_nothing() -> None:
    snapshot = draw_snapshot(np.random.default_rng(4), 3)
    private_w = np.full(3, dbm_level_w(0.5, POWER_W, 3), np.float32)
    out = np.zeros(3)
    difference_rewards(
        3,
        snapshot.beam_gains.argmax(axis=1).astype(np.int16),
        private_w,
        POWER_W - float(private_w.sum(dtype=np.float64)),
        float(private_w[0]),
        slice_channels(snapshot, HWI_PAPER, 1e-3, 1e-3),
        np.ones(3, np.float32),
        MIN_RATE_BPS,
        SSR_THRESHOLD,
        CLIP,
        out,
    )
    assert np.allclose(out, 0.0, atol=1e-9)
