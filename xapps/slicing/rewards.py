"""Rewards of the intra-slice agents (Eq. 26-29), and their difference form on the slice's sum."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ran_emulator.phy import rsma
from ran_emulator.phy.jit import kernel

_LEAST_FACTOR = 0.1


class SliceChannels(NamedTuple):
    """What the rates of a slice's group follow from, beside its beams and powers.

    Kernels are compiled once as long as every maker fills a field with its one type: arrays C-contiguous, the rest
    plain int, bool and float.
    """

    beam_gains: Any  # f32 [K, N], |h^H c|^2
    common_gain: Any  # f32 [K], |h^H v|^2
    channel_gain: Any  # f32 [K], ||h||^2
    antennas: int
    common_stream: bool
    bandwidth_hz: float
    power_w: float
    noise_w: float  # in that band
    hwi_model: int
    kappa_t: float
    kappa_r: float


@kernel
def satisfaction_factor(value: float, threshold: float) -> float:
    """Penalty theta or delta (Eq. 28, 29): 1 from the threshold on, else the ratio, at least 0.1."""
    if value >= threshold:
        return 1.0
    return max(_LEAST_FACTOR, value / threshold)


@kernel
def own_reward(
    eta_bps_hz: float,
    rate_bps: float,
    ssr: float,
    min_rate_bps: float,
    ssr_threshold: float,
    clip: float,
) -> float:
    """Reward of one user (Eq. 26): clip(eta theta delta, -mu, mu), eta = R_u / b_u (Eq. 27)."""
    theta = satisfaction_factor(ssr, ssr_threshold)
    delta = satisfaction_factor(rate_bps, min_rate_bps)
    return float(min(max(eta_bps_hz * theta * delta, -clip), clip))


@kernel
def spectral_efficiencies(
    count: int,
    beams: Any,
    private_power_w: Any,
    common_power_w: float,
    channels: SliceChannels,
    eta: Any,
) -> None:
    """X_u + r_u of each user in bit/s/Hz of the shared slice band (Eq. 13-16) into eta [K].

    beams i16 [K], private_power_w f32 [K]. Codebook beams and the random-phase common beam have entries of one modulus,
    so each spreads ||h||^2 / antennas of distortion.
    """
    gains = np.empty((count, count + 1))
    spreads = np.empty((count, count + 1))
    for u in range(count):
        for i in range(count):
            gains[u, i] = channels.beam_gains[u, beams[i]]
        gains[u, count] = channels.common_gain[u]
        spreads[u, :] = channels.channel_gain[u] / channels.antennas
    common_sdnr = np.empty(count)
    private_sdnr = np.empty(count)
    rsma.sdnr(
        count,
        gains,
        spreads,
        private_power_w,
        common_power_w,
        channels.noise_w,
        channels.hwi_model,
        channels.kappa_t,
        channels.kappa_r,
        common_sdnr,
        private_sdnr,
    )
    share = np.empty(count)
    private_rate = np.empty(count)
    rsma.rates(count, common_sdnr, private_sdnr, share, private_rate)
    for u in range(count):
        eta[u] = share[u] + private_rate[u]


@kernel
def _reward_sum(
    count: int, eta: Any, ssr: Any, bandwidth_hz: float, min_rate_bps: float, ssr_threshold: float, clip: float
) -> float:
    total = 0.0
    for u in range(count):
        total += own_reward(eta[u], eta[u] * bandwidth_hz, ssr[u], min_rate_bps, ssr_threshold, clip)
    return total


@kernel
def action_rewards(
    count: int,
    group: int,
    beams: Any,
    default_private_power_w: float,
    channels: SliceChannels,
    ssr: Any,
    min_rate_bps: float,
    ssr_threshold: float,
    clip: float,
    candidates: Any,
    level_w: Any,
    out: Any,
) -> None:
    """S(c, l) - S(default_i) of every action, candidate c and level l, of each user i into out [K, R L].

    S(c, l): user i on beam c, the others on theirs, all at level l, the common stream taking what the `group` >= count
    users decided for leave, of whom some were silent. The users of a slice share one network, so a level is judged as
    a habit of all: alone, nobody gains by leaving a high one.
    candidates int16 [K, R], level_w float32 [L] in W; all else as in `difference_rewards`, whose default it is,
    all others at the default power, too.
    """
    eta = np.empty(count)
    mixed_beams = beams[:count].copy()
    mixed_power_w = np.empty(count, np.float32)
    levels = level_w.shape[0]
    for i in range(count):
        default = 0.0
        for action in range(-1, candidates.shape[1] * levels):  # -1: the default
            if action < 0:
                mixed_beams[i] = np.argmax(channels.beam_gains[i])
                mixed_power_w[:] = default_private_power_w
            else:
                mixed_beams[i] = candidates[i, action // levels]
                mixed_power_w[:] = level_w[action % levels]
            common_w = max(0.0, channels.power_w - group * float(mixed_power_w[0]))
            spectral_efficiencies(
                count, mixed_beams, mixed_power_w, common_w if channels.common_stream else 0.0, channels, eta
            )
            total = _reward_sum(count, eta, ssr, channels.bandwidth_hz, min_rate_bps, ssr_threshold, clip)
            if action < 0:
                default = total
            else:
                out[i, action] = total - default
        mixed_beams[i] = beams[i]


@kernel
def difference_rewards(
    count: int,
    beams: Any,
    private_power_w: Any,
    common_power_w: float,
    default_private_power_w: float,
    channels: SliceChannels,
    ssr: Any,
    min_rate_bps: float,
    ssr_threshold: float,
    clip: float,
    out: Any,
) -> None:
    """S(a) - S(a_-i, default_i) of each user i into out [K], S = sum of Eq. 26 over the group.

    Shapes as in `spectral_efficiencies`; ssr [K]. default: own best beam at default_private_power_w, the common
    stream taking the rest. Without a common stream its power counts as 0.
    """
    eta = np.empty(count)
    alone_beams = beams[:count].copy()
    alone_power_w = private_power_w[:count].copy()
    private_sum_w = 0.0
    for u in range(count):
        private_sum_w += private_power_w[u]
    actual = 0.0
    for i in range(-1, count):  # -1: the joint action as it was
        common_w = common_power_w
        if i >= 0:
            alone_beams[i] = np.argmax(channels.beam_gains[i])
            alone_power_w[i] = default_private_power_w
            common_w = max(0.0, channels.power_w - (private_sum_w - private_power_w[i] + default_private_power_w))
        spectral_efficiencies(
            count, alone_beams, alone_power_w, common_w if channels.common_stream else 0.0, channels, eta
        )
        total = _reward_sum(count, eta, ssr, channels.bandwidth_hz, min_rate_bps, ssr_threshold, clip)
        if i < 0:
            actual = total
        else:
            out[i] = actual - total
            alone_beams[i] = beams[i]
            alone_power_w[i] = private_power_w[i]


def warm_up() -> None:
    """Compile or load what the agents' learners call, so that the first frame does not wait for it."""
    beams, one = np.zeros(1, np.int16), np.ones(1, np.float32)
    gains = np.ones((1, 2), np.float32)
    channels = SliceChannels(gains, one, one, 2, True, 1e6, 1.0, 1e-9, 0, 0.0, 0.0)
    known = (0.5, channels, one, 1.0, 1.0, 1.0)
    own_reward(1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    difference_rewards(1, beams, one, 0.5, *known, np.zeros(1))
    action_rewards(1, 1, beams, *known, np.zeros((1, 1), np.int16), one, np.zeros((1, 1), np.float32))
