"""`hiso experiment`: the experiments by name, their runs, and the page of results."""

from __future__ import annotations

import importlib.util
import signal
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from hiso.commands.options import FAILED, check_torch, fail, in_range, refuse
from hiso.experiments import tables
from hiso.experiments.digest import ROOT, SameResults, code_digest, own_digest, write_same_results
from hiso.experiments.execute import Tally, execute
from hiso.experiments.loading import catalogue_names, load_experiment
from hiso.experiments.report import EXTRA_MODULES, write_report
from hiso.experiments.results import load_results
from hiso.experiments.run import Run
from hiso.experiments.runs import Plan, expand
from hiso.experiments.spec import Experiment, ExperimentError
from hiso.experiments.store import Store, StoreError
from hiso.experiments.tables import TableError
from hiso.experiments.verification import compare, facets_of, lend_weights, ready_runs, sample, stored_runs
from hiso.placement import allowed_cores
from hiso.terminal import table_width

MAX_JOBS = 256
MAX_VERIFIED = 10_000
DEFAULT_OUT = Path("results")
DEFAULT_TABLES = Path("docs/results")
INTERRUPTED = 130

app = typer.Typer(help="Experiments: the paper's figures and ours.", no_args_is_help=True)

NamesArgument = Annotated[list[str], typer.Argument(metavar="NAME|FILE|all...", help="Which experiments.")]
SomeNamesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME|FILE|all...]", help="Which experiments (all unless told).")
]
QuickOption = Annotated[bool, typer.Option("--quick", help="Few seeds and short runs: minutes, and marked so.")]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        parser=in_range(1, MAX_JOBS),
        help=f"Runs at the same time (1..{MAX_JOBS}; as many as there are cores unless told).",
    ),
]
OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where results are and go.")]
RetryOption = Annotated[bool, typer.Option("--retry-failed", help="Make runs again that are stored as failed.")]
PageOption = Annotated[
    Path | None,
    typer.Option("--page", metavar="FILE.md", help="Where the page goes (DIR/results.md unless told)."),
]


@app.command("list")
def list_experiments() -> None:
    """The experiments that come with the package."""
    table = Table(header_style="bold")
    for column in ("name", "figure", "runs", "quick", "claims", "title"):
        table.add_column(column, justify="right" if column in ("runs", "quick", "claims") else "left")
    for experiment in _chosen(["all"]):
        counts = [str(len(expand(experiment, size).runs)) for size in (experiment.full, experiment.quick)]
        table.add_row(experiment.name, experiment.figure or "-", *counts, str(len(experiment.claims)), experiment.title)
    Console(width=table_width()).print(table)


@app.command("run")
def run(
    names: NamesArgument,
    quick: QuickOption = False,
    jobs: JobsOption = None,
    out: OutOption = DEFAULT_OUT,
    retry_failed: RetryOption = False,
) -> None:
    """Make the runs of experiments that are not stored yet; Ctrl-C keeps what is done."""
    experiments = _chosen(names)
    check_torch(learn=any(experiment.learns for experiment in experiments))
    plans = [_expanded(experiment, quick=quick) for experiment in experiments]
    runs: dict[str, Run] = {}
    series: dict[str, set[str]] = {}
    for plan in plans:  # runs that experiments share are made once
        runs |= plan.runs
        series |= {key: series.get(key, set()) | plan.series_of(key) for key in plan.runs}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console()
    try:
        tally = _execute(console, runs, series, Store(out), jobs, retry_failed)
    except StoreError as error:
        refuse(str(error))
    except KeyboardInterrupt:
        console.print(f"interrupted: what is done stays in {out}; the same command goes on from there")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenProcessPool:
        fail(f"a process was killed (memory?): what is done stays in {out}; fewer --jobs need less")
    console.print(f"{tally.total} runs: {tally.stored} stored before, {tally.done} made now, {tally.failed} failed")
    if tally.failed:
        raise typer.Exit(FAILED)


@app.command("restore")
def restore(
    names: SomeNamesArgument = None,
    folder: Annotated[
        Path, typer.Option("--from", metavar="DIR", help="Where `report` wrote the Parquet files.")
    ] = DEFAULT_TABLES,
    out: OutOption = DEFAULT_OUT,
) -> None:
    """Take published results back from their Parquet files, so that `run` makes only what is missing."""
    names = names or ["all"]
    experiments = _chosen(names)
    _check_modules("restore", "pyarrow")
    if not folder.is_dir():
        refuse(f"from: {folder} must be a folder of Parquet files (hiso experiment report writes them)")
    if "all" in names:
        experiments = [each for each in experiments if (folder / f"{each.name}.parquet").is_file()]
        if not experiments:
            refuse(f"from: {folder} holds no results of any experiment")
    try:
        for experiment in experiments:
            taken, left = tables.restore(experiment, folder, Store(out))
            other = f"; {left} are of other code or another experiment" if left else ""
            typer.echo(f"{experiment.name}: {taken} runs{other}")
    except (StoreError, TableError, ExperimentError) as error:
        refuse(str(error))


