"""CONTROLs of the slot function in compiled code: the plain ones are carried out, any other is left to protobuf."""

from __future__ import annotations

from typing import Any

import numpy as np
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_slot_pb2 as slots

from ran_emulator import slot
from ran_emulator import state as st
from ran_emulator.e2.slot_wire.layout import (
    BEAMS,
    BEAMS_END,
    CALL_PROCESS,
    COMMON,
    DECIDED_SLOT,
    FUNCTION,
    INSTANCE,
    NO_ACK,
    PDU_BYTES,
    POWERS,
    POWERS_END,
    REQUESTOR,
    SLICE,
    USERS,
    USERS_END,
    wire_at,
)
from ran_emulator.phy.jit import inline_kernel, state_kernel
from ran_emulator.slot_calls import state_at
from ran_emulator.wire import MALFORMED, copy_bytes, read_field, tag_of

_PDU = tag_of(e2ap.E2Frame, "pdus")
_CONTROL = tag_of(e2ap.E2apPdu, "ric_control_request")
_REQUESTOR, _INSTANCE = (tag_of(e2ap.RicRequestId, name) for name in ("ric_requestor_id", "ric_instance_id"))
_C_REQUEST, _C_FUNCTION, _C_CALL, _C_HEADER, _C_MESSAGE, _C_ACK = (
    tag_of(e2ap.RicControlRequest, name)
    for name in (
        "ric_request_id",
        "ran_function_id",
        "ric_call_process_id",
        "ric_control_header",
        "ric_control_message",
        "ric_control_ack_request",
    )
)
_D_SLICE, _D_DECIDED = (tag_of(slots.ControlHeader, name) for name in ("slice_id", "decided_slot"))
_D_USERS, _D_BEAMS, _D_POWERS, _D_COMMON, _D_REST = (
    tag_of(slots.ControlMessage, name) for name in ("user_ids", "beams", "private_power_w", "common_power_w", "rest")
)


@inline_kernel
def _read_two(data: Any, at: int, end: int, control: Any, tag_a: int, place_a: int, tag_b: int, place_b: int) -> bool:
    """A message of two numbers into their places of `control`; False where it has anything else."""
    while at < end:
        tag, value, at = read_field(data, at, end)
        if at == MALFORMED:
            return False
        if tag == tag_a:
            control[place_a] = value
        elif tag == tag_b:
            control[place_b] = value
        else:
            return False
    return True


@inline_kernel
def _read_message(data: Any, at: int, end: int, control: Any) -> bool:
    while at < end:
        tag, value, at = read_field(data, at, end)
        if at == MALFORMED:
            return False
        if tag == _D_USERS:
            control[USERS], control[USERS_END] = value, at
        elif tag == _D_BEAMS:
            control[BEAMS], control[BEAMS_END] = value, at
        elif tag == _D_POWERS:
            control[POWERS], control[POWERS_END] = value, at
        elif tag == _D_COMMON:
            control[COMMON] = value
        elif tag == _D_REST:
            control[COMMON] = 0
        else:
            return False
    return True


@inline_kernel
def _read_request(data: Any, at: int, end: int, control: Any) -> bool:
    """A RicControlRequest into `control`; False where it is not plainly one of the slot function."""
    known = True
    while at < end and known:
        tag, value, at = read_field(data, at, end)
        if at == MALFORMED:
            return False
        if tag == _C_REQUEST:
            known = _read_two(data, value, at, control, _REQUESTOR, REQUESTOR, _INSTANCE, INSTANCE)
        elif tag == _C_FUNCTION:
            control[FUNCTION] = value
        elif tag == _C_CALL:
            known = at - value == 8
            if known:
                number = np.int64(0)
                for i in range(8):
                    number |= np.int64(data[value + i]) << 8 * i
                control[CALL_PROCESS] = number
        elif tag == _C_HEADER:
            control[SLICE] = control[DECIDED_SLOT] = 0
            known = _read_two(data, value, at, control, _D_SLICE, SLICE, _D_DECIDED, DECIDED_SLOT)
        elif tag == _C_MESSAGE:
            for place in range(USERS, COMMON + 1):
                control[place] = 0
            known = _read_message(data, value, at, control)
        elif tag == _C_ACK:
            control[NO_ACK] = value
        else:
            known = False
    return known


@state_kernel
def read_control(wire_addresses: Any, frame: Any, at: int) -> int:
    """A PDU of a frame into wire.control; where it ends, or MALFORMED where it is not plainly a CONTROL."""
    control = wire_at(wire_addresses).control
    for place in range(control.shape[0]):
        control[place] = 0
    tag, start, end = read_field(frame, at, frame.shape[0])
    if end == MALFORMED or tag != _PDU:
        return MALFORMED
    tag, request, request_end = read_field(frame, start, end)
    if request_end != end or tag != _CONTROL or not _read_request(frame, request, end, control):
        return MALFORMED
    control[PDU_BYTES] = end - start
    return end


@inline_kernel
def _same_users(grant: Any, frame: Any, start: int) -> bool:
    same = True
    for i in range(grant.count):
        same = same and np.int64(frame[start + 2 * i]) | np.int64(frame[start + 2 * i + 1]) << 8 == grant.user_ids[i]
    return same


@state_kernel
def carry_out(state_addresses: Any, wire_addresses: Any, frame: Any, power_w: float) -> bool:
    """Carry out the decision in wire.control where it holds every rule at a budget of power_w; whether it was."""
    state = state_at(state_addresses)
    wire = wire_at(wire_addresses)
    control = wire.control
    s = control[SLICE]
    decided_slot = control[DECIDED_SLOT]
    if s < 0 or s >= state.slices.shape[0] or decided_slot < state.cell[0].slot:
        return False
    grant = state.grants[decided_slot % st.RING, s]
    count = grant.count
    fits = (
        grant.slot == decided_slot
        and control[USERS_END] - control[USERS] == 2 * count
        and control[BEAMS_END] - control[BEAMS] == 2 * count
        and control[POWERS_END] - control[POWERS] == 4 * count
    )
    if not fits or not _same_users(grant, frame, control[USERS]):
        return False
    copy_bytes(frame, control[BEAMS], 2 * count, wire.beam_bytes, 0)
    copy_bytes(frame, control[POWERS], 4 * count, wire.power_bytes, 0)
    given = control[COMMON] > 0
    common_w = 0.0
    if given:
        copy_bytes(frame, control[COMMON], 4, wire.real_bytes, 0)
        common_w = np.float64(wire.real[0])
    rule = slot.check_decision(count, wire.beams, wire.powers, common_w, power_w, state.cell[0].antennas)
    if common_w < 0.0 or rule != slot.VALID:
        return False
    slot.submit(state, s, decided_slot, wire.beams, wire.powers, common_w if given else -1.0)
    return True
