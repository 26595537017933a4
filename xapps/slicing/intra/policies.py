"""Intra-slice policies by name: a slot observation in, beams and powers out; the same object in every host."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ran_emulator.phy.beam_reports import BEAM_REPORT
from xapps.slicing.features import CANDIDATES, FEATURES_TUNED, STATE_FEATURES
from xapps.slicing.intra.decision import (
    BEAM_BEST,
    BEAM_RANDOM,
    COMMON_REST,
    KIND_EQUAL,
    KIND_GREEDY,
    KIND_MADQN,
    KIND_MADQN_TUNED,
    KIND_RANDOM,
    KIND_SLNR,
    KIND_ZF_SPLIT,
    KIND_ZF_SPLIT_MRT,
    MAX_GROUP_USERS,
    IntraParameters,
    decide,
    make_parameters,
)
from xapps.slicing.intra.names import split_intra_name
from xapps.slicing.networks import IntraWeights, Layers, initial_weights, parameter_count
from xapps.slicing.observation import F32, I16, SLICE_NAMES, BeamReports, SliceContext, SlotDecision, SlotObservation
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions
from xapps.slicing.weights import Weights, WeightsError, check_trained_options

KINDS = {
    "madqn": KIND_MADQN,
    "madqn-tuned": KIND_MADQN_TUNED,
    "random": KIND_RANDOM,
    "greedy": KIND_GREEDY,
    "equal": KIND_EQUAL,
    "slnr": KIND_SLNR,
    "zf-split": KIND_ZF_SPLIT,
    "zf-split-mrt": KIND_ZF_SPLIT_MRT,
}
LEARNING = ("madqn", "madqn-tuned")
DIFFERENCE_REWARD = ("madqn-tuned",)
"""Those of them that learn from a difference reward."""
SEE_IMPAIRMENTS = ("madqn-tuned",)
"""Those of them that see kappa and its reading, so that one training can serve them all."""

ANY_CONTEXT = SliceContext(0, 1e6, 0.95, 128, 128, 0, "rsma", "codebook")
"""To make compiled code ready: it is the same for every context."""

_NO_NETWORK: Layers = (1, 1, 1, 1)
_BEAM_CHOICES = {None: BEAM_BEST, "best": BEAM_BEST, "random": BEAM_RANDOM}


class _Name(NamedTuple):
    policy: str
    kind: int
    beam_choice: int


def parse_name(name: str) -> _Name:
    """Kind and beam choice of a policy's name; `random` and `equal` take `:best` or `:random` beams.

    Raises:
        ValueError: unknown policy or beam choice.
    """
    policy, choice = split_intra_name(name)
    return _Name(policy, KINDS[policy], _BEAM_CHOICES[choice])


def check_difference_reward(policy: str, access: str, precoder: str) -> None:
    """Whether a cell is one that a difference reward can be reckoned in: users share a band, beams are the codebook's.

    Raises:
        ValueError: it is not; the message names the field and what is allowed.
    """
    if access not in ("rsma", "sdma"):
        raise ValueError(f"access: {policy} learns under rsma or sdma, not {access}")
    if precoder != "codebook":
        raise ValueError(f"precoder: {policy} learns under codebook, not {precoder}")


def network_layers(policy: str, beams: int, options: AgentOptions = DEFAULT_OPTIONS) -> Layers:
    """Layer sizes of a learning policy for a codebook of `beams` (1-1-1-1 for the others)."""
    powers = options.power_levels ** (2 if options.action == "pc_pp_beam" else 1)
    state = options.state
    if state == "variant":
        state = "group" if policy == "madqn-tuned" else "user"
    inputs = FEATURES_TUNED if state == "group" else STATE_FEATURES
    if policy == "madqn":
        return (inputs, 64, 32, beams * powers)
    if policy == "madqn-tuned":
        return (inputs, 64, 64, CANDIDATES * powers)
    return _NO_NETWORK


def untrained_weights(
    policy: str, context: SliceContext, seed: int, options: AgentOptions = DEFAULT_OPTIONS
) -> IntraWeights:
    """Version 0 of an agent from scratch, a function of seed and slice: learner and policy start from the same."""
    rng = np.random.default_rng([seed, context.slice_id])
    flat = initial_weights(network_layers(policy, context.beams, options), rng)
    return IntraWeights(version=0, epsilon=1.0, flat=flat, weights_id=f"{policy}-untrained")


def trained_weights(
    policy: str, context: SliceContext, weights: Weights, options: AgentOptions = DEFAULT_OPTIONS
) -> IntraWeights:
    """One slice's agent out of a weights file, at its final exploration rate.

    Raises:
        WeightsError: the file is of another variant, action set or network, or lacks this slice.
    """
    if weights.metadata.variant != policy:
        raise WeightsError(f"weights {weights.weights_id}: variant is {weights.metadata.variant}, not {policy}")
    check_trained_options(weights, options)
    flat = weights.agent(SLICE_NAMES[context.slice_id]).get("flat")
    expected = parameter_count(network_layers(policy, context.beams, options))
    if flat is None or flat.shape != (expected,):
        trained = weights.metadata.antennas
        if policy == "madqn" and context.beams != trained:  # an output for each beam
            raise WeightsError(f"antennas: must be {trained} with weights {weights.weights_id}, not {context.beams}")
        raise WeightsError(f"weights {weights.weights_id}: flat must hold {expected} numbers")
    return IntraWeights(
        version=0, epsilon=weights.metadata.epsilon, flat=flat.astype(np.float32), weights_id=weights.weights_id
    )


class WorkingArrays(NamedTuple):
    """The arrays that `decide` reads and writes, in its order, and of one layout whatever the wire brings.

    A read-only or unaligned one would compile it anew.
    """

    user_ids: npt.NDArray[np.uint16]  # [8]
    last_outcome: F32  # [8, 7]
    beam_gains: F32  # [8, N]
    beams: I16  # [8]
    private_power_w: F32  # [8]
    actions: npt.NDArray[np.int32]  # [8]


def make_working_arrays(beams: int) -> WorkingArrays:
    """Arrays of zeros for a codebook of `beams`."""
    return WorkingArrays(
        user_ids=np.zeros(MAX_GROUP_USERS, np.uint16),
        last_outcome=np.zeros((MAX_GROUP_USERS, 7), np.float32),
        beam_gains=np.zeros((MAX_GROUP_USERS, beams), np.float32),
        beams=np.zeros(MAX_GROUP_USERS, np.int16),
        private_power_w=np.zeros(MAX_GROUP_USERS, np.float32),
        actions=np.zeros(MAX_GROUP_USERS, np.int32),
    )


class IntraPolicy:
    """Decides for one slice: a few microseconds of compiled code between copies in and out.

    `kind`, `parameters` and `arrays` are what `decide` takes in a compiled loop.
    """

    def __init__(self, name: str, context: SliceContext, seed: int, options: AgentOptions = DEFAULT_OPTIONS) -> None:
        """A policy without weights; `make_intra_policy` gives one that is ready."""
        self.name = name
        self.context = context
        self.options = options
        self.version = 0
        self.weights_id = ""
        parsed = parse_name(name)
        self.kind = parsed.kind
        self.learns = parsed.policy in LEARNING
        self.parameters: IntraParameters = make_parameters(
            parsed.kind,
            network_layers(parsed.policy, context.beams, options),
            context.beams,
            seed,
            parsed.beam_choice,
            options,
        )
        self.arrays = make_working_arrays(context.beams)

    def freeze(self) -> None:
        """Stop exploring."""
        self.parameters.epsilon[0] = 0.0

    def load(self, weights: IntraWeights) -> None:
        """Take a version of the network and its exploration rate.

        Raises:
            ValueError: as `checked`; nothing is changed.
        """
        self.parameters.weights[:] = self.checked(weights).flat
        self.parameters.epsilon[0] = weights.epsilon
        self.version = weights.version
        self.weights_id = weights.weights_id

    def checked(self, weights: IntraWeights) -> IntraWeights:
        """The weights, which fit.

        Raises:
            ValueError: the policy has no network, or the weights or epsilon do not fit.
        """
        if not self.learns:
            raise ValueError(f"weights: {self.name} has no network")
        expected = self.parameters.weights.shape
        if weights.flat.shape != expected or not np.isfinite(weights.flat).all():
            raise ValueError(f"weights: expected {expected[0]} finite numbers, got shape {weights.flat.shape}")
        if not 0.0 <= weights.epsilon <= 1.0:
            raise ValueError(f"weights: epsilon {weights.epsilon} must be 0..1")
        return weights

    def decide(self, observation: SlotObservation) -> SlotDecision:
        """Beams and powers of the observation's group (Eq. 25), for its decided slot.

        Raises:
            ValueError: a group of other than 1..8 users, or arrays that do not fit it.
        """
        count = len(observation.user_ids)
        if not 1 <= count <= MAX_GROUP_USERS:
            raise ValueError(f"user_ids: {count} users, must be 1..{MAX_GROUP_USERS}")
        self._take_beams(observation, count)
        self.arrays.user_ids[:count] = observation.user_ids
        self.arrays.last_outcome[:count] = observation.last_outcome
        common_w = self._decide(observation, count)
        return self.decision(count, None if common_w == COMMON_REST else common_w)

    def decision(self, count: int, common_power_w: float | None) -> SlotDecision:
        """The last decision, for a group of `count`, out of the policy's arrays."""
        return SlotDecision(
            beams=self.arrays.beams[:count].copy(),
            private_power_w=self.arrays.private_power_w[:count].copy(),
            common_power_w=common_power_w,
            actions=self.arrays.actions[:count].copy() if self.learns else None,
        )

    def _take_beams(self, observation: SlotObservation, count: int) -> None:
        """Copy what the observation says of beams, in the form that this policy sees."""
        if self.parameters.compact:
            self.parameters.reports[:count] = checked_reports(observation, count)
            return
        if observation.beam_gains.shape != (count, self.context.beams):
            raise ValueError(f"beam_gains: {observation.beam_gains.shape}, must be {(count, self.context.beams)}")
        self.arrays.beam_gains[:count] = observation.beam_gains

    def _decide(self, observation: SlotObservation, count: int) -> float:
        """The compiled call on the policy's own arrays."""
        return float(
            decide(
                self.kind,
                self.parameters,
                self.context.slice_id,
                int(observation.decided_slot),
                self.context.antennas,
                float(observation.power_w),
                float(observation.noise_w),
                int(observation.hwi_model),
                float(observation.kappa_t),
                float(observation.kappa_r),
                count,
                *self.arrays,
            )
        )


