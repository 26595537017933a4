"""Placement, ports, processes: what runs where, and that nothing outlives its parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiso import launcher, ports
from hiso.bench import system_run
from hiso.commands import up
from hiso.launcher import LocalSystem, Plan, make_run_dir
from hiso.placement import HOT_LOOPS, emulator_names, fifo_allowed, place, spread
from hiso.processes import RESTART_LIMIT, Child, ProcessFailed, ProcessSpec, end_all
from hiso.run_request import RequestError, RunRequest, make_request
from service_kit.signals import Stop
from xapps.slicing.weights import WeightsError

SLEEPER = "import signal, time\nprint('ready', flush=True)\ntime.sleep(60)\n"
STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready', flush=True)\ntime.sleep(60)\n"
)
PLACED = "import os; print(os.sched_getaffinity(0), os.nice(0))"
PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("ready", flush=True)
time.sleep(60)
"""


def request(**changes: object) -> RunRequest:
    fields: dict[str, object] = {
        "scenario": "base",
        "scheduler": "gga",
        "seed": 1,
        "slots": 100,
        "clock": "lockstep",
    }
    return make_request(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], ProcessSpec]:
    """Makes a process out of a program text."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)

    def make(name: str, text: str) -> ProcessSpec:
        (tmp_path / f"{name}.py").write_text(text)
        return ProcessSpec(name, name, (), http_port=0)

    return make


def wait_for(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def ready(child: Child) -> Callable[[], bool]:
    return lambda: child.log_path.exists() and "ready" in child.log_path.read_text()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children_of(pid: int) -> list[int]:
    text = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(word) for word in text.split()]


class TestPlacement:
    def test_one_core_has_everything(self) -> None:
        placement = place((3,), urgent=True, fifo=True)
        assert set(placement.hot_cores.values()) == {placement.face_core} == {3}

    def test_lockstep_takes_no_fifo(self) -> None:
        assert place((0, 1), urgent=False, fifo=True).fifo_priority is None

    def test_two_cores_share_the_load(self) -> None:
        placement = place((2, 5), urgent=True, fifo=True)
        by_core = {core: {name for name in HOT_LOOPS if placement.hot_cores[name] == core} for core in (2, 5)}
        assert by_core == {2: {"emulator", "xapp-urllc", "xapp-vonr"}, 5: {"ric", "xapp-embb", "xapp-inter"}}
        assert placement.fifo_priority is not None
        where = "emulator and xApps (urllc, vonr) on core 2, RIC and xApps (embb, inter) on core 5"
        assert placement.description == f"placement: {where}; SCHED_FIFO 10"

    def test_emulators_of_several_cells_have_a_core_without_xapps(self) -> None:
        placement = place((2, 5), urgent=True, fifo=True, cells=2)
        assert {name for name, core in placement.hot_cores.items() if core == 2} == {"emulator", "emulator-1"}
        assert "emulator on core 2, RIC and xApps on core 5;" in placement.description

    def test_normal_priority_is_said_so_where_fifo_is_refused(self) -> None:
        placement = place((0, 1), urgent=True, fifo=False)
        assert placement.fifo_priority is None
        assert "so normal priority" in placement.description

    def test_a_system_without_pinning_is_said_so(self) -> None:
        placement = place((), urgent=True, fifo=False)
        assert placement.hot_cores == {}
        assert placement.face_core is None
        assert "not pinned" in placement.description

    @given(
        st.sets(st.integers(0, 255), min_size=1, max_size=64).map(lambda cores: tuple(sorted(cores))),
        st.booleans(),
        st.booleans(),
    )
    def test_every_hot_loop_is_on_an_allowed_core(self, cores: tuple[int, ...], urgent: bool, fifo: bool) -> None:
        placement = place(cores, urgent=urgent, fifo=fifo)
        assert set(placement.hot_cores) == set(HOT_LOOPS)
        assert set(placement.hot_cores.values()) <= set(cores)
        assert placement.face_core in cores
        assert not placement.learner_cores & set(placement.hot_cores.values())
        if len(cores) > 2:
            # Faces and learners never share a core with a hot loop where there are cores enough.
            assert placement.face_core not in placement.hot_cores.values()

    def test_physical_cores_come_before_their_second_threads(self) -> None:
        pairs = {core: frozenset({core // 2 * 2, core // 2 * 2 + 1}) for core in range(8)}
        assert spread(pairs) == (0, 2, 4, 6, 1, 3, 5, 7)
        # Of a core whose first thread may not be used, the second one is as good.
        assert spread({core: pairs[core] for core in (1, 2, 3)}) == (1, 2, 3)
        apart = {core: frozenset({core % 4, core % 4 + 4}) for core in range(8)}
        assert spread(apart) == tuple(range(8))

    def test_with_cores_enough_every_hot_loop_has_its_own(self) -> None:
        placement = place(tuple(range(7)), urgent=True, fifo=True)
        assert len(set(placement.hot_cores.values())) == len(HOT_LOOPS)
        assert placement.face_core == 6
        assert placement.learner_cores == {6}

    def test_further_cells_take_further_cores_and_leave_one_for_the_rest(self) -> None:
        def cores_of(cores: int) -> list[int]:
            placement = place(tuple(range(cores)), urgent=True, fifo=True, cells=3)
            assert placement.face_core == cores - 1 or cores == 2
            return [placement.hot_cores[name] for name in emulator_names(3)]

        assert cores_of(9) == [0, 6, 7]
        assert cores_of(8) == [0, 6, 0]
        assert cores_of(7) == cores_of(2) == [0, 0, 0]

    def test_fifo_is_tried_not_guessed(self) -> None:
        code = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))"
        tried = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
        assert fifo_allowed() == tried
        assert os.sched_getscheduler(0) == os.SCHED_OTHER


class TestPorts:
    def test_holder_names_process_and_command(self) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            port = listener.getsockname()[1]
            assert ports.taken(port)
            assert ports.holder(port).startswith(f"pid {os.getpid()} (")
        assert not ports.taken(port)

    def test_offsets_are_unique(self) -> None:
        assert len(set(ports.OFFSETS.values())) == len(ports.OFFSETS)


class TestProcesses:
    def test_a_process_is_asked_to_end(self, module: Callable[[str, str], ProcessSpec], tmp_path: Path) -> None:
        child = Child(module("sleeper", SLEEPER), tmp_path)
        child.start()
        wait_for(ready(child))
        assert (os.getpgid(child.pid), os.getsid(child.pid)) == (child.pid, os.getsid(0))
        assert end_all([child]) == []
        assert child.exit_code() == -signal.SIGTERM

    def test_it_runs_where_it_was_told_and_nothing_runs_between_fork_and_exec(
        self, module: Callable[[str, str], ProcessSpec], tmp_path: Path
    ) -> None:
        forks_with_python: list[None] = []
        os.register_at_fork(before=lambda: forks_with_python.append(None))
        core = max(os.sched_getaffinity(0))
        spec = replace(module("placed", PLACED), niceness=3, cores=frozenset({core}))
        child = Child(spec, tmp_path)
        child.start()
        wait_for(lambda: child.exit_code() is not None)
        assert child.last_words() == f"{{{core}}} {min(os.nice(0) + 3, 19)}"
        assert not forks_with_python

    def test_a_stubborn_process_is_killed_and_named(
        self, module: Callable[[str, str], ProcessSpec], tmp_path: Path
    ) -> None:
        child = Child(module("stubborn", STUBBORN), tmp_path)
        child.start()
        wait_for(ready(child))
        assert end_all([child], grace_s=0.2) == ["stubborn"]
        assert child.exit_code() == -signal.SIGKILL

    def test_what_a_killed_process_leaves_behind_is_ended(
        self, module: Callable[[str, str], ProcessSpec], tmp_path: Path
    ) -> None:
        child = Child(module("parent", PARENT), tmp_path)
        child.start()
        wait_for(ready(child))
        (grandchild,) = children_of(child.pid)
        os.kill(child.pid, signal.SIGKILL)
        wait_for(lambda: child.exit_code() is not None)
        child.restart()
        wait_for(lambda: not alive(grandchild))
        end_all([child])

    def test_a_process_that_keeps_dying_is_given_up_with_its_last_words(
        self, module: Callable[[str, str], ProcessSpec], tmp_path: Path
    ) -> None:
        child = Child(module("mortal", "raise SystemExit('no luck')"), tmp_path)
        child.start()
        for _ in range(RESTART_LIMIT - 1):
            wait_for(lambda: child.exit_code() is not None)
            child.restart()
        wait_for(lambda: child.exit_code() is not None)
        with pytest.raises(ProcessFailed, match="mortal died 5 times in 10 s: no luck"):
            child.restart()

    def test_a_learner_that_keeps_dying_is_left_dead_and_the_rest_goes_on(
        self, module: Callable[[str, str], ProcessSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(launcher, "LEARNER_MODULE", "mortal")
        placement = place((0, 1), urgent=False, fifo=False)
        system = launcher.LocalSystem(Plan(request(), placement, 26_400, tmp_path))
        child = Child(module("mortal", "raise SystemExit('no luck')"), tmp_path)
        system.children = [child]
        child.start()
        told: list[str] = []

        def given_up() -> bool:
            told.extend(system.supervise())
            return len(told) >= RESTART_LIMIT

        wait_for(given_up)
        assert told[-1] == "mortal died 5 times in 10 s: no luck; the agent goes on without it"
        assert [system.supervise() for _ in range(3)] == [[], [], []]

    @pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
    def test_children_end_with_a_parent_that_is_killed(
        self, module: Callable[[str, str], ProcessSpec], tmp_path: Path
    ) -> None:
        module("sleeper", SLEEPER)
        program = (
            "import pathlib, sys, time\n"
            "from hiso.processes import Child, ProcessSpec\n"
            f"child = Child(ProcessSpec('sleeper', 'sleeper', (), 0), pathlib.Path({str(tmp_path)!r}))\n"
            "child.start()\nprint(child.pid, flush=True)\ntime.sleep(60)\n"
        )
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            assert alive(pid)
            parent.kill()
        wait_for(lambda: not alive(pid))


class TestPlan:
    def test_sockets_have_short_paths(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        deep = tmp_path / ("x" * 120)
        deep.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(deep))
        run_dir = make_run_dir()
        assert len(str(run_dir / "learner-urllc")) < 100
        run_dir.rmdir()

    def test_only_what_learns_has_a_learner(self, tmp_path: Path) -> None:
        learning = request(scheduler="hiso-coma", intra="slnr", learn=True, from_scratch=True)
        placement = place((0, 1), urgent=False, fifo=True)
        specs = {spec.name: spec for spec in Plan(learning, placement, 26_400, tmp_path).specs()}
        assert [name for name in specs if name.startswith("learner")] == ["learner-inter"]
        assert "--learn" in specs["xapp-inter"].arguments
        assert "--learn" not in specs["xapp-embb"].arguments

    def test_each_cell_has_an_emulator_with_ports_and_files_of_its_own(self, tmp_path: Path) -> None:
        several = request(cells=4)
        placement = place((0, 1), urgent=False, fifo=True)
        specs = [s for s in Plan(several, placement, 26_400, tmp_path).specs() if s.module == "ran_emulator"]
        assert [(spec.name, spec.http_port) for spec in specs] == [
            ("emulator", 26_400), ("emulator-1", 26_402), ("emulator-2", 26_403), ("emulator-3", 26_404),
        ]  # fmt: skip
        for flag in ("--cell", "--gnb-id", "--run-dir", "--summary"):
            assert len({spec.arguments[spec.arguments.index(flag) + 1] for spec in specs}) == 4, flag

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"cells": 0}, "cells: must be 1..4"),
            ({"cells": 5}, "cells: must be 1..4"),
            ({"cells": 2, "learn": True, "scheduler": "hiso-coma"}, "cells: agents learn from one cell"),
        ],
    )
    def test_cells_that_cannot_be_are_refused(self, changes: dict[str, object], named: str) -> None:
        with pytest.raises(RequestError, match=named):
            request(**changes)

    def test_d_follows_clock_scenario_and_command_line(self) -> None:
        assert request().control_delay_slots == 0
        assert request(clock="realtime").control_delay_slots == 2
        assert request(clock="2x").control_delay_slots == 4
        assert request(clock="0.25x").control_delay_slots == 2
        assert request(overrides=["control_delay_slots=3"]).control_delay_slots == 3
        assert request(overrides=["control_delay_slots=3"], control_delay="1").control_delay_slots == 1


@pytest.mark.parametrize(
    ("room", "run"),
    [
        (up, lambda: up.LiveRun(request(), ports.DEFAULT_PORT_BASE, None, live=False).run()),
        (system_run, lambda: system_run.run_system(request(), ports.DEFAULT_PORT_BASE, Stop())),
    ],
    ids=["up", "bench"],
)
def test_weights_that_cannot_be_leave_no_run_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, room: ModuleType, run: Callable[[], object]
) -> None:
    def refuse(*_arguments: object) -> None:
        raise WeightsError("weights: missing")

    def make_run_dir() -> Path:
        made.mkdir()
        return made

    made = tmp_path / "run"
    monkeypatch.setattr(room, "make_run_dir", make_run_dir)
    monkeypatch.setattr(room, "Plan", refuse)
    with pytest.raises(WeightsError):
        run()
    assert not made.exists()


def test_who_will_not_wait_for_the_end_ends_everything_at_once() -> None:
    class Hanging:
        killed = False

        def stop(self) -> None:
            raise KeyboardInterrupt

        def kill(self) -> None:
            self.killed = True

    system = Hanging()
    with pytest.raises(KeyboardInterrupt):
        up.LiveRun._end(cast(LocalSystem, system))
    assert system.killed


def test_a_slower_clock_for_which_there_are_no_weights_ends_the_run_with_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(slowed: RunRequest) -> None:
        assert slowed.control_delay_slots == 0
        raise WeightsError("weights: mine-d0 is missing")

    run = up.LiveRun(request(clock="0.25x"), ports.DEFAULT_PORT_BASE, None, live=False)
    monkeypatch.setattr(RunRequest, "weights", missing)
    with pytest.raises(ProcessFailed, match=r"clock 0\.25x, and with lockstep: weights: mine-d0 is missing"):
        run._slow_down("5 % late")
