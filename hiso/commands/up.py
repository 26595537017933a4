"""`hiso up`: the whole system as local processes, with a live table."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hiso import ports
from hiso import summary as summaries
from hiso.commands.options import FAILED, PortBaseOption, RunOptions, refuse, takes, warn
from hiso.lateness import LatenessWatch, slower
from hiso.launcher import LocalSystem, Plan, PortTaken, check_ports, discard_run_dir, make_run_dir
from hiso.mismatches import mismatches
from hiso.monitor import AgentView, Monitor
from hiso.placement import allowed_cores, emulator_names, fifo_allowed, place
from hiso.processes import ProcessFailed
from hiso.run_request import AGENTS, RunRequest
from hiso.signals import ends_on_signals
from hiso.terminal import Terminal, show_result
from service_kit.signals import Stop
from xapps.slicing.weights import WeightsError

_REFRESH_S = 1.0
_WATCH_S = 0.1

ClockOption = Annotated[
    str, typer.Option("--clock", metavar="CLOCK", help="realtime, lockstep, or Nx (N times real time).")
]
LeaveOutOption = Annotated[
    list[str] | None,
    typer.Option(
        "--leave-out",
        metavar="AGENT",
        help=f"Start no xApp for it ({', '.join(AGENTS)}): yours takes the place. Repeatable.",
    ),
]
NoUiOption = Annotated[bool, typer.Option("--no-ui", help="No table and no line a second: only what happens.")]


@takes(RunOptions, scenario="regimes")
def up(
    options: RunOptions,
    clock: ClockOption = "realtime",
    leave_out: LeaveOutOption = None,
    no_ui: NoUiOption = False,
    port_base: PortBaseOption = ports.DEFAULT_PORT_BASE,
) -> None:
    """Start emulator, RIC and xApps as local processes and show what they do, until Ctrl-C or the end of the run."""
    for agent in leave_out or ():
        if agent not in AGENTS:
            refuse(f"leave-out: must be one of {', '.join(AGENTS)} (given {agent!r})")
    request = replace(options.request(clock=clock), left_out=frozenset(leave_out or ()))
    try:
        check_ports(request, port_base)
    except PortTaken as error:
        refuse(str(error))
    for line in mismatches(request, seen_by_xapps=False):
        warn(line)
    if not LiveRun(request, port_base, options.json, live=not no_ui).run():
        raise typer.Exit(FAILED)


class LiveRun:
    """One `hiso up`, over the clocks that it may have to try."""

    def __init__(self, request: RunRequest, port_base: int, json: Path | None, *, live: bool) -> None:
        """`json`: where the summary goes; `live`: whether there is a table, or a line a second."""
        self._request = request
        self._port_base = port_base
        self._json = json
        self._stop = Stop()
        self._console = Console()
        self._terminal = Terminal(request, self._console, live=live)
        self._fifo = fifo_allowed()
        self._wall_s = 0.0
        self._agents: dict[str, AgentView] = {}

    def run(self) -> bool:
        """Run to the end; whether all went well."""
        with ends_on_signals(self._stop):
            request: RunRequest | None = self._request
            while request is not None and not self._stop.is_set():
                self._request = request
                try:
                    run_dir = make_run_dir()
                except OSError as error:
                    refuse(str(error))
                try:
                    request = self._run_once(request, run_dir)
                except ProcessFailed as error:
                    self._terminal.say(f"hiso: {error}")
                    self._terminal.say(f"logs: {run_dir}")
                    return False
                except BaseException:  # nothing that its logs would tell
                    discard_run_dir(run_dir)
                    raise
                discard_run_dir(run_dir)
        return True

    def _run_once(self, request: RunRequest, run_dir: Path) -> RunRequest | None:
        """One system from start to end; the request to go on with, where its clock does not hold."""
        placement = place(
            allowed_cores(),
            urgent=request.clock.speed is not None,
            fifo=self._fifo,
            cells=request.cells,
        )
        self._terminal.say(placement.description)
        if request.left_out:
            self._terminal.say(f"left out: {', '.join(sorted(request.left_out))}; the node decides until yours does")
        system = LocalSystem(Plan(request, placement, self._port_base, run_dir))
        agents = tuple(agent for agent in AGENTS if agent not in request.left_out)
        monitor = Monitor(self._port_base, request.learning_agents, request.cells, agents)
        try:
            if not system.start(lambda: not self._stop.is_set()):
                self._say_ended_early()
                return None
            self._say_where(system)
            slower_request = self._follow(system, monitor)
        except BaseException:
            system.kill()
            raise
        finally:
            monitor.close()
            killed = self._end(system)
        for name in killed:
            self._terminal.say(f"{name} did not end when asked and was killed")
        if slower_request is None:
            self._finish(request, system)
        return slower_request

    def _say_ended_early(self) -> None:
        self._terminal.say("ended before everything ran: there is no summary")
        if self._json is not None:
            raise ProcessFailed(f"json: {self._json} was not written")

    @staticmethod
    def _end(system: LocalSystem) -> list[str]:
        """End everything; at once where somebody will not wait."""
        try:
            return system.stop()
        except BaseException:
            system.kill()
            raise

    def _say_where(self, system: LocalSystem) -> None:
        faces = [
            f"{service.replace('ric', 'RIC')} http://127.0.0.1:{ports.port_of(service, self._port_base)}/docs"
            for service in (*emulator_names(system.plan.request.cells), "ric")
        ]
        self._terminal.say("   ".join([*faces, f"bus {system.plan.bus}"]))

    def _follow(self, system: LocalSystem, monitor: Monitor) -> RunRequest | None:
        """Watch a running system until it ends; the request to go on with, where its clock does not hold."""
        self._terminal.use(self._request)
        watches = [LatenessWatch(self._request.clock, fifo=self._fifo) for _ in range(self._request.cells)]
        started_s = time.monotonic()
        shown_s = 0.0
        with self._terminal:
            while not self._stop.is_set() and not system.finished:
                for line in system.supervise():
                    self._terminal.say(line)
                    for watch in watches:
                        watch.begin_again()
                if time.monotonic() - shown_s >= _REFRESH_S:
                    shown_s = time.monotonic()
                    snapshots = monitor.poll()
                    if snapshots:
                        self._terminal.show(*snapshots)
                    for snapshot in snapshots:
                        complaint = watches[snapshot.cell].complaint(snapshot, time.monotonic())
                        if complaint is not None:
                            return self._slow_down(complaint)
                self._stop.wait(_WATCH_S)
        self._wall_s = time.monotonic() - started_s
        self._agents = monitor.agents()
        return None

    def _slow_down(self, complaint: str) -> RunRequest:
        """Nobody should watch the fallback and believe that it is the agent."""
        clock = slower(self._request.clock)
        complaint = f"{complaint}: this machine does not hold clock {self._request.clock.name}"
        request = self._request.with_clock(clock)
        try:
            request.weights()
        except WeightsError as error:  # the agents of its control delay, where that is another
            raise ProcessFailed(f"{complaint}, and with {clock.name}: {error}") from error
        self._terminal.say(f"{complaint}; starting again with {clock.name}")
        return request

    def _finish(self, request: RunRequest, system: LocalSystem) -> None:
        cells = system.summaries()
        if cells is None:
            raise ProcessFailed("an emulator left no summary")
        inter = self._agents.get("inter")
        facts = summaries.HostFacts(
            wall_s=max(cell.get("wall_s", self._wall_s) for cell in cells),
            inter_slice_updates=inter.inter_slice_updates if inter else 0,
            trigger_evaluations=inter.trigger_evaluations if inter else 0,
            weights_id=summaries.joint_weights_id(view.weights_id for view in self._agents.values()),
        )
        summary = summaries.summarize_cells(request, cells, facts)
        show_result(self._console, summary)
        if self._json is not None:
            try:
                summaries.write(self._json, summary)
            except OSError as error:
                raise ProcessFailed(f"json: {self._json} cannot be written: {error.strerror}") from error
