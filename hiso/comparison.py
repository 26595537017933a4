"""Schedulers side by side: the same worlds under each, figures of merit as means over seeds.

Of runs of more than a second the first one is left out.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hiso.run_request import RunRequest
from hiso.runner import Progress, Runner
from ran_emulator.scenario import SLICE_NAMES, SLOTS_PER_SECOND

COLUMNS = ("scheduler", "kappa", "D", "eta", "goodput", "utility", *(f"SSR {name}" for name in SLICE_NAMES), "updates")
"""eta and goodput in bit/s/Hz; updates: reports answered with budgets, a run, also with those in force."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run gave."""

    seed: int
    eta_bps_hz: float
    goodput_bps_hz: float
    utility: float
    ssr: dict[str, float]
    inter_slice_updates: int
    weights_id: str | None
    trace_sha256: str


@dataclass(frozen=True, slots=True)
class Row:
    """One scheduler under one kappa and one D, over all seeds."""

    scheduler: str
    kappa: str
    control_delay_slots: int
    runs: tuple[Figures, ...]

    def cells(self) -> tuple[str, ...]:
        """Means over the runs as text, in the order of `COLUMNS`; the utility with its standard deviation."""
        mean = statistics.fmean
        utilities = [figures.utility for figures in self.runs]
        spread = f" ± {statistics.stdev(utilities):.1f}" if len(utilities) > 1 else ""
        return (
            self.scheduler,
            self.kappa,
            str(self.control_delay_slots),
            f"{mean(figures.eta_bps_hz for figures in self.runs):.1f}",
            f"{mean(figures.goodput_bps_hz for figures in self.runs):.2f}",
            f"{mean(utilities):.1f}{spread}",
            *(f"{mean(figures.ssr[name] for figures in self.runs):.3f}" for name in SLICE_NAMES),
            f"{mean(figures.inter_slice_updates for figures in self.runs):.0f}",
        )


def row_key(request: RunRequest) -> tuple[str, str, int]:
    """Which row a run belongs to: scheduler, kappa (of both sides where they differ), D."""
    hwi = request.scenario.hwi
    kappa = f"{hwi.kappa_t:g}" if hwi.kappa_t == hwi.kappa_r else f"{hwi.kappa_t:g} / {hwi.kappa_r:g}"
    return request.scheduler.name, kappa, request.control_delay_slots


def compare(requests: Sequence[RunRequest], progress: Progress) -> list[Row]:
    """Run all, the requests of one row beside each other; the rows, in the order of the requests."""
    return [
        Row(*key, tuple(_figures(request, progress) for request in group))
        for key, group in itertools.groupby(requests, row_key)
    ]


def _figures(request: RunRequest, progress: Progress) -> Figures:
    assert request.slots is not None
    runner = Runner(
        request.scenario,
        request.scheduler,
        request.seed,
        request.control_delay_slots,
        weights=request.weights(),
        timeline=request.timeline,
    )
    if request.slots > SLOTS_PER_SECOND:  # agents that see loads have seen none in the first second
        runner.advance(SLOTS_PER_SECOND, progress)
        runner.leave_out_what_was()
    runner.advance(request.slots - runner.cell.slot, progress)
    result = runner.result()
    summary: dict[str, Any] = result.summary
    return Figures(
        seed=request.seed,
        eta_bps_hz=summary["eta_bps_hz"],
        goodput_bps_hz=summary["goodput_bps_hz"],
        utility=summary["utility"],
        ssr={name: summary["slices"][name]["ssr"] for name in SLICE_NAMES},
        inter_slice_updates=result.inter_slice_updates,
        weights_id=result.weights_id,
        trace_sha256=summary["trace_sha256"],
    )


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [COLUMNS, ("---",) * 2 + ("--:",) * (len(COLUMNS) - 2), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
