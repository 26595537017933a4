"""What an experiment is: arms x conditions x seeds, what is measured, and the claims that the data decide.

An arm is who decides, a condition is the world; every arm meets the same worlds (common random numbers).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, model_validator

from hiso.experiments.arms import Arm, Condition, World
from hiso.experiments.fields import Label, Model, check_names
from hiso.experiments.measures import (
    EPISODE_MEASURES,
    MEASURES,
    SERIES,
    SNAPSHOT_MEASURES,
    SYSTEM_MEASURES,
    TRAINING_MEASURES,
)
from hiso.experiments.rules import Claim, Comparison, Ratio, Rule, Trend, arms_of
from hiso.experiments.run import BUDGET_CONTROLS
from hiso.run_request import RequestError, RunRequest, agents_that_can_learn, make_request
from ran_emulator.scenario import SLICE_NAMES, Csi
from xapps.slicing.inter.coma2c import changed_config
from xapps.slicing.intra.config import changed_dqn_config
from xapps.slicing.options import DEFAULT_OPTIONS
from xapps.slicing.schedulers import Scheduler

HEADLINE_SEEDS, OTHER_SEEDS = 10, 5
"""Least numbers of training seeds of an experiment at full size."""


class ExperimentError(ValueError):
    """An experiment, or a choice of experiments, that cannot be used; the message names field and allowed range."""


class Size(Model):
    """How much is run."""

    seeds: Annotated[int, Field(ge=1, le=1_000)]
    episodes: Annotated[int, Field(ge=0, le=50)]
    """Frozen episodes a seed, each in a world of its own; 0: only trainings are looked at."""
    duration_s: Annotated[int, Field(ge=1, le=3_600)]
    """Simulated seconds of an episode."""
    intra_training_slots: Annotated[int, Field(ge=300, le=10_000_000)] = 20_000
    inter_training_s: Annotated[int, Field(ge=5, le=100_000)] | None = None
    """Null: what the agents' configuration says (1,000 s; 3,000 s of the tuned LSTM)."""


QUICK = Size(seeds=2, episodes=1, duration_s=4, intra_training_slots=2_000, inter_training_s=40)


class Plot(Model):
    """What the figure shows: a panel a measure (or curve), for each of the conditions' panels where they have any."""

    kind: Literal["bars", "lines", "curves"]
    show: Annotated[list[str], Field(min_length=1, max_length=6)]
    x_label: str = ""
    x_log: bool = False
    y_log: bool = False
    """For arms whose values lie apart by powers of ten."""

    @model_validator(mode="after")
    def _names(self) -> Self:
        check_names("show", self.show, SERIES if self.kind == "curves" else MEASURES)
        return self


