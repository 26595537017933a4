"""What people see of a benchmark: each figure beside its aim, and the CPU time of each process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from hiso.terminal import number


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure must reach, and what is aimed at: at least so much, or at most; None: nothing was set."""

    what: str
    must: float | None = None
    aim: float | None = None
    at_least: bool = False
    percent: bool = False

    def meets(self, value: float, bound: float | None) -> bool:
        """Whether a value reaches one of its two bounds."""
        return bound is None or (value >= bound if self.at_least else value <= bound)

    def spoken(self, bound: float | None) -> str:
        """One of its two bounds as text; empty where there is none."""
        return "" if bound is None else f"{'>=' if self.at_least else '<='} {self.text(bound)}"

    def text(self, value: float) -> str:
        """A value of this figure as text."""
        if self.percent:
            return f"{100 * value:.3g} %"
        return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"

    def style(self, value: float) -> str:
        """Red: it must be better; yellow: the aim is not reached."""
        if not self.meets(value, self.must):
            return "red"
        return "" if self.meets(value, self.aim) else "yellow"


def scheduling(*, fifo: bool) -> str:
    """How hot loops are scheduled on a clock."""
    return "SCHED_FIFO" if fifo else "normal priority"


def aims(*, fifo: bool) -> dict[str, Aim]:
    """Figures of the report with their aims, under SCHED_FIFO or where it is refused."""
    how = scheduling(fifo=fifo)
    late = 0.01 if fifo else 0.06
    return {
        "core_slots_per_s": Aim("cell, compiled whole (slots/CPU s of one thread)", aim=200_000, at_least=True),
        "core_step_slots_per_s": Aim("cell, one slot a call (slots/CPU s of one thread)", aim=40_000, at_least=True),
        "core_trained_slots_per_s": Aim(
            "cell and trained agents, compiled whole (slots/CPU s)", aim=100_000, at_least=True
        ),
        "core_learning_slots_per_s": Aim("cell, both levels learning from every slot (slots/CPU s)"),
        "lockstep_d0_real_time_factor": Aim("lock-step, D = 0 (x real time)", must=1.3, aim=1.6, at_least=True),
        "lockstep_d2_real_time_factor": Aim("lock-step, D = 2 (x real time)", must=2.5, aim=3.5, at_least=True),
        "loop_latency_p50_ms": Aim("loop at D = 0, median (ms)", aim=0.25),
        "loop_latency_p99_ms": Aim("loop at D = 0, 99 % (ms)", aim=0.45),
        "bare_loop_p50_ms": Aim("bare loop, median (ms)"),
        "bare_loop_p99_ms": Aim("bare loop, 99 % (ms)"),
        "loop_over_bare_p50": Aim("loop over bare loop, median", aim=1.6),
        "realtime_missed_fraction": Aim(
            f"late: real time, D = 2, learning from 1 slot in 16, {how}", must=late, percent=True
        ),
        "realtime_missed_fraction_scraped": Aim("late: the same, scraped 10 times a second", must=late, percent=True),
        "realtime_2x_missed_fraction": Aim("late: twice real time, D = 4", must=0.02 if fifo else None, percent=True),
        "realtime_late_slots_fraction": Aim("slots that end late: real time, D = 2", percent=True),
        "realtime_2x_late_slots_fraction": Aim("slots that end late: twice real time, D = 4", percent=True),
        "bare_realtime_missed_fraction": Aim("late: bare loop, real time, D = 2", percent=True),
        "bare_realtime_2x_missed_fraction": Aim("late: bare loop, twice real time, D = 4", percent=True),
        "compose_missed_fraction": Aim("late: containers, D = 2", percent=True),
        "start_to_first_kpi_s": Aim("start to first KPIs (s)", aim=10.0),
    }


def _aims_of(report: Mapping[str, Any]) -> dict[str, Aim]:
    return aims(fifo=report["machine"]["sched_fifo"])


def figures(report: Mapping[str, Any]) -> Table:
    """Each figure beside what it must reach and what is aimed at."""
    table = Table("figure", "value", "must", "aim", title="hiso bench" + (" --quick" if report["quick"] else ""))
    for key, aim in _aims_of(report).items():
        value = report[key]
        shown = Text("-") if value is None else Text(aim.text(value), aim.style(value))
        table.add_row(aim.what, shown, aim.spoken(aim.must), aim.spoken(aim.aim))
    return table


def markdown(report: Mapping[str, Any]) -> str:
    """The same as Markdown, with the CPU time of the processes at D = 0 and the machine: the README's table."""
    rows = [(aim, report[key]) for key, aim in _aims_of(report).items()]
    lines = [
        ("what", "measured", "must", "aim"),
        ("---", "--:", "--:", "--:"),
        *(
            (aim.what, "-" if value is None else aim.text(value), aim.spoken(aim.must), aim.spoken(aim.aim))
            for aim, value in rows
        ),
        *(
            (f"CPU a slot at D = 0: {process} (us)", number(spent, 0), "", "")
            for process, spent in report["cpu_us_per_slot"].get("lockstep_d0", {}).items()
        ),
        *(
            (f"learning, CPU a slot: {part} (us)", number(spent, 1), "", "")
            for part, spent in report["learner_us_per_slot"].items()
        ),
    ]
    return "\n".join([*(f"| {' | '.join(cells)} |" for cells in lines), "", _machine(report)])


def cpu(report: Mapping[str, Any]) -> Table:
    """CPU time a slot in us: a row a process, a column a run."""
    runs = report["cpu_us_per_slot"]
    table = Table("CPU us a slot", *runs)
    processes = dict.fromkeys(process for run in runs.values() for process in run)
    for process in processes:
        table.add_row(process, *(number(run.get(process), 0) for run in runs.values()))
    table.add_row("all", *(number(sum(run.values()) or None, 0) for run in runs.values()), style="bold")
    return table


def learners(report: Mapping[str, Any]) -> Table:
    """CPU time a slot of what learns, in us: a row a part."""
    table = Table("learning from every slot", "CPU us a slot")
    for part, spent in report["learner_us_per_slot"].items():
        table.add_row(part, number(spent, 1))
    return table


def notes(report: Mapping[str, Any]) -> Iterator[str]:
    """What is missing and why, the machine, and what ran where."""
    for key, reason in report["reasons"].items():
        yield f"{key}: {reason}"
    yield _machine(report)
    for run, placement in report["placement"].items():
        yield f"{run}: {placement}"
    if report["observation_bytes"] is not None:
        yield f"frames: observation {report['observation_bytes']} bytes, decision {report['decision_bytes']} bytes"
    if grown := report["growth"]:
        yield (
            f"growth over {grown['slots']} slots: node and agents {grown['node_blocks']} blocks, "
            f"agents alone {grown['agent_blocks']}"
        )
    for run, processes in report["grown_kb"].items():
        if processes:
            grown_kb = ", ".join(f"{process} {number(kb, 0)}" for process, kb in processes.items())
            yield f"{run}: resident memory taken on in the second half, kB: {grown_kb}"
    if report["scraped_pages_per_s"] is not None:
        yield f"scraped: {report['scraped_pages_per_s']:.0f} pages/s, {report['scraped_live_messages']} live messages"


def _machine(report: Mapping[str, Any]) -> str:
    machine = report["machine"]
    return (
        f"{machine['cores']} cores, {machine['cpu_model']}; {machine['kernel']}; "
        f"SCHED_FIFO {'allowed' if machine['sched_fifo'] else 'refused'}; Python {machine['python']}, "
        f"grpcio {machine['grpcio']}, numba {machine['numba']}"
    )
