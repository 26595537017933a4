"""The tcpdump of E2: every message of every procedure has a line, and nothing that a node sends can break it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import zmq
from free_ports import free_port
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_slot_pb2 as slot
from hiso_proto.oids import BUDGETS_OID, KPM_OID, SLOT_OID
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from hiso.commands import app, e2
from hiso.e2_watch import (
    PROCEDURES,
    Filter,
    FunctionNames,
    WatchedMessage,
    full_text,
    messages,
    one_line,
    watch,
)
from hiso.loopback import LoopbackClient

NODE = "00101-1"
REQUEST = e2ap.RicRequestId(ric_requestor_id=3, ric_instance_id=1)
SETUP = e2ap.E2SetupRequest(
    transaction_id=7,
    ran_functions_added=[
        e2ap.RanFunctionItem(ran_function_id=number, ran_function_oid=oid)
        for number, oid in ((12, KPM_OID), (13, BUDGETS_OID), (14, SLOT_OID))
    ],
)


@pytest.fixture
def names() -> FunctionNames:
    """Function names learnt from a setup, as from a node whose numbers are its own."""
    result = FunctionNames(LoopbackClient(1))
    result.learn(NODE, SETUP.ran_functions_added)
    return result


def watched(names: FunctionNames, pdu: e2ap.E2apPdu, direction: str = "to_ric") -> WatchedMessage:
    frame = e2ap.E2Frame(pdus=[pdu]).SerializeToString()
    time_ns = (1_700_000_000 * 10**9).to_bytes(8, "little")
    (found,) = messages([direction.encode(), NODE.encode(), time_ns, frame], names)
    return found


def slot_indication() -> e2ap.E2apPdu:
    message = slot.IndicationMessage(
        bandwidth_hz=6_000_000,
        power_w=333.0,
        user_ids=np.array([17, 20], "<u2").tobytes(),
        queue_bits=np.array([8_000, 400], "<u4").tobytes(),
    )
    return e2ap.E2apPdu(
        ric_indication=e2ap.RicIndication(
            ric_request_id=REQUEST,
            ran_function_id=14,
            ric_indication_sn=9,
            ric_indication_type=e2ap.INSERT,
            ric_call_process_id=b"\x01\x02",
            ric_indication_header=slot.IndicationHeader(
                observed_slot=100, decided_slot=102, slice_id=1
            ).SerializeToString(),
            ric_indication_message=message.SerializeToString(),
        )
    )


def test_a_slot_observation_says_who_is_asked_about_when(names: FunctionNames) -> None:
    line = one_line(watched(names, slot_indication()))
    assert f"{NODE} -> RIC indication slot INSERT request 3-1 sn 9 call 0102" in line
    assert "slot 100 for 102 embb users [17, 20] queue 8400 bit 6 MHz 333 W outcomes 0" in line


def test_a_slot_decision_says_beams_and_powers(names: FunctionNames) -> None:
    message = slot.ControlMessage(
        beams=np.array([5, 127], "<i2").tobytes(), private_power_w=np.array([0.5, 0.25], "<f4").tobytes(), rest=True
    )
    pdu = e2ap.E2apPdu(
        ric_control_request=e2ap.RicControlRequest(
            ric_request_id=REQUEST,
            ran_function_id=14,
            ric_control_header=slot.ControlHeader(slice_id=2).SerializeToString(),
            ric_control_message=message.SerializeToString(),
        )
    )
    line = one_line(watched(names, pdu, "to_node"))
    assert f"{NODE} <- RIC control request slot request 3-1 urllc beams [5, 127] private 0.75 W common rest" in line


def test_budgets_and_keep_are_told_apart(names: FunctionNames) -> None:
    def control(message: budgets.ControlMessage) -> str:
        request = e2ap.RicControlRequest(
            ric_request_id=REQUEST, ran_function_id=13, ric_control_message=message.SerializeToString()
        )
        return one_line(watched(names, e2ap.E2apPdu(ric_control_request=request), "to_node"))

    assert control(budgets.ControlMessage()).endswith("budgets request 3-1 keep")
    wanted = budgets.ControlMessage(budgets=[budgets.SliceBudget(slice_id=0, bandwidth_hz=2_500_000, power_w=10)])
    assert "vonr 2.5 MHz 10 W" in control(wanted)


def test_a_refusal_says_cause_and_constraint(names: FunctionNames) -> None:
    failure = e2ap.RicControlFailure(
        ric_request_id=REQUEST,
        ran_function_id=14,
        cause=e2ap.Cause(ric_request=e2ap.RIC_REQUEST_CONTROL_TIMER_EXPIRED),
        ric_control_outcome=slot.ControlOutcome(constraint="C8", text="too much").SerializeToString(),
    )
    line = one_line(watched(names, e2ap.E2apPdu(ric_control_failure=failure)))
    assert "RIC control failure slot request 3-1 cause control-timer-expired C8 too much" in line


@pytest.mark.parametrize(("request_id", "expected"), [(None, ""), (REQUEST, "request 3-1 ")])
def test_an_error_names_the_request_that_it_names(
    names: FunctionNames, request_id: e2ap.RicRequestId | None, expected: str
) -> None:
    cause = e2ap.Cause(protocol=e2ap.PROTOCOL_UNSPECIFIED)
    error = e2ap.ErrorIndication(ric_request_id=request_id, cause=cause)
    line = one_line(watched(names, e2ap.E2apPdu(error_indication=error)))
    assert f"error indication {expected}cause " in line


def test_in_full_a_message_shows_its_inner_fields(names: FunctionNames) -> None:
    text = full_text(watched(names, slot_indication()))
    assert "IndicationHeader {" in text
    assert "decided_slot: 102" in text
    assert "bandwidth_hz: 6000000" in text


@pytest.mark.parametrize("message", sorted(PROCEDURES))
def test_every_message_has_a_line_even_when_empty(names: FunctionNames, message: str) -> None:
    pdu = e2ap.E2apPdu()
    getattr(pdu, message).SetInParent()
    found = watched(names, pdu)
    assert message.rsplit("_", maxsplit=1)[-1] in one_line(found)
    assert full_text(found)


def test_every_message_of_the_contract_belongs_to_a_procedure() -> None:
    assert set(PROCEDURES) == {field.name for field in e2ap.E2apPdu.DESCRIPTOR.oneofs_by_name["message"].fields}


@given(st.binary(max_size=64), st.binary(max_size=64), st.sampled_from([12, 13, 14, 99]))
def test_whatever_bytes_a_service_model_carries_have_a_line(header: bytes, message: bytes, number: int) -> None:
    names = FunctionNames(LoopbackClient(1))
    names.learn(NODE, SETUP.ran_functions_added)
    indication = e2ap.RicIndication(
        ran_function_id=number, ric_indication_header=header, ric_indication_message=message
    )
    control = e2ap.RicControlRequest(ran_function_id=number, ric_control_header=header, ric_control_message=message)
    for pdu in (e2ap.E2apPdu(ric_indication=indication), e2ap.E2apPdu(ric_control_request=control)):
        assert one_line(watched(names, pdu))


def test_arrays_and_enumerations_that_cannot_be_have_a_line_without_details(names: FunctionNames) -> None:
    odd_users = slot_indication()
    odd_users.ric_indication.ric_indication_message = slot.IndicationMessage(user_ids=b"\x01").SerializeToString()
    nameless_type = slot_indication()
    nameless_type.ric_indication.ric_indication_type = 99  # type: ignore[assignment]
    odd_beams = slot.ControlMessage(beams=b"\x01").SerializeToString()
    control = e2ap.RicControlRequest(ran_function_id=14, ric_control_message=odd_beams)
    action = e2ap.RicAction(ric_action_id=1, ric_action_type=99)  # type: ignore[arg-type]
    request = e2ap.RicSubscriptionRequest(ran_function_id=14, ric_action_to_be_setup_list=[action])
    for pdu, name in (
        (odd_users, "RIC indication"),
        (nameless_type, "RIC indication"),
        (e2ap.E2apPdu(ric_control_request=control), "RIC control request"),
        (e2ap.E2apPdu(ric_subscription_request=request), "RIC subscription request"),
    ):
        found = watched(names, pdu)
        assert one_line(found).endswith(f"{NODE} -> {name} slot")
        assert full_text(found)


def test_what_a_node_changes_has_its_line_and_names_its_functions(names: FunctionNames) -> None:
    slot = e2ap.RanFunctionItem(ran_function_id=44, ran_function_oid=SLOT_OID)
    gone = [e2ap.RanFunctionIdItem(ran_function_id=3)]
    update = e2ap.RicServiceUpdate(transaction_id=5, ran_functions_added=[slot], ran_functions_deleted=gone)
    line = one_line(watched(names, e2ap.E2apPdu(ric_service_update=update)))
    assert line.endswith("RIC service update transaction 5 added [44] deleted [3]")
    assert names.of(NODE, 44) == "slot"
    item = e2ap.RicSubscriptionWithCause(
        ric_request_id=e2ap.RicRequestId(ric_requestor_id=1, ric_instance_id=2),
        cause=e2ap.Cause(misc=e2ap.MISC_OM_INTERVENTION),
    )
    required = e2ap.RicSubscriptionDeleteRequired(ric_subscription_to_be_removed=[item])
    line = one_line(watched(names, e2ap.E2apPdu(ric_subscription_delete_required=required)))
    assert line.endswith("delete required request 1-2 cause om-intervention")


def test_filters_narrow_what_is_shown(names: FunctionNames) -> None:
    found = watched(names, slot_indication())
    assert Filter().passes(found)
    assert Filter(procedures={"indication"}, functions={"slot"}, nodes={NODE}).passes(found)
    assert not Filter(procedures={"control"}).passes(found)
    assert not Filter(functions={"kpm"}).passes(found)
    assert not Filter(nodes={"00101-2"}).passes(found)


def test_a_tap_that_nobody_answers_at_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tap = f"tcp://127.0.0.1:{free_port()}"
    monkeypatch.setattr(e2, "tap_endpoint", lambda _ric: tap)
    monkeypatch.setattr(FunctionNames, "load", lambda _names: [])
    result = CliRunner().invoke(app, ["e2", "watch"])
    assert result.exit_code == 1
    assert f"hiso: tap {tap}: nobody answers there; run it where the RIC runs" in result.stderr


def test_watching_goes_on_after_a_damaged_frame(names: FunctionNames) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    publisher = context.socket(zmq.PUB)
    port = publisher.bind_to_random_port("tcp://127.0.0.1")
    frame = e2ap.E2Frame(pdus=[slot_indication()]).SerializeToString()
    stop = threading.Event()

    def publish() -> None:
        while not stop.wait(0.01):
            publisher.send_multipart([b"to_ric"])
            publisher.send_multipart([b"to_ric", NODE.encode(), bytes(8), b"\xff\xff"])
            publisher.send_multipart([b"to_ric", NODE.encode(), bytes(8), frame])

    thread = threading.Thread(target=publish)
    thread.start()
    deadline_s = time.monotonic() + 10
    found: Iterator[WatchedMessage] = watch(f"tcp://127.0.0.1:{port}", names, lambda: time.monotonic() < deadline_s)
    try:
        assert next(found).function == "slot"
        assert next(found).message == "ric_indication"
    finally:
        stop.set()
        thread.join()
        publisher.close(linger=0)
        context.term()
