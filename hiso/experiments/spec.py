"""What an experiment is: arms x conditions x seeds, what is measured, and the claims that the data decide.

An arm is who decides, a condition is the world; every arm meets the same worlds (common random numbers).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from hiso.experiments.measures import (
    EPISODE_MEASURES,
    MEASURES,
    SERIES,
    SNAPSHOT_MEASURES,
    SYSTEM_MEASURES,
    TRAINING_MEASURES,
)
from hiso.experiments.run import Control
from hiso.run_request import RequestError, RunRequest, agents_that_can_learn, make_request
from hiso.training.gating import Gate
from ran_emulator.scenario import MAX_CONTROL_DELAY_SLOTS, SLICE_NAMES
from service_kit.field_errors import describe_errors
from xapps.slicing.inter.coma2c import changed_config
from xapps.slicing.intra.config import changed_dqn_config
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions
from xapps.slicing.schedulers import Scheduler

HEADLINE_SEEDS, OTHER_SEEDS = 10, 5
"""Least numbers of training seeds of an experiment at full size."""


class ExperimentError(ValueError):
    """An experiment, or a choice of experiments, that cannot be used; the message names field and allowed range."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Label = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^|\n]+$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0, le=1)]
Overrides = dict[str, Any]


class _Agents(_Model):
    @property
    def changes(self) -> dict[str, Any]:
        """The fields that were given, as plain data."""
        return self.model_dump(mode="json", exclude_unset=True)


class InterAgents(_Agents):
    """Fields of CoMA2C's configuration in place of those of the arm's variant."""

    load_scale_packets: tuple[float, float, float] | None = None
    """State: the logarithm of packets over these scales; null: packets as they are."""
    core: Literal["lstm", "tanh"] = "lstm"
    reward: Literal["algorithm-1", "utility"] = "utility"
    eta_threshold_bps_hz: Annotated[float, Field(gt=0, le=1_000)] = 100.0
    sla_weight: Annotated[float, Field(ge=0, le=100)] = 0.0
    discount: Fraction = 0.0
    update_seconds: Annotated[int, Field(ge=1, le=100)] = 1
    actor_learning_rate: Rate = 5e-4
    critic_learning_rate: Rate = 2e-3
    entropy_initial: Rate = 0.01
    entropy_final: Rate = 0.01
    entropy_in_td_product: bool = True
    critic_weight: Annotated[float, Field(gt=0, le=100)] = 1.0
    gradient_norm: Annotated[float, Field(gt=0, le=1_000)] | None = None
    orthogonal_heads: bool = False
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class IntraAgents(_Agents):
    """Fields of MADQN's configuration in place of those of the arm's variant."""

    discount: Fraction = 0.0
    difference_reward: bool = True
    all_actions: bool = False
    averaging: Annotated[float, Field(ge=0, lt=1)] = 0.0
    reward_clip: Annotated[float, Field(gt=0, le=1_000)] = 20.0
    reward_scale: Annotated[float, Field(gt=0, le=1_000)] = 1.0
    replay_capacity: Annotated[int, Field(ge=256, le=1_000_000)] = 1_000
    learning_rate: Rate = 1e-3


World = Literal["condition", "preset"]
"""Of trainings: the condition's own, or its scenario without what the condition sets, where agents that see
impairments meet all of them."""


class Arm(_Model):
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
    set: Overrides = {}
    """Scenario fields, on top of the condition's."""

    @model_validator(mode="after")
    def _training(self) -> Self:
        for name in ("gate", "inter_agents", "intra_agents", "trained_in", "inter_training_s", "intra_training_slots"):
            if getattr(self, name) is not None and not self.trained:
                raise ValueError(f"{name}: needs trained: true")
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


class Condition(_Model):
    """The world that all arms meet."""

    scenario: str = "base"
    set: Overrides = {}
    x: float | None = None
    """Place on the figure's axis."""
    panel: Label | None = None
    """Title of its panel of the figure, where not all share one."""
    control_delay_slots: Annotated[int, Field(ge=0, le=MAX_CONTROL_DELAY_SLOTS)] = 0


class Size(_Model):
    """How much is run."""

    seeds: Annotated[int, Field(ge=1, le=1_000)]
    episodes: Annotated[int, Field(ge=0, le=100)]
    """Frozen episodes a seed, each in a world of its own; 0: only trainings are looked at."""
    duration_s: Annotated[int, Field(ge=1, le=3_600)]
    """Simulated seconds of an episode."""
    intra_training_slots: Annotated[int, Field(ge=300, le=10_000_000)] = 20_000
    inter_training_s: Annotated[int, Field(ge=5, le=100_000)] | None = None
    """Null: what the agents' configuration says (1,000 s; 3,000 s of the tuned LSTM)."""


