"""Subscription, delete, routing, rights and controls over the real bus."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from e2_test_node import (
    BUDGETS_ID,
    INSERT,
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
from hiso_proto import e2sm_slot_pb2 as slot
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.oids import BUDGETS_OID, KPM_OID, SLOT_OID
from ric_fixtures import ConnectNode, ConnectXApp


def control(
    request_id: e2ap.RicRequestId, function_id: int, header: bytes = b"", message: bytes = b"m", call: bytes = b"call"
) -> e2ap.RicControlRequest:
    return e2ap.RicControlRequest(
        ric_request_id=request_id,
        ran_function_id=function_id,
        ric_call_process_id=call,
        ric_control_header=header,
        ric_control_message=message,
    )


def test_report_and_inserts_reach_the_xapp_that_asked(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 1)
    first = xapp(ric, "first", (SLOT_OID,), (1,))
    second = xapp(ric, "second", (BUDGETS_OID,))
    kpm = first.subscribe(made.node_id, KPM_ID, "kpm")
    insert = first.subscribe_slot(made.node_id, 1)
    second_of = second.subscribe(made.node_id, BUDGETS_ID, "budgets", actions=[INSERT])
    assert list(insert.response.ric_actions_admitted) == [1]
    for subscription, function_id, client in (
        (kpm, KPM_ID, first),
        (insert, SLOT_ID, first),
        (second_of, BUDGETS_ID, second),
    ):
        payload = f"for {client.name}".encode()
        made.indicate(subscription.ric_request_id, function_id, ric_indication_message=payload)
        down = client.expect("indication")
        assert down.node_id == made.node_id
        assert down.indication.ran_function_id == function_id
        assert down.indication.ric_indication_message == payload


def test_two_nodes_are_told_apart(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    one, two = node(ric, 21), node(ric, 22)
    client = xapp(ric, "both", (SLOT_OID,), (0,))
    ids = {made.node_id: client.subscribe_slot(made.node_id, 0).ric_request_id for made in (one, two)}
    for made in (two, one):
        made.indicate(ids[made.node_id], SLOT_ID)
        assert client.expect("indication").node_id == made.node_id


def test_several_indications_of_one_frame_go_their_own_ways(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 2)
    clients = [xapp(ric, f"slice-{i}", (SLOT_OID,), (i,)) for i in range(3)]
    ids = [client.subscribe_slot(made.node_id, i).ric_request_id for i, client in enumerate(clients)]
    frame = e2ap.E2Frame(
        pdus=[
            e2ap.E2apPdu(
                ric_indication=e2ap.RicIndication(
                    ric_request_id=request_id, ran_function_id=SLOT_ID, ric_indication_message=bytes([i])
                )
            )
            for i, request_id in enumerate(ids)
        ]
    )
    made.send_raw(frame.SerializeToString())
    for i, client in enumerate(clients):
        assert client.expect("indication").indication.ric_indication_message == bytes([i])


def test_control_its_acknowledge_and_its_failure_find_their_way(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 3)
    client = xapp(ric, "controller", (SLOT_OID,), (1,))
    request_id = client.subscribe_slot(made.node_id, 1).ric_request_id
    up = ric.up_endpoint(made.node_id)
    header = slot.ControlHeader(slice_id=1, decided_slot=7).SerializeToString()
    client.send_up(up, control(request_id, SLOT_ID, header))
    received = made.expect("ric_control_request").ric_control_request
    assert (received.ric_call_process_id, received.ric_control_header) == (b"call", header)
    same: CallFields = {"ric_request_id": request_id, "ran_function_id": SLOT_ID, "ric_call_process_id": b"call"}
    made.send(ric_control_acknowledge=e2ap.RicControlAcknowledge(**same))
    assert client.expect("control_acknowledge").control_acknowledge.ric_call_process_id == b"call"
    late = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_CONTROL_TIMER_EXPIRED)
    made.send(ric_control_failure=e2ap.RicControlFailure(**same, cause=late))
    assert client.expect("control_failure").control_failure.cause == late


def test_a_control_of_an_xapp_whose_data_socket_is_not_there_yet_passes_and_is_answered(
    ric: Ric, node: ConnectNode
) -> None:
    made = node(ric, 41)
    early = BusClient(ric.bus, "early", listens=False)
    (known,) = [item for item in early.register((BUDGETS_OID,)).nodes if item.node_id == made.node_id]
    request_id = e2ap.RicRequestId(ric_requestor_id=early.requestor_id)
    early.send_up(known.up_endpoint, control(request_id, BUDGETS_ID))
    asked = made.expect("ric_control_request").ric_control_request
    answer = e2ap.RicControlAcknowledge(ric_request_id=asked.ric_request_id, ran_function_id=BUDGETS_ID)
    made.send(ric_control_acknowledge=answer)
    early.listen()
    assert early.expect("control_acknowledge").control_acknowledge == answer
    early.close()


def test_an_xapp_controls_only_what_it_registered_for(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 4)
    client = xapp(ric, "limited", (SLOT_OID,), (1,))
    request_id = client.subscribe_slot(made.node_id, 1).ric_request_id
    other = xapp(ric, "other", (SLOT_OID,), (0,)).subscribe_slot(made.node_id, 0).ric_request_id
    up = ric.up_endpoint(made.node_id)
    own = slot.ControlHeader(slice_id=1).SerializeToString()
    unknown, misc = "ric_request", "misc"
    for request, group, value, named in (
        (
            control(request_id, SLOT_ID, slot.ControlHeader(slice_id=2).SerializeToString()),
            misc,
            e2ap.MISC_OM_INTERVENTION,
            "slice_id",
        ),
        (control(request_id, BUDGETS_ID), misc, e2ap.MISC_OM_INTERVENTION, "OID"),
        (control(request_id, 77), unknown, e2ap.RIC_REQUEST_RAN_FUNCTION_ID_INVALID, "77"),
        (control(other, SLOT_ID, own), unknown, e2ap.RIC_REQUEST_REQUEST_ID_UNKNOWN, "ric_requestor_id"),
        (
            control(e2ap.RicRequestId(ric_requestor_id=client.requestor_id, ric_instance_id=99), SLOT_ID, own),
            unknown,
            e2ap.RIC_REQUEST_REQUEST_ID_UNKNOWN,
            "not subscribed",
        ),
        (
            control(request_id, SLOT_ID, b"\xff"),
            unknown,
            e2ap.RIC_REQUEST_CONTROL_MESSAGE_INVALID,
            "ric_control_header",
        ),
    ):
        client.send_up(up, request)
        failure = client.expect("control_failure").control_failure
        assert getattr(failure.cause, group) == value
        outcome = (budgets.ControlOutcome if request.ran_function_id == BUDGETS_ID else slot.ControlOutcome).FromString(
            failure.ric_control_outcome
        )
        assert named in outcome.text
    client.send_up(up, control(request_id, SLOT_ID, own, call=b"good"))
    assert made.expect("ric_control_request").ric_control_request.ric_call_process_id == b"good"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"function_id": 99}, "ran_function_id"),
        ({"node_id": "00101-999"}, "node_id"),
        ({"key": ""}, "key"),
        ({"actions": []}, "actions"),
        ({"actions": [e2ap.RicAction(ric_action_id=1)] * 2}, "ric_action_id"),
        ({"actions": [e2ap.RicAction(ric_action_id=256)]}, "ric_action_id"),
        ({"actions": [e2ap.RicAction(ric_action_id=1, ric_action_type=e2ap.INSERT)]}, "ric_subsequent_action"),
        ({"actions": [INSERT], "ric_event_trigger_definition": b"\x08\x02"}, "slice_id"),
        ({"actions": [INSERT], "ric_event_trigger_definition": b"\xff"}, "ric_event_trigger_definition"),
        ({"actions": [INSERT], "function_id": BUDGETS_ID}, "not registered for OID"),
    ],
)
def test_the_platform_refuses_and_names_the_field(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp, fields: dict[str, Any], named: str
) -> None:
    made = node(ric, 5)
    client = xapp(ric, "refused", (SLOT_OID,), (1,))
    valid = {"node_id": made.node_id, "function_id": SLOT_ID, "key": "k"}
    response = client.subscribe(**{**valid, **fields})
    assert named in response.error
    assert made.subscribed == {}


def test_only_one_xapp_decides_for_a_slice(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 6)
    holder, late = xapp(ric, "holder", (SLOT_OID,), (0, 1)), xapp(ric, "late", (SLOT_OID,), (0, 1))
    assert holder.subscribe_slot(made.node_id, 0).error == ""
    refused = late.subscribe_slot(made.node_id, 0)
    assert "holder" in refused.error
    # Slice 0 spelt out on the wire is the same trigger.
    spelt = late.subscribe(made.node_id, SLOT_ID, "spelt", actions=[INSERT], ric_event_trigger_definition=b"\x08\x00")
    assert "holder" in spelt.error
    assert late.subscribe_slot(made.node_id, 1).error == ""


def test_the_same_key_joins_or_replaces(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 7)
    client = xapp(ric, "again", (SLOT_OID,), (0, 1))
    first = client.subscribe_slot(made.node_id, 0)
    assert client.subscribe_slot(made.node_id, 0).ric_request_id == first.ric_request_id
    replaced = client.subscribe_slot(made.node_id, 1)
    assert replaced.ric_request_id != first.ric_request_id
    made.expect("ric_subscription_delete_request")
    wait_until(lambda: len(made.subscribed) == 1)


def test_unsubscribe_deletes_at_the_node(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 8)
    client, other = xapp(ric, "leaver", (SLOT_OID,), (1,)), xapp(ric, "stranger")
    request_id = client.subscribe_slot(made.node_id, 1).ric_request_id

    def unsubscribe(who: BusClient) -> str:
        request = bus.UnsubscribeRequest(xapp_name=who.name, ric_request_id=request_id)
        return who.ask(unsubscribe_request=request).unsubscribe_response.error

    assert "holds no subscription" in unsubscribe(other)
    alias = e2ap.RicRequestId(ric_instance_id=(request_id.ric_requestor_id << 16) + request_id.ric_instance_id)
    beyond = bus.UnsubscribeRequest(xapp_name=client.name, ric_request_id=alias)
    assert "holds no subscription" in client.ask(unsubscribe_request=beyond).unsubscribe_response.error
    assert unsubscribe(client) == ""
    assert made.subscribed == {}
    assert "holds no subscription" in unsubscribe(client)
    made.indicate(request_id, SLOT_ID)
    error = made.expect("error_indication").error_indication
    assert error.cause.ric_request == e2ap.RIC_REQUEST_REQUEST_ID_UNKNOWN


def ask_for(client: BusClient, node_id: str, key: str, slice_id: int = 1) -> None:
    """Ask for a slice without waiting for the answer."""
    request = bus.SubscribeRequest(
        xapp_name=client.name,
        node_id=node_id,
        ran_function_id=SLOT_ID,
        key=key,
        ric_event_trigger_definition=slot.EventTriggerDefinition(slice_id=slice_id).SerializeToString(),
        actions=[INSERT],
    )
    client.management.send(bus.ManagementMessage(sequence=1_000, subscribe_request=request).SerializeToString())


def test_the_nodes_refusal_reaches_the_xapp_and_is_not_kept(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 9)
    made.accept = False
    client = xapp(ric, "unlucky", (SLOT_OID,), (1,))
    cause = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_FUNCTION_RESOURCE_LIMIT)
    ask_for(client, made.node_id, "k")
    asked = made.expect("ric_subscription_request").ric_subscription_request
    made.send(
        ric_subscription_failure=e2ap.RicSubscriptionFailure(
            ric_request_id=asked.ric_request_id, ran_function_id=SLOT_ID, cause=cause
        )
    )
    assert client.management.poll(5_000)
    answer = bus.ManagementMessage.FromString(client.management.recv())
    assert answer.subscribe_response.failure.cause == cause
    assert all(item["xapp"] != "unlucky" for item in ric.get("/subscriptions").json())


def test_what_a_node_holds_under_a_request_id_already_is_deleted_there(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(ric, 11)
    made.accept = False
    client = xapp(ric, "duplicate", (SLOT_OID,), (1,))
    ask_for(client, made.node_id, "k")
    asked = made.expect("ric_subscription_request").ric_subscription_request
    cause = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_DUPLICATE_RIC_REQUEST_ID)
    made.send(
        ric_subscription_failure=e2ap.RicSubscriptionFailure(
            ric_request_id=asked.ric_request_id, ran_function_id=SLOT_ID, cause=cause
        )
    )
    delete = made.expect("ric_subscription_delete_request").ric_subscription_delete_request
    assert (delete.ric_request_id, delete.ran_function_id) == (asked.ric_request_id, SLOT_ID)


def ask_and_leave(client: BusClient, made: Node) -> e2ap.RicSubscriptionRequest:
    """The request that the node got, and that was withdrawn before it answered."""
    ask_for(client, made.node_id, "k")
    asked = made.expect("ric_subscription_request").ric_subscription_request
    client.close()
    made.expect("ric_subscription_delete_request")
    return asked


def answer_request_and_delete(made: Node, identity: RequestFields, admitted: bool) -> None:
    if admitted:
        made.send(ric_subscription_response=e2ap.RicSubscriptionResponse(**identity))
    else:
        made.send(ric_subscription_failure=e2ap.RicSubscriptionFailure(**identity))
    made.send(ric_subscription_delete_response=e2ap.RicSubscriptionDeleteResponse(**identity))


def next_error_of_a_reset_response(made: Node) -> str:
    """What the RIC objects to next, where a reset_response that nobody asked for comes last."""
    made.send(reset_response=e2ap.ResetResponse())
    return made.expect("error_indication").error_indication.criticality_diagnostics.text


@pytest.mark.parametrize("admitted", [True, False])
def test_the_answer_to_a_request_that_was_withdrawn_is_no_error(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp, admitted: bool
) -> None:
    made = node(ric, 12)
    made.accept = False
    client = xapp(ric, f"hasty-{int(admitted)}", (SLOT_OID,), (1,))
    asked = ask_and_leave(client, made)
    identity: RequestFields = {"ric_request_id": asked.ric_request_id, "ran_function_id": SLOT_ID}
    answer_request_and_delete(made, identity, admitted)
    # Of what is sent, only the last is an error.
    assert next_error_of_a_reset_response(made).startswith("reset_response")


@pytest.mark.parametrize("admitted", [True, False])
def test_the_answer_to_a_request_that_was_withdrawn_is_not_taken_for_that_to_the_next(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp, admitted: bool
) -> None:
    made = node(ric, 31 + int(admitted))
    made.accept = False
    client = xapp(ric, f"returning-{int(admitted)}", (SLOT_OID,), (1,))
    asked = ask_and_leave(client, made)
    heir = xapp(ric, f"returning-{int(admitted)}", (SLOT_OID,), (1,))
    again = made.expect("ric_subscription_request").ric_subscription_request
    assert again == asked
    identity: RequestFields = {"ric_request_id": asked.ric_request_id, "ran_function_id": SLOT_ID}
    # The node is slow: it answers the three, in their order, only now.
    answer_request_and_delete(made, identity, admitted)
    made.send(ric_subscription_response=e2ap.RicSubscriptionResponse(**identity, ric_actions_admitted=[1]))
    restored = heir.expect("subscription_restored").subscription_restored
    assert restored.error == ""
    assert list(restored.response.ric_actions_admitted) == [1]
    assert next_error_of_a_reset_response(made).startswith("reset_response")


def test_answers_to_what_was_withdrawn_twice_are_told_apart(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 33)
    made.accept = False
    client = xapp(ric, "twice", (SLOT_OID,), (1,))
    ask_for(client, made.node_id, "k")
    asked = made.expect("ric_subscription_request").ric_subscription_request
    for _ in range(2):  # each registration ends what was there before, and has it restored
        client.register((SLOT_OID,), (1,))
        made.expect("ric_subscription_delete_request")
        assert made.expect("ric_subscription_request").ric_subscription_request == asked
    identity: RequestFields = {"ric_request_id": asked.ric_request_id, "ran_function_id": SLOT_ID}
    for _ in range(2):
        answer_request_and_delete(made, identity, admitted=True)
    made.send(ric_subscription_response=e2ap.RicSubscriptionResponse(**identity, ric_actions_admitted=[1]))
    restored = client.expect("subscription_restored").subscription_restored
    assert (restored.error, list(restored.response.ric_actions_admitted)) == ("", [1])
    assert next_error_of_a_reset_response(made).startswith("reset_response")


def answer_once(happens: Callable[[], None], client: BusClient, made: Node) -> bus.SubscribeResponse:
    """What the xApp is told of a request that the node has got, and that has no answer when something happens."""
    answers: list[bus.SubscribeResponse] = []
    asking = threading.Thread(target=lambda: answers.append(client.subscribe_slot(made.node_id, 1)))
    asking.start()
    made.expect("ric_subscription_request")
    happens()
    asking.join()
    return answers[0]


def test_what_was_refused_because_the_node_left_is_not_kept(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 34)
    made.accept = False
    client = xapp(ric, "left-alone", (SLOT_OID,), (1,))
    assert f"node {made.node_id}" in answer_once(made.close, client, made).error
    assert all(item["xapp"] != "left-alone" for item in ric.get("/subscriptions").json())
    back = node(ric, 34)
    assert xapp(ric, "other", (SLOT_OID,), (1,)).subscribe_slot(back.node_id, 1).error == ""


def test_what_was_refused_because_its_function_went_is_not_kept(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 35)
    made.accept = False
    client = xapp(ric, "no-function", (SLOT_OID,), (1,))
    slot_function = next(item for item in functions() if item.ran_function_id == SLOT_ID)
    gone = e2ap.RanFunctionIdItem(ran_function_id=SLOT_ID, ran_function_revision=slot_function.ran_function_revision)
    update = e2ap.RicServiceUpdate(transaction_id=7, ran_functions_deleted=[gone])
    answer = answer_once(lambda: made.send(ric_service_update=update), client, made)
    assert answer.error.startswith("node 00101-35 no longer offers OID")
    assert answer.cause.ric_request == e2ap.RIC_REQUEST_RAN_FUNCTION_ID_INVALID
    assert all(item["xapp"] != "no-function" for item in ric.get("/subscriptions").json())


@pytest.mark.slow
def test_an_xapp_holds_256_subscriptions_at_most(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 36)
    client = xapp(ric, "greedy")
    for number in range(256):
        assert client.subscribe(made.node_id, KPM_ID, f"k{number}").error == ""
    refused = client.subscribe(made.node_id, KPM_ID, "one-more")
    assert "256 subscriptions" in refused.error
    assert refused.cause.ric_service == e2ap.RIC_SERVICE_RIC_RESOURCE_LIMIT
    assert client.subscribe(made.node_id, KPM_ID, "k0").error == ""


def test_an_action_type_of_a_newer_release_is_shown_by_its_number(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(ric, 37)
    client = xapp(ric, "newer", (KPM_OID,))
    action = e2ap.RicAction(ric_action_id=1, ric_action_type=7)  # type: ignore[arg-type]
    assert client.subscribe(made.node_id, KPM_ID, "k", actions=[action]).error == ""
    (item,) = [item for item in ric.get("/subscriptions").json() if item["xapp"] == "newer"]
    assert item["actions"] == ["7"]


@pytest.mark.parametrize("others", [[1], [1, 0]], ids=["one", "one-after-the-other"])
def test_what_a_refused_request_was_to_replace_stands_again(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp, others: list[int]
) -> None:
    made = node(ric, 37 + len(others))
    client = xapp(ric, f"rash-{len(others)}", (SLOT_OID,), (0, 1))
    stood = client.subscribe_slot(made.node_id, 0).ric_request_id
    made.expect("ric_subscription_request")
    made.accept = False
    for slice_id in others:
        ask_for(client, made.node_id, "slot", slice_id)
        made.answer_delete(made.expect("ric_subscription_delete_request").ric_subscription_delete_request)
        asked = made.expect("ric_subscription_request").ric_subscription_request
    made.accept = True
    cause = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_FUNCTION_RESOURCE_LIMIT)
    made.send(
        ric_subscription_failure=e2ap.RicSubscriptionFailure(
            ric_request_id=asked.ric_request_id, ran_function_id=SLOT_ID, cause=cause
        )
    )
    assert made.expect("ric_subscription_request").ric_subscription_request.ric_request_id == stood
    assert client.expect("subscription_restored").subscription_restored.ric_request_id == stood
    made.indicate(stood, SLOT_ID)
    client.expect("indication")
    (item,) = [item for item in ric.get("/subscriptions").json() if item["xapp"] == client.name]
    assert (item["state"], item["ric_instance_id"]) == ("active", stood.ric_instance_id)


def test_what_was_to_be_replaced_comes_back_with_the_node(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 46)
    client = xapp(ric, "rash-too", (SLOT_OID,), (0, 1))
    stood = client.subscribe_slot(made.node_id, 0).ric_request_id
    made.accept = False
    ask_for(client, made.node_id, "slot")
    made.expect("ric_subscription_delete_request")
    made.close()
    client.expect("node_down")
    back = node(ric, 46)
    wait_until(lambda: list(back.subscribed) == [(stood.ric_requestor_id, stood.ric_instance_id)])


def test_what_a_node_has_admitted_and_nobody_waits_for_is_deleted_there(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 40)
    nobodys = e2ap.RicRequestId(ric_requestor_id=9, ric_instance_id=9)
    made.send(ric_subscription_response=e2ap.RicSubscriptionResponse(ric_request_id=nobodys, ran_function_id=SLOT_ID))
    delete = made.expect("ric_subscription_delete_request").ric_subscription_delete_request
    assert (delete.ric_request_id, delete.ran_function_id) == (nobodys, SLOT_ID)


def test_only_reports_need_no_rights(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 41)
    client = xapp(ric, "meddler")
    policy = e2ap.RicAction(ric_action_id=1, ric_action_type=e2ap.POLICY)
    refused = client.subscribe(made.node_id, KPM_ID, "k", actions=[policy])
    assert refused.error.startswith("ran_function_id: xApp meddler is not registered for OID")
    assert client.subscribe(made.node_id, KPM_ID, "k").error == ""


def test_what_is_asked_for_without_a_data_socket_is_refused_and_not_done_for_a_successor(
    ric: Ric, node: ConnectNode
) -> None:
    made = node(ric, 42)
    clients = []
    for _ in range(2):
        clients.append(client := BusClient(ric.bus, "deaf", listens=False))
        assert client.register((SLOT_OID,), (1,)).error == ""
        ask_for(client, made.node_id, "slot")
        client.silence()
    for client in clients:
        assert client.management.poll(5_000)
        answer = bus.ManagementMessage.FromString(client.management.recv()).subscribe_response
        assert answer.error == "xapp_name: xApp deaf has not connected its data socket"
        assert answer.cause.ric_request == e2ap.RIC_REQUEST_SYSTEM_NOT_READY
        client.close()
    assert made.subscribed == {}


def test_a_control_for_another_node_than_listens_is_refused(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 43)
    client = xapp(ric, "stale", (BUDGETS_OID,))
    up = ric.up_endpoint(made.node_id)
    request = control(e2ap.RicRequestId(ric_requestor_id=client.requestor_id), BUDGETS_ID)
    for node_id in ("00101-999", made.node_id):
        message = bus.UpMessage(xapp_name="stale", node_id=node_id, control_request=request)
        client.send_up_raw(up, message.SerializeToString())
    failure = client.expect("control_failure")
    assert failure.node_id == "00101-999"
    assert failure.control_failure.cause.ric_request == e2ap.RIC_REQUEST_SYSTEM_NOT_READY
    made.expect("ric_control_request")
    assert made.received.empty()


@pytest.mark.slow
def test_a_node_that_does_not_answer_ends_the_request(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 10)
    made.accept = False
    response = xapp(ric, "patient", (SLOT_OID,), (1,)).subscribe_slot(made.node_id, 1)
    assert "did not answer" in response.error
    made.expect("ric_subscription_delete_request")
