"""The slot function's compiled messages against what protobuf makes of the same cell, and reads of the same bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_slot_pb2 as slots
from hypothesis import given, settings
from hypothesis import strategies as strategy
from slot_messages import SlotEncoder

from ran_emulator.cell import Cell
from ran_emulator.e2.slot_wire import SlotWire, layout
from ran_emulator.e2.slot_wire.layout import DetailSchedule
from ran_emulator.scenario import Impairments, load_scenario
from ran_emulator.state import MAX_KEPT_OUTCOMES
from ran_emulator.wire import MALFORMED

EMBB = 1
KEY = (300, 2)


def insert(cell: Cell, encoder: SlotEncoder, outcomes: list[slots.SlotOutcome], number: int, compact: bool) -> bytes:
    """The INSERT of eMBB's group as protobuf makes it."""
    decided_slot = cell.slot + cell.control_delay_slots
    message, _ = encoder.observation(EMBB, cell.group_size(EMBB), outcomes, compact)
    indication = e2ap.RicIndication(
        ric_request_id=e2ap.RicRequestId(ric_requestor_id=KEY[0], ric_instance_id=KEY[1]),
        ran_function_id=4,
        ric_action_id=5,
        ric_indication_sn=number,
        ric_indication_type=e2ap.INSERT,
        ric_indication_header=encoder.header(EMBB, decided_slot, cell.slot),
        ric_indication_message=message.SerializeToString(),
        ric_call_process_id=(decided_slot << 2 | EMBB).to_bytes(8, "little"),
    )
    return e2ap.E2apPdu(ric_indication=indication).SerializeToString()


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("learning_detail", [False, True])
@pytest.mark.parametrize("delay", [0, 2])
def test_frames_are_byte_for_byte_those_of_protobuf(delay: int, learning_detail: bool, compact: bool) -> None:
    cell = Cell(load_scenario("high-load"), seed=4, control_delay_slots=delay)
    wire, encoder = SlotWire(cell), SlotEncoder(cell)
    wire.request(EMBB, KEY, 4, 5, DetailSchedule() if learning_detail else None, compact)
    outcomes: list[slots.SlotOutcome] = []
    sent = 0
    for slot in range(60):
        if slot == 30:
            cell.set_hwi(Impairments(model="aggregate", kappa_t=0.02, kappa_r=0.0))
        cell.begin_slot()
        expected, size = b"", 0
        if cell.group_size(EMBB):
            pdu = insert(cell, encoder, outcomes, sent, compact)
            expected, size = e2ap.E2Frame(pdus=[e2ap.E2apPdu.FromString(pdu)]).SerializeToString(), len(pdu)
            outcomes = []
            sent += 1
        frame, sizes = wire.inserts()
        assert (frame, sizes) == (expected, [0, size, 0])
        cell.execute_slot()
        wire.keep_outcomes()
        count = int(cell.state.outcomes[EMBB]["count"])
        if count:
            outcomes.append(encoder.outcome(EMBB, count, learning_detail))
    assert sent > 30


def test_the_oldest_outcomes_are_forgotten_where_no_frame_takes_them() -> None:
    cell = Cell(load_scenario("high-load"), seed=4)
    wire = SlotWire(cell)
    wire.request(EMBB, KEY, 4, 5, DetailSchedule(), False)
    executed: list[int] = []
    while len(executed) < MAX_KEPT_OUTCOMES + 7:
        cell.begin_slot()
        cell.execute_slot()
        wire.keep_outcomes()
        if cell.state.outcomes[EMBB]["count"]:
            executed.append(cell.slot - 1)
    cell.inject(EMBB, 3)
    cell.begin_slot()
    frame = e2ap.E2Frame.FromString(wire.inserts()[0])
    message = slots.IndicationMessage.FromString(frame.pdus[0].ric_indication.ric_indication_message)
    assert [outcome.slot for outcome in message.outcomes] == executed[7:]


def test_outcomes_carry_the_detail_in_the_slots_that_were_asked_for() -> None:
    cell = Cell(load_scenario("high-load"), seed=4)
    wire = SlotWire(cell)
    wire.request(EMBB, KEY, 4, 5, DetailSchedule(period_slots=16, burst_slots=3, offset_slots=5), False)
    detailed: dict[int, bool] = {}
    for _ in range(200):
        cell.begin_slot()
        for pdu in e2ap.E2Frame.FromString(wire.inserts()[0]).pdus:
            message = slots.IndicationMessage.FromString(pdu.ric_indication.ric_indication_message)
            detailed |= {outcome.slot: bool(outcome.beam_gains) for outcome in message.outcomes}
        cell.execute_slot()
        wire.keep_outcomes()
    assert len(detailed) > 150
    assert detailed == {slot: (slot + 5) % 16 < 3 for slot in detailed}


