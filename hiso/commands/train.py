"""`hiso train`: agents of both levels from scratch, as weights files."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from hiso.commands.options import (
    ScenarioOption,
    SeedOption,
    SetAgentsOption,
    SetOption,
    check_torch,
    in_range,
    refuse,
)
from hiso.observe import budget_context
from hiso.run_request import RequestError, check_learnable, check_seed, check_weights_fit, pinned
from hiso.runner import RunWeights
from ran_emulator.scenario import MAX_CONTROL_DELAY_SLOTS, Scenario, ScenarioError, load_scenario
from xapps.slicing.inter.actions import BudgetError, bandwidth_grid
from xapps.slicing.inter.base import InterPolicyError
from xapps.slicing.inter.coma2c import COMA2C_CONFIGS
from xapps.slicing.intra.policies import LEARNING
from xapps.slicing.options import AgentOptions, OptionsError, parse_options
from xapps.slicing.schedulers import SCHEDULERS, Scheduler, SchedulerError, resolve
from xapps.slicing.weights import Weights, WeightsError, load_weights, save_weights
from xapps.trained import trained_name

if TYPE_CHECKING:
    from hiso.training.curves import Curves
    from xapps.slicing.inter.learning import LearnerStats
    from xapps.slicing.intra.dqn import IntraStats

DEFAULT_SLOTS = 20_000
DEFAULT_CANDIDATES = 1

SchedulerOption = Annotated[
    str,
    typer.Option("--scheduler", metavar="NAME", help="Whose agents: hiso-coma (printed), hiso-coma-tuned, or sa2c-t."),
]
TrainedInterOption = Annotated[
    str | None,
    typer.Option("--inter", metavar="NAME", help=f"Another inter-slice policy to train: {', '.join(COMA2C_CONFIGS)}."),
]
DelayOption = Annotated[
    int,
    typer.Option(
        "--control-delay-slots",
        metavar="D",
        parser=in_range(0, MAX_CONTROL_DELAY_SLOTS),
        help=f"D while training (0..{MAX_CONTROL_DELAY_SLOTS}).",
    ),
]
MAX_TRAINING_SLOTS, MAX_TRAINING_SECONDS = 100_000_000, 1_000_000
"""Days of a core; more is a slip."""
TrainSlotsOption = Annotated[
    int,
    typer.Option(
        "--slots",
        metavar="N",
        parser=in_range(1, MAX_TRAINING_SLOTS),
        help=f"Slots of training of the intra-slice level (1..{MAX_TRAINING_SLOTS}).",
    ),
]
SecondsOption = Annotated[
    int | None,
    typer.Option(
        "--seconds",
        metavar="N",
        parser=in_range(1, MAX_TRAINING_SECONDS),
        help=f"Seconds of training of the inter-slice level (1..{MAX_TRAINING_SECONDS}; its own).",
    ),
]
CandidatesOption = Annotated[
    int,
    typer.Option(
        "--candidates",
        metavar="N",
        parser=in_range(1, 10),
        help="Inter-slice trainings (1..10), the best on validation worlds kept.",
    ),
]
CurvesOption = Annotated[
    Path | None,
    typer.Option(
        "--curves",
        metavar="DIR",
        help="Training curves: a CSV file each, and TensorBoard's events where it is installed.",
    ),
]
OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the weights files go.")]


def train(
    scenario: ScenarioOption = "base",
    overrides: SetOption = None,
    scheduler: SchedulerOption = "hiso-coma-tuned",
    inter: TrainedInterOption = None,
    set_agents: SetAgentsOption = None,
    seed: SeedOption = 1,
    control_delay_slots: DelayOption = 0,
    slots: TrainSlotsOption = DEFAULT_SLOTS,
    seconds: SecondsOption = None,
    candidates: CandidatesOption = DEFAULT_CANDIDATES,
    out: OutOption = Path("trained"),
    curves: CurvesOption = None,
) -> None:
    """Train the slices' agents, then the inter-slice ones over them; what has its file already is not trained again."""
    try:
        options = parse_options(set_agents or [])
        agents = resolve(scheduler, inter, options=options)
        what = pinned(load_scenario(scenario, overrides), agents)
        check_seed(seed)
        check_learnable(what, agents)
        bandwidth_grid(budget_context(what, control_delay_slots), options.bandwidth_step_hz)
    except (ScenarioError, SchedulerError, InterPolicyError, RequestError, OptionsError, BudgetError) as error:
        refuse(str(error))
    _check_trained(agents, inter)
    check_torch(learn=True)
    for option, folder in (("out", out), ("curves", curves)):
        if folder is not None:
            _make_folder(option, folder)
    length_s = COMA2C_CONFIGS[agents.inter].training_seconds if seconds is None else seconds
    command = (
        f"hiso train --scenario {scenario}{_changed(overrides, inter, options)} --scheduler {scheduler} --seed {seed}"
        f" --control-delay-slots {control_delay_slots} --slots {slots} --seconds {length_s} --candidates {candidates}"
    )
    console = Console()
    intra_path, inter_path = (
        out / f"{trained_name(variant, what.name, control_delay_slots)}.npz" for variant in (agents.intra, agents.inter)
    )

    def check(kept: RunWeights) -> None:
        check_weights_fit(what, agents, control_delay_slots, kept)

    kept_inter = _kept(inter_path, lambda kept: check(RunWeights(inter=kept)))
    below: Weights | str = agents.intra
    if agents.intra in LEARNING:
        kept_intra = _kept(intra_path, lambda kept: check(RunWeights(intra=kept)))
        made = kept_intra or _train_intra(console, what, agents, seed, slots, control_delay_slots, command, curves)
        _finish(console, intra_path, made, command, kept=kept_intra is not None)
        below = made
    above = kept_inter or _train_inter(
        console, what, agents, seed, length_s, control_delay_slots, below, command, candidates, curves
    )
    _finish(console, inter_path, above, command, kept=kept_inter is not None)


