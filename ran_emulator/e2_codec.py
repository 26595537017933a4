"""Between the cell's arrays and the messages of the two functions of our own, slots and budgets.

Arrays are little-endian bytes without padding, cut from the cell's records.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
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
from ran_emulator.phy.beam_reports import BeamReporter
from ran_emulator.scenario import MAX_GROUP_USERS, SLICE_NAMES, SLOT_US, SLOTS_PER_SECOND

assert sys.byteorder == "little", "records go onto the wire as they lie in memory"

_OUTCOME_FIELDS = {name: st.OUTCOME.fields[name][1] for name in st.OUTCOME.names}  # type: ignore[index,union-attr]
_FRAME_FIELDS = {name: st.FRAME.fields[name][1] for name in st.FRAME.names}  # type: ignore[index,union-attr]


class SlotEncoder:
    """Observations and outcomes of a cell's slices, as messages."""

    def __init__(self, cell: Cell) -> None:
        """Messages are cut from this cell's records."""
        state = cell.state
        self._cell = cell
        self._frames = state.frames
        self._outcomes = state.outcomes
        self._frame_gains = state.frame_gains
        self._outcome_gains = state.outcome_gains
        self._bandwidth_hz = state.slices["decided_bandwidth_hz"]
        self._power_w = state.slices["decided_power_w"]
        self._noise_w_per_hz = cell.scenario.noise_w_per_hz
        self._header = slots.IndicationHeader()
        self._reporter = BeamReporter(MAX_GROUP_USERS)

    def header(self, slice_id: int, decided_slot: int, observed_slot: int) -> bytes:
        """IndicationHeader of a slot INSERT."""
        header = self._header
        header.decided_slot = decided_slot
        header.observed_slot = observed_slot
        header.slice_id = slice_id
        return header.SerializeToString()

    def observation(
        self, slice_id: int, count: int, outcomes: Sequence[slots.SlotOutcome], compact: bool = False
    ) -> tuple[slots.IndicationMessage, bytes]:
        """IndicationMessage for a slice's group of `count` users, and the group's ids (u16 [K]).

        `compact`: beam reports instead of the gains over the codebook.
        """
        hwi = self._cell.hwi
        raw = self._frames[slice_id].tobytes()
        at = _FRAME_FIELDS
        bandwidth_hz = int(self._bandwidth_hz[slice_id])
        ids = raw[at["user_ids"] : at["user_ids"] + 2 * count]
        message = slots.IndicationMessage(
            bandwidth_hz=bandwidth_hz,
            power_w=self._power_w[slice_id],
            noise_w=self._noise_w_per_hz * bandwidth_hz,
            hwi_model=slots.AGGREGATE if hwi.model == "aggregate" else slots.PAPER,
            kappa_t=hwi.kappa_t,
            kappa_r=hwi.kappa_r,
            user_ids=ids,
            queue_bits=raw[at["queue_bits"] : at["queue_bits"] + 4 * count],
            head_age_us=raw[at["head_age_us"] : at["head_age_us"] + 4 * count],
            ssr=raw[at["ssr"] : at["ssr"] + 4 * count],
            last_outcome=raw[at["last_outcome"] : at["last_outcome"] + 28 * count],
            outcomes=outcomes,
        )
        gains = self._frame_gains[slice_id]
        if compact:
            last_outcome = self._frames[slice_id]["last_outcome"]
            message.beam_reports = self._reporter.reports(count, last_outcome, gains).tobytes()
        else:
            message.beam_gains = gains[:count].tobytes()
        return message, ids

    def outcome(self, slice_id: int, count: int, learning_detail: bool) -> slots.SlotOutcome:
        """What the slot just executed gave a slice's `count` served users."""
        raw = self._outcomes[slice_id].tobytes()
        at = _OUTCOME_FIELDS
        message = slots.SlotOutcome(
            slot=struct.unpack_from("<q", raw, at["slot"])[0],
            common_power_w=struct.unpack_from("<f", raw, at["common_power_w"])[0],
            bandwidth_hz=struct.unpack_from("<q", raw, at["bandwidth_hz"])[0],
            power_w=struct.unpack_from("<f", raw, at["power_w"])[0],
            user_ids=raw[at["user_ids"] : at["user_ids"] + 2 * count],
            beams=raw[at["beams"] : at["beams"] + 2 * count],
            private_power_w=raw[at["private_power_w"] : at["private_power_w"] + 4 * count],
            common_sdnr=raw[at["common_sdnr"] : at["common_sdnr"] + 4 * count],
            common_share=raw[at["common_share"] : at["common_share"] + 4 * count],
            private_sdnr=raw[at["private_sdnr"] : at["private_sdnr"] + 4 * count],
            private_rate=raw[at["private_rate"] : at["private_rate"] + 4 * count],
            rate_bps=raw[at["rate_bps"] : at["rate_bps"] + 4 * count],
            sent_bits=raw[at["sent_bits"] : at["sent_bits"] + 4 * count],
            decision_source=raw[at["decision_source"] : at["decision_source"] + count],
        )
        if learning_detail:
            message.beam_gains = self._outcome_gains[slice_id, :count].tobytes()
            message.common_gain = raw[at["common_gain"] : at["common_gain"] + 4 * count]
            message.channel_gain = raw[at["channel_gain"] : at["channel_gain"] + 4 * count]
            message.noise_w = struct.unpack_from("<f", raw, at["noise_w"])[0]
            message.hwi_model = struct.unpack_from("<q", raw, at["hwi_model"])[0]
            message.kappa_t = struct.unpack_from("<f", raw, at["kappa_t"])[0]
            message.kappa_r = struct.unpack_from("<f", raw, at["kappa_r"])[0]
        return message


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
