"""The stored results of an experiment as values by arm, condition and seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hiso.experiments.runs import Plan, Unit, expand
from hiso.experiments.spec import Experiment
from hiso.experiments.statistics import (
    BOOTSTRAP_SEED,
    F64,
    Estimate,
    estimate,
    paired_difference,
    probability_of_improvement,
)
from hiso.experiments.store import Result, Store
from ran_emulator.scenario import SLOTS_PER_SECOND

Place = tuple[str, str, str]
"""Arm, condition and measure."""

_EARLY = 0.3
"""Of a training: 300 of 1,000 s, in which the paper saw impairments disturb it (Section IV-D)."""

_EARLY_VARIATIONS = {"online_variation_early": "utility", "online_eta_variation_early": "eta_bps_hz"}
"""Measures that are made of a curve."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """Numbers of seeds whose values are not all there."""

    missing: int
    """With runs that have not been made."""
    failed: int
    """With runs that failed."""
    silent: int
    """Whose runs have been made and measured nothing: nothing was delivered, a training did not converge."""


@dataclass(frozen=True, slots=True)
class Results:
    """Results of a plan, as far as there are any."""

    plan: Plan
    quick: bool
    found: dict[str, Result]

    @property
    def experiment(self) -> Experiment:
        """What was asked."""
        return self.plan.experiment

    @property
    def failed(self) -> int:
        """Runs that are stored as failed."""
        return sum(result.error is not None for result in self.found.values())

    @property
    def complete(self) -> bool:
        """Whether every run has been made."""
        return len(self.found) == len(self.plan.runs)

    @property
    def jobs(self) -> list[int]:
        """Numbers of runs that were made at the same time."""
        return sorted({result.jobs for result in self.found.values()})

    def values(self, arm: str, condition: str, measure: str) -> F64:
        """A measure of each seed, [N]; NaN where a run of the seed is missing or failed, or measured nothing."""
        return np.array([self._value(unit, measure) for unit in self.plan.units[arm, condition]])

    def _value(self, unit: Unit, measure: str) -> float:
        if not self._made(unit):
            return math.nan
        if measure == "training_cpu_s":
            return self._training_cpu_s(unit)
        parts = [self._measured(key, measure) for key in (*unit.trainings, *unit.episodes)]
        known = [part for part in parts if part is not None]
        return float(np.mean(known)) if known else math.nan

    def _stored(self, unit: Unit) -> list[Result | None]:
        """Of each of its runs; None: has not been made."""
        return [self.found.get(key) for key in (*unit.trainings, *unit.episodes)]

    def _made(self, unit: Unit) -> bool:
        return all(result is not None and result.error is None for result in self._stored(unit))

    def _training_cpu_s(self, unit: Unit) -> float:
        """Of all levels that were trained."""
        parts = [
            math.nan if value is None else value
            for key in unit.trainings
            for name, value in self.found[key].measures.items()
            if name.endswith("training_cpu_s")
        ]
        return float(np.sum(parts)) if parts else math.nan

    def _measured(self, key: str, measure: str) -> float | None:
        """A run's value; None: the run has no such measure; NaN: it measured nothing."""
        result = self.found[key]
        if measure in _EARLY_VARIATIONS:
            return _early_variation(np.array(result.series.get(_EARLY_VARIATIONS[measure], ()), dtype=float))
        if measure not in result.measures:
            return None
        value = result.measures[measure]
        if value is None:
            return math.nan
        # Still away from its end in the last window: it has no time of convergence.
        late = measure == "inter_convergence_s" and value > self.plan.runs[key].slots / SLOTS_PER_SECOND
        return math.nan if late else value

    def gaps(self, places: Iterable[Place]) -> Gaps:
        """Seeds that lack a value."""
        places = list(dict.fromkeys(places))
        missing = failed = 0
        for arm, where in dict.fromkeys((arm, where) for arm, where, _ in places):
            for unit in self.plan.units[arm, where]:
                found = self._stored(unit)
                failed += any(result is not None and result.error is not None for result in found)
                missing += any(result is None for result in found)
        silent = sum(
            self._made(unit) and math.isnan(self._value(unit, measure))
            for arm, where, measure in places
            for unit in self.plan.units[arm, where]
        )
        return Gaps(missing, failed, silent)

    def zeros(self, arm: str, condition: str, measure: str) -> int:
        """Seeds whose value is 0, of which no share can be kept."""
        return int((self.values(arm, condition, measure) == 0).sum())

    def estimate(self, arm: str, condition: str, measure: str) -> Estimate | None:
        """Interquartile mean over seeds; None: no seed has a value."""
        return _estimated(self.values(arm, condition, measure))

    def compare(
        self, a: tuple[str, str], b: tuple[str, str], conditions: Sequence[str]
    ) -> tuple[Estimate, float] | None:
        """Paired difference a - b of (arm, measure) and the probability that a is larger; None: no pairs.

        Of the seeds that have both values in every condition.
        """
        first, second = (np.array([self.values(arm, where, name) for where in conditions]) for arm, name in (a, b))
        return _compared(first, second)

    def change(self, arm: str, measure: str, first: str, last: str) -> Estimate | None:
        """Paired difference of an arm between two conditions, last - first; None: no pairs."""
        return _estimated(self.values(arm, last, measure) - self.values(arm, first, measure))

    def kept(self, arm: str, measure: str, first: str, last: str) -> F64:
        """A measure in the last condition over that in the first, of each seed, [N]; NaN where one is missing or 0."""
        before, after = self.values(arm, first, measure), self.values(arm, last, measure)
        kept: F64 = np.divide(after, before, out=np.full(len(before), math.nan), where=before != 0)
        return kept

    def ratio(self, arm: str, measure: str, first: str, last: str) -> Estimate | None:
        """What an arm keeps of a measure from the first condition to the last; None: no seed has both."""
        return _estimated(self.kept(arm, measure, first, last))

    def compare_kept(self, a: str, b: str, measure: str, first: str, last: str) -> tuple[Estimate, float] | None:
        """Paired difference of what two arms keep, a - b, and the probability that a keeps more; None: no pairs."""
        return _compared(self.kept(a, measure, first, last), self.kept(b, measure, first, last))

    def against_best(self, a: str, others: Sequence[str], measure: str, condition: str) -> tuple[F64, F64]:
        """Arm a's value and the best of the others' of each seed that has all, [N] each."""
        best = np.max([self.values(other, condition, measure) for other in others], axis=0)
        return _pairs(self.values(a, condition, measure), best)

    def least_episode(self, arm: str, condition: str, measure: str) -> float | None:
        """Least value of one episode; None where there are none."""
        keys = [key for unit in self.plan.units[arm, condition] for key in unit.episodes]
        values = [self.found[key].measures.get(measure) for key in keys if key in self.found]
        return min((value for value in values if value is not None), default=None)

    def curves(self, arm: str, condition: str, name: str) -> F64:
        """A curve of each seed that has one, [N, T]; NaN where there was nothing yet."""
        rows = [
            self.found[key].series[name]
            for unit in self.plan.units[arm, condition]
            for key in unit.trainings
            if key in self.found and name in self.found[key].series
        ]
        return np.array(rows, dtype=float) if rows else np.empty((0, 0))


