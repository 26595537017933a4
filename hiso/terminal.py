"""What people see of a running system: a live table, or a plain line a second where there is no terminal."""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hiso.monitor import SOURCES, SliceView, Snapshot
from hiso.run_request import RunRequest
from ran_emulator.scenario import SLOTS_PER_SECOND
from xapps.slicing.observation import SLICE_NAMES

SHOWN_EVENTS = 6
SHOWN_CHANGES = 20
SHOWN_VALUES = 5
SLICE_LABELS = {"vonr": "VoNR", "embb": "eMBB", "urllc": "uRLLC"}
SLICE_STYLES = {"vonr": "cyan", "embb": "magenta", "urllc": "yellow"}
_NOTHING = "-"
_CELL_FIGURES = (("eta", "eta_bps_hz"), ("goodput", "goodput_bps_hz"), ("utility", "utility"))


_PIPED_WIDTH = 200


def table_width() -> int | None:
    """Columns of a table on standard output: the terminal's (None), or so many that nothing wraps in a pipe."""
    return None if sys.stdout.isatty() else _PIPED_WIDTH


def number(value: float | None, digits: int = 2, scale: float = 1.0) -> str:
    """A value as text; "-" where there is none."""
    return _NOTHING if value is None or math.isnan(value) else f"{value * scale:.{digits}f}"


def shares(decisions: dict[str, int]) -> str:
    """Shares of decisions by source, in percent: control/held/default."""
    total = sum(decisions.values())
    if not total:
        return _NOTHING
    return " / ".join(f"{100 * decisions[source] / total:.1f}" for source in SOURCES)


def splits(snapshot: Snapshot) -> str:
    """Bandwidth budgets in MHz."""
    return "/".join(number(snapshot.slices[name].bandwidth_hz, 1, 1e-6) for name in SLICE_NAMES)


def powers(snapshot: Snapshot) -> str:
    """Power budgets in W."""
    return "/".join(number(snapshot.slices[name].power_w, 0) for name in SLICE_NAMES)


def since(now: SliceView, before: SliceView | None) -> dict[str, int]:
    """Decisions since the snapshot before; all where there is none, or a new world has begun."""
    if before is None or sum(now.decisions.values()) < sum(before.decisions.values()):
        return now.decisions
    return {source: now.decisions[source] - before.decisions[source] for source in SOURCES}


def change_text(event: dict[str, Any]) -> str:
    """An event of a timeline in words: its time, what changes, for which slice, to what."""
    fields = {name: value for name, value in event.items() if name not in {"at_slot", "change", "slice"}}
    words = [str(event["change"]).replace("_", " "), *([event["slice"]] if "slice" in event else [])]
    words += [f"{name} {_value(value)}" for name, value in fields.items()]
    return f"{event['at_slot'] / SLOTS_PER_SECOND:8.1f} s  {' '.join(words)}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        more = f" and {len(value) - SHOWN_VALUES} more" if len(value) > SHOWN_VALUES else ""
        return ",".join(map(str, value[:SHOWN_VALUES])) + more
    return f"{value:g}" if isinstance(value, float) else str(value)


