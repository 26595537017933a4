"""Delete required, service update and query, configuration update, removal: a real RIC, a node of the tests' own."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from e2_test_node import BUDGETS_ID, INSERT, KPM_ID, SLOT_ID, Node, Ric, functions, setup_request, wait_until
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_slot_pb2 as slots
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.oids import BUDGETS_OID, KPM_OID, SLOT_OID
from ric_fixtures import ConnectNode, ConnectXApp

OTHER = e2ap.RanFunctionItem(ran_function_id=9, ran_function_oid="1.3.6.1.4.1.53148.9", ran_function_revision=1)


def state_of(ric: Ric, node_id: str) -> dict[str, Any] | None:
    return next((item for item in ric.get("/nodes").json() if item["node_id"] == node_id), None)


def known_state(ric: Ric, node_id: str) -> dict[str, Any]:
    state = state_of(ric, node_id)
    assert state is not None
    return state


def subscription_states(ric: Ric, node_id: str) -> dict[str, str]:
    return {item["key"]: item["state"] for item in ric.get("/subscriptions").json() if item["node_id"] == node_id}


def update(node: Node, **fields: Any) -> e2ap.RicServiceUpdateAcknowledge:
    node.send(ric_service_update=e2ap.RicServiceUpdate(transaction_id=7, **fields))
    return node.expect("ric_service_update_acknowledge").ric_service_update_acknowledge


def failed_update(node: Node, **fields: Any) -> e2ap.RicServiceUpdateFailure:
    node.send(ric_service_update=e2ap.RicServiceUpdate(**{"transaction_id": 7, **fields}))
    failure = node.expect("ric_service_update_failure").ric_service_update_failure
    assert failure.time_to_wait_s == 1
    return failure


def identity(number: int, revision: int = 0) -> e2ap.RanFunctionIdItem:
    return e2ap.RanFunctionIdItem(ran_function_id=number, ran_function_revision=revision)


# Subscription delete required


def test_a_subscription_that_the_node_wants_deleted_is_deleted_and_its_xapp_told(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(ric, 101)
    client = xapp(ric, "required", (SLOT_OID,), (1,))
    request_id = client.subscribe_slot(made.node_id, 1).ric_request_id
    cause = e2ap.Cause(misc=e2ap.MISC_CONTROL_PROCESSING_OVERLOAD)
    item = e2ap.RicSubscriptionWithCause(ric_request_id=request_id, ran_function_id=SLOT_ID, cause=cause)
    made.send(
        ric_subscription_delete_required=e2ap.RicSubscriptionDeleteRequired(ric_subscription_to_be_removed=[item])
    )
    asked = made.expect("ric_subscription_delete_request").ric_subscription_delete_request
    assert asked.ric_request_id == request_id
    told = client.expect("subscription_restored").subscription_restored
    assert (told.key, told.end, told.cause) == ("slot", bus.REQUIRED_BY_NODE, cause)
    assert subscription_states(ric, made.node_id) == {"slot": "refused"}
    assert client.subscribe_slot(made.node_id, 1).error == ""  # it may ask again
    assert subscription_states(ric, made.node_id) == {"slot": "active"}


@pytest.mark.parametrize(
    ("function_id", "own", "cause"),
    [
        (SLOT_ID, False, e2ap.Cause(ric_request=e2ap.RIC_REQUEST_REQUEST_ID_UNKNOWN)),
        (KPM_ID, True, e2ap.Cause(ric_request=e2ap.RIC_REQUEST_RAN_FUNCTION_ID_INVALID)),
    ],
)
def test_a_delete_required_of_what_is_not_there_is_an_error(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp, function_id: int, own: bool, cause: e2ap.Cause
) -> None:
    made = node(ric, 102)
    client = xapp(ric, "untouched", (SLOT_OID,), (1,))
    request_id = client.subscribe_slot(made.node_id, 1).ric_request_id
    if not own:
        request_id = e2ap.RicRequestId(ric_requestor_id=900, ric_instance_id=1)
    item = e2ap.RicSubscriptionWithCause(ric_request_id=request_id, ran_function_id=function_id)
    made.send(
        ric_subscription_delete_required=e2ap.RicSubscriptionDeleteRequired(ric_subscription_to_be_removed=[item])
    )
    error = made.expect("error_indication").error_indication
    assert (error.cause, error.ric_request_id) == (cause, request_id)
    assert subscription_states(ric, made.node_id) == {"slot": "active"}


def test_a_delete_required_of_nothing_is_an_error(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 103)
    made.send(ric_subscription_delete_required=e2ap.RicSubscriptionDeleteRequired())
    error = made.expect("error_indication").error_indication
    assert error.cause.protocol == e2ap.PROTOCOL_ABSTRACT_SYNTAX_ERROR_REJECT


# RIC service update


def test_functions_come_and_go_and_subscriptions_with_them(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 104)
    client = xapp(ric, "follows", (SLOT_OID,), (1,))
    client.subscribe_slot(made.node_id, 1)
    kept = client.subscribe(made.node_id, KPM_ID, "kpm")
    acknowledge = update(made, ran_functions_added=[OTHER], ran_functions_deleted=[identity(SLOT_ID)])
    assert acknowledge.transaction_id == 7
    assert [item.ran_function_id for item in acknowledge.ran_functions_accepted] == [9, SLOT_ID]
    changed = client.expect("node_changed").node_changed
    assert [item.ran_function_id for item in changed.ran_functions] == [KPM_ID, BUDGETS_ID, 9]
    told = client.expect("subscription_restored").subscription_restored
    assert (told.key, told.end) == ("slot", bus.FUNCTION_WITHDRAWN)
    assert told.cause.ric_request == e2ap.RIC_REQUEST_RAN_FUNCTION_ID_INVALID
    assert subscription_states(ric, made.node_id) == {"slot": "waiting", "kpm": "active"}
    assert [item["ran_function_id"] for item in ric.get(f"/nodes/{made.node_id}/functions").json()] == [2, 3, 9]
    assert "offers [2, 3, 9]" in client.subscribe_slot(made.node_id, 1, "again").error
    # Under another number it is the same function: by its OID.
    slot = next(item for item in functions() if item.ran_function_oid == SLOT_OID)
    slot.ran_function_id = 11
    update(made, ran_functions_added=[slot])
    restored = client.expect("subscription_restored").subscription_restored
    assert (restored.key, restored.end, restored.error) == ("slot", bus.NOT_ENDED, "")
    key = restored.ric_request_id
    assert made.subscribed[key.ric_requestor_id, key.ric_instance_id].ran_function_id == 11
    made.indicate(kept.ric_request_id, KPM_ID)
    assert client.expect("indication").indication.ran_function_id == KPM_ID


def test_an_update_during_a_reset_is_taken_and_what_it_offers_restored_after(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(ric, 106)
    client = xapp(ric, "patient", (SLOT_OID,), (1,))
    client.subscribe_slot(made.node_id, 1)
    made.expect("ric_subscription_request")
    slot = next(item for item in functions() if item.ran_function_oid == SLOT_OID)
    slot.ran_function_revision = 2
    answers: list[httpx.Response] = []
    url = f"http://127.0.0.1:{ric.http_port}/nodes/{made.node_id}/reset"
    asking = threading.Thread(target=lambda: answers.append(httpx.post(url, timeout=10)))
    asking.start()
    reset = made.expect("reset_request").reset_request
    update(made, ran_functions_modified=[slot])
    made.send(reset_response=e2ap.ResetResponse(transaction_id=reset.transaction_id))
    asking.join()
    assert answers[0].status_code == 200
    made.expect("ric_subscription_request")
    assert client.expect("subscription_restored").subscription_restored.error == ""


def test_a_modified_function_keeps_its_subscriptions(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 105)
    client = xapp(ric, "stays", (SLOT_OID,), (1,))
    client.subscribe_slot(made.node_id, 1)
    slot = next(item for item in functions() if item.ran_function_oid == SLOT_OID)
    slot.ran_function_revision = 2
    acknowledge = update(made, ran_functions_modified=[slot])
    assert list(acknowledge.ran_functions_accepted) == [identity(SLOT_ID, 2)]
    assert known_state(ric, made.node_id)["functions"][-1]["revision"] == 2
    assert subscription_states(ric, made.node_id) == {"slot": "active"}


@pytest.mark.parametrize(("how", "gnb_id"), [("ran_functions_modified", 121), ("ran_functions_added", 122)])
def test_a_function_of_another_oid_ends_the_subscriptions_of_the_former(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp, how: str, gnb_id: int
) -> None:
    made = node(ric, gnb_id)
    client = xapp(ric, "of-the-former", (SLOT_OID,), (1,))
    client.subscribe_slot(made.node_id, 1)
    other = e2ap.RanFunctionItem(ran_function_id=SLOT_ID, ran_function_oid=OTHER.ran_function_oid)
    slot = next(item for item in functions() if item.ran_function_oid == SLOT_OID)
    slot.ran_function_id = 11
    update(made, **{how: [other]})
    told = client.expect("subscription_restored").subscription_restored
    assert (told.key, told.end) == ("slot", bus.FUNCTION_WITHDRAWN)
    assert subscription_states(ric, made.node_id) == {"slot": "waiting"}
    update(made, ran_functions_added=[slot])
    restored = client.expect("subscription_restored").subscription_restored
    assert (restored.key, restored.end, restored.error) == ("slot", bus.NOT_ENDED, "")
    assert subscription_states(ric, made.node_id) == {"slot": "active"}


def test_a_function_whose_addition_is_refused_is_controlled_as_before(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(ric, 123)
    client = xapp(ric, "as-before", (SLOT_OID,), (1,))
    request_id = client.subscribe_slot(made.node_id, 1).ric_request_id
    answer = update(made, ran_functions_added=[e2ap.RanFunctionItem(ran_function_id=SLOT_ID), OTHER])
    assert [item.ran_function_id for item in answer.ran_functions_rejected] == [SLOT_ID]
    header = slots.ControlHeader(slice_id=1).SerializeToString()
    control = e2ap.RicControlRequest(ric_request_id=request_id, ran_function_id=SLOT_ID, ric_control_header=header)
    client.send_up(ric.up_endpoint(made.node_id), control)
    assert made.expect("ric_control_request").ric_control_request == control


def test_functions_of_an_update_are_rejected_one_by_one(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 106)
    broken = e2ap.RanFunctionItem(ran_function_id=SLOT_ID, ran_function_oid=SLOT_OID, ran_function_definition=b"\xff")
    acknowledge = update(
        made,
        ran_functions_added=[OTHER, e2ap.RanFunctionItem(ran_function_id=5, ran_function_oid=KPM_OID)],
        ran_functions_modified=[e2ap.RanFunctionItem(ran_function_id=77, ran_function_oid="1.3.6"), broken],
        ran_functions_deleted=[identity(78)],
    )
    assert [item.ran_function_id for item in acknowledge.ran_functions_accepted] == [9]
    invalid = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_RAN_FUNCTION_ID_INVALID)
    assert {item.ran_function_id: item.cause for item in acknowledge.ran_functions_rejected} == {
        5: e2ap.Cause(ric_service=e2ap.RIC_SERVICE_RAN_FUNCTION_NOT_SUPPORTED),
        77: invalid,
        78: invalid,
        SLOT_ID: e2ap.Cause(protocol=e2ap.PROTOCOL_TRANSFER_SYNTAX_ERROR),
    }
    assert [item["ran_function_id"] for item in known_state(ric, made.node_id)["functions"]] == [2, 3, 4, 9]


@pytest.mark.parametrize(
    ("fields", "cause", "named"),
    [
        ({"transaction_id": 256}, e2ap.Cause(protocol=e2ap.PROTOCOL_SEMANTIC_ERROR), "transaction_id"),
        (
            {"ran_functions_added": [OTHER], "ran_functions_deleted": [identity(9)]},
            e2ap.Cause(protocol=e2ap.PROTOCOL_ABSTRACT_SYNTAX_ERROR_FALSELY_CONSTRUCTED_MESSAGE),
            "more than once",
        ),
        (
            {
                "ran_functions_added": [
                    e2ap.RanFunctionItem(ran_function_id=100 + i, ran_function_oid=f"1.3.{i}") for i in range(254)
                ]
            },
            e2ap.Cause(ric_service=e2ap.RIC_SERVICE_EXCESSIVE_FUNCTIONS),
            "256",
        ),
        (
            {"ran_functions_deleted": [identity(1000 + i) for i in range(769)]},
            e2ap.Cause(ric_service=e2ap.RIC_SERVICE_EXCESSIVE_FUNCTIONS),
            "769 entries",
        ),
        (
            {"ran_functions_deleted": [identity(99)]},
            e2ap.Cause(ric_service=e2ap.RIC_SERVICE_RAN_FUNCTION_NOT_SUPPORTED),
            "ran_functions",
        ),
    ],
)
def test_an_update_that_fails_as_a_whole_changes_nothing(
    ric: Ric, node: ConnectNode, fields: dict[str, Any], cause: e2ap.Cause, named: str
) -> None:
    made = node(ric, 107)
    before = known_state(ric, made.node_id)["functions"]
    failure = failed_update(made, **fields)
    assert failure.cause == cause
    assert named in failure.criticality_diagnostics.text
    assert known_state(ric, made.node_id)["functions"] == before


def test_what_a_withdrawn_function_was_to_replace_stands_again(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 120)
    client = xapp(ric, "changes-its-mind", (SLOT_OID,), (1,))
    stood = client.subscribe(made.node_id, KPM_ID, "k").ric_request_id
    made.expect("ric_subscription_request")
    made.accept = False
    slot = bus.SubscribeRequest(
        xapp_name=client.name,
        node_id=made.node_id,
        ran_function_id=SLOT_ID,
        key="k",
        actions=[e2ap.RicAction(ric_action_id=1, ric_action_type=e2ap.REPORT)],
    )
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.ask, subscribe_request=slot)
        made.answer_delete(made.expect("ric_subscription_delete_request").ric_subscription_delete_request)
        made.expect("ric_subscription_request")
        made.accept = True
        update(made, ran_functions_deleted=[identity(SLOT_ID)])
        refused = answer.result(10).subscribe_response
    assert "no longer offers" in refused.error
    assert refused.cause.ric_request == e2ap.RIC_REQUEST_RAN_FUNCTION_ID_INVALID
    assert made.expect("ric_subscription_request").ric_subscription_request.ric_request_id == stood
    assert client.expect("subscription_restored").subscription_restored.ric_request_id == stood
    assert subscription_states(ric, made.node_id) == {"k": "active"}


def test_an_empty_update_is_acknowledged(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 108)
    acknowledge = update(made)
    assert not acknowledge.ran_functions_accepted
    assert not acknowledge.ran_functions_rejected


# RIC service query


def test_a_query_brings_what_the_node_says(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 109)
    answers: list[httpx.Response] = []
    asking = threading.Thread(
        target=lambda: answers.append(
            httpx.post(f"http://127.0.0.1:{ric.http_port}/nodes/{made.node_id}/service-query", timeout=10)
        )
    )
    asking.start()
    query = made.expect("ric_service_query").ric_service_query
    assert [item.ran_function_id for item in query.ran_functions_accepted] == [2, 3, 4]
    update(made, ran_functions_deleted=[identity(KPM_ID)])
    asking.join(10)
    assert [item["ran_function_id"] for item in answers[0].json()] == [3, 4]


def test_a_query_is_not_answered_by_an_update_that_is_refused(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 125)
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(ask(ric, made.node_id, "service-query")))
    asking.start()
    made.expect("ric_service_query")
    failed_update(made, ran_functions_deleted=[identity(99)])
    assert known_state(ric, made.node_id)["connected"]  # asked after the refusal, and answered
    assert not answers
    update(made, ran_functions_deleted=[identity(KPM_ID)])
    asking.join(10)
    assert [item["ran_function_id"] for item in answers[0].json()] == [3, 4]


def test_a_query_of_an_unknown_node_is_refused(ric: Ric) -> None:
    answer = httpx.post(f"http://127.0.0.1:{ric.http_port}/nodes/00101-9999/service-query", timeout=10)
    assert (answer.status_code, "not connected" in answer.text) == (404, True)


# E2 node configuration update


def component(name: str, interface: e2ap.InterfaceType = e2ap.XN, part: bytes = b"") -> e2ap.E2NodeComponentConfigItem:
    return e2ap.E2NodeComponentConfigItem(interface_type=interface, component_id=name, request_part=part)


def removal(name: str, interface: e2ap.InterfaceType = e2ap.XN) -> e2ap.E2NodeComponentConfigRemovalItem:
    return e2ap.E2NodeComponentConfigRemovalItem(interface_type=interface, component_id=name)


def configure(node: Node, **fields: Any) -> e2ap.E2NodeConfigurationUpdateAcknowledge:
    request = e2ap.E2NodeConfigurationUpdate(transaction_id=8, **fields)
    node.send(e2_node_configuration_update=request)
    pdu = node.expect("e2_node_configuration_update_acknowledge")
    return pdu.e2_node_configuration_update_acknowledge


def names(ric: Ric, node_id: str) -> list[str]:
    return [item["component_id"] for item in known_state(ric, node_id)["components"]]


def test_components_are_added_changed_and_removed_each_with_its_own_outcome(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(ric, 110)
    client = xapp(ric, "sees-components")
    client.subscribe(made.node_id, KPM_ID, "kpm")
    unknown = e2ap.Cause(e2_node=e2ap.E2_NODE_E2NODE_COMPONENT_UNKNOWN)
    added = configure(made, e2_node_component_config_addition=[component("xn-2"), component("amf", e2ap.NG)])
    assert [item.update_outcome for item in added.e2_node_component_config_addition_ack] == [e2ap.SUCCESS, e2ap.FAILURE]
    assert added.e2_node_component_config_addition_ack[1].failure_cause.protocol == e2ap.PROTOCOL_SEMANTIC_ERROR
    assert client.expect("node_changed").node_changed.node_id == made.node_id
    assert names(ric, made.node_id) == ["amf", "xn-2"]
    changed = configure(made, e2_node_component_config_update=[component("xn-2", part=b"new"), component("xn-3")])
    outcomes = [(item.update_outcome, item.failure_cause) for item in changed.e2_node_component_config_update_ack]
    assert outcomes == [(e2ap.SUCCESS, e2ap.Cause()), (e2ap.FAILURE, unknown)]
    removed = configure(made, e2_node_component_config_removal=[removal("amf", e2ap.NG), removal("xn-9")])
    outcomes = [(item.update_outcome, item.failure_cause) for item in removed.e2_node_component_config_removal_ack]
    assert outcomes == [(e2ap.SUCCESS, e2ap.Cause()), (e2ap.FAILURE, unknown)]
    assert names(ric, made.node_id) == ["xn-2"]


@pytest.mark.parametrize(
    ("fields", "cause", "named"),
    [
        ({"transaction_id": 256}, e2ap.PROTOCOL_SEMANTIC_ERROR, "transaction_id"),
        (
            {"global_e2_node_id": e2ap.GlobalE2NodeId(plmn_id="00101", gnb_id=1)},
            e2ap.PROTOCOL_SEMANTIC_ERROR,
            "global_e2_node_id",
        ),
        (
            {"e2_node_component_config_removal": [removal("amf", e2ap.NG)]},
            e2ap.PROTOCOL_SEMANTIC_ERROR,
            "at least 1 component",
        ),
        (
            {"e2_node_component_config_addition": [component("xn-2"), component("xn-2")]},
            e2ap.PROTOCOL_ABSTRACT_SYNTAX_ERROR_FALSELY_CONSTRUCTED_MESSAGE,
            "more than once",
        ),
    ],
)
def test_a_configuration_update_that_fails_changes_nothing(
    ric: Ric, node: ConnectNode, fields: dict[str, Any], cause: int, named: str
) -> None:
    made = node(ric, 111)
    made.send(e2_node_configuration_update=e2ap.E2NodeConfigurationUpdate(**fields))
    failure = made.expect("e2_node_configuration_update_failure").e2_node_configuration_update_failure
    assert (failure.cause.protocol, failure.time_to_wait_s) == (cause, 1)
    assert named in failure.criticality_diagnostics.text
    assert names(ric, made.node_id) == ["amf"]


# E2 removal


def test_a_node_that_leaves_is_forgotten_and_may_come_back(ric: Ric, node: ConnectNode, xapp: ConnectXApp) -> None:
    made = node(ric, 112)
    client = xapp(ric, "left-alone", (SLOT_OID,), (1,))
    client.subscribe_slot(made.node_id, 1)
    made.send(e2_removal_request=e2ap.E2RemovalRequest(transaction_id=3))
    assert made.expect("e2_removal_response").e2_removal_response.transaction_id == 3
    assert made.ended.wait(5)
    assert client.expect("node_down").node_down == "it was removed"
    assert state_of(ric, made.node_id) is None
    assert subscription_states(ric, made.node_id) == {}
    again = node(ric, 112)
    assert client.expect("node_up").node_id == again.node_id
    assert client.subscribe_slot(again.node_id, 1).error == ""


def test_a_removal_with_a_bad_transaction_is_refused(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 113)
    made.send(e2_removal_request=e2ap.E2RemovalRequest(transaction_id=256))
    failure = made.expect("e2_removal_failure").e2_removal_failure
    assert failure.cause.protocol == e2ap.PROTOCOL_SEMANTIC_ERROR
    assert known_state(ric, made.node_id)["connected"]


def ask(ric: Ric, node_id: str, what: str) -> httpx.Response:
    return httpx.post(f"http://127.0.0.1:{ric.http_port}/nodes/{node_id}/{what}", timeout=10)


def remove(ric: Ric, node_id: str) -> httpx.Response:
    return httpx.delete(f"http://127.0.0.1:{ric.http_port}/nodes/{node_id}", timeout=10)


@pytest.mark.parametrize("answers", [True, False])
def test_people_remove_a_node_that_answers_or_hangs_up(ric: Ric, node: ConnectNode, answers: bool) -> None:
    made = node(ric, 114)
    done: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: done.append(remove(ric, made.node_id)))
    asking.start()
    request = made.expect("e2_removal_request").e2_removal_request
    if answers:
        made.send(e2_removal_response=e2ap.E2RemovalResponse(transaction_id=request.transaction_id))
        assert made.ended.wait(5)
    else:
        made.close()
    asking.join(10)
    assert done[0].status_code == 200
    assert state_of(ric, made.node_id) is None


def test_a_node_may_refuse_to_be_removed(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 115)
    done: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: done.append(remove(ric, made.node_id)))
    asking.start()
    request = made.expect("e2_removal_request").e2_removal_request
    cause = e2ap.Cause(protocol=e2ap.PROTOCOL_SEMANTIC_ERROR)
    made.send(e2_removal_failure=e2ap.E2RemovalFailure(transaction_id=request.transaction_id, cause=cause))
    asking.join(10)
    assert (done[0].status_code, "semantic-error" in done[0].text) == (409, True)
    assert known_state(ric, made.node_id)["connected"]


def test_people_remove_a_node_that_is_away(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 116)
    made.close()
    wait_until(lambda: not known_state(ric, made.node_id)["connected"])
    assert remove(ric, made.node_id).status_code == 200
    assert state_of(ric, made.node_id) is None
    assert remove(ric, made.node_id).status_code == 404


def test_a_node_that_leaves_ends_what_it_was_asked(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 119)
    answers: dict[str, httpx.Response] = {}
    calls = [
        lambda: answers.update(removal=remove(ric, made.node_id)),
        lambda: answers.update(reset=ask(ric, made.node_id, "reset")),
        lambda: answers.update(query=ask(ric, made.node_id, "service-query")),
    ]
    asking = [threading.Thread(target=call) for call in calls]
    for thread in asking:
        thread.start()
    requests = {made.received.get(timeout=5).WhichOneof("message") for _ in calls}
    assert requests == {"e2_removal_request", "reset_request", "ric_service_query"}
    made.send(e2_removal_request=e2ap.E2RemovalRequest(transaction_id=3))
    for thread in asking:
        thread.join(10)
    assert answers["removal"].status_code == 200
    for what in ("reset", "query"):
        assert (answers[what].status_code, "it was removed" in answers[what].text) == (409, True)


def test_what_stands_behind_a_removal_is_not_carried_out(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 120)
    removal_request = e2ap.E2apPdu(e2_removal_request=e2ap.E2RemovalRequest(transaction_id=3))
    setup = e2ap.E2apPdu(e2_setup_request=setup_request(made.gnb_id))
    made.send_raw(e2ap.E2Frame(pdus=[removal_request, setup]).SerializeToString())
    assert made.ended.wait(5)
    assert state_of(ric, made.node_id) is None


@pytest.mark.parametrize(
    "message",
    [{"e2_removal_response": e2ap.E2RemovalResponse()}, {"e2_removal_failure": e2ap.E2RemovalFailure()}],
)
def test_an_answer_to_no_removal_is_an_error(ric: Ric, node: ConnectNode, message: dict[str, object]) -> None:
    made = node(ric, 117)
    made.send(**message)
    error = made.expect("error_indication").error_indication
    assert error.cause.protocol == e2ap.PROTOCOL_MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE


def not_awaited(node: Node) -> bool:
    """Whether the RIC says that it does not wait for an answer with these ids."""
    error = node.expect("error_indication").error_indication
    assert error.cause.protocol == e2ap.PROTOCOL_MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE
    return "transaction_id" in error.criticality_diagnostics.text


def test_an_answer_of_another_transaction_ends_nothing(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 124)
    done: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: done.append(ask(ric, made.node_id, "reset")))
    asking.start()
    reset = made.expect("reset_request").reset_request
    made.send(reset_response=e2ap.ResetResponse(transaction_id=reset.transaction_id + 1))
    assert not_awaited(made)
    assert not done
    made.send(reset_response=e2ap.ResetResponse(transaction_id=reset.transaction_id))
    asking.join(10)
    assert done.pop().status_code == 200
    asking = threading.Thread(target=lambda: done.append(remove(ric, made.node_id)))
    asking.start()
    other = made.expect("e2_removal_request").e2_removal_request.transaction_id - 1
    made.send(e2_removal_failure=e2ap.E2RemovalFailure(transaction_id=other))
    assert not_awaited(made)
    made.send(e2_removal_response=e2ap.E2RemovalResponse(transaction_id=other))
    assert not_awaited(made)
    assert not done
    assert known_state(ric, made.node_id)["connected"]
    made.send(e2_removal_response=e2ap.E2RemovalResponse(transaction_id=other + 1))
    asking.join(10)
    assert done[0].status_code == 200


# What the RIC lacks


def test_the_65th_node_finds_no_room_until_one_is_removed(own_ric: Ric, node: ConnectNode) -> None:
    for gnb_id in range(1, 65):
        node(own_ric, gnb_id).close()
    late = node(own_ric, 65, set_up=False)
    wait_until(lambda: not any(item["connected"] for item in own_ric.get("/nodes").json()))
    late.send(e2_setup_request=setup_request(late.gnb_id))
    failure = late.expect("e2_setup_failure").e2_setup_failure
    assert failure.cause == e2ap.Cause(ric_service=e2ap.RIC_SERVICE_RIC_RESOURCE_LIMIT)
    assert remove(own_ric, "00101-7").status_code == 200
    late.set_up()
    assert known_state(own_ric, late.node_id)["up_endpoint"].endswith("bus-up-6")


@pytest.mark.slow
def test_a_node_of_before_a_restart_is_shown_and_can_be_removed(
    own_ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(own_ric, 1)
    client = xapp(own_ric, "stored", (SLOT_OID,), (1,))
    client.subscribe_slot(made.node_id, 1)
    made.close()
    own_ric.stop()
    own_ric.start()
    known = known_state(own_ric, made.node_id)
    assert (known["connected"], known["up_endpoint"], known["functions"]) == (False, None, [])
    assert remove(own_ric, made.node_id).status_code == 200
    assert own_ric.get("/nodes").json() == own_ric.get("/subscriptions").json() == []
    assert remove(own_ric, made.node_id).status_code == 404


def test_a_node_whose_up_socket_cannot_be_bound_is_refused(own_ric: Ric, node: ConnectNode) -> None:
    with socket.socket(socket.AF_UNIX) as squatter:
        squatter.bind(str(own_ric.folder / "bus-up-0"))
        squatter.listen()
        made = node(own_ric, 1, set_up=False)
        made.send(e2_setup_request=setup_request(made.gnb_id))
        failure = made.expect("e2_setup_failure").e2_setup_failure
        assert failure.cause == e2ap.Cause(transport=e2ap.TRANSPORT_TRANSPORT_RESOURCE_UNAVAILABLE)
    made.set_up()


def test_a_second_insert_on_the_budgets_is_refused_with_its_cause(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp
) -> None:
    made = node(ric, 118)
    first, second = xapp(ric, "budgets-1", (BUDGETS_OID,)), xapp(ric, "budgets-2", (BUDGETS_OID,))
    assert first.subscribe(made.node_id, BUDGETS_ID, "budgets", actions=[INSERT]).error == ""
    for trigger in (b"", b"\x98\x06\x01"):  # the same trigger, with a field that nobody knows
        refused = second.subscribe(
            made.node_id, BUDGETS_ID, "budgets", actions=[INSERT], ric_event_trigger_definition=trigger
        )
        assert refused.cause == e2ap.Cause(ric_request=e2ap.RIC_REQUEST_FUNCTION_RESOURCE_LIMIT)
        assert "budgets-1" in refused.error
