"""Between the cell's arrays and the messages of the two functions of our own, slots and budgets.

Arrays are little-endian bytes without padding, cut from the cell's records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_slot_pb2 as slots

from ran_emulator import state as st
from ran_emulator.cell import Cell, SecondWindow
from ran_emulator.constraints import Refused
from ran_emulator.scenario import MAX_GROUP_USERS, SLICE_NAMES, SLOT_US, SLOTS_PER_SECOND


@dataclass(slots=True)
class Decision:
    """A slot CONTROL's content. The arrays are writable: kernels compile once for one kind."""

    beams: npt.NDArray[np.int16]
    private_power_w: npt.NDArray[np.float32]
    common_power_w: float | None


def decode_decision(
    header_bytes: bytes, message_bytes: bytes, slice_id: int, decided_slot: int, user_ids: bytes
) -> Decision:
    """Decision for the group `user_ids` (u16 [K]) out of a CONTROL's header and message.

    Raises:
        Refused: what cannot be decoded or does not belong to this call process, naming the field.
    """
    header = _decode(slots.ControlHeader, header_bytes, "ric_control_header")
    if header.slice_id != slice_id or header.decided_slot != decided_slot:
        raise Refused(
            "decided_slot" if header.slice_id == slice_id else "slice_id",
            f"this call process decides slice_id {slice_id}, decided_slot {decided_slot} "
            f"(given {header.slice_id}, {header.decided_slot})",
        )
    message = _decode(slots.ControlMessage, message_bytes, "ric_control_message")
    count = len(user_ids) // 2
    if message.user_ids != user_ids:
        wanted = np.frombuffer(user_ids, np.uint16).tolist()
        raise Refused("user_ids", f"must be the indication's group in its order, u16 {wanted}")
    if len(message.beams) != 2 * count:
        raise Refused("beams", f"i16 [{count}]: {2 * count} bytes are required (given {len(message.beams)})")
    if len(message.private_power_w) != 4 * count:
        raise Refused(
            "private_power_w", f"f32 [{count}]: {4 * count} bytes are required (given {len(message.private_power_w)})"
        )
    return Decision(
        np.frombuffer(bytearray(message.beams), np.int16),
        np.frombuffer(bytearray(message.private_power_w), np.float32),
        message.common_power_w if message.HasField("common_power_w") else None,
    )


def decode_budgets(header_bytes: bytes, message_bytes: bytes) -> tuple[list[int], list[float]] | None:
    """Budgets (Hz, W) in the order of the slice index; None: keep what is in force.

    Raises:
        Refused: what cannot be decoded, or is not one budget for each slice.
    """
    _decode(budgets.ControlHeader, header_bytes, "ric_control_header")
    message = _decode(budgets.ControlMessage, message_bytes, "ric_control_message")
    if not message.budgets:
        return None
    by_slice = {item.slice_id: item for item in message.budgets}
    if len(by_slice) != len(message.budgets) or sorted(by_slice) != list(range(len(SLICE_NAMES))):
        given = [item.slice_id for item in message.budgets]
        raise Refused("slice_id", f"one budget for each of slice_id 0..{len(SLICE_NAMES) - 1} (given {given})")
    ordered = [by_slice[index] for index in range(len(SLICE_NAMES))]
    return [item.bandwidth_hz for item in ordered], [item.power_w for item in ordered]


def _decode(kind: Any, data: bytes, field: str) -> Any:
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise Refused(field, f"is not a {kind.DESCRIPTOR.full_name}") from error


def budget_report(window: SecondWindow, total_bandwidth_hz: int) -> budgets.IndicationMessage:
    """IndicationMessage of a closed second (the agents' state: Eq. 18)."""
    eta = window.sums[:, st.SUM_RATE] / SLOTS_PER_SECOND / total_bandwidth_hz
    ssr = window.ssr()
    return budgets.IndicationMessage(
        slices=[
            budgets.SliceReport(
                slice_id=index,
                offered_packets=int(window.counts[index, st.OFFERED]),
                offered_bits=int(window.counts[index, st.OFFERED_BITS]),
                ssr=float(ssr[index]),
                queued_bits=int(window.queued_bits[index]),
                bandwidth_hz=int(window.bandwidth_hz[index]),
                power_w=float(window.power_w[index]),
                eta_bps_hz=float(eta[index]),
            )
            for index in range(len(SLICE_NAMES))
        ],
        eta_bps_hz=float(eta.sum()),
        hwi_model=window.hwi.model.upper(),
        kappa_t=window.hwi.kappa_t,
        kappa_r=window.hwi.kappa_r,
    )


def slot_definition(cell: Cell, lockstep: bool) -> slots.RanFunctionDefinition:
    """What the slot function states of this node."""
    scenario = cell.scenario
    parts = scenario.slices.in_order()
    return slots.RanFunctionDefinition(
        short_name="HISO-E2SM-SLOT",
        slot_us=SLOT_US,
        control_delay_slots=cell.control_delay_slots,
        lockstep=lockstep,
        max_group_users=MAX_GROUP_USERS,
        codebook_beams=scenario.antennas,
        antennas=scenario.antennas,
        slices=[
            slots.SliceItem(
                slice_id=index,
                name=SLICE_NAMES[index],
                min_rate_bps=part.min_rate_bps,
                max_latency_us=round(part.max_latency_ms * 1e3),
                ssr_threshold=part.ssr_threshold,
                first_user_id=cell.slice_users(index).start,
                users=cell.users_by_slice[index],
            )
            for index, part in enumerate(parts)
        ],
        access=scenario.access,
        precoder=scenario.precoder,
    )


def budget_definition(cell: Cell, lockstep: bool) -> budgets.RanFunctionDefinition:
    """What the budget function states of this node."""
    scenario = cell.scenario
    return budgets.RanFunctionDefinition(
        short_name="HISO-E2SM-BUDGETS",
        total_bandwidth_hz=scenario.total_bandwidth_hz,
        total_power_w=scenario.total_power_w,
        bandwidth_floor_hz=scenario.bandwidth_floor_hz,
        power_floor_w=scenario.power_floor_w,
        period_slots=SLOTS_PER_SECOND,
        control_delay_slots=cell.control_delay_slots,
        lockstep=lockstep,
        slice_names=SLICE_NAMES,
    )
