"""`hiso xapp list | deploy | start | stop | upgrade | remove | logs`: xApps that the RIC runs, over its HTTP API."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hiso import ports
from hiso.commands.options import PortBaseOption, fail, in_range, refuse, takes
from hiso.loopback import LoopbackClient, Unreachable
from hiso.terminal import table_width
from near_rt_ric.registry import NAME_PATTERN
from near_rt_ric.xapp_manager.backend import MAX_LOG_LINES
from near_rt_ric.xapp_manager.descriptor import RestartPolicy

ANSWER_S = 30.0
"""An upgrade waits for the new version's registration, and perhaps for the old one's."""
SEEN_WITHIN_S = 10.0
LIVES_FOR_S = 1.0
"""What is refused a subscription registers before it dies."""
_LOOK_S = 0.1

app = typer.Typer(help="xApps that the RIC runs.", no_args_is_help=True)


def _named(name: str) -> str:
    if re.fullmatch(NAME_PATTERN, name) is None:
        raise typer.BadParameter(f"{name!r} does not match {NAME_PATTERN}")
    return name


NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", callback=_named, help="The name under which it registers on the bus.")
]
ArgumentsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[-- ARGUMENT...]", help="Its own; {bus} stands for the RIC's bus endpoint."),
]
ModuleOption = Annotated[
    str | None, typer.Option("--module", metavar="NAME", help="Run a module that the RIC's Python finds.")
]
FileOption = Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Run a Python file.")]
ImageOption = Annotated[
    str | None, typer.Option("--image", metavar="IMAGE", help="Run an image that the RIC's container engine has.")
]
EnvironmentOption = Annotated[
    list[str] | None, typer.Option("--env", metavar="NAME=VALUE", help="A variable of its environment. Repeatable.")
]
RestartOption = Annotated[
    RestartPolicy | None,
    typer.Option("--restart", help="Whether it is started again when it has ended (default: always)."),
]
HotOption = Annotated[
    bool | None,
    typer.Option(
        "--hot/--not-hot",
        help="On the core and at the priority of the RIC's hot loop: for xApps that decide slots (default: not).",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What an xApp runs and how, as `deploy` and `upgrade` are told."""

    name: NameArgument
    arguments: ArgumentsArgument = None
    module: ModuleOption = None
    file: FileOption = None
    image: ImageOption = None
    environment: EnvironmentOption = None
    restart: RestartOption = None
    hot: HotOption = None

    def given(self) -> dict[str, Any]:
        """What was said on the command line but the name, as the API wants it; what is wrong ends the command."""
        variables = {}
        for text in self.environment or ():
            variable, separator, value = text.partition("=")
            if not separator:
                refuse(f"env: {text!r}: expected NAME=VALUE")
            variables[variable] = value
        body = {
            "module": self.module,
            "file": None if self.file is None else str(self.file.absolute()),
            "image": self.image,
            "arguments": self.arguments or None,
            "environment": variables or None,
            "restart": self.restart,
            "hot": self.hot,
        }
        return {name: value for name, value in body.items() if value is not None}


@app.command("list")
def list_xapps(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    port_base: PortBaseOption = ports.DEFAULT_PORT_BASE,
) -> None:
    """List the xApps that have registered or were deployed."""
    text = _ask(port_base, "GET", "/xapps")
    if as_json:
        typer.echo(json.dumps(json.loads(text), indent=2))
    else:
        Console(markup=False, highlight=False, width=table_width()).print(_table(json.loads(text)))


@app.command()
@takes(Program)
def deploy(program: Program, port_base: PortBaseOption = ports.DEFAULT_PORT_BASE) -> None:
    """Run an xApp: a module, a file or an image. The RIC keeps it running, and starts it again with itself."""
    given = program.given()
    if sum(name in given for name in ("module", "file", "image")) != 1:
        refuse("module, file, image: exactly one of them is required")
    _ask(port_base, "POST", "/xapps", {"name": program.name, **given})
    _say_how_it_runs(port_base, program.name)


@app.command()
@takes(Program)
def upgrade(program: Program, port_base: PortBaseOption = ports.DEFAULT_PORT_BASE) -> None:
    """Put another version in its place without losing its subscriptions; what is not given stays as it was."""
    _ask(port_base, "POST", _path(program.name, "/upgrade"), program.given())
    typer.echo(f"{program.name}: upgraded")


