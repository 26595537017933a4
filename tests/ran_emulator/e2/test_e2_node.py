"""Procedures that need no stream: a node whose link is a list."""

from __future__ import annotations

import time

import pytest
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_slot_pb2 as slots

from ran_emulator.cell import Cell
from ran_emulator.e2 import traffic as e2_traffic
from ran_emulator.e2.link import Lost, Opened, Received
from ran_emulator.e2.node import E2Node
from ran_emulator.scenario import load_scenario


class RecordingLink:
    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.dropped: list[str] = []
        self.left: list[float] = []

    def send(self, stream: int, frame: bytes) -> None:
        self.frames.append(frame)

    def drop(self, reason: str, pause_s: float) -> None:
        self.dropped.append(reason)

    def leave(self, pause_s: float) -> None:
        self.left.append(pause_s)

    def connect_now(self) -> None:
        self.left.clear()

    def take(self) -> list[e2ap.E2apPdu]:
        pdus = [pdu for frame in self.frames for pdu in e2ap.E2Frame.FromString(frame).pdus]
        self.frames.clear()
        return pdus


class Bench:
    def __init__(self, delay: int = 0) -> None:
        self.link = RecordingLink()
        self.cell = Cell(load_scenario("high-load"), 1, delay)
        self.node = E2Node(self.cell, self.link, 1, True)  # type: ignore[arg-type]
        self.node.handle(Opened(1))
        self.give(e2_setup_response=e2ap.E2SetupResponse(transaction_id=1))
        self.link.take()

    def give(self, **message: object) -> None:
        frame = e2ap.E2Frame(pdus=[e2ap.E2apPdu(**message)])  # type: ignore[arg-type]
        self.node.handle(Received(1, frame.SerializeToString(), time.monotonic()))

    def subscribe(self, slice_id: int) -> None:
        self.ask_for(slice_id)
        self.link.take()

    def ask_for(self, slice_id: int) -> None:
        after = e2ap.RicSubsequentAction(no_limit=True)
        action = e2ap.RicAction(ric_action_type=e2ap.INSERT, ric_subsequent_action=after)
        self.give(
            ric_subscription_request=e2ap.RicSubscriptionRequest(
                ric_request_id=e2ap.RicRequestId(ric_requestor_id=1, ric_instance_id=slice_id),
                ran_function_id=4,
                ric_event_trigger_definition=slots.EventTriggerDefinition(slice_id=slice_id).SerializeToString(),
                ric_action_to_be_setup_list=[action],
            )
        )

    def slot(self) -> None:
        slot = self.cell.slot
        self.cell.begin_slot()
        self.node.ask()
        self.cell.execute_slot()
        self.node.executed(slot)


@pytest.mark.parametrize("frame", [b"\xff\xff", b"\x0a\x05abc", b"\x0a\x02\x0a\xff"])
def test_an_undecodable_frame_is_a_transfer_syntax_error(frame: bytes) -> None:
    bench = Bench()
    bench.node.handle(Received(1, frame, time.monotonic()))
    (answer,) = bench.link.take()
    assert answer.error_indication.cause.protocol == e2ap.PROTOCOL_TRANSFER_SYNTAX_ERROR


def test_nothing_is_admitted_before_the_setup() -> None:
    bench = Bench()
    bench.node.handle(Opened(2))
    bench.link.take()
    bench.node.handle(
        Received(2, e2ap.E2Frame(pdus=[e2ap.E2apPdu(reset_request=e2ap.ResetRequest())]).SerializeToString(), 0.0)
    )
    (answer,) = bench.link.take()
    assert answer.error_indication.cause.protocol == e2ap.PROTOCOL_MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE


def test_what_an_old_stream_still_brings_is_ignored() -> None:
    bench = Bench()
    bench.node.handle(Opened(2))
    bench.link.take()
    bench.give(reset_request=e2ap.ResetRequest(transaction_id=4))
    bench.node.handle(Lost(1, "late news"))
    assert bench.link.take() == []


def test_indications_of_one_slot_share_a_frame_and_are_counted_exactly() -> None:
    bench = Bench()
    for slice_id in range(3):
        bench.subscribe(slice_id)
    for slice_id in range(3):
        bench.cell.inject(slice_id, 3)
    before = sum(bench.node.traffic.bytes)
    bench.slot()
    (frame,) = bench.link.frames
    pdus = e2ap.E2Frame.FromString(frame).pdus
    assert [pdu.ric_indication.ric_request_id.ric_instance_id for pdu in pdus] == [0, 1, 2]
    assert len({pdu.ric_indication.ric_call_process_id for pdu in pdus}) == 3
    assert sum(bench.node.traffic.bytes) - before == sum(pdu.ByteSize() for pdu in pdus)
    shown = e2_traffic.nested(bench.node.traffic.messages)
    assert shown["slot"]["ric_indication"] == {"to_ric": 3}


def test_unanswered_slots_are_missed_and_each_frame_has_the_outcome_before_it() -> None:
    bench = Bench()
    bench.subscribe(1)
    bench.link.take()
    for slot in range(10):
        bench.cell.inject(1, 8)
        bench.slot()
        (pdu,) = bench.link.take()
        message = slots.IndicationMessage.FromString(pdu.ric_indication.ric_indication_message)
        assert [outcome.slot for outcome in message.outcomes] == [slot - 1][: slot > 0]
    assert bench.node.missed_deadlines == [0, 10, 0]


