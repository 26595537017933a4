"""The summary of a run as JSON: the cell's figures, and what its host knows. The same keys from every host."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiso import __version__
from hiso.cells import joint_summary
from hiso.run_request import RunRequest

_CELL_KEYS = (
    "eta_bps_hz",
    "eta_sum_bps_hz",
    "goodput_bps_hz",
    "utility",
    "decision_source",
    "trace_sha256",
    "events",
    "slices",
)
_LOOP_KEYS = ("late_slots", "missed_deadlines", "e2_bytes", "e2_messages", "e2_bps", "loop_latency_ms")


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the host of a run knows and the cell does not."""

    wall_s: float
    inter_slice_updates: int
    trigger_evaluations: int
    weights_id: str | None


def joint_weights_id(ids: Iterable[str | None]) -> str | None:
    """One id for the weights of all agents, the inter-slice ones first: each once, joined by "+"."""
    return "+".join(dict.fromkeys(identity for identity in ids if identity)) or None


def summarize(request: RunRequest, cell: dict[str, Any], facts: HostFacts) -> dict[str, Any]:
    """The summary of a run.

    Args:
        request: what was run.
        cell: `ran_emulator.summary.cell_summary`, with the keys of the loop where there was one.
        facts: what the host knows.
    """
    simulated_s = cell["simulated_s"]
    return {
        "version": __version__,
        "config": _config(request),
        "scenario": request.scenario.name,
        "scheduler": request.scheduler.name,
        "trigger": request.scheduler.trigger,
        "weights_id": facts.weights_id,
        "hwi_model": cell["hwi_model"],
        "access": cell["access"],
        "clock": request.clock.name,
        "control_delay_slots": cell["control_delay_slots"],
        "seed": cell["seed"],
        "slots": cell["slots"],
        "simulated_s": simulated_s,
        "wall_s": facts.wall_s,
        "real_time_factor": simulated_s / facts.wall_s if facts.wall_s > 0 else None,
        "inter_slice_updates": facts.inter_slice_updates,
        "trigger_evaluations": facts.trigger_evaluations,
        **{key: cell[key] for key in _CELL_KEYS},
        # In process nothing crosses E2: what that would have cost is not known.
        **{key: cell.get(key) for key in _LOOP_KEYS},
    }


def summarize_cells(request: RunRequest, cells: Sequence[dict[str, Any]], facts: HostFacts) -> dict[str, Any]:
    """The summary of a run of one cell, or of several: their totals, and under "cells" each one's own figures."""
    if len(cells) == 1:
        return summarize(request, cells[0], facts)
    own = [{key: cell.get(key) for key in ("slots", "simulated_s", *_CELL_KEYS, *_LOOP_KEYS)} for cell in cells]
    return {**summarize(request, joint_summary(request.scenario, cells), facts), "cells": own}


def _config(request: RunRequest) -> dict[str, Any]:
    """Everything that decides a run, resolved."""
    scheduler = request.scheduler
    return {
        "scenario": request.scenario.model_dump(mode="json"),
        "scheduler": {
            "name": scheduler.name,
            "inter": scheduler.inter,
            "intra": scheduler.intra,
            "trigger": scheduler.trigger,
            "options": scheduler.options.model_dump(),
        },
        "seed": request.seed,
        "slots": request.slots,
        "clock": request.clock.name,
        "control_delay_slots": request.control_delay_slots,
        "learn": request.learn,
        "from_scratch": request.from_scratch,
        "weights": None if request.weights_folder is None else str(request.weights_folder),
        "timeline": [event.record() for event in request.timeline],
        "cells": request.cells,
        "left_out": sorted(request.left_out),
    }


def write(path: Path, summary: dict[str, Any]) -> None:
    """Write a summary.

    Raises:
        OSError: the file cannot be written after all.
    """
    path.write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n")
