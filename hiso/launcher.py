"""A whole system of local processes: emulator, RIC, xApps and learners in a run directory of their own."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from hiso import ports
from hiso.loopback import LoopbackClient
from hiso.placement import LEARNER_NICENESS, Placement, emulator_names
from hiso.processes import Child, ProcessFailed, ProcessSpec, describe_exit, end_all
from hiso.run_request import AGENTS, RunRequest
from hiso.runner import weights_reference

HEALTH_TIMEOUT_S = 90.0
MAX_SOCKET_PATH_BYTES = 100
LEARNER_MODULE = "xapps.learner"
_LONGEST_SOCKET_NAME = "learner-urllc"
_POLL_S = 0.05


class PortTaken(RuntimeError):  # noqa: N818 - a state of the machine
    """Ports that the run needs are taken; the message says which and by whom."""


def make_run_dir() -> Path:
    """A fresh directory whose unix sockets have paths short enough for the kernel (below 100 bytes)."""
    for parent in (None, "/tmp"):
        path = Path(tempfile.mkdtemp(prefix="hiso-", dir=parent))
        if len(bytes(path / _LONGEST_SOCKET_NAME)) < MAX_SOCKET_PATH_BYTES:
            return path
        path.rmdir()
    raise OSError("run directory: no place with a path below 100 bytes; set TMPDIR to one")


def services_of(request: RunRequest) -> tuple[str, ...]:
    """Names of the processes of a run, in the order of `ports.OFFSETS`."""
    agents = tuple(f"learner-{agent}" for agent in request.learning_agents)
    return (*emulator_names(request.cells), "ric", *_xapps_of(request), *agents)


def _xapps_of(request: RunRequest) -> tuple[str, ...]:
    return tuple(f"xapp-{agent}" for agent in AGENTS if agent not in request.left_out)


def check_ports(request: RunRequest, port_base: int) -> None:
    """Whether every port of a run is free.

    Raises:
        PortTaken: naming port, service, holder and the way out.
    """
    lines = []
    for service in (*services_of(request), "e2"):
        port = ports.port_of(service, port_base)
        if ports.taken(port):
            holder = ports.holder(port)
            lines.append(f"port {port} ({service}) is taken" + (f" by {holder}" if holder else ""))
    if lines:
        lines.append(f"choose other ports with --port-base N ({ports.MIN_PORT_BASE}..{ports.MAX_PORT_BASE})")
        raise PortTaken("\n".join(lines))


class Plan:
    """What each process of a run is told."""

    def __init__(self, request: RunRequest, placement: Placement, port_base: int, run_dir: Path) -> None:
        """Sockets, logs and files go into `run_dir`; raises WeightsError."""
        self.request = request
        self.placement = placement
        self.port_base = port_base
        self.run_dir = run_dir
        self.scenario_path = run_dir / "scenario.yaml"
        self.timeline_path = run_dir / "timeline.yaml"
        self._trained = request.weights()

    def specs(self) -> list[ProcessSpec]:
        """Every process, in the order of start."""
        xapps = [self._xapp(name) for name in _xapps_of(self.request)]
        learners = [self._learner(agent) for agent in self.request.learning_agents]
        emulators = [self._emulator(cell, name) for cell, name in enumerate(emulator_names(self.request.cells))]
        return [self._ric(), *learners, *xapps, *emulators]

    def summary_path(self, cell: int) -> Path:
        """Where the emulator of a cell leaves its summary."""
        return self.run_dir / f"summary-{cell}.json"

    def write_scenario(self) -> None:
        """The resolved scenario and the timeline as files: what every process is told is what was checked."""
        data = self.request.scenario.model_dump(mode="json")
        self.scenario_path.write_text(yaml.safe_dump(data, sort_keys=False))
        events = [event.record() for event in self.request.timeline]
        self.timeline_path.write_text(yaml.safe_dump(events, sort_keys=False))

    def _port(self, service: str) -> int:
        return ports.port_of(service, self.port_base)

    def _hot(self, name: str) -> tuple[str, ...]:
        arguments: list[str] = []
        if name in self.placement.hot_cores:
            arguments += ["--cpu", str(self.placement.hot_cores[name])]
        if self.placement.fifo_priority is not None:
            arguments += ["--fifo", str(self.placement.fifo_priority)]
        return tuple(arguments)

    def _face(self) -> tuple[str, ...]:
        core = self.placement.face_core
        return () if core is None else ("--face-cpu", str(core))

    def _spec(self, name: str, module: str, *arguments: str) -> ProcessSpec:
        return ProcessSpec(name, module, arguments, self._port(name))

    @property
    def bus(self) -> str:
        """Endpoint of the RIC's xApp bus."""
        return f"ipc://{self.run_dir}/bus"

    def _emulator(self, cell: int, name: str) -> ProcessSpec:
        request = self.request
        length = () if request.slots is None else ("--slots", str(request.slots))
        return self._spec(
            name,
            "ran_emulator",
            *("--cell", str(cell), "--gnb-id", str(cell + 1)),
            *("--scenario", str(self.scenario_path)),
            *("--timeline", str(self.timeline_path)),
            *("--seed", str(request.seed)),
            *("--clock", request.clock.name),
            *("--control-delay-slots", str(request.control_delay_slots)),
            *length,
            *("--e2", f"unix:{self.run_dir}/e2"),
            *("--http-host", "127.0.0.1", "--http-port", str(self._port(name))),
            *("--run-dir", str(self.run_dir / f"cell-{cell}")),
            *self._awaited(),
            *("--summary", str(self.summary_path(cell))),
            *self._hot(name),
            *self._face(),
        )

    def _awaited(self) -> tuple[str, ...]:
        """What the first slot waits for; the node decides by its defaults until somebody takes a place left out."""
        agents = [agent for agent in AGENTS if agent not in self.request.left_out]
        claims = ",".join("budgets" if agent == "inter" else agent for agent in agents)
        return ("--await", claims) if claims else ()

    def _ric(self) -> ProcessSpec:
        return self._spec(
            "ric",
            "near_rt_ric",
            *("--e2-listen", f"unix:{self.run_dir}/e2"),
            *("--e2-listen", f"127.0.0.1:{self._port('e2')}"),
            *("--bus", self.bus),
            *("--http-host", "127.0.0.1", "--http-port", str(self._port("ric"))),
            *("--store", str(self.run_dir / "ric.sqlite")),
            *("--run-dir", str(self.run_dir)),
            *self._hot("ric"),
            *self._face(),
        )

    def _xapp(self, name: str) -> ProcessSpec:
        request = self.request
        agent = name.removeprefix("xapp-")
        if agent == "inter":
            module = "xapps.inter_slice"
            what: tuple[str, ...] = ("--policy", request.scheduler.inter, "--trigger", request.scheduler.trigger)
        else:
            module = "xapps.intra_slice"
            what = ("--slice", agent, "--policy", request.scheduler.intra)
        return self._spec(
            name,
            module,
            *("--bus", self.bus),
            *what,
            *("--seed", str(request.seed)),
            *(("--set-agents", *changed) if (changed := request.scheduler.options.assignments()) else ()),
            *self._weights(agent),
            *self._learning(agent),
            *("--metrics-host", "127.0.0.1", "--metrics-port", str(self._port(name))),
            *self._hot(name),
        )

    def _weights(self, agent: str) -> tuple[str, ...]:
        if self.request.from_scratch:
            return ("--from-scratch",)
        weights = self._trained.inter if agent == "inter" else self._trained.intra
        if weights is None:
            return ()
        request = self.request
        if request.weights_folder is None:
            return ("--weights", weights.weights_id)
        variant, delay = weights.metadata.variant, request.control_delay_slots
        return ("--weights", weights_reference(request.scenario, variant, delay, request.weights_folder.absolute()))

    def _learning(self, agent: str) -> tuple[str, ...]:
        if agent not in self.request.learning_agents:
            return ()
        return ("--learn", "--learner", self._learner_endpoint(agent))

    def _learner_endpoint(self, agent: str) -> str:
        return f"ipc://{self.run_dir}/learner-{agent}"

    def _learner(self, agent: str) -> ProcessSpec:
        scheduler = self.request.scheduler
        name = f"learner-{agent}"
        return ProcessSpec(
            name,
            LEARNER_MODULE,
            (
                *("--agent", agent),
                *("--policy", scheduler.inter if agent == "inter" else scheduler.intra),
                *("--seed", str(self.request.seed)),
                *("--listen", self._learner_endpoint(agent)),
                *self._weights(agent),
                *("--metrics-host", "127.0.0.1", "--metrics-port", str(self._port(name))),
            ),
            self._port(name),
            niceness=LEARNER_NICENESS if self.request.clock.speed is not None else 0,
            cores=self.placement.learner_cores,
        )