def test_at_a_delay_the_first_slots_ask_for_later_ones() -> None:
    bench = Bench(delay=2)
    bench.subscribe(1)
    bench.cell.inject(1, 8)
    bench.cell.begin_slot()
    bench.node.ask()
    (pdu,) = bench.link.take()
    header = slots.IndicationHeader.FromString(pdu.ric_indication.ric_indication_header)
    assert (header.observed_slot, header.decided_slot) == (0, 2)
    assert bench.node.waiting_for(2)
    assert not bench.node.waiting_for(0)


@pytest.mark.parametrize("acknowledge", [e2ap.NO_ACK, e2ap.ACK])  # compiled code reads the first
def test_a_decision_is_as_old_as_its_frame_was_when_it_came(acknowledge: e2ap.RicControlAckRequest) -> None:
    bench = Bench(delay=2)
    bench.subscribe(1)
    bench.cell.inject(1, 8)
    bench.cell.begin_slot()
    before_s = time.monotonic()
    bench.node.ask()
    after_s = time.monotonic()
    indication = bench.link.take()[0].ric_indication
    users = slots.IndicationMessage.FromString(indication.ric_indication_message).user_ids
    count = bench.cell.group_size(1)
    decision = slots.ControlMessage(
        user_ids=users, beams=bytes(2 * count), private_power_w=bytes(4 * count), common_power_w=0.0
    )
    request = e2ap.RicControlRequest(
        ric_request_id=indication.ric_request_id,
        ran_function_id=4,
        ric_call_process_id=indication.ric_call_process_id,
        ric_control_header=slots.ControlHeader(slice_id=1, decided_slot=2).SerializeToString(),
        ric_control_message=decision.SerializeToString(),
        ric_control_ack_request=acknowledge,
    )
    frame = e2ap.E2Frame(pdus=[e2ap.E2apPdu(ric_control_request=request)]).SerializeToString()
    bench.node.handle(Received(1, frame, after_s + 0.02))
    (latency_s,) = bench.node.latencies_s
    assert 0.02 <= latency_s <= 0.02 + after_s - before_s


def test_loss_forgets_subscriptions_and_ends_waits() -> None:
    bench = Bench()
    bench.subscribe(1)
    bench.cell.inject(1, 8)
    bench.cell.begin_slot()
    bench.node.ask()
    assert bench.node.waiting_for(0)
    bench.node.handle(Lost(1, "gone"))
    assert not bench.node.waiting_for(0)
    assert not bench.node.connected
    assert not bench.node.subscriptions.holds("embb")
    bench.cell.execute_slot()
    bench.node.executed(0)
    assert bench.node.missed_deadlines == [0, 1, 0]


def test_a_refused_setup_drops_the_stream() -> None:
    bench = Bench()
    bench.node.handle(Opened(1))
    cause = e2ap.Cause(misc=e2ap.MISC_OM_INTERVENTION)
    bench.give(e2_setup_failure=e2ap.E2SetupFailure(transaction_id=1, cause=cause))
    assert "om-intervention" in bench.link.dropped[0]


@pytest.mark.parametrize(
    "message",
    [
        {"e2_setup_response": e2ap.E2SetupResponse(transaction_id=1)},
        {"e2_setup_failure": e2ap.E2SetupFailure(transaction_id=99)},
        {"reset_response": e2ap.ResetResponse(transaction_id=3)},
    ],
)
def test_an_answer_to_nothing_is_an_error_and_changes_nothing(message: dict[str, object]) -> None:
    bench = Bench()
    bench.give(**message)
    (answer,) = bench.link.take()
    assert answer.error_indication.cause.protocol == e2ap.PROTOCOL_MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE
    assert bench.link.dropped == []


def test_each_reset_may_be_answered_also_where_the_next_has_left_before() -> None:
    bench = Bench()
    bench.node.reset()
    bench.node.reset()
    transactions = [pdu.reset_request.transaction_id for pdu in bench.link.take()]
    assert len(set(transactions)) == 2
    for transaction in transactions:
        bench.give(reset_response=e2ap.ResetResponse(transaction_id=transaction))
    assert bench.link.take() == []
    bench.give(reset_response=e2ap.ResetResponse(transaction_id=transactions[0]))
    (answer,) = bench.link.take()
    assert answer.HasField("error_indication")


@pytest.mark.parametrize(
    "message",
    [
        {"reset_request": e2ap.ResetRequest(transaction_id=256)},
        {"ric_service_query": e2ap.RicServiceQuery(transaction_id=256)},
    ],
)
def test_a_transaction_beyond_its_range_is_refused_by_name(message: dict[str, object]) -> None:
    bench = Bench()
    bench.subscribe(1)
    bench.give(**message)
    (answer,) = bench.link.take()
    assert "transaction_id: 256 is not in 0..255" in answer.error_indication.criticality_diagnostics.text
    assert bench.node.subscriptions.holds("embb")
