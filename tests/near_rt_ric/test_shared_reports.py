"""REPORT subscriptions of the same content share one E2 subscription; a node of the tests' own counts them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from e2_test_node import INSERT, KPM_ID, SLOT_ID, BusClient, Node, Ric, wait_until
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.oids import KPM_OID, SLOT_OID
from ric_fixtures import ConnectNode, ConnectXApp

REPORT = e2ap.RicAction(ric_action_id=1, ric_action_type=e2ap.REPORT, ric_action_definition=b"all of it")


def key_of(request_id: e2ap.RicRequestId) -> tuple[int, int]:
    return request_id.ric_requestor_id, request_id.ric_instance_id


def unsubscribe(client: BusClient, request_id: e2ap.RicRequestId) -> str:
    request = bus.UnsubscribeRequest(xapp_name=client.name, ric_request_id=request_id)
    return client.ask(unsubscribe_request=request).unsubscribe_response.error


def carriers(ric: Ric, node: Node) -> dict[str, str]:
    return {i["xapp"]: i["carried_by"] for i in ric.get("/subscriptions").json() if i["node_id"] == node.node_id}


def test_each_reader_gets_every_report_under_its_own_request_id(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 201)
    clients = [xapp(ric, f"reader-{i}") for i in range(3)]
    ids = [client.subscribe(made.node_id, KPM_ID, "kpm", actions=[REPORT]).ric_request_id for client in clients]
    assert len({key_of(request_id) for request_id in ids}) == 3
    assert list(made.subscribed) == [key_of(ids[0])]
    assert set(carriers(ric, made).values()) == {f"{ids[0].ric_requestor_id}-{ids[0].ric_instance_id}"}
    made.indicate(ids[0], KPM_ID, ric_indication_message=b"42", ric_indication_sn=5)
    for client, request_id in zip(clients, ids, strict=True):
        indication = client.expect("indication").indication
        assert indication.ric_request_id == request_id
        assert (indication.ric_indication_message, indication.ric_indication_sn) == (b"42", 5)


def test_the_node_is_asked_once_at_the_first_and_once_at_the_last(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(ric, 202)
    first, second = xapp(ric, "first-in"), xapp(ric, "last-out")
    one = first.subscribe(made.node_id, KPM_ID, "kpm", actions=[REPORT])
    two = second.subscribe(made.node_id, KPM_ID, "kpm", actions=[REPORT])
    assert list(two.response.ric_actions_admitted) == [1]
    assert two.response.ric_request_id == two.ric_request_id
    # The first leaves: its E2 subscription carries the second one's reports on, and its id is not given away.
    assert unsubscribe(first, one.ric_request_id) == ""
    assert list(made.subscribed) == [key_of(one.ric_request_id)]
    other = first.subscribe(made.node_id, SLOT_ID, "other")
    assert other.ric_request_id != one.ric_request_id
    made.indicate(one.ric_request_id, KPM_ID)
    assert second.expect("indication").indication.ric_request_id == two.ric_request_id
    made.indicate(other.ric_request_id, SLOT_ID)
    assert first.expect("indication").indication.ran_function_id == SLOT_ID  # and nothing of the shared report before
    assert unsubscribe(second, two.ric_request_id) == ""
    assert list(made.subscribed) == [key_of(other.ric_request_id)]
    made.indicate(one.ric_request_id, KPM_ID)
    made.expect("error_indication")


@pytest.mark.parametrize(
    "other",
    [
        {"actions": [e2ap.RicAction(ric_action_id=1, ric_action_type=e2ap.REPORT, ric_action_definition=b"less")]},
        {"ric_event_trigger_definition": b"\x08\x02"},
        {"function_id": SLOT_ID},
    ],
)
def test_what_differs_is_not_shared(ric: Ric, node: ConnectNode, xapp: ConnectXApp, other: dict[str, Any]) -> None:
    made = node(ric, 203)
    fields: dict[str, Any] = {"node_id": made.node_id, "function_id": KPM_ID, "key": "kpm", "actions": [REPORT]}
    xapp(ric, "one-way").subscribe(**fields)
    xapp(ric, "another").subscribe(**{**fields, **other})
    assert len(made.subscribed) == 2


def test_inserts_are_not_shared(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 204)
    xapp(ric, "decides", (SLOT_OID,), (1,)).subscribe_slot(made.node_id, 1)
    refused = xapp(ric, "would-too", (SLOT_OID,), (1,)).subscribe_slot(made.node_id, 1)
    assert refused.cause == e2ap.Cause(ric_request=e2ap.RIC_REQUEST_FUNCTION_RESOURCE_LIMIT)
    assert len(made.subscribed) == 1


def test_whoever_asks_while_the_node_thinks_shares_its_answer(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 205)
    made.accept = False
    clients = [xapp(ric, f"waits-{i}") for i in range(2)]
    answers: dict[str, bus.SubscribeResponse] = {}

    def ask(client: BusClient) -> None:
        answers[client.name] = client.subscribe(made.node_id, KPM_ID, "kpm", actions=[REPORT])

    threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
    threads[0].start()
    asked = made.expect("ric_subscription_request").ric_subscription_request
    threads[1].start()
    wait_until(lambda: len(carriers(ric, made)) == 2)
    cause = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_REQUESTED_INFORMATION_UNAVAILABLE)
    made.send(ric_subscription_failure=e2ap.RicSubscriptionFailure(ric_request_id=asked.ric_request_id, cause=cause))
    for thread in threads:
        thread.join(10)
    assert [answers[client.name].failure.cause for client in clients] == [cause, cause]
    assert carriers(ric, made) == {}


def test_sharing_survives_the_loss_of_node_and_xapp(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 206)
    stays, goes = xapp(ric, "stays-on"), xapp(ric, "goes-first")
    gone = goes.subscribe(made.node_id, KPM_ID, "kpm", actions=[REPORT])
    kept = stays.subscribe(made.node_id, KPM_ID, "kpm", actions=[REPORT])
    goes.close()
    wait_until(lambda: carriers(ric, made)["goes-first"] is None)
    made.indicate(gone.ric_request_id, KPM_ID)
    assert stays.expect("indication").indication.ric_request_id == kept.ric_request_id
    made.close()
    stays.expect("node_down")
    again = node(ric, 206)
    assert stays.expect("subscription_restored").subscription_restored.ric_request_id == kept.ric_request_id
    assert list(again.subscribed) == [key_of(kept.ric_request_id)]


def test_a_node_that_ends_a_shared_subscription_ends_it_for_all(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 207)
    clients = [xapp(ric, f"ended-{i}") for i in range(2)]
    ids = [client.subscribe(made.node_id, KPM_ID, "kpm", actions=[REPORT]).ric_request_id for client in clients]
    item = e2ap.RicSubscriptionWithCause(ric_request_id=ids[0], ran_function_id=KPM_ID)
    made.send(
        ric_subscription_delete_required=e2ap.RicSubscriptionDeleteRequired(ric_subscription_to_be_removed=[item])
    )
    for client in clients:
        assert client.expect("subscription_restored").subscription_restored.end == bus.REQUIRED_BY_NODE
    wait_until(lambda: made.subscribed == {})


def test_sixteen_actions_are_admitted_and_seventeen_refused(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 208)
    client = xapp(ric, "many", (KPM_OID,))
    actions = [e2ap.RicAction(ric_action_id=i, ric_action_type=e2ap.REPORT) for i in range(17)]
    response = client.subscribe(made.node_id, KPM_ID, "sixteen", actions=actions[:16])
    assert list(response.response.ric_actions_admitted) == list(range(16))
    refused = client.subscribe(made.node_id, KPM_ID, "seventeen", actions=actions)
    assert refused.cause == e2ap.Cause(ric_request=e2ap.RIC_REQUEST_EXCESSIVE_ACTIONS)
    assert "1..16" in refused.error


REFUSED = [
    ({"function_id": 99}, e2ap.Cause(ric_request=e2ap.RIC_REQUEST_RAN_FUNCTION_ID_INVALID)),
    ({"node_id": "00101-999"}, e2ap.Cause(ric_request=e2ap.RIC_REQUEST_SYSTEM_NOT_READY)),
    ({"key": ""}, e2ap.Cause(protocol=e2ap.PROTOCOL_SEMANTIC_ERROR)),
    ({"actions": []}, e2ap.Cause(protocol=e2ap.PROTOCOL_SEMANTIC_ERROR)),
    ({"actions": [REPORT, REPORT]}, e2ap.Cause(ric_request=e2ap.RIC_REQUEST_DUPLICATE_ACTION)),
    ({"actions": [e2ap.RicAction(ric_action_id=256)]}, e2ap.Cause(protocol=e2ap.PROTOCOL_SEMANTIC_ERROR)),
    (
        {"actions": [e2ap.RicAction(ric_action_type=e2ap.INSERT)]},
        e2ap.Cause(ric_request=e2ap.RIC_REQUEST_INCONSISTENT_ACTION_SUBSEQUENT_ACTION_SEQUENCE),
    ),
    (
        {"actions": [INSERT], "ric_event_trigger_definition": b"\xff"},
        e2ap.Cause(ric_request=e2ap.RIC_REQUEST_EVENT_TRIGGER_NOT_SUPPORTED),
    ),
    ({"actions": [INSERT], "function_id": 3}, e2ap.Cause(misc=e2ap.MISC_OM_INTERVENTION)),
]


@pytest.mark.parametrize(("fields", "cause"), REFUSED)
def test_the_platforms_refusals_carry_a_cause(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp, fields: dict[str, Any], cause: e2ap.Cause
) -> None:
    made = node(ric, 209)
    client = xapp(ric, "refused-with-cause", (SLOT_OID,), (1,))
    valid = {"node_id": made.node_id, "function_id": SLOT_ID, "key": "k"}
    response = client.subscribe(**{**valid, **fields})
    assert response.cause == cause
    assert response.error
