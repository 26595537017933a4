"""INSERT frames of the slot function in compiled code: byte for byte what protobuf writes."""

from __future__ import annotations

from typing import Any

import numpy as np
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_slot_pb2 as slots

from ran_emulator import state as st
from ran_emulator.e2.slot_wire.layout import wire_at
from ran_emulator.phy.beam_reports import BEAM_REPORT, report_beams
from ran_emulator.phy.jit import inline_kernel, state_kernel
from ran_emulator.slot_calls import state_at
from ran_emulator.wire import copy_bytes, read_field, tag_of, write_bytes, write_fixed32, write_message, write_number


def _offsets(record: np.dtype[Any], *names: str) -> tuple[np.int64, ...]:
    assert record.fields is not None
    return tuple(np.int64(record.fields[name][1]) for name in names)


_F_USERS, _F_QUEUE, _F_AGE, _F_SSR, _F_LAST = _offsets(
    st.FRAME, "user_ids", "queue_bits", "head_age_us", "ssr", "last_outcome"
)
_O_COMMON_W, _O_POWER_W, _O_NOISE_W, _O_KAPPA_T, _O_KAPPA_R = _offsets(
    st.OUTCOME, "common_power_w", "power_w", "noise_w", "kappa_t", "kappa_r"
)
_O_USERS, _O_BEAMS, _O_PRIVATE_W, _O_COMMON_SDNR, _O_SHARE, _O_PRIVATE_SDNR, _O_PRIVATE_RATE, _O_RATE, _O_SENT = (
    _offsets(
        st.OUTCOME,
        "user_ids",
        "beams",
        "private_power_w",
        "common_sdnr",
        "common_share",
        "private_sdnr",
        "private_rate",
        "rate_bps",
        "sent_bits",
    )
)
_O_SOURCE, _O_COMMON_GAIN, _O_CHANNEL_GAIN = _offsets(st.OUTCOME, "decision_source", "common_gain", "channel_gain")

_PDU = tag_of(e2ap.E2Frame, "pdus")
_INDICATION = tag_of(e2ap.E2apPdu, "ric_indication")
_REQUESTOR, _INSTANCE = (tag_of(e2ap.RicRequestId, name) for name in ("ric_requestor_id", "ric_instance_id"))
_I_REQUEST, _I_FUNCTION, _I_ACTION, _I_SN, _I_TYPE, _I_HEADER, _I_MESSAGE, _I_CALL = (
    tag_of(e2ap.RicIndication, name)
    for name in (
        "ric_request_id",
        "ran_function_id",
        "ric_action_id",
        "ric_indication_sn",
        "ric_indication_type",
        "ric_indication_header",
        "ric_indication_message",
        "ric_call_process_id",
    )
)
_INSERT = np.int64(e2ap.INSERT)
_REPORT_BYTES = BEAM_REPORT.itemsize
_H_DECIDED, _H_OBSERVED, _H_SLICE = (
    tag_of(slots.IndicationHeader, name) for name in ("decided_slot", "observed_slot", "slice_id")
)
_M_BANDWIDTH, _M_POWER, _M_NOISE, _M_HWI, _M_KAPPA_T, _M_KAPPA_R, _M_USERS, _M_QUEUE, _M_AGE, _M_SSR, _M_LAST = (
    tag_of(slots.IndicationMessage, name)
    for name in (
        "bandwidth_hz",
        "power_w",
        "noise_w",
        "hwi_model",
        "kappa_t",
        "kappa_r",
        "user_ids",
        "queue_bits",
        "head_age_us",
        "ssr",
        "last_outcome",
    )
)
_M_GAINS, _M_OUTCOME, _M_REPORTS = (
    tag_of(slots.IndicationMessage, name) for name in ("beam_gains", "outcomes", "beam_reports")
)
_S_SLOT, _S_COMMON_W, _S_BANDWIDTH, _S_POWER, _S_USERS, _S_BEAMS, _S_PRIVATE_W, _S_COMMON_SDNR, _S_SHARE = (
    tag_of(slots.SlotOutcome, name)
    for name in (
        "slot",
        "common_power_w",
        "bandwidth_hz",
        "power_w",
        "user_ids",
        "beams",
        "private_power_w",
        "common_sdnr",
        "common_share",
    )
)
_S_PRIVATE_SDNR, _S_PRIVATE_RATE, _S_RATE, _S_SENT, _S_SOURCE, _S_GAINS, _S_COMMON_GAIN, _S_CHANNEL_GAIN = (
    tag_of(slots.SlotOutcome, name)
    for name in (
        "private_sdnr",
        "private_rate",
        "rate_bps",
        "sent_bits",
        "decision_source",
        "beam_gains",
        "common_gain",
        "channel_gain",
    )
)
_S_NOISE, _S_HWI, _S_KAPPA_T, _S_KAPPA_R = (
    tag_of(slots.SlotOutcome, name) for name in ("noise_w", "hwi_model", "kappa_t", "kappa_r")
)