@app.command()
def start(name: NameArgument, port_base: PortBaseOption = ports.DEFAULT_PORT_BASE) -> None:
    """Start an xApp that was stopped."""
    _ask(port_base, "POST", _path(name, "/start"))
    _say_how_it_runs(port_base, name)


@app.command()
def stop(name: NameArgument, port_base: PortBaseOption = ports.DEFAULT_PORT_BASE) -> None:
    """Stop an xApp; its subscriptions come back when it is started."""
    _ask(port_base, "POST", _path(name, "/stop"))
    typer.echo(f"{name}: stopped")


@app.command()
def remove(name: NameArgument, port_base: PortBaseOption = ports.DEFAULT_PORT_BASE) -> None:
    """Stop an xApp and forget it, its logs and its subscriptions."""
    _ask(port_base, "DELETE", _path(name))
    typer.echo(f"{name}: removed")


@app.command()
def logs(
    name: NameArgument,
    lines: Annotated[
        int, typer.Option("--lines", metavar="N", parser=in_range(1, MAX_LOG_LINES), help="The last N lines.")
    ] = 100,
    port_base: PortBaseOption = ports.DEFAULT_PORT_BASE,
) -> None:
    """Print what an xApp has printed."""
    typer.echo(_ask(port_base, "GET", _path(name, f"/logs?lines={lines}")), nl=False)


def _path(name: str, rest: str = "") -> str:
    return f"/xapps/{name}{rest}"


def _ask(port_base: int, method: str, path: str, body: Any = None) -> str:
    """Body of a good answer; ends the command where the RIC refuses (2) or cannot (1)."""
    ric = LoopbackClient(ports.port_of("ric", port_base))
    try:
        status, text = ric.ask(method, path, body, timeout_s=ANSWER_S)
    except Unreachable as error:
        fail(f"no RIC answers ({error}): is hiso up running?")
    if status < 400:
        return text
    message = _complaint(text)
    if status >= 500:
        fail(message)
    refuse(message)


def _complaint(text: str) -> str:
    """The texts of an error's detail."""
    try:
        detail = json.loads(text)["detail"]
    except (ValueError, KeyError, TypeError):
        return text
    return "\n".join(item["message"] for item in detail) if isinstance(detail, list) else str(detail)


def _say_how_it_runs(port_base: int, name: str) -> None:
    """Wait for its registration, and say what has come of it; ends with 1 where it does not run."""
    deadline_s = time.monotonic() + SEEN_WITHIN_S
    seen_s: float | None = None
    while True:
        listed = json.loads(_ask(port_base, "GET", "/xapps"))
        xapp = next((item for item in listed if item["name"] == name), None)
        if xapp is None:
            fail(f"{name}: it was removed meanwhile")
        deployment = xapp["deployment"]
        if deployment is not None and deployment["state"] != "running":
            fail(f"{name}: {deployment['state']} ({deployment['last_exit']}): see hiso xapp logs {name}")
        if xapp["alive"] and seen_s is None:
            seen_s = time.monotonic()
        if seen_s is not None and time.monotonic() > seen_s + LIVES_FOR_S:
            typer.echo(f"{name}: running, {deployment['where']}" if deployment else f"{name}: running")
            return
        if seen_s is None and time.monotonic() > deadline_s:
            fail(f"{name}: it runs but has not registered as {name} within {SEEN_WITHIN_S:g} s")
        time.sleep(_LOOK_S)


def _table(xapps: list[dict[str, Any]]) -> Table:
    table = Table("xApp", "on the bus", "state", "program", "where", "restarts", "last exit", box=None, pad_edge=False)
    for xapp in xapps:
        bus = "alive" if xapp["alive"] else "away" if xapp["registered"] else "never registered"
        deployment = xapp["deployment"]
        if deployment is None:
            table.add_row(xapp["name"], bus, "not deployed here")
            continue
        health = f" ({deployment['health']})" if deployment["health"] else ""
        table.add_row(
            xapp["name"],
            bus,
            deployment["state"] + health,
            deployment["module"] or deployment["file"] or deployment["image"],
            deployment["where"] or "",
            str(deployment["restarts"]),
            deployment["last_exit"] or "",
        )
    return table
