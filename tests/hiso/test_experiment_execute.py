"""Runs in parallel: what is stored is not made again, whatever ended the work before."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from experiment_data import MINIMAL, experiment, put, store_in
from typer.testing import CliRunner

from hiso.commands import app
from hiso.experiments.execute import Tally, _missing, execute
from hiso.experiments.run import Run
from hiso.experiments.runs import expand
from hiso.experiments.store import Result, Store, StoreError


def quiet(_tally: Tally, _run: Run | None) -> None:
    """Nobody watches."""


def stored(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "runs").glob("*.json")}


@pytest.mark.slow
def test_only_what_is_missing_is_made(tmp_path: Path) -> None:
    what = experiment()
    runs = expand(what, what.quick).runs
    store = store_in(tmp_path)
    first = next(iter(runs.values()))
    put(store, first, {"utility": -1.0})
    tally = execute(runs, store, 2, quiet)
    assert (tally.total, tally.stored, tally.done, tally.failed) == (8, 1, 7, 0)
    found = store.get(first.key)
    assert found is not None
    assert found.measures == {"utility": -1.0}
    before = stored(tmp_path)
    assert execute(runs, store, 1, quiet).done == 0
    assert stored(tmp_path) == before
    for path in [path for path in (tmp_path / "runs").glob("*.json") if path.stem != first.key][:2]:
        path.unlink()
    assert execute(runs, store, 1, quiet).done == 2
    again = {name: json.loads(text)["measures"] for name, text in stored(tmp_path).items()}
    assert again == {name: json.loads(text)["measures"] for name, text in before.items()}


def test_what_fails_stays_in_and_is_made_again_only_when_asked(tmp_path: Path) -> None:
    what = experiment(
        arms={"tuned": {"scheduler": "hiso-coma-tuned"}},
        conditions={"base": {}},
        quick={"seeds": 1, "episodes": 1, "duration_s": 1},
    )
    runs = expand(what, what.quick).runs
    (key, run), store = next(iter(runs.items())), store_in(tmp_path)
    put(store, run, {}, error="killed")
    assert execute(runs, store, 1, quiet).done == 0
    tally = execute(runs, store, 1, quiet, retry_failed=True)
    assert (tally.done, tally.failed) == (1, 0)
    found = store.get(key)
    assert found is not None
    assert found.error is None


def test_a_training_is_made_again_only_where_its_lost_weights_are_needed(tmp_path: Path) -> None:
    what = experiment(arms={"tuned": {"scheduler": "hiso-coma-tuned", "trained": True}}, conditions={"base": {}})
    runs, store = expand(what, what.quick).runs, store_in(tmp_path)
    for run in runs.values():
        put(store, run, {"utility": 1.0})
    assert execute(runs, store, 1, quiet).done == 0
    episode = next(run for run in runs.values() if run.kind == "episode")
    (tmp_path / "runs" / f"{episode.key}.json").unlink()
    needed = {episode.key, episode.inter_weights, episode.intra_weights}
    assert set(_missing(runs, store, False, {})) == needed
    for key in needed - {episode.key}:
        (tmp_path / "weights" / f"{key}.npz").touch()
    assert set(_missing(runs, store, False, {})) == {episode.key}


def test_a_training_is_made_again_where_a_figure_shows_curves_that_are_not_stored(tmp_path: Path) -> None:
    shown = {"kind": "curves", "show": ["utility", "intra_loss"]}
    arms = {"tuned": {"scheduler": "hiso-coma-tuned", "trained": True}}
    plan = expand(what := experiment(arms=arms, conditions={"base": {}}, plot=shown), what.quick)
    store = store_in(tmp_path)
    for key, run in plan.runs.items():
        store.put(run, Result(run.content, {}, {name: [1.0] for name in plan.series_of(key) - {"utility"}}, 1.0, 1))
        (tmp_path / "weights" / f"{key}.npz").touch()
    series = {key: plan.series_of(key) for key in plan.runs}
    assert {run.kind for run in _missing(plan.runs, store, False, series).values()} == {"train-inter"}
    assert _missing(plan.runs, store, False, {}) == {}


@pytest.mark.torch
@pytest.mark.slow
def test_what_cannot_be_stored_ends_the_work_and_is_told(tmp_path: Path) -> None:
    arms = {"tuned": {"scheduler": "hiso-coma-tuned", "inter": "constant:2,6,2", "trigger": "never", "trained": True}}
    plan = expand(what := experiment(arms=arms, conditions={"base": {}}), what.quick)
    store = store_in(tmp_path)
    trainings = {key: run for key, run in plan.runs.items() if run.kind == "train-intra"}
    first, second = trainings
    (tmp_path / f"weights/{first}.npz").mkdir()  # where a file is to be
    long = replace(trainings[second], slots=10_000_000)
    with pytest.raises(StoreError, match=f"out: {tmp_path} cannot be written: Is a directory"):
        execute({first: trainings[first], long.key: long}, store, 2, quiet)
    assert multiprocessing.active_children() == []
    assert store.get(first) is None


def test_a_run_whose_weights_are_not_there_is_stored_as_failed(tmp_path: Path) -> None:
    what = experiment(arms={"tuned": {"scheduler": "hiso-coma-tuned", "trained": True}}, conditions={"base": {}})
    runs = {key: run for key, run in expand(what, what.quick).runs.items() if run.kind == "episode"}
    tally = execute(dict(list(runs.items())[:1]), Store(tmp_path), 1, quiet)
    assert tally.failed == 1
    found = Store(tmp_path).get(next(iter(runs)))
    assert found is not None
    assert "WeightsError" in str(found.error)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_killed_in_the_middle_it_goes_on_from_there(tmp_path: Path, how: signal.Signals) -> None:
    file, out = tmp_path / "two-rules.yaml", tmp_path / "out"
    file.write_text(str({**MINIMAL, "quick": {"seeds": 5, "episodes": 3, "duration_s": 2}}))
    command = [
        sys.executable,
        "-m",
        "hiso",
        "experiment",
        "run",
        str(file),
        "--quick",
        "--jobs",
        "1",
        "--out",
        str(out),
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - the tests' parent may ignore it
    )
    try:
        while len(stored(out)) < 3 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(how)
        process.wait(60)
    finally:
        process.kill()
    if how != signal.SIGKILL:
        assert process.returncode == 130
    _wait_for_the_end_of(process.pid)
    before = stored(out)
    assert 3 <= len(before) < 60
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"60 runs: {len(before)} stored before, {60 - len(before)} made now, 0 failed" in done.stdout
    after = stored(out)
    assert len(after) == 60
    assert all(after[name] == text for name, text in before.items())


def _wait_for_the_end_of(group: int) -> None:
    """Of all processes of a session: workers end with their parent."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("workers outlive their parent")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "fig99"], "'fig99' is neither a YAML file nor one of fig05"),
        (["run", "fig10", "--jobs", "0"], "must be 1..256 (given 0)"),
        (["run", "overhead", "--quick", "--out", "/dev/null"], "out: /dev/null must be a folder"),
        (["report", "fig99"], "'fig99' is neither"),
        (["report", "--out", "/nowhere"], "out: /nowhere must be a folder of results"),
        (["restore", "fig10", "--from", "/nowhere"], "from: /nowhere must be a folder of Parquet files"),
    ],
)
def test_wrong_input_is_named_and_starts_nothing(arguments: list[str], message: str) -> None:
    if arguments[0] in ("report", "restore"):
        pytest.importorskip("matplotlib")
        pytest.importorskip("pyarrow")
    result = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["experiment", *arguments])
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.slow
def test_the_list_shows_every_experiment() -> None:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["experiment", "list"])
    assert result.exit_code == 0
    assert all(name in result.output for name in ("fig05", "fig17", "gating", "overhead"))
