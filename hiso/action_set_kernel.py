"""What the tuned agents' own actions allow on a slot's channels: one power level for all, eight beams a user."""

from __future__ import annotations

from typing import Any

import numpy as np

from hiso.oracle_kernel import LEVELS, MAX_SWEEPS, SliceChannels, sum_rate
from ran_emulator.phy.beam_reports import best_beams
from ran_emulator.phy.jit import kernel
from xapps.slicing.features import CANDIDATES, rank_beams
from xapps.slicing.intra.powers import dbm_level_w


@kernel
def _ascend_beams(channels: SliceChannels, ranked: Any, beams: Any, private_power_w: Any, eta: Any) -> float:
    """Change one user's beam at a time while the sum rate rises, in place; the sum reached."""
    rest_w = channels.power_w if channels.common_stream else 0.0  # as far as the private streams leave it
    current = sum_rate(channels, beams, private_power_w, rest_w, eta)
    for _ in range(MAX_SWEEPS):
        before = current
        for u in range(beams.shape[0]):
            for place in range(ranked.shape[1]):
                kept = beams[u]
                beams[u] = ranked[u, place]
                tried = sum_rate(channels, beams, private_power_w, rest_w, eta)
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
