"""CoMA2C: a power agent and a bandwidth agent that see the slices' traffic (Eq. 18-20); without torch.

As printed each agent is an actor and a critic (32-32) on a shared layer of 64 cells with memory, which a2c_lstm
trains; slice_critic trains actors without memory under one critic for both. SA2C-T's one agent for both resources
(section V-B) is the printed network over all pairs of actions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from ran_emulator.phy.codes import HWI_AGGREGATE
from xapps.slicing.inter.actions import bandwidth_grid, power_actions
from xapps.slicing.inter.base import InterPolicy, InterPolicyError, InterWeights, keyed_rng
from xapps.slicing.inter.rewards import algorithm_1, utility_under_sla
from xapps.slicing.inter.seconds import SecondSequence, impairments, offered_packets
from xapps.slicing.observation import F32, SLICE_NAMES, BudgetContext, Budgets, SecondReport
from xapps.slicing.options import DEFAULT_OPTIONS

POWER, BANDWIDTH = 0, 1
AGENT_NAMES = ("power", "bandwidth")
JOINT_AGENT_NAMES = ("joint",)

CORE_UNITS = 64
HEAD_UNITS = 32
IMPAIRMENT_FEATURES = 3
UNGATED_SECONDS = 200
"""Of learning before a gate closes (Algorithm 2)."""


@dataclass(frozen=True, slots=True)
class CoMA2CConfig:
    """One form of the agents; defaults are the paper's (Table 3), and our reading where it is silent."""

    variant: str
    core: Literal["lstm", "tanh"] = "lstm"
    """Shared layer: the LSTM, or a feed-forward layer without memory."""
    load_scale_packets: tuple[float, float, float] | None = None
    """State: packets as they are, or the logarithm of packets over these scales."""
    sees_impairments: bool = False
    """State: kappa_t, kappa_r and their reading, too, so that one training serves all of them."""
    reward: Literal["algorithm-1", "utility"] = "algorithm-1"
    eta_threshold_bps_hz: float = 100.0
    """Of Algorithm 1."""
    sla_weight: float = 0.0
    """Lambda of the reward "utility"."""
    discount: float = 0.999
    update_seconds: int = 1
    """Seconds n between updates, each a step of back-propagation through time."""
    actor_learning_rate: float = 5e-4
    """Of actor and shared layer."""
    critic_learning_rate: float = 2e-3
    critic_weight: float = 1.0
    rmsprop_alpha: float = 0.99
    gradient_norm: float | None = None
    """The gradient of an agent is clipped to this; None: not at all."""
    entropy_in_td_product: bool = True
    """Eq. 31 as printed multiplies the entropy by the TD error; else it is a term of its own."""
    entropy_initial: float = 0.01
    entropy_final: float = 0.01
    """Reached geometrically at the end of the training."""
    training_seconds: int = 1_000
    dropout: float = 0.1
    """On the shared layer's output, in the learner's forward pass only."""
    orthogonal_heads: bool = False
    """Heads begin orthogonal without biases, so that the loads' faint trace in an LSTM's output reaches the last
    layer, and with nearly equal probabilities; else uniform, where biases drown it and half of all trainings end
    in one constant split."""
    ungated_seconds: int | None = UNGATED_SECONDS
    """While it learns, the policy acts every second until it has learned from so many; None: always."""
    critic: Literal["state", "slices"] = "state"
    """A state value of each agent (A2C), or one critic of both that values each slice's budgets."""
    replay_seconds: int = 4_096
    """Of the critic of slices, as are"""
    batch_seconds: int = 64
    steps_per_update: int = 8
    joint: bool = False
    """One agent that chooses power and bandwidth together, instead of one each."""

    def __post_init__(self) -> None:
        """Raises `ValueError`: what the critic of slices does not know how to train."""
        needed = {"core": "tanh", "joint": False, "reward": "utility", "discount": 0.0, "dropout": 0.0}
        for name, value in needed.items() if self.critic == "slices" else ():
            given = getattr(self, name)
            if given != value:
                raise ValueError(f"{name}: must be {value} with {self.variant}'s critic of slices (given {given})")

    @property
    def inputs(self) -> int:
        """Length of the state."""
        return len(SLICE_NAMES) + (IMPAIRMENT_FEATURES if self.sees_impairments else 0)

    @property
    def slice_critic_inputs(self) -> int:
        """A slice's load, bandwidth and power, and what the state holds beside loads."""
        return 3 + self.inputs - len(SLICE_NAMES)

    @property
    def agent_names(self) -> tuple[str, ...]:
        """Names of the agents, as their arrays are called."""
        return JOINT_AGENT_NAMES if self.joint else AGENT_NAMES