@inline_kernel
def _write_real(wire: Any, out: Any, at: int, tag: int, value: float) -> int:
    wire.real[0] = value
    return write_fixed32(out, at, tag, wire.real_bytes, 0)


@inline_kernel
def _write_outcome(state: Any, wire: Any, s: int, detailed: bool) -> int:
    """A SlotOutcome of the slot just executed into wire.message; its size."""
    outcome = state.outcomes[s]
    raw = wire.outcomes[s]
    out = wire.message
    count = outcome.count
    at = write_number(out, 0, _S_SLOT, outcome.slot)
    at = write_fixed32(out, at, _S_COMMON_W, raw, _O_COMMON_W)
    at = write_number(out, at, _S_BANDWIDTH, outcome.bandwidth_hz)
    at = write_fixed32(out, at, _S_POWER, raw, _O_POWER_W)
    at = write_bytes(out, at, _S_USERS, raw, _O_USERS, 2 * count)
    at = write_bytes(out, at, _S_BEAMS, raw, _O_BEAMS, 2 * count)
    at = write_bytes(out, at, _S_PRIVATE_W, raw, _O_PRIVATE_W, 4 * count)
    at = write_bytes(out, at, _S_COMMON_SDNR, raw, _O_COMMON_SDNR, 4 * count)
    at = write_bytes(out, at, _S_SHARE, raw, _O_SHARE, 4 * count)
    at = write_bytes(out, at, _S_PRIVATE_SDNR, raw, _O_PRIVATE_SDNR, 4 * count)
    at = write_bytes(out, at, _S_PRIVATE_RATE, raw, _O_PRIVATE_RATE, 4 * count)
    at = write_bytes(out, at, _S_RATE, raw, _O_RATE, 4 * count)
    at = write_bytes(out, at, _S_SENT, raw, _O_SENT, 4 * count)
    at = write_bytes(out, at, _S_SOURCE, raw, _O_SOURCE, count)
    if detailed:
        at = write_bytes(out, at, _S_GAINS, wire.outcome_gains[s], 0, 4 * count * state.outcome_gains.shape[2])
        at = write_bytes(out, at, _S_COMMON_GAIN, raw, _O_COMMON_GAIN, 4 * count)
        at = write_bytes(out, at, _S_CHANNEL_GAIN, raw, _O_CHANNEL_GAIN, 4 * count)
        at = write_fixed32(out, at, _S_NOISE, raw, _O_NOISE_W)
        at = write_number(out, at, _S_HWI, outcome.hwi_model)
        at = write_fixed32(out, at, _S_KAPPA_T, raw, _O_KAPPA_T)
        at = write_fixed32(out, at, _S_KAPPA_R, raw, _O_KAPPA_R)
    return at


@inline_kernel
def _forget_oldest(wire: Any, s: int) -> None:
    request = wire.requests[s]
    kept = wire.kept[s]
    _, _, end = read_field(kept, 0, request.kept_bytes)
    for i in range(end, request.kept_bytes):
        kept[i - end] = kept[i]
    request.kept_bytes -= end
    request.kept -= 1


