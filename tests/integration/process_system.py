"""A whole system of real processes that a test starts, stops and kills one by one: nobody restarts what dies."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from free_ports import free_port_base

from hiso import ports
from hiso.bench.cpu_time import children_of
from hiso.launcher import Plan, make_run_dir
from hiso.loopback import LoopbackClient, Unreachable
from hiso.monitor import Metrics
from hiso.placement import allowed_cores, fifo_allowed, place
from hiso.processes import Child, end_all
from hiso.run_request import make_request

START_TIMEOUT_S = 90.0
XAPPS = ("xapp-inter", "xapp-vonr", "xapp-embb", "xapp-urllc")


def wait_for(condition: Callable[[], Any], what: str, timeout_s: float = START_TIMEOUT_S) -> Any:
    deadline_s = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline_s, what
        time.sleep(0.02)
    return found


class ProcessSystem:
    """Emulator, RIC, xApps and learners of one run."""

    def __init__(self, *, clock: str, scheduler: str, learn: bool) -> None:
        request = make_request(
            scenario="base",
            overrides=[],
            scheduler=scheduler,
            inter=None,
            intra=None,
            trigger=None,
            seed=1,
            duration_s=None,
            slots=None,
            clock=clock,
            control_delay="auto",
            learn=learn,
            from_scratch=False,
        )
        placement = place(
            allowed_cores(),
            control_delay_slots=request.control_delay_slots,
            urgent=request.clock.speed is not None,
            fifo=fifo_allowed(),
            learning=learn,
        )
        self.base = free_port_base()
        self.run_dir = make_run_dir()
        plan = Plan(request, placement, self.base, self.run_dir)
        plan.write_scenario()
        self.children = {spec.name: Child(spec, self.run_dir) for spec in plan.specs()}
        self.learners = tuple(name for name in self.children if name.startswith("learner"))

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

    def end(self) -> None:
        """End every process."""
        end_all(self.children.values())

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

    def learned(self, name: str) -> int:
        return self.count(name, "hiso_learner_updates_total")

    # Waiting

    def wait_in_service(self, *, learning: Iterable[str] = ()) -> None:
        """Until from now on every agent decides, eMBB is served by its agent, and these learners learn."""
        counters: dict[str, Callable[[], int]] = {name: partial(self.decided, name) for name in XAPPS}
        counters["emulator"] = self.served
        counters |= {name: partial(self.learned, name) for name in learning}
        before = {name: read() for name, read in counters.items()}

        def goes_on(name: str) -> bool:
            now = counters[name]()
            before[name] = min(before[name], now)  # its process was started anew
            return now > before[name]

        for name in counters:
            wait_for(partial(goes_on, name), f"{name} goes on: {self.words()}", 60.0)

    def words(self) -> dict[str, str]:
        return {name: child.last_words() for name, child in self.children.items()}
