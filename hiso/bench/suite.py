"""All parts of the benchmark in one run: the figures and what they were measured with."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hiso.bench import compose, core, memory
from hiso.bench.bare_run import FrameSizes, Schedule, run_bare_loop
from hiso.bench.learner_profile import learner_us_per_slot
from hiso.bench.machine import machine_facts
from hiso.bench.scraper import Scraper
from hiso.bench.start_up import start_to_first_kpi_s
from hiso.bench.system_run import SystemRun, bench_placement, bench_request, run_system
from hiso.bench.tables import aims, scheduling
from hiso.doctor import torch_remedy
from hiso.launcher import services_of
from hiso.processes import ProcessFailed
from hiso.run_request import RunRequest
from ran_emulator.scenario import SLOTS_PER_SECOND
from service_kit.signals import Stop


@dataclass(frozen=True, slots=True)
class Lengths:
    """How much each part does."""

    core_slots: int
    step_slots: int
    learning_slots: int
    memory_slots: int
    lockstep_slots: int
    bare_frames: int
    realtime_s: int
    compose_s: int


FULL = Lengths(
    core_slots=200_000,
    step_slots=20_000,
    learning_slots=8_000,
    memory_slots=20_000,
    lockstep_slots=20_000,
    bare_frames=20_000,
    realtime_s=60,
    compose_s=60,
)
QUICK = Lengths(
    core_slots=4_000,
    step_slots=1_000,
    learning_slots=50,
    memory_slots=1_000,
    lockstep_slots=3_000,
    bare_frames=1_000,
    realtime_s=4,
    compose_s=5,
)

_OTHER_FIGURES = (
    "observation_bytes",
    "decision_bytes",
    "realtime_scheduling",
    "scraped_pages_per_s",
    "scraped_live_messages",
)
NOTHING_ASKED = "no decision was asked for"


class Suite:
    """Runs the parts one after the other; nothing runs beside the one that is measured."""

    def __init__(self, port_base: int, lengths: Lengths, stop: Stop) -> None:
        """`stop` ends it between two looks, with `Interrupted`."""
        self._port_base = port_base
        self._lengths = lengths
        self._stop = stop
        self._figures: dict[str, float | str | None] = {}
        self._memory: dict[str, int | None] = {}
        self._reasons: dict[str, str] = {}
        self._placement: dict[str, str] = {}
        self._cpu: dict[str, dict[str, float]] = {}
        self._grown_kb: dict[str, dict[str, float]] = {}
        self._learner_us: dict[str, float] = {}
        self._sizes: FrameSizes | None = None

    def parts(self) -> list[tuple[str, Callable[[], None]]]:
        """What is done, and how, in order."""
        return [
            ("the cell alone", self._core),
            ("what the hot loops keep", self._growth),
            ("start of the system", self._start),
            ("lock-step, D = 0, and the bare loop", self._lockstep_d0),
            ("lock-step, D = 2", self._lockstep_d2),
            (f"real time, D = 2, learning, {self._lengths.realtime_s} s", self._realtime),
            ("the same, scraped ten times a second", self._realtime_scraped),
            ("twice real time, D = 4", self._realtime_2x),
            ("the bare loop in real time", self._bare_realtime),
            ("the bare loop at twice real time", self._bare_realtime_2x),
            ("containers, real time, D = 2", self._compose),
        ]

    def report(self, *, quick: bool) -> dict[str, Any]:
        """Everything measured, for JSON; `reasons` says why a figure is null that could not be measured here."""
        return {
            **dict.fromkeys((*aims(fifo=True), *_OTHER_FIGURES)),
            **self._figures,
            "growth": self._memory,
            "reasons": self._reasons,
            "placement": self._placement,
            "cpu_us_per_slot": self._cpu,
            "grown_kb": self._grown_kb,
            "learner_us_per_slot": self._learner_us,
            "machine": machine_facts(),
            "quick": quick,
        }

    def _core(self) -> None:
        self._figures["core_slots_per_s"] = core.slots_per_s(self._lengths.core_slots)
        self._figures["core_step_slots_per_s"] = core.step_slots_per_s(self._lengths.step_slots)
        self._figures["core_trained_slots_per_s"] = core.trained_slots_per_s(self._lengths.core_slots)
        if self._can_learn("core_learning_slots_per_s"):
            self._figures["core_learning_slots_per_s"] = core.learning_slots_per_s(self._lengths.learning_slots)
            self._learner_us = learner_us_per_slot(self._lengths.learning_slots)

    def _growth(self) -> None:
        self._memory = memory.growth(self._lengths.memory_slots)

    def _start(self) -> None:
        self._figures["start_to_first_kpi_s"] = start_to_first_kpi_s(self._port_base, self._stop)

    def _lockstep_d0(self) -> None:
        request = bench_request(clock="lockstep", slots=self._lengths.lockstep_slots)
        run = self._system("lockstep_d0", request)
        sizes = self._sizes = FrameSizes.of(run)
        bare = run_bare_loop(sizes, bench_placement(request), self._lengths.bare_frames, self._stop)
        loop = run.summary["loop_latency_ms"]
        self._figures |= {
            "lockstep_d0_real_time_factor": run.real_time_factor,
            "loop_latency_p50_ms": loop["p50"],
            "loop_latency_p99_ms": loop["p99"],
            "bare_loop_p50_ms": bare["p50"],
            "bare_loop_p99_ms": bare["p99"],
            "loop_over_bare_p50": loop["p50"] / bare["p50"],
            "observation_bytes": sizes.observation_bytes,
            "decision_bytes": sizes.decision_bytes,
        }

    def _lockstep_d2(self) -> None:
        request = bench_request(clock="lockstep", slots=self._lengths.lockstep_slots, control_delay="2")
        self._figures["lockstep_d2_real_time_factor"] = self._system("lockstep_d2", request).real_time_factor

    def _realtime(self) -> None:
        if self._can_learn("realtime_missed_fraction"):
            request = self._learning_request()
            run = self._system("realtime_d2_learn", request)
            self._missed("realtime_missed_fraction", run)
            self._figures["realtime_late_slots_fraction"] = run.late_slots_fraction
            placement = bench_placement(request)
            self._figures["realtime_scheduling"] = scheduling(fifo=placement.fifo_priority is not None)

    def _realtime_scraped(self) -> None:
        if self._can_learn("realtime_missed_fraction_scraped"):
            request = self._learning_request()
            scraper = Scraper(services_of(request), self._port_base)
            run = self._system("realtime_d2_learn_scraped", request, scraper)
            self._missed("realtime_missed_fraction_scraped", run)
            self._figures["scraped_pages_per_s"] = scraper.pages_per_s
            self._figures["scraped_live_messages"] = scraper.live_messages

    def _can_learn(self, key: str) -> bool:
        if importlib.util.find_spec("torch") is not None:
            return True
        self._none(key, f"PyTorch is not installed: {torch_remedy()}")
        return False

    def _learning_request(self) -> RunRequest:
        slots = self._lengths.realtime_s * SLOTS_PER_SECOND
        return bench_request(clock="realtime", slots=slots, control_delay="2", learn=True)

    def _realtime_2x(self) -> None:
        slots = self._lengths.realtime_s * SLOTS_PER_SECOND
        request = bench_request(clock="2x", slots=slots, control_delay="4")
        run = self._system("realtime_2x_d4", request)
        self._missed("realtime_2x_missed_fraction", run)
        self._figures["realtime_2x_late_slots_fraction"] = run.late_slots_fraction

    def _bare_realtime(self) -> None:
        self._bare_missed("bare_realtime_missed_fraction", clock="realtime", control_delay_slots=2)

    def _bare_realtime_2x(self) -> None:
        self._bare_missed("bare_realtime_2x_missed_fraction", clock="2x", control_delay_slots=4)

    def _bare_missed(self, key: str, *, clock: str, control_delay_slots: int) -> None:
        """What of the late decisions is the machine's and the transports'."""
        if self._sizes is None:
            raise ProcessFailed("its frames are as long as those of lock-step at D = 0, which failed")
        slots = self._lengths.realtime_s * SLOTS_PER_SECOND
        request = bench_request(clock=clock, slots=slots, control_delay=str(control_delay_slots))
        schedule = Schedule(request.clock.slot_s, control_delay_slots)
        bare = run_bare_loop(self._sizes, bench_placement(request), slots, self._stop, schedule)
        self._figures[key] = bare["missed_fraction"]

    def _compose(self) -> None:
        try:
            missed = compose.missed_fraction(self._port_base, self._lengths.compose_s, self._stop)
        except compose.NoContainersError as error:
            self._none("compose_missed_fraction", str(error))
        else:
            self._figures["compose_missed_fraction"] = missed

    def _system(self, name: str, request: RunRequest, scraper: Scraper | None = None) -> SystemRun:
        run = run_system(request, self._port_base, self._stop, scraper)
        self._placement[name] = run.placement
        self._cpu[name] = run.cpu_us_per_slot
        self._grown_kb[name] = run.grown_kb
        return run

    def _missed(self, key: str, run: SystemRun) -> None:
        self._figures[key] = run.missed_fraction
        if run.missed_fraction is None:
            self._reasons[key] = NOTHING_ASKED

    def _none(self, key: str, reason: str) -> None:
        self._figures[key] = None
        self._reasons[key] = reason
