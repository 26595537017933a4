"""Command line of the emulator: one parser for its two processes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ran_emulator.clock import Clock, ClockError, control_delay_slots, parse_clock
from ran_emulator.events import TimedChange
from ran_emulator.scenario import (
    MAX_CONTROL_DELAY_SLOTS,
    MAX_SLOTS,
    PRESETS,
    SLICE_NAMES,
    SLOT_S,
    SLOT_US,
    Scenario,
    ScenarioError,
    load_scenario,
)
from ran_emulator.timeline import TimelineError, load_timeline
from service_kit import flags
from service_kit.exposure import add_expose_flag, require_exposed
from service_kit.files import why_unwritable
from service_kit.flags import integer_in

AWAITABLE = ("budgets", *SLICE_NAMES)
USAGE_ERROR = 2
MAX_CELLS = 4
"""Cells that one seed may have: each has streams of its own."""

DEFAULT_SEED = 11
"""Of a world in which none of the shipped agents was trained (those are of seeds 1 to 3)."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the command line asks for, checked."""

    scenario: Scenario
    timeline: tuple[TimedChange, ...]
    seed: int
    cell: int
    clock: Clock
    control_delay_slots: int
    slots: int | None
    e2_target: str
    gnb_id: int
    awaited: tuple[str, ...]
    http_host: str
    http_port: int
    run_dir: Path
    summary: Path | None
    cpu: int | None
    fifo: int | None
    face_cpu: int | None
    commands_fd: int | None


def _delay(text: str) -> int | None:
    return None if text == "auto" else integer_in(0, MAX_CONTROL_DELAY_SLOTS)(text)


def _seconds(text: str) -> int:
    try:
        slots = round(float(text) * 1e6 / SLOT_US)
    except (ValueError, OverflowError):
        slots = 0
    if not 1 <= slots <= MAX_SLOTS:
        longest_s = MAX_SLOTS * SLOT_US / 1e6
        raise argparse.ArgumentTypeError(f"must be seconds in {SLOT_S:g}..{longest_s:g} (given {text!r})")
    return slots


def _clock(text: str) -> Clock:
    try:
        return parse_clock(text)
    except ClockError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _target(text: str) -> str:
    if not flags.is_address(text, unix="unix:"):
        raise argparse.ArgumentTypeError(f"must be host:port (1..{flags.MAX_PORT}) or unix:/path (given {text!r})")
    return text


def _summary(text: str) -> Path:
    path = Path(text)
    complaint = why_unwritable(path, replaced=True)
    if complaint:
        raise argparse.ArgumentTypeError(complaint)
    return path


def _awaited(text: str) -> tuple[str, ...]:
    names = tuple(name for name in text.split(",") if name)
    for name in names:
        if name not in AWAITABLE:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(AWAITABLE)}")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ran_emulator",
        description="RAN emulator: a cell with its users and channel, as an E2 node with an HTTP API.",
    )
    add = parser.add_argument
    add("--scenario", default="base", metavar="NAME|FILE", help=f"a preset ({', '.join(PRESETS)}) or a YAML file")
    add("--set", action="append", default=[], metavar="FIELD=VALUE", help="override a field, e.g. hwi.kappa=0.01")
    add("--timeline", type=Path, metavar="FILE", help="changes at simulated times: a YAML or JSON file")
    add(
        "--seed",
        type=integer_in(0, 2**63 - 1),
        default=DEFAULT_SEED,
        help=f"of everything random (default {DEFAULT_SEED})",
    )
    add("--cell", type=integer_in(0, MAX_CELLS - 1), default=0, help="which cell of the seed (default 0)")
    add("--clock", type=_clock, default="realtime", help="lockstep, realtime or Nx (N times real time)")
    add(
        "--control-delay-slots",
        type=_delay,
        default="auto",
        metavar="D|auto",
        help=f"an observation of slot n decides slot n + D, 0..{MAX_CONTROL_DELAY_SLOTS} (default auto)",
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--duration", type=_seconds, dest="slots", metavar="SECONDS", help="simulated seconds to run")
    length.add_argument("--slots", type=integer_in(1, MAX_SLOTS), help="slots to run (default: for ever)")
    add("--e2", required=True, type=_target, metavar="TARGET", help="E2 termination: host:port or unix:/path")
    add("--gnb-id", type=integer_in(0, 2**32 - 1), default=1, help="node id is 00101-<gnb id> (default 1)")
    add(
        "--await",
        type=_awaited,
        default=(),
        dest="awaited",
        metavar="CLAIM,...",
        help=f"lock-step: slot 0 waits for these subscriptions ({', '.join(AWAITABLE)})",
    )
    add("--http-host", default="127.0.0.1", help="address of the HTTP API (default 127.0.0.1)")
    add("--http-port", type=flags.port, default=26_400, help="port of the HTTP API (default 26400)")
    add_expose_flag(
        parser,
        "read all state, change load, impairments, CSI, speed and regime, make bursts, schedule changes, reset E2 "
        "and change the node's functions and components",
    )
    add("--run-dir", type=Path, required=True, metavar="DIR", help="folder for this run's shared files")
    add("--summary", type=_summary, metavar="FILE", help="write the run's summary there at its end, as JSON")
    add("--cpu", type=flags.core, help="core of the hot loop")
    add("--fifo", type=flags.fifo_priority, metavar="PRIORITY", help="ask for SCHED_FIFO for the hot loop")
    add("--face-cpu", type=flags.core, help="core of the HTTP face")
    add("--commands-fd", type=integer_in(0, 2**31 - 1), help=argparse.SUPPRESS)
    return parser


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Arguments from a command line; wrong ones are named with their range on stderr and end with exit code 2."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        scenario = load_scenario(options.scenario, options.set)
        timeline = () if options.timeline is None else load_timeline(options.timeline, scenario)
    except (ScenarioError, TimelineError) as error:
        parser.error(str(error))
    require_exposed(parser, options.expose, http_host=options.http_host)
    return Arguments(
        scenario=scenario,
        timeline=timeline,
        seed=options.seed,
        cell=options.cell,
        clock=options.clock,
        control_delay_slots=control_delay_slots(options.control_delay_slots, scenario, options.clock),
        slots=options.slots,
        e2_target=options.e2,
        gnb_id=options.gnb_id,
        awaited=options.awaited,
        http_host=options.http_host,
        http_port=options.http_port,
        run_dir=options.run_dir,
        summary=options.summary,
        cpu=options.cpu,
        fifo=options.fifo,
        face_cpu=options.face_cpu,
        commands_fd=options.commands_fd,
    )
