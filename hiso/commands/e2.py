"""`hiso e2 nodes` and `hiso e2 watch`: who is connected, and what is said."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from hiso import ports
from hiso.commands.options import PortBaseOption, fail, refuse, warn
from hiso.e2_watch import (
    FUNCTION_NAMES,
    PROCEDURES,
    Filter,
    FunctionNames,
    full_text,
    one_line,
    tap_endpoint,
    watch,
)
from hiso.loopback import LoopbackClient, Unreachable
from hiso.signals import ends_on_signals
from service_kit.signals import Stop

_CLOCKS = {True: "lock-step", False: "real time", None: "not here since the RIC started"}

app = typer.Typer(help="Look into E2: nodes and messages.", no_args_is_help=True)


@app.command()
def nodes(port_base: PortBaseOption = ports.DEFAULT_PORT_BASE) -> None:
    """List the E2 nodes that the RIC knows."""
    ric = LoopbackClient(ports.port_of("ric", port_base))
    try:
        found = ric.json("/nodes")
    except Unreachable as error:
        fail(f"no RIC answers ({error}): is hiso up running?")
    for node in found:
        state = "connected" if node["connected"] else "away"
        clock = _CLOCKS[node["lockstep"]]
        functions = ", ".join(
            f"{item['ran_function_id']} {FUNCTION_NAMES.get(item['oid'], item['oid'])}" for item in node["functions"]
        )
        typer.echo(f"{node['node_id']}  {state}  {clock}  functions: {functions}")
    if not found:
        typer.echo("no node has connected yet")


@app.command("watch")
def watch_messages(
    procedure: Annotated[
        list[str] | None,
        typer.Option(
            "--procedure", metavar="NAME", help=f"Only these: {', '.join(dict.fromkeys(PROCEDURES.values()))}."
        ),
    ] = None,
    function: Annotated[
        list[str] | None, typer.Option("--function", metavar="NAME", help="Only these: kpm, budgets, slot, e2ap.")
    ] = None,
    node: Annotated[list[str] | None, typer.Option("--node", metavar="ID", help="Only these nodes.")] = None,
    count: Annotated[int | None, typer.Option("--count", metavar="N", min=1, help="End after N messages.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Every field of every message.")] = False,
    port_base: PortBaseOption = ports.DEFAULT_PORT_BASE,
) -> None:
    """Show every E2 message as it passes the RIC, until Ctrl-C. It costs the RIC time while somebody watches."""
    check_names("procedure", procedure, tuple(dict.fromkeys(PROCEDURES.values())))
    check_names("function", function, (*FUNCTION_NAMES.values(), "e2ap"))
    wanted = Filter(set(procedure or ()), set(function or ()), set(node or ()))
    ric = LoopbackClient(ports.port_of("ric", port_base))
    names = FunctionNames(ric)
    try:
        endpoint = tap_endpoint(ric)
        known = names.load()
    except Unreachable as error:
        fail(f"no RIC answers ({error}): is hiso up running?")
    for name in node or ():
        if name not in known:
            warn(f"node: the RIC knows no {name} yet; it knows {', '.join(known) or 'none'}")
    stop = Stop()
    try:
        with ends_on_signals(stop):
            shown = filter(wanted.passes, watch(endpoint, names, lambda: not stop.is_set()))
            for message in islice(shown, count):
                typer.echo(full_text(message) if raw else one_line(message))
    except Unreachable as error:
        fail(f"{error}; run it where the RIC runs")


def check_names(option: str, given: list[str] | None, known: tuple[str, ...]) -> None:
    """Whether every name that was given is known."""
    for name in given or ():
        if name not in known:
            refuse(f"{option}: {name!r} is none of {', '.join(known)}")