class EventLog:
    """What happened between two snapshots, in words."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self._before: Snapshot | None = None

    def events(self, snapshot: Snapshot) -> list[str]:
        """Since the last call: changes, budgets that moved, agents that came or went, weights that do not fit."""
        before, self._before = self._before, snapshot
        changes = [change_text(event) for event in snapshot.changes]
        if before is None:
            return changes + [line for agent in snapshot.agents for line in self._mismatches(snapshot, agent, ())]
        lines = []
        moved = [
            f"{of(before)} -> {of(snapshot)} {unit}"
            for of, unit in ((splits, "MHz"), (powers, "W"))
            if of(before) != of(snapshot)
        ]
        if moved:
            lines.append(f"budgets {', '.join(moved)}")
        for agent, view in snapshot.agents.items():
            old = before.agents.get(agent)
            if old and old.connected != view.connected:
                lines.append(f"xApp {agent} {'is connected' if view.connected else 'is not connected'}")
            lines += self._mismatches(snapshot, agent, old.mismatches if old else ())
        if before.connected != snapshot.connected:
            lines.append("E2 " + ("connected" if snapshot.connected else "lost"))
        return changes + [f"{snapshot.simulated_s:8.1f} s  {line}" for line in lines]

    @staticmethod
    def _mismatches(snapshot: Snapshot, agent: str, known: tuple[str, ...]) -> list[str]:
        view = snapshot.agents[agent]
        return [
            f"warning: the weights of {agent} ({view.weights_id}) were trained for another {reason}"
            for reason in view.mismatches
            if reason not in known
        ]


class Terminal:
    """Shows snapshots and lines; a table that stays in place on a terminal, lines elsewhere."""

    def __init__(self, request: RunRequest, console: Console, *, live: bool = True) -> None:
        """`live` False: no table and no line a second, only what happens."""
        self._request = request
        self._console = console
        self._show = live
        self._live = Live(console=console, auto_refresh=False) if live and console.is_terminal else None
        self._logs = [EventLog() for _ in range(request.cells)]
        self._events: deque[str] = deque(maxlen=SHOWN_EVENTS)
        self._before: dict[int, Snapshot] = {}

    def __enter__(self) -> Terminal:
        """Take the terminal."""
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back; the last table stays."""
        if self._live:
            self._live.stop()

    def say(self, line: str) -> None:
        """A line for people, above the table."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def use(self, request: RunRequest) -> None:
        """The run goes on as another request (another clock)."""
        self._request = request
        self._before.clear()
        self._logs = [EventLog() for _ in range(request.cells)]
        self._events.clear()

    def show(self, *snapshots: Snapshot) -> None:
        """Show the system as it is now, a snapshot a cell."""
        events = [
            f"{self._label(snapshot)}{event}"
            for snapshot in snapshots
            for event in self._logs[snapshot.cell].events(snapshot)
        ]
        self._events.extend(events)
        if self._live:
            self._live.update(self._picture(snapshots), refresh=True)
        else:
            figures = [f"{self._label(snapshot)}{plain_line(snapshot)}" for snapshot in snapshots] if self._show else []
            for line in (*events, *figures):
                self.say(line)
        self._before.update({snapshot.cell: snapshot for snapshot in snapshots})

    def _label(self, snapshot: Snapshot) -> str:
        """Which cell it is, where there are several."""
        return f"cell {snapshot.cell}  " if self._request.cells > 1 else ""

    def _picture(self, snapshots: Sequence[Snapshot]) -> Group:
        parts: list[RenderableType] = [heading(self._request, snapshots[0])]
        for snapshot in snapshots:
            label = Text(self._label(snapshot), style="bold green")
            parts += [self._slices(snapshot), label + cell_line(snapshot), label + loop_line(snapshot)]
        parts += learner_lines(snapshots[0])
        return Group(*parts, Text("\n".join(self._events) or "no events yet", style="dim"))

    def _slices(self, snapshot: Snapshot) -> Table:
        table = Table(expand=False, title_justify="left", header_style="bold")
        table.add_column("slice")
        for column in ("SSR", "goodput\nMbit/s", "delay ms\np50 / p99", "active\nusers", "bandwidth\nMHz", "power\nW"):
            table.add_column(column, justify="right")
        table.add_column("decided %\nagent / held / default", justify="right")
        for (name, view), part in zip(snapshot.slices.items(), self._request.scenario.slices.in_order(), strict=True):
            below_sla = view.ssr is not None and view.ssr < part.ssr_threshold  # C6
            before = self._before[snapshot.cell].slices[name] if snapshot.cell in self._before else None
            table.add_row(
                Text(SLICE_LABELS[name], style=f"bold {SLICE_STYLES[name]}"),
                Text(number(view.ssr, 3), style="red" if below_sla else ""),
                number(view.goodput_bps, 2, 1e-6),
                f"{number(view.delay_p50_ms)} / {number(view.delay_p99_ms)}",
                number(view.active_users),
                number(view.bandwidth_hz, 1, 1e-6),
                number(view.power_w, 1),
                shares(since(view, before)),
            )
        return table


def weights_text(snapshot: Snapshot) -> str:
    """Ids of the weights in use."""
    return ", ".join(sorted({identity for identity in snapshot.weights_ids if identity})) or "none"


def hwi_text(snapshot: Snapshot) -> str:
    """Impairments in force."""
    kappa = snapshot.kappa
    model = snapshot.scenario.get("hwi_model", _NOTHING)
    values = [_NOTHING if kappa[side] is None else f"{kappa[side]:g}" for side in ("t", "r")]
    return f"{model}, kappa {values[0] if values[0] == values[1] else ' / '.join(values)}"


def heading(request: RunRequest, snapshot: Snapshot) -> Text:
    """What runs."""
    scheduler = request.scheduler
    text = Text()
    text.append(f"{scheduler.name}", style="bold green")
    text.append(f" on {request.scenario.name}, seed {request.seed}, {snapshot.simulated_s:.1f} s\n")
    text.append(f"inter {scheduler.inter}, intra {scheduler.intra}, trigger {scheduler.trigger}\n")
    text.append(f"weights {weights_text(snapshot)}\n")
    text.append(f"HWI {hwi_text(snapshot)}; access {snapshot.scenario.get('access', _NOTHING)}; ")
    text.append(
        f"clock {request.clock.name}, D = {request.control_delay_slots}, "
        f"real-time factor {number(snapshot.real_time_factor)}"
    )
    return text


def cell_line(snapshot: Snapshot) -> Text:
    """The cell's figures of merit in the last second."""
    text = Text("cell   ", style="bold")
    text.append(f"spectral efficiency {number(snapshot.eta_bps_hz)} bit/s/Hz   ", style="not bold")
    text.append(f"goodput {number(snapshot.goodput_bps_hz)} bit/s/Hz   ", style="not bold")
    text.append(f"utility {number(snapshot.utility)}", style="not bold")
    return text


