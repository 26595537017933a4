"""Anything may be killed at any time: node, xApp, RIC; what comes back is in service again by itself."""

from __future__ import annotations

import os
import signal
import threading

import httpx
import pytest
from e2_test_node import (
    BUDGETS_ID,
    KPM_ID,
    SLOT_ID,
    BusClient,
    CallFields,
    Node,
    RequestFields,
    Ric,
    functions,
    wait_until,
)
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.oids import BUDGETS_OID, SLOT_OID
from ric_fixtures import ConnectNode, ConnectXApp

BUDGETS = budgets.ControlMessage(
    budgets=[budgets.SliceBudget(slice_id=i, bandwidth_hz=hz, power_w=1.0) for i, hz in enumerate((2, 6, 2))]
)


def test_a_node_that_comes_back_is_subscribed_again(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 1)
    client = xapp(ric, "stays", (SLOT_OID,), (1,))
    request_id = client.subscribe_slot(made.node_id, 1).ric_request_id
    made.close()
    assert client.expect("node_down").node_id == made.node_id
    back = node(ric, 1)
    assert back.expect("ric_subscription_request").ric_subscription_request.ric_request_id == request_id
    assert client.expect("node_up").node_up.connected
    restored = client.expect("subscription_restored").subscription_restored
    assert (restored.key, restored.error) == ("slot", "")
    assert restored.HasField("response")
    back.indicate(request_id, SLOT_ID)
    client.expect("indication")


def test_setup_again_on_the_same_stream_subscribes_again(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 2)
    client = xapp(ric, "same-stream", (SLOT_OID,), (1,))
    client.subscribe_slot(made.node_id, 1)
    made.expect("ric_subscription_request")
    made.set_up()
    made.expect("ric_subscription_request")
    client.expect("subscription_restored")


def test_reset_by_the_node_subscribes_again(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 3)
    client = xapp(ric, "reset-by-node", (SLOT_OID,), (1,))
    client.subscribe_slot(made.node_id, 1)
    made.expect("ric_subscription_request")
    made.send(reset_request=e2ap.ResetRequest(transaction_id=9, cause=e2ap.Cause(misc=e2ap.MISC_UNSPECIFIED)))
    assert made.expect("reset_response").reset_response.transaction_id == 9
    made.expect("ric_subscription_request")
    client.expect("subscription_restored")


def test_a_reset_beyond_the_range_of_transactions_is_refused_by_name(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 40)
    made.send(reset_request=e2ap.ResetRequest(transaction_id=256))
    text = made.expect("error_indication").error_indication.criticality_diagnostics.text
    assert text == "transaction_id: 256 is not in 0..255"


def test_reset_over_http(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 4)
    client = xapp(ric, "reset-over-http", (SLOT_OID,), (1,))
    client.subscribe_slot(made.node_id, 1)
    made.expect("ric_subscription_request")
    answers: list[httpx.Response] = []
    url = f"http://127.0.0.1:{ric.http_port}/nodes/{made.node_id}/reset"
    asking = threading.Thread(target=lambda: answers.append(httpx.post(url, timeout=10)))
    asking.start()
    request = made.expect("reset_request").reset_request
    assert request.cause.misc == e2ap.MISC_OM_INTERVENTION
    made.send(reset_response=e2ap.ResetResponse(transaction_id=request.transaction_id))
    asking.join()
    assert answers[0].status_code == 200
    made.expect("ric_subscription_request")
    client.expect("subscription_restored")