QUICK = Size(seeds=2, episodes=1, duration_s=4, intra_training_slots=2_000, inter_training_s=40)


MIN_PROBABILITY = 0.95
"""Least probability of improvement of a comparison."""


class _Rule(_Model):
    measure: str
    conditions: list[str] | None = None
    """Left out: all."""


class Comparison(_Rule):
    """`greater` or `less`: a against each b, pair by pair of seeds, in each condition or pooled over them.

    Holds where the 95 % interval of the paired difference lies beyond 0 and the probability of improvement reaches .95.
    """

    test: Literal["greater", "less"]
    a: str
    b: list[str]
    measure_b: str | None = None
    """Another measure for b."""
    pooled: bool = False
    """Over all conditions together, the strata of the bootstrap; else in each."""


class Equivalence(_Rule):
    """`difference`: the 95 % interval of a - b lies within low..high, in each condition."""

    test: Literal["difference"]
    a: str
    b: str
    low: float
    high: float


class Threshold(_Rule):
    """`above` or `below`: the 95 % interval of a lies on that side of the value, in each condition."""

    test: Literal["above", "below"]
    a: str
    value: float


class Trend(_Rule):
    """`falls` or `rises`: a along the conditions, in no step surely against the trend, and beyond 0 from first to last.

    Differences are paired, and judged by their 95 % intervals.
    """

    test: Literal["falls", "rises"]
    a: str


class Ratio(_Rule):
    """`ratio`: the 95 % interval of a in the last condition over a in the first, seed by seed, lies in low..high."""

    test: Literal["ratio"]
    a: str
    low: float
    high: float


class Retention(_Rule):
    """`keeps-less`: from the first condition to the last a keeps a smaller share of the measure than each b.

    Judged as a `less` of the seeds' shares.
    """

    test: Literal["keeps-less"]
    a: str
    b: Annotated[list[str], Field(min_length=1)]
    conditions: Annotated[list[str], Field(min_length=2, max_length=2)]


class Share(_Rule):
    """`share`: a reaches at least this share of the best of b, in every single seed, in each condition."""

    test: Literal["share"]
    a: str
    b: Annotated[list[str], Field(min_length=1)]
    least: Annotated[float, Field(gt=0, le=10)]


Rule = Annotated[Comparison | Equivalence | Threshold | Trend | Ratio | Retention | Share, Field(discriminator="test")]


def arms_of(rule: Rule) -> list[str]:
    """The arms that a rule looks at."""
    if isinstance(rule, Comparison | Retention | Share):
        return [rule.a, *rule.b]
    return [rule.a, rule.b] if isinstance(rule, Equivalence) else [rule.a]


def _one_or_several(given: Any) -> Any:
    return given if isinstance(given, list) else [given]


Rules = Annotated[list[Rule], Field(min_length=1), BeforeValidator(_one_or_several)]
"""One rule, or a list of which all must hold."""


class Claim(_Model):
    """A statement of the paper in our words, and the readings under which the data may confirm it.

    Readings are alternatives, of which any confirms the claim under its name; all rules of a reading must hold.
    """

    text: Annotated[str, Field(min_length=1)]
    section: Annotated[str, Field(pattern=r"^(IV-[C-H]|ours)$")]
    readings: Annotated[dict[Label, Rules], Field(min_length=1)]


class Plot(_Model):
    """What the figure shows: a panel a measure (or curve), for each of the conditions' panels where they have any."""

    kind: Literal["bars", "lines", "curves"]
    show: Annotated[list[str], Field(min_length=1, max_length=6)]
    x_label: str = ""
    x_log: bool = False

    @model_validator(mode="after")
    def _names(self) -> Self:
        _check_names("show", self.show, SERIES if self.kind == "curves" else MEASURES)
        return self


