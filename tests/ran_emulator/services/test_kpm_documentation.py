"""The table of measurements in docs/e2.md against the one in the code."""

from __future__ import annotations

from pathlib import Path

from ran_emulator.kpm import MEASUREMENTS, Measurement

DOCUMENT = Path(__file__).parents[3] / "docs" / "e2.md"
HEAD = ["| measurement | unit | cell | slice | meaning |", "|---|---|---|---|---|"]


def row(measurement: Measurement) -> str:
    cell, part = ("yes" if offered else "no" for offered in (measurement.per_cell, measurement.per_slice))
    return f"| {measurement.name} | {measurement.unit} | {cell} | {part} | {measurement.meaning} |"


def test_the_documented_measurements_are_those_of_the_code() -> None:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    start = lines.index(HEAD[0])
    end = lines.index("", start)
    assert lines[start:end] == [*HEAD, *map(row, MEASUREMENTS)]
