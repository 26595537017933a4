"""Results of earlier code count as this code's where runs made again come out the same, and only then."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from experiment_data import MINIMAL, experiment, put, store_in
from typer.testing import CliRunner, Result

from hiso.commands import app
from hiso.experiments import digest
from hiso.experiments.digest import SameResults, code_digest, own_digest, same_results, write_same_results
from hiso.experiments.execute import execute
from hiso.experiments.run import Run, key_of
from hiso.experiments.runs import expand
from hiso.experiments.store import Store
from hiso.experiments.verification import ready_runs, sample, stored_runs

LEARNS = {"tuned": {"scheduler": "hiso-coma-tuned", "trained": True}, "rule": {"scheduler": "gga"}}


def checkout(folder: Path, text: str = "x = 1") -> Path:
    """Earlier code, as far as its digest is concerned."""
    (folder / "hiso/experiments").mkdir(parents=True)
    (folder / "hiso/experiments/perform.py").write_text(text)
    (folder / "hiso/experiments/digest.py").write_text("")
    return folder


def of_earlier_code(store: Store, earlier: str) -> list[Path]:
    """All that is stored, as if earlier code had made it."""
    for path in [*store.folder.glob("runs/*.json")]:
        content = json.loads(path.read_text())["run"]
        path.rename(path.with_stem(key_of(content, earlier)))
    return sorted(store.folder.glob("runs/*.json"))


def write_as_earlier(runs: dict[str, Run], folder: Path, earlier: str) -> dict[str, str]:
    """Results of runs, as earlier code would have stored them, without weights; their keys then."""
    then: dict[str, str] = {}
    for key, run in runs.items():
        names = {name: then.get(value, value) for name, value in run.content.items() if name.endswith("_weights")}
        then[key] = key_of(run.content | names, earlier)
        result = {"run": {}, "measures": {"utility": 1.0}, "series": {}, "wall_s": 1.0, "jobs": 1, "error": None}
        (folder / "runs" / f"{then[key]}.json").write_text(json.dumps(result))
    return then


def test_runs_of_earlier_code_are_found_with_the_trainings_that_they_name(tmp_path: Path) -> None:
    what = experiment(arms=LEARNS, conditions={"c": {}})
    plan = expand(what, what.quick)
    store = store_in(tmp_path)
    then = write_as_earlier(plan.runs, tmp_path, "earlier")
    assert stored_runs(plan.runs, store, "earlier") == then
    assert stored_runs(plan.runs, store, "another") == {}
    failed = next(iter(then))
    put(store, plan.runs[failed], {}, "it failed")
    (tmp_path / "runs" / f"{failed}.json").replace(tmp_path / "runs" / f"{then[failed]}.json")
    assert stored_runs(plan.runs, store, "earlier").keys() == then.keys() - {failed}


def test_a_sample_has_all_that_runs_differ_by_before_a_second_of_any() -> None:
    worlds = {
        "c": {},
        "late": {"control_delay_slots": 2},
        "old": {"set": {"csi_delay_slots": 4}},
        "all": {"set": {"hwi.model": "aggregate"}},
        "split": {"set": {"access": "sdma"}},
    }
    arms = {"rule": {"scheduler": "gga"}, "wide": {"scheduler": "gga", "options": {"power_levels": 9}}}
    what = experiment(arms=arms, conditions=worlds)
    chosen = sample(expand(what, what.full).runs, 1, np.random.default_rng(0)).values()
    assert {run.control_delay_slots for run in chosen} == {0, 2}
    assert {run.scenario["csi_delay_slots"] for run in chosen} == {0, 4}
    assert {run.scenario["hwi"]["model"] for run in chosen} == {"paper", "aggregate"}
    assert {run.scenario["access"] for run in chosen} == {"rsma", "sdma"}
    assert {run.options["power_levels"] for run in chosen} == {5, 9}
    assert len(chosen) < len(worlds) * len(arms)


def test_a_sample_has_every_kind_of_run_before_a_second_of_any() -> None:
    what = experiment(arms=LEARNS, conditions={"c": {}})
    runs = expand(what, what.full).runs
    chosen = sample(runs, 1, np.random.default_rng(0))
    assert len(chosen) == 4
    assert {run.kind for run in chosen.values()} == {"train-intra", "train-inter", "episode"}
    assert {run.inter for run in chosen.values() if run.kind == "episode"} == {"coma2c-tuned", "greedy"}
    assert sample(runs, 1_000, np.random.default_rng(0)).keys() == runs.keys()


def test_a_note_is_of_the_code_that_it_was_made_for_alone(tmp_path: Path) -> None:
    earlier, root = checkout(tmp_path / "earlier"), checkout(tmp_path / "now", "x = 2")
    assert code_digest(root) == own_digest(root) != code_digest(earlier)
    write_same_results(SameResults(own_digest(root), code_digest(earlier), 3), root)
    assert code_digest(root) == code_digest(earlier)
    assert code_digest(root, system=True) == own_digest(root, system=True)
    changed = checkout(tmp_path / "changed", "x = 3")
    (root / "hiso/experiments/same_results.json").rename(changed / "hiso/experiments/same_results.json")
    assert same_results(changed) is None
    assert code_digest(changed) == own_digest(changed)


@pytest.mark.parametrize("changed", ["hiso/monitor.py", "proto/hiso_proto/e2ap.proto", "service_kit/logs.py"])
def test_results_of_whole_systems_are_of_all_that_counts_for_them(tmp_path: Path, changed: str) -> None:
    digests = []
    for name in ("one", "same", "other"):
        root = checkout(tmp_path / name)
        up = root / "hiso/commands/up.py"
        for path in (up, root / changed):
            path.parent.mkdir(parents=True, exist_ok=True)
        (root / changed).write_text("x = 2" if name == "other" else "x = 1")
        up.write_text("import hiso.monitor\nfrom service_kit import logs\n")
        digests.append(own_digest(root, system=True))
        assert own_digest(root) == own_digest(tmp_path / "one")  # in process nothing of it is imported
    one, same, other = digests
    assert one == same != other


@pytest.fixture
def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[SameResults]:
    """Where the command's note goes instead of the checkout that is tested."""
    notes: list[SameResults] = []

    def write(note: SameResults) -> Path:
        notes.append(note)
        return tmp_path / "note"

    monkeypatch.setattr("hiso.commands.experiment.write_same_results", write)
    return notes


