"""E2 setup, heartbeats, replacement, error indications: a real RIC process, a node from proto/ alone."""

from __future__ import annotations

import grpc
import pytest
from e2_test_node import SLOT_ID, Node, Ric, functions, setup_request, wait_until
from free_ports import free_port
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto.oids import KPM_OID, SLOT_OID
from ric_fixtures import ConnectNode


def test_setup_accepts_all_three_functions_and_acknowledges_components(ric: Ric, node: ConnectNode) -> None:
    response = node(ric, 1, set_up=False).set_up()
    assert [item.ran_function_id for item in response.ran_functions_accepted] == [2, 3, 4]
    assert not response.ran_functions_rejected
    (component,) = response.e2_node_component_config_addition_ack
    assert (component.interface_type, component.component_id) == (e2ap.NG, "amf")
    assert component.update_outcome == e2ap.SUCCESS
    assert not component.HasField("failure_cause")
    assert response.global_ric_id


@pytest.mark.parametrize(
    ("fields", "group", "cause", "named"),
    [
        (
            {"e2_node_component_config_addition": []},
            "protocol",
            e2ap.PROTOCOL_ABSTRACT_SYNTAX_ERROR_REJECT,
            "e2_node_component_config_addition",
        ),
        (
            {"global_e2_node_id": e2ap.GlobalE2NodeId(plmn_id="1")},
            "protocol",
            e2ap.PROTOCOL_SEMANTIC_ERROR,
            "plmn_id",
        ),
        (
            {"e2_node_component_config_addition": 2 * [e2ap.E2NodeComponentConfigItem(component_id="amf")]},
            "protocol",
            e2ap.PROTOCOL_ABSTRACT_SYNTAX_ERROR_FALSELY_CONSTRUCTED_MESSAGE,
            "more than once",
        ),
        (
            {"global_e2_node_id": e2ap.GlobalE2NodeId(plmn_id="00101\n")},
            "protocol",
            e2ap.PROTOCOL_SEMANTIC_ERROR,
            "plmn_id",
        ),
        ({"transaction_id": 256}, "protocol", e2ap.PROTOCOL_SEMANTIC_ERROR, "transaction_id"),
        (
            {
                "ran_functions_added": [
                    e2ap.RanFunctionItem(ran_function_id=i, ran_function_oid="1.3") for i in range(257)
                ]
            },
            "ric_service",
            e2ap.RIC_SERVICE_EXCESSIVE_FUNCTIONS,
            "256",
        ),
        (
            {"ran_functions_added": [e2ap.RanFunctionItem(ran_function_id=0, ran_function_oid="1.3")]},
            "ric_service",
            e2ap.RIC_SERVICE_RAN_FUNCTION_NOT_SUPPORTED,
            "ran_function_id 0: ran-function-id-invalid",
        ),
        (
            {
                "ran_functions_added": [
                    e2ap.RanFunctionItem(ran_function_id=1, ran_function_oid="1.3\u2603"),
                    e2ap.RanFunctionItem(ran_function_id=2, ran_function_oid=1_001 * "1"),
                ]
            },
            "ric_service",
            e2ap.RIC_SERVICE_RAN_FUNCTION_NOT_SUPPORTED,
            "OIDs of 1..1000",
        ),
        (
            {"e2_node_component_config_addition": [e2ap.E2NodeComponentConfigItem(component_id=65 * "a")]},
            "protocol",
            e2ap.PROTOCOL_SEMANTIC_ERROR,
            "component_id: 1..64 characters are required (there are 65)",
        ),
    ],
)
def test_setup_failure_names_cause_and_field_and_a_second_try_succeeds(
    ric: Ric, node: ConnectNode, fields: dict[str, object], group: str, cause: int, named: str
) -> None:
    made = node(ric, 2, set_up=False)
    made.send(e2_setup_request=setup_request(2, **fields))
    failure = made.expect("e2_setup_failure").e2_setup_failure
    assert failure.cause.WhichOneof("group") == group
    assert getattr(failure.cause, group) == cause
    assert named in failure.criticality_diagnostics.text
    assert failure.time_to_wait_s == 1
    made.set_up()


def test_functions_that_cannot_be_taken_are_rejected_one_by_one(ric: Ric, node: ConnectNode) -> None:
    good = functions()
    bad = [
        e2ap.RanFunctionItem(ran_function_id=4096, ran_function_oid="1.3.6"),
        e2ap.RanFunctionItem(ran_function_id=good[0].ran_function_id, ran_function_oid="1.3.7"),
        e2ap.RanFunctionItem(ran_function_id=9, ran_function_oid=KPM_OID),
        e2ap.RanFunctionItem(ran_function_id=10),
    ]
    response = node(ric, 3, set_up=False).set_up(ran_functions_added=[*good, *bad])
    assert len(response.ran_functions_accepted) == 3
    invalid, unsupported = e2ap.RIC_REQUEST_RAN_FUNCTION_ID_INVALID, e2ap.RIC_SERVICE_RAN_FUNCTION_NOT_SUPPORTED
    rejected = [(item.ran_function_id, item.cause) for item in response.ran_functions_rejected]
    assert rejected == [
        (4096, e2ap.Cause(ric_request=invalid)),
        (2, e2ap.Cause(ric_request=invalid)),
        (9, e2ap.Cause(ric_service=unsupported)),
        (10, e2ap.Cause(ric_service=unsupported)),
    ]