@inline_kernel
def _write_observation(state: Any, wire: Any, s: int) -> int:
    """An IndicationMessage of a slice's group into wire.message; its size."""
    cell = state.cell[0]
    part = state.slices[s]
    frame = state.frames[s]
    request = wire.requests[s]
    raw = wire.frames[s]
    out = wire.message
    count = frame.count
    at = write_number(out, 0, _M_BANDWIDTH, part.decided_bandwidth_hz)
    at = _write_real(wire, out, at, _M_POWER, part.decided_power_w)
    at = _write_real(wire, out, at, _M_NOISE, cell.noise_w_per_hz * part.decided_bandwidth_hz)
    at = write_number(out, at, _M_HWI, cell.hwi_model)
    at = _write_real(wire, out, at, _M_KAPPA_T, cell.kappa_t)
    at = _write_real(wire, out, at, _M_KAPPA_R, cell.kappa_r)
    at = write_bytes(out, at, _M_USERS, raw, _F_USERS, 2 * count)
    at = write_bytes(out, at, _M_QUEUE, raw, _F_QUEUE, 4 * count)
    at = write_bytes(out, at, _M_AGE, raw, _F_AGE, 4 * count)
    at = write_bytes(out, at, _M_SSR, raw, _F_SSR, 4 * count)
    at = write_bytes(out, at, _M_LAST, raw, _F_LAST, 28 * count)
    if request.compact == 0:
        at = write_bytes(out, at, _M_GAINS, wire.frame_gains[s], 0, 4 * count * state.frame_gains.shape[2])
    at = copy_bytes(wire.kept[s], 0, request.kept_bytes, out, at)
    if request.compact == 1:
        report_beams(count, frame.last_outcome, state.frame_gains[s], wire.best, wire.reports)
        at = write_bytes(out, at, _M_REPORTS, wire.report_bytes, 0, _REPORT_BYTES * count)
    return at


@inline_kernel
def _write_insert(state: Any, wire: Any, s: int, at: int) -> int:
    """The INSERT of a slice's group into wire.frame, as a PDU; where it ends."""
    cell = state.cell[0]
    frame = state.frames[s]
    request = wire.requests[s]
    message_bytes = _write_observation(state, wire, s)
    request.kept = 0
    request.kept_bytes = 0
    out = wire.indication
    # Inner messages are written behind the place of the whole, then copied into it.
    inner = out.shape[0] - 64
    end = write_number(out, inner, _REQUESTOR, request.requestor)
    end = write_number(out, end, _INSTANCE, request.instance)
    size = write_message(out, 0, _I_REQUEST, out, inner, end - inner)
    size = write_number(out, size, _I_FUNCTION, request.function)
    size = write_number(out, size, _I_ACTION, request.action)
    size = write_number(out, size, _I_SN, request.sequence_number)
    size = write_number(out, size, _I_TYPE, _INSERT)
    end = write_number(out, inner, _H_DECIDED, frame.decided_slot)
    end = write_number(out, end, _H_OBSERVED, cell.slot)
    end = write_number(out, end, _H_SLICE, s)
    size = write_bytes(out, size, _I_HEADER, out, inner, end - inner)
    size = write_bytes(out, size, _I_MESSAGE, wire.message, 0, message_bytes)
    call_process = frame.decided_slot << 2 | s
    for i in range(8):
        out[inner + i] = call_process >> 8 * i & 0xFF
    size = write_bytes(out, size, _I_CALL, out, inner, 8)
    request.sequence_number = request.sequence_number + 1 & 0xFFFF
    request.pdu_bytes = write_message(wire.message, 0, _INDICATION, out, 0, size)
    return write_message(wire.frame, at, _PDU, wire.message, 0, request.pdu_bytes)


@state_kernel
def write_inserts(state_addresses: Any, wire_addresses: Any) -> int:
    """One frame with an INSERT for each slice that has a group and a request, into wire.frame; its size."""
    state = state_at(state_addresses)
    wire = wire_at(wire_addresses)
    at = 0
    for s in range(state.slices.shape[0]):
        wire.requests[s].pdu_bytes = 0
        if wire.requests[s].active == 1 and state.frames[s].count > 0:
            at = _write_insert(state, wire, s, at)
    return at


@state_kernel
def keep_outcomes(state_addresses: Any, wire_addresses: Any) -> None:
    """Keep the outcomes of the slot just executed for the slices' next frames, at most `MAX_KEPT_OUTCOMES`."""
    state = state_at(state_addresses)
    wire = wire_at(wire_addresses)
    for s in range(state.slices.shape[0]):
        request = wire.requests[s]
        if request.active == 0 or state.outcomes[s].count == 0:
            continue
        turn = (state.outcomes[s].slot + request.offset_slots) % request.period_slots
        size = _write_outcome(state, wire, s, request.learning_detail == 1 and turn < request.burst_slots)
        if request.kept == st.MAX_KEPT_OUTCOMES:
            _forget_oldest(wire, s)
        request.kept_bytes = write_message(wire.kept[s], request.kept_bytes, _M_OUTCOME, wire.message, 0, size)
        request.kept += 1
