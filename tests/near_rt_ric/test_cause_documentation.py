"""docs/e2.md names every cause of the contract, once, in its table of causes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto.e2ap_names import describe_cause

DOCS = (Path(__file__).parents[2] / "docs" / "e2.md").read_text()


def causes() -> set[str]:
    """Every cause in the words of E2AP."""
    named = set()
    for field in e2ap.Cause.DESCRIPTOR.fields:
        assert field.enum_type is not None
        for value in field.enum_type.values:
            cause: dict[str, Any] = {field.name: value.number}
            named.add(describe_cause(e2ap.Cause(**cause)))
    return named


def test_the_table_of_causes_has_each_cause_once() -> None:
    table = DOCS.partition("### Every cause")[2].partition("## KPM")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| ")][1:]
    named = [name.strip() for cell in cells for name in re.sub(r"\(.*?\)", "", cell).split(",")]
    assert len(set(named)) == len(named)
    assert set(named) == causes()
