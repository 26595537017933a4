"""From experiments to runs: who meets whom, what is shared, and what makes a key."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from experiment_data import experiment

from hiso.experiments import digest
from hiso.experiments.run import Run
from hiso.experiments.runs import expand

TRAINED: dict[str, dict[str, Any]] = {
    "tuned": {"scheduler": "hiso-coma-tuned", "trained": True},
    "tuned SOTA": {"scheduler": "sota-tuned", "trained": True},
    "gated": {"scheduler": "hiso-coma-tuned", "trained": True, "gate": "both"},
    "shipped": {"scheduler": "hiso-coma-tuned"},
}


def test_all_arms_meet_the_same_worlds_and_no_two_seeds_do() -> None:
    what = experiment()
    plan = expand(what, what.full.model_copy(update={"episodes": 3}))
    seeds = {
        place: [[plan.runs[key].seed for key in unit.episodes] for unit in units] for place, units in plan.units.items()
    }
    assert len({str(worlds) for worlds in seeds.values()}) == 1
    worlds = [seed for unit in seeds["a", "calm"] for seed in unit]
    assert len(set(worlds)) == 15


def test_arms_with_equal_trainings_share_them() -> None:
    what = experiment(arms=TRAINED, conditions={"c": {"scenario": "base"}})
    plan = expand(what, what.quick)
    trainings = {arm: plan.units[arm, "c"][0].trainings for arm in TRAINED}
    assert trainings["tuned"] == trainings["tuned SOTA"]
    assert trainings["tuned"][0] == trainings["gated"][0]  # the intra-slice level
    assert trainings["tuned"][1] != trainings["gated"][1]
    assert trainings["shipped"] == ()
    kinds = [run.kind for run in plan.runs.values()]
    assert kinds.count("train-intra") == what.quick.seeds
    assert kinds.count("train-inter") == 2 * what.quick.seeds
    inter = plan.runs[trainings["tuned"][1]]
    assert inter.intra_weights == trainings["tuned"][0]
    assert (inter.gate, inter.trigger, inter.slots) == ("none", "always", 1_000 * 2_000)
    shipped = plan.runs[plan.units["shipped", "c"][0].episodes[0]]
    assert str(shipped.intra_weights).startswith("madqn-tuned-base-d0-")


def test_of_several_candidates_one_is_chosen_before_the_episodes() -> None:
    arms = {"tuned": TRAINED["tuned"], "chosen": {**TRAINED["tuned"], "inter_candidates": 3}}
    plan = expand(experiment(arms=arms, conditions={"c": {}}), experiment().quick)
    seeds = []
    for single, unit in zip(plan.units["tuned", "c"], plan.units["chosen", "c"], strict=True):
        intra, *candidates, choice = (plan.runs[key] for key in unit.trainings)
        assert (intra.key, candidates[0].key) == single.trainings  # what another arm has made is not made again
        assert [run.kind for run in candidates] == ["train-inter"] * 3
        assert {run.intra_weights for run in (*candidates, choice)} == {intra.key}
        assert (choice.kind, choice.candidates) == ("choose-inter", tuple(run.key for run in candidates))
        assert {plan.runs[key].inter_weights for key in unit.episodes} == {choice.key}
        assert choice.needs == (intra.key, *choice.candidates)
        seeds += [run.seed for run in candidates]
    assert len(set(seeds)) == 3 * experiment().quick.seeds
    order = list(plan.runs)
    assert all(order.index(name) < order.index(key) for key, run in plan.runs.items() for name in run.needs)


def test_a_run_has_the_content_of_those_stored_before_there_were_candidates_and_later_options() -> None:
    plan = expand(experiment(arms={"tuned": TRAINED["tuned"]}, conditions={"c": {}}), experiment().quick)
    assert all("candidates" not in run.content and Run(**run.content) == run for run in plan.runs.values())
    for name, value in (("power_scale", "linear"), ("state", "user")):
        assert all(name not in run.options for run in plan.runs.values())
        other = {**TRAINED["tuned"], "options": {name: value}}
        chosen = expand(experiment(arms={"tuned": other}, conditions={"c": {}}), experiment().quick)
        assert all(run.options[name] == value for run in chosen.runs.values())
        assert not chosen.runs.keys() & plan.runs.keys()


def test_trainings_in_the_preset_are_shared_by_what_the_conditions_change() -> None:
    conditions = {"slow": {"set": {"slices.embb.speed_m_s": 2}}, "fast": {"set": {"slices.embb.speed_m_s": 14}}}
    arms = {"tuned": TRAINED["tuned"]}
    own, shared = (experiment(arms=arms, conditions=conditions, trained_in=where) for where in ("condition", "preset"))
    for what, same in ((own, False), (shared, True)):
        units = expand(what, what.quick).units
        assert (units["tuned", "slow"][0].trainings == units["tuned", "fast"][0].trainings) is same


def test_agents_for_another_control_delay_are_trained_or_taken_for_it() -> None:
    arms = {"own": TRAINED["tuned"], "for 0": {**TRAINED["tuned"], "trained_for": 0}}
    arms["shipped for 0"] = {**TRAINED["shipped"], "trained_for": 0}
    conditions = {"at 0": {}, "at 5": {"control_delay_slots": 5}}
    plan = expand(experiment(arms=arms, conditions=conditions), experiment().quick)
    at_0 = plan.units["own", "at 0"][0].trainings
    assert plan.units["for 0", "at 5"][0].trainings == at_0 != plan.units["own", "at 5"][0].trainings
    (episode,) = (plan.runs[key] for key in plan.units["for 0", "at 5"][0].episodes)
    assert (episode.control_delay_slots, episode.inter_weights) == (5, at_0[1])
    (episode,) = (plan.runs[key] for key in plan.units["shipped for 0", "at 5"][0].episodes)
    assert (episode.control_delay_slots, "-d0-" in str(episode.intra_weights)) == (5, True)


def test_an_arm_may_be_trained_elsewhere_than_the_others() -> None:
    conditions = {"slow": {"set": {"slices.embb.speed_m_s": 2}}, "fast": {"set": {"slices.embb.speed_m_s": 14}}}
    arms = {"tuned": TRAINED["tuned"], "there": {**TRAINED["tuned"], "trained_in": "condition"}}
    units = expand(experiment(arms=arms, conditions=conditions, trained_in="preset"), experiment().quick).units
    assert units["tuned", "slow"][0].trainings == units["tuned", "fast"][0].trainings
    assert units["there", "slow"][0].trainings != units["there", "fast"][0].trainings


def test_lengths_of_an_arm_s_own_trainings_are_of_the_full_size_alone() -> None:
    own = {"scheduler": "hiso-coma-tuned", "trained": True, "inter_training_s": 70, "intra_training_slots": 900}
    what = experiment(arms={"tuned": TRAINED["tuned"], "own": own}, conditions={"c": {}})
    seconds_slots = {}
    for size in (what.full, what.quick):
        plan = expand(what, size)
        for arm in what.arms:
            intra, inter = (plan.runs[key].slots for key in plan.units[arm, "c"][0].trainings)
            seconds_slots[arm, size == what.full] = (inter // 2_000, intra)
    assert seconds_slots["own", True] == (70, 900)
    assert seconds_slots["tuned", True] == (1_000, 20_000)
    assert seconds_slots["own", False] == seconds_slots["tuned", False]


@pytest.mark.parametrize(("scheduler", "sees"), [("hiso-coma-tuned", True), ("hiso-coma", False), ("sa2c-t", False)])
def test_trainings_in_the_preset_are_for_every_impairment_where_agents_see_it(scheduler: str, sees: bool) -> None:
    for where in ("condition", "preset"):
        what = experiment(arms={"a": {"scheduler": scheduler, "trained": True}}, trained_in=where)
        trainings = [run for run in expand(what, what.quick).runs.values() if run.kind.startswith("train")]
        assert trainings
        assert {run.varied for run in trainings} == {sees and where == "preset"}


CHANGED: dict[str, Any] = {
    "kind": "snapshots",
    "scenario": {"name": "base", "users": 13},
    "inter": "equal",
    "intra": "slnr",
    "trigger": "never",
    "seed": 7,
    "control_delay_slots": 2,
    "slots": 8,
    "options": {"power_levels": 9},
    "inter_weights": "coma2c-base-d0-00000000",
    "intra_weights": "madqn-base-d0-00000000",
    "gate": "both",
    "varied": True,
    "inter_agents": {"discount": 0.5},
    "intra_agents": {"discount": 0.5},
    "learns_on": True,
    "control": "misled",
    "candidates": ("a training", "another"),
}
"""Another value of each field."""


def test_all_that_decides_a_run_is_in_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    what = experiment()
    run = next(iter(expand(what, what.quick).runs.values()))
    assert replace(run).key == run.key
    keys = {run.key}
    for item in fields(Run):
        assert item.name in CHANGED, f"{item.name}: what is another value of it?"
        assert getattr(run, item.name) != CHANGED[item.name]
        keys.add(replace(run, **{item.name: CHANGED[item.name]}).key)
    assert len(keys) == 1 + len(fields(Run))
    monkeypatch.setattr("hiso.experiments.run.code_digest", lambda **_what: "other code")
    assert replace(run).key not in keys


def test_the_digest_is_of_code_that_runs_reach_and_not_of_its_comments(tmp_path: Path) -> None:
    reached = digest._reachable(digest.ROOT, *digest._IN_PROCESS)
    assert {"ran_emulator.slot", "ran_emulator.phy.rsma", "xapps.slicing.intra.dqn", "hiso.whole_run_kernel"} <= set(
        reached
    )
    assert not {"hiso.experiments.report", "hiso.experiments.spec", "hiso.ports", "near_rt_ric.hot_loop"} & set(reached)
    of_a_system = digest._reachable(digest.ROOT, *digest._SYSTEM)
    assert {"hiso.ports", "near_rt_ric.e2_termination", "ran_emulator.e2.codec", "xapps.host"} <= set(of_a_system)
    assert all(name in of_a_system for name in digest._SYSTEM)

    def of(text: str) -> str:
        root = tmp_path / str(len([*tmp_path.iterdir()]))
        (root / "hiso/experiments").mkdir(parents=True)
        (root / "hiso/experiments/perform.py").write_text(text)
        return digest.code_digest(root)

    assert of("x = 1") == of("x = 1  # one")
    assert of("x = 1") != of("x = 2")
