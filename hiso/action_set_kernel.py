"""What the tuned agents' own actions allow on a slot's channels: one power level for all, eight beams a user."""

from __future__ import annotations

from typing import Any

import numpy as np

from hiso.oracle_kernel import LEVELS, MAX_SWEEPS, SliceChannels
from ran_emulator.phy.beam_reports import best_beams
from ran_emulator.phy.jit import kernel
from xapps.slicing.features import CANDIDATES, rank_beams
from xapps.slicing.intra.powers import dbm_level_w
from xapps.slicing.rewards import spectral_efficiencies


@kernel
def _sum_rate(channels: SliceChannels, beams: Any, private_power_w: Any, eta: Any) -> float:
    """Sum rate of the group, bit/s/Hz; the common stream has what the private ones leave. eta f64 [K]: scratch."""
    left_w = max(0.0, channels.power_w - private_power_w.sum()) if channels.common_stream else 0.0
    spectral_efficiencies(
        beams.shape[0],
        beams,
        private_power_w,
        left_w,
        channels.beam_gains,
        channels.common_gain,
        channels.channel_gain,
        channels.antennas,
        channels.noise_w,
        channels.hwi_model,
        channels.kappa_t,
        channels.kappa_r,
        eta,
    )
    return float(eta.sum())


@kernel
def _ascend_beams(channels: SliceChannels, ranked: Any, beams: Any, private_power_w: Any, eta: Any) -> float:
    """Change one user's beam at a time while the sum rate rises, in place; the sum reached."""
    current = _sum_rate(channels, beams, private_power_w, eta)
    for _ in range(MAX_SWEEPS):
        before = current
        for u in range(beams.shape[0]):
            for place in range(ranked.shape[1]):
                kept = beams[u]
                beams[u] = ranked[u, place]
                tried = _sum_rate(channels, beams, private_power_w, eta)
                if tried > current:
                    current = tried
                else:
                    beams[u] = kept
        if current == before:
            break
    return float(current)


@kernel
def best_actions(channels: SliceChannels, out_beams: Any, out_private_power: Any) -> float:
    """Beams and private powers of a group that a local search over `madqn-tuned`'s joint actions finds best.

    The oracle's ascent over each user's eight candidates, once for each of the five levels that a group shares, from
    the first candidates and from the strongest beams. A strong local optimum, not a bound; returns its sum rate,
    bit/s/Hz. out_beams i16 [K], out_private_power f32 [K].
    """
    count = channels.beam_gains.shape[0]
    strongest = np.zeros(count, np.int16)
    ranked = np.zeros((count, CANDIDATES), np.int16)
    scores = np.zeros(channels.beam_gains.shape[1])
    best_beams(count, channels.beam_gains, strongest)
    for u in range(count):
        rank_beams(
            count,
            u,
            channels.beam_gains,
            strongest,
            channels.power_w,
            channels.noise_w,
            channels.kappa_r,
            scores,
            ranked[u],
        )
    eta = np.zeros(count)
    private_power_w = np.zeros(count, np.float32)
    found = -1.0
    for level in range(LEVELS):
        private_power_w[:] = dbm_level_w(level / (LEVELS - 1), channels.power_w, count)
        for start in range(2):
            beams = ranked[:, 0].copy() if start == 0 else strongest.copy()
            reached = _ascend_beams(channels, ranked, beams, private_power_w, eta)
            if reached > found:
                found = reached
                out_beams[:] = beams
                out_private_power[:] = private_power_w
    return found
