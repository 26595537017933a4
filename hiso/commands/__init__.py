"""The command line: `hiso up | sim | compare | train | models | experiment | bench | doctor | e2 | xapp`."""

from __future__ import annotations

from typing import Annotated

import typer

from hiso import __version__
from hiso.commands import bench, compare, doctor, e2, experiment, models, sim, train, up, xapp
from service_kit.ending import run_and_leave

app = typer.Typer(
    name="hiso",
    help="AI-driven RAN slicing on an emulated O-RAN: emulator, near-RT RIC and slicing xApps.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hiso {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


app.command("up")(up.up)
app.command("sim")(sim.sim)
app.command("compare")(compare.compare_schedulers)
app.command("train")(train.train)
app.command("bench")(bench.bench)
app.command("doctor")(doctor.doctor)
app.add_typer(e2.app, name="e2")
app.add_typer(experiment.app, name="experiment")
app.add_typer(models.app, name="models")
app.add_typer(xapp.app, name="xapp")


def main() -> None:
    """Entry point of the `hiso` script."""
    run_and_leave(app)
