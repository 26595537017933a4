"""Verdicts from results made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from experiment_data import experiment, fill, put, store_in

from hiso.experiments.claims import Verdict, check, judge
from hiso.experiments.results import Results, load_results
from hiso.experiments.rules import Claim, Comparison, Equivalence, Ratio, Retention, Rule, Share, Threshold, Trend
from hiso.experiments.runs import expand
from hiso.experiments.store import StoreError

WORLDS = np.array([5.0, 1.0, 9.0, 3.0, 7.0])


def results(folder: Path, **values: Any) -> Results:
    """`a_calm` and so on: values over five seeds."""
    store, what = store_in(folder), experiment()
    by_place = {(name[0], name[2:]): list(numbers) for name, numbers in values.items()}
    fill(store, what, by_place)
    return load_results(what, store)


def greater(**changed: Any) -> Comparison:
    fields = {"test": "greater", "measure": "utility", "a": "a", "b": ["b"], "conditions": ["calm"], **changed}
    return Comparison.model_validate(fields)


def test_a_comparison_needs_the_paired_interval_and_the_probability(tmp_path: Path) -> None:
    found = results(tmp_path, a_calm=WORLDS + 10, b_calm=WORLDS, a_busy=WORLDS + 1, b_busy=WORLDS)
    assert check(greater(), found).holds is True
    assert check(greater(test="less"), found).holds is False
    # By less than worlds differ, but in every one of them.
    busy = check(greater(conditions=["busy"]), found)
    assert busy.holds is True
    assert "1.00 [1.00, 1.00]" in busy.lines[0]
    once_worse = WORLDS + np.array([10, 10, 10, 10, -1])
    mixed = results(tmp_path / "mixed", a_calm=WORLDS + 10, b_calm=WORLDS, a_busy=once_worse, b_busy=WORLDS)
    assert check(greater(conditions=["busy"]), mixed).holds is False  # P(improvement) is 0.8
    each = check(greater(conditions=None), mixed)
    assert each.holds is False  # in each condition
    assert [len(each.lines), len(each.others)] == [1, 1]
    pooled = check(greater(conditions=None, pooled=True), mixed)
    assert pooled.holds is False  # P is 0.9
    assert ("n = 5" in pooled.lines[0], len(pooled.lines)) == (True, 1)
    assert check(greater(conditions=None, pooled=True), found).holds is True


def test_a_difference_of_less_than_a_thousandth_says_nothing(tmp_path: Path) -> None:
    found = results(tmp_path, a_calm=WORLDS + 0.004, b_calm=WORLDS, a_busy=WORLDS + 0.006, b_busy=WORLDS)
    for test in ("greater", "less"):
        calm = check(greater(test=test), found)
        assert (calm.holds, calm.refuted) == (False, False)
        assert calm.lines[0].endswith("less than a thousandth")
    assert "0.004 [0.004, 0.004]" in calm.lines[0]  # with the digits that tell it from nothing
    assert check(greater(conditions=["busy"]), found).holds is True
    assert check(greater(test="less", conditions=["busy"]), found).refuted is True


def test_a_ratio_holds_in_every_later_condition(tmp_path: Path) -> None:
    conditions = {"first": {}, "middle": {"set": {"hwi.kappa": 0.01}}, "last": {"set": {"hwi.kappa": 0.02}}}
    what, store = experiment(conditions=conditions), store_in(tmp_path)
    values = {("a", "first"): WORLDS, ("a", "middle"): WORLDS * 0.7, ("a", "last"): WORLDS}
    fill(store, what, {place: list(numbers) for place, numbers in values.items()})
    found = load_results(what, store)
    steady = {"test": "ratio", "measure": "utility", "a": "a", "low": 0.9, "high": 1.1}
    finding = check(Ratio.model_validate(steady), found)
    assert (finding.holds, finding.refuted) == (False, True)
    assert [line.split(":")[1].strip() for line in finding.lines] == ["middle over first"]
    assert check(Ratio.model_validate({**steady, "conditions": ["first", "last"]}), found).holds is True


def test_a_difference_that_is_not_known_holds_nothing(tmp_path: Path) -> None:
    found = results(tmp_path, a_calm=WORLDS, b_calm=WORLDS[::-1])
    assert check(greater(), found).holds is False
    same = Equivalence(test="difference", measure="utility", a="a", b="b", conditions=["calm"], low=-1, high=1)
    assert check(same, found).holds is False


def test_rules_of_one_arm(tmp_path: Path) -> None:
    found = results(tmp_path, a_calm=WORLDS + 10, a_busy=WORLDS + 8, b_calm=WORLDS, b_busy=WORLDS)
    calm = {"measure": "utility", "a": "a", "conditions": ["calm"]}
    assert check(Threshold(test="above", value=10, **calm), found).holds is True
    assert check(Threshold(test="above", value=15, **calm), found).holds is False
    assert check(Threshold(test="below", value=20, **calm), found).holds is True
    both = {"measure": "utility", "a": "a"}
    assert check(Trend(test="falls", **both), found).holds is True
    assert check(Trend(test="rises", **both), found).holds is False
    assert check(Trend(test="falls", measure="utility", a="b"), found).holds is False  # it stays
    assert check(Ratio(test="ratio", low=0.8, high=0.9, **both), found).holds is True
    assert check(Ratio(test="ratio", low=0.9, high=1.1, **both), found).holds is False
    within = Equivalence(test="difference", measure="utility", a="a", b="b", low=7, high=11)
    assert check(within, found).holds is True


def test_a_trend_allows_for_steps_that_chance_explains(tmp_path: Path) -> None:
    noise = np.array([-1.0, 1.0, -1.0, 1.0, 0.5])
    found = results(tmp_path, a_calm=WORLDS + 0.1 + noise, a_busy=WORLDS, b_calm=WORLDS, b_busy=WORLDS)
    trend = Trend(test="falls", measure="utility", a="a")
    assert check(trend, found).holds is False  # not beyond 0 from first to last
    small_step_back = results(
        tmp_path / "small", a_calm=WORLDS + 10, a_busy=WORLDS, b_calm=WORLDS, b_busy=WORLDS + noise
    )
    for arm, holds in (("a", True), ("b", False)):
        conditions = ["calm", "busy", "busy"]
        rule = Trend(test="falls", measure="utility", a=arm, conditions=conditions)
        assert check(rule, small_step_back).holds is holds
    back_and_forth = Trend(test="falls", measure="utility", a="a", conditions=["calm", "busy", "calm"])
    assert check(back_and_forth, found).holds is False
    surely = results(tmp_path / "surely", a_calm=WORLDS + 10, a_busy=WORLDS, b_calm=WORLDS, b_busy=WORLDS)
    assert check(trend, surely).holds is True
    up_again = Trend(test="falls", measure="utility", a="a", conditions=["calm", "busy", "calm", "busy"])
    back = check(up_again, surely)
    assert (back.holds, back.refuted) == (False, False)  # a step that is surely against it, but lower in the end
    level = results(tmp_path / "level", a_calm=WORLDS + 5, a_busy=WORLDS + 4.995, b_calm=WORLDS, b_busy=WORLDS)
    for test in ("falls", "rises"):
        finding = check(Trend(test=test, measure="utility", a="a"), level)
        assert (finding.holds, finding.refuted) == (False, False)
        assert finding.lines[0].endswith("less than a thousandth")


def test_who_keeps_less_is_judged_by_shares_seed_by_seed(tmp_path: Path) -> None:
    found = results(tmp_path, a_calm=10 * WORLDS, a_busy=6 * WORLDS, b_calm=WORLDS, b_busy=0.7 * WORLDS)
    rule = {"test": "keeps-less", "measure": "utility", "conditions": ["calm", "busy"]}
    finding = check(Retention.model_validate({**rule, "a": "a", "b": ["b"]}), found)
    assert finding.holds is True
    assert "a 0.600 [0.600, 0.600], b 0.700 [0.700, 0.700]" in finding.lines[0]
    assert check(Retention.model_validate({**rule, "a": "b", "b": ["a"]}), found).holds is False
    nothing = results(tmp_path / "nothing", a_calm=0 * WORLDS, a_busy=WORLDS, b_calm=WORLDS, b_busy=WORLDS)
    finding = check(Retention.model_validate({**rule, "a": "a", "b": ["b"]}), nothing)
    assert (finding.holds, finding.notes[0]) == (
        False,
        "seeds with 0 to begin with, of all arms and conditions: 5",
    )
    alike = results(tmp_path / "alike", a_calm=WORLDS, a_busy=0.6995 * WORLDS, b_calm=WORLDS, b_busy=0.7 * WORLDS)
    for a, b in (("a", "b"), ("b", "a")):
        finding = check(Retention.model_validate({**rule, "a": a, "b": [b]}), alike)
        assert (finding.holds, finding.refuted) == (False, False)


def test_a_seed_whose_share_is_not_known_is_a_seed_lost(tmp_path: Path) -> None:
    once_zero = np.where(WORLDS == 9, 0, WORLDS)
    found = results(tmp_path, a_calm=once_zero, a_busy=0.6 * WORLDS, b_calm=WORLDS, b_busy=0.7 * WORLDS)
    for rule in (
        Ratio(test="ratio", measure="utility", a="a", low=0.5, high=0.7),
        Retention(test="keeps-less", measure="utility", a="a", b=["b"], conditions=["calm", "busy"]),
    ):
        finding = check(rule, found)
        assert finding.holds is False
        assert finding.notes == ("seeds with 0 to begin with, of all arms and conditions: 1",)


def test_a_share_must_be_reached_in_every_seed(tmp_path: Path) -> None:
    almost = np.array([0.99, 0.99, 0.99, 0.99, 0.97]) * WORLDS
    found = results(tmp_path, a_calm=almost, b_calm=WORLDS, a_busy=WORLDS, b_busy=0 * WORLDS)
    fields = {"test": "share", "measure": "utility", "a": "a", "b": ["b"], "conditions": ["calm"]}
    assert check(Share.model_validate({**fields, "least": 0.97}), found).holds is True
    finding = check(Share.model_validate({**fields, "least": 0.98}), found)
    assert finding.holds is False
    assert finding.lines == ("a / b (calm): least 0.970, 4 of 5 seeds reach 0.98",)
    best = check(Share.model_validate({**fields, "b": ["b", "a"], "least": 0.98}), found)
    assert best.lines == ("a / best of 2 (calm): least 0.970, 4 of 5 seeds reach 0.98",)
    # Whatever is not negative reaches all of nothing.
    busy = check(Share.model_validate({**fields, "least": 0.98, "conditions": ["busy"]}), found)
    assert (busy.holds, busy.lines) == (True, ("a / b (busy): 5 of 5 seeds reach 0.98",))


def verdict(found: Results, **readings: Comparison | list[Comparison]) -> Verdict:
    return judge(Claim.model_validate({"text": "a wins", "section": "IV-E", "readings": readings}), found)


def test_verdicts_name_the_readings(tmp_path: Path) -> None:
    found = results(tmp_path, a_calm=WORLDS + 10, b_calm=WORLDS)
    yes, no, unknown = greater(), greater(test="less"), greater(conditions=["busy"])
    assert verdict(found, only=yes).text == "confirmed"
    assert verdict(found, first=yes, second=no).text == "confirmed under: first; refuted under: second"
    assert verdict(found, only=no).text == "refuted"
    assert verdict(found, first=no, second=no).text == "refuted under: first; second"
    assert verdict(found, only=unknown).text == "no data"
    assert verdict(found, first=no, second=unknown).text == "not confirmed so far (data missing)"


def test_what_may_still_hold_with_more_seeds_is_not_refuted(tmp_path: Path) -> None:
    found = results(tmp_path, a_calm=WORLDS, b_calm=WORLDS[::-1], a_busy=WORLDS + 10, b_busy=WORLDS)
    open_, no = greater(), greater(test="less", conditions=["busy"])
    assert verdict(found, only=open_).text == "not confirmed"
    assert verdict(found, first=open_, second=no).text == "under none of these readings: first; second (refuted)"
    once_worse = WORLDS + np.array([10, 10, 10, 10, -1])
    mostly = results(tmp_path / "mostly", a_calm=once_worse, b_calm=WORLDS)  # surely greater, but P is 0.8
    for test in ("greater", "less"):
        finding = check(greater(test=test), mostly)
        assert (finding.holds, finding.refuted) == (False, False)


@pytest.mark.parametrize(
    ("rule", "sure"),
    [
        (Threshold(test="above", measure="utility", a="a", value=30, conditions=["calm"]), True),
        (Threshold(test="above", measure="utility", a="a", value=15, conditions=["calm"]), False),
        (Threshold(test="below", measure="utility", a="a", value=5, conditions=["calm"]), True),
        (Equivalence(test="difference", measure="utility", a="a", b="b", low=11, high=12, conditions=["calm"]), True),
        (Equivalence(test="difference", measure="utility", a="b", b="b", low=0.1, high=1, conditions=["calm"]), True),
        (Trend(test="rises", measure="utility", a="a"), True),
        (Trend(test="falls", measure="utility", a="b"), False),
        (Ratio(test="ratio", measure="utility", a="a", low=1, high=2), True),
        (Ratio(test="ratio", measure="utility", a="a", low=0.85, high=2), False),
        (Share(test="share", measure="utility", a="b", b=["a"], least=0.9, conditions=["calm"]), True),
        (Retention(test="keeps-less", measure="utility", a="b", b=["a"], conditions=["calm", "busy"]), True),
    ],
)
def test_a_rule_is_refuted_where_the_whole_interval_says_the_opposite(tmp_path: Path, rule: Rule, sure: bool) -> None:
    found = results(tmp_path, a_calm=WORLDS + 10, a_busy=WORLDS + 8, b_calm=WORLDS, b_busy=WORLDS)
    finding = check(rule, found)
    assert (finding.holds, finding.refuted) == (False, sure)


def test_all_rules_of_a_reading_must_hold(tmp_path: Path) -> None:
    found = results(tmp_path, a_calm=WORLDS + 10, b_calm=WORLDS)
    yes, no, unknown = greater(), greater(test="less"), greater(conditions=["busy"])
    assert verdict(found, only=[yes, yes]).text == "confirmed"
    assert verdict(found, only=[yes, no]).text == "refuted"
    assert verdict(found, first=[no, yes], second=yes).text == "confirmed under: second; refuted under: first"
    assert verdict(found, only=[unknown, yes]).text == "no verdict yet (data missing)"
    assert verdict(found, only=[unknown, no]).text == "refuted"
    assert verdict(found, only=[unknown, unknown]).text == "no data"


def test_a_seed_that_measured_nothing_is_a_seed_lost(tmp_path: Path) -> None:
    store, what = store_in(tmp_path), experiment(measures=["utility", "delay_p99_embb_ms"])
    plan = expand(what, what.full)
    for index in range(5):
        for arm, delay_ms in (("a", 30.0), ("b", 20.0)):
            silent = arm == "a" and index == 3
            measures = {"utility": 1.0, "delay_p99_embb_ms": None if silent else delay_ms}
            put(store, plan.runs[plan.units[arm, "calm"][index].episodes[0]], measures)
    found = load_results(what, store)
    finding = check(greater(measure="delay_p99_embb_ms"), found)
    assert finding.holds is False
    assert "n = 4" in finding.lines[0]
    assert finding.notes[0] == "seeds that measured nothing, of all arms and conditions: 1"
    assert check(greater(), found).notes == ()  # utility is known of all


def test_a_seed_that_failed_is_a_seed_lost(tmp_path: Path) -> None:
    store, what = store_in(tmp_path), experiment()
    fill(store, what, {("a", "calm"): list(WORLDS + 10), ("b", "calm"): list(WORLDS)})
    plan = expand(what, what.full)
    put(store, plan.runs[plan.units["a", "calm"][2].episodes[0]], {}, error="Traceback: out of beams")
    found = load_results(what, store)
    assert found.failed == 1
    assert np.isnan(found.values("a", "calm", "utility")).tolist() == [False, False, True, False, False]
    finding = check(greater(), found)
    assert finding.holds is False
    assert "n = 4" in finding.lines[0]
    assert finding.notes[0] == "seeds that failed, of all arms and conditions: 1"


def test_no_verdict_is_given_while_seeds_are_missing(tmp_path: Path) -> None:
    store, what = store_in(tmp_path), experiment()
    fill(store, what, {("a", "calm"): list(WORLDS + 10), ("b", "calm"): list(WORLDS)})
    key = expand(what, what.full).units["b", "calm"][2].episodes[0]
    (tmp_path / "runs" / f"{key}.json").unlink()
    found = load_results(what, store)
    finding = check(greater(), found)
    assert finding.holds is None
    assert "n = 4" in finding.lines[0]
    assert finding.notes[0] == "seeds that are missing, of all arms and conditions: 1"
    assert verdict(found, only=greater()).text == "no verdict yet (data missing)"


def test_nothing_is_refuted_while_seeds_are_missing(tmp_path: Path) -> None:
    store, what = store_in(tmp_path), experiment()
    fill(store, what, {("a", "calm"): list(WORLDS), ("b", "calm"): list(WORLDS + 10)})
    plan = expand(what, what.full)
    put(store, plan.runs[plan.units["a", "calm"][0].episodes[0]], {}, error="Traceback: out of beams")
    finding = check(greater(), load_results(what, store))
    assert (finding.holds, finding.refuted) == (False, True)
    (tmp_path / "runs" / f"{plan.units['b', 'calm'][2].episodes[0]}.json").unlink()
    finding = check(greater(), load_results(what, store))
    assert (finding.holds, finding.refuted) == (False, False)


def test_processor_time_is_the_sum_over_a_seeds_trainings(tmp_path: Path) -> None:
    arms = {"tuned": {"scheduler": "hiso-coma-tuned", "trained": True}, "rule": {"scheduler": "eea"}}
    what = experiment(arms=arms, conditions={"calm": {}}, measures=["utility", "training_cpu_s"])
    store, plan = store_in(tmp_path), expand(what, what.full)
    of_kind: dict[str, dict[str, float | None]] = {
        "train-intra": {"intra_training_cpu_s": 3.5, "inter_learner_s": 1.0},
        "train-inter": {"inter_training_cpu_s": 2.25, "utility": 70.0},
        "episode": {"utility": 7.0, "training_cpu_s": 100.0},
    }
    for run in plan.runs.values():
        put(store, run, of_kind[run.kind])
    found = load_results(what, store)
    assert found.values("tuned", "calm", "training_cpu_s").tolist() == [5.75] * 5
    assert found.values("tuned", "calm", "utility").tolist() == [38.5] * 5  # what is no sum is a mean
    assert np.isnan(found.values("rule", "calm", "training_cpu_s")).all()
    put(store, plan.runs[plan.units["tuned", "calm"][0].trainings[1]], {"inter_training_cpu_s": None})
    assert np.isnan(load_results(what, store).values("tuned", "calm", "training_cpu_s")[0])


def test_results_are_those_of_the_size_that_is_more_complete(tmp_path: Path) -> None:
    store, what = store_in(tmp_path), experiment()
    for size, quick in ((what.quick, True), (what.full, False)):
        runs = list(expand(what, size).runs.values())
        for run in runs:
            put(store, run, {"utility": 1.0})
            found = load_results(what, store)
            assert found.quick is (quick or run is not runs[-1])
        assert found.complete


def test_a_file_that_is_no_result_is_named(tmp_path: Path) -> None:
    store, what = store_in(tmp_path), experiment()
    key = next(iter(expand(what, what.full).runs))
    (tmp_path / "runs" / f"{key}.json").write_text("{}")
    with pytest.raises(StoreError, match=f"{key}.json: not a stored result, delete it"):
        load_results(what, store)