@app.command("verify")
def verify(
    earlier: Annotated[Path, typer.Argument(metavar="DIR", help="A checkout of the earlier code.")],
    names: SomeNamesArgument = None,
    count: Annotated[
        int,
        typer.Option(
            "--runs", metavar="N", parser=in_range(1, MAX_VERIFIED), help=f"Runs to make again (1..{MAX_VERIFIED})."
        ),
    ] = 60,
    jobs: JobsOption = None,
    out: OutOption = DEFAULT_OUT,
) -> None:
    """Make stored runs of earlier code again; where all come out the same, its results count as this code's.

    The note of it, hiso/experiments/same_results.json, belongs to the code: commit it.
    """
    experiments = _chosen(names or ["all"])
    if not (earlier / "hiso/experiments/digest.py").is_file():
        refuse(f"DIR: {earlier} must be a checkout of earlier code")
    code = code_digest(earlier)
    if code == code_digest():
        typer.echo(f"results of {earlier} are this code's already")
        return
    store, console = Store(out), Console()
    try:
        runs = {key: run for what in experiments for key, run in expand(what, what.full).runs.items()}
        then = stored_runs(runs, store, code)
        with TemporaryDirectory() as folder:
            again = Store(Path(folder))
            ready = ready_runs(runs, then, store)
            if not ready:
                refuse(f"out: {out} holds no runs of {earlier}, or not the weights that they need")
            left = set().union(*(facets_of(runs[key]) for key in then))
            left_out = tuple(sorted(left.difference(*(facets_of(run) for run in ready.values()))))
            chosen = sample(ready, count, np.random.default_rng(0))
            lend_weights(chosen, then, store, again)
            _execute(console, chosen, {}, again, jobs, retry_failed=False)
            different = compare(chosen, then, store, again)
    except (StoreError, ExperimentError) as error:
        refuse(str(error))
    except BrokenProcessPool:
        fail("a process was killed (memory?): nothing is noted; fewer --jobs need less")
    for key, lines in different.items():
        for line in lines:
            console.print(f"{runs[key].name}: {line}")
    if any(different.values()):
        fail(f"{sum(map(bool, different.values()))} of {len(chosen)} runs made again came out otherwise")
    path = write_same_results(SameResults(own_digest(ROOT), code, len(chosen), left_out))
    if left_out:
        console.print(f"not made again, as the weights that they start from are not stored: {'; '.join(left_out)}")
    console.print(f"{len(chosen)} of {len(then)} stored runs made again, all the same: noted in {path}, commit it")


@app.command("report")
def report(names: SomeNamesArgument = None, out: OutOption = DEFAULT_OUT, page: PageOption = None) -> None:
    """Write the pages of results: verdicts, figures (SVG, PNG) and data (Parquet) from what is stored.

    Of all experiments those are shown that have results.
    """
    names = names or ["all"]
    experiments = _chosen(names)
    _check_modules("report", *EXTRA_MODULES)
    if not out.is_dir():
        refuse(f"out: {out} must be a folder of results (hiso experiment run makes one)")
    target = page or out / "results.md"
    if target.suffix != ".md" or not target.absolute().parent.is_dir() or target.is_dir():
        refuse(f"page: {target} must be a .md file in a folder that exists")
    try:
        found = [load_results(experiment, Store(out)) for experiment in experiments]
        if "all" in names:
            found = [results for results in found if results.found]
            if not found:
                refuse(f"out: {out} holds no results of any experiment by this code")
        write_report(found, target)
    except (StoreError, ExperimentError) as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"page: {target} cannot be written: {error.strerror}")
    typer.echo(f"{target}: {sum(bool(results.found) for results in found)} of {len(found)} experiments have results")


def _check_modules(command: str, *modules: str) -> None:
    for module in modules:
        if importlib.util.find_spec(module) is None:
            needed = " ".join(EXTRA_MODULES)
            refuse(f"{command}: needs {module}, which is not installed: {sys.executable} -m pip install {needed}")


def _chosen(names: list[str]) -> list[Experiment]:
    """Experiments by name, each once."""
    wanted = [name for given in names for name in (catalogue_names() if given == "all" else [given])]
    try:
        return [load_experiment(name) for name in dict.fromkeys(wanted)]
    except ExperimentError as error:
        refuse(str(error))


def _expanded(experiment: Experiment, *, quick: bool) -> Plan:
    try:
        return expand(experiment, experiment.quick if quick else experiment.full)
    except ExperimentError as error:
        refuse(str(error))


def _execute(
    console: Console,
    runs: dict[str, Run],
    series: dict[str, set[str]],
    store: Store,
    jobs: int | None,
    retry_failed: bool,
) -> Tally:
    columns = (
        TextColumn("runs"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[last]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("runs", total=len(runs), last="")

        def watch(tally: Tally, last: Run | None) -> None:
            state = f"{tally.failed} failed  " if tally.failed else ""
            progress.update(task, completed=tally.stored + tally.done, last=state + (last.name if last else ""))

        return execute(runs, store, jobs or len(allowed_cores()) or 1, watch, retry_failed, series)