class Experiment(Model):
    """One figure of the paper, or one question of ours."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")]
    title: Annotated[str, Field(min_length=1)]
    question: Annotated[str, Field(min_length=1)]
    figure: str | None = None
    """The paper's."""
    paper: str | None = None
    """What that figure shows, as far as the text says."""
    note: str | None = None
    """What a reader of its numbers has to know."""
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
    judged: str | None = None
    """The measure of those shares and of the least episode; left out: the first that is not eta, which in closed loop
    rises when queues grow."""
    measures: Annotated[list[str], Field(min_length=1)]
    plot: Plot
    full: Size
    quick: Size = QUICK
    claims: Annotated[list[Claim], Field(default_factory=list)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_names("measures", self.measures, self._possible_measures())
        if "eta_bps_hz" in self.measures and "goodput_bps_hz" not in self.measures:
            raise ValueError("measures: eta_bps_hz, which rises with the queues, needs goodput_bps_hz beside it")
        self._check_candidates()
        if self.reference is not None:
            check_names("reference", [self.reference], self.arms)
        if self.judged is not None:
            check_names("judged", [self.judged], self.measures)
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

    @property
    def compared(self) -> str:
        """The measure of which shares of the reference and least episodes are given."""
        others = (name for name in self.measures if not name.startswith("eta_"))
        return self.judged or next(others, self.measures[0])

    def _check_candidates(self) -> None:
        """Of an arm whose agents are the best of several trainings no figure is that of its training."""
        several = [label for label, arm in self.arms.items() if arm.inter_candidates > 1]
        named = [name for name in self.measures if name.startswith(("inter_", "online_"))]
        if self.plot.kind == "curves":
            named += [name for name in self.plot.show if not name.startswith("intra_")]
        if several and named:
            raise ValueError(f"arms: {several[0]!r}: inter_candidates must be 1 where {named[0]} is shown")

    def _possible_measures(self) -> Iterable[str]:
        if self.full.episodes == 0:
            return TRAINING_MEASURES
        if self.host == "snapshots":
            return {**SNAPSHOT_MEASURES, **TRAINING_MEASURES}
        own = SYSTEM_MEASURES if self.host == "system" else {}
        return {**EPISODE_MEASURES, **own, **TRAINING_MEASURES}

    def _check_rule(self, rule: Rule) -> None:
        second = rule.measure_b if isinstance(rule, Comparison) else None
        check_names("claims", arms_of(rule), self.arms)
        check_names("claims", rule.conditions or [], self.conditions)
        among = rule.conditions or list(self.conditions)
        if isinstance(rule, Trend | Ratio) and among[0] == among[-1]:
            raise ValueError(f"claims: {rule.test}: its first and last conditions must differ (given {among})")
        check_names("claims", [rule.measure, *([second] if second else [])], self._possible_measures())

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
                clock="lockstep",
                control_delay=str(condition.control_delay_slots),
                from_scratch=arm.trained,
                set_agents=arm.options.assignments(),
                in_process=self.host != "system",
            )
        except RequestError as error:
            raise ExperimentError(f"{self.name}: arm {label!r} in {where!r}: {error}") from error
        if arm.trained:
            self._check_trained(label, arm, request.scheduler)
        self._check_levels(label, arm, request.scheduler)
        if self.host == "snapshots":
            self._check_snapshots(label, arm, request)
        return request

    def _check_levels(self, label: str, arm: Arm, scheduler: Scheduler) -> None:
        """Whether an arm has the levels that what is asked of it needs."""
        here = f"{self.name}: arm {label!r}:"
        agents = agents_that_can_learn(scheduler)
        if self.host != "in-process" and (arm.learns_on or arm.control):
            raise ExperimentError(f"{here} learns_on and control: only where host is in-process")
        if self.host == "system" and arm.trained_for is not None:
            raise ExperimentError(f"{here} trained_for: must be left out where host is system")
        if arm.learns_on and len(agents) <= len(SLICE_NAMES):
            raise ExperimentError(f"{here} learns_on: one of its levels does not learn")
        if arm.control in BUDGET_CONTROLS and "inter" not in agents:
            raise ExperimentError(f"{here} control: its inter-slice policy does not learn")

    def _check_snapshots(self, label: str, arm: Arm, request: RunRequest) -> None:
        """Whether rates on snapshots are those of the cell, for agents like those of the untrained control."""
        here, scenario = f"{self.name}: arm {label!r}:", request.scenario
        if request.control_delay_slots:
            raise ExperimentError(f"{self.name}: conditions: control_delay_slots must be 0 where host is snapshots")
        if SLICE_NAMES[0] not in agents_that_can_learn(request.scheduler):
            raise ExperimentError(f"{here} intra: {request.scheduler.intra} does not learn, as host: snapshots needs")
        if arm.options != DEFAULT_OPTIONS:
            raise ExperimentError(f"{here} options: must be left out where host is snapshots")
        known = {"access": "rsma", "precoder": "codebook", "common_beam": "random"}
        known |= {name: field.default for name, field in Csi.model_fields.items()}
        for name, value in known.items():
            if getattr(scenario, name) != value:
                raise ExperimentError(
                    f"{here} {name}: must be {value} where host is snapshots, not {getattr(scenario, name)}"
                )

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
