"""The emulator's HTTP API (real processes)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from emulator_process import Emulator, emulator, with_ric
from hiso_proto import e2ap_pb2 as e2ap
from prometheus_client.parser import text_string_to_metric_families
from scripted_ric import ScriptedRic, greedy, subscribe_slot
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.sync.client import connect

from ran_emulator.scenario import load_scenario


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with emulator(tmp_path_factory.mktemp("http"), "--scenario", "regimes", "--clock", "realtime") as running:
        running.wait_until_healthy()
        running.wait_for("/kpis", lambda k: k["last_second"] is not None)
        yield running


def test_healthz(node: Emulator) -> None:
    assert node.get("/healthz") == {"status": "ok", "e2_connected": False}


def test_state_and_scenario(node: Emulator) -> None:
    state = node.get("/state")
    assert (state["scenario"], state["clock"], state["control_delay_slots"]) == ("regimes", "realtime", 2)
    assert state["simulated_s"] == pytest.approx(state["slot"] * 5e-4)
    assert state["speed_m_s"] == pytest.approx({"vonr": 2.0, "embb": 6.0, "urllc": 10.0})
    assert node.get("/scenario") == load_scenario("regimes").model_dump(mode="json")


def test_users(node: Emulator) -> None:
    users = node.get("/users")
    assert [user["id"] for user in users] == list(range(100))
    assert [user["slice"] for user in users] == ["vonr"] * 17 + ["embb"] * 33 + ["urllc"] * 50
    assert all(abs(user["x_m"]) <= 120 and abs(user["y_m"]) <= 120 for user in users)


def test_kpis_add_up(node: Emulator) -> None:
    totals = node.get("/kpis")["totals"]["slices"]
    for part in totals.values():
        dropped = part["dropped_full_packets"] + part["dropped_late_packets"]
        assert part["offered_packets"] == part["delivered_packets"] + dropped + part["queued_packets"]
        assert part["offered_bits"] == part["delivered_bits"] + part["dropped_bits"] + part["queued_bits"]


METRICS = [
    "hiso_simulated_seconds_total",
    "hiso_slots_total",
    "hiso_late_slots_total",
    "hiso_real_time_factor",
    "hiso_slice_packets_total",
    "hiso_slice_bits_total",
    "hiso_slice_queued_packets",
    "hiso_slice_queued_bits",
    "hiso_slice_ssr",
    "hiso_slice_ssr_threshold",
    "hiso_slice_delay_ms",
    "hiso_slice_active_users",
    "hiso_slice_bandwidth_hz",
    "hiso_slice_power_w",
    "hiso_slice_goodput_bps",
    "hiso_cell_eta_bps_hz",
    "hiso_cell_eta_sum_bps_hz",
    "hiso_cell_goodput_bps_hz",
    "hiso_cell_utility",
    "hiso_decisions_total",
    "hiso_missed_deadlines_total",
    "hiso_hwi_kappa",
    "hiso_scenario_info",
    "hiso_e2_connected",
]


def test_metrics(node: Emulator) -> None:
    text = node.http.get("/metrics").text
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    assert set(METRICS) <= {sample.name for sample in samples}
    slots = next(s.value for s in samples if s.name == "hiso_slots_total")
    seconds = next(s.value for s in samples if s.name == "hiso_simulated_seconds_total")
    assert seconds == pytest.approx(slots * 5e-4)
    info = next(s.labels for s in samples if s.name == "hiso_scenario_info")
    assert info == {
        "scenario": "regimes", "access": "rsma", "precoder": "codebook", "hwi_model": "paper", "clock": "realtime",
        "control_delay_slots": "2", "cell": "0",
    }  # fmt: skip
    results = {s.labels["result"] for s in samples if s.name == "hiso_slice_packets_total"}
    assert results == {"offered", "delivered", "succeeded", "dropped_queue_full", "dropped_late"}


def test_changes_take_effect_from_the_slot_that_is_returned(node: Emulator) -> None:
    before = node.get("/state")["slot"]
    answers = [
        node.http.put("/traffic/vonr/load", json={"scale": 4.0}),
        node.http.put("/hwi", json={"model": "aggregate", "kappa": 0.01}),
        node.http.put("/hwi", json={"kappa_r": 0.02}),
        node.http.put("/csi", json={"csi_delay_slots": 4}),
        node.http.put("/csi", json={"csi_noise": 0.01}),
        node.http.put("/mobility/urllc", json={"speed_m_s": 14}),
        node.http.put("/regime", json={"index": 2}),
    ]
    assert [answer.status_code for answer in answers] == [200] * 7
    slots = [answer.json()["slot"] for answer in answers]
    assert before <= slots[0]
    assert slots == sorted(slots)
    state = node.wait_for("/state", lambda s: s["slot"] > slots[-1])
    assert state["hwi"] == pytest.approx({"model": "aggregate", "kappa_t": 0.01, "kappa_r": 0.02})
    assert state["csi"] == {"csi_delay_slots": 4, "csi_period_slots": 1, "csi_noise": 0.01}
    assert state["speed_m_s"]["urllc"] == pytest.approx(14)
    assert (state["regime"], state["regime_held"]) == (2, True)
    assert state["load"]["vonr"] == pytest.approx(4.0)
    assert node.http.put("/regime", json={"index": "auto"}).status_code == 200
    node.wait_for("/state", lambda s: not s["regime_held"])


def test_bursts(node: Emulator) -> None:
    offered = node.get("/kpis")["totals"]["slices"]["urllc"]["offered_packets"]
    assert node.http.post("/traffic/urllc/burst", json={"packets": 5_000}).status_code == 200
    node.wait_for("/kpis", lambda k: k["totals"]["slices"]["urllc"]["offered_packets"] >= offered + 5_000)
    load = node.get("/state")["load"]["embb"]
    assert node.http.post("/traffic/embb/burst", json={"factor": 7, "duration_s": 0.6}).status_code == 200
    node.wait_for("/state", lambda s: s["load"]["embb"] == pytest.approx(7 * load))
    node.wait_for("/state", lambda s: s["load"]["embb"] == pytest.approx(load))


def test_packets_for_one_user_are_its_own(node: Emulator) -> None:
    before = node.get("/kpis")["totals"]["slices"]["vonr"]["offered_packets"]
    assert node.http.post("/users/burst", json={"users": [3, 5], "packets": 64}).status_code == 200
    node.wait_for("/kpis", lambda k: k["totals"]["slices"]["vonr"]["offered_packets"] >= before + 128)
    refused = node.http.post("/users/burst", json={"users": [100], "packets": 1})
    assert refused.status_code == 422
    assert "0..99 (vonr 0..16, embb 17..49, urllc 50..99)" in refused.text


def test_events_are_made_at_their_slots_and_told(node: Emulator) -> None:
    slot = node.get("/state")["slot"]
    soon = {"at_slot": slot + 2_000, "change": "load", "slice": "embb", "scale": 0.5}
    never = {"at_slot": slot + 9_000_000, "change": "hwi", "kappa": 1.0}
    first, second = node.http.post("/timeline", json=[soon, never]).json()["ids"]
    assert [event["id"] for event in node.get("/timeline")] == [first, second]
    node.wait_for("/timeline", lambda events: [event["id"] for event in events] == [second])
    assert node.get("/state")["slot"] > slot + 2_000
    assert soon in node.get(f"/events?from_slot={slot}")
    assert node.http.delete(f"/timeline/{second}").status_code == 200
    assert node.get("/timeline") == []
    node.http.put("/traffic/embb/load", json={"scale": 1})


def test_live_kpis_are_kpis(node: Emulator) -> None:
    address = f"ws://127.0.0.1:{node.port}/kpis/live"
    with connect(address, proxy=None) as live:
        heard = [json.loads(live.recv(timeout=10)) for _ in range(4)]
        slots = [kpis["totals"]["slots"] for kpis in heard]
        assert slots == sorted(set(slots))
        now = node.get("/kpis")
        assert heard[-1].keys() == now.keys()
        assert heard[-1]["last_second"].keys() == now["last_second"].keys()
    with connect(f"{address}?period_s=61", proxy=None) as refused:
        with pytest.raises(ConnectionClosedError) as closed:
            refused.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason[:30]) == (1008, "period_s: must be 0.25..60 sec")


def test_who_listens_does_not_keep_the_emulator_from_ending(tmp_path: Path) -> None:
    with emulator(tmp_path, "--clock", "realtime") as running:
        running.wait_until_healthy()
        with connect(f"ws://127.0.0.1:{running.port}/kpis/live", proxy=None) as live:
            live.recv(timeout=10)
            assert running.terminate() == 0
            with suppress(ConnectionClosed):
                for _ in live:
                    pass


@pytest.mark.slow
def test_a_command_for_which_no_slot_begins_is_never_carried_out(tmp_path: Path) -> None:
    ric = ScriptedRic()
    ric.on_setup = lambda c: c.send(e2ap.E2apPdu(ric_subscription_request=subscribe_slot(ric, 1, 11)))
    options = ("--clock", "lockstep", "--await", "embb", "--slots", "200")
    with with_ric(tmp_path, ric, *options) as node:
        node.wait_until_healthy()
        waiting = ric.next("ric_indication")
        answer = node.http.put("/hwi", json={"kappa": 1}, timeout=30)
        assert answer.status_code == 503
        assert "the change was not made" in answer.text
        ric.answer = greedy
        ric.send(ric_control_request=greedy(waiting))
        assert node.wait() == 0
        assert node.summary()["events"] == []


REFUSED: list[tuple[str, str, Any, str]] = [
    ("PUT", "/traffic/embb/load", {"scale": 101}, "scale"),
    ("PUT", "/traffic/embb/load", {"scale": -1}, "scale"),
    ("PUT", "/traffic/embb/load", {"scale": "much"}, "scale"),
    ("PUT", "/traffic/embb/load", {}, "scale"),
    ("PUT", "/traffic/embb/load", {"scale": 1, "more": 2}, "more"),
    ("PUT", "/traffic/gold/load", {"scale": 1}, "slice"),
    ("POST", "/traffic/embb/burst", {"factor": 2}, "duration_s"),
    ("POST", "/traffic/embb/burst", {"factor": 2, "duration_s": 1, "packets": 3}, "packets"),
    ("POST", "/traffic/embb/burst", {"packets": 0}, "packets"),
    ("POST", "/traffic/embb/burst", {"packets": 10_001}, "packets"),
    ("POST", "/traffic/embb/burst", {"factor": 2, "duration_s": 0}, "duration_s"),
    ("PUT", "/hwi", {"kappa": 1.5}, "kappa"),
    ("PUT", "/hwi", {"kappa": 0.1, "kappa_t": 0.1}, "kappa_t"),
    ("PUT", "/hwi", {"model": "perfect"}, "model"),
    ("PUT", "/hwi", {}, "kappa"),
    ("PUT", "/mobility/vonr", {"speed_m_s": 51}, "speed_m_s"),
    ("PUT", "/regime", {"index": 4}, "0..3"),
    ("PUT", "/regime", {"index": -1}, "index"),
    ("PUT", "/regime", {"index": "some"}, "index"),
    ("POST", "/e2/reset", None, "e2"),
]


@pytest.mark.parametrize(("method", "path", "body", "named"), REFUSED)
def test_a_refused_call_names_the_field_and_changes_nothing(
    node: Emulator, method: str, path: str, body: Any, named: str
) -> None:
    node.http.put("/regime", json={"index": 2})  # so that nothing changes by itself
    held = node.wait_for("/state", lambda s: s["regime_held"])
    response = node.http.request(method, path, json=body)
    assert response.status_code == 422, response.text
    assert named in response.text
    after = node.wait_for("/state", lambda s: s["slot"] > held["slot"])
    for name in ("load", "speed_m_s", "hwi", "regime", "regime_held"):
        assert after[name] == held[name]


@pytest.mark.parametrize("body", [b"{", b'{"scale": NaN}', b'{"scale": 1e999}', b"\xff", b"[]", b""])
def test_bodies_that_are_no_json_object_are_refused(node: Emulator, body: bytes) -> None:
    response = node.http.put("/traffic/embb/load", content=body, headers={"content-type": "application/json"})
    assert response.status_code in (400, 422), response.text


def test_openapi_states_ranges(node: Emulator) -> None:
    document = node.get("/openapi.json")
    scale = document["components"]["schemas"]["Load"]["properties"]["scale"]
    assert (scale["minimum"], scale["maximum"]) == (0, 100)
    assert all(re.match(r"^/", path) for path in document["paths"])
    assert {"/healthz", "/state", "/kpis", "/users", "/budgets", "/scenario", "/metrics"} <= set(document["paths"])


def test_scenario_without_regimes_refuses_them(tmp_path: Any) -> None:
    with emulator(tmp_path, "--scenario", "base", "--clock", "lockstep", "--await", "embb") as running:
        running.wait_until_healthy()
        response = running.http.put("/regime", json={"index": 0})
        assert response.status_code == 422
        assert "no regimes" in response.text
        assert running.get("/state")["regime"] is None
        answer = running.http.put("/traffic/embb/load", json={"scale": 2})  # before slot 0
        assert answer.json() == {"slot": 0}
