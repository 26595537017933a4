"""The page: figures, numbers, verdicts and data from results made by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from experiment_data import MINIMAL, experiment, fill, put, store_in
from typer.testing import CliRunner

from hiso.commands import app
from hiso.experiments.loading import load_experiment
from hiso.experiments.results import load_results
from hiso.experiments.runs import expand
from hiso.experiments.spec import Experiment
from hiso.experiments.store import Result, Store

pytest.importorskip("matplotlib")
pq = pytest.importorskip("pyarrow.parquet")

CLAIM: dict[str, Any] = {
    "text": "a reaches more than b",
    "section": "IV-E",
    "readings": {"as is": {"test": "greater", "measure": "utility", "a": "a", "b": ["b"]}},
}
BETTER, WORSE = [14.0, 15.0, 16.0, 17.0, 18.0], [4.0, 5.0, 6.0, 7.0, 8.0]
CURVES = {"kind": "curves", "show": ["utility"]}
FILLED = {("a", "calm"): BETTER, ("b", "calm"): WORSE, ("a", "busy"): BETTER, ("b", "busy"): WORSE}


def page_of(what: Experiment, store: Store, folder: Path) -> str:
    """An experiment's page."""
    from hiso.experiments.report import write_report

    write_report([load_results(what, store)], folder / "page.md")
    return (folder / f"page/{what.name}.md").read_text()


@pytest.mark.parametrize("kind", ["bars", "lines"])
def test_a_page_has_figure_numbers_verdict_share_and_command(tmp_path: Path, kind: str) -> None:

    store = store_in(tmp_path / "results")
    shown = {"figure": "18", "paper": "a far above b.", "plot": {"kind": kind, "show": ["utility"]}}
    shown["measures"] = ["eta_bps_hz", "goodput_bps_hz", "utility"]
    shown["judged"] = "utility"
    what = experiment(reference="a", claims=[CLAIM], **shown)
    fill(store, what, FILLED)
    index = tmp_path / "page.md"
    text = page_of(what, store, tmp_path)
    verdicts = index.read_text()
    assert "1 claim: 1 confirmed." in verdicts
    assert re.search(
        r"\n## Statements .* not judged\n\n\| statement \| of \| why \|\n\|---\|---\|---\|\n\| Mis-", verdicts
    )
    assert "\n## Words\n\n| word | meaning |\n|---|---|\n|" in verdicts
    assert "| a reaches more than b | IV-E | confirmed | [two-rules](page/two-rules.md) |" in verdicts
    assert "`hiso experiment run two-rules`" in text
    assert "The paper's Figure 18." in text
    assert "In the paper: a far above b." in text
    assert "no stream carries more than log2(1 + 1/kappa_r) bit/s/Hz: 9.97 (kappa_r 0.001)." in text
    assert re.search(r"\| calm \| b \| - \| - \| 6\.00 \[[45]\.\d\d, [67]\.\d\d\] \| 37\.5 % \| 4\.00 \| 5 of 5 ", text)
    assert "| utility (Eq. 17): share of a | utility (Eq. 17): least episode | seeds |" in text
    assert "QUICK" not in text
    assert "![Two rules](two-rules.svg)" in text
    first = (tmp_path / "page/two-rules.svg").read_bytes()
    assert first.startswith(b"<?xml")
    assert (tmp_path / "page/two-rules.png").read_bytes().startswith(b"\x89PNG")
    assert (page_of(what, store, tmp_path), (tmp_path / "page/two-rules.svg").read_bytes()) == (text, first)
    assert index.read_text() == verdicts
    table = pq.read_table(tmp_path / "page/two-rules.parquet").to_pylist()
    assert sorted(row["value"] for row in table if row["arm"] == "b" and row["condition"] == "calm") == WORSE


