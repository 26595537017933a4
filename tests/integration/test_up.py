"""`hiso up` on real processes: it runs, it says what ran, it mends what dies, it leaves nothing behind."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from free_ports import free_port_base

from hiso import ports
from hiso.loopback import LoopbackClient, Unreachable
from hiso.monitor import Metrics

START_TIMEOUT_S = 90.0

pytestmark = pytest.mark.timeout(240)


def wait_for(condition: Callable[[], Any], what: str, timeout_s: float = START_TIMEOUT_S) -> Any:
    deadline_s = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline_s, what
        time.sleep(0.05)


class Up:
    """One `hiso up` in a temporary directory of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.base = free_port_base()
        self.json = folder / "summary.json"
        self.output_path = folder / "output"
        command = [sys.executable, "-m", "hiso", "up", "--port-base", str(self.base), "--json", str(self.json)]
        with self.output_path.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "TMPDIR": str(folder)},
            )

    @property
    def output(self) -> str:
        return self.output_path.read_text(errors="replace")

    def wait(self, timeout_s: float = 180.0) -> dict[str, Any]:
        """Until it ends by itself; its summary."""
        assert self.process.wait(timeout_s) == 0, self.output
        summary: dict[str, Any] = json.loads(self.json.read_text())
        return summary

    def pids(self, word: str = "") -> list[int]:
        """Processes of this run (their command lines name its run directory) whose command line holds `word`."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if f"{self.folder}/hiso-" in line and word in line:
                found.append(int(process.name))
        return found

    def metrics(self, service: str) -> Metrics | None:
        client = LoopbackClient(ports.port_of(service, self.base))
        try:
            return Metrics.parse(client.text("/metrics"))
        except Unreachable:
            return None
        finally:
            client.close()

    def count(self, service: str, name: str, **labels: str) -> int:
        metrics = self.metrics(service)
        return 0 if metrics is None else metrics.count(name, **labels)

    def running(self) -> None:
        """Wait until agents decide, from now on."""

        def decided() -> int:
            return self.count("emulator", "hiso_decisions_total", slice="embb", source="control")

        lowest = decided()

        def deciding() -> bool:
            nonlocal lowest
            assert self.process.poll() is None, self.output
            now = decided()
            lowest = min(lowest, now)  # a new world begins at 0
            return now > lowest + 100

        wait_for(deciding, "the agents decide")


@pytest.fixture(scope="module")
def folders() -> Iterator[Callable[[], Path]]:
    """New folders with short paths; nothing of the runs in them is left at the end."""
    with tempfile.TemporaryDirectory(prefix="up-", dir="/tmp") as parent:
        names = itertools.count()

        def make() -> Path:
            folder = Path(parent) / str(next(names))
            folder.mkdir()
            return folder

        yield make


@pytest.fixture
def up(folders: Callable[[], Path]) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(*arguments: str) -> Up:
        started.append(Up(folders(), *arguments))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()

        def has_ended(run: Up = each) -> bool:
            return not run.pids()

        wait_for(has_ended, "every process of the run has ended", 15.0)


def hiso(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hiso", *arguments], capture_output=True, text=True, check=False, timeout=120
    )


def test_a_lockstep_run_ends_by_itself_and_agrees_with_sim(up: Callable[..., Up], tmp_path: Path) -> None:
    arguments = ("--scheduler", "slnr", "--scenario", "base", "--seed", "5", "--slots", "3000")
    run = up(*arguments, "--clock", "lockstep")
    summary = run.wait()
    assert hiso("sim", *arguments, "--json", str(tmp_path / "sim.json")).returncode == 0
    simulated = json.loads((tmp_path / "sim.json").read_text())
    assert summary["trace_sha256"] == simulated["trace_sha256"]
    assert set(summary) == set(simulated)
    assert summary["clock"] == "lockstep"
    assert summary["control_delay_slots"] == 0
    assert summary["missed_deadlines"] == 0
    assert summary["decision_source"]["held"] == summary["decision_source"]["default"] == 0
    assert summary["e2_bytes"]["slot"]["ric_indication"]["to_ric"] > 0
    assert summary["e2_bytes"]["kpm"]["ric_indication"]["to_ric"] > 0
    assert summary["loop_latency_ms"]["p50"] > 0
    assert run.pids() == []
    assert list(run.folder.glob("hiso-*")) == []


def test_frozen_agents_with_a_control_delay_agree_with_sim(up: Callable[..., Up], tmp_path: Path) -> None:
    world = ("--scheduler", "hiso-coma-tuned", "--scenario", "base", "--seed", "5", "--slots", "2000")
    arguments = (*world, "--control-delay-slots", "2")
    summary = up(*arguments, "--clock", "lockstep", "--no-ui").wait()
    assert hiso("sim", *arguments, "--json", str(tmp_path / "sim.json")).returncode == 0
    simulated = json.loads((tmp_path / "sim.json").read_text())
    assert summary["control_delay_slots"] == simulated["control_delay_slots"] == 2
    assert summary["weights_id"] == simulated["weights_id"]
    assert summary["weights_id"].count("-base-d2-") == 2  # of both levels
    assert summary["trace_sha256"] == simulated["trace_sha256"]
    assert summary["decision_source"]["control"] > 0


def test_several_cells_agree_with_sim_cell_by_cell(up: Callable[..., Up], tmp_path: Path) -> None:
    world = ("--scheduler", "hiso-coma-tuned", "--scenario", "regimes", "--seed", "5", "--slots", "5000")
    arguments = (*world, "--cells", "2")
    run = up(*arguments, "--clock", "lockstep")
    summary = run.wait()
    assert hiso("sim", *arguments, "--json", str(tmp_path / "sim.json")).returncode == 0
    simulated = json.loads((tmp_path / "sim.json").read_text())
    digests = [cell["trace_sha256"] for cell in summary["cells"]]
    assert digests == [cell["trace_sha256"] for cell in simulated["cells"]]
    assert len(set(digests)) == 2
    for key in ("trace_sha256", "slices", "decision_source", "utility", "inter_slice_updates", "trigger_evaluations"):
        assert summary[key] == simulated[key], key
    assert summary["missed_deadlines"] == 0
    assert all(cell["e2_bytes"]["slot"]["ric_indication"]["to_ric"] > 0 for cell in summary["cells"])
    alone = hiso("sim", *arguments[:-2], "--json", str(tmp_path / "alone.json"))
    assert alone.returncode == 0
    assert json.loads((tmp_path / "alone.json").read_text())["trace_sha256"] == digests[0]
    assert "cell 1  " in run.output
    assert run.pids() == []


def test_a_realtime_run_serves_by_its_agents(up: Callable[..., Up]) -> None:
    started_s = time.monotonic()
    run = up("--scheduler", "slnr", "--scenario", "base", "--duration", "3", "--seed", "2")
    summary = run.wait()
    assert 0 < summary["wall_s"] < time.monotonic() - started_s
    assert summary["slots"] == 6_000
    assert summary["inter_slice_updates"] == 1
    assert summary["decision_source"]["control"] > 1_000
    if summary["clock"] != "lockstep":  # a busy machine takes a slower one, and says so
        assert summary["control_delay_slots"] >= 1
        assert summary["wall_s"] > 2.5
    for part in summary["slices"].values():
        for unit in ("packets", "bits"):
            assert part[f"offered_{unit}"] == sum(part[f"{kind}_{unit}"] for kind in ("delivered", "dropped", "queued"))
    assert re.search(r"placement: emulator .*core", run.output)
    assert re.search(r"SSR vonr \S+ embb \S+ urllc", run.output)
    assert run.pids() == []


@pytest.mark.alone
def test_a_clock_that_no_machine_holds_is_given_up_for_one_that_it_does(up: Callable[..., Up]) -> None:
    run = up("--scheduler", "slnr", "--scenario", "high-load", "--clock", "90x", "--duration", "100", "--no-ui")
    wait_for(lambda: "does not hold clock 90x; starting again with realtime" in run.output, "a slower clock", 60.0)
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(30.0) == 0, run.output
    assert run.pids() == []


def test_sigterm_ends_everything_and_leaves_a_summary(up: Callable[..., Up]) -> None:
    run = up("--scheduler", "gga", "--scenario", "base", "--clock", "lockstep", "--no-ui")
    run.running()
    assert len(run.pids()) >= 8  # emulator and RIC are two each, four xApps
    run.process.send_signal(signal.SIGTERM)
    summary = run.wait(30.0)
    assert summary["slots"] > 0
    # The slot that waits when the signal comes is not executed.
    assert summary["decision_source"]["default"] == summary["decision_source"]["held"] == 0
    assert summary["missed_deadlines"] == 0
    assert run.pids() == []
    assert "was killed" not in run.output
    assert "SSR vonr" not in run.output


def test_nothing_outlives_a_killed_launcher(up: Callable[..., Up]) -> None:
    run = up("--scheduler", "gga", "--scenario", "base", "--clock", "lockstep", "--no-ui")
    run.running()
    run.process.kill()
    run.process.wait()
    wait_for(lambda: not run.pids(), "every process of the run has ended", 15.0)


@pytest.fixture(scope="module")
def slow_up(folders: Callable[[], Path]) -> Iterator[Up]:
    """One run, a quarter of real time, for those who only look at it, or mend it again."""
    run = Up(folders(), "--scheduler", "slnr", "--scenario", "base", "--clock", "0.25x", "--no-ui")
    try:
        run.running()
        yield run
        run.process.send_signal(signal.SIGINT)
        run.wait(30.0)
        assert run.pids() == []
        assert "was killed" not in run.output
    finally:
        run.process.kill()


def test_people_can_look_into_e2(slow_up: Up) -> None:
    base = ("--port-base", str(slow_up.base))
    nodes = hiso("e2", "nodes", *base)
    assert re.match(r"00101-1  connected  real time  functions: .*slot", nodes.stdout), nodes.stderr
    everything = hiso("e2", "watch", "--count", "40", *base)
    assert len(everything.stdout.splitlines()) == 40, everything.stderr
    assert "-> RIC indication slot INSERT" in everything.stdout
    assert "<- RIC control request slot" in everything.stdout
    controls = hiso("e2", "watch", "--procedure", "control", "--function", "slot", "--count", "5", *base)
    assert all("RIC control" in line for line in controls.stdout.splitlines())
    full = hiso("e2", "watch", "--raw", "--function", "slot", "--procedure", "indication", "--count", "1", *base)
    assert "decided_slot:" in full.stdout
    doctor = hiso("doctor", *base)
    assert doctor.returncode == 0
    assert f"a near-RT RIC of ours runs at --port-base {slow_up.base}" in doctor.stdout


@pytest.mark.parametrize(
    ("victim", "service"),
    [
        ("--slice embb", "xapp-embb"),
        ("xapps.inter_slice", "xapp-inter"),
        ("near_rt_ric.hot_loop", "ric"),
        ("-m near_rt_ric ", "ric"),
        ("ran_emulator.hot_loop", "emulator"),  # a new world begins
    ],
)
def test_what_dies_is_started_again(slow_up: Up, victim: str, service: str) -> None:
    told = slow_up.output.count(f"{service} died")
    (pid,) = slow_up.pids(victim)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: slow_up.output.count(f"{service} died") == told + 1, "it is started again", 30.0)
    wait_for(lambda: slow_up.count("xapp-embb", "hiso_xapp_connected"), "the agent is connected again", 30.0)
    slow_up.running()


def documented(name: str, folder: Path) -> Path:
    """The xApp of that name in docs/e2.md, as a file."""
    documents = (Path(__file__).parents[2] / "docs" / "e2.md").read_text()
    (example,) = [part for part in re.findall(r"```python\n(.*?)```", documents, re.DOTALL) if f'XApp("{name}"' in part]
    file = folder / f"{name}.py"
    file.write_text(example)
    return file


def test_the_place_of_an_agent_left_out_is_taken_by_the_documented_xapp(up: Callable[..., Up], tmp_path: Path) -> None:
    program, asks_once = documented("two-six-two", tmp_path), documented("once", tmp_path)
    run = up("--leave-out", "inter", "--clock", "0.5x", "--no-ui")
    run.running()
    deploy = ("xapp", "deploy", "two-six-two", "--file", str(program), "--port-base", str(run.base), "--", "{bus}")
    done = hiso(*deploy)
    assert done.returncode == 0, done.stderr
    emulator = LoopbackClient(ports.port_of("emulator", run.base))

    def split_hz() -> list[float]:
        return [item["bandwidth_hz"] for item in emulator.json("/budgets").values()]

    wait_for(lambda: split_hz() == [2e6, 6e6, 2e6], "the budgets are the xApp's", 20.0)
    (bus,) = re.findall(r"bus (ipc:\S+)", run.output)
    once = subprocess.Popen([sys.executable, str(asks_once), bus], stdout=subprocess.PIPE, text=True)
    try:
        assert once.stdout is not None
        assert once.stdout.readline().strip() == "taken"
    finally:
        once.kill()
        once.communicate()
    run.process.send_signal(signal.SIGINT)
    assert run.wait()["config"]["left_out"] == ["inter"]


def test_an_agent_that_nobody_knows_is_not_left_out() -> None:
    done = hiso("up", "--leave-out", "embbb")
    assert done.returncode == 2
    assert "leave-out: must be one of inter, vonr, embb, urllc (given 'embbb')" in done.stderr


@pytest.mark.torch
def test_agents_learn_behind_the_ric_as_in_sim(up: Callable[..., Up], tmp_path: Path) -> None:
    agents = ("--scheduler", "hiso-coma-tuned", "--scenario", "base", "--learn", "--from-scratch")
    arguments = (*agents, "--slots", "500")
    run = up(*arguments, "--clock", "lockstep", "--no-ui")
    wait_for(lambda: run.count("learner-embb", "hiso_learner_updates_total"), "eMBB's agent learns")
    summary = run.wait()
    assert hiso("sim", *arguments, "--json", str(tmp_path / "sim.json")).returncode == 0
    simulated = json.loads((tmp_path / "sim.json").read_text())
    assert summary["trace_sha256"] == simulated["trace_sha256"]
    assert summary["config"]["learn"] is simulated["config"]["learn"] is True
    assert summary["missed_deadlines"] == 0
    assert run.pids() == []


def test_a_timeline_is_made_shown_and_kept(up: Callable[..., Up], tmp_path: Path) -> None:
    timeline = tmp_path / "timeline.yaml"
    timeline.write_text("- {at_s: 0.3, change: hwi, kappa: 1e-2}\n- {at_s: 1, change: regime, index: 2}\n")
    run = up("--scheduler", "slnr", "--clock", "lockstep", "--duration", "4", "--timeline", str(timeline))
    summary = run.wait()
    assert summary["events"] == [
        {"at_slot": 600, "change": "hwi", "kappa": 0.01},
        {"at_slot": 2_000, "change": "regime", "index": 2},
    ]
    assert summary["config"]["timeline"] == summary["events"]
    for line in ("0.3 s  hwi kappa 0.01", "1.0 s  regime index 2"):
        assert run.output.count(line) == 2  # when it was made, and with the result
