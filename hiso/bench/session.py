"""All parts of the bench in one run, with progress, and its report shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from hiso.bench import sweep as sweeps
from hiso.bench import tables
from hiso.bench.suite import FULL, QUICK, Suite
from hiso.bench.system_run import Interrupted
from hiso.processes import ProcessFailed
from service_kit.signals import Stop


def measure(port_base: int, console: Console, stop: Stop, *, quick: bool, with_sweep: bool) -> dict[str, Any]:
    """Run every part; the report. A part in which a process ended is told under `failed`, and its figures are null.

    Raises:
        Interrupted: `stop` was set.
    """
    suite = Suite(port_base, QUICK if quick else FULL, stop)
    points = sweeps.points(quick=quick) if with_sweep else []
    rows: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    parts: list[tuple[str, Callable[[], object]]] = [*suite.parts()]
    for point in points:
        at_point = partial(sweeps.measure, point, port_base, stop, quick=quick)
        parts.append((f"sweep: {point.axis} {point.value}", partial(_keep, rows, at_point)))
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("", total=len(parts))
        for what, work in parts:
            progress.update(task, description=what)
            if stop.is_set():
                raise Interrupted
            try:
                work()
            except ProcessFailed as error:
                failed[what] = str(error)
            progress.advance(task)
    report = {**suite.report(quick=quick), "failed": failed}
    return {**report, "sweep": rows} if with_sweep else report


def _keep(rows: list[dict[str, Any]], measure: Callable[[], dict[str, Any]]) -> None:
    rows.append(measure())


def show(console: Console, report: dict[str, Any]) -> None:
    """The figures as tables."""
    console.print(tables.figures(report))
    console.print(tables.cpu(report))
    if report["learner_us_per_slot"]:
        console.print(tables.learners(report))
    for line in tables.notes(report):
        console.print(line, soft_wrap=True, highlight=False)
    if "sweep" in report:
        console.print(sweeps.table(report["sweep"]))