def test_another_request_begins_anew() -> None:
    cell = Cell(load_scenario("high-load"), seed=4)
    wire = SlotWire(cell)
    wire.request(EMBB, KEY, 4, 5, None, False)
    for _ in range(3):
        cell.inject(EMBB, 3)
        cell.begin_slot()
        wire.inserts()
        cell.execute_slot()
        wire.keep_outcomes()
    wire.request(EMBB, (8, 9), 4, 1, None, False)
    cell.begin_slot()
    indication = e2ap.E2Frame.FromString(wire.inserts()[0]).pdus[0].ric_indication
    assert (indication.ric_request_id.ric_requestor_id, indication.ric_indication_sn) == (8, 0)
    assert not slots.IndicationMessage.FromString(indication.ric_indication_message).outcomes
    wire.withdraw(EMBB)
    assert wire.inserts() == (b"", [0, 0, 0])


def control(user_ids: bytes, beams: bytes, powers: bytes, decided_slot: int, **message: object) -> e2ap.E2apPdu:
    """A CONTROL with a decision for eMBB."""
    content = slots.ControlMessage(user_ids=user_ids, beams=beams, private_power_w=powers, **message)  # type: ignore[arg-type]
    return e2ap.E2apPdu(
        ric_control_request=e2ap.RicControlRequest(
            ric_request_id=e2ap.RicRequestId(ric_requestor_id=KEY[0], ric_instance_id=KEY[1]),
            ran_function_id=4,
            ric_call_process_id=(decided_slot << 2 | EMBB).to_bytes(8, "little"),
            ric_control_header=slots.ControlHeader(slice_id=EMBB, decided_slot=decided_slot).SerializeToString(),
            ric_control_message=content.SerializeToString(),
            ric_control_ack_request=e2ap.NO_ACK,
        )
    )


def read(wire: SlotWire, frame: bytes, at: int = 0) -> tuple[int, list[int], np.ndarray]:
    raw = np.frombuffer(frame, np.uint8)
    end, numbers = wire.read_control(raw, at)
    return end, numbers, raw


@pytest.mark.parametrize("common", [None, 0.0, 1.25])
def test_a_decision_has_the_effect_that_it_has_by_the_general_way(common: float | None) -> None:
    one, other = (Cell(load_scenario("high-load"), seed=9) for _ in range(2))
    wire = SlotWire(one)
    rng = np.random.default_rng(1)
    decided = 0
    for _ in range(200):
        one.begin_slot()
        other.begin_slot()
        count = one.group_size(EMBB)
        if count:
            beams = rng.integers(0, 128, count).astype(np.int16)
            powers = rng.uniform(0, 0.5, count).astype(np.float32)
            choice = {"rest": True} if common is None else {"common_power_w": common}
            ids = one.group_ids(EMBB, one.slot)
            pdu = control(ids, beams.tobytes(), powers.tobytes(), one.slot, **choice)
            frame = e2ap.E2Frame(pdus=[pdu]).SerializeToString()
            end, numbers, raw = read(wire, frame)
            assert end == len(frame)
            assert numbers[layout.PDU_BYTES] == len(pdu.SerializeToString())
            assert wire.carry_out(raw, one.power_w(EMBB, one.slot))
            other.submit(EMBB, other.slot, beams, powers, common)
            decided += 1
        one.execute_slot()
        other.execute_slot()
    assert decided > 100
    assert one.trace_sha256() == other.trace_sha256()


def test_what_breaks_a_rule_is_not_carried_out() -> None:
    cell = Cell(load_scenario("high-load"), seed=9)
    wire = SlotWire(cell)
    cell.inject(EMBB, 40)
    cell.begin_slot()
    slot = cell.slot
    ids, budget_w = cell.group_ids(EMBB, slot), cell.power_w(EMBB, slot)
    count = len(ids) // 2
    beams, powers = np.zeros(count, np.int16).tobytes(), np.full(count, 0.01, np.float32).tobytes()

    def tried(user_ids: bytes, beams: bytes, powers: bytes, at: int = slot, **message: object) -> bool:
        frame = e2ap.E2Frame(pdus=[control(user_ids, beams, powers, at, **message)]).SerializeToString()
        end, _, raw = read(wire, frame)
        assert end == len(frame)
        return wire.carry_out(raw, budget_w)

    many = np.full(count, budget_w, np.float32).tobytes()
    nan, negative = np.full(count, np.nan, np.float32).tobytes(), np.full(count, -1.0, np.float32).tobytes()
    before = [array.tobytes() for array in cell.state]
    assert not tried(ids[::-1], beams, powers)
    assert not tried(ids[2:], beams[2:], powers[4:])
    assert not tried(ids, beams[2:], powers)
    assert not tried(ids, beams, powers[4:])
    assert not tried(ids, np.full(count, 128, np.int16).tobytes(), powers)
    assert not tried(ids, np.full(count, -1, np.int16).tobytes(), powers)
    assert not tried(ids, beams, many)
    assert not tried(ids, beams, nan)
    assert not tried(ids, beams, negative)
    assert not tried(ids, beams, powers, common_power_w=-0.5)
    assert not tried(ids, beams, powers, common_power_w=float("nan"))
    assert not tried(ids, beams, powers, common_power_w=budget_w)
    assert not tried(ids, beams, powers, slot + 1, rest=True)
    for array, was in zip(cell.state, before, strict=True):
        assert array.tobytes() == was
    assert tried(ids, beams, powers)


