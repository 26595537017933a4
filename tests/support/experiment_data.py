"""Experiments of a few fields, and stores filled by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hiso.experiments.loading import parse_experiment
from hiso.experiments.run import Run
from hiso.experiments.runs import expand
from hiso.experiments.spec import Experiment
from hiso.experiments.store import Result, Store

MINIMAL: dict[str, Any] = {
    "title": "Two rules",
    "question": "Which is better?",
    "arms": {"a": {"scheduler": "gga"}, "b": {"scheduler": "eea"}},
    "conditions": {"calm": {"set": {"users": 12}, "x": 1}, "busy": {"set": {"users": 15}, "x": 2}},
    "measures": ["utility"],
    "plot": {"kind": "bars", "show": ["utility"]},
    "full": {"seeds": 5, "episodes": 1, "duration_s": 2},
    "quick": {"seeds": 2, "episodes": 1, "duration_s": 1},
}


def experiment(**changed: Any) -> Experiment:
    """The minimal experiment with fields exchanged."""
    return parse_experiment({**MINIMAL, **changed}, "two-rules")


def fill(store: Store, what: Experiment, values: dict[tuple[str, str], list[float]], measure: str = "utility") -> None:
    """Store a value for each seed of (arm, condition), as full-size runs with one episode a seed."""
    store.prepare()
    plan = expand(what, what.full)
    for place, numbers in values.items():
        for unit, value in zip(plan.units[place], numbers, strict=True):
            for key in (*unit.trainings, *unit.episodes):
                put(store, plan.runs[key], {measure: value})


def put(store: Store, run: Run, measures: dict[str, float | None], error: str | None = None) -> None:
    """Store a result."""
    store.put(run, Result(run.content, measures, {}, 1.0, 1, error))


def store_in(folder: Path) -> Store:
    """A store that is ready."""
    store = Store(folder)
    store.prepare()
    return store
