"""`hiso compare`: the figures are those of `hiso sim`, their means and spread right; wrong input runs nothing."""

from __future__ import annotations

import json
import re
import shutil
import statistics
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hiso.commands import app
from hiso.comparison import COLUMNS, Figures, Row, markdown
from xapps.trained import TRAINED_DIRECTORY

ARGUMENTS = ["compare", "--scenario", "high-load", "--scheduler", "slnr,gga", "--duration", "0.2"]


def figures(seed: int, utility: float, embb: float) -> Figures:
    ssr = {"vonr": 1.0, "embb": embb, "urllc": 0.5}
    return Figures(seed, 2 * utility, utility / 2, utility, ssr, seed, None, "")


def test_a_row_holds_means_and_the_spread_of_the_utility() -> None:
    row = Row("slnr", "0.001", 2, (figures(1, 10.0, 0.9), figures(2, 14.0, 0.95), figures(6, 12.0, 0.85)))
    assert row.cells() == ("slnr", "0.001", "2", "24.0", "6.00", "12.0 ± 2.0", "1.000", "0.900", "0.500", "3")
    assert Row("slnr", "0", 0, row.runs[:1]).cells()[5] == "10.0"
    lines = markdown([row]).splitlines()
    assert len(lines) == 3
    assert {line.count("|") for line in lines} == {len(COLUMNS) + 1}


def test_the_figures_are_those_of_sim(tmp_path: Path) -> None:
    runner, file = CliRunner(), tmp_path / "comparison.json"
    arguments = [*ARGUMENTS, "--kappa", "0,1e-2", "--control-delay-slots", "0,2", "--seeds", "3-4", "--markdown"]
    result = runner.invoke(app, [*arguments, "--json", str(file)])
    assert result.exit_code == 0, result.output
    rows = json.loads(file.read_text())["rows"]
    keys = [(row["kappa"], row["control_delay_slots"], row["scheduler"]) for row in rows]
    assert keys == [(k, d, s) for k in ("0", "0.01") for d in (0, 2) for s in ("slnr", "gga")]
    assert all([run["seed"] for run in row["runs"]] == [3, 4] for row in rows)
    assert len(result.stdout.splitlines()) == 2 + len(rows)
    last = rows[-1]["runs"][1]
    sim = ["sim", "--scenario", "high-load", "--scheduler", "gga", "--duration", "0.2", "--seed", "4"]
    runner.invoke(app, [*sim, "--set", "hwi.kappa=0.01", "--control-delay-slots", "2", "--json", str(file)])
    summary = json.loads(file.read_text())
    assert last["trace_sha256"] == summary["trace_sha256"]
    assert last["utility"] == summary["utility"]
    mean = statistics.fmean(run["eta_bps_hz"] for run in rows[0]["runs"])
    assert f"| slnr | 0 | 0 | {mean:.1f} |" in result.stdout


def test_weights_and_options_reach_the_agents_that_have_some(tmp_path: Path) -> None:
    for name in ("coma2c-tuned", "madqn-tuned"):  # those of base, under the name of another scenario
        shutil.copy(TRAINED_DIRECTORY / f"{name}-base-d0.npz", tmp_path / f"{name}-high-load-d0.npz")
    runner, file = CliRunner(), tmp_path / "comparison.json"
    arguments = ["compare", "--scenario", "high-load", "--scheduler", "hiso-coma-tuned,slnr", "--duration", "0.1"]
    arguments += ["--seeds", "1", "--weights", str(tmp_path), "--json", str(file)]
    runs = []
    for more in ([], ["--set-agents", "observation=compact"]):
        result = runner.invoke(app, [*arguments, *more])
        assert result.exit_code == 0, result.output
        runs.append([row["runs"][0] for row in json.loads(file.read_text())["rows"]])
    (tuned, slnr), (compact, same) = runs
    assert re.fullmatch(r"coma2c-tuned-base-d0-\w+\+madqn-tuned-base-d0-\w+", tuned["weights_id"])
    assert slnr["weights_id"] is None
    assert compact["trace_sha256"] != tuned["trace_sha256"]
    assert same["trace_sha256"] == slnr["trace_sha256"]


def test_without_markdown_a_table_is_shown() -> None:
    result = CliRunner().invoke(app, [*ARGUMENTS, "--seeds", "1"])
    assert result.exit_code == 0, result.output
    assert "utility" in result.stdout
    assert "|" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "3-1"], "seeds: must be numbers or ranges like 11-13, at most 1000 of them (given '3-1')"),
        (["--seeds", "0-1000"], "seeds: must be numbers or ranges"),
        (["--seeds", "1-1000,2001"], "at most 1000 of them (given '2001')"),
        (["--seeds", "1-600,2001-2600"], "at most 1000 of them (given '2001-2600')"),
        (["--seeds", "1,x"], "seeds: must be numbers or ranges"),
        (["--seeds", ""], "seeds: must be numbers or ranges"),
        (["--seeds", "1-3,2"], "seeds: each may be given once"),
        (["--kappa", "0,1.5"], "kappa: must be numbers in 0..1"),
        (["--kappa", "nan"], "kappa: must be numbers in 0..1"),
        (["--kappa", ""], "kappa: must be numbers in 0..1"),
        (["--kappa", "0,0.0"], "scheduler, kappa, control-delay-slots: each may be given once"),
        (["--control-delay-slots", "auto,0"], "scheduler, kappa, control-delay-slots: each may be given once"),
        (["--control-delay-slots", "21"], "control-delay-slots: must be auto or 0..20"),
        (["--scheduler", "slnr,best"], "scheduler: 'best' is none of"),
        (["--scheduler", "slnr,slnr"], "scheduler, kappa, control-delay-slots: each may be given once"),
        (["--duration", "0"], "duration: must be 0.0005.."),
        (["--scenario", "nowhere"], "scenario: 'nowhere' is neither a preset"),
        (["--timeline", "/no/such/file"], "timeline: /no/such/file cannot be read"),
        (["--weights", "/no/such/folder"], "weights: none of slnr,gga takes any"),
        (["--scheduler", "slnr,sota", "--weights", "/no/such/folder"], "/no/such/folder/coma2c-high-load-d0.npz"),
        (
            ["--scheduler", "slnr,hiso-coma-tuned", "--set-agents", "power_levels=9"],
            "trained for power_levels 5, not 9",
        ),
        (
            ["--set-agents", "levels=5"],
            "FIELD one of bandwidth_step_hz, power_levels, power_scale, action, state, observation",
        ),
        (["--json", "/no/such/folder/x.json"], "json: /no/such/folder/x.json must be a file in a folder that exists"),
    ],
)
def test_wrong_input_is_named_and_runs_nothing(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, [*ARGUMENTS, *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
