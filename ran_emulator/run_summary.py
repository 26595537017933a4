"""The summary of a run over E2: the cell's own, and what the loop and E2 measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ran_emulator.arguments import Arguments
from ran_emulator.cell import Cell
from ran_emulator.e2.node import E2Node
from ran_emulator.e2.traffic import nested
from ran_emulator.latencies import Latencies
from ran_emulator.scenario import SLOTS_PER_SECOND
from ran_emulator.summary import cell_summary


def run_summary(
    arguments: Arguments, cell: Cell, node: E2Node, wall_s: float, late_slots: int, latencies: Latencies
) -> dict[str, Any]:
    """What is written at the end of a run; `late_slots` and `latencies` are the loop's."""
    simulated_s = cell.slot / SLOTS_PER_SECOND
    return {
        **cell_summary(cell),
        "scenario": arguments.scenario.name,
        "config": arguments.scenario.model_dump(mode="json"),
        "clock": arguments.clock.name,
        "wall_s": wall_s,
        "real_time_factor": simulated_s / wall_s if wall_s > 0 else None,
        "late_slots": late_slots,
        "missed_deadlines": sum(node.missed_deadlines),
        "e2_bytes": nested(node.traffic.bytes),
        "e2_messages": nested(node.traffic.messages),
        "e2_bps": sum(node.traffic.bytes) * 8 / simulated_s if simulated_s else 0.0,
        "loop_latency_ms": latencies.summary_ms(),
    }


def write_summary(path: Path, summary: dict[str, Any]) -> None:
    """Write it whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(summary, indent=1) + "\n")
    part.replace(path)
