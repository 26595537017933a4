"""Every experiment of the catalogue, in its smallest form."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from hiso.experiments.execute import Tally, execute
from hiso.experiments.loading import catalogue_names, load_experiment, parse_experiment
from hiso.experiments.results import Results
from hiso.experiments.run import Run
from hiso.experiments.runs import Plan, expand
from hiso.experiments.spec import Experiment, Size
from hiso.experiments.store import Store

SMALLEST = Size(seeds=1, episodes=1, duration_s=1, intra_training_slots=300, inter_training_s=5)


def smallest(experiment: Experiment) -> Plan:
    """One seed, a second, and the last condition only: arms, agents and measures are all there."""
    where = list(experiment.conditions)[-1]
    episodes = min(1, experiment.full.episodes)
    fields = experiment.model_dump(exclude_unset=True)
    fields |= {"conditions": {where: fields["conditions"][where]}, "claims": []}
    if experiment.host == "system":  # which takes seconds to start: one arm, with agents that are told something
        arm = next(label for label, arm in experiment.arms.items() if arm.options.assignments())
        fields |= {"arms": {arm: fields["arms"][arm]}, "reference": None}
    return expand(parse_experiment(fields, experiment.name), SMALLEST.model_copy(update={"episodes": episodes}))


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.timeout(600)
def test_every_experiment_gives_every_measure_of_every_arm(tmp_path: Path) -> None:
    plans = [smallest(load_experiment(name)) for name in catalogue_names()]
    runs: dict[str, Run] = {}
    for plan in plans:
        runs |= plan.runs
    failed: list[str] = []
    store = Store(tmp_path)

    def watch(tally: Tally, run: Run | None) -> None:
        if run is not None and tally.failed > len(failed):
            result = store.get(run.key)
            failed.append(f"{run.name}: {result.error if result else 'not stored'}")

    execute(runs, store, 2, watch)
    assert not failed, "\n".join(failed)
    missing = []
    for plan in plans:
        found = {key: result for key in plan.runs if (result := store.get(key)) is not None}
        results = Results(plan, quick=True, found=found)
        missing += [
            (plan.experiment.name, arm, measure)
            for arm, where in plan.units
            for measure in plan.experiment.measures
            if math.isnan(results.values(arm, where, measure)[0]) and not _may_be_empty(plan, arm, measure)
        ]
    assert not missing


def _may_be_empty(plan: Plan, arm: str, measure: str) -> bool:
    """What belongs to trainings, where an arm has none; what needs more than five seconds of them."""
    learner = measure.startswith(("inter_", "intra_", "online_", "training_"))
    return (learner and not plan.experiment.arms[arm].trained) or "_loss_" in measure or measure.startswith("delay_")
