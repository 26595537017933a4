"""One run of the whole system by a clock that never changes, with what each process took of the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from hiso import ports
from hiso.bench.process_usage import cpu_us_by_process, resident_kb_by_process
from hiso.bench.scraper import Scraper
from hiso.cells import joint_summary
from hiso.launcher import LocalSystem, Plan, discard_run_dir, make_run_dir
from hiso.loopback import LoopbackClient, Unreachable
from hiso.monitor import Metrics
from hiso.placement import Placement, allowed_cores, emulator_names, fifo_allowed, place
from hiso.processes import ProcessFailed
from hiso.run_request import RunRequest, make_request
from service_kit.signals import Stop

SAMPLE_S = 0.25


class Interrupted(Exception):  # noqa: N818 - a person's wish
    """A signal ended the bench."""


@dataclass(frozen=True, slots=True)
class SystemRun:
    """What a run of the system gave."""

    summary: dict[str, Any]
    """The emulator's own, of `ran_emulator.summary` and the loop; of several cells the joint one."""
    cells: tuple[dict[str, Any], ...]
    """The emulators' own, cell by cell."""
    placement: str
    cpu_us_per_slot: dict[str, float]
    """By process, while all cells ran slots; a slot: of every cell."""
    grown_kb: dict[str, float]
    """Resident memory that each process took on in the second half of the run."""

    @property
    def real_time_factor(self) -> float:
        """Simulated time over wall time, of the slowest cell."""
        return min(float(cell["real_time_factor"]) for cell in self.cells)

    @property
    def loop_latency_p50_ms(self) -> float | None:
        """Median from an INSERT to its CONTROL, of the slowest cell; None where nothing was decided."""
        medians = [cell["loop_latency_ms"]["p50"] for cell in self.cells]
        return max((median for median in medians if median is not None), default=None)

    @property
    def late_slots_fraction(self) -> float:
        """Slots that ended after their scheduled end."""
        late, slots = (sum(int(cell[key]) for cell in self.cells) for key in ("late_slots", "slots"))
        return late / slots

    @property
    def missed_fraction(self) -> float | None:
        """Slot INSERTs whose slot ran without the decision asked for; None where nothing was asked."""
        asked = self.summary["e2_messages"].get("slot", {}).get("ric_indication", {}).get("to_ric", 0)
        return self.summary["missed_deadlines"] / asked if asked else None


@dataclass(frozen=True, slots=True)
class Sample:
    """What the processes of a run have used at one time, by process."""

    slots: float
    """Mean over the cells."""
    cpu_us: dict[str, float]
    resident_kb: dict[str, float]


def bench_request(
    *,
    clock: str,
    slots: int,
    scheduler: str = "hiso-coma-tuned",
    overrides: Sequence[str] = (),
    control_delay: str = "auto",
    learn: bool = False,
    cells: int = 1,
) -> RunRequest:
    """A run of the preset `base`, seed 1."""
    return make_request(
        scenario="base",
        overrides=overrides,
        scheduler=scheduler,
        seed=1,
        slots=slots,
        clock=clock,
        control_delay=control_delay,
        learn=learn,
        cells=cells,
    )


def bench_placement(request: RunRequest) -> Placement:
    """Placement as in `hiso up`; SCHED_FIFO in lock-step too, unless everything has to share one core."""
    cores = allowed_cores()
    return place(
        cores,
        urgent=request.clock.speed is not None or len(cores) != 1,
        fifo=fifo_allowed(),
        cells=request.cells,
    )


def run_system(request: RunRequest, port_base: int, stop: Stop, scraper: Scraper | None = None) -> SystemRun:
    """Run to the end; `scraper` reads beside it while slots run.

    Raises:
        ProcessFailed: a process ended before its time: what is left is no figure.
        Interrupted: `stop` was set.
    """
    placement = bench_placement(request)
    run_dir = make_run_dir()
    try:
        system = LocalSystem(Plan(request, placement, port_base, run_dir))
        try:
            if not system.start(lambda: not stop.is_set()):
                raise Interrupted
            with scraper or nullcontext():
                samples = _follow(system, port_base, stop)
        finally:
            system.stop()
        summaries = system.summaries()
    finally:
        discard_run_dir(run_dir)
    if not summaries:
        raise ProcessFailed("the emulator left no summary")
    summary = summaries[0] if len(summaries) == 1 else joint_summary(request.scenario, summaries)
    return SystemRun(summary, tuple(summaries), placement.description, _per_slot(samples), grown_kb(samples))


def _follow(system: LocalSystem, port_base: int, stop: Stop) -> list[Sample]:
    """Samples from slot 0 to the end."""
    clients = [LoopbackClient(ports.port_of(name, port_base)) for name in emulator_names(system.plan.request.cells)]
    samples = []
    try:
        while not system.finished:
            lines = system.supervise()
            if lines:
                raise ProcessFailed("; ".join(lines))
            slots = [_slots(client) for client in clients]
            if all(slots):
                samples.append(
                    Sample(fmean(slots), cpu_us_by_process(system.pids), resident_kb_by_process(system.pids))
                )
            if stop.wait(SAMPLE_S):
                raise Interrupted
    finally:
        for client in clients:
            client.close()
    return samples


def _slots(client: LoopbackClient) -> int:
    """Slots so far; 0 also where nobody answers."""
    try:
        return Metrics.parse(client.text("/metrics")).count("hiso_slots_total")
    except (Unreachable, ValueError):
        return 0


def _running(samples: list[Sample]) -> list[Sample]:
    """Those in which every process was there."""
    names = max((sample.cpu_us.keys() for sample in samples), key=len, default=None)
    return [sample for sample in samples if sample.cpu_us.keys() == names == sample.resident_kb.keys()]


def grown_kb(samples: list[Sample]) -> dict[str, float]:
    """Resident memory in kB from the middle to the last sample of the running loop; empty where there are no two."""
    running = _running(samples)
    if len(running) < 2:
        return {}
    middle, last = running[len(running) // 2 - 1], running[-1]
    return {name: last.resident_kb[name] - held for name, held in middle.resident_kb.items()}


def _per_slot(samples: list[Sample]) -> dict[str, float]:
    """CPU time a slot between the first and the last sample of the running loop; empty where there are no two."""
    running = _running(samples)
    if not running or running[-1].slots == running[0].slots:
        return {}
    first, last = running[0], running[-1]
    return {name: (last.cpu_us[name] - spent) / (last.slots - first.slots) for name, spent in first.cpu_us.items()}
