"""The intra-slice oracle: what a slot's own channels allow, found by coordinate ascent over the agents' actions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ran_emulator import sensing
from ran_emulator.phy.beam_reports import best_beams
from ran_emulator.phy.channel import projected_gain
from ran_emulator.phy.jit import kernel, state_kernel
from ran_emulator.phy.random_streams import bits64
from xapps.slicing.features import rank_beams
from xapps.slicing.intra.powers import dbm_level_w, float32_at_most
from xapps.slicing.rewards import SliceChannels, spectral_efficiencies

CANDIDATES = 12
LEVELS = 5
MAX_SWEEPS = 4


@state_kernel
def true_gains(
    state: Any, slice_id: int, count: int, user_ids: Any, gains: Any, common_gain: Any, channel_gain: Any
) -> None:
    """This slot's |h^H c|^2 into gains [K, N], |h^H v|^2 of its random common beam and ||h||^2 into the last two [K].

    To be asked between a slot's begin and its execution.
    """
    cell = state.cell[0]
    draw = bits64(cell.common_beam_key, slice_id, cell.slot) % np.uint64(state.common_beams.shape[0])
    for i in range(count):
        channel_gain[i] = sensing.sense(state, slice_id, np.int64(user_ids[i]), i, gains[i])
        common_gain[i] = projected_gain(state.beam_domain[i], state.common_beams[draw])


@kernel
def _common_power_w(wanted_w: float, private_power_w: Any, power_w: float) -> float:
    """The common stream's power, as far as the private ones leave it."""
    left_w = power_w
    for u in range(private_power_w.shape[0]):
        left_w -= private_power_w[u]
    return float(float32_at_most(min(wanted_w, max(0.0, left_w))))


@kernel
def sum_rate(channels: SliceChannels, beams: Any, private_power_w: Any, common_wanted_w: float, eta: Any) -> float:
    """Sum over the group of X_u + r_u (Eq. 13-16), bit/s/Hz; each user's part into eta [K]."""
    common_w = _common_power_w(common_wanted_w, private_power_w, channels.power_w)
    spectral_efficiencies(beams.shape[0], beams, private_power_w, common_w, channels, eta)
    return float(eta.sum())


@kernel
def rank_candidates(channels: SliceChannels, best: Any, ranked: Any) -> None:
    """Each user's strongest beam into best [K], its first beams by signal to leakage into ranked [K, R]."""
    count = channels.beam_gains.shape[0]
    scores = np.zeros(channels.beam_gains.shape[1])
    best_beams(count, channels.beam_gains, best)
    for u in range(count):
        rank_beams(
            count, u, channels.beam_gains, best, channels.power_w, channels.noise_w, channels.kappa_r, scores, ranked[u]
        )


@kernel
def ascend(
    channels: SliceChannels,
    ranked: Any,
    levels_w: Any,
    common_levels_w: Any,
    common_level: int,
    beams: Any,
    private_power_w: Any,
    eta: Any,
) -> tuple[float, int]:
    """Change one coordinate at a time while the sum rate rises, in place; the sum reached, and the common level.

    ranked i16 [K, R] and levels_w f64 [L] are what a user chooses from, common_levels_w what the common stream gets, as
    far as the private ones leave it. eta f64 [K]: scratch.
    """
    current = sum_rate(channels, beams, private_power_w, common_levels_w[common_level], eta)
    for _ in range(MAX_SWEEPS):
        before = current
        for u in range(beams.shape[0]):
            for place in range(ranked.shape[1]):
                for level in range(levels_w.shape[0]):
                    kept_beam, kept_w = beams[u], private_power_w[u]
                    beams[u], private_power_w[u] = ranked[u, place], levels_w[level]
                    tried = sum_rate(channels, beams, private_power_w, common_levels_w[common_level], eta)
                    if tried > current:
                        current = tried
                    else:
                        beams[u], private_power_w[u] = kept_beam, kept_w
        for level in range(common_levels_w.shape[0] if channels.common_stream else 0):
            tried = sum_rate(channels, beams, private_power_w, common_levels_w[level], eta)
            if tried > current:
                current = tried
                common_level = level
        if current == before:
            break
    return current, common_level


@kernel
def oracle_decision(channels: SliceChannels, out_beams: Any, out_private_power: Any) -> float:
    """Beams and private powers of a group that a local search finds best; returns the common power in W, a float32.

    The sum rate is ascended from four starts: a user's beam (its 12 best by signal to leakage), its level (5, uniform
    in dBm), and the common power (0, the dBm levels, or what the private streams leave). A strong local optimum, not
    a bound. out_beams i16 [K], out_private_power f32 [K].
    """
    count = channels.beam_gains.shape[0]
    best = np.zeros(count, np.int16)
    ranked = np.zeros((count, CANDIDATES), np.int16)
    rank_candidates(channels, best, ranked)
    levels_w = np.zeros(LEVELS)
    common_levels_w = np.zeros(LEVELS + 1)
    common_levels_w[LEVELS] = channels.power_w  # all that is left
    for level in range(LEVELS):
        levels_w[level] = dbm_level_w(level / (LEVELS - 1), channels.power_w, count)
        if level > 0:
            common_levels_w[level] = dbm_level_w(level / (LEVELS - 1), channels.power_w, 1)
    eta = np.zeros(count)
    beams = np.zeros(count, np.int16)
    powers_w = np.zeros(count, np.float32)
    found = -1.0
    found_common_w = 0.0
    for start in range(4):  # all at the lowest, middle, highest level, the common stream taking the rest; and greedy
        greedy = start == 3
        beams[:] = best if greedy else ranked[:, 0]
        powers_w[:] = levels_w[LEVELS - 1 if greedy else start * (LEVELS // 2)]
        common_level = LEVELS if channels.common_stream and not greedy else 0
        reached, common_level = ascend(channels, ranked, levels_w, common_levels_w, common_level, beams, powers_w, eta)
        if reached > found:
            found = reached
            out_beams[:count] = beams
            out_private_power[:count] = powers_w
            found_common_w = _common_power_w(common_levels_w[common_level], powers_w, channels.power_w)
    return found_common_w