class LocalSystem:
    """The processes of one run, from start to summary."""

    def __init__(self, plan: Plan) -> None:
        """Nothing is started yet."""
        self.plan = plan
        self.children = [Child(spec, plan.run_dir) for spec in plan.specs()]
        self._emulators = self.children[-plan.request.cells :]
        self._given_up: list[Child] = []
        self._clients = {child.spec.name: LoopbackClient(child.spec.http_port) for child in self.children}

    @property
    def finished(self) -> bool:
        """Whether a run of given length has come to its end."""
        return all(self._at_its_end(emulator) for emulator in self._emulators)

    def _at_its_end(self, child: Child) -> bool:
        """Whether this is an emulator that has run all its slots."""
        return child in self._emulators and self.plan.request.slots is not None and child.exit_code() == 0

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by service."""
        return {child.spec.name: child.pid for child in self.children}

    def start(self, keep_waiting: Callable[[], bool]) -> bool:
        """Start everything; the emulators, whose clocks wait for nobody, when the others can serve.

        Args:
            keep_waiting: asked while waiting; False ends the start, with False returned.

        Raises:
            ProcessFailed: a process ends, or cannot serve in time.
        """
        self.plan.write_scenario()
        others = self.children[: -len(self._emulators)]
        for child in others:
            child.start()
        if not self._wait_healthy(others, keep_waiting):
            return False
        for emulator in self._emulators:
            emulator.start()
        return self._wait_healthy(self._emulators, keep_waiting)

    def supervise(self) -> list[str]:
        """Start again what has died; a line about each. Learners that cannot be kept alive are left dead: agents go on.

        Raises:
            ProcessFailed: something else cannot be kept alive, or refuses its arguments.
        """
        lines = []
        for child in self.children:
            code = child.exit_code()
            if code is None or child in self._given_up or self._at_its_end(child):
                continue
            if code == 2:
                raise ProcessFailed(f"{child.spec.name} refuses its arguments: {child.last_words()}")
            try:
                child.restart()
            except ProcessFailed as failure:
                if child.spec.module != LEARNER_MODULE:
                    raise
                self._given_up.append(child)
                lines.append(f"{failure}; the agent goes on without it")
            else:
                lines.append(f"{child.spec.name} died ({describe_exit(code)}): started again")
        return lines

    def stop(self) -> list[str]:
        """End everything, the emulators first: their summaries hold no slot without agents; who had to be killed."""
        for client in self._clients.values():
            client.close()
        return end_all(self._emulators) + end_all(self.children)

    def kill(self) -> None:
        """End everything at once."""
        for child in self.children:
            child.kill()

    def summaries(self) -> list[dict[str, Any]] | None:
        """What the emulators wrote at their end, cell by cell; None where one was killed before."""
        try:
            return [json.loads(self.plan.summary_path(cell).read_text()) for cell in range(len(self._emulators))]
        except (OSError, ValueError):
            return None

    def _wait_healthy(self, children: list[Child], keep_waiting: Callable[[], bool]) -> bool:
        waiting = list(children)
        deadline_s = time.monotonic() + HEALTH_TIMEOUT_S
        while waiting:
            if not keep_waiting():
                return False
            waiting = [child for child in waiting if not self._can_serve(child)]
            if waiting and time.monotonic() > deadline_s:
                names = ", ".join(child.spec.name for child in waiting)
                raise ProcessFailed(f"{names} cannot serve after {HEALTH_TIMEOUT_S:g} s: {waiting[0].last_words()}")
            time.sleep(_POLL_S)
        return True

    def _can_serve(self, child: Child) -> bool:
        code = child.exit_code()
        if self._at_its_end(child):
            return True
        if code is not None:
            raise ProcessFailed(f"{child.spec.name} ended ({describe_exit(code)}): {child.last_words()}")
        return self._clients[child.spec.name].healthy()


def discard_run_dir(run_dir: Path) -> None:
    """Remove a run directory and all in it."""
    shutil.rmtree(run_dir, ignore_errors=True)