def test_verdicts_are_counted_by_the_agents_that_they_are_of(tmp_path: Path) -> None:
    others = {
        "compact": {"scheduler": "hiso-coma-tuned", "options": {"observation": "compact"}},
        "reference": {"scheduler": "hiso-coma-tuned", "inter": "clairvoyant"},
        "gga's budgets": {"scheduler": "hiso-coma-tuned", "inter": "greedy"},
        "untrained": {"scheduler": "hiso-coma", "control": "untrained"},
    }
    arms = {
        "printed": {"scheduler": "hiso-coma"},
        "tuned": {"scheduler": "hiso-coma-tuned"},
        "b": {"scheduler": "eea"},
        **others,
    }
    rule = {"test": "greater", "measure": "utility", "b": ["b"]}
    readings = {name: {**rule, "a": name} for name in ("printed", "tuned", *others)}
    what = experiment(arms=arms, conditions={"calm": {}}, claims=[{**CLAIM, "readings": readings}], note="It rained.")
    store = store_in(tmp_path / "results")
    fill(store, what, {("printed", "calm"): WORSE, ("tuned", "calm"): BETTER, ("b", "calm"): [9.0] * 5})
    fill(store, what, {(name, "calm"): BETTER for name in others})
    assert "\nIt rained.\n" in page_of(what, store, tmp_path)
    verdicts = (tmp_path / "page.md").read_text()
    assert "1 claim: 1 confirmed in some readings." in verdicts
    assert "Of the agents as printed, 1 claim: 1 refuted." in verdicts
    assert "Of the agents as tuned, 1 claim: 1 confirmed." in verdicts
    assert f"| confirmed under: {'; '.join(['tuned', *others])}; refuted under: printed |" in verdicts


def test_a_page_shows_what_breaks_a_claim_and_folds_the_rest(tmp_path: Path) -> None:
    store, what = store_in(tmp_path / "results"), experiment(claims=[CLAIM])
    fill(store, what, {**FILLED, ("a", "busy"): WORSE, ("b", "busy"): BETTER})
    text = page_of(what, store, tmp_path)
    shown, folded = text.split("- as is: does not hold in 1 of 2 comparisons (utility (Eq. 17)).")[1].split("<details>")
    assert "a - b (busy): -10.00" in shown
    assert "(calm)" not in shown
    assert "a - b (calm): 10.00" in folded
    assert folded.rstrip().endswith("</details>")


def test_a_line_about_seeds_is_no_comparison(tmp_path: Path) -> None:
    store, what = store_in(tmp_path / "results"), experiment(claims=[CLAIM])
    fill(store, what, {**FILLED, ("a", "busy"): WORSE, ("b", "busy"): BETTER})
    plan = expand(what, what.full)
    put(store, plan.runs[plan.units["a", "busy"][0].episodes[0]], {}, error="killed")
    text = page_of(what, store, tmp_path)
    (line,) = (line for line in text.split("\n") if line.startswith("- as is:"))
    assert "does not hold in 1 of 2 comparisons" in line
    assert line.endswith("seeds that failed, of all arms and conditions: 1.")


def test_long_lists_and_tables_are_folded_whole(tmp_path: Path) -> None:
    conditions = {f"world {number}": {"x": number} for number in range(40)}
    store, what = store_in(tmp_path / "results"), experiment(claims=[CLAIM], conditions=conditions)
    fill(store, what, {(arm, where): BETTER if arm == "a" else WORSE for arm in "ab" for where in conditions})
    text = page_of(what, store, tmp_path)
    assert "- as is: holds in 40 comparisons (utility (Eq. 17)).\n" in text
    assert "<details><summary>80 rows of numbers</summary>" in text
    assert "inter-slice" not in text  # nothing is trained
    assert text.count("<details>") == text.count("</details>") == 2
    plan = expand(what, what.full)
    put(store, plan.runs[plan.units["a", "world 7"][0].episodes[0]], {}, error="killed")
    text = page_of(what, store, tmp_path)
    lost = "seeds that failed, of all arms and conditions: 40."  # which are of one world
    assert f"- as is: does not hold; 40 comparisons (utility (Eq. 17)). {lost}\n" in text  # which all hold


COST = {"kind": "bars", "show": ["training_cpu_s"]}


