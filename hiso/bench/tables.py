"""What people see of a benchmark: each figure beside its aim, and the CPU time of each process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from hiso.terminal import number


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure should reach: at least `limit`, or at most."""

    what: str
    limit: float | None = None
    at_least: bool = False
    percent: bool = False

    def met(self, value: float) -> bool:
        """Whether a value reaches it."""
        return self.limit is None or (value >= self.limit if self.at_least else value <= self.limit)

    def spoken(self) -> str:
        """As text; empty where there is none."""
        return "" if self.limit is None else f"{'>=' if self.at_least else '<='} {self.text(self.limit)}"

    def text(self, value: float) -> str:
        """A value of this figure as text."""
        if self.percent:
            return f"{100 * value:.2f} %"
        return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"


AIMS: dict[str, Aim] = {
    "core_slots_per_s": Aim("cell, compiled whole (slots/s)", 200_000, at_least=True),
    "core_step_slots_per_s": Aim("cell, one slot a call (slots/s)", 40_000, at_least=True),
    "lockstep_d0_real_time_factor": Aim("lock-step, D = 0 (x real time)", 1.6, at_least=True),
    "lockstep_d2_real_time_factor": Aim("lock-step, D = 2 (x real time)", 3.5, at_least=True),
    "loop_latency_p50_ms": Aim("loop at D = 0, median (ms)", 0.25),
    "loop_latency_p99_ms": Aim("loop at D = 0, 99 % (ms)", 0.45),
    "bare_loop_p50_ms": Aim("bare loop, median (ms)"),
    "bare_loop_p99_ms": Aim("bare loop, 99 % (ms)"),
    "loop_over_bare_p50": Aim("loop over bare loop, median", 1.6),
    "realtime_missed_fraction": Aim("late: real time, D = 2, learning", 0.01, percent=True),
    "realtime_2x_missed_fraction": Aim("late: twice real time, D = 4", 0.02, percent=True),
    "compose_missed_fraction": Aim("late: containers, D = 2", 0.02, percent=True),
    "start_to_first_kpi_s": Aim("start to first KPIs (s)", 10.0),
}
"""Figures of the report with their aims. Late shares are those under SCHED_FIFO; without it they may be six times as
large."""


def figures(report: Mapping[str, Any]) -> Table:
    """Each figure beside its aim."""
    table = Table("figure", "value", "aim", title="hiso bench" + (" --quick" if report["quick"] else ""))
    for key, aim in AIMS.items():
        value = report[key]
        if value is None:
            table.add_row(aim.what, "-", aim.spoken())
        else:
            table.add_row(aim.what, Text(aim.text(value), "" if aim.met(value) else "red"), aim.spoken())
    return table


def cpu(report: Mapping[str, Any]) -> Table:
    """CPU time a slot in us: a row a process, a column a run."""
    runs = report["cpu_us_per_slot"]
    table = Table("CPU us a slot", *runs)
    processes = dict.fromkeys(process for run in runs.values() for process in run)
    for process in processes:
        table.add_row(process, *(number(run.get(process), 0) for run in runs.values()))
    table.add_row("all", *(number(sum(run.values()) or None, 0) for run in runs.values()), style="bold")
    return table


def notes(report: Mapping[str, Any]) -> Iterator[str]:
    """What is missing and why, the machine, and what ran where."""
    for key, reason in report["reasons"].items():
        yield f"{key}: {reason}"
    machine = report["machine"]
    yield (
        f"{machine['cores']} cores, {machine['cpu_model']}; {machine['kernel']}; Python {machine['python']}, "
        f"grpcio {machine['grpcio']}, numba {machine['numba']}"
    )
    for run, placement in report["placement"].items():
        yield f"{run}: {placement}"
    yield f"frames: observation {report['observation_bytes']} bytes, decision {report['decision_bytes']} bytes"
