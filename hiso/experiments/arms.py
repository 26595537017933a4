"""Who decides (an arm), and in which world (a condition)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from hiso.experiments.fields import Fraction, Label, Model, Overrides, Rate
from hiso.experiments.run import Control
from hiso.training.gating import Gate
from ran_emulator.scenario import MAX_CONTROL_DELAY_SLOTS
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions

_NOT_GIVEN: Any = None
"""What the variant has; never looked at."""


class _Agents(Model):
    @property
    def changes(self) -> dict[str, Any]:
        """The fields that were given, as plain data."""
        return self.model_dump(mode="json", exclude_unset=True)


class InterAgents(_Agents):
    """Fields of CoMA2C's configuration in place of those of the arm's variant."""

    load_scale_packets: tuple[float, float, float] | None = _NOT_GIVEN
    """State: the logarithm of packets over these scales; null: packets as they are."""
    core: Literal["lstm", "tanh"] = _NOT_GIVEN
    reward: Literal["algorithm-1", "utility"] = _NOT_GIVEN
    eta_threshold_bps_hz: Annotated[float, Field(gt=0, le=1_000)] = _NOT_GIVEN
    sla_weight: Annotated[float, Field(ge=0, le=100)] = _NOT_GIVEN
    discount: Fraction = _NOT_GIVEN
    update_seconds: Annotated[int, Field(ge=1, le=100)] = _NOT_GIVEN
    actor_learning_rate: Rate = _NOT_GIVEN
    critic_learning_rate: Rate = _NOT_GIVEN
    entropy_initial: Rate = _NOT_GIVEN
    entropy_final: Rate = _NOT_GIVEN
    entropy_in_td_product: bool = _NOT_GIVEN
    critic_weight: Annotated[float, Field(gt=0, le=100)] = _NOT_GIVEN
    gradient_norm: Annotated[float, Field(gt=0, le=1_000)] | None = _NOT_GIVEN
    orthogonal_heads: bool = _NOT_GIVEN
    dropout: Annotated[float, Field(ge=0, lt=1)] = _NOT_GIVEN


class IntraAgents(_Agents):
    """Fields of MADQN's configuration in place of those of the arm's variant."""

    discount: Fraction = _NOT_GIVEN
    difference_reward: bool = _NOT_GIVEN
    all_actions: bool = _NOT_GIVEN
    averaging: Annotated[float, Field(ge=0, lt=1)] = _NOT_GIVEN
    reward_clip: Annotated[float, Field(gt=0, le=1_000)] = _NOT_GIVEN
    reward_scale: Annotated[float, Field(gt=0, le=1_000)] = _NOT_GIVEN
    replay_capacity: Annotated[int, Field(ge=256, le=1_000_000)] = _NOT_GIVEN
    learning_rate: Rate = _NOT_GIVEN


World = Literal["condition", "preset"]
"""Of trainings: the condition's own, or its scenario without what the condition sets, where agents that see
impairments meet all of them."""


class Arm(Model):
    """Who decides: a scheduler with parts exchanged, and how its agents were trained."""

    scheduler: str
    inter: str | None = None
    intra: str | None = None
    trigger: str | None = None
    trained: bool = False
    """Agents of each seed's own training; else the shipped weights, which are one training's."""
    trained_in: World | None = None
    """In place of the experiment's."""
    inter_training_s: Annotated[int, Field(ge=5, le=100_000)] | None = None
    intra_training_slots: Annotated[int, Field(ge=300, le=10_000_000)] | None = None
    """Lengths of its trainings at full size, in place of the experiment's."""
    inter_candidates: Annotated[int, Field(ge=1, le=10)] = 1
    """Inter-slice trainings of each seed, of which the best on validation worlds serves."""
    trained_for: Annotated[int, Field(ge=0, le=MAX_CONTROL_DELAY_SLOTS)] | None = None
    """Control delay that its agents are trained for, or of the shipped ones those that are; left out: the
    condition's."""
    learns_on: bool = False
    """Whether both levels go on learning in the episodes."""
    control: Control | None = None
    gate: Gate | None = None
    """While CoMA2C is trained: what waits for the trigger, after 200 s in which nothing does. Left out: `both` for
    the printed agents (Algorithm 2), `none` for others."""
    options: AgentOptions = DEFAULT_OPTIONS
    """What its agents see and choose from."""
    inter_agents: InterAgents | None = None
    intra_agents: IntraAgents | None = None
    set: Annotated[Overrides, Field(default_factory=dict)]
    """Scenario fields, on top of the condition's."""

    @model_validator(mode="after")
    def _training(self) -> Self:
        for name in ("gate", "inter_agents", "intra_agents", "trained_in", "inter_training_s", "intra_training_slots"):
            if getattr(self, name) is not None and not self.trained:
                raise ValueError(f"{name}: needs trained: true")
        if self.inter_candidates > 1 and not self.trained:
            raise ValueError("inter_candidates: needs trained: true")
        if self.control == "untrained" and (self.trained or self.trained_for is not None):
            raise ValueError("control: untrained goes with neither trained nor trained_for")
        if self.learns_on and (self.control or self.inter_agents or self.intra_agents):
            raise ValueError("learns_on: goes with neither control, inter_agents nor intra_agents")
        return self

    @property
    def inter_changes(self) -> dict[str, Any]:
        """Of CoMA2C's configuration, as plain data."""
        return {} if self.inter_agents is None else self.inter_agents.changes

    @property
    def intra_changes(self) -> dict[str, Any]:
        """Of MADQN's configuration, as plain data."""
        return {} if self.intra_agents is None else self.intra_agents.changes


class Condition(Model):
    """The world that all arms meet."""

    scenario: str = "base"
    set: Annotated[Overrides, Field(default_factory=dict)]
    x: float | None = None
    """Place on the figure's axis."""
    panel: Label | None = None
    """Title of its panel of the figure, where not all share one."""
    control_delay_slots: Annotated[int, Field(ge=0, le=MAX_CONTROL_DELAY_SLOTS)] = 0