PRINTED = CoMA2CConfig(variant="coma2c")

TUNED_LSTM = CoMA2CConfig(
    variant="coma2c-tuned-lstm",
    load_scale_packets=(200.0, 5_500.0, 280.0),
    reward="utility",
    sla_weight=0.5,
    discount=0.0,
    update_seconds=4,
    actor_learning_rate=5e-3,
    critic_learning_rate=5e-3,
    critic_weight=0.5,
    gradient_norm=1.0,
    entropy_in_td_product=False,
    entropy_initial=0.3,
    training_seconds=3_000,
    dropout=0.0,
    orthogonal_heads=True,
    ungated_seconds=None,
)
"""A2C as it learns."""

TUNED = replace(
    TUNED_LSTM, variant="coma2c-tuned", core="tanh", sees_impairments=True, critic="slices", training_seconds=1_000
)

SINGLE = replace(PRINTED, variant="sa2c-t", joint=True, ungated_seconds=None)
"""SA2C-T acts every second; its own hyperparameters are not published, so it has those of the printed agents."""

COMA2C_CONFIGS = {config.variant: config for config in (PRINTED, TUNED, TUNED_LSTM, SINGLE)}


def changed_config(variant: str, changes: dict[str, Any]) -> CoMA2CConfig:
    """The configuration of a variant with some fields exchanged, given as plain data.

    Raises:
        ValueError: they do not go together.
    """
    own: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in changes.items()}
    return replace(COMA2C_CONFIGS[variant], **own)


def state_features(report: SecondReport, config: CoMA2CConfig) -> F32:
    """State of Eq. 18 as the networks see it, and the impairments where they see them.

    Under a logarithm an empty second counts as one packet. A kappa of 1e-8..1 is -1..1, less is -1; without
    distortion the readings are one.

    Returns:
        [inputs] float32.

    Raises:
        ReportError: the report's traffic or impairments are malformed.
    """
    features = offered_packets(report)
    if config.load_scale_packets is not None:
        features = np.log(np.maximum(features, 1) / np.array(config.load_scale_packets))
    if config.sees_impairments:
        kappas = impairments(report)
        aggregate = report.hwi_model == HWI_AGGREGATE and kappas.any()
        features = np.concatenate([features, (np.log10(np.maximum(kappas, 1e-8)) + 4) / 4, [aggregate]])
    return features.astype(np.float32)


def team_reward(report: SecondReport, config: CoMA2CConfig) -> float:
    """Reward of both agents for the second that the report describes.

    Raises:
        RewardError: SSR or spectral efficiency out of range.
    """
    if config.reward == "algorithm-1":
        return algorithm_1(report.ssr, report.eta_bps_hz, config.eta_threshold_bps_hz)
    return utility_under_sla(report.ssr, report.eta_bps_hz, config.sla_weight)


def action_counts(context: BudgetContext, step_hz: int = DEFAULT_OPTIONS.bandwidth_step_hz) -> tuple[int, int]:
    """Numbers of power and bandwidth actions: 10 and 15 for the paper's cell in steps of 1 MHz.

    Raises:
        BudgetError: totals and floors that leave no grid.
    """
    return len(power_actions(context)), len(bandwidth_grid(context, step_hz))


