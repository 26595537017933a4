"""Malformed bus messages, the HTTP API, the command line, addresses and the store."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest
import zmq
from e2_test_node import SLOT_ID, Ric, wait_until
from free_ports import free_port
from google.protobuf.message import DecodeError
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.e2ap_names import describe_cause
from hiso_proto.oids import SLOT_OID
from hypothesis import given
from hypothesis import strategies as st
from ric_fixtures import ConnectNode, ConnectXApp

from near_rt_ric.e2_messages import judge_setup
from near_rt_ric.endpoints import BusEndpoints, EndpointError, claim_unix_path
from near_rt_ric.records import SubscriptionRecord, XAppRecord
from near_rt_ric.store import Store, StoreError


def test_malformed_management_messages_are_answered_and_harmless(ric: Ric, xapp: ConnectXApp) -> None:
    client = xapp(ric, "fuzzer", register=False)
    for raw in (b"\xff\xff", b"", bus.ManagementMessage(error="mine").SerializeToString()):
        client.management.send(raw)
        assert client.management.poll(3_000)
        assert bus.ManagementMessage.FromString(client.management.recv()).error
    client.management.send_multipart([b"a", b"b", b"\xff"])
    assert client.management.poll(3_000)
    client.management.recv_multipart()
    assert client.register().error == ""


@pytest.mark.parametrize(
    ("name", "oids", "slices", "named"),
    [
        ("Upper", (), (), "xapp_name"),
        ("", (), (), "xapp_name"),
        ("x" * 64, (), (), "xapp_name"),
        ("good\n", (), (), "xapp_name"),
        ("good", ("not an oid!",), (), "ran_function_oids"),
        ("good", ("",), (), "ran_function_oids"),
        ("good", ("1.2\n",), (), "ran_function_oids"),
        ("good", (), (64,), "slice_ids"),
    ],
)
def test_a_bad_registration_is_refused_with_its_field(
    ric: Ric, xapp: ConnectXApp, name: str, oids: tuple[str, ...], slices: tuple[int, ...], named: str
) -> None:
    client = xapp(ric, "asker", register=False)
    client.name = name
    assert named in client.register(oids, slices).error


def test_the_oids_of_setup_are_those_of_registrations(ric: Ric, xapp: ConnectXApp) -> None:
    assert xapp(ric, "foreign", register=False).register(("my-function",), ()).error == ""


def test_an_unregistered_xapp_gets_nothing(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 30)
    client = xapp(ric, "nobody", register=False)
    refused = client.subscribe_slot(made.node_id, 1)
    assert "not registered" in refused.error
    assert describe_cause(refused.cause) == "om-intervention"
    assert "not registered" in client.ask(heartbeat=bus.Heartbeat(xapp_name="nobody")).error
    unsubscribe = client.ask(unsubscribe_request=bus.UnsubscribeRequest(xapp_name="nobody"))
    assert "not registered" in unsubscribe.unsubscribe_response.error


def test_an_xapp_without_its_data_socket_is_told_so(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 31)
    client = xapp(ric, "half", register=False)
    client.name = "other-half"  # its data socket has another name
    client.register((SLOT_OID,), (1,))
    refused = client.subscribe_slot(made.node_id, 1)
    assert "data socket" in refused.error
    assert describe_cause(refused.cause) == "system-not-ready"
    assert made.subscribed == {}


def test_malformed_up_messages_are_counted_and_the_next_control_passes(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(ric, 32)
    client = xapp(ric, "noisy", (SLOT_OID,), (0,))
    request_id = client.subscribe_slot(made.node_id, 0).ric_request_id
    up = ric.up_endpoint(made.node_id)
    client.send_up_raw(up, b"\xff\xff")
    client.send_up_raw(up, b"0" * 16, b"12345678", b"forged as the platform's own")
    client.send_up(up, e2ap.RicControlRequest(ran_function_id=SLOT_ID), name="unknown-xapp")
    client.send_up(up, e2ap.RicControlRequest(ric_request_id=request_id, ran_function_id=SLOT_ID))
    made.expect("ric_control_request")
    assert 'hiso_ric_errors_total{cause="bus_message_malformed"}' in ric.get("/metrics").text


def test_xapp_queue_that_nobody_empties_never_blocks_the_others(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 33)
    stuck, lively = xapp(ric, "stuck", (SLOT_OID,), (0,)), xapp(ric, "lively", (SLOT_OID,), (1,))
    stuck_id = stuck.subscribe_slot(made.node_id, 0).ric_request_id
    lively_id = lively.subscribe_slot(made.node_id, 1).ric_request_id
    dropped_before = unreachable_count(ric)
    for _ in range(4_000):
        made.indicate(stuck_id, SLOT_ID, ric_indication_message=b"x" * 1_000)
    made.indicate(lively_id, SLOT_ID)
    lively.expect("indication", 20)
    assert unreachable_count(ric) > dropped_before, "the queue was never full"


def unreachable_count(ric: Ric) -> float:
    lines = ric.get("/metrics").text.splitlines()
    head = 'hiso_ric_errors_total{cause="xapp_unreachable"} '
    return sum(float(line.removeprefix(head)) for line in lines if line.startswith(head))


def test_http_lists_functions_subscriptions_and_deletes(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 34)
    client = xapp(ric, "listed", (SLOT_OID,), (1,))
    request_id = client.subscribe_slot(made.node_id, 1).ric_request_id
    functions = ric.get(f"/nodes/{made.node_id}/functions").json()
    assert [item["ran_function_id"] for item in functions] == [2, 3, 4]
    assert functions[2]["definition"]["slot_us"] == 500
    path = f"/subscriptions/{made.node_id}/{request_id.ric_requestor_id}/{request_id.ric_instance_id}"
    deleted = httpx.delete(f"http://127.0.0.1:{ric.http_port}{path}", timeout=10)
    assert deleted.status_code == 200
    assert made.subscribed == {}
    assert client.expect("subscription_restored").subscription_restored.end == bus.DELETED_BY_OPERATOR
    assert httpx.delete(f"http://127.0.0.1:{ric.http_port}{path}", timeout=10).status_code == 404
    metrics = ric.get("/metrics").text
    for name in ("nodes_connected", "subscriptions", "xapps_alive", "messages_total", "errors_total"):
        assert f"hiso_ric_{name}" in metrics


@pytest.mark.parametrize(
    ("ids", "field"), [("-5/1", "ric_requestor_id"), ("1/65536", "ric_instance_id"), ("abc/1", "ric_requestor_id")]
)
def test_ids_of_a_subscription_that_cannot_be_are_refused_with_their_range(ric: Ric, ids: str, field: str) -> None:
    answer = httpx.delete(f"http://127.0.0.1:{ric.http_port}/subscriptions/00101-1/{ids}", timeout=10)
    assert answer.status_code == 422
    assert field in answer.text
    assert answer.text.count("0..65535") == 1
    assert answer.text.count("given") == 1


def test_a_node_that_refuses_to_delete_is_told_of_and_its_request_id_is_over(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(ric, 38)
    client = xapp(ric, "leaving", (SLOT_OID,), (1,))
    request_id = client.subscribe_slot(made.node_id, 1).ric_request_id
    made.accept = False
    leaving = bus.UnsubscribeRequest(xapp_name=client.name, ric_request_id=request_id)
    replies: list[bus.ManagementMessage] = []
    asking = threading.Thread(target=lambda: replies.append(client.ask(unsubscribe_request=leaving)))
    asking.start()
    asked = made.expect("ric_subscription_delete_request").ric_subscription_delete_request
    cause = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_REQUEST_ID_UNKNOWN)
    made.send(
        ric_subscription_delete_failure=e2ap.RicSubscriptionDeleteFailure(
            ric_request_id=asked.ric_request_id, ran_function_id=asked.ran_function_id, cause=cause
        )
    )
    asking.join(10)
    assert "request-id-unknown" in replies[0].unsubscribe_response.error
    made.accept = True
    assert client.subscribe_slot(made.node_id, 1).error == ""


def test_the_tap_mirrors_frames_both_ways_while_somebody_watches(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 35)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    watcher = context.socket(zmq.SUB)
    watcher.setsockopt(zmq.SUBSCRIBE, b"")
    watcher.connect(ric.get("/healthz").json()["tap"])
    seen: list[tuple[bytes, bytes, str]] = []

    def mirrored() -> bool:
        made.indicate(e2ap.RicRequestId(ric_requestor_id=999), SLOT_ID)
        while watcher.poll(50):
            direction, node_id, _time, frame = watcher.recv_multipart()
            pdus = e2ap.E2Frame.FromString(frame).pdus
            seen.extend((direction, node_id, pdu.WhichOneof("message")) for pdu in pdus)
        return len(seen) >= 2

    wait_until(mirrored)
    context.destroy(linger=0)
    here = made.node_id.encode()
    assert {(b"to_ric", here, "ric_indication"), (b"to_node", here, "error_indication")} <= set(seen)


def test_http_errors_name_what_is_unknown(ric: Ric) -> None:
    for method, path in (("GET", "/nodes/nobody/functions"), ("POST", "/nodes/nobody/reset")):
        answer = httpx.request(method, f"http://127.0.0.1:{ric.http_port}{path}", timeout=10)
        assert answer.status_code == 404
        assert "nobody" in answer.json()["detail"]


def test_platform_state_over_the_bus_is_the_same_as_over_http(ric: Ric, xapp: ConnectXApp) -> None:
    client = xapp(ric, "state-asker")
    wait_until(lambda: any(x["name"] == "state-asker" and x["alive"] for x in ric.get("/xapps").json()))
    state = json.loads(client.ask(platform_state_request=bus.PlatformStateRequest()).platform_state_response.json)
    for shown in ric.get("/xapps").json():
        [same] = [item for item in state["xapps"] if item["name"] == shown["name"]]
        same.pop("silent_s")  # has gone on
        assert {name: shown[name] for name in same} == same


def run(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    required = ["--store", str(folder / "s.sqlite"), "--run-dir", str(folder)]
    return subprocess.run(
        [sys.executable, "-m", "near_rt_ric", *required, *flags],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--bus", "ipc:///tmp/x"], "--e2-listen"),
        (["--bus", "udp://x", "--e2-listen", "unix:/tmp/x"], "bus"),
        (["--bus", "tcp://h:0", "--e2-listen", "unix:/tmp/x"], "bus"),
        (["--bus", "ipc:///" + "x" * 200, "--e2-listen", "unix:/tmp/x"], "bus"),
        (["--bus", "ipc:///tmp/x", "--e2-listen", "unix:/tmp/x", "--fifo", "100"], "1..99"),
        (["--bus", "ipc:///tmp/x", "--e2-listen", "unix:/tmp/x", "--http-port", "0"], "1..65535"),
    ],
)
def test_a_bad_command_line_exits_with_2_and_names_the_flag(tmp_path: Path, flags: list[str], named: str) -> None:
    done = run(tmp_path, *flags)
    assert done.returncode == 2
    assert named in done.stderr


def test_a_second_ric_on_the_same_addresses_is_refused(ric: Ric, tmp_path: Path) -> None:
    done = run(tmp_path, "--bus", ric.bus, "--e2-listen", f"unix:{tmp_path}/e2", "--http-port", str(free_port()))
    assert done.returncode == 2
    assert "another process is listening" in done.stderr
    assert ric.healthy()


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("flag", ["--bus", "--e2-listen"])
def test_what_is_no_socket_is_left_alone_and_named(tmp_path: Path, flag: str, kind: str) -> None:
    taken = tmp_path / "taken"
    if kind == "file":
        taken.write_text("somebody's")
    else:
        taken.mkdir()
    where = {"--bus": f"ipc://{tmp_path}/b", "--e2-listen": f"unix:{tmp_path}/e"}
    where[flag] = f"{'ipc://' if flag == '--bus' else 'unix:'}{taken}"
    done = run(tmp_path, *(part for pair in where.items() for part in pair), "--http-port", str(free_port()))
    assert done.returncode == 2
    assert f"{taken}: something that is no socket is there" in done.stderr
    assert taken.exists()


def test_a_second_ric_in_the_same_run_dir_is_refused(ric: Ric, tmp_path: Path) -> None:
    flags = ("--bus", f"ipc://{tmp_path}/b", "--e2-listen", f"unix:{tmp_path}/e", "--http-port", str(free_port()))
    done = run(ric.folder, *flags)
    assert done.returncode == 2
    assert "ric-admin: another process is listening" in done.stderr
    assert ric.healthy()


def test_a_run_dir_with_too_long_a_path_is_named(tmp_path: Path) -> None:
    done = run(tmp_path / ("x" * 100), "--bus", f"ipc://{tmp_path}/b", "--e2-listen", f"unix:{tmp_path}/e")
    assert done.returncode == 2
    assert "run-dir: " in done.stderr
    assert "at most 100 bytes" in done.stderr


def test_a_store_that_is_no_store_exits_with_2(tmp_path: Path, ric: Ric) -> None:
    (tmp_path / "s.sqlite").write_bytes(b"this is not a database, whatever its name may say" * 100)
    done = run(
        tmp_path, "--bus", f"ipc://{tmp_path}/b", "--e2-listen", f"unix:{tmp_path}/e", "--http-port", str(free_port())
    )
    assert done.returncode == 2
    assert "s.sqlite" in done.stderr


def test_endpoints_are_one_family() -> None:
    ipc = BusEndpoints.parse("ipc:///run/hiso/bus")
    assert (ipc.down, ipc.up(3)) == ("ipc:///run/hiso/bus-down", "ipc:///run/hiso/bus-up-3")
    tcp = BusEndpoints.parse("tcp://0.0.0.0:26430")
    assert (tcp.down, tcp.up(3)) == ("tcp://0.0.0.0:26431", "tcp://0.0.0.0:26435")


@given(st.text(max_size=40))
def test_any_other_text_is_a_clear_error(text: str) -> None:
    if text.startswith("ipc:///"):
        return
    with pytest.raises(EndpointError, match=r"^bus: "):
        BusEndpoints.parse(text)


def test_a_stale_socket_is_removed(tmp_path: Path) -> None:
    stale = tmp_path / "stale"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(stale))
    claim_unix_path(stale)
    assert not stale.exists()


@given(st.binary(max_size=200))
def test_any_setup_request_gets_a_response_or_a_failure(raw: bytes) -> None:
    try:
        request = e2ap.E2SetupRequest.FromString(raw)
    except DecodeError:
        return
    verdict = judge_setup(request)
    assert verdict.answer.WhichOneof("message") == ("e2_setup_response" if verdict.setup else "e2_setup_failure")


def test_causes_are_spelt_as_in_e2ap() -> None:
    cause = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_CONTROL_TIMER_EXPIRED)
    assert describe_cause(cause) == "control-timer-expired"
    assert describe_cause(e2ap.Cause()) == "absent"


def test_the_store_gives_back_what_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "a" / "store.sqlite"
    store = Store(path)
    xapp = XAppRecord("x", 3, frozenset({SLOT_OID}), frozenset({1, 2}), "v", "http://m", last_instance_id=7)
    kept = SubscriptionRecord("x", "00101-1", "k", SLOT_OID, b"\x00\xff", (b"a", b""), 3, 7)
    gone = SubscriptionRecord("x", "00101-1", "gone", SLOT_OID, b"", (b"",), 3, 6)
    store.save_xapp(xapp)
    for record in (kept, gone):
        store.save_subscription(record)
    store.delete_subscription(gone)
    store.save_budgets("00101-1", b"first")
    store.save_budgets("00101-1", b"last")
    store.save_node_number("00101-1", 4)
    store.close()
    again = Store(path)
    state = again.load()
    again.close()
    assert state.xapps == [xapp]
    assert state.subscriptions == [kept]
    assert state.budgets == {"00101-1": b"last"}
    assert state.node_numbers == {"00101-1": 4}


def test_a_store_of_a_later_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="version 99"):
        Store(path)