def verify(tmp_path: Path, *options: str) -> Result:
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(MINIMAL))
    where = (str(tmp_path / "earlier"), str(tmp_path / "two.yaml"), "--out", str(tmp_path / "store"))
    return CliRunner().invoke(app, ["experiment", "verify", *where, *options], env={"COLUMNS": "200"})


@pytest.mark.slow
def test_verify_notes_what_came_out_the_same_and_names_what_did_not(tmp_path: Path, noted: list[SameResults]) -> None:
    earlier = code_digest(checkout(tmp_path / "earlier"))
    what = experiment()
    store = store_in(tmp_path / "store")
    execute(expand(what, what.full).runs, store, 2, lambda _tally, _run: None)
    stored = of_earlier_code(store, earlier)
    good = verify(tmp_path, "--runs", "6")
    assert good.exit_code == 0, good.output
    assert f"6 of {len(stored)} stored runs made again, all the same" in good.output
    assert noted == [SameResults(own_digest(digest.ROOT), earlier, 6)]
    changed = json.loads(stored[0].read_text())
    changed["measures"]["utility"] += 1e-12
    stored[0].write_text(json.dumps(changed))
    bad = verify(tmp_path, "--runs", "100")
    assert bad.exit_code == 1
    assert f"utility: {changed['measures']['utility'] - 1e-12}"[:14] in bad.output
    assert f"1 of {len(stored)} runs made again came out otherwise" in bad.output
    assert len(noted) == 1


def test_runs_whose_trainings_have_left_no_weights_are_not_made_again(tmp_path: Path) -> None:
    runs = expand(experiment(arms=LEARNS, conditions={"c": {}}), experiment().quick).runs
    store, then = store_in(tmp_path), {key: key for key in runs}
    ready = ready_runs(runs, then, store)
    assert {(run.kind, run.inter, run.intra) for run in ready.values()} == {
        ("train-intra", "load-proportional", "madqn-tuned"),
        ("episode", "greedy", "greedy"),
    }
    for key, run in runs.items():
        if run.kind.startswith("train"):
            (tmp_path / "weights" / f"{key}.npz").touch()
    assert ready_runs(runs, then, store) == runs


@pytest.mark.slow
def test_verify_names_the_kinds_of_runs_that_it_cannot_make_again(tmp_path: Path, noted: list[SameResults]) -> None:
    earlier = code_digest(checkout(tmp_path / "earlier"))
    what = experiment(arms=LEARNS, conditions={"c": {}})
    store = store_in(tmp_path / "store")
    runs = expand(what, what.full).runs
    then = write_as_earlier(runs, tmp_path / "store", earlier)
    for key, run in runs.items():
        if run.inter != "coma2c-tuned" or run.kind != "episode":
            (tmp_path / "store/runs" / f"{then[key]}.json").unlink()
    execute({key: run for key, run in runs.items() if run.inter == "greedy"}, store, 2, lambda _tally, _run: None)
    for key, run in runs.items():
        if run.inter == "greedy":
            (tmp_path / "store/runs" / f"{key}.json").rename(tmp_path / "store/runs" / f"{then[key]}.json")
    (tmp_path / "two.yaml").write_text(yaml.safe_dump({**MINIMAL, "arms": LEARNS, "conditions": {"c": {}}}))
    where = (str(tmp_path / "earlier"), str(tmp_path / "two.yaml"), "--out", str(tmp_path / "store"))
    done = CliRunner().invoke(app, ["experiment", "verify", *where], env={"COLUMNS": "1000"})
    assert done.exit_code == 0, done.output
    assert noted[0].left_out == ("episode coma2c-tuned madqn-tuned z-ref",)
    assert f"not made again, as the weights that they start from are not stored: {noted[0].left_out[0]}" in done.output


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--runs", "0"], "1..10000"),
        ([], "holds no runs"),
    ],
)
def test_verify_refuses_what_it_cannot_use(tmp_path: Path, options: list[str], named: str) -> None:
    checkout(tmp_path / "earlier")
    (tmp_path / "store").mkdir()
    refused = verify(tmp_path, *options)
    assert refused.exit_code == 2
    assert named in refused.output


def test_verify_wants_a_checkout(tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["experiment", "verify", str(tmp_path)], env={"COLUMNS": "200"})
    assert refused.exit_code == 2
    assert "must be a checkout" in refused.output