def test_a_definition_that_does_not_decode_is_rejected(ric: Ric, node: ConnectNode) -> None:
    broken = e2ap.RanFunctionItem(ran_function_id=7, ran_function_oid=SLOT_OID, ran_function_definition=b"\xff")
    response = node(ric, 4, set_up=False).set_up(ran_functions_added=[functions()[0], broken])
    assert response.ran_functions_rejected[0].cause.protocol == e2ap.PROTOCOL_TRANSFER_SYNTAX_ERROR


def test_the_first_message_must_be_setup(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 5, set_up=False)
    for message in (
        {"ric_indication": e2ap.RicIndication()},
        {"reset_request": e2ap.ResetRequest()},
    ):
        made.send(**message)
        error = made.expect("error_indication").error_indication
        assert error.cause.protocol == e2ap.PROTOCOL_MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE
    made.set_up()


def test_frames_that_do_not_decode_are_answered_and_harm_nobody(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 6)
    made.send_raw(b"\xff\xff\xff")
    error = made.expect("error_indication").error_indication
    assert error.cause.protocol == e2ap.PROTOCOL_TRANSFER_SYNTAX_ERROR
    made.send_raw(e2ap.E2Frame(pdus=[e2ap.E2apPdu()]).SerializeToString())
    error = made.expect("error_indication").error_indication
    assert error.cause.protocol == e2ap.PROTOCOL_ABSTRACT_SYNTAX_ERROR_REJECT
    made.send(ric_control_request=e2ap.RicControlRequest())  # a message of the other direction
    error = made.expect("error_indication").error_indication
    assert error.cause.protocol == e2ap.PROTOCOL_MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE
    made.set_up()


def test_an_indication_of_an_unknown_request_is_answered_with_an_error(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 7)
    made.indicate(e2ap.RicRequestId(ric_requestor_id=999, ric_instance_id=1), SLOT_ID)
    error = made.expect("error_indication").error_indication
    assert error.cause.ric_request == e2ap.RIC_REQUEST_REQUEST_ID_UNKNOWN
    assert error.ric_request_id.ric_requestor_id == 999


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("ric_control_acknowledge", e2ap.RicControlAcknowledge),
        ("ric_control_failure", e2ap.RicControlFailure),
    ],
)
def test_a_controls_answer_for_an_unknown_requestor_is_an_error(
    ric: Ric, node: ConnectNode, kind: str, answer: type[e2ap.RicControlAcknowledge | e2ap.RicControlFailure]
) -> None:
    made = node(ric, 13)
    made.send(**{kind: answer(ric_request_id=e2ap.RicRequestId(ric_requestor_id=999), ran_function_id=SLOT_ID)})
    error = made.expect("error_indication").error_indication
    assert error.cause.ric_request == e2ap.RIC_REQUEST_REQUEST_ID_UNKNOWN
    assert "999" in error.criticality_diagnostics.text


@pytest.mark.parametrize(
    "message",
    [
        {"ric_subscription_response": e2ap.RicSubscriptionResponse()},
        {"ric_subscription_failure": e2ap.RicSubscriptionFailure()},
        {"ric_subscription_delete_response": e2ap.RicSubscriptionDeleteResponse()},
        {"ric_subscription_delete_failure": e2ap.RicSubscriptionDeleteFailure()},
        {"reset_response": e2ap.ResetResponse()},
    ],
)
def test_an_answer_that_nobody_waits_for_is_an_error(ric: Ric, node: ConnectNode, message: dict[str, object]) -> None:
    made = node(ric, 8)
    made.send(**message)
    error = made.expect("error_indication").error_indication
    assert error.cause.protocol == e2ap.PROTOCOL_MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE


def test_both_sides_beat_and_a_silent_node_is_dropped(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 9)
    wait_until(lambda: made.heartbeats >= 3, 3)
    assert not made.ended.is_set()
    made.beat = False
    assert made.ended.wait(3)
    states = {item["node_id"]: item["connected"] for item in ric.get("/nodes").json()}
    assert states[made.node_id] is False


def test_a_silent_lockstep_node_is_given_time(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 10, ran_functions_added=functions(lockstep=True))
    made.beat = False
    assert not made.ended.wait(2)


def test_a_newer_connection_of_a_node_replaces_the_older(ric: Ric, node: ConnectNode) -> None:
    older, newer = node(ric, 11), node(ric, 11)
    assert older.ended.wait(3)
    newer.set_up()
    assert not newer.ended.is_set()


def test_a_stream_belongs_to_one_node(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 12)
    made.send(e2_setup_request=setup_request(13))
    failure = made.expect("e2_setup_failure").e2_setup_failure
    assert "00101-12" in failure.criticality_diagnostics.text


def test_health_and_reflection_are_served(ric: Ric) -> None:
    with grpc.insecure_channel(ric.target) as channel:
        request = health_pb2.HealthCheckRequest(service="hiso.e2ap.v1.E2")
        answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=5)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        listing = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        listed = next(reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(listing, timeout=5))
        assert "hiso.e2ap.v1.E2" in [item.name for item in listed.list_services_response.service]


def test_tcp_and_unix_are_served_together() -> None:
    port = free_port()
    ric = Ric("--e2-listen", f"127.0.0.1:{port}")
    try:
        over_tcp, over_unix = Node(f"127.0.0.1:{port}", 1), Node(ric.target, 2)
        over_tcp.set_up()
        over_unix.set_up()
        over_tcp.close()
        over_unix.close()
    finally:
        ric.close()
