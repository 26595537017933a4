"""`hiso compare`: schedulers side by side in the same worlds, in this process."""

from __future__ import annotations

import dataclasses
import itertools
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from hiso.commands.options import (
    DurationOption,
    JsonOption,
    ScenarioOption,
    SetAgentsOption,
    SetOption,
    TimelineOption,
    WeightsOption,
    check_file,
    refuse,
    warn,
    write_json,
)
from hiso.comparison import COLUMNS, Row, compare, markdown, row_key
from hiso.mismatches import mismatches
from hiso.run_request import RequestError, RunRequest, agents_that_can_learn, make_request
from hiso.terminal import table_width
from ran_emulator.cell import SecondWindow
from ran_emulator.scenario import SLOTS_PER_SECOND
from xapps.slicing.schedulers import SCHEDULERS

DEFAULT_DURATION_S = 10.0
MAX_SEEDS = 1_000

SchedulersOption = Annotated[
    str, typer.Option("--scheduler", metavar="NAME,...", help=f"Who is compared: some of {', '.join(SCHEDULERS)}.")
]
KappasOption = Annotated[
    str | None,
    typer.Option("--kappa", metavar="K,...", help="Impairments of both sides (0..1 each), instead of the scenario's."),
]
DelaysOption = Annotated[
    str, typer.Option("--control-delay-slots", metavar="D,...", help="Control delays; auto: the scenario's, else 0.")
]
SeedsOption = Annotated[str, typer.Option("--seeds", metavar="N,...", help="Seeds and ranges of them: 1,2,11-13.")]
MarkdownOption = Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")]


def compare_schedulers(
    scenario: ScenarioOption = "base",
    overrides: SetOption = None,
    timeline: TimelineOption = None,
    scheduler: SchedulersOption = "hiso-coma-tuned,slnr,gga,eea,rra",
    kappa: KappasOption = None,
    control_delay_slots: DelaysOption = "auto",
    seeds: SeedsOption = "11-13",
    duration: DurationOption = DEFAULT_DURATION_S,
    set_agents: SetAgentsOption = None,
    weights: WeightsOption = None,
    json: JsonOption = None,
    as_markdown: MarkdownOption = False,
) -> None:
    """Run each scheduler under each kappa and D with each seed; print the means over the seeds.

    Of runs of more than a second the first is left out: policies that see loads have seen none yet. `--weights` is for
    the schedulers that have agents; the others take none.
    """
    check_file("json", json)
    names = scheduler.split(",")
    if weights is not None and not any(map(_has_agents, names)):
        refuse(f"weights: none of {scheduler} takes any")
    kappas = [[]] if kappa is None else [[f"hwi.kappa={each}"] for each in _kappas(kappa)]
    cases = itertools.product(kappas, control_delay_slots.split(","), names, parse_seeds(seeds))
    requests = [
        _request(
            scenario,
            [*(overrides or []), *changed],
            timeline,
            name,
            seed,
            duration,
            delay,
            set_agents or [],
            weights if _has_agents(name) else None,
        )
        for changed, delay, name, seed in cases
    ]
    if len({(row_key(each), each.seed) for each in requests}) < len(requests):
        refuse("scheduler, kappa, control-delay-slots: each may be given once")
    if beyond := requests[0].never_made():
        warn(f"timeline: {beyond} of its events lie beyond the end of the run")
    for line in dict.fromkeys(line for each in requests for line in mismatches(each)):
        warn(line)
    rows = _run(requests, Console(stderr=True))
    if as_markdown:
        typer.echo(markdown(rows))
    else:
        _show(rows)
    write_json(json, _table(requests[0], rows))


def parse_seeds(text: str) -> list[int]:
    """Seeds from `1,2,11-13`; anything else is told and ends the command."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < first + MAX_SEEDS - len(found):
            refuse(f"seeds: must be numbers or ranges like 11-13, at most {MAX_SEEDS} of them (given {part!r})")
        found += range(first, last + 1)
    if len(set(found)) < len(found):
        refuse(f"seeds: each may be given once (given {text!r})")
    return found


def _kappas(text: str) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = [-1.0]
    if not all(0 <= value <= 1 for value in values):
        refuse(f"kappa: must be numbers in 0..1, with commas between them (given {text!r})")
    return values


def _request(
    scenario: str,
    overrides: list[str],
    timeline: Path | None,
    scheduler: str,
    seed: int,
    duration_s: float | None,
    delay: str,
    set_agents: list[str],
    weights: Path | None,
) -> RunRequest:
    try:
        return make_request(
            scenario=scenario,
            overrides=overrides,
            timeline=timeline,
            scheduler=scheduler,
            seed=seed,
            duration_s=duration_s,
            clock="lockstep",
            control_delay=delay,
            set_agents=set_agents,
            weights_folder=weights,
        )
    except RequestError as error:
        refuse(str(error))


def _has_agents(name: str) -> bool:
    return name in SCHEDULERS and bool(agents_that_can_learn(SCHEDULERS[name]))


def _run(requests: list[RunRequest], console: Console) -> list[Row]:
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("simulating", total=sum(request.slots or 0 for request in requests))

        def closed(_window: SecondWindow) -> None:
            progress.advance(task, SLOTS_PER_SECOND)

        return compare(requests, closed)


def _table(first: RunRequest, rows: list[Row]) -> dict[str, Any]:
    return {
        "scenario": first.scenario.name,
        "slots": first.slots,
        "rows": [dataclasses.asdict(row) for row in rows],
    }


def _show(rows: list[Row]) -> None:
    table = Table(header_style="bold", box=None, padding=(0, 1, 0, 0))
    for place, column in enumerate(COLUMNS):
        table.add_column(column.replace(" ", "\n"), justify="left" if place < 2 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row.cells())
    Console(width=table_width()).print(table)
