"""Between the service models' messages and what slicing policies see and say; arrays are little-endian bytes."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from google.protobuf.message import DecodeError
from hiso_proto import e2sm_budgets_pb2 as budgets_pb2
from hiso_proto import e2sm_slot_pb2 as slot_pb2

from ran_emulator.phy.beam_reports import BEAM_REPORT
from xapps.slicing.observation import (
    SLICE_NAMES,
    BudgetContext,
    Budgets,
    LearningDetail,
    SecondReport,
    SliceContext,
    SlotDecision,
    SlotObservation,
    SlotOutcome,
)

U8, U16, I16, U32, F32 = (np.dtype(name) for name in ("u1", "<u2", "<i2", "<u4", "<f4"))
OUTCOME_FIELDS = 7
"""Fields of Eq. 24 that an observation holds of a user's last outcome."""


class CodecError(ValueError):
    """A message that does not decode, or whose arrays do not fit each other; the message names the field."""


def slice_contexts(definition: bytes) -> dict[int, SliceContext]:
    """Contexts by slice id out of the slot function's definition.

    Raises:
        CodecError: it does not decode.
    """
    message = slot_pb2.RanFunctionDefinition()
    _parse("slot function's definition", message, definition)
    return {
        item.slice_id: SliceContext(
            slice_id=item.slice_id,
            min_rate_bps=item.min_rate_bps,
            ssr_threshold=item.ssr_threshold,
            antennas=message.antennas,
            beams=message.codebook_beams,
            control_delay_slots=message.control_delay_slots,
            access=message.access,
            precoder=message.precoder,
        )
        for item in message.slices
    }


def budget_context(definition: bytes) -> BudgetContext:
    """Context out of the budget function's definition.

    Raises:
        CodecError: it does not decode.
    """
    message = budgets_pb2.RanFunctionDefinition()
    _parse("budget function's definition", message, definition)
    return BudgetContext(
        total_bandwidth_hz=message.total_bandwidth_hz,
        total_power_w=message.total_power_w,
        bandwidth_floor_hz=message.bandwidth_floor_hz,
        power_floor_w=message.power_floor_w,
        control_delay_slots=message.control_delay_slots,
    )


def decode_observation(header: bytes, message: bytes, *, outcomes: bool = True) -> SlotObservation:
    """A slot observation out of an INSERT of the slot function; its arrays are views of the message, read-only.

    `outcomes` False: they are left out, for who decides but does not learn.

    Raises:
        CodecError: it does not decode, or an array has not one entry a user.
    """
    head, body = slot_pb2.IndicationHeader(), slot_pb2.IndicationMessage()
    _parse("header", head, header)
    _parse("message", body, message)
    user_ids = _users(body.user_ids)
    count = len(user_ids)
    return SlotObservation(
        slice_id=head.slice_id,
        decided_slot=head.decided_slot,
        observed_slot=head.observed_slot,
        bandwidth_hz=body.bandwidth_hz,
        power_w=body.power_w,
        noise_w=body.noise_w,
        hwi_model=body.hwi_model,
        kappa_t=body.kappa_t,
        kappa_r=body.kappa_r,
        user_ids=user_ids,
        queue_bits=_array("queue_bits", body.queue_bits, U32, count),
        head_age_us=_array("head_age_us", body.head_age_us, U32, count),
        ssr=_array("ssr", body.ssr, F32, count),
        last_outcome=_array("last_outcome", body.last_outcome, F32, count, OUTCOME_FIELDS),
        beam_gains=_rows("beam_gains", body.beam_gains, count),
        beam_reports=_array("beam_reports", body.beam_reports, BEAM_REPORT, count) if body.beam_reports else None,
        outcomes=[_outcome(item) for item in body.outcomes] if outcomes else [],
    )


def decode_slots(header: bytes) -> tuple[int, int]:
    """Decided and observed slot out of the header of an INSERT of the slot function.

    Raises:
        CodecError: it does not decode.
    """
    head = slot_pb2.IndicationHeader()
    _parse("header", head, header)
    return head.decided_slot, head.observed_slot


def _outcome(item: slot_pb2.SlotOutcome) -> SlotOutcome:
    user_ids = _users(item.user_ids)
    count = len(user_ids)
    return SlotOutcome(
        slot=item.slot,
        common_power_w=item.common_power_w,
        bandwidth_hz=item.bandwidth_hz,
        power_w=item.power_w,
        user_ids=user_ids,
        beams=_array("beams", item.beams, I16, count),
        private_power_w=_array("private_power_w", item.private_power_w, F32, count),
        common_sdnr=_array("common_sdnr", item.common_sdnr, F32, count),
        common_share=_array("common_share", item.common_share, F32, count),
        private_sdnr=_array("private_sdnr", item.private_sdnr, F32, count),
        private_rate=_array("private_rate", item.private_rate, F32, count),
        rate_bps=_array("rate_bps", item.rate_bps, F32, count),
        sent_bits=_array("sent_bits", item.sent_bits, U32, count),
        decision_source=_array("decision_source", item.decision_source, U8, count),
        learning_detail=_learning_detail(item, count) if item.beam_gains else None,
    )


