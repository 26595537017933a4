"""`hiso models`: every set that is shipped, and what is no set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hiso.commands import app
from xapps.trained import TRAINED_DIRECTORY, find_weights


def run(*arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, ["models", *arguments], env={"COLUMNS": "200"})
    assert done.exit_code == status, done.output
    return done.output


def test_every_shipped_set_is_listed() -> None:
    listed = run("list")
    for file in TRAINED_DIRECTORY.glob("*.npz"):
        assert find_weights(file.stem).weights_id in listed
    [row] = [line for line in listed.splitlines() if "coma2c-tuned-base-d2" in line]
    assert "0-0.1" in row


def test_the_page_of_cards_is_of_the_sets_that_are_shipped() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text()
    for file in TRAINED_DIRECTORY.glob("*.npz"):
        weights = find_weights(file.stem)
        assert f"`{weights.weights_id}`" in page


def test_a_set_is_shown_by_name_id_and_file() -> None:
    weights = find_weights("madqn-tuned-base-d2")
    for reference in ("madqn-tuned-base-d2", weights.weights_id, str(TRAINED_DIRECTORY / "madqn-tuned-base-d2.npz")):
        shown = json.loads(run("show", reference))
        assert shown["weights_id"] == weights.weights_id
        assert (shown["variant"], shown["preset"], shown["control_delay_slots"]) == ("madqn-tuned", "base", 2)
        assert shown["command"].startswith("hiso train ")
        assert sum(shown["parameters"].values()) == sum(array.size for array in weights.arrays.values())
        assert shown["access"] == "rsma"
        assert shown["limits"]["hwi"] == "both readings, kappa 0 to 0.1"
        assert shown["limits"]["control_delay_slots"].startswith("any from 1 on")
        assert shown["card"] == "docs/models.md#base"
    # Inter-slice agents know nothing of the cell that they were trained in.
    baseline = json.loads(run("show", "sa2c-t-base-d0"))
    assert not {"antennas", "access", "precoder"} & baseline.keys()
    assert baseline["limits"] == {
        "preset": "base alone",
        "hwi": "the paper reading alone, kappa 0.001 alone",
        "control_delay_slots": "0 alone",
    }


def test_cards_say_what_agents_reach(tmp_path: Path) -> None:
    page = tmp_path / "models.md"
    run("cards", "--page", str(page), "--preset", "base", "--quick")
    text = page.read_text()
    assert "## base" in text
    assert "## regimes" not in text
    for name in ("madqn-tuned-base-d0", "madqn-base-d2", "coma2c-tuned-base-d0", "sa2c-t-base-d2"):
        assert find_weights(name).weights_id in text
    tuned = find_weights("madqn-tuned-base-d0").weights_id
    (line,) = [line for line in text.splitlines() if line.startswith(f"| `{tuned}` | paper |")]
    shares = [float(cell.split()[0]) for cell in line.strip("| ").split(" | ")[2:]]
    assert len(shares) == 6
    assert all(80 < share <= 100.5 for share in shares)
    for control in ("untrained", "shuffled observations"):
        # The first such line is of intra-slice agents.
        line = next(line for line in text.splitlines() if line.startswith(f"| {control} | paper |"))
        assert all(float(cell.split()[0]) < 80 for cell in line.strip("| ").split(" | ")[2:]), line
    rows = [line.strip("| ").split(" | ") for line in text.splitlines()]
    inter = {tuple(row[:4]): row for row in rows if len(row) == 6 and row[3] in ("0", "2")}
    own = ("paper", "0.001", "0")
    tuned = f"`{find_weights('coma2c-tuned-base-d0').weights_id}`, `z-ref`, over `madqn-tuned`"
    assert float(inter["untrained", *own][5]) < 90 < float(inter[tuned, *own][5])
    assert (
        "shuffled observations",
        *own,
    ) in inter  # which tells nothing in so few seconds: test_misled_agents_... does
    for hwi in (("paper", "0.05"), ("aggregate", "0.001"), ("aggregate", "0.05")):
        assert float(inter[tuned, *hwi, "0"][5]) > 80
    for name in ("coma2c-tuned-base-d2", "coma2c-base-d2", "sa2c-t-base-d2"):
        (row,) = [row for key, row in inter.items() if find_weights(name).weights_id in key[0]]
        assert row[3] == "2"
    budgets = [row for row in rows if len(row) == 7 and row[0] in ("paper", "aggregate")]
    assert [tuple(row[:3]) for row in budgets] == [
        own, ("paper", "0.001", "2"), ("paper", "0.05", "0"), ("aggregate", "0.001", "0"), ("aggregate", "0.05", "0")
    ]  # fmt: skip
    for row in budgets:
        *reached, bound = (float(cell.partition("(")[2].rstrip(")")) for cell in row[3:])
        assert max(reached) <= bound <= 1


def test_cards_refuse_what_they_cannot_do(tmp_path: Path) -> None:
    assert "'nowhere' must be one of" in run("cards", "--page", "x.md", "--preset", "nowhere", status=2)
    refused = "must be a file in a folder that exists"
    for page in (tmp_path, tmp_path / "nowhere" / "models.md"):
        assert refused in run("cards", "--page", str(page), status=2).replace("\n", " ")


@pytest.mark.skipif("os.geteuid() == 0", reason="root may write anywhere")
def test_a_page_that_cannot_be_written_is_refused_before_it_is_measured(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "cannot be written" in run("cards", "--page", str(tmp_path / "models.md"), status=2)


def test_what_is_no_set_is_named(tmp_path: Path) -> None:
    assert "'nobody' is neither" in run("show", "nobody", status=2)
    assert f"no .npz file in {tmp_path}" in run("list", str(tmp_path), status=2)
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    assert "broken.npz" in run("list", str(tmp_path), status=2)
