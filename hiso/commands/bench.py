"""`hiso bench`: how fast the product is on this machine, and what that costs."""

from __future__ import annotations

import json as json_text
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from hiso import ports
from hiso.bench import sweep as sweeps
from hiso.bench import tables
from hiso.bench.suite import FULL, QUICK, Suite
from hiso.bench.system_run import Interrupted
from hiso.commands.options import PortBaseOption, check_file, fail, refuse
from hiso.processes import ProcessFailed
from hiso.signals import ends_on_signals

JsonOption = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all figures there.")]
SweepOption = Annotated[
    bool, typer.Option("--sweep", help="Also: cost against users, antennas, cells and control delay (minutes more).")
]
QuickOption = Annotated[bool, typer.Option("--quick", help="Every part short: whether it works, not how fast it is.")]
MarkdownOption = Annotated[bool, typer.Option("--markdown", help="Print the figures as Markdown, as in the README.")]


def bench(
    json: JsonOption = None,
    sweep: SweepOption = False,
    quick: QuickOption = False,
    as_markdown: MarkdownOption = False,
    port_base: PortBaseOption = ports.DEFAULT_PORT_BASE,
) -> None:
    """Measure cell, loop and real time, beside a loop of the same processes that does nothing.

    Run it on a machine that does nothing else; its clocks never change.
    """
    check_file("json", json)
    _check_ports(port_base)
    console = Console()
    stop = threading.Event()
    with ends_on_signals(stop):
        try:
            report = _measure(port_base, console, stop, quick=quick, with_sweep=sweep)
        except Interrupted:
            fail("interrupted: there are no figures")
        except ProcessFailed as error:
            fail(str(error))
    if json is not None:
        json.write_text(json_text.dumps(report, indent=2, allow_nan=False) + "\n")
    if as_markdown:
        typer.echo(tables.markdown(report))
    else:
        _show(console, report)


def _check_ports(port_base: int) -> None:
    taken = [port for port in (ports.port_of(service, port_base) for service in ports.OFFSETS) if ports.taken(port)]
    if taken:
        names = ", ".join(map(str, taken))
        refuse(f"port-base: {names} taken: choose others ({ports.MIN_PORT_BASE}..{ports.MAX_PORT_BASE})")


def _measure(
    port_base: int, console: Console, stop: threading.Event, *, quick: bool, with_sweep: bool
) -> dict[str, Any]:
    suite = Suite(port_base, QUICK if quick else FULL, stop)
    points = sweeps.points(quick=quick) if with_sweep else []
    rows: list[dict[str, Any]] = []
    parts: list[tuple[str, Callable[[], object]]] = [*suite.parts()]
    for point in points:
        measure = partial(sweeps.measure, point, port_base, stop, quick=quick)
        parts.append((f"sweep: {point.axis} {point.value}", partial(_keep, rows, measure)))
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("", total=len(parts))
        for what, work in parts:
            progress.update(task, description=what)
            if stop.is_set():
                raise Interrupted
            work()
            progress.advance(task)
    report = suite.report(quick=quick)
    return {**report, "sweep": rows} if with_sweep else report


def _keep(rows: list[dict[str, Any]], measure: Callable[[], dict[str, Any]]) -> None:
    rows.append(measure())


def _show(console: Console, report: dict[str, Any]) -> None:
    console.print(tables.figures(report))
    console.print(tables.cpu(report))
    for line in tables.notes(report):
        console.print(line, soft_wrap=True, highlight=False)
    if "sweep" in report:
        console.print(sweeps.table(report["sweep"]))
