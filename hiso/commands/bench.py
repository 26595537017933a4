"""`hiso bench`: how fast the product is on this machine, and what that costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hiso import ports
from hiso.commands.options import FAILED, PortBaseOption, check_file, fail, refuse, warn, write_json
from hiso.signals import ends_on_signals
from service_kit.signals import Stop

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
    # Imported here: no other command should wait for what only measurements need.
    from hiso.bench import session, tables
    from hiso.bench.system_run import Interrupted

    check_file("json", json)
    _check_ports(port_base)
    console = Console()
    stop = Stop()
    with ends_on_signals(stop):
        try:
            report = session.measure(port_base, console, stop, quick=quick, with_sweep=sweep)
        except Interrupted:
            fail("interrupted: there are no figures")
    if as_markdown:
        typer.echo(tables.markdown(report))
    else:
        session.show(console, report)
    missing = "; ".join(f"{part}: {reason}" for part, reason in report["failed"].items())
    if missing:
        warn(f"not measured: {missing}")
    write_json(json, report)
    if missing:
        raise typer.Exit(FAILED)


def _check_ports(port_base: int) -> None:
    taken = [port for port in (ports.port_of(service, port_base) for service in ports.OFFSETS) if ports.taken(port)]
    if taken:
        names = ", ".join(map(str, taken))
        refuse(f"port-base: {names} taken: choose others ({ports.MIN_PORT_BASE}..{ports.MAX_PORT_BASE})")
