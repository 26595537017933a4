"""The compiled decision of every intra-slice policy: one function, so that it can run inside other kernels."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ran_emulator.phy.beam_reports import BEAM_REPORT, best_beams, last_beam
from ran_emulator.phy.codes import HWI_AGGREGATE
from ran_emulator.phy.jit import state_kernel
from xapps.slicing.features import (
    CANDIDATES,
    FEATURES_TUNED,
    HEAVY_COMMON_PRIVATE_SHARE,
    STATE_FEATURES,
    context_features,
    impairment_features,
    rank_beams,
    rank_reported,
    reported_features,
    state_features,
)
from xapps.slicing.intra.draws import (
    STREAM_ACTION,
    STREAM_BEAM,
    STREAM_EXPLORE,
    STREAM_GROUP_EXPLORE,
    STREAM_GROUP_LEVEL,
    STREAM_LEVEL,
    integer_below,
    uniform,
)
from xapps.slicing.intra.powers import float32_at_most, level_w
from xapps.slicing.networks import Layers, argmax, forward, parameter_count
from xapps.slicing.observation import F32, I16
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions

KIND_GREEDY, KIND_EQUAL, KIND_RANDOM, KIND_SLNR = 0, 1, 2, 3
KIND_MADQN, KIND_MADQN_TUNED = 4, 5
KIND_ZF_SPLIT, KIND_ZF_SPLIT_MRT = 6, 7
BEAM_BEST, BEAM_RANDOM = 0, 1
MAX_GROUP_USERS = 8
COMMON_REST = -1.0

SPLIT_STEPS = 17
SPLIT_STEP = 10.0**-0.5
"""`zf-split` and `zf-split-mrt` weigh private shares of P_s of 1, 1/sqrt(10), 1/10 ... 1e-8."""


class IntraParameters(NamedTuple):
    """What `decide` needs beside the observation: of one type for every kind, so that it compiles once.

    Weights and epsilon are replaced in place. `reports` is what a compact observation brings, the last seven are
    scratch: one tuple serves one thread.
    """

    weights: F32  # [P], flat
    layers: npt.NDArray[np.int64]  # [4]
    epsilon: npt.NDArray[np.float64]  # [1]
    seed: np.uint64
    beam_choice: int
    power_levels: int
    dbm_levels: bool  # whether the levels are steps of dBm, not of W
    group_level: bool  # whether a group has one level of p_p
    common_action: bool  # whether p_c is an action of its own (Eq. 25)
    compact: bool  # whether it sees `reports` instead of the gains over the codebook
    reports: npt.NDArray[np.void]  # [8] of BEAM_REPORT
    best: I16  # [8]
    ranked: I16  # [8, 8]
    scores: npt.NDArray[np.float64]  # [N]
    features: F32  # [8, 38]
    activations: F32  # [3, widest layer]
    level_values: F32  # [L], summed over the group
    level_beams: I16  # [8, L], each user's best candidate


def has_dbm_levels(kind: int, options: AgentOptions) -> bool:
    """Whether an agent's power levels are equal steps of dBm, as tuned, or of W, as printed."""
    if options.power_scale == "variant":
        return kind == KIND_MADQN_TUNED
    return options.power_scale == "dbm"


def make_parameters(
    kind: int, layers: Layers, beams: int, seed: int, beam_choice: int, options: AgentOptions = DEFAULT_OPTIONS
) -> IntraParameters:
    """Parameters with zero weights for a codebook of `beams`; `seed` is taken modulo 2^64."""
    return IntraParameters(
        weights=np.zeros(parameter_count(layers), np.float32),
        layers=np.array(layers, np.int64),
        epsilon=np.zeros(1),
        seed=np.uint64(seed % 2**64),
        beam_choice=beam_choice,
        power_levels=options.power_levels,
        dbm_levels=has_dbm_levels(kind, options),
        group_level=kind == KIND_MADQN_TUNED and options.action == "rest",
        common_action=options.action == "pc_pp_beam",
        compact=options.observation == "compact",
        reports=np.zeros(MAX_GROUP_USERS, BEAM_REPORT),
        best=np.zeros(MAX_GROUP_USERS, np.int16),
        ranked=np.zeros((MAX_GROUP_USERS, CANDIDATES), np.int16),
        scores=np.zeros(beams),
        features=np.zeros((MAX_GROUP_USERS, FEATURES_TUNED), np.float32),
        activations=np.zeros((3, max(layers[1:])), np.float32),
        level_values=np.zeros(options.power_levels, np.float32),
        level_beams=np.zeros((MAX_GROUP_USERS, options.power_levels), np.int16),
    )