def test_lengths_of_trainings_are_told_and_which_arms_have_others(tmp_path: Path) -> None:
    arms = {
        "a": {"scheduler": "hiso-coma", "trained": True},
        "b": {"scheduler": "hiso-coma-tuned", "trained": True},
        "short": {"scheduler": "hiso-coma", "trained": True, "inter_training_s": 50},
        "beams": {"scheduler": "hiso-coma", "inter": "constant:2,6,2", "trigger": "never", "trained": True},
    }
    sizes = {"seeds": 5, "episodes": 0, "duration_s": 1, "intra_training_slots": 4_000}
    what = experiment(arms=arms, conditions={"calm": {}}, measures=["training_cpu_s"], full=sizes, plot=COST)
    store, plan = store_in(tmp_path / "results"), expand(what, what.full)
    for run in plan.runs.values():
        put(store, run, {"inter_training_cpu_s" if run.kind == "train-inter" else "intra_training_cpu_s": 1.0})
    text = page_of(what, store, tmp_path)
    lengths = "inter-slice trainings of 1,000 s (of short 50); intra-slice trainings of 4,000 slots; processor times"
    assert f"5 training seeds; {lengths}" in text


@pytest.mark.parametrize("kind", ["bars", "lines"])
def test_conditions_have_panels_of_their_own(tmp_path: Path, kind: str) -> None:
    from hiso.experiments.figures import draw

    conditions = {f"{mood}, {number}": {"x": number, "panel": mood} for mood in ("calm", "busy") for number in (1, 2)}
    what = experiment(conditions=conditions, plot={"kind": kind, "show": ["utility"]})
    store = store_in(tmp_path / "results")
    fill(store, what, {(arm, where): BETTER for arm in "ab" for where in conditions})
    picture = draw(load_results(what, store), tmp_path).read_text()
    titles = re.findall(r"<!-- (calm|busy) -->", picture)
    assert titles == ["calm", "busy"]
    if kind == "bars":
        assert re.findall(r"<!-- (\d) -->", picture).count("2") >= 2  # what the panel's title does not say
        assert "calm, 1" not in picture


MANY = [f"constant:{a},{b},{10 - a - b}" for a in (2, 3, 4) for b in (2, 3, 4)] + ["equal", "random"]


@pytest.mark.parametrize(("kind", "differ"), [("bars", r'<pattern id="(\w+)"'), ("lines", r"stroke-dasharray: (\d+)")])
def test_more_arms_than_colours_are_told_apart(tmp_path: Path, kind: str, differ: str) -> None:
    from hiso.experiments.figures import draw

    arms = {inter: {"scheduler": "eea", "inter": inter} for inter in MANY}
    what = experiment(arms=arms, plot={"kind": kind, "show": ["utility"]})
    store = store_in(tmp_path / "results")
    fill(store, what, {(arm, where): BETTER for arm in arms for where in what.conditions})
    picture = draw(load_results(what, store), tmp_path).read_text()
    assert re.search(differ, picture)  # in the eleventh arm, which has the first one's colour
    assert all(picture.count(f"<!-- {arm} -->") == 1 for arm in arms)
    assert draw(load_results(what, store), tmp_path).read_text() == picture


def test_no_two_of_forty_arms_look_alike() -> None:
    from hiso.experiments import figures

    looks = {(figures._colour(index), figures._dashes(index), figures._hatch(index)) for index in range(40)}
    assert len(looks) == 40
    assert len({look[::2] for look in looks}) == len({look[:2] for look in looks}) == 40