class Experiment(_Model):
    """One figure of the paper, or one question of ours."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")]
    title: Annotated[str, Field(min_length=1)]
    question: Annotated[str, Field(min_length=1)]
    figure: str | None = None
    """The paper's."""
    paper: str | None = None
    """What that figure shows, as far as the text says."""
    headline: bool = False
    host: Literal["in-process", "system", "snapshots"] = "in-process"
    """`system`: episodes run as processes over E2, in lock-step, one at a time. `snapshots`: in their place the
    intra-slice level decides single slots of every world, as many of each slice as go into the duration, a
    hundredth of a second apart."""
    arms: Annotated[dict[Label, Arm], Field(min_length=1)]
    conditions: Annotated[dict[Label, Condition], Field(min_length=1)]
    trained_in: World = "condition"
    reference: str | None = None
    """Arm in whose share results are also given."""
    measures: Annotated[list[str], Field(min_length=1)]
    plot: Plot
    full: Size
    quick: Size = QUICK
    claims: list[Claim] = []

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _check_names("measures", self.measures, self._possible_measures())
        if "eta_bps_hz" in self.measures and "goodput_bps_hz" not in self.measures:
            raise ValueError("measures: eta_bps_hz, which rises with the queues, needs goodput_bps_hz beside it")
        if self.reference is not None:
            _check_names("reference", [self.reference], self.arms)
        least = HEADLINE_SEEDS if self.headline else OTHER_SEEDS
        if self.full.seeds < least:
            raise ValueError(f"full.seeds: must be at least {least} (given {self.full.seeds})")
        for condition in self.conditions.values() if self.plot.kind == "lines" else ():
            if condition.x is None:
                raise ValueError("conditions: each needs x where the plot has lines")
        for claim in self.claims:
            for rule in (rule for rules in claim.readings.values() for rule in rules):
                self._check_rule(rule)
        return self

    def _possible_measures(self) -> Iterable[str]:
        if self.full.episodes == 0:
            return TRAINING_MEASURES
        if self.host == "snapshots":
            return {**SNAPSHOT_MEASURES, **TRAINING_MEASURES}
        own = SYSTEM_MEASURES if self.host == "system" else {}
        return {**EPISODE_MEASURES, **own, **TRAINING_MEASURES}

    def _check_rule(self, rule: Rule) -> None:
        second = rule.measure_b if isinstance(rule, Comparison) else None
        _check_names("claims", arms_of(rule), self.arms)
        _check_names("claims", rule.conditions or [], self.conditions)
        _check_names("claims", [rule.measure, *([second] if second else [])], self._possible_measures())

    @cached_property
    def requests(self) -> dict[tuple[str, str], RunRequest]:
        """What each (arm, condition) is, resolved: scenario with its pins, and policies.

        Raises:
            ExperimentError: naming arm, condition and the field that cannot be.
        """
        return {
            (label, where): self._request(label, arm, where, condition, {**condition.set, **arm.set})
            for label, arm in self.arms.items()
            for where, condition in self.conditions.items()
        }

    def training_request(self, label: str, where: str) -> RunRequest:
        """The world in which an arm is trained for a condition."""
        arm, condition = self.arms[label], self.conditions[where]
        if arm.trained_for is not None:
            condition = condition.model_copy(update={"control_delay_slots": arm.trained_for})
        own = condition.set if (arm.trained_in or self.trained_in) == "condition" else {}
        return self._request(label, arm, where, condition, {**own, **arm.set})

    def _request(self, label: str, arm: Arm, where: str, condition: Condition, overrides: dict[str, Any]) -> RunRequest:
        try:
            request = make_request(
                scenario=condition.scenario,
                overrides=[f"{name}={_flow(value)}" for name, value in overrides.items()],
                scheduler=arm.scheduler,
                inter=arm.inter,
                intra=arm.intra,
                trigger=arm.trigger,
                seed=0,
                duration_s=1.0,
                slots=None,
                clock="lockstep",
                control_delay=str(condition.control_delay_slots),
                learn=False,
                from_scratch=arm.trained,
                set_agents=arm.options.assignments(),
                in_process=self.host != "system",
            )
        except RequestError as error:
            raise ExperimentError(f"{self.name}: arm {label!r} in {where!r}: {error}") from error
        if arm.trained:
            self._check_trained(label, arm, request.scheduler)
        self._check_levels(label, arm, request.scheduler)
        return request

    def _check_levels(self, label: str, arm: Arm, scheduler: Scheduler) -> None:
        """Whether an arm has the levels that what is asked of it needs."""
        here = f"{self.name}: arm {label!r}:"
        agents = agents_that_can_learn(scheduler)
        if self.host != "in-process" and (arm.learns_on or arm.control):
            raise ExperimentError(f"{here} learns_on and control: only where host is in-process")
        if self.host == "snapshots" and any(item.control_delay_slots for item in self.conditions.values()):
            raise ExperimentError(f"{self.name}: conditions: control_delay_slots must be 0 where host is snapshots")
        if self.host == "snapshots" and SLICE_NAMES[0] not in agents:
            raise ExperimentError(f"{here} intra: {scheduler.intra} does not learn, as host: snapshots needs")
        if self.host == "snapshots" and arm.options != DEFAULT_OPTIONS:
            raise ExperimentError(f"{here} options: must be left out where host is snapshots")
        if arm.learns_on and len(agents) <= len(SLICE_NAMES):
            raise ExperimentError(f"{here} learns_on: one of its levels does not learn")
        if arm.control == "misled" and "inter" not in agents:
            raise ExperimentError(f"{here} control: its inter-slice policy does not learn")

    def _check_trained(self, label: str, arm: Arm, scheduler: Scheduler) -> None:
        """Whether an arm's agents can be trained as it says."""
        here = f"{self.name}: arm {label!r}:"
        if self.host == "system":
            raise ExperimentError(f"{here} trained: must be false where host is system, which runs the shipped agents")
        agents = agents_that_can_learn(scheduler)
        for field in ("gate", "inter_agents") if "inter" not in agents else ():
            if getattr(arm, field) is not None:
                raise ExperimentError(f"{here} {field}: its inter-slice policy does not learn")
        if arm.intra_agents is not None and SLICE_NAMES[0] not in agents:
            raise ExperimentError(f"{here} intra_agents: its intra-slice policy does not learn")
        if arm.inter_agents is not None:
            try:
                changed_config(scheduler.inter, arm.inter_changes)
            except ValueError as error:
                raise ExperimentError(f"{here} inter_agents: {error}") from error
        if arm.intra_agents is not None:
            try:
                changed_dqn_config(scheduler.intra, arm.intra_changes)
            except ValueError as error:
                raise ExperimentError(f"{here} intra_agents: {error}") from error

    @property
    def learns(self) -> bool:
        """Whether any arm learns (which needs PyTorch)."""
        return any(arm.trained or arm.learns_on for arm in self.arms.values())


