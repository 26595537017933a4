"""Options that commands share, and how a wrong one is told."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar, get_type_hints

import typer

from hiso import ports
from hiso import summary as summaries
from hiso.doctor import torch_remedy
from hiso.run_request import MAX_SEED, RequestError, RunRequest, make_request
from ran_emulator.arguments import DEFAULT_SEED, MAX_CELLS
from ran_emulator.scenario import MAX_SLOTS, PRESETS, SLOT_S
from service_kit.files import why_unwritable
from xapps.slicing.inter.policies import INTER_NAMES
from xapps.slicing.intra.names import INTRA_NAMES
from xapps.slicing.options import MAX_POWER_LEVELS, MIN_POWER_LEVELS
from xapps.slicing.schedulers import REFERENCE_INTER, REFERENCE_INTRA, SCHEDULERS
from xapps.slicing.triggers import TRIGGER_NAMES

USAGE_ERROR = 2
FAILED = 1

_Number = TypeVar("_Number", int, float)


def in_range(low: int, high: int) -> Callable[[str], int]:
    """An option's parser that names both ends (Typer's own check names the one that was passed, or none)."""

    def parse(text: str) -> int:
        value = of_kind(int, low, high)(text)
        if not low <= value <= high:
            raise typer.BadParameter(f"must be {low}..{high} (given {value})")
        return value

    return parse


def of_kind(kind: type[_Number], low: float, high: float) -> Callable[[str], _Number]:
    """The parser of a number whose range is checked later; what is no such number is told it, too."""

    def parse(text: str) -> _Number:
        try:
            return kind(text)
        except ValueError:
            raise typer.BadParameter(f"must be {low}..{high} (given {text!r})") from None

    return parse


ScenarioOption = Annotated[
    str,
    typer.Option("--scenario", metavar="NAME|FILE", help=f"What is simulated: {', '.join(PRESETS)}, or a YAML file."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="FIELD=VALUE", help="Override a field of the scenario, e.g. hwi.kappa=0.01. Repeatable."
    ),
]
SchedulerOption = Annotated[
    str, typer.Option("--scheduler", metavar="NAME", help=f"Who decides: {', '.join(SCHEDULERS)}.")
]
InterOption = Annotated[
    str | None,
    typer.Option(
        "--inter",
        metavar="NAME",
        help=f"Another inter-slice policy: {', '.join(INTER_NAMES)} (A,B,C in MHz); "
        f"in process also {', '.join(REFERENCE_INTER)}.",
    ),
]
IntraOption = Annotated[
    str | None,
    typer.Option(
        "--intra",
        metavar="NAME",
        help=f"Another intra-slice policy: {', '.join(INTRA_NAMES)}; in process also {', '.join(REFERENCE_INTRA)}.",
    ),
]
TriggerOption = Annotated[
    str | None, typer.Option("--trigger", metavar="NAME", help=f"Another trigger: {', '.join(TRIGGER_NAMES)}.")
]
TimelineOption = Annotated[
    Path | None,
    typer.Option("--timeline", metavar="FILE", help="Changes at simulated times (docs/http.md): YAML or JSON."),
]
SetAgentsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set-agents",
        metavar="FIELD=VALUE",
        help="What agents see and choose from: bandwidth_step_hz=500000|1000000, "
        f"power_levels={MIN_POWER_LEVELS}..{MAX_POWER_LEVELS}, action=rest|rest_own_level|pc_pp_beam, "
        "power_scale=variant|dbm|linear, state=variant|user|group, observation=codebook|compact. Repeatable.",
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        "--weights", metavar="DIR", help="Trained weights as `hiso train --out` leaves them, of this scenario."
    ),
]
SeedOption = Annotated[
    int, typer.Option("--seed", metavar="N", parser=of_kind(int, 0, MAX_SEED), help="Of everything random.")
]
DurationOption = Annotated[
    float | None,
    typer.Option(
        "--duration",
        metavar="SECONDS",
        parser=of_kind(float, SLOT_S, MAX_SLOTS * SLOT_S),
        help="Simulated seconds to run.",
    ),
]
SlotsOption = Annotated[
    int | None,
    typer.Option(
        "--slots",
        metavar="N",
        parser=of_kind(int, 1, MAX_SLOTS),
        help="Slots of 0.5 ms to run, instead of --duration.",
    ),
]
JsonOption = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the run's summary there.")]
LearnOption = Annotated[bool, typer.Option("--learn/--no-learn", help="Agents go on learning (needs PyTorch).")]
FromScratchOption = Annotated[
    bool, typer.Option("--from-scratch", help="Agents start untrained instead of from the shipped weights.")
]
CellsOption = Annotated[
    int,
    typer.Option(
        "--cells",
        metavar="N",
        parser=of_kind(int, 1, MAX_CELLS),
        help=f"Cells that the same agents serve (1..{MAX_CELLS}).",
    ),
]
ControlDelayOption = Annotated[
    str,
    typer.Option(
        "--control-delay-slots",
        metavar="D|auto",
        help="An observation of slot n decides slot n + D. auto: 0 in lock-step and in process, 2 in real time.",
    ),
]
PortBaseOption = Annotated[
    int,
    typer.Option(
        "--port-base",
        metavar="PORT",
        parser=in_range(ports.MIN_PORT_BASE, ports.MAX_PORT_BASE),
        help=f"First of the ports ({ports.MIN_PORT_BASE}..{ports.MAX_PORT_BASE}): "
        "emulator +0, RIC +1, emulators of further cells +2..4, xApps +10..13, learners +14..17, E2 +21.",
    ),
]


def refuse(message: str) -> NoReturn:
    """Say on stderr what is wrong, and end with exit code 2: nothing was started."""
    typer.echo(f"hiso: error: {message}", err=True)
    raise typer.Exit(USAGE_ERROR)


def warn(message: str) -> None:
    """Say on stderr what a person should know of a run that goes on."""
    typer.echo(f"hiso: warning: {message}", err=True)


def fail(message: str) -> NoReturn:
    """Say on stderr what went wrong, and end with exit code 1."""
    typer.echo(f"hiso: {message}", err=True)
    raise typer.Exit(FAILED)


def check_file(option: str, path: Path | None) -> None:
    """Whether a file can be written there at the end of a run, which may be long."""
    if path is None:
        return
    complaint = why_unwritable(path)
    if complaint:
        refuse(f"{option}: {complaint}")


def write_json(path: Path | None, data: dict[str, Any]) -> None:
    """Write what a run gave, which is on the screen by now; a file that cannot be written after all is told."""
    if path is None:
        return
    try:
        summaries.write(path, data)
    except OSError as error:
        fail(f"json: {path} cannot be written: {error.strerror}")


def check_torch(*, learn: bool) -> None:
    """Whether what learns can learn."""
    if learn and importlib.util.find_spec("torch") is None:
        refuse(f"learn: needs PyTorch, which is not installed: {torch_remedy()}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What `hiso up` and `hiso sim` are both told, as it came from the command line."""

    scenario: ScenarioOption
    overrides: SetOption = None
    timeline: TimelineOption = None
    scheduler: SchedulerOption = "hiso-coma-tuned"
    inter: InterOption = None
    intra: IntraOption = None
    trigger: TriggerOption = None
    set_agents: SetAgentsOption = None
    seed: SeedOption = DEFAULT_SEED
    duration: DurationOption = None
    slots: SlotsOption = None
    json: JsonOption = None
    learn: LearnOption = False
    from_scratch: FromScratchOption = False
    weights: WeightsOption = None
    control_delay_slots: ControlDelayOption = "auto"
    cells: CellsOption = 1

    def request(self, *, clock: str, default_duration_s: float | None = None, in_process: bool = False) -> RunRequest:
        """The run that is asked for, by `clock`; what is wrong is told and ends the command."""
        try:
            request = make_request(
                scenario=self.scenario,
                overrides=self.overrides or [],
                timeline=self.timeline,
                scheduler=self.scheduler,
                inter=self.inter,
                intra=self.intra,
                trigger=self.trigger,
                seed=self.seed,
                duration_s=default_duration_s if self.duration is None and self.slots is None else self.duration,
                slots=self.slots,
                clock=clock,
                control_delay=self.control_delay_slots,
                learn=self.learn,
                from_scratch=self.from_scratch,
                cells=self.cells,
                set_agents=self.set_agents or [],
                weights_folder=self.weights,
                in_process=in_process,
            )
        except RequestError as error:
            refuse(str(error))
        check_file("json", self.json)
        check_torch(learn=self.learn)
        if request.never_made():
            warn(f"timeline: {request.never_made()} of its events lie beyond the end of the run")
        return request


def takes(options: type[Any], **defaults: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the fields of a dataclass as options before its own, and one made of them as its first argument.

    `defaults`: of fields that have none, or another one here.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(options, include_extras=True)
        shared = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=defaults.get(
                    field.name, inspect.Parameter.empty if field.default is MISSING else field.default
                ),
                annotation=hints[field.name],
            )
            for field in fields(options)
        ]
        _, *own = inspect.signature(command, eval_str=True).parameters.values()

        @wraps(command)
        def parsed(**given: Any) -> None:
            command(options(**{field.name: given.pop(field.name) for field in fields(options)}), **given)

        signature = inspect.Signature([*shared, *(each.replace(kind=each.KEYWORD_ONLY) for each in own)])
        parsed.__signature__ = signature  # type: ignore[attr-defined]
        return parsed

    return decorate