def _rng() -> np.random.Generator:
    return np.random.default_rng(BOOTSTRAP_SEED)


def _early_variation(curve: F64) -> float | None:
    """Standard deviation of a training's first seconds over that of all later ones; None: there is no such curve."""
    if not len(curve):
        return None
    early, late = (float(np.nanstd(part)) for part in np.split(curve, [round(_EARLY * len(curve))]))
    return early / late if late > 0 else math.nan


def _estimated(values: F64) -> Estimate | None:
    known = values[~np.isnan(values)]
    return estimate(known, _rng()) if len(known) else None


def _pairs(x: F64, y: F64) -> tuple[F64, F64]:
    """Of the seeds, along the last axis, that have both values everywhere."""
    missing = np.isnan(x) | np.isnan(y)
    seeds = ~missing.reshape(-1, missing.shape[-1]).any(axis=0)
    return x[..., seeds], y[..., seeds]


def _compared(x: F64, y: F64) -> tuple[Estimate, float] | None:
    a, b = _pairs(x, y)
    return (paired_difference(a, b, _rng()), probability_of_improvement(a, b)) if a.size else None


def load_results(experiment: Experiment, store: Store) -> Results:
    """Results at the size, full or quick, of which the larger share of runs has been made; full where both are equal.

    Raises:
        StoreError: a stored file that cannot be used.
        ExperimentError: an arm that cannot be run.
    """
    sizes = [_load(experiment, store, quick=quick) for quick in (False, True)]
    return max(sizes, key=lambda results: len(results.found) / len(results.plan.runs))


def _load(experiment: Experiment, store: Store, *, quick: bool) -> Results:
    plan = expand(experiment, experiment.quick if quick else experiment.full)
    stored = {key: store.get(key) for key in plan.runs}
    return Results(plan, quick, {key: result for key, result in stored.items() if result is not None})