@pytest.mark.slow
def test_a_reset_that_the_node_ignores_is_a_gateway_timeout_and_ends_the_stream(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(ric, 5)
    client = xapp(ric, "reset-ignored", (SLOT_OID,), (1,))
    client.subscribe_slot(made.node_id, 1)
    made.expect("ric_subscription_request")
    answer = httpx.post(f"http://127.0.0.1:{ric.http_port}/nodes/{made.node_id}/reset", timeout=10)
    assert answer.status_code == 504
    assert "did not answer" in answer.json()["detail"]
    assert made.ended.wait(5)
    assert client.expect("node_down").node_down == "it did not answer the reset"
    # A node that still holds the subscription is not asked for it again.
    assert "ric_subscription_request" not in [pdu.WhichOneof("message") for pdu in made.received.queue]
    node(ric, 5).expect("ric_subscription_request")


def test_a_setup_ends_a_reset_that_is_under_way(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 11)
    answers: list[httpx.Response] = []
    url = f"http://127.0.0.1:{ric.http_port}/nodes/{made.node_id}/reset"
    asking = threading.Thread(target=lambda: answers.append(httpx.post(url, timeout=10)))
    asking.start()
    request = made.expect("reset_request").reset_request
    made.set_up()
    asking.join()
    assert (answers[0].status_code, "set up again" in answers[0].text) == (409, True)
    made.send(reset_response=e2ap.ResetResponse(transaction_id=request.transaction_id))
    error = made.expect("error_indication").error_indication
    assert error.cause.protocol == e2ap.PROTOCOL_MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE


def test_an_xapp_that_closes_its_sockets_is_unsubscribed_even_in_lockstep_and_restored(
    ric: Ric, node: ConnectNode
) -> None:
    made = node(ric, 6, ran_functions_added=functions(lockstep=True))
    first = BusClient(ric.bus, "mortal")
    first.register((SLOT_OID,), (1,))
    request_id = first.subscribe_slot(made.node_id, 1).ric_request_id
    first.close()
    deleted = made.expect("ric_subscription_delete_request", 2).ric_subscription_delete_request
    assert deleted.ric_request_id == request_id
    assert next(x for x in ric.get("/xapps").json() if x["name"] == "mortal")["alive"] is False
    again = BusClient(ric.bus, "mortal")
    assert again.register((SLOT_OID,), (1,)).ric_requestor_id == first.requestor_id
    assert again.expect("subscription_restored").subscription_restored.ric_request_id == request_id
    again.close()


def test_a_silent_xapp_is_unsubscribed_and_told_to_register(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 7)
    client = xapp(ric, "silent", (SLOT_OID,), (1,))
    client.subscribe_slot(made.node_id, 1)
    client.silence()
    made.expect("ric_subscription_delete_request", 3)
    assert "not registered" in client.ask(heartbeat=bus.Heartbeat(xapp_name="silent")).error


def test_a_dead_xapps_slice_may_be_taken_over_and_the_dead_one_is_told(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(ric, 8)
    dead = xapp(ric, "dead-holder", (SLOT_OID,), (1,))
    dead.subscribe_slot(made.node_id, 1)
    dead.silence()
    made.expect("ric_subscription_delete_request", 3)
    heir = xapp(ric, "heir", (SLOT_OID,), (1,))
    assert heir.subscribe_slot(made.node_id, 1).error == ""
    assert dead.register((SLOT_OID,), (1,)).error == ""
    assert "heir" in dead.expect("subscription_restored").subscription_restored.error


def test_the_last_acknowledged_budgets_are_sent_to_a_node_that_comes_back(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(ric, 9)
    client = xapp(ric, "budgeter", (BUDGETS_OID,))
    up = ric.up_endpoint(made.node_id)

    def send(message: budgets.ControlMessage, call: bytes) -> None:
        client.send_up(
            up,
            e2ap.RicControlRequest(
                ric_request_id=e2ap.RicRequestId(ric_requestor_id=client.requestor_id),
                ran_function_id=BUDGETS_ID,
                ric_call_process_id=call,
                ric_control_message=message.SerializeToString(),
            ),
        )
        made.expect("ric_control_request")

    common: RequestFields = {
        "ric_request_id": e2ap.RicRequestId(ric_requestor_id=client.requestor_id),
        "ran_function_id": BUDGETS_ID,
    }
    send(BUDGETS, b"1")
    made.send(ric_control_acknowledge=e2ap.RicControlAcknowledge(**common, ric_call_process_id=b"1"))
    client.expect("control_acknowledge")
    refused = budgets.ControlMessage(budgets=[budgets.SliceBudget(bandwidth_hz=99)])
    send(refused, b"2")
    invalid = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_CONTROL_MESSAGE_INVALID)
    made.send(ric_control_failure=e2ap.RicControlFailure(**common, ric_call_process_id=b"2", cause=invalid))
    client.expect("control_failure")
    send(budgets.ControlMessage(), b"3")  # keep
    made.send(ric_control_acknowledge=e2ap.RicControlAcknowledge(**common, ric_call_process_id=b"3"))
    client.expect("control_acknowledge")

    shown = ric.get("/budgets").json()[made.node_id]
    assert [item["bandwidth_hz"] for item in shown] == [2, 6, 2]
    made.close()
    replayed = node(ric, 9).expect("ric_control_request").ric_control_request
    assert budgets.ControlMessage.FromString(replayed.ric_control_message) == BUDGETS
    assert (replayed.ric_request_id, replayed.ric_call_process_id) == (e2ap.RicRequestId(), b"")


def test_a_replay_that_a_node_refuses_is_not_sent_to_it_again(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made, client = node(ric, 57), xapp(ric, "refused-replay", (BUDGETS_OID,))
    with_budgets(ric, made, client)
    made.set_up()
    replay = made.expect("ric_control_request").ric_control_request
    invalid = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_CONTROL_MESSAGE_INVALID)
    made.send(
        ric_control_failure=e2ap.RicControlFailure(
            ric_request_id=replay.ric_request_id, ran_function_id=BUDGETS_ID, cause=invalid
        )
    )
    wait_until(lambda: made.node_id not in ric.get("/budgets").json())
    made.set_up()
    assert replayed(made, client, "kpm") is None


def test_of_budgets_sent_one_after_the_other_those_are_remembered_that_were_taken(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(ric, 44)
    client = xapp(ric, "hasty", (BUDGETS_OID,))
    up = ric.up_endpoint(made.node_id)
    common: RequestFields = {
        "ric_request_id": e2ap.RicRequestId(ric_requestor_id=client.requestor_id),
        "ran_function_id": BUDGETS_ID,
    }
    refused = budgets.ControlMessage(budgets=[budgets.SliceBudget(bandwidth_hz=99)])
    sent = (BUDGETS, refused, budgets.ControlMessage())
    for message in sent:  # unasked: nothing tells them apart
        request = e2ap.RicControlRequest(**common, ric_control_message=message.SerializeToString())
        client.send_up(up, request)
        made.expect("ric_control_request")
    invalid = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_CONTROL_MESSAGE_INVALID)
    for message in sent:
        if message is refused:
            made.send(ric_control_failure=e2ap.RicControlFailure(**common, cause=invalid))
            client.expect("control_failure")
        else:
            made.send(ric_control_acknowledge=e2ap.RicControlAcknowledge(**common))
            client.expect("control_acknowledge")
    assert [item["bandwidth_hz"] for item in ric.get("/budgets").json()[made.node_id]] == [2, 6, 2]


OTHER = budgets.ControlMessage(
    budgets=[budgets.SliceBudget(slice_id=i, bandwidth_hz=hz, power_w=1.0) for i, hz in enumerate((3, 4, 3))]
)


class Budgeter:
    """An xApp that sends unasked budgets to a node, which answers what it is told to."""

    def __init__(self, ric: Ric, made: Node, client: BusClient) -> None:
        self._up = ric.up_endpoint(made.node_id)
        self._made = made
        self._client = client

    def send(self, message: budgets.ControlMessage, call: bytes, *, acknowledge: bool = True) -> None:
        self._client.send_up(
            self._up,
            e2ap.RicControlRequest(
                **self._common(call),
                ric_control_message=message.SerializeToString(),
                ric_control_ack_request=e2ap.ACK if acknowledge else e2ap.NO_ACK,
            ),
        )
        self._made.expect("ric_control_request")

    def acknowledged(self, call: bytes) -> None:
        self._made.send(ric_control_acknowledge=e2ap.RicControlAcknowledge(**self._common(call)))
        self._client.expect("control_acknowledge")

    def _common(self, call: bytes) -> CallFields:
        request_id = e2ap.RicRequestId(ric_requestor_id=self._client.requestor_id)
        return {"ric_request_id": request_id, "ran_function_id": BUDGETS_ID, "ric_call_process_id": call}


def with_budgets(ric: Ric, made: Node, client: BusClient) -> Budgeter:
    """Who sets a node's budgets, and has set `BUDGETS`."""
    budgeter = Budgeter(ric, made, client)
    budgeter.send(BUDGETS, b"1")
    budgeter.acknowledged(b"1")
    return budgeter


def replayed(made: Node, client: BusClient, key: str) -> budgets.ControlMessage | None:
    """The budgets that a node which has just been set up was sent before anything else."""
    assert client.subscribe(made.node_id, KPM_ID, key).error == ""
    first = made.received.get(timeout=5)
    if first.HasField("ric_control_request"):
        return budgets.ControlMessage.FromString(first.ric_control_request.ric_control_message)
    assert first.HasField("ric_subscription_request")
    return None


@pytest.mark.parametrize(("gnb_id", "acknowledge"), [(45, True), (46, False)])
def test_budgets_older_than_those_that_a_node_may_have_taken_are_not_sent_to_it(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp, gnb_id: int, acknowledge: bool
) -> None:
    made, client = node(ric, gnb_id), xapp(ric, f"unanswered-{gnb_id}", (BUDGETS_OID,))
    budgeter = with_budgets(ric, made, client)
    budgeter.send(OTHER, b"2", acknowledge=acknowledge)
    made.close()
    client.expect("node_down")
    assert made.node_id not in ric.get("/budgets").json()
    back = node(ric, gnb_id)
    assert replayed(back, client, "kpm") is None
    budgeter = Budgeter(ric, back, client)
    budgeter.send(OTHER, b"3")
    budgeter.acknowledged(b"3")
    back.close()
    client.expect("node_down")
    again = node(ric, gnb_id)
    assert again.expect("ric_control_request").ric_control_request.ric_control_message == OTHER.SerializeToString()


def test_a_node_that_is_set_up_again_before_it_answers_is_sent_no_older_budgets(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made, client = node(ric, 47), xapp(ric, "set-up-again", (BUDGETS_OID,))
    budgeter = with_budgets(ric, made, client)
    budgeter.send(OTHER, b"2")
    made.set_up()
    assert replayed(made, client, "kpm") is None
    budgeter.acknowledged(b"2")
    made.set_up()
    assert made.expect("ric_control_request").ric_control_request.ric_control_message == OTHER.SerializeToString()


def test_a_node_that_leaves_before_it_answers_returns_without_budgets(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made, client = node(ric, 48), xapp(ric, "leaves-unanswered", (BUDGETS_OID,))
    budgeter = with_budgets(ric, made, client)
    budgeter.send(OTHER, b"2")
    made.send(e2_removal_request=e2ap.E2RemovalRequest(transaction_id=3))
    assert made.ended.wait(5)
    assert replayed(node(ric, 48), client, "kpm") is None


def test_an_acknowledge_does_not_tell_what_holds_where_other_budgets_asked_for_none(
    own_ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(own_ric, 1)
    client = xapp(own_ric, "overtaken", (BUDGETS_OID,))
    budgeter = Budgeter(own_ric, made, client)
    budgeter.send(BUDGETS, b"1")
    budgeter.acknowledged(b"1")
    budgeter.send(BUDGETS, b"2")
    budgeter.send(OTHER, b"3", acknowledge=False)
    budgeter.acknowledged(b"2")
    assert own_ric.get("/budgets").json() == {}
    own_ric.stop()
    own_ric.start()
    assert own_ric.get("/budgets").json() == {}  # nor does the store


def test_controls_sent_while_the_node_is_away_are_refused_at_once(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(ric, 10)
    client = xapp(ric, "too-late", (SLOT_OID,), (1,))
    request_id = client.subscribe_slot(made.node_id, 1).ric_request_id
    up = ric.up_endpoint(made.node_id)
    made.close()
    client.expect("node_down")
    client.send_up(up, e2ap.RicControlRequest(ric_request_id=request_id, ran_function_id=SLOT_ID))
    failure = client.expect("control_failure").control_failure
    assert failure.cause.ric_request == e2ap.RIC_REQUEST_SYSTEM_NOT_READY


@pytest.mark.slow
def test_a_killed_hot_loop_ends_the_service_and_a_restart_restores_from_the_store(
    own_ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(own_ric, 1)
    client = xapp(own_ric, "survivor", (SLOT_OID,), (1,))
    request_id = client.subscribe_slot(made.node_id, 1).ric_request_id
    os.kill(own_ric.hot_pid(), signal.SIGKILL)
    assert own_ric.process.wait(timeout=10) == 1
    assert made.ended.wait(3)
    own_ric.start()
    stored = own_ric.get("/subscriptions").json()
    assert [(item["xapp"], item["state"]) for item in stored] == [("survivor", "waiting")]
    wait_until(lambda: "not registered" in client.ask(heartbeat=bus.Heartbeat(xapp_name="survivor")).error)
    assert client.register((SLOT_OID,), (1,)).ric_requestor_id == client.requestor_id
    back = node(own_ric, 1)
    assert back.expect("ric_subscription_request").ric_subscription_request.ric_request_id == request_id
    client.expect("subscription_restored")
    back.indicate(request_id, SLOT_ID)
    client.expect("indication")


def test_sigterm_ends_service_and_hot_loop_cleanly(own_ric: Ric, node: ConnectNode) -> None:
    made = node(own_ric, 1)
    hot = own_ric.hot_pid()
    assert own_ric.stop() == 0
    assert made.ended.wait(3)
    with pytest.raises(ProcessLookupError):
        os.kill(hot, 0)
    log = (own_ric.folder / "log").read_text()
    assert "ric_stopped" in log
    assert "Assertion" not in log
    assert "Traceback" not in log


def test_a_killed_service_takes_its_hot_loop_with_it(own_ric: Ric) -> None:
    hot = own_ric.hot_pid()
    own_ric.process.kill()

    def gone() -> bool:
        try:
            os.kill(hot, 0)
        except ProcessLookupError:
            return True
        return False

    wait_until(gone, 10)


def test_an_xapp_is_told_of_a_node_that_came_before_its_data_socket(ric: Ric, node: ConnectNode) -> None:
    client = BusClient(ric.bus, "slow-to-listen", listens=False)
    try:
        assert client.register().error == ""
        made = node(ric, 77)
        client.listen()
        told = client.expect("node_up")
        assert (told.node_id, told.node_up.connected) == (made.node_id, True)
    finally:
        client.close()
