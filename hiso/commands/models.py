"""`hiso models`: the trained agents that come with the package, and those in files of one's own."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hiso.commands.options import check_file, fail, refuse
from hiso.terminal import table_width
from ran_emulator.scenario import PRESETS
from xapps.slicing.weights import ANY_HWI_MODEL, Weights, WeightsError, WeightsMetadata, load_weights
from xapps.trained import CELL_FIELDS, SLOTS_PER_SECOND, TRAINED_DIRECTORY, find_weights

app = typer.Typer(
    help="Trained agents: which there are, what they were trained for, and, measured, what they reach (cards).",
    no_args_is_help=True,
)


@app.command("list")
def list_models(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="A folder of weights files (those shipped unless told).")
    ] = None,
) -> None:
    """Weights by id, with what they were trained for."""
    files = sorted((folder or TRAINED_DIRECTORY).glob("*.npz"))
    if not files:
        refuse(f"DIR: no .npz file in {folder}")
    table = Table(header_style="bold")
    table.add_column("weights_id", no_wrap=True)  # to be copied
    for column in ("variant", "preset", "D", "HWI", "kappa_t", "kappa_r", "trained", "seed"):
        table.add_column(column, overflow="fold")
    for file in files:
        try:
            weights = load_weights(file)
        except WeightsError as error:
            refuse(str(error))
        trained = weights.metadata
        table.add_row(
            weights.weights_id,
            trained.variant,
            trained.preset,
            str(trained.control_delay_slots),
            trained.hwi_model,
            _kappa(trained.hwi_model, trained.kappa_t),
            _kappa(trained.hwi_model, trained.kappa_r),
            f"{trained.trained_slots / SLOTS_PER_SECOND:g} s",
            str(trained.seed),
        )
    Console(width=table_width()).print(table)


def _kappa(hwi_model: str, largest: float) -> str:
    """Those trained under any impairments have met all kappas up to the largest."""
    return f"0-{largest:g}" if hwi_model == ANY_HWI_MODEL else f"{largest:g}"


@app.command("show")
def show_model(
    reference: Annotated[str, typer.Argument(metavar="NAME|ID|FILE", help="As --weights takes it, or as listed.")],
) -> None:
    """One set of weights, as JSON: what it was trained for, by which command, its limits, and where its card is."""
    try:
        weights = find_weights(reference)
    except WeightsError as error:
        refuse(str(error))
    typer.echo(json.dumps(_card(weights), indent=1))


@app.command("cards")
def write_cards(
    page: Annotated[Path, typer.Option("--page", metavar="FILE.md", help="Where the page goes.")],
    presets: Annotated[
        list[str] | None, typer.Option("--preset", metavar="NAME", help="Of these presets alone (repeatable).")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="On few snapshots and seconds, to see the page.")] = False,
) -> None:
    """Measure all shipped agents against their references, and write a page of it (ten minutes)."""
    unknown = [name for name in presets or () if name not in PRESETS]
    if unknown:
        refuse(f"preset: {unknown[0]!r} must be one of {', '.join(PRESETS)}")
    check_file("page", page)
    from hiso import model_cards

    console = Console(stderr=True)
    text = model_cards.page(
        model_cards.QUICK if quick else model_cards.FULL,
        presets or PRESETS,
        lambda preset: console.print(f"measured: the agents of {preset}"),
    )
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"page: {page} cannot be written: {error.strerror}")


def _card(weights: Weights) -> dict[str, object]:
    agents: dict[str, int] = {}
    for name, array in weights.arrays.items():
        agent = name.partition(".")[0]
        agents[agent] = agents.get(agent, 0) + int(array.size)
    about = asdict(weights.metadata)
    if "inter" in agents:  # which knows nothing of the cell
        about = {name: value for name, value in about.items() if name not in CELL_FIELDS}
    found: dict[str, object] = {"weights_id": weights.weights_id, **about, "parameters": agents}
    found["limits"] = _limits(weights.metadata)
    if weights.metadata.preset in PRESETS:
        found["card"] = f"docs/models.md#{weights.metadata.preset}"
    return found


def _limits(trained: WeightsMetadata) -> dict[str, str]:
    """What agents have met; under other impairments or another D they are used, with a warning."""
    kappa = f"kappa {trained.kappa_t:g}"
    if trained.kappa_r != trained.kappa_t:
        kappa = f"kappa_t {trained.kappa_t:g} and kappa_r {trained.kappa_r:g}"
    if trained.hwi_model == ANY_HWI_MODEL:
        hwi = f"both readings, kappa 0 to {trained.kappa_t:g}"
    else:
        hwi = f"the {trained.hwi_model} reading alone, {kappa} alone"
    delay = trained.control_delay_slots
    return {
        "preset": f"{trained.preset} alone",
        "hwi": hwi,
        "control_delay_slots": f"any from 1 on (trained at {delay})" if delay else "0 alone",
    }