def _learning_detail(item: slot_pb2.SlotOutcome, count: int) -> LearningDetail:
    return LearningDetail(
        beam_gains=_rows("beam_gains", item.beam_gains, count),
        common_gain=_array("common_gain", item.common_gain, F32, count),
        channel_gain=_array("channel_gain", item.channel_gain, F32, count),
        noise_w=item.noise_w,
        hwi_model=item.hwi_model,
        kappa_t=item.kappa_t,
        kappa_r=item.kappa_r,
    )


def decision_header(observation: SlotObservation) -> slot_pb2.ControlHeader:
    """The CONTROL header of the slot function for an observation's decision."""
    return slot_pb2.ControlHeader(slice_id=observation.slice_id, decided_slot=observation.decided_slot)


def decision_message(observation: SlotObservation, decision: SlotDecision) -> slot_pb2.ControlMessage:
    """The CONTROL message of the slot function."""
    message = slot_pb2.ControlMessage(
        user_ids=observation.user_ids.tobytes(),
        beams=decision.beams.tobytes(),
        private_power_w=decision.private_power_w.tobytes(),
    )
    if decision.common_power_w is None:
        message.rest = True
    else:
        message.common_power_w = decision.common_power_w
    return message


def decode_report(header: bytes, message: bytes) -> SecondReport:
    """A second's report out of an INSERT of the budget function.

    Raises:
        CodecError: it does not decode, or does not hold each slice once.
    """
    head, body = budgets_pb2.IndicationHeader(), budgets_pb2.IndicationMessage()
    _parse("header", head, header)
    _parse("message", body, message)
    slices = sorted(body.slices, key=lambda item: item.slice_id)
    if [item.slice_id for item in slices] != list(range(len(SLICE_NAMES))):
        raise CodecError(f"slices: each of slice ids 0..{len(SLICE_NAMES) - 1} is needed once")

    def integers(name: str) -> Any:
        return np.array([getattr(item, name) for item in slices], np.int64)

    def reals(name: str) -> Any:
        return np.array([getattr(item, name) for item in slices], np.float32)

    return SecondReport(
        second=head.second,
        slot=head.slot,
        offered_packets=integers("offered_packets"),
        offered_bits=integers("offered_bits"),
        ssr=reals("ssr"),
        queued_bits=integers("queued_bits"),
        bandwidth_hz=integers("bandwidth_hz"),
        power_w=reals("power_w"),
        slice_eta_bps_hz=reals("eta_bps_hz"),
        eta_bps_hz=body.eta_bps_hz,
        hwi_model=body.hwi_model,
        kappa_t=body.kappa_t,
        kappa_r=body.kappa_r,
    )


def budgets_message(budgets: Budgets | None) -> budgets_pb2.ControlMessage:
    """The CONTROL message of the budget function; None: keep."""
    message = budgets_pb2.ControlMessage()
    if budgets is not None:
        for slice_id, (bandwidth_hz, power_w) in enumerate(zip(budgets.bandwidth_hz, budgets.power_w, strict=True)):
            message.budgets.add(slice_id=slice_id, bandwidth_hz=bandwidth_hz, power_w=power_w)
    return message


def _parse(what: str, message: Any, data: bytes) -> None:
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise CodecError(f"{what}: {len(data)} bytes that are no {message.DESCRIPTOR.full_name}") from error


def _users(data: bytes) -> Any:
    if len(data) % U16.itemsize:
        raise CodecError(f"user_ids: {len(data)} bytes, must be a multiple of {U16.itemsize}")
    return np.frombuffer(data, U16)


def _array(name: str, data: bytes, dtype: np.dtype[Any], count: int, width: int = 1) -> Any:
    """[count] values, or [count, width]."""
    if len(data) != count * width * dtype.itemsize:
        _wrong_length(name, data, count * width * dtype.itemsize)
    values = np.frombuffer(data, dtype)
    return values if width == 1 else values.reshape(count, width)


def _rows(name: str, data: bytes, count: int) -> Any:
    """[count, N] float32, N by the length."""
    row_bytes = F32.itemsize * count
    if count == 0:
        return _array(name, data, F32, 0).reshape(0, 0)
    if len(data) % row_bytes:
        _wrong_length(name, data, row_bytes, "a multiple of ")
    return np.frombuffer(data, F32).reshape(count, len(data) // row_bytes)


def _wrong_length(name: str, data: bytes, expected: int, kind: str = "") -> NoReturn:
    raise CodecError(f"{name}: {len(data)} bytes, must be {kind}{expected}")