@state_kernel
def _rank(
    parameters: IntraParameters,
    power_w: float,
    noise_w: float,
    kappa_r: float,
    count: int,
    user: int,
    beam_gains: Any,
    context: Any,
) -> None:
    """A user's candidates into parameters.ranked[user], and where `context` [30] is not empty its features there."""
    ranked = parameters.ranked[user]
    if parameters.compact:
        report = parameters.reports[user]
        rank_reported(count, report, power_w, noise_w, kappa_r, ranked)
        if context.shape[0] > 0:
            reported_features(count, report, ranked, power_w, noise_w, context)
        for c in range(CANDIDATES):
            ranked[c] = report.beams[ranked[c]]
    else:
        rank_beams(count, user, beam_gains, parameters.best, power_w, noise_w, kappa_r, parameters.scores, ranked)
        if context.shape[0] > 0:
            context_features(count, user, beam_gains, parameters.best, ranked, power_w, noise_w, context)


@state_kernel
def _find_best(parameters: IntraParameters, count: int, beam_gains: Any) -> None:
    """Each user's strongest beam into parameters.best."""
    if parameters.compact:
        for u in range(count):
            parameters.best[u] = parameters.reports[u].beams[0]
    else:
        best_beams(count, beam_gains, parameters.best)


@state_kernel
def observe(
    kind: int,
    parameters: IntraParameters,
    power_w: float,
    noise_w: float,
    hwi_model: int,
    kappa_t: float,
    kappa_r: float,
    count: int,
    last_outcome: Any,
    beam_gains: Any,
) -> None:
    """Network inputs of the group into parameters.features [K, :], and its best and ranked beams."""
    _find_best(parameters, count, beam_gains)
    beams = beam_gains.shape[1]
    for u in range(count):
        if parameters.compact:
            last_gain = float(parameters.reports[u].last_beam_gain)
        else:
            last_gain = float(beam_gains[u, last_beam(u, last_outcome, beams)])
        features = parameters.features[u]
        state_features(u, last_outcome, beams, last_gain, power_w, noise_w, features[:STATE_FEATURES])
        if parameters.layers[0] > STATE_FEATURES:
            context = features[STATE_FEATURES:]
            _rank(parameters, power_w, noise_w, kappa_r, count, u, beam_gains, context)
            impairment_features(hwi_model, kappa_t, kappa_r, context)
        elif kind == KIND_MADQN_TUNED:
            _rank(parameters, power_w, noise_w, kappa_r, count, u, beam_gains, features[:0])


@state_kernel
def _choose(parameters: IntraParameters, slice_id: int, slot: int, user: int, user_id: int) -> int:
    """Epsilon-greedy action of one user (Eq. 33)."""
    if uniform(parameters.seed, slice_id, slot, user_id, STREAM_EXPLORE) < parameters.epsilon[0]:
        outputs = parameters.layers[3]
        return int(integer_below(outputs, parameters.seed, slice_id, slot, user_id, STREAM_ACTION))
    features = parameters.features[user, : parameters.layers[0]]
    forward(features, parameters.weights, parameters.layers, parameters.activations)
    return int(argmax(parameters.activations[2], parameters.layers[3]))


@state_kernel
def _value_levels(parameters: IntraParameters, user: int, beams: int) -> None:
    """Add a user's best value of each level to parameters.level_values; its candidate into parameters.level_beams."""
    features = parameters.features[user, : parameters.layers[0]]
    forward(features, parameters.weights, parameters.layers, parameters.activations)
    values = parameters.activations[2]
    levels = parameters.power_levels
    for level in range(levels):
        best = 0
        for beam in range(1, beams):
            if values[beam * levels + level] > values[best * levels + level]:
                best = beam
        parameters.level_values[level] += values[best * levels + level]
        parameters.level_beams[user, level] = best