def output_counts(config: CoMA2CConfig, actions: tuple[int, int]) -> tuple[int, ...]:
    """Outputs of each agent's actor: the power and bandwidth actions, or all their pairs."""
    return (actions[POWER] * actions[BANDWIDTH],) if config.joint else actions


def outputs_taken(config: CoMA2CConfig, actions: tuple[int, int], taken: tuple[int, int]) -> tuple[int, ...]:
    """Output of each agent that a power and a bandwidth action are; actions: their numbers."""
    return (taken[POWER] * actions[BANDWIDTH] + taken[BANDWIDTH],) if config.joint else taken


def array_shapes(config: CoMA2CConfig, actions: tuple[int, int]) -> dict[str, tuple[int, ...]]:
    """Name and shape of every array of the agents; names are those of the learner's modules."""
    shapes: dict[str, tuple[int, ...]] = {}
    for agent, outputs in zip(config.agent_names, output_counts(config, actions), strict=True):
        if config.core == "lstm":
            shapes[f"{agent}.core.weight_ih_l0"] = (4 * CORE_UNITS, config.inputs)
            shapes[f"{agent}.core.weight_hh_l0"] = (4 * CORE_UNITS, CORE_UNITS)
            shapes[f"{agent}.core.bias_ih_l0"] = (4 * CORE_UNITS,)
            shapes[f"{agent}.core.bias_hh_l0"] = (4 * CORE_UNITS,)
        else:
            shapes[f"{agent}.core.weight"] = (CORE_UNITS, config.inputs)
            shapes[f"{agent}.core.bias"] = (CORE_UNITS,)
        heads = (("actor", outputs), ("critic", 1)) if config.critic == "state" else (("actor", outputs),)
        for head, last in heads:
            shapes |= _head_shapes(f"{agent}.{head}", CORE_UNITS, last)
    if config.critic == "slices":
        for slice_name in SLICE_NAMES:
            shapes |= _head_shapes(f"critic.{slice_name}", config.slice_critic_inputs, 1)
    return shapes


