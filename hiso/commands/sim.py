"""`hiso sim`: a run in this process, without sockets."""

from __future__ import annotations

from rich.console import Console
from rich.progress import Progress

from hiso import summary as summaries
from hiso.commands.options import RunOptions, takes, warn, write_json
from hiso.mismatches import mismatches
from hiso.run_request import RunRequest
from hiso.runner import RunResult, run
from hiso.terminal import show_result
from ran_emulator.cell import SecondWindow
from ran_emulator.scenario import SLOTS_PER_SECOND

DEFAULT_DURATION_S = 10.0


@takes(RunOptions, scenario="base")
def sim(options: RunOptions) -> None:
    """Run in this process, as fast as it goes (10 s of simulated time unless told otherwise)."""
    request = options.request(clock="lockstep", default_duration_s=DEFAULT_DURATION_S, in_process=True)
    for line in mismatches(request):
        warn(line)
    console = Console()
    summary = summarize(request, run_with_progress(request, console))
    show_result(console, summary)
    write_json(options.json, summary)


def run_with_progress(request: RunRequest, console: Console) -> list[RunResult]:
    """Run every cell to its end, one after the other; a bar on a terminal."""
    assert request.slots is not None
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("simulating", total=request.slots * request.cells)

        def closed(_window: SecondWindow) -> None:
            progress.advance(task, SLOTS_PER_SECOND)

        return [
            run(
                request.scenario,
                request.scheduler,
                request.seed,
                request.slots,
                request.control_delay_slots,
                learn=request.learn,
                from_scratch=request.from_scratch,
                weights=request.weights(),
                progress=closed,
                timeline=request.timeline,
                cell=cell,
            )
            for cell in range(request.cells)
        ]


def summarize(request: RunRequest, results: list[RunResult]) -> dict[str, object]:
    """The summary of an in-process run."""
    facts = summaries.HostFacts(
        wall_s=sum(result.wall_s for result in results),
        inter_slice_updates=sum(result.inter_slice_updates for result in results),
        trigger_evaluations=sum(result.trigger_evaluations for result in results),
        weights_id=results[0].weights_id,
    )
    cells = [result.summary for result in results]
    summary = summaries.summarize_cells(request, cells, facts)
    clock = {"clock": "in-process"}
    return {**summary, **clock, "config": {**summary["config"], **clock}}
