"""`hiso models`: every set that is shipped, and what is no set."""

from __future__ import annotations

import json
from pathlib import Path

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


def test_a_set_is_shown_by_name_id_and_file() -> None:
    weights = find_weights("madqn-tuned-base-d2")
    for reference in ("madqn-tuned-base-d2", weights.weights_id, str(TRAINED_DIRECTORY / "madqn-tuned-base-d2.npz")):
        shown = json.loads(run("show", reference))
        assert shown["weights_id"] == weights.weights_id
        assert (shown["variant"], shown["preset"], shown["control_delay_slots"]) == ("madqn-tuned", "base", 2)
        assert shown["command"].startswith("hiso train ")
        assert sum(shown["parameters"].values()) == sum(array.size for array in weights.arrays.values())


def test_what_is_no_set_is_named(tmp_path: Path) -> None:
    assert "'nobody' is neither" in run("show", "nobody", status=2)
    assert f"no .npz file in {tmp_path}" in run("list", str(tmp_path), status=2)
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    assert "broken.npz" in run("list", str(tmp_path), status=2)
