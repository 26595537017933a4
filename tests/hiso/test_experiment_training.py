"""Trainings of experiments: the same as `hiso train`'s where nothing is changed, and what a gate holds back."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiso.experiments.perform import perform
from hiso.experiments.run import Run
from hiso.observe import budget_context
from hiso.training.gating import Gate, GatedAgent
from hiso.training.variety import any_impairments
from hiso.world import make_world
from ran_emulator.phy.codes import HWI_MODELS
from ran_emulator.scenario import Impairments, load_scenario
from xapps.agents import BudgetAgent
from xapps.slicing.inter.coma2c import COMA2C_CONFIGS, TUNED, CoMA2C, action_counts, initial_weights
from xapps.slicing.observation import Budgets, SecondReport
from xapps.slicing.triggers import make_trigger
from xapps.slicing.weights import Weights
from xapps.trained import find_weights, trained_name

SCENARIO = load_scenario("regimes", ["users=12"])
SECONDS = 12

pytestmark = pytest.mark.torch


def no_weights(key: str) -> Weights:
    raise AssertionError(f"{key}: nothing was trained before")


def training(inter: str, gate: Gate, trigger: str = "10-percent", **changed: Any) -> Run:
    return Run(
        kind="train-inter",
        scenario=SCENARIO.model_dump(mode="json"),
        inter=inter,
        intra="slnr",
        trigger=trigger,
        seed=3,
        control_delay_slots=0,
        slots=SECONDS * 2_000,
        gate=gate,
        **changed,
    )


@pytest.mark.parametrize(
    ("inter", "gate", "trigger"),
    [("coma2c", "both", "10-percent"), ("coma2c-tuned", "none", "always"), ("sa2c-t", "none", "always")],
)
def test_without_changes_it_is_the_training_of_hiso_train(inter: str, gate: Gate, trigger: str) -> None:
    from hiso.training.inter import train_inter, usual_training

    expected = train_inter(usual_training(SCENARIO, inter, 3, SECONDS, 0, "slnr"), "test")
    found = perform(training(inter, gate, trigger, varied=inter == "coma2c-tuned"), no_weights)
    assert found.weights is not None
    assert set(found.weights.arrays) == set(expected.arrays)
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(found.weights.arrays[name], array, err_msg=name)
    assert len(found.series["utility"]) == SECONDS


def test_the_gate_of_trainings_is_that_of_agents_that_learn_in_a_run() -> None:
    from hiso.training.inter import InterTraining
    from xapps.slicing.inter.learners import make_inter_learner

    config = replace(COMA2C_CONFIGS["coma2c"], ungated_seconds=3, training_seconds=SECONDS)
    trained = InterTraining(SCENARIO, config, 3, 0, "slnr", trigger="10-percent", gate="both")
    expected_agent, expected = trained.run(lambda _window, _stats: None)
    context, world = budget_context(SCENARIO, 0), make_world(SCENARIO, 3, 0, "slnr")
    learner = make_inter_learner(config, context, 3)
    agent = BudgetAgent(CoMA2C(config, context, 3, learning=True), make_trigger("10-percent"), learner)
    window = world.cell.window()
    for _ in range(SECONDS):
        _, window = world.second(agent.on_report(world.report(window)))
    agent.on_report(world.report(window))
    assert 3 < learner.stats.updates == expected.stats.updates < SECONDS
    assert agent.updates == expected_agent.updates
    for name, array in expected.weights().arrays.items():
        np.testing.assert_array_equal(learner.weights().arrays[name], array, err_msg=name)


def test_what_waits_for_a_trigger_that_never_fires_again() -> None:
    changed = {"inter_agents": {"ungated_seconds": 3}}
    gates: tuple[Gate, ...] = ("none", "act", "learn", "both")
    updates = {
        gate: perform(training("coma2c", gate, "never", **changed), no_weights).measures["inter_updates"]
        for gate in gates
    }
    # The first report is empty, the last second's actions are learned from at its end.
    assert updates == {"none": SECONDS - 1, "act": SECONDS - 1, "learn": 3, "both": 3}


def test_where_worlds_vary_a_second_is_learned_with_its_own_impairments(monkeypatch: pytest.MonkeyPatch) -> None:
    from hiso.training import inter

    drawn, seen = [], []

    def draw(rng: np.random.Generator) -> Impairments:
        drawn.append(any_impairments(rng))
        return drawn[-1]

    class Watched(GatedAgent):
        def on_report(self, report: SecondReport) -> Budgets | None:
            seen.append((report.hwi_model, report.kappa_t, report.kappa_r))
            return super().on_report(report)

    monkeypatch.setattr(inter, "any_impairments", draw)
    monkeypatch.setattr(inter, "GatedAgent", Watched)
    perform(training("coma2c-tuned", "none", "always", varied=True), no_weights)
    expected = [(HWI_MODELS.index(hwi.model), hwi.kappa_t, hwi.kappa_r) for hwi in drawn]
    assert len(set(expected[1:])) == SECONDS
    # Before the training that is timed comes one of a second, which meets two reports.
    np.testing.assert_allclose(seen[3:], expected[1:], rtol=1e-6)


def test_changed_agents_are_trained_and_evaluated_as_changed() -> None:
    changed = {"load_scale_packets": None, "update_seconds": 2}
    outcome = perform(training("coma2c-tuned", "none", "always", inter_agents=changed), no_weights)
    assert outcome.measures["inter_updates"] == (SECONDS - 1) // 2
    episode = training("coma2c-tuned", "none", "always", inter_agents=changed)
    fields = {**episode.content, "kind": "episode", "gate": None, "slots": 8_000, "inter_weights": "trained"}
    assert outcome.weights is not None
    trained = outcome.weights
    as_changed = perform(Run(**fields), lambda _: trained)
    as_named = perform(Run(**{**fields, "inter_agents": {}}), lambda _: trained)
    assert as_changed.measures["utility"] is not None
    # Raw packets instead of logarithms drive the same networks elsewhere.
    assert as_changed.measures != as_named.measures


@pytest.mark.parametrize("good", [0, 1])
def test_of_several_trainings_the_best_on_validation_worlds_serves(good: int) -> None:
    """Of trainings that are made up: one left the shipped agents, the other those that it began with."""
    shipped = find_weights(trained_name("coma2c-tuned", "regimes", 0))
    counts = action_counts(budget_context(SCENARIO, 0), 1_000_000)
    untrained = {f"inter.{name}": array for name, array in initial_weights(TUNED, counts, 5).arrays.items()}
    left = {str(good): shipped, str(1 - good): replace(shipped, arrays=untrained)}
    choice = replace(training("coma2c-tuned", "none", "always", varied=True), kind="choose-inter")
    outcome = perform(replace(choice, candidates=("0", "1")), left.__getitem__)
    assert outcome.measures == {"inter_candidate": good}
    assert outcome.weights is shipped


def test_convergence_is_when_the_moving_mean_stays_near_the_end() -> None:
    from hiso.experiments.trainings import convergence_s

    curve = [0.0] * 50 + [10.0] * 150
    assert convergence_s([10.0] * 200, [None] * 200) == 10
    assert convergence_s(curve, [None] * 200) == 60


def test_a_change_of_the_load_is_no_change_of_the_agents() -> None:
    from hiso.experiments.trainings import convergence_s

    regimes = [second // 15 % 3 for second in range(400)]
    reached = np.array([5.0, 20.0, 40.0])[regimes]
    assert convergence_s(reached.tolist(), regimes) == 20  # the length of the mean
    learning = reached * np.minimum(1, np.arange(400) / 200)
    assert 180 < convergence_s(learning.tolist(), regimes) < 220


def test_the_ends_of_losses_are_each_curve_s_own() -> None:
    from hiso.experiments.trainings import _ends, _mean_curve

    early, late = [4.0] * 5 + [2.0] * 5, [math.nan] * 5 + [40.0] + [20.0] * 4
    assert _ends([early]) == (4.0, 2.0)
    assert _ends([early, late, [math.nan] * 10]) == (22.0, 11.0)
    assert _ends([[math.nan] * 3]) == (None, None)
    assert _mean_curve([early, late])[4:6] == [4.0, 21.0]
    assert math.isnan(_mean_curve([[math.nan], [math.nan]])[0])