def checked_reports(observation: SlotObservation, count: int) -> BeamReports:
    """The beam reports of a compact observation, [K].

    Raises:
        ValueError: it has none, or not one a user.
    """
    reports = observation.beam_reports
    if reports is None or len(reports) != count:
        raise ValueError(f"beam_reports: {0 if reports is None else len(reports)} for {count} users (compact)")
    return reports


def make_intra_policy(
    name: str,
    context: SliceContext,
    seed: int,
    weights: IntraWeights | None = None,
    options: AgentOptions = DEFAULT_OPTIONS,
) -> IntraPolicy:
    """A policy ready to decide (compiled); a learning one without weights starts untrained, exploring always.

    Raises:
        ValueError: unknown name, a seed below 0, or weights that do not fit.
    """
    if seed < 0:
        raise ValueError(f"seed: {seed}, must be at least 0")
    policy = IntraPolicy(name, context, seed, options)
    if weights is None and policy.learns:
        weights = untrained_weights(name, context, seed, options)
    if weights is not None:
        policy.load(weights)
    policy.decide(_blank_observation(context))
    return policy


def _blank_observation(context: SliceContext) -> SlotObservation:
    """A group of one user: compiles the decision, or loads it from the cache, before the first slot."""
    return SlotObservation(
        slice_id=context.slice_id,
        decided_slot=0,
        observed_slot=0,
        bandwidth_hz=1,
        power_w=1.0,
        noise_w=1.0,
        hwi_model=0,
        kappa_t=0.0,
        kappa_r=0.0,
        user_ids=np.zeros(1, np.uint16),
        queue_bits=np.zeros(1, np.uint32),
        head_age_us=np.zeros(1, np.uint32),
        ssr=np.ones(1, np.float32),
        last_outcome=np.zeros((1, 7), np.float32),
        beam_gains=np.ones((1, context.beams), np.float32),
        beam_reports=np.zeros(1, BEAM_REPORT),
    )
