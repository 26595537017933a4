"""One run, and its key: made of all that decides its result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal

from hiso.experiments.digest import code_digest
from hiso.training.gating import Gate

Kind = Literal["train-intra", "train-inter", "choose-inter", "episode", "system", "snapshots"]

Control = Literal["untrained", "misled", "equal-power"]
"""Weights drawn anew by the episode's seed; budgets by the seconds of another world; or without the power agent, every
slice having a third of the power."""

BUDGET_CONTROLS = ("misled", "equal-power")
"""Those that need an inter-slice policy that learns."""


@dataclass(frozen=True)
class Run:
    """One thing to compute, with all that decides its result."""

    kind: Kind
    scenario: dict[str, Any]
    inter: str
    intra: str
    trigger: str
    seed: int
    control_delay_slots: int
    slots: int
    options: dict[str, Any] = field(default_factory=dict)
    """Of the agents."""
    inter_weights: str | None = None
    """Key of the training, or id of the shipped weights; None: there are none."""
    intra_weights: str | None = None
    gate: Gate | None = None
    varied: bool = False
    """A training under every impairment and, of the inter-slice level, sooner changing mixes of loads."""
    inter_agents: dict[str, Any] = field(default_factory=dict)
    intra_agents: dict[str, Any] = field(default_factory=dict)
    learns_on: bool = False
    """An episode in which both levels go on learning."""
    control: Control | None = None
    candidates: tuple[str, ...] = ()
    """Keys of the inter-slice trainings of which one is chosen."""

    @property
    def content(self) -> dict[str, Any]:
        """The fields as plain data; a run without candidates has none, as before there were any."""
        content = {item.name: getattr(self, item.name) for item in fields(self)}
        return content if self.candidates else {name: value for name, value in content.items() if name != "candidates"}

    @property
    def needs(self) -> tuple[str, ...]:
        """Keys of the trainings, or ids of the shipped weights, that it starts from."""
        return tuple(name for name in (self.inter_weights, self.intra_weights, *self.candidates) if name is not None)

    def needing(self, names: Mapping[str, str]) -> Run:
        """The run with what it needs under other names, where there are such."""
        inter, intra = (name and names.get(name, name) for name in (self.inter_weights, self.intra_weights))
        candidates = tuple(names.get(name, name) for name in self.candidates)
        return replace(self, inter_weights=inter, intra_weights=intra, candidates=candidates)

    @cached_property
    def key(self) -> str:
        """SHA-256 of the run and of the code that decides it."""
        return key_of(self.content, code_digest(system=self.kind == "system"))

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.kind} {self.scenario['name']} {self.inter}+{self.intra}+{self.trigger} seed {self.seed}"


def key_of(content: Mapping[str, Any], code: str) -> str:
    """Key of a run by its content and the digest of the code that decides it."""
    return hashlib.sha256(json.dumps([content, code], sort_keys=True).encode()).hexdigest()