def test_more_bars_than_a_panel_holds_are_in_several_of_one_scale(tmp_path: Path) -> None:
    from hiso.experiments.figures import draw

    conditions = {f"{users} users": {"set": {"users": users}} for users in range(12, 28)}
    arms = {inter: {"scheduler": "eea", "inter": inter} for inter in MANY[:8]}
    shown = ["utility", "goodput_bps_hz"]
    what = experiment(arms=arms, conditions=conditions, measures=shown, plot={"kind": "bars", "show": shown})
    store = store_in(tmp_path / "results")
    values = {(arm, where): [*BETTER] for arm in arms for where in conditions}
    values[MANY[0], "27 users"] = [100.0] * 5
    fill(store, what, values)
    picture = draw(load_results(what, store), tmp_path).read_text()
    (width, height) = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', picture)[0]
    assert float(width) < 72 * 11
    assert float(height) < 2.5 * float(width)
    assert picture.count("<!-- utility (Eq. 17) -->") == 3
    assert picture.count("<!-- 100 -->") >= 3


def test_a_page_says_what_is_quick_incomplete_or_not_there(tmp_path: Path) -> None:
    store, what = store_in(tmp_path / "results"), experiment(claims=[CLAIM])
    index = tmp_path / "page.md"
    assert "No results are stored for this code." in page_of(what, store, tmp_path)
    assert "| IV-E | no data |" in index.read_text()
    assert "1 claim: 1 not judged." in index.read_text()
    run = next(iter(expand(what, what.quick).runs.values()))
    store.put(run, Result(run.content, {"utility": 3.0}, {}, 1.0, 2))
    text = page_of(what, store, tmp_path)
    assert "**QUICK: few seeds, short runs; no evidence for or against anything.**" in text
    assert "**Incomplete: 1 of 8 runs.**" in text
    assert "| [two-rules](page/two-rules.md) |  | incomplete, of 2 |" in index.read_text()


def test_curves_are_drawn_over_the_training(tmp_path: Path) -> None:
    from hiso.experiments.figures import draw
    from hiso.experiments.tables import write_parquet

    arms = {name: {"scheduler": name, "trained": True} for name in ("hiso-coma-tuned", "sota-tuned")}
    what = experiment(
        arms=arms,
        conditions={"calm": {}},
        measures=["inter_loss_last"],
        plot={"kind": "curves", "show": ["inter_loss"]},
        full={"seeds": 5, "episodes": 0, "duration_s": 1},
    )
    store = store_in(tmp_path)
    plan = expand(what, what.full)
    for unit in plan.units["hiso-coma-tuned", "calm"]:
        for key in unit.trainings:
            series = {} if plan.runs[key].kind == "train-intra" else {"inter_loss": [float("nan"), *np.arange(99.0)]}
            store.put(plan.runs[key], Result(plan.runs[key].content, {}, series, 1.0, 1))
    found = load_results(what, store)
    assert found.curves("hiso-coma-tuned", "calm", "inter_loss").shape == (5, 100)
    picture = draw(found, tmp_path).read_text()
    assert "<!-- hiso-coma-tuned = sota-tuned -->" in picture  # they share each training
    assert "<!-- shaded: least to largest of the seeds (moving means) -->" in picture
    write_parquet(found, tmp_path)
    points = pq.read_table(tmp_path / "two-rules-curves.parquet").to_pylist()
    assert len(points) == 5 * 100  # each training once
    assert {point["curve"] for point in points} == {"inter_loss"}


def test_curves_come_back_with_the_last_of_the_tables_that_have_them(tmp_path: Path) -> None:
    from hiso.experiments.tables import restore, write_parquet

    arms = {"tuned": {"scheduler": "hiso-coma-tuned", "trained": True}}
    plots = [{"kind": "curves", "show": [name]} for name in ("utility", "eta_bps_hz", "goodput_bps_hz")]
    kinds = [experiment(arms=arms, plot=plot) for plot in (*plots, {"kind": "bars", "show": ["utility"]})]
    plan, store = expand(kinds[0], kinds[0].full), store_in(tmp_path / "results")
    for run in plan.runs.values():
        curves = {"utility": [1.0, 2.0], "eta_bps_hz": [3.0, 4.0]} if run.kind == "train-inter" else {}
        store.put(run, Result(run.content, {"utility": 5.0}, curves, 1.0, 1))
    again = Store(tmp_path / "again")
    for number, what in enumerate(kinds):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_parquet(load_results(what, store), folder)
        assert (folder / "two-rules-curves.parquet").exists() == (number < 2)
        restore(what, folder, again)
    for key, run in plan.runs.items():
        assert again.get(key) == store.get(key), run.name
    write_parquet(load_results(kinds[3], store), tmp_path / "0")
    assert not (tmp_path / "0/two-rules-curves.parquet").exists()