def _head_shapes(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (of_layer, units) in enumerate(pairwise((inputs, HEAD_UNITS, HEAD_UNITS, outputs))):
        shapes[f"{name}.{2 * layer}.weight"] = (units, of_layer)
        shapes[f"{name}.{2 * layer}.bias"] = (units,)
    return shapes


def initial_weights(config: CoMA2CConfig, actions: tuple[int, int], seed: int) -> InterWeights:
    """Untrained networks: uniform within 1/sqrt(inputs) of a layer, of an LSTM 1/sqrt(cells), or orthogonal heads.

    Raises:
        InterPolicyError: negative seed.
    """
    rng = keyed_rng(seed, "weights.inter")
    shapes = array_shapes(config, actions)
    arrays: dict[str, F32] = {}
    for name, shape in shapes.items():
        weight_shape = shapes[name.replace("bias", "weight")]
        limit = 1 / np.sqrt(CORE_UNITS if name.endswith("_l0") else weight_shape[1])
        arrays[name] = rng.uniform(-limit, limit, shape).astype(np.float32)
        if config.orthogonal_heads and not name.startswith("critic.") and ".core." not in name:
            arrays[name] = _orthogonal(rng, shape, _head_gain(name)) if len(shape) > 1 else np.zeros(shape, np.float32)
    return InterWeights(arrays, {"variant": config.variant, "seed": seed, "trained_seconds": 0})


def _head_gain(name: str) -> float:
    if name.endswith("actor.4.weight"):
        return 0.01
    return 1.0 if name.endswith("critic.4.weight") else float(np.sqrt(2))  # a ReLU halves the power of its input


def _orthogonal(rng: np.random.Generator, shape: tuple[int, ...], gain: float) -> F32:
    basis, triangle = np.linalg.qr(rng.normal(size=(max(shape), min(shape))))
    basis *= np.sign(np.diag(triangle))  # uniform over all orthogonal matrices
    matrix: F32 = (gain * (basis if shape[0] >= shape[1] else basis.T)).astype(np.float32)
    return matrix


def check_weights(weights: InterWeights, config: CoMA2CConfig, actions: tuple[int, int]) -> None:
    """Check that weights are of this form of the agents and fit the node's actions.

    Raises:
        InterPolicyError: another variant, other actions, or an array that is missing, unknown, misshapen or not finite.
    """
    variant = weights.metadata.get("variant")
    what = " ".join(("weights", *filter(None, (weights.metadata.get("weights_id"),))))
    if variant != config.variant:
        raise InterPolicyError(f"{what}: variant must be {config.variant!r}, not {variant!r}")
    seconds = weights.metadata.get("trained_seconds")
    if not isinstance(seconds, int) or seconds < 0:
        raise InterPolicyError(f"{what}: trained_seconds must be an integer of at least 0, not {seconds!r}")
    for agent, outputs in zip(config.agent_names, output_counts(config, actions), strict=True):
        trained = np.size(weights.arrays.get(f"{agent}.actor.4.bias", ()))
        if trained not in (0, outputs):
            raise InterPolicyError(
                f"{what}: trained for {trained} {agent} actions, not {outputs}: total_bandwidth_hz, bandwidth_step_hz "
                "and the floors of the slices' bandwidths must be those of the training"
            )
    shapes = array_shapes(config, actions)
    for name in sorted(shapes.keys() ^ weights.arrays.keys()):
        raise InterPolicyError(f"{what}: array {name} is {'missing' if name in shapes else 'unknown'}")
    for name, shape in shapes.items():
        array = weights.arrays[name]
        if array.shape != shape or array.dtype != np.float32:
            raise InterPolicyError(
                f"{what}: array {name} must be float32 of shape {shape}, not {array.dtype} of {array.shape}"
            )
        if not np.all(np.isfinite(array)):
            raise InterPolicyError(f"{what}: array {name} must be finite")


class ActorNetwork:
    """Forward pass of one agent's shared layer and actor, a second at a time, in float32."""

    def __init__(self, arrays: dict[str, F32], agent: str) -> None:
        """Networks of one of the agents; the memory is empty."""
        self.reset()
        self.load(arrays, agent)

    def reset(self) -> None:
        """Empty the memory."""
        self._hidden = np.zeros(CORE_UNITS, np.float32)
        self._cell = np.zeros(CORE_UNITS, np.float32)

    def load(self, arrays: dict[str, F32], agent: str) -> None:
        """Exchange the weights and keep the memory, as an update of the learner does."""
        own = {name.removeprefix(f"{agent}."): array for name, array in arrays.items()}
        self._recurrent = "core.weight_hh_l0" in own
        if self._recurrent:
            self._input = own["core.weight_ih_l0"]
            self._recurrence = own["core.weight_hh_l0"]
            self._bias = own["core.bias_ih_l0"] + own["core.bias_hh_l0"]
        else:
            self._input, self._bias = own["core.weight"], own["core.bias"]
        self._actor = [(own[f"actor.{layer}.weight"], own[f"actor.{layer}.bias"]) for layer in (0, 2, 4)]

    def step(self, features: F32) -> F32:
        """Advance the memory by one second.

        Args:
            features: [inputs].

        Returns:
            [A] logits of the policy pi(a | s).
        """
        drive = self._input @ features + self._bias
        if self._recurrent:
            inlet, forget, candidate, outlet = (drive + self._recurrence @ self._hidden).reshape(4, CORE_UNITS)
            self._cell = _sigmoid(forget) * self._cell + _sigmoid(inlet) * np.tanh(candidate)
            self._hidden = _sigmoid(outlet) * np.tanh(self._cell)
        else:
            self._hidden = np.tanh(drive)
        signal: F32 = self._hidden
        for layer, (weight, bias) in enumerate(self._actor):
            signal = weight @ signal + bias
            if layer < len(self._actor) - 1:
                signal = np.maximum(signal, 0)
        return signal


def _sigmoid(x: F32) -> F32:
    # By tanh: raw loads drive the gates far beyond what exp can hold in float32.
    half = np.float32(0.5)
    gate: F32 = half * (np.tanh(half * x) + np.float32(1))
    return gate


def sample_action(logits: F32, seed: int, agent: int, second: int) -> int:
    """Draw an action from the policy; keyed, so that a second that is lost shifts no other draw."""
    weights = np.exp(logits.astype(np.float64) - logits.max())
    cumulative = np.cumsum(weights)
    uniform = keyed_rng(seed, "policy.inter", agent, second).random()
    return min(int(np.searchsorted(cumulative, uniform * cumulative[-1], side="right")), len(logits) - 1)


class CoMA2C(InterPolicy):
    """The agents as a policy: the likeliest actions, or sampled ones while it learns.

    Memories advance every second, also where it keeps, and are emptied at second 0 and after a gap.
    While it learns it acts as `ungated_seconds` says, then in triggered seconds only.
    """

    def __init__(
        self,
        config: CoMA2CConfig,
        context: BudgetContext,
        seed: int,
        weights: InterWeights | None = None,
        learning: bool = False,
        step_hz: int = DEFAULT_OPTIONS.bandwidth_step_hz,
    ) -> None:
        """Agents with the given weights, or untrained ones.

        Raises:
            InterPolicyError: weights that do not fit, or a negative seed.
            BudgetError: totals and floors that leave no grid.
        """
        super().__init__(config.variant)
        self._config = config
        self._powers = power_actions(context)
        self._bandwidths = bandwidth_grid(context, step_hz)
        self._counts = (len(self._powers), len(self._bandwidths))
        untrained = initial_weights(config, self._counts, seed)
        self._seed = seed
        self._sequence = SecondSequence()
        self._weights = untrained
        self._networks = [ActorNetwork(untrained.arrays, agent) for agent in config.agent_names]
        self.learning = learning
        if weights is not None:
            self.load(weights)

    @property
    def version(self) -> int:
        """Version of the weights in use."""
        return self._weights.version

    @property
    def weights(self) -> InterWeights:
        """The weights in use."""
        return self._weights

    def load(self, weights: InterWeights) -> None:
        """Exchange the weights between two seconds and keep the memories.

        Raises:
            InterPolicyError: weights that do not fit; nothing has changed.
        """
        self._weights = self.checked(weights)
        for network, agent in zip(self._networks, self._config.agent_names, strict=True):
            network.load(weights.arrays, agent)

    def checked(self, weights: InterWeights) -> InterWeights:
        """The weights, which fit.

        Raises:
            InterPolicyError: they do not.
        """
        check_weights(weights, self._config, self._counts)
        return weights

    def on_second(self, report: SecondReport, triggered: bool) -> Budgets | None:
        """Budgets of the agents' actions where they act, else keep."""
        features = state_features(report, self._config)
        self.actions = None
        if not self._sequence.follows(report.second):
            for network in self._networks:
                network.reset()
        if report.second == 0:
            return None
        logits = [network.step(features) for network in self._networks]
        if not (triggered or self._acts_ungated()):
            return None
        chosen = [self._choose(of_agent, agent, report.second) for agent, of_agent in enumerate(logits)]
        power, bandwidth = divmod(chosen[0], self._counts[BANDWIDTH]) if self._config.joint else chosen
        self.actions = (power, bandwidth)
        return Budgets(self._bandwidths[bandwidth], self._powers[power])

    def _acts_ungated(self) -> bool:
        limit = self._config.ungated_seconds
        return self.learning and (limit is None or self._weights.metadata["trained_seconds"] < limit)

    def _choose(self, logits: F32, agent: int, second: int) -> int:
        if self.learning:
            return sample_action(logits, self._seed, agent, second)
        return int(np.argmax(logits))