def _check_trained(agents: Scheduler, inter: str | None) -> None:
    """Whether there is an inter-slice level to train; `inter`: as it was given, in place of the scheduler's."""
    if agents.inter in COMA2C_CONFIGS:
        return
    if inter is not None:
        refuse(f"inter: must be one of {', '.join(COMA2C_CONFIGS)} (given {inter!r})")
    trained = ", ".join(name for name, each in SCHEDULERS.items() if each.inter in COMA2C_CONFIGS)
    refuse(f"scheduler: {agents.name!r} has nothing to train ({trained} have)")


def _changed(overrides: list[str] | None, inter: str | None, options: AgentOptions) -> str:
    """The part of the command that says what is not the scenario's or the scheduler's own."""
    changed = [f" --set {override}" for override in overrides or []]
    changed += [f" --inter {inter}"] if inter else []
    changed += [f" --set-agents {assignment}" for assignment in options.assignments()]
    return "".join(changed)


def _kept(path: Path, check: Callable[[Weights], None]) -> Weights | None:
    """What an earlier training has left, if anything; what this one cannot build on ends the command."""
    if not path.exists():
        return None
    try:
        weights = load_weights(path)
        check(weights)
    except WeightsError as error:
        refuse(f"out: {path} is there already and cannot be kept: {error}")
    return weights


def _finish(console: Console, path: Path, weights: Weights, command: str, *, kept: bool) -> None:
    """Save what was trained; say what stands in the file."""
    if not kept:
        save_weights(path, weights)
    said = "  kept" if kept else ""
    if weights.metadata.command != command:
        said += f", though another command made it: {weights.metadata.command}"
    console.print(f"{path}  {weights.weights_id}{said}", soft_wrap=True, markup=False, highlight=False)


def _make_folder(option: str, folder: Path) -> None:
    """Whether files can be written there at the end of a training, which may take hours."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse(f"{option}: {folder} must be a folder, or a place for one: {error.strerror}")
    if not os.access(folder, os.W_OK | os.X_OK):
        refuse(f"{option}: {folder} cannot be written")


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[state]}"),
        TimeRemainingColumn(),
        console=console,
    )


def _curves(folder: Path | None, name: str) -> AbstractContextManager[Curves | None]:
    """The curves of a training of this name; nothing where no folder was told."""
    if folder is None:
        return nullcontext()
    from hiso.training.curves import Curves

    try:
        return Curves(folder, name)
    except OSError as error:
        refuse(f"curves: {folder} cannot be written: {error.strerror}")


def _train_intra(
    console: Console,
    scenario: Scenario,
    agents: Scheduler,
    seed: int,
    slots: int,
    delay: int,
    command: str,
    folder: Path | None,
) -> Weights:
    from hiso.training.intra import train_intra

    variant = agents.intra
    started = time.perf_counter()
    name = trained_name(variant, scenario.name, delay)
    with _bar(console) as progress, _curves(folder, name) as curves:
        task = progress.add_task(variant, total=slots, state="")

        def show(done: int, stats: dict[str, IntraStats]) -> None:
            embb = stats["embb"]
            state = f"eMBB reward {embb.reward:.2f} loss {embb.loss:.3f} epsilon {embb.epsilon:.2f}"
            progress.update(task, completed=done, state=state)
            if curves is not None:
                curves.add(
                    done,
                    {
                        f"{slice_name}_{field}": value
                        for slice_name, part in stats.items()
                        for field, value in part._asdict().items()
                    },
                )

        weights = train_intra(scenario, variant, seed, slots, delay, command, show, agents.options)
    console.print(f"{variant}: {slots} slots in {time.perf_counter() - started:.0f} s")
    return weights


def _train_inter(
    console: Console,
    scenario: Scenario,
    agents: Scheduler,
    seed: int,
    seconds: int,
    delay: int,
    intra: Weights | str,
    command: str,
    candidates: int,
    folder: Path | None,
) -> Weights:
    from hiso.training.inter import train_inter, usual_training

    variant = agents.inter
    started = time.perf_counter()
    recent: deque[float] = deque(maxlen=100)
    name = trained_name(variant, scenario.name, delay)
    with _bar(console) as progress, _curves(folder, name) as curves:
        task = progress.add_task(variant, total=seconds, state="")
        done_before = 0

        def show(done: int, utility: float, stats: LearnerStats) -> None:
            nonlocal done_before
            recent.append(utility)
            progress.update(task, completed=done, state=f"utility {sum(recent) / len(recent):.2f} (100 s)")
            if curves is not None:
                losses = {
                    f"{agent}_{field}": value
                    for agent, part in stats.agents.items()
                    for field, value in asdict(part).items()
                }
                curves.add(done_before + done, {"utility": utility, "reward": stats.reward, **losses})
            if done == seconds:
                done_before += seconds  # the next candidate's curve follows

        training = usual_training(scenario, variant, seed, seconds, delay, intra, agents.options)
        weights = train_inter(training, command, candidates, show)
    kept = f", that of seed {weights.metadata.seed} kept" if candidates > 1 else ""
    console.print(f"{variant}: {candidates} x {seconds} s in {time.perf_counter() - started:.0f} s{kept}")
    return weights