def test_published_results_come_back_whole(tmp_path: Path) -> None:
    from hiso.experiments.report import write_report
    from hiso.experiments.tables import restore

    arms = {"tuned": {"scheduler": "hiso-coma-tuned", "trained": True}, "b": {"scheduler": "eea"}}
    plot = {"kind": "curves", "show": ["inter_loss"]}
    what = experiment(arms=arms, measures=["utility", "training_cpu_s"], plot=plot)
    runs = expand(what, what.full).runs
    store, again = store_in(tmp_path / "results"), Store(tmp_path / "again")
    for number, run in enumerate(runs.values()):
        measures = {"inter_training_cpu_s": 2.0} if run.kind.startswith("train") else {"utility": number / 7}
        series = {"inter_loss": [float("nan"), number / 3, 1e-9]} if run.kind == "train-inter" else {}
        store.put(run, Result(run.content, measures, series, number / 9, 2))
    lost = next(key for key, run in runs.items() if run.kind == "episode")
    put(store, runs[lost], {}, error="killed")
    write_report([load_results(what, store)], tmp_path / "page.md")
    assert restore(what, tmp_path / "page", again) == (len(runs), 0)
    assert {key: again.get(key) for key in runs} == {key: store.get(key) for key in runs}
    put(again, runs[lost], {"utility": 1.0})
    restore(what, tmp_path / "page", again)
    kept = again.get(lost)
    assert kept is not None
    assert kept.error is None


def test_results_of_other_code_do_not_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hiso.experiments.tables import restore, write_parquet

    what, store = experiment(), store_in(tmp_path)
    fill(store, what, FILLED)
    write_parquet(load_results(what, store), tmp_path)
    monkeypatch.setattr("hiso.experiments.run.code_digest", lambda **_what: "other code")
    again = store_in(tmp_path / "again")
    assert restore(what, tmp_path, again) == (0, 20)
    assert not list((tmp_path / "again/runs").iterdir())


@pytest.mark.parametrize("content", [None, b"no table", "other columns"])
def test_what_holds_no_results_is_named(tmp_path: Path, content: bytes | str | None) -> None:
    import pyarrow as pa

    path, out = tmp_path / "two-rules.parquet", tmp_path / "out"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        pq.write_table(pa.table({"x": [1]}), path)
    (tmp_path / "two-rules.yaml").write_text(yaml.safe_dump(MINIMAL))
    command = ["experiment", "restore", str(tmp_path / "two-rules.yaml"), "--from", str(tmp_path), "--out", str(out)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert f"from: {path}" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize("names", [[], ["all"]])
def test_all_are_those_that_have_been_published(tmp_path: Path, names: list[str]) -> None:
    pages = Path(__file__).parents[2] / "docs/results"
    (tmp_path / "fig08.parquet").write_bytes((pages / "fig08.parquet").read_bytes())
    command = ["experiment", "restore", *names, "--from", str(tmp_path), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, command)
    assert (result.exit_code, result.stdout.count("\n")) == (0, 1)
    assert result.stdout.startswith("fig08: ")
    (tmp_path / "fig08.parquet").unlink()
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert f"from: {tmp_path} holds no results of any experiment" in result.stderr


@pytest.mark.slow
def test_of_all_experiments_those_are_reported_that_have_results(tmp_path: Path) -> None:
    command = ["experiment", "report", "--out", str(tmp_path)]
    store = store_in(tmp_path)
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert f"out: {tmp_path} holds no results of any experiment" in result.stderr
    what = load_experiment("gating")
    run = next(run for run in expand(what, what.quick).runs.values() if run.kind == "episode")
    store.put(run, Result(run.content, {"utility": 3.0}, {}, 1.0, 2))
    result = CliRunner().invoke(app, command)
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path}/results.md: 1 of 1 experiments have results\n")
    assert "Not on this page: fig05, fig06" in (tmp_path / "results.md").read_text()
    assert [path.name for path in (tmp_path / "results").glob("*.md")] == ["gating.md"]


