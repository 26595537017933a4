"""Every experiment of the catalogue, in its smallest form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from hiso.experiments.claims import check
from hiso.experiments.execute import Tally, execute
from hiso.experiments.loading import catalogue_names, load_experiment, parse_experiment
from hiso.experiments.results import Results
from hiso.experiments.run import Run
from hiso.experiments.runs import Plan, expand
from hiso.experiments.spec import Experiment, Size
from hiso.experiments.store import Result, Store

pytestmark = [pytest.mark.slow, pytest.mark.torch, pytest.mark.timeout(600)]

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


@dataclass(frozen=True, slots=True)
class Made:
    """What the smallest forms gave."""

    experiments: list[Experiment]
    plans: list[Plan]
    """In the order of the experiments."""
    store: Store
    failed: list[str]

    def results(self, plan: Plan) -> Results:
        found = {key: result for key in plan.runs if (result := self.store.get(key)) is not None}
        return Results(plan, quick=True, found=found)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    experiments = [load_experiment(name) for name in catalogue_names()]
    plans = [smallest(experiment) for experiment in experiments]
    runs: dict[str, Run] = {}
    for plan in plans:
        runs |= plan.runs
    failed: list[str] = []
    store = Store(tmp_path_factory.mktemp("results"))

    def watch(tally: Tally, run: Run | None) -> None:
        if run is not None and tally.failed > len(failed):
            result = store.get(run.key)
            failed.append(f"{run.name}: {result.error if result else 'not stored'}")

    execute(runs, store, 2, watch)
    return Made(experiments, plans, store, failed)


def test_every_experiment_gives_every_measure_of_every_arm(made: Made) -> None:
    assert not made.failed, "\n".join(made.failed)
    missing = []
    for plan in made.plans:
        results = made.results(plan)
        missing += [
            (plan.experiment.name, arm, measure)
            for arm, where in plan.units
            for measure in plan.experiment.measures
            if math.isnan(results.values(arm, where, measure)[0]) and not _may_be_empty(plan, arm, measure)
        ]
    assert not missing


def test_every_experiment_has_its_page_figure_and_verdicts_in_all_conditions(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow")
    figure = pytest.importorskip("matplotlib.figure")
    from hiso.experiments.report import write_report

    assert not made.failed
    drawn: list[str] = []  # and not written, which takes a second each
    monkeypatch.setattr(figure.Figure, "savefig", lambda _figure, path, **_: drawn.append(path.name))
    found = [
        in_all_conditions(experiment, made.results(plan))
        for experiment, plan in zip(made.experiments, made.plans, strict=True)
    ]
    write_report(found, tmp_path / "results.md")
    assert drawn == [f"{experiment.name}.{kind}" for experiment in made.experiments for kind in ("svg", "png")]
    undecided, empty = [], []
    for results in found:
        experiment = results.experiment
        text = (tmp_path / f"results/{experiment.name}.md").read_text()
        empty += [
            (experiment.name, where, name)
            for name in experiment.plot.show
            for where in experiment.conditions
            if not any(_shown(results, arm, where, name) for arm in experiment.arms) and not _takes_longer(name)
        ]
        for claim in experiment.claims:
            assert f"**{claim.text}** ({claim.section}): **" in text
            undecided += [
                (experiment.name, claim.text, name)
                for name, rules in claim.readings.items()
                for rule in rules
                if not _takes_longer(rule.measure) and check(rule, results).holds is None
            ]
    assert not undecided
    assert not empty, empty


def _shown(results: Results, arm: str, where: str, name: str) -> bool:
    if results.experiment.plot.kind == "curves":
        return results.curves(arm, where, name).size > 0
    return not math.isnan(results.values(arm, where, name)[0])


def in_all_conditions(experiment: Experiment, results: Results) -> Results:
    """Made of the last condition's results: each run has those of the run that has its place there."""
    last = results.plan
    plan = expand(experiment, last.size)
    found: dict[str, Result] = {}
    for (arm, _), units in plan.units.items():
        (here,) = (units for (label, _), units in last.units.items() if label == arm or len(last.units) == 1)
        for unit, other in zip(units, here, strict=True):
            own, others = (*unit.trainings, *unit.episodes), (*other.trainings, *other.episodes)
            found |= {key: results.found[same] for key, same in zip(own, others, strict=True)}
    return Results(plan, quick=True, found=found)


def _may_be_empty(plan: Plan, arm: str, measure: str) -> bool:
    """What belongs to trainings that an arm has none of; what needs more than five seconds of them."""
    units = (unit for (label, _), found in plan.units.items() if label == arm for unit in found)
    kinds = {plan.runs[key].kind for unit in units for key in unit.trainings}
    if measure.startswith(("inter_", "online_")):
        return "train-inter" not in kinds or _takes_longer(measure)
    return (measure.startswith(("intra_", "training_")) and not kinds) or _takes_longer(measure)


def _takes_longer(measure: str) -> bool:
    return "_loss_" in measure or measure.startswith("delay_")