def loop_line(snapshot: Snapshot) -> Text:
    """The loop: triggers (of all cells), latency, what came late."""
    inter = snapshot.agents.get("inter")
    latency = snapshot.loop_latency_ms
    text = Text("loop   ", style="bold")
    if inter:
        text.append(
            f"{inter.inter_slice_updates} updates in {inter.trigger_evaluations} trigger evaluations   ",
            style="not bold",
        )
    text.append(
        f"latency p50 {number(latency['0.5'])} p99 {number(latency['0.99'])} max {number(latency['1'])} ms   ",
        style="not bold",
    )
    text.append(late_text(snapshot), style="not bold" if not snapshot.missed_deadlines else "not bold yellow")
    return text


def learner_lines(snapshot: Snapshot) -> list[Text]:
    """A line for each learner."""
    return [
        Text(
            f"learner {agent}: {view.learner_updates} updates, reward {number(view.learner_reward, 3)}, "
            f"epsilon {number(view.learner_epsilon, 3)}"
        )
        for agent, view in snapshot.agents.items()
        if view.learner_updates is not None
    ]


def late_text(snapshot: Snapshot) -> str:
    """Late decisions, as number and share of those asked for."""
    asked = snapshot.slot_observations
    share = f" ({100 * snapshot.missed_deadlines / asked:.2f} %)" if asked else ""
    return f"late decisions {snapshot.missed_deadlines}{share}"


def plain_line(snapshot: Snapshot) -> str:
    """One line a second, for logs and pipes."""
    inter = snapshot.agents.get("inter")
    ssr = " ".join(f"{name} {number(view.ssr, 3)}" for name, view in snapshot.slices.items())
    return (
        f"{snapshot.simulated_s:8.1f} s  SSR {ssr}  eta {number(snapshot.eta_bps_hz)}  "
        f"goodput {number(snapshot.goodput_bps_hz)} bit/s/Hz  utility {number(snapshot.utility)}  "
        f"budgets {splits(snapshot)} MHz  updates {inter.inter_slice_updates if inter else 0}  "
        f"loop p50 {number(snapshot.loop_latency_ms['0.5'])} ms  {late_text(snapshot)}  "
        f"x{number(snapshot.real_time_factor)}"
    )


def show_result(console: Console, summary: dict[str, Any]) -> None:
    """A run's summary for people."""
    console.print(Text(headline(summary), style="bold"))
    for index, cell in enumerate(summary.get("cells", ())):
        figures = ", ".join(f"{name} {number(cell[key])}" for name, key in _CELL_FIGURES)
        console.print(Text(f"cell {index}: {figures}; decided by {decided_text(cell)}"))
        console.print(_slice_table(cell["slices"]))
    if "cells" in summary:
        console.print(Text("all cells together", style="bold"))
    console.print(_slice_table(summary["slices"]))
    changes = [change_text(event) for event in summary["events"]]
    for line in changes[:SHOWN_CHANGES]:
        console.print(Text(line, style="dim"))
    if len(changes) > SHOWN_CHANGES:
        console.print(Text(f"and {len(changes) - SHOWN_CHANGES} more changes (summary: events)", style="dim"))
    console.print(Text(f"decided by {decided_text(summary)}; weights {summary['weights_id'] or 'none'}", style="dim"))
    if _nothing_in_time(summary):
        console.print(Text("warning: hardly a decision of the agents came in time; take a slower --clock", "yellow"))


def _slice_table(slices: dict[str, Any]) -> Table:
    table = Table(header_style="bold")
    table.add_column("slice")
    for column in ("SSR", "goodput\nMbit/s", "delay ms\nmean / p99", "bandwidth\nMHz", "power\nW", "packets\noffered"):
        table.add_column(column, justify="right")
    for name, part in slices.items():
        table.add_row(
            Text(SLICE_LABELS[name], style=SLICE_STYLES[name]),
            number(part["ssr"], 4),
            number(part["throughput_bps"], 2, 1e-6),
            f"{number(part['delay_ms']['mean'], 3)} / {number(part['delay_ms']['p99'], 3)}",
            number(part["bandwidth_hz"], 2, 1e-6),
            number(part["power_w"], 1),
            str(part["offered_packets"]),
        )
    return table


def headline(summary: dict[str, Any]) -> str:
    """What was run and what came out, in one line."""
    return (
        f"{summary['scheduler']} on {summary['scenario']}, seed {summary['seed']}, "
        f"{summary['simulated_s']:g} s, {summary['clock']}, D = {summary['control_delay_slots']}: "
        f"eta {number(summary['eta_bps_hz'])} bit/s/Hz, goodput {number(summary['goodput_bps_hz'])} bit/s/Hz, "
        f"utility {number(summary['utility'])}"
    )


def _nothing_in_time(summary: dict[str, Any]) -> bool:
    """Whether agents decided for less than a hundredth of the users served, as they came late."""
    sources = summary["decision_source"]
    return bool(summary["missed_deadlines"]) and 100 * sources["control"] < sum(sources.values())


def decided_text(summary: dict[str, Any]) -> str:
    """Who decided, and how much came late."""
    sources = summary["decision_source"]
    text = f"agent / held / default {shares(sources)} %"
    missed = summary["missed_deadlines"]
    return text if missed is None else f"{text}, {missed} decisions and {summary['late_slots']} slots late"
