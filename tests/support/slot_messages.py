"""The slot function's messages as protobuf makes them: what the node's compiled ones are held against."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from hiso_proto import e2sm_slot_pb2 as slots

from ran_emulator import state as st
from ran_emulator.cell import Cell
from ran_emulator.phy.beam_reports import BeamReporter
from ran_emulator.scenario import MAX_GROUP_USERS

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
