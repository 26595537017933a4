"""A whole system of real processes that a test starts, stops and kills one by one: nobody restarts what dies."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from free_ports import free_port_base

from hiso import ports
from hiso.bench.process_usage import children_of
from hiso.launcher import Plan, make_run_dir
from hiso.loopback import LoopbackClient, Unreachable
from hiso.monitor import Metrics
from hiso.placement import allowed_cores, fifo_allowed, place
from hiso.processes import Child, end_all
from hiso.run_request import make_request

START_TIMEOUT_S = 120.0
SLICE_XAPPS = ("xapp-vonr", "xapp-embb", "xapp-urllc")
XAPPS = ("xapp-inter", *SLICE_XAPPS)


def wait_for(
    condition: Callable[[], Any], what: str, timeout_s: float = START_TIMEOUT_S, words: Callable[[], Any] = str
) -> Any:
    """Wait until `condition` gives something; where it does not, `words` are asked for what there is to say."""
    deadline_s = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline_s, f"{what}: {words()}"
        time.sleep(0.02)
    return found


class ProcessSystem:
    """Emulator, RIC, xApps and learners of one run."""

    def __init__(self, *, clock: str, scheduler: str, learn: bool) -> None:
        request = make_request(scenario="base", scheduler=scheduler, seed=1, clock=clock, learn=learn)
        placement = place(
            allowed_cores(),
            urgent=request.clock.speed is not None,
            fifo=fifo_allowed(),
        )
        self.base = free_port_base()
        self.run_dir = make_run_dir()
        plan = Plan(request, placement, self.base, self.run_dir)
        plan.write_scenario()
        # Learners at normal priority: beside other work they would take minutes to start.
        specs = [replace(spec, niceness=0) for spec in plan.specs()]
        self.children = {spec.name: Child(spec, self.run_dir) for spec in specs}

    def close(self) -> None:
        for child in self.children.values():
            for pid in (child.pid, *children_of(child.pid)):
                self.signal(pid, signal.SIGCONT)
        end_all(self.children.values())
        shutil.rmtree(self.run_dir)

    # Processes

    def alive(self, name: str) -> bool:
        child = self.children[name]
        return child.pid != 0 and child.exit_code() is None

    def start(self, *names: str) -> None:
        for name in names:
            self.children[name].start()

    def start_missing(self) -> None:
        self.start(*(name for name in self.children if not self.alive(name)))

    def end(self, *names: str) -> None:
        end_all([self.children[name] for name in names])

    def face(self, name: str) -> int:
        return self.children[name].pid

    def hot_loop(self, name: str) -> int:
        """Of the emulator or the RIC."""
        (pid,) = children_of(self.children[name].pid)
        return pid

    def signal(self, pid: int, number: signal.Signals) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return

    def pids(self) -> dict[str, int]:
        return {name: child.pid for name, child in self.children.items() if self.alive(name)}

    def wait_gone(self, name: str) -> None:
        wait_for(lambda: not self.alive(name), f"{name} has ended", 15.0)
        self.children[name].kill()  # what is left of its group

    # What it says

    def metrics(self, service: str) -> Metrics | None:
        client = LoopbackClient(ports.port_of(service, self.base))
        try:
            return Metrics.parse(client.text("/metrics"))
        except (Unreachable, ValueError):
            return None
        finally:
            client.close()

    def healthy(self, service: str) -> bool:
        client = LoopbackClient(ports.port_of(service, self.base))
        try:
            return client.healthy()
        finally:
            client.close()

    def count(self, service: str, name: str, **labels: str) -> int:
        metrics = self.metrics(service)
        return 0 if metrics is None else metrics.count(name, **labels)

    def slots(self) -> int:
        return self.count("emulator", "hiso_slots_total")

    def decided(self, name: str) -> int:
        return self.count(name, "hiso_xapp_decisions_total")

    def served(self) -> int:
        """Users of eMBB that were served by their agent's decision."""
        return self.count("emulator", "hiso_decisions_total", slice="embb", source="control")

    def teaches(self, name: str) -> bool:
        """Whether a learner has an agent that it teaches."""
        metrics = self.metrics(name)
        return metrics is not None and metrics.total("hiso_learner_loss") is not None

    # Waiting

    def wait_in_service(self) -> None:
        """Until from now on every agent decides, eMBB is served by its agent, and every learner has its agent."""
        waiting = {name: self.service_of(name) for name in self.children}
        for name, in_service in waiting.items():
            wait_for(in_service, f"{name} is in service", words=self.words)

    def service_of(self, name: str) -> Callable[[], bool]:
        """Whether a process does its work from now on: the node and the RIC that an agent's decisions arrive, a slice's
        agent that it decides, the budgets' that it serves a node, a learner that it has an agent."""
        if name in {"emulator", "ric"}:
            return _grows(self.served)
        if name in SLICE_XAPPS:
            return _grows(partial(self.decided, name))
        if name == "xapp-inter":
            return self._serves_budgets
        return partial(self.teaches, name)

    def _serves_budgets(self) -> bool:
        client = LoopbackClient(ports.port_of("xapp-inter", self.base))
        try:
            return bool(client.json("/healthz")["nodes"] == 1)
        except Unreachable:
            return False
        finally:
            client.close()

    def words(self) -> dict[str, str]:
        return {name: child.last_words() for name, child in self.children.items()}


def _grows(read: Callable[[], int]) -> Callable[[], bool]:
    """Whether a counter has grown since now; one that begins again at 0 has when it is above 0."""
    lowest = read()

    def grown() -> bool:
        nonlocal lowest
        now = read()
        lowest = min(lowest, now)
        return now > lowest

    return grown