NUMBERS = strategy.sampled_from([0, 1, 127, 128, 300, 2**31, 2**32 - 1])


@settings(deadline=None)
@given(
    NUMBERS, NUMBERS, NUMBERS, strategy.integers(0, 2**61), strategy.booleans(), strategy.binary(max_size=20),
    strategy.none() | strategy.floats(width=32), strategy.binary(max_size=6), strategy.data(),
)  # fmt: skip
def test_what_is_read_is_what_protobuf_reads(
    requestor: int, instance: int, function: int, slot: int, ack: bool, ids: bytes, common: float | None, tail: bytes,
    data: strategy.DataObject,
) -> None:  # fmt: skip
    pdu = control(ids, ids, ids[1:], slot, **({} if common is None else {"common_power_w": common}))
    request = pdu.ric_control_request
    request.ric_request_id.ric_requestor_id, request.ric_request_id.ric_instance_id = requestor, instance
    request.ran_function_id = function
    if ack:
        request.ric_control_ack_request = e2ap.ACK
    good = e2ap.E2Frame(pdus=[pdu]).SerializeToString()
    wire = _WIRE
    end, numbers, _ = read(wire, good + tail)
    assert end == len(good)
    _check_against_protobuf(good, numbers)
    # Any change of a byte is either not read, or read as protobuf reads it.
    place = data.draw(strategy.integers(0, len(good) - 1))
    changed = bytearray(good)
    changed[place] = data.draw(strategy.integers(0, 255))
    end, numbers, _ = read(wire, bytes(changed))
    if end != MALFORMED:
        _check_against_protobuf(bytes(changed[:end]), numbers)


@settings(deadline=None)
@given(strategy.binary(max_size=40))
def test_any_bytes_are_read_as_protobuf_reads_them_or_not_at_all(frame: bytes) -> None:
    end, numbers, _ = read(_WIRE, frame)
    if end != MALFORMED:
        _check_against_protobuf(frame[:end], numbers)


_WIRE = SlotWire(Cell(load_scenario("base"), seed=0))


def _check_against_protobuf(frame: bytes, numbers: list[int]) -> None:
    (pdu,) = e2ap.E2Frame.FromString(frame).pdus
    assert pdu.WhichOneof("message") == "ric_control_request"
    request = pdu.ric_control_request
    header = slots.ControlHeader.FromString(request.ric_control_header)
    message = slots.ControlMessage.FromString(request.ric_control_message)
    assert numbers[layout.REQUESTOR] & 0xFFFFFFFF == request.ric_request_id.ric_requestor_id
    assert numbers[layout.INSTANCE] & 0xFFFFFFFF == request.ric_request_id.ric_instance_id
    assert numbers[layout.FUNCTION] & 0xFFFFFFFF == request.ran_function_id
    assert (numbers[layout.NO_ACK] == e2ap.NO_ACK) == (request.ric_control_ack_request == e2ap.NO_ACK)
    assert numbers[layout.CALL_PROCESS] == int.from_bytes(request.ric_call_process_id, "little", signed=True)
    assert (numbers[layout.SLICE] & 0xFFFFFFFF, numbers[layout.DECIDED_SLOT]) == (header.slice_id, header.decided_slot)
    arrays = (
        (message.user_ids, layout.USERS, layout.USERS_END),
        (message.beams, layout.BEAMS, layout.BEAMS_END),
        (message.private_power_w, layout.POWERS, layout.POWERS_END),
    )
    for array, start, end in arrays:
        assert frame[numbers[start] : numbers[end]] == array
    common = numbers[layout.COMMON]
    assert (common > 0) == message.HasField("common_power_w")
    if common:
        assert frame[common : common + 4] == np.float32(message.common_power_w).tobytes() or np.isnan(
            message.common_power_w
        )
