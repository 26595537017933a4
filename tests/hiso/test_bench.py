"""`hiso bench`: every figure is there; its parts measure what they say."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from free_ports import free_port_base

from hiso.bench import core, sweep, tables
from hiso.bench.bare_run import FrameSizes
from hiso.bench.cpu_time import children_of, cpu_us_by_process
from hiso.bench.system_run import SystemRun, bench_request

RUNS = {"lockstep_d0", "lockstep_d2", "realtime_d2_learn", "realtime_2x_d4"}
MAY_BE_MISSING = {"compose_missed_fraction", "realtime_missed_fraction"}

BURN = "x = 0\nfor i in range(10**7): x += i\nprint('done', flush=True)\ninput()\n"
PARENT = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])\n"


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hiso", "bench", "--port-base", str(free_port_base()), *arguments]
    # No engine: containers have a folder of tests of their own.
    environment = os.environ | {"DOCKER_HOST": "unix:///nowhere"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=280, env=environment)


def run_with(summary: dict[str, Any]) -> SystemRun:
    return SystemRun(summary, placement="", cpu_us_per_slot={})


SUMMARY: dict[str, Any] = {
    "slots": 1_000,
    "missed_deadlines": 24,
    "e2_messages": {"slot": {"ric_indication": {"to_ric": 1_200}, "ric_control": {"to_node": 1_190}}},
    "e2_bytes": {"slot": {"ric_indication": {"to_ric": 1_200 * 1_700}, "ric_control": {"to_node": 1_190 * 60}}},
}


@pytest.mark.slow
@pytest.mark.torch
def test_every_figure_is_there_with_its_aim(tmp_path: Path) -> None:
    done = bench("--quick", "--json", str(tmp_path / "bench.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "bench.json").read_text())
    assert report["quick"] is True
    for key, aim in tables.AIMS.items():
        assert aim.what in done.stdout
        if report[key] is None:
            assert key in MAY_BE_MISSING
            assert report["reasons"][key] in done.stdout
        else:
            assert math.isfinite(report[key])
            assert report[key] >= 0
    assert report["loop_over_bare_p50"] == report["loop_latency_p50_ms"] / report["bare_loop_p50_ms"]
    assert report["bare_loop_p50_ms"] <= report["bare_loop_p99_ms"]
    assert set(report["placement"]) == set(report["cpu_us_per_slot"]) == RUNS
    sampled = {run: processes for run, processes in report["cpu_us_per_slot"].items() if processes}
    assert sampled, "every run was too short for two samples"
    for run, processes in sampled.items():
        assert {"emulator", "emulator-face", "ric", "ric-face", "xapp-embb"} <= set(processes)
        assert ("learner-embb" in processes) == (run == "realtime_d2_learn")
        assert processes["emulator"] > processes["emulator-face"]
    assert {"cores", "cpu_model", "kernel", "python", "grpcio", "numba", "sched_fifo"} == set(report["machine"])


def test_what_cannot_be_written_is_refused_before_anything_runs(tmp_path: Path) -> None:
    done = bench("--json", str(tmp_path / "nowhere" / "bench.json"))
    assert done.returncode == 2
    assert "json:" in done.stderr


def test_a_figure_meets_its_aim_or_not() -> None:
    most = tables.Aim("late", 0.01, percent=True)
    least = tables.Aim("slots/s", 40_000, at_least=True)
    assert most.met(0.01)
    assert not most.met(0.011)
    assert least.met(40_000)
    assert not least.met(39_999)
    assert tables.Aim("free").met(1e9)
    assert (most.spoken(), least.spoken()) == ("<= 1.00 %", ">= 40,000")


def test_late_decisions_are_told_per_decision_asked_for() -> None:
    assert run_with(SUMMARY).missed_fraction == 24 / 1_200
    assert run_with({**SUMMARY, "e2_messages": {}}).missed_fraction is None


def test_the_bare_loop_has_the_sizes_of_the_real_one() -> None:
    assert FrameSizes.of(run_with(SUMMARY)) == FrameSizes(1_700, 60, 1.2)
    # Slots in which nobody has anything to send have no frame.
    assert FrameSizes.of(run_with({**SUMMARY, "slots": 10_000})).observations_per_frame == 1.0


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_cpu_time_is_that_of_the_hot_loop_not_of_its_face() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as face:
        assert face.stdout is not None
        assert face.stdout.readline() == b"done\n"
        assert len(children_of(face.pid)) == 1
        spent = cpu_us_by_process({"emulator": face.pid})
        assert spent["emulator"] > spent["emulator-face"] > 0
        face.communicate(b"\n")


def test_a_slot_a_call_is_the_same_work() -> None:
    assert core.slots_per_s(200) > 0
    assert core.step_slots_per_s(50) > 0


@pytest.mark.parametrize("point", sweep.points(quick=False), ids=lambda point: f"{point.axis}-{point.value}")
def test_every_point_of_the_sweep_can_be_run(point: sweep.Point) -> None:
    request = bench_request(
        clock="lockstep",
        slots=10,
        scheduler=sweep.SCHEDULER,
        overrides=point.overrides,
        control_delay=point.control_delay,
    )
    reached = {
        "users": request.scenario.users,
        "antennas": request.scenario.antennas,
        "control_delay_slots": request.control_delay_slots,
    }
    assert reached[point.axis] == point.value
    assert {axis: value for axis, value in reached.items() if axis != point.axis} == {
        axis: value
        for axis, value in {"users": 100, "antennas": 128, "control_delay_slots": 0}.items()
        if axis != point.axis
    }
