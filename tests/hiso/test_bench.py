"""`hiso bench`: every figure is there; its parts measure what they say."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from free_ports import free_port_base
from typer.testing import CliRunner

from hiso import ports
from hiso.bench import core, memory, sweep, tables
from hiso.bench.bare_run import FrameSizes, Schedule, run_bare_loop
from hiso.bench.learner_profile import learner_us_per_slot
from hiso.bench.process_usage import children_of, cpu_us_by_process
from hiso.bench.scraper import Scraper
from hiso.bench.suite import NOTHING_ASKED, Lengths
from hiso.bench.system_run import Sample, SystemRun, grown_kb
from hiso.commands import app
from hiso.placement import Placement
from hiso.processes import ProcessFailed
from service_kit.signals import Stop

LEARNING = {"realtime_d2_learn", "realtime_d2_learn_scraped"}
SHORTEST = Lengths(
    core_slots=400,
    step_slots=200,
    learning_slots=50,
    memory_slots=200,
    lockstep_slots=600,
    bare_frames=200,
    realtime_s=2,
    compose_s=1,
)
"""Real time for long enough that CPU time is sampled twice."""
RUNS = {"lockstep_d0", "lockstep_d2", "realtime_2x_d4"} | LEARNING
README = Path(__file__).resolve().parents[2] / "README.md"
GROWTH_SLOTS, MAX_GROWN_BLOCKS = 5_000, 500
"""One block kept in ten slots is a leak: an hour of slots would keep 700,000."""

BURN = "x = 0\nfor i in range(10**7): x += i\nprint('done', flush=True)\ninput()\n"
PARENT = f"import subprocess, sys\nsum(range(3 * 10**6))\nsubprocess.run([sys.executable, '-c', {BURN!r}])\n"
"""It works for longer than a tick of the clock, too."""


SURROUNDINGS = {"DOCKER_HOST": "unix:///nowhere", "COLUMNS": "160"}
"""No engine: containers have a folder of tests of their own."""


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hiso", "bench", "--port-base", str(free_port_base()), *arguments]
    environment = os.environ | SURROUNDINGS
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


def run_with(summary: dict[str, Any]) -> SystemRun:
    return SystemRun(summary, (summary,), placement="", cpu_us_per_slot={}, grown_kb={})


def report_with(**figures: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(tables.aims(fifo=True))
    machine = {"cores": 2, "cpu_model": "", "kernel": "", "sched_fifo": True, "python": "", "grpcio": "", "numba": ""}
    return {
        **nothing,
        "machine": machine,
        "cpu_us_per_slot": {"lockstep_d0": {"ric": 160.4}},
        "grown_kb": {},
        "learner_us_per_slot": {"gradient and Adam": 570.8},
        **figures,
    }


SUMMARY: dict[str, Any] = {
    "slots": 1_000,
    "missed_deadlines": 24,
    "e2_messages": {"slot": {"ric_indication": {"to_ric": 1_200}, "ric_control": {"to_node": 1_190}}},
    "e2_bytes": {"slot": {"ric_indication": {"to_ric": 1_200 * 1_700}, "ric_control": {"to_node": 1_190 * 60}}},
}


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.torch
def test_every_figure_is_there_with_its_aim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hiso.bench.session.QUICK", SHORTEST)
    point = sweep.Point("control_delay_slots", 2)
    monkeypatch.setattr("hiso.bench.sweep.points", lambda **_size: [point])
    arguments = ["--quick", "--sweep", "--port-base", str(free_port_base()), "--json", str(tmp_path / "bench.json")]
    done = CliRunner(env=SURROUNDINGS).invoke(app, ["bench", *arguments])
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "bench.json").read_text())
    assert report["quick"] is True
    for key, aim in tables.aims(fifo=report["machine"]["sched_fifo"]).items():
        assert aim.what in done.stdout
        if report[key] is None:
            # Only a machine that cannot keep up leaves real time without decisions.
            assert key == "compose_missed_fraction" or report["reasons"][key] == NOTHING_ASKED
            assert report["reasons"][key] in done.stdout
        else:
            assert math.isfinite(report[key])
            assert report[key] >= 0
    assert report["loop_over_bare_p50"] == report["loop_latency_p50_ms"] / report["bare_loop_p50_ms"]
    assert report["bare_loop_p50_ms"] <= report["bare_loop_p99_ms"]
    assert report["bare_realtime_missed_fraction"] <= 1
    assert report["bare_realtime_2x_missed_fraction"] <= 1
    parts = report["learner_us_per_slot"]
    assert set(parts) > {"states", "rewards of every action", "gradient and Adam", "inter-slice learner"}
    assert sum(parts.values()) > 0
    assert set(report["placement"]) == set(report["cpu_us_per_slot"]) == set(report["grown_kb"]) == RUNS
    for row in report["sweep"]:
        assert (row["axis"], row["value"]) == (point.axis, point.value)
        assert min(row["core_slots_per_s"], row["real_time_factor"], row["utility"]) > 0
        assert all(0 <= ssr <= 1 for ssr in row["ssr"].values())
    assert len(report["sweep"]) == 1
    assert "D 2" in done.stdout
    sampled = {run: processes for run, processes in report["cpu_us_per_slot"].items() if processes}
    assert sampled, "every run was too short for two samples"
    for run, processes in sampled.items():
        assert {"emulator", "emulator-face", "ric", "ric-face", "xapp-embb"} <= set(processes)
        assert ("learner-embb" in processes) == (run in LEARNING)
        assert processes["emulator"] > processes["emulator-face"] or run == "realtime_d2_learn_scraped"
    assert report["scraped_pages_per_s"] > 0
    assert report["scraped_live_messages"] > 0
    assert report["growth"]["slots"] > 0
    assert {"cores", "cpu_model", "kernel", "python", "grpcio", "numba", "sched_fifo"} == set(report["machine"])


def test_a_part_that_fails_costs_its_own_figures_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ends(*_anything: Any) -> SystemRun:
        raise ProcessFailed("xapp-embb ended (exit code 1)")

    monkeypatch.setattr("hiso.bench.session.FULL", SHORTEST)
    monkeypatch.setattr("hiso.bench.suite.run_system", ends)
    monkeypatch.setattr("hiso.bench.suite.start_to_first_kpi_s", lambda *_anything: 1.5)
    arguments = ["--port-base", str(free_port_base()), "--json", str(tmp_path / "bench.json")]
    done = CliRunner(env=SURROUNDINGS).invoke(app, ["bench", *arguments])
    assert done.exit_code == 1
    report = json.loads((tmp_path / "bench.json").read_text())
    assert report["core_slots_per_s"] > 0
    assert report["start_to_first_kpi_s"] == 1.5
    assert report["lockstep_d0_real_time_factor"] is report["bare_realtime_missed_fraction"] is None
    assert report["failed"]["lock-step, D = 2"] == "xapp-embb ended (exit code 1)"
    assert "which failed" in report["failed"]["the bare loop in real time"]
    assert all(f"{part}: {reason}" in done.stderr for part, reason in report["failed"].items())
    assert "cell, compiled whole" in done.stdout


def test_what_cannot_be_written_is_refused_before_anything_runs(tmp_path: Path) -> None:
    done = bench("--json", str(tmp_path / "nowhere" / "bench.json"))
    assert done.returncode == 2
    assert "json:" in done.stderr


def test_a_figure_meets_its_aim_or_not() -> None:
    most = tables.Aim("late", must=0.01, percent=True)
    least = tables.Aim("x real time", must=1.3, aim=1.6, at_least=True)
    assert [most.style(value) for value in (0.01, 0.011)] == ["", "red"]
    assert [least.style(value) for value in (1.6, 1.59, 1.3, 1.29)] == ["", "yellow", "yellow", "red"]
    assert tables.Aim("free").style(1e9) == ""
    assert (most.spoken(most.must), least.spoken(least.aim), least.spoken(None)) == ("<= 1 %", ">= 1.6", "")
    assert tables.Aim("slots/s", aim=40_000, at_least=True).text(40_000) == "40,000"


def test_late_shares_are_judged_by_what_was_in_force() -> None:
    learning = ("realtime_missed_fraction", "realtime_missed_fraction_scraped")
    assert [tables.aims(fifo=True)[key].must for key in learning] == [0.01, 0.01]
    assert [tables.aims(fifo=False)[key].must for key in learning] == [0.06, 0.06]
    assert "normal priority" in tables.aims(fifo=False)["realtime_missed_fraction"].what


def test_the_markdown_table_holds_every_figure_and_the_cpu_time() -> None:
    shown = tables.markdown(report_with(lockstep_d0_real_time_factor=1.4)).splitlines()
    assert "| lock-step, D = 0 (x real time) | 1.4 | >= 1.3 | >= 1.6 |" in shown
    assert "| lock-step, D = 2 (x real time) | - | >= 2.5 | >= 3.5 |" in shown
    assert "| CPU a slot at D = 0: ric (us) | 160 |  |  |" in shown
    assert "| learning, CPU a slot: gradient and Adam (us) | 570.8 |  |  |" in shown
    assert len([line for line in shown if line.startswith("|")]) == 2 + len(tables.aims(fifo=True)) + 2


def test_the_readmes_table_is_the_one_that_is_printed() -> None:
    rows = [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in README.read_text().splitlines()]
    shown = {row[0]: row[2:] for row in rows if len(row) == 4}
    aims = tables.aims(fifo=any("SCHED_FIFO" in what for what in shown))
    bounds = {aim.what: [aim.spoken(aim.must), aim.spoken(aim.aim)] for aim in aims.values()}
    assert {what: shown.get(what) for what in bounds} == bounds


def test_late_decisions_are_told_per_decision_asked_for() -> None:
    assert run_with(SUMMARY).missed_fraction == 24 / 1_200
    assert run_with({**SUMMARY, "e2_messages": {}}).missed_fraction is None


def test_the_bare_loop_has_the_sizes_of_the_real_one() -> None:
    assert FrameSizes.of(run_with(SUMMARY)) == FrameSizes(1_700, 60, 1.2)
    # Slots in which nobody has anything to send have no frame.
    assert FrameSizes.of(run_with({**SUMMARY, "slots": 10_000})).observations_per_frame == 1.0


@pytest.mark.slow
@pytest.mark.parametrize(("delay_slots", "late"), [(1_000, 0.0), (0, 1.0)])
def test_echoes_of_a_schedule_are_late_by_their_deadline_alone(delay_slots: int, late: float) -> None:
    nowhere = Placement({}, None, frozenset(), None, description="")
    schedule = Schedule(slot_s=1e-3, control_delay_slots=delay_slots)
    found = run_bare_loop(FrameSizes(1_700, 60, 1.2), nowhere, 300, Stop(), schedule)
    assert found == {"missed_fraction": late}


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_cpu_time_is_that_of_the_hot_loop_not_of_its_face() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as face:
        assert face.stdout is not None
        assert face.stdout.readline() == b"done\n"
        assert len(children_of(face.pid)) == 1
        spent = cpu_us_by_process({"emulator": face.pid})
        assert spent["emulator"] > spent["emulator-face"] > 0
        face.communicate(b"\n")


def test_memory_has_grown_between_samples_that_hold_every_process() -> None:
    cpu = {"ric": 1.0, "emulator": 1.0}
    samples = [Sample(slot, cpu, {"ric": 10.0 + slot, "emulator": 5.0}) for slot in range(4)]
    ended_meanwhile = Sample(4, cpu, {"ric": 99.0})
    gone = Sample(5, {"ric": 1.0}, {"ric": 99.0})
    assert grown_kb([*samples, ended_meanwhile, gone]) == {"ric": 2.0, "emulator": 0.0}


@pytest.mark.slow
def test_every_part_of_the_learners_takes_time() -> None:
    parts = learner_us_per_slot(2_000)  # with the end of a second, of which the inter-slice level learns
    assert min(parts.values()) > 0
    assert sum(parts.values()) < 20_000
    assert parts["gradient and Adam"] > parts["states"]


def test_of_several_cells_the_slowest_is_told() -> None:
    cells = [
        {"real_time_factor": factor, "loop_latency_ms": {"p50": p50_ms}}
        for factor, p50_ms in ((1.5, 0.3), (1.2, None), (1.4, 0.5))
    ]
    run = SystemRun({}, tuple(cells), placement="", cpu_us_per_slot={}, grown_kb={})
    assert (run.real_time_factor, run.loop_latency_p50_ms) == (1.2, 0.5)


def test_a_slot_a_call_is_the_same_work() -> None:
    slots = 2_300  # beyond the end of a second
    whole, stepped, one_a_call = (core.make_runner(None, compiled=compiled) for compiled in (True, False, True))
    whole.advance(slots)
    stepped.advance(slots)
    for _ in range(slots):
        one_a_call.advance(1)
    assert whole.cell.slot == stepped.cell.slot == one_a_call.cell.slot == slots
    trace = whole.cell.trace_sha256()
    assert stepped.cell.trace_sha256() == one_a_call.cell.trace_sha256() == trace
    assert whole.result().summary["decision_source"]["control"] > 0


@pytest.mark.slow
def test_the_hot_loops_keep_nothing_of_consequence() -> None:
    grown = memory.growth(GROWTH_SLOTS)
    node, agent = grown["node_blocks"], grown["agent_blocks"]
    assert node is not None
    assert agent is not None
    assert max(node, agent) < MAX_GROWN_BLOCKS


def test_the_loop_whose_growth_is_measured_decides_every_slot_in_time() -> None:
    loop = memory.LoopInProcess()
    loop.serve(400)
    assert loop.missed_deadlines == 0
    assert loop.decisions > 0


class Pages(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/metrics" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_scraper_reads_pages_and_outlives_who_does_not_answer() -> None:
    base = free_port_base()
    server = ThreadingHTTPServer(("127.0.0.1", ports.port_of("ric", base)), Pages)
    server.daemon_threads = True
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        with Scraper(("emulator", "ric"), base) as scraper:
            time.sleep(0.5)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
    assert scraper.pages_per_s > 0
    assert scraper.live_messages == 0


@pytest.mark.parametrize("point", sweep.points(quick=False), ids=lambda point: f"{point.axis}-{point.value}")
def test_every_point_of_the_sweep_can_be_run(point: sweep.Point) -> None:
    request = point.request(10)
    reached = {
        "users": request.scenario.users,
        "antennas": request.scenario.antennas,
        "cells": request.cells,
        "control_delay_slots": request.control_delay_slots,
    }
    assert reached[point.axis] == point.value
    assert {axis: value for axis, value in reached.items() if axis != point.axis} == {
        axis: value
        for axis, value in {"users": 100, "antennas": 128, "cells": 1, "control_delay_slots": 0}.items()
        if axis != point.axis
    }
