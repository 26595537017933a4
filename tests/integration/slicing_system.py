"""The whole loop as real processes, each told by hand: emulator, RIC, four xApps and, where they learn, learners."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from free_ports import free_port
from prometheus_client.parser import text_string_to_metric_families

from hiso.observe import budget_context, slice_context
from ran_emulator.cell import Cell
from ran_emulator.scenario import SLICE_NAMES, load_scenario
from xapps.slicing.inter.coma2c import COMA2C_CONFIGS, action_counts, initial_weights
from xapps.slicing.intra.policies import LEARNING, untrained_weights
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions
from xapps.slicing.schedulers import Scheduler
from xapps.slicing.weights import Weights, WeightsMetadata, save_weights

START_S = 240.0
"""Kernels may have to be compiled first."""

LAST_WORDS = 2_000
"""Characters of each log that a failure shows."""

AGENTS = ("inter", *SLICE_NAMES)


def make_weights(
    variant: str,
    delay: int,
    hwi_model: str = "paper",
    epsilon: float = 0.02,
    options: AgentOptions = DEFAULT_OPTIONS,
) -> Weights:
    """Weights as training leaves them, but drawn."""
    cell = Cell(load_scenario("base"), 1, delay)
    if variant in COMA2C_CONFIGS:
        counts = action_counts(budget_context(cell.scenario, delay), options.bandwidth_step_hz)
        drawn = initial_weights(COMA2C_CONFIGS[variant], counts, 11).arrays
        arrays = {f"inter.{name}": array for name, array in drawn.items()}
    else:
        arrays = {
            f"{name}.flat": untrained_weights(variant, slice_context(cell, index), 11, options).flat
            for index, name in enumerate(SLICE_NAMES)
        }
    metadata = WeightsMetadata(
        variant,
        "base",
        hwi_model,
        1e-3,
        1e-3,
        delay,
        11,
        0,
        epsilon,
        "drawn for a test",
        bandwidth_step_hz=options.bandwidth_step_hz,
        power_levels=options.power_levels,
        action=options.action,
        power_scale=options.power_scale,
        state=options.state,
    )
    return Weights(metadata, arrays)


class System:
    """Processes in a folder of their own (short: unix sockets have paths below 100 bytes)."""

    def __init__(self, folder: Path, scheduler: Scheduler, seed: int) -> None:
        self.folder = folder
        self.scheduler = scheduler
        self.seed = seed
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ports: dict[str, int] = {}
        self._weights: dict[str, Path] = {}

    def add_weights(self, weights: Weights) -> None:
        """Weights for the agents of their variant."""
        path = self.folder / f"{weights.metadata.variant}.npz"
        save_weights(path, weights)
        self._weights[weights.metadata.variant] = path

    def start(self, name: str, module: str, *arguments: str) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        with log:
            self.processes[name] = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=log, stderr=log)

    def start_ric(self) -> None:
        self.start(
            "ric",
            "near_rt_ric",
            *("--e2-listen", f"unix:{self.folder}/e2", "--bus", self.bus),
            *("--http-host", "127.0.0.1", "--http-port", str(self._port("ric"))),
            *("--store", f"{self.folder}/ric.sqlite", "--run-dir", str(self.folder)),
        )

    def start_emulator(self, scenario: str, *options: str) -> None:
        self.start(
            "emulator",
            "ran_emulator",
            *("--scenario", scenario, "--seed", str(self.seed), "--await", ",".join(("budgets", *SLICE_NAMES))),
            *("--e2", f"unix:{self.folder}/e2", "--summary", f"{self.folder}/summary.json"),
            *("--http-host", "127.0.0.1", "--http-port", str(self._port("emulator"))),
            *("--run-dir", str(self.folder), *options),
        )

    def start_xapp(self, agent: str, *options: str) -> None:
        scheduler = self.scheduler
        policy = self.policy(agent)
        module, own = "xapps.intra_slice", ("--slice", agent)
        if agent == "inter":
            module, own = "xapps.inter_slice", ("--trigger", scheduler.trigger)
        weights = self._weights.get(policy)
        start: tuple[str, ...] = () if weights is None else ("--weights", str(weights))
        if weights is None and (policy in LEARNING or policy in COMA2C_CONFIGS):
            start = ("--from-scratch",)
        self.start(
            f"xapp-{agent}",
            module,
            *("--bus", self.bus, "--policy", policy, *own, "--seed", str(self.seed)),
            *(("--set-agents", *changed) if (changed := scheduler.options.assignments()) else ()),
            *start,
            *("--metrics-port", str(self._port(f"xapp-{agent}")), *options),
        )

    def start_learner(self, agent: str) -> None:
        self.start(
            f"learner-{agent}",
            "xapps.learner",
            *("--agent", agent, "--policy", self.policy(agent), "--seed", str(self.seed)),
            *("--listen", self.learner(agent), "--metrics-port", str(self._port(f"learner-{agent}"))),
        )

    def policy(self, agent: str) -> str:
        return self.scheduler.inter if agent == "inter" else self.scheduler.intra

    @property
    def bus(self) -> str:
        return f"ipc://{self.folder}/bus"

    def learner(self, agent: str) -> str:
        return f"ipc://{self.folder}/learner-{agent}"

    def _port(self, name: str) -> int:
        return self.ports.setdefault(name, free_port())

    def summary(self, timeout_s: float = START_S) -> dict[str, Any]:
        """The emulator's, once its run has ended."""
        emulator = self.processes["emulator"]
        wait_for(lambda: emulator.poll() is not None or self._dead(), "the run's end", timeout_s)
        assert emulator.returncode == 0, f"dead: {self._dead()}"
        summary: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())
        return summary

    def _dead(self) -> list[str]:
        """Processes that have failed, or ended unasked: a run in lock-step would wait for them for ever."""
        return [name for name, process in self.processes.items() if process.poll() not in (None, 0)]

    def metric(self, name: str, metric: str, **labels: str) -> float | None:
        """A sample of a process; None where it does not answer or has none."""
        try:
            text = httpx.get(f"http://127.0.0.1:{self.ports[name]}/metrics", trust_env=False).text
        except httpx.TransportError:
            return None
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == metric and labels.items() <= sample.labels.items():
                    return float(sample.value)
        return None

    @contextmanager
    def stalled(self, name: str) -> Iterator[None]:
        """A process and those that it has started, stopped."""
        parent = self.processes[name].pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        pids = [parent, *map(int, children)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def close(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def slicing_system(scheduler: Scheduler, seed: int = 3) -> Iterator[System]:
    with tempfile.TemporaryDirectory(prefix="loop-", dir="/tmp") as folder:
        system = System(Path(folder), scheduler, seed)
        try:
            yield system
        except BaseException as error:
            for name in system.processes:
                error.add_note(f"{name}: {system.log(name)[-LAST_WORDS:]}")
            raise
        finally:
            system.close()


def wait_for(condition: Callable[[], object], what: str, timeout_s: float = START_S) -> None:
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, f"{what}: not within {timeout_s} s"
        time.sleep(0.05)