def _flow(value: Any) -> str:
    """A value as one line of YAML."""
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("...\n").strip()


def _check_names(field: str, given: Iterable[str], known: Iterable[str]) -> None:
    for name in given:
        if name not in known:
            raise ValueError(f"{field}: {name!r} is none of {', '.join(known)}")


_SHARED = ("headline", "host", "arms", "conditions", "trained_in", "reference", "full", "quick")
"""What an experiment may take from another."""


def parse_experiment(data: Any, name: str) -> Experiment:
    """An experiment from plain data; all its runs can be made.

    Args:
        data: fields of an Experiment; with `like`, the name of one in the catalogue, those of `_SHARED` that are left
            out are that one's.
        name: the experiment's.

    Raises:
        ExperimentError: each wrong field with its range.
    """
    if not isinstance(data, dict):
        raise ExperimentError(f"experiment {name}: must hold fields, not a {type(data).__name__}")
    if "like" in data:
        other = _like(data["like"], name)
        data = {**{field: other[field] for field in _SHARED if field in other}, **data}
        del data["like"]
    try:
        experiment = Experiment.model_validate({"name": name, **data})
    except ValidationError as error:
        raise ExperimentError(f"experiment {name}: {describe_errors(error, Experiment, whole='experiment')}") from error
    _ = experiment.requests  # raises where one cannot be made
    return experiment


def catalogue_names() -> list[str]:
    """Names of the experiments that come with the package, figures first."""
    files = resources.files("hiso.experiments").joinpath("catalogue").iterdir()
    names = [file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")]
    return sorted(names, key=lambda name: (not name.startswith("fig"), name))


def load_experiment(name_or_path: str) -> Experiment:
    """An experiment by its name in the catalogue, or from a YAML file.

    Raises:
        ExperimentError: neither, or it cannot be used.
    """
    if name_or_path in catalogue_names():
        return _parse_text(_catalogue_text(name_or_path), name_or_path)
    if not name_or_path.endswith((".yaml", ".yml")):
        known = ", ".join(catalogue_names())
        raise ExperimentError(f"experiment: {name_or_path!r} is neither a YAML file nor one of {known}")
    try:
        text = Path(name_or_path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ExperimentError(f"experiment: {name_or_path} cannot be read: {error}") from error
    return _parse_text(text, Path(name_or_path).stem)


def _catalogue_text(name: str) -> str:
    return resources.files("hiso.experiments").joinpath("catalogue", f"{name}.yaml").read_text(encoding="utf-8")


def _like(other: Any, name: str) -> dict[str, Any]:
    """The fields of an experiment of the catalogue that is like no other itself."""
    if other not in catalogue_names():
        raise ExperimentError(f"experiment {name}: like: {other!r} is none of {', '.join(catalogue_names())}")
    fields: dict[str, Any] = yaml.safe_load(_catalogue_text(other))
    if "like" in fields:
        raise ExperimentError(f"experiment {name}: like: {other!r} is like another itself, name that one")
    return fields


def _parse_text(text: str, name: str) -> Experiment:
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ExperimentError(f"experiment {name}: not YAML: {error}") from error
    return parse_experiment(data, name)
