"""The emulator's loop: determinism, lateness, loss and return of the RIC, the end of a run (real processes)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emulator_process import emulator, with_ric
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_kpm_pb2 as kpm
from hiso_proto import e2sm_slot_pb2 as slot_pb2
from scripted_ric import (
    NO_LIMIT,
    UNTIL_SLOT,
    ScriptedRic,
    control,
    greedy,
    greedy_message,
    serve,
    slot_header,
    subscribe_all,
    subscribe_budgets,
    subscribe_kpm,
    subscribe_slot,
)

from ran_emulator.clock import CATCH_UP_PACE_SLOTS

ALL = "budgets,vonr,embb,urllc"


def _lockstep_run(folder: Path, seed: int, delay: int, slots: int = 2_500) -> dict[str, Any]:
    folder.mkdir()
    ric = ScriptedRic(greedy)
    ric.quiet = True
    ric.on_setup = subscribe_all(ric)
    options = ("--clock", "lockstep", "--await", ALL, "--control-delay-slots", str(delay), "--slots", str(slots))
    with with_ric(folder, ric, *options, "--seed", str(seed), "--scenario", "high-load") as node:
        assert node.wait() == 0, node.log_path.read_text()
        return node.summary()


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0, 2])
def test_lockstep_is_deterministic(tmp_path: Path, delay: int) -> None:
    first = _lockstep_run(tmp_path / "a", 7, delay)
    again = _lockstep_run(tmp_path / "b", 7, delay)
    other = _lockstep_run(tmp_path / "c", 8, delay)
    assert first["trace_sha256"] == again["trace_sha256"] != other["trace_sha256"]
    assert first["e2_messages"] == again["e2_messages"]
    assert first["missed_deadlines"] == 0
    assert first["decision_source"]["held"] == 0
    for part in first["slices"].values():
        for unit in ("packets", "bits"):
            offered, *parts = (part[f"{name}_{unit}"] for name in ("offered", "delivered", "dropped", "queued"))
            assert offered == sum(parts)
    assert first["loop_latency_ms"]["p50"] > 0
    assert first["e2_bps"] == sum(
        n for f in first["e2_bytes"].values() for p in f.values() for n in p.values()
    ) * 8 / first["simulated_s"]  # fmt: skip


def test_decisions_in_time_and_late(tmp_path: Path) -> None:
    """At a hundredth of real time a slot takes 50 ms: an answer at once is in time, one 4 slots later is not."""
    ric = ScriptedRic()
    ric.on_setup = lambda c: c.send(e2ap.E2apPdu(ric_subscription_request=subscribe_slot(ric, 1, 11, UNTIL_SLOT)))
    options = ("--clock", "0.01x", "--control-delay-slots", "2", "--scenario", "high-load")
    with with_ric(tmp_path, ric, *options) as node:
        node.wait_until_healthy()
        in_time = ric.next("ric_indication")
        ric.send(ric_control_request=control(in_time, slot_header(in_time), greedy_message(in_time)))
        ric.next("ric_control_acknowledge")
        late = ric.next("ric_indication")
        decided = slot_header(late).decided_slot
        node.wait_for("/state", lambda s: s["slot"] > decided + 1)
        missed = node.get("/kpis")["totals"]["slices"]["embb"]["missed_deadlines"]
        assert missed >= 1
        ric.send(ric_control_request=control(late, slot_header(late), greedy_message(late)))
        failure = ric.next("ric_control_failure")
        assert failure.cause.ric_request == e2ap.RIC_REQUEST_CONTROL_TIMER_EXPIRED


@pytest.mark.alone
def test_a_loop_behind_its_schedule_catches_up_at_the_pace_of_decisions(tmp_path: Path) -> None:
    slot_s = 5e-4
    asked_s: dict[int, float] = {}

    def note(indication: e2ap.RicIndication) -> None:
        asked_s[slot_header(indication).decided_slot] = time.monotonic()

    def wait_for(count: int) -> None:
        end_s, enough = time.monotonic() + 20.0, len(asked_s) + count
        while len(asked_s) < enough:
            assert time.monotonic() < end_s
            time.sleep(0.01)

    ric = ScriptedRic(note)
    ric.quiet = True
    ric.on_setup = lambda c: c.send(e2ap.E2apPdu(ric_subscription_request=subscribe_slot(ric, 1, 11, UNTIL_SLOT)))
    with with_ric(tmp_path, ric, "--clock", "realtime", "--scenario", "high-load") as node:
        node.wait_until_healthy()
        wait_for(1_000)
        hot_loop = node.hot_loop_pid()
        for _ in range(10):
            os.kill(hot_loop, signal.SIGSTOP)
            time.sleep(0.02)
            os.kill(hot_loop, signal.SIGCONT)
            wait_for(700)
        late_slots = node.get("/state")["late_slots"]
    begun_s = min(at_s - slot * slot_s for slot, at_s in asked_s.items())
    behind = {slot: (at_s - begun_s) / slot_s - slot for slot, at_s in asked_s.items()}
    assert late_slots >= 10 * 40  # and those of catching up
    gaps_s = [
        asked_s[slot + 1] - asked_s[slot] for slot, slots in behind.items() if 4 < slots < 35 and slot + 1 in asked_s
    ]
    assert np.median(gaps_s) > 0.9 * CATCH_UP_PACE_SLOTS * slot_s
    assert min([*behind.values()][-100:]) < 4  # it does catch up


def test_on_a_schedule_a_second_is_told_as_it_was_when_it_closed_also_the_last(tmp_path: Path) -> None:
    ric = ScriptedRic()
    kappa = kpm.MeasurementInfoItem(meas_name="VS.HWI.Kappa", label_info_list=[kpm.MeasurementLabel(no_label=True)])
    ric.on_setup = lambda c: c.send(
        e2ap.E2apPdu(ric_subscription_request=subscribe_kpm(ric, 20, [kappa])),
        e2ap.E2apPdu(ric_subscription_request=subscribe_budgets(ric, 1)),
    )
    timeline = tmp_path / "timeline.yaml"
    timeline.write_text("[{at_s: 3, change: hwi, kappa: 0.05}]")
    options = ("--clock", "2x", "--duration", "4", "--timeline", str(timeline), "--set", "hwi.kappa=0.01")
    with with_ric(tmp_path, ric, *options) as node:
        assert node.wait() == 0, node.log_path.read_text()
    kappas: dict[int, float] = {}
    seconds_asked = []
    while 3 not in kappas or 4 not in seconds_asked:
        indication = ric.next("ric_indication", timeout_s=1.0)
        if indication.ric_indication_type == e2ap.INSERT:
            seconds_asked.append(budgets.IndicationHeader.FromString(indication.ric_indication_header).second)
            continue
        start_ns = kpm.IndicationHeader.FromString(indication.ric_indication_header).collet_start_time_ns
        (item,) = kpm.IndicationMessage.FromString(indication.ric_indication_message).meas_data
        kappas[start_ns // 10**9] = item.meas_record[0].real
    assert kappas == {second: pytest.approx(0.05 if second == 3 else 0.01) for second in kappas}
    assert {1, 2, 3} <= kappas.keys()
    assert {2, 3, 4} <= set(seconds_asked)


def test_real_time_goes_on_without_a_ric(tmp_path: Path) -> None:
    with emulator(tmp_path, "--clock", "realtime", "--duration", "0.5") as node:
        assert node.wait() == 0
        summary = node.summary()
    assert summary["slots"] == 1_000
    assert summary["control_delay_slots"] == 2
    assert summary["decision_source"]["control"] == 0
    assert summary["decision_source"]["default"] > 0
    assert summary["wall_s"] >= 0.5
    assert summary["loop_latency_ms"] == {"p50": None, "p99": None, "max": None}


def test_reset_by_either_side_ends_subscriptions(tmp_path: Path) -> None:
    ric = ScriptedRic()
    ric.on_setup = lambda c: c.send(e2ap.E2apPdu(ric_subscription_request=subscribe_slot(ric, 1, 11)))
    with with_ric(tmp_path, ric, "--clock", "lockstep", "--await", "embb", "--scenario", "high-load") as node:
        node.wait_until_healthy()
        pending = ric.next("ric_indication")  # the loop waits for its answer
        slot = slot_header(pending).decided_slot
        ric.send(reset_request=e2ap.ResetRequest(transaction_id=9, cause=e2ap.Cause(misc=e2ap.MISC_UNSPECIFIED)))
        assert ric.next("reset_response").transaction_id == 9
        node.wait_for("/state", lambda s: s["slot"] > slot)  # the wait ended, and nobody is asked any more
        ric.send(ric_control_request=control(pending, slot_header(pending), greedy_message(pending)))
        failure = ric.next("ric_control_failure")
        assert failure.cause.ric_request == e2ap.RIC_REQUEST_RIC_CALL_PROCESS_ID_INVALID
        request = subscribe_slot(ric, 1, 11)
        ric.send(ric_subscription_request=request)
        ric.next("ric_subscription_response")
        ric.next("ric_subscription_response")
        ric.answer = greedy
        indication = ric.next("ric_indication")
        ric.send(ric_control_request=greedy(indication))
        ric.next("ric_control_acknowledge")
        ric.quiet = True
        assert node.http.post("/e2/reset").status_code == 200
        assert ric.next("reset_request").cause.misc == e2ap.MISC_OM_INTERVENTION
        assert node.get("/state")["e2_connected"]


def test_errors_are_indicated(tmp_path: Path) -> None:
    ric = ScriptedRic()
    with with_ric(tmp_path, ric, "--clock", "lockstep", "--await", "embb") as node:
        node.wait_until_healthy()
        ric.connections.get(timeout=20)
        ric.send()
        assert ric.next("error_indication").cause.protocol == e2ap.PROTOCOL_ABSTRACT_SYNTAX_ERROR_REJECT
        ric.send(ric_indication=e2ap.RicIndication())
        wrong = ric.next("error_indication")
        assert wrong.cause.protocol == e2ap.PROTOCOL_MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE
        ric.send(e2_setup_response=e2ap.E2SetupResponse(transaction_id=1))
        wrong = ric.next("error_indication")
        assert wrong.cause.protocol == e2ap.PROTOCOL_MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE


def test_the_node_comes_back_after_the_stream_and_the_server_are_lost(tmp_path: Path) -> None:
    ric = ScriptedRic()
    address = f"unix:{tmp_path}/ric"
    server = serve(ric, address)
    try:
        with emulator(tmp_path, "--clock", "lockstep", "--await", "embb", e2=address) as node:
            node.wait_until_healthy()
            first = ric.connections.get(timeout=20)
            first.outgoing.put(None)  # the stream ends, the server stays
            ric.connections.get(timeout=5)
            server.stop(0).wait()
            node.wait_for("/state", lambda s: not s["e2_connected"])
            server = serve(ric, address)
            ric.connections.get(timeout=5)
            node.wait_for("/state", lambda s: s["e2_connected"])
    finally:
        server.stop(0)


def test_loss_of_the_stream_ends_a_wait(tmp_path: Path) -> None:
    ric = ScriptedRic()
    ric.on_setup = lambda c: c.send(e2ap.E2apPdu(ric_subscription_request=subscribe_slot(ric, 1, 11)))
    with with_ric(tmp_path, ric, "--clock", "lockstep", "--await", "embb", "--scenario", "high-load") as node:
        node.wait_until_healthy()
        slot = slot_header(ric.next("ric_indication")).decided_slot
        ric.on_setup = None
        assert ric.connection is not None
        ric.connection.outgoing.put(None)
        node.wait_for("/state", lambda s: s["slot"] > slot + 100)


def test_delete_ends_a_wait(tmp_path: Path) -> None:
    ric = ScriptedRic()
    request = None

    def subscribe(connection: Any) -> None:
        nonlocal request
        request = subscribe_slot(ric, 1, 11, NO_LIMIT)
        connection.send(e2ap.E2apPdu(ric_subscription_request=request))

    ric.on_setup = subscribe
    with with_ric(tmp_path, ric, "--clock", "lockstep", "--await", "embb", "--scenario", "high-load") as node:
        node.wait_until_healthy()
        slot = slot_header(ric.next("ric_indication")).decided_slot
        assert request is not None
        ric.send(
            ric_subscription_delete_request=e2ap.RicSubscriptionDeleteRequest(
                ric_request_id=request.ric_request_id, ran_function_id=request.ran_function_id
            )
        )
        ric.next("ric_subscription_delete_response")
        node.wait_for("/state", lambda s: s["slot"] > slot + 100)


def test_a_silent_ric_is_lost_and_tried_again(tmp_path: Path) -> None:
    ric = ScriptedRic()
    ric.heartbeats = False
    with with_ric(tmp_path, ric, "--clock", "realtime") as node:
        node.wait_until_healthy()
        ric.connections.get(timeout=20)
        ric.connections.get(timeout=20)
        assert "silent" in node.log_path.read_text()


def test_a_refused_setup_is_tried_again(tmp_path: Path) -> None:
    ric = ScriptedRic()
    ric.accept = False
    with with_ric(tmp_path, ric, "--clock", "lockstep", "--await", "embb") as node:
        node.wait_until_healthy()
        ric.next("e2_setup_request")
        ric.next("e2_setup_request")
        ric.accept = True
        node.wait_for("/state", lambda s: s["e2_connected"])


def test_sigterm_ends_both_processes_with_a_summary(tmp_path: Path) -> None:
    with emulator(tmp_path, "--clock", "lockstep") as node:
        node.wait_until_healthy()
        child = node.hot_loop_pid()
        assert node.terminate() == 0
        assert node.summary()["slots"] > 0
        assert not Path(f"/proc/{child}").exists()


def test_sigterm_while_waiting_for_a_decision(tmp_path: Path) -> None:
    ric = ScriptedRic()
    ric.on_setup = lambda c: c.send(e2ap.E2apPdu(ric_subscription_request=subscribe_slot(ric, 1, 11)))
    with with_ric(tmp_path, ric, "--clock", "lockstep", "--await", "embb") as node:
        node.wait_until_healthy()
        ric.next("ric_indication")
        assert node.terminate() == 0


def test_the_slot_that_waits_at_a_sigterm_is_not_executed(tmp_path: Path) -> None:
    answered: list[e2ap.RicIndication] = []

    def for_a_while(indication: e2ap.RicIndication) -> e2ap.RicControlRequest | None:
        answered.append(indication)
        return greedy(indication) if len(answered) <= 200 else None

    ric = ScriptedRic(for_a_while)
    ric.on_setup = subscribe_all(ric)
    with with_ric(tmp_path, ric, "--clock", "lockstep", "--await", ALL) as node:
        node.wait_until_healthy()
        end_s = time.monotonic() + 60.0
        while len(answered) <= 200:
            assert time.monotonic() < end_s
            time.sleep(0.02)
        time.sleep(0.5)  # the slot of the unanswered INSERT waits
        assert node.terminate() == 0
        summary = node.summary()
    unanswered = slot_pb2.IndicationHeader.FromString(answered[200].ric_indication_header)
    assert summary["slots"] == unanswered.decided_slot
    assert summary["missed_deadlines"] == 0
    assert summary["decision_source"]["held"] == summary["decision_source"]["default"] == 0


def test_the_two_processes_do_not_outlive_each_other(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with emulator(tmp_path / "a", "--clock", "realtime") as node:
        node.wait_until_healthy()
        os.kill(node.hot_loop_pid(), signal.SIGKILL)
        assert node.wait(20.0) == 1
    with emulator(tmp_path / "b", "--clock", "realtime") as node:
        node.wait_until_healthy()
        child = node.hot_loop_pid()
        node.process.kill()
        end_s = time.monotonic() + 20.0
        while Path(f"/proc/{child}/cmdline").exists() and Path(f"/proc/{child}/cmdline").read_bytes():
            assert time.monotonic() < end_s
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--clock", "fast"], "lockstep, realtime or Nx"),
        (["--control-delay-slots", "21"], "0..20"),
        (["--duration", "0"], "--duration"),
        (["--duration", "nan"], "--duration"),
        (["--slots", "-1"], "--slots"),
        (["--seed", "-1"], "--seed"),
        (["--await", "embb,gold"], "gold"),
        (["--scenario", "nowhere"], "nowhere"),
        (["--set", "hwi.kappa=2"], "kappa"),
        (["--set", "nonsense"], "FIELD=VALUE"),
        (["--http-port", "70000"], "1..65535"),
        (["--http-host", "0.0.0.0"], "--expose"),
        (["--summary", "/dev/null/summary.json"], "--summary"),
        (["--fifo", "100"], "1..99"),
    ],
)
def test_wrong_arguments_are_named_and_end_with_2(tmp_path: Path, options: list[str], named: str) -> None:
    command = [sys.executable, "-m", "ran_emulator", "--e2", "unix:/nobody", "--run-dir", str(tmp_path), *options]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert named in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with emulator(tmp_path, "--clock", "lockstep", "--await", "embb") as node:
        node.wait_until_healthy()
        command = [sys.executable, "-m", "ran_emulator", "--e2", "unix:/nobody", "--run-dir", str(tmp_path / "other")]
        command += ["--http-port", str(node.port)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 1
        assert str(node.port) in json.loads(result.stderr.splitlines()[-1])["reason"]
