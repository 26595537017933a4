"""The compiled decision of every intra-slice policy: one function, so that it can run inside other kernels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ran_emulator.phy.jit import state_kernel
from xapps.slicing.features import (
    CANDIDATES,
    FEATURES_TUNED,
    HEAVY_COMMON_PRIVATE_SHARE,
    STATE_FEATURES,
    best_beams,
    context_features,
    rank_beams,
    state_features,
)
from xapps.slicing.intra.draws import (
    STREAM_ACTION,
    STREAM_BEAM,
    STREAM_EXPLORE,
    STREAM_LEVEL,
    integer_below,
    uniform,
)
from xapps.slicing.intra.powers import POWER_LEVELS, dbm_level_w, float32_at_most, linear_level_w
from xapps.slicing.networks import Layers, argmax, forward, parameter_count
from xapps.slicing.observation import F32, I16

KIND_GREEDY, KIND_EQUAL, KIND_RANDOM, KIND_SLNR, KIND_MADQN, KIND_MADQN_TUNED = 0, 1, 2, 3, 4, 5
BEAM_BEST, BEAM_RANDOM = 0, 1
MAX_GROUP_USERS = 8
COMMON_REST = -1.0


class IntraParameters(NamedTuple):
    """What `decide` needs beside the observation: of one type for every kind, so that it compiles once.

    Weights and epsilon are replaced in place; the last five are scratch, so one tuple serves one thread.
    """

    weights: F32  # [P], flat
    layers: npt.NDArray[np.int64]  # [4]
    epsilon: npt.NDArray[np.float64]  # [1]
    seed: np.uint64
    beam_choice: int
    best: I16  # [8]
    ranked: I16  # [8, 8]
    scores: npt.NDArray[np.float64]  # [N]
    features: F32  # [8, 35]
    activations: F32  # [3, widest layer]


def make_parameters(layers: Layers, beams: int, seed: int, beam_choice: int) -> IntraParameters:
    """Parameters with zero weights for a codebook of `beams`; `seed` is taken modulo 2^64."""
    return IntraParameters(
        weights=np.zeros(parameter_count(layers), np.float32),
        layers=np.array(layers, np.int64),
        epsilon=np.zeros(1),
        seed=np.uint64(seed % 2**64),
        beam_choice=beam_choice,
        best=np.zeros(MAX_GROUP_USERS, np.int16),
        ranked=np.zeros((MAX_GROUP_USERS, CANDIDATES), np.int16),
        scores=np.zeros(beams),
        features=np.zeros((MAX_GROUP_USERS, FEATURES_TUNED), np.float32),
        activations=np.zeros((3, max(layers[1:])), np.float32),
    )


@state_kernel
def observe(
    kind: int,
    parameters: IntraParameters,
    power_w: float,
    noise_w: float,
    kappa_r: float,
    count: int,
    last_outcome: Any,
    beam_gains: Any,
) -> None:
    """Network inputs of the group into parameters.features [K, :], and its best and ranked beams."""
    best_beams(count, beam_gains, parameters.best)
    for u in range(count):
        state_features(u, last_outcome, beam_gains, power_w, noise_w, parameters.features[u, :STATE_FEATURES])
        if kind == KIND_MADQN_TUNED:
            ranked = parameters.ranked[u]
            rank_beams(count, u, beam_gains, parameters.best, power_w, noise_w, kappa_r, parameters.scores, ranked)
            context = parameters.features[u, STATE_FEATURES:]
            context_features(count, u, beam_gains, parameters.best, ranked, power_w, noise_w, context)


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
    """MADQN: action = beam (or candidate) x 5 + power level; the common stream takes the rest."""
    for u in range(count):
        action = _choose(parameters, slice_id, slot, u, user_ids[u])
        beam = action // POWER_LEVELS
        level = action % POWER_LEVELS
        out_actions[u] = action
        if kind == KIND_MADQN_TUNED:
            out_beams[u] = parameters.ranked[u, beam]
            out_private_power[u] = dbm_level_w(level, power_w, count)
        else:
            out_beams[u] = beam
            out_private_power[u] = linear_level_w(level, power_w, count)
    return COMMON_REST


@state_kernel
def _decide_simple(
    kind: int,
    parameters: IntraParameters,
    slice_id: int,
    slot: int,
    power_w: float,
    noise_w: float,
    kappa_r: float,
    count: int,
    user_ids: Any,
    beam_gains: Any,
    out_beams: Any,
    out_private_power: Any,
) -> float:
    """The policies that do not learn."""
    best = parameters.best
    best_beams(count, beam_gains, best)
    equal_w = float(float32_at_most(power_w / (count + 1)))
    for u in range(count):
        user_id = user_ids[u]
        out_beams[u] = best[u]
        if kind == KIND_SLNR:
            ranked = parameters.ranked[u, :1]
            rank_beams(count, u, beam_gains, best, power_w, noise_w, kappa_r, parameters.scores, ranked)
            out_beams[u] = ranked[0]
            out_private_power[u] = float32_at_most(HEAVY_COMMON_PRIVATE_SHARE * power_w / count)
        elif kind == KIND_RANDOM:
            level = integer_below(POWER_LEVELS, parameters.seed, slice_id, slot, user_id, STREAM_LEVEL)
            out_private_power[u] = linear_level_w(level, power_w, count)
        elif kind == KIND_EQUAL:
            out_private_power[u] = equal_w
        else:
            out_private_power[u] = float32_at_most(power_w / count)
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
    antennas: int,  # noqa: ARG001 - one signature for every kind
    bandwidth_hz: float,  # noqa: ARG001
    power_w: float,
    noise_w: float,
    hwi_model: int,  # noqa: ARG001
    kappa_t: float,  # noqa: ARG001
    kappa_r: float,
    count: int,
    user_ids: Any,
    ssr: Any,  # noqa: ARG001
    last_outcome: Any,
    beam_gains: Any,
    out_beams: Any,
    out_private_power: Any,
    out_actions: Any,
) -> float:
    """Beams i16 [K], private powers f32 W [K] and actions i32 [K] of one slice's slot, into the last three.

    kind: KIND_*. slot: the one decided for, which keys all draws. user_ids u16 [K], last_outcome f32 [K, 7]
    (Eq. 24), beam_gains f32 [K, N]; rows beyond `count` are not read. Returns the common power in W, a float32,
    or COMMON_REST: what the private streams leave. Private powers sum to at most P_s (C8-C10).
    """
    if kind in (KIND_MADQN, KIND_MADQN_TUNED):
        observe(kind, parameters, power_w, noise_w, kappa_r, count, last_outcome, beam_gains)
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
            power_w,
            noise_w,
            kappa_r,
            count,
            user_ids,
            beam_gains,
            out_beams,
            out_private_power,
        )
    return float(common_w)