@state_kernel
def _choose_together(
    parameters: IntraParameters, slice_id: int, slot: int, count: int, user_ids: Any, out_actions: Any
) -> None:
    """Epsilon-greedy actions of a group with one power level for all, that of the largest sum of values.

    A user above the others' level takes more from them on the common stream than it gains.
    """
    levels = parameters.power_levels
    beams = parameters.layers[3] // levels
    parameters.level_values[:] = 0.0
    for u in range(count):
        _value_levels(parameters, u, beams)
    level = argmax(parameters.level_values, levels)
    first = user_ids[0]
    if uniform(parameters.seed, slice_id, slot, first, STREAM_GROUP_EXPLORE) < parameters.epsilon[0]:
        level = integer_below(levels, parameters.seed, slice_id, slot, first, STREAM_GROUP_LEVEL)
    for u in range(count):
        user_id = user_ids[u]
        beam = int(parameters.level_beams[u, level])
        if uniform(parameters.seed, slice_id, slot, user_id, STREAM_EXPLORE) < parameters.epsilon[0]:
            beam = int(integer_below(beams, parameters.seed, slice_id, slot, user_id, STREAM_ACTION))
        out_actions[u] = beam * levels + level


@state_kernel
def _decide_network(
    kind: int,
    parameters: IntraParameters,
    slice_id: int,
    slot: int,
    power_w: float,
    count: int,
    user_ids: Any,
    out_beams: Any,
    out_private_power: Any,
    out_actions: Any,
) -> float:
    """MADQN: action = ((p_c level x) beam or candidate) x L + p_p level.

    As tuned p_p is one level for the group, unless each user has its own or p_c is an action.

    The common stream takes the rest. Where p_c is an action, each user names a level of P_s for the one common
    stream: it gets their mean, as far as the private streams leave it.
    """
    levels = parameters.power_levels
    beams = parameters.layers[3] // levels
    if parameters.common_action:
        beams //= levels
    dbm = parameters.dbm_levels
    if parameters.group_level:
        _choose_together(parameters, slice_id, slot, count, user_ids, out_actions)
    else:
        for u in range(count):
            out_actions[u] = _choose(parameters, slice_id, slot, u, user_ids[u])
    wanted_w = 0.0
    private_w = 0.0
    for u in range(count):
        action = int(out_actions[u])
        beam = action // levels % beams
        out_beams[u] = parameters.ranked[u, beam] if kind == KIND_MADQN_TUNED else beam
        power = level_w(dbm, action % levels, levels, power_w, count)
        out_private_power[u] = power
        private_w += power
        wanted_w += level_w(dbm, action // levels // beams, levels, power_w, 1) / count
    if not parameters.common_action:
        return COMMON_REST
    return float(float32_at_most(min(wanted_w, max(0.0, power_w - private_w))))


@state_kernel
def _promised_rate(
    share: float,
    gain: float,
    common_gain: float,
    antennas: int,
    power_w: float,
    noise_w: float,
    hwi_model: int,
    kappa_t: float,
    kappa_r: float,
    count: int,
) -> tuple[float, float]:
    """Private rate and log2(1 + common SDNR) in bit/s/Hz that a user of ||h||^2 = gain may hope for (Eq. 13-16).

    Of K zero-forced private streams with an equal part of `share` P_s each it hears its own, with its whole ||h||^2;
    of the common stream, which has the rest, common_gain of it.
    """
    private_w = share * power_w / count
    common_w = power_w - share * power_w
    own = gain * private_w
    common = common_gain * common_w
    own_distortion = (kappa_t / antennas + kappa_r) * own
    common_distortion = kappa_t / antennas * gain * common_w + kappa_r * common
    if hwi_model == HWI_AGGREGATE:
        all_distortion = own_distortion + (count - 1) * kappa_t / antennas * own + common_distortion
        own_distortion = all_distortion
        common_distortion = all_distortion
    private_rate = math.log2(1.0 + own / (own_distortion + noise_w))
    return private_rate, math.log2(1.0 + common / (own + common_distortion + noise_w))


@state_kernel
def _zero_forcing_split(
    kind: int,
    parameters: IntraParameters,
    antennas: int,
    power_w: float,
    noise_w: float,
    hwi_model: int,
    kappa_t: float,
    kappa_r: float,
    count: int,
    beam_gains: Any,
) -> float:
    """The share of P_s for the private streams, of `SPLIT_STEPS` in a geometric grid, that promises the largest sum.

    A random common beam gives each user 1 / N of its ||h||^2, the sum of all users' matched ones 1 / K.
    """
    for u in range(count):
        total = 0.0
        if parameters.compact:
            for place in range(CANDIDATES):
                total += parameters.reports[u].gains[place]
        else:
            for b in range(beam_gains.shape[1]):
                total += beam_gains[u, b]
        parameters.scores[u] = total
    loss = antennas if kind == KIND_ZF_SPLIT else count
    best_share = 1.0
    best_rate = -1.0
    share = 1.0
    for _ in range(SPLIT_STEPS):
        rate = 0.0
        common_rate = np.inf
        for u in range(count):
            gain = parameters.scores[u]
            own, common = _promised_rate(
                share, gain, gain / loss, antennas, power_w, noise_w, hwi_model, kappa_t, kappa_r, count
            )
            rate += own
            common_rate = min(common_rate, common)
        if rate + common_rate > best_rate:
            best_rate = rate + common_rate
            best_share = share
        share *= SPLIT_STEP
    return best_share


@state_kernel
def _decide_simple(
    kind: int,
    parameters: IntraParameters,
    slice_id: int,
    slot: int,
    antennas: int,
    power_w: float,
    noise_w: float,
    hwi_model: int,
    kappa_t: float,
    kappa_r: float,
    count: int,
    user_ids: Any,
    beam_gains: Any,
    out_beams: Any,
    out_private_power: Any,
) -> float:
    """The policies that do not learn."""
    _find_best(parameters, count, beam_gains)
    equal_w = float(float32_at_most(power_w / (count + 1)))
    share = 1.0
    if kind == KIND_SLNR:
        share = HEAVY_COMMON_PRIVATE_SHARE
    elif kind in (KIND_ZF_SPLIT, KIND_ZF_SPLIT_MRT):
        share = _zero_forcing_split(
            kind, parameters, antennas, power_w, noise_w, hwi_model, kappa_t, kappa_r, count, beam_gains
        )
    for u in range(count):
        user_id = user_ids[u]
        out_beams[u] = parameters.best[u]
        if kind == KIND_SLNR:
            _rank(parameters, power_w, noise_w, kappa_r, count, u, beam_gains, parameters.features[u, :0])
            out_beams[u] = parameters.ranked[u, 0]
        if kind == KIND_RANDOM:
            levels = parameters.power_levels
            level = integer_below(levels, parameters.seed, slice_id, slot, user_id, STREAM_LEVEL)
            out_private_power[u] = level_w(parameters.dbm_levels, level, levels, power_w, count)
        elif kind == KIND_EQUAL:
            out_private_power[u] = equal_w
        else:
            out_private_power[u] = float32_at_most(share * power_w / count)
        if parameters.beam_choice == BEAM_RANDOM:
            beams = beam_gains.shape[1]
            out_beams[u] = integer_below(beams, parameters.seed, slice_id, slot, user_id, STREAM_BEAM)
    if kind == KIND_GREEDY:
        return 0.0
    return equal_w if kind == KIND_EQUAL else COMMON_REST


@state_kernel
def decide(
    kind: int,
    parameters: IntraParameters,
    slice_id: int,
    slot: int,
    antennas: int,
    power_w: float,
    noise_w: float,
    hwi_model: int,
    kappa_t: float,
    kappa_r: float,
    count: int,
    user_ids: Any,
    last_outcome: Any,
    beam_gains: Any,
    out_beams: Any,
    out_private_power: Any,
    out_actions: Any,
) -> float:
    """Beams i16 [K], private powers f32 W [K] and actions i32 [K] of one slice's slot, into the last three.

    kind: KIND_*. slot: the one decided for, which keys all draws. user_ids u16 [K], last_outcome f32 [K, 7]
    (Eq. 24), beam_gains f32 [K, N], of which a compact policy reads only N: it sees parameters.reports. Rows beyond
    `count` are not read. Returns the common power in W, a float32, or COMMON_REST: what the private streams leave.
    Private powers sum to at most P_s (C8-C10).
    """
    if kind in (KIND_MADQN, KIND_MADQN_TUNED):
        observe(kind, parameters, power_w, noise_w, hwi_model, kappa_t, kappa_r, count, last_outcome, beam_gains)
        common_w = _decide_network(
            kind, parameters, slice_id, slot, power_w, count, user_ids, out_beams, out_private_power, out_actions
        )
    else:
        out_actions[:count] = -1
        common_w = _decide_simple(
            kind,
            parameters,
            slice_id,
            slot,
            antennas,
            power_w,
            noise_w,
            hwi_model,
            kappa_t,
            kappa_r,
            count,
            user_ids,
            beam_gains,
            out_beams,
            out_private_power,
        )
    return float(common_w)