def test_a_reading_of_several_rules_shows_each(tmp_path: Path) -> None:
    won = CLAIM["readings"]["as is"]
    rules = [won, {"test": "above", "measure": "utility", "a": "a", "value": 20}]
    store = store_in(tmp_path / "results")
    what = experiment(claims=[{**CLAIM, "readings": {"both": rules}}])
    fill(store, what, FILLED)
    text = page_of(what, store, tmp_path)
    assert "**a reaches more than b** (IV-E): **refuted**" in text
    lines = text[text.index("- both: does not hold; its 2 rules:") :].split("\n")
    assert lines[1].startswith("  - greater: holds (utility (Eq. 17)). a - b (calm): 10.00")
    assert lines[2].startswith("  - above: does not hold (utility (Eq. 17)). a (calm): 16.00")


def test_a_value_of_fewer_seeds_than_its_row_says_so(tmp_path: Path) -> None:
    store, what = store_in(tmp_path / "results"), experiment(measures=["utility", "delay_p99_embb_ms"])
    plan = expand(what, what.full)
    for place, units in plan.units.items():
        for index, unit in enumerate(units):
            silent = place == ("a", "calm") and index < 3
            put(store, plan.runs[unit.episodes[0]], {"utility": 1.0, "delay_p99_embb_ms": None if silent else 20.0})
    text = page_of(what, store, tmp_path)
    assert "| calm | a | 1.00 [1.00, 1.00] | 20.00 [20.00, 20.00] (n = 2) | 1.00 | 5 of 5 |" in text
    assert text.count("(n = ") == 1


def test_what_a_training_did_is_read_from_its_curve_and_its_end(tmp_path: Path) -> None:
    arms = {"a": {"scheduler": "hiso-coma", "trained": True}}
    measures, full = ["inter_convergence_s", "online_variation_early"], {"seeds": 5, "episodes": 0, "duration_s": 1}
    what = experiment(arms=arms, conditions={"calm": {}}, measures=measures, full=full, plot=CURVES)
    store, plan = store_in(tmp_path), expand(what, what.full)
    for unit, converged_s in zip(plan.units["a", "calm"], (80.0, 1000.0, 1001.0, 990.0, 1001.0), strict=True):
        inter, intra = sorted(unit.trainings, key=lambda key: plan.runs[key].kind)
        series = {"utility": [float("nan"), *([1.0, 3.0] * 150), *([7.0, 3.0] * 350)]}
        store.put(
            plan.runs[inter], Result(plan.runs[inter].content, {"inter_convergence_s": converged_s}, series, 1, 1)
        )
        put(store, plan.runs[intra], {})
    found = load_results(what, store)
    # 1,001 s of 1,000: away from its end to the last.
    assert found.values("a", "calm", "inter_convergence_s").tolist() == pytest.approx(
        [80, 1000, np.nan, 990, np.nan], nan_ok=True
    )
    assert found.values("a", "calm", "online_variation_early").tolist() == pytest.approx([0.5] * 5, rel=0.02)


def test_a_scale_does_not_blow_up_what_is_nearly_equal(tmp_path: Path) -> None:
    from hiso.experiments.figures import draw

    store, what = store_in(tmp_path / "results"), experiment(plot={"kind": "lines", "show": ["utility"]})
    fill(store, what, {(arm, where): [1.0, 1.0, 1.0, 1.0, 0.9999] for arm in "ab" for where in ("calm", "busy")})
    picture = draw(load_results(what, store), tmp_path).read_text()
    labels = [float(label) for label in re.findall(r"<!-- (\d\.\d+) -->", picture)]
    assert max(labels) - min(labels) > 0.02
