"""Where the slot function's messages are made and read: arrays that compiled code finds by address."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ran_emulator import state as st
from ran_emulator.phy.addresses import rebuild_like
from ran_emulator.phy.beam_reports import BEAM_REPORT

assert sys.byteorder == "little", "records go onto the wire as they lie in memory"

_OUTCOME_BYTES = 512
"""More than an outcome takes without its gains, and than an observation does a user without them."""

REQUEST = np.dtype(
    [
        ("active", np.int64),
        ("requestor", np.int64),
        ("instance", np.int64),
        ("function", np.int64),
        ("action", np.int64),
        ("sequence_number", np.int64),
        ("learning_detail", np.int64),  # whether outcomes carry it, in the slots of `DetailSchedule`
        ("period_slots", np.int64),
        ("burst_slots", np.int64),
        ("offset_slots", np.int64),
        ("compact", np.int64),
        ("kept", np.int64),  # outcomes executed since this slice's previous frame
        ("kept_bytes", np.int64),
        ("pdu_bytes", np.int64),  # of the INSERT in the frame just written, 0: none
    ],
    align=True,
)
"""An admitted INSERT of a slice, and what belongs to its next frame."""

(
    PDU_BYTES,
    REQUESTOR,
    INSTANCE,
    FUNCTION,
    NO_ACK,
    CALL_PROCESS,
    SLICE,
    DECIDED_SLOT,
    USERS,
    USERS_END,
    BEAMS,
    BEAMS_END,
    POWERS,
    POWERS_END,
    COMMON,
) = range(15)
"""Places in `Wire.control`: numbers, and where in the frame arrays begin and end (COMMON: 0 for `rest`)."""


class DetailSchedule(NamedTuple):
    """Which outcomes carry the learning detail: those of slots n with (n + offset) mod period < burst."""

    period_slots: int = 1
    burst_slots: int = 1
    offset_slots: int = 0


class Wire(NamedTuple):
    """What a slot's messages are made of and read into."""

    requests: Any  # REQUEST [S]
    kept: Any  # u8 [S, .]: outcomes as fields of an IndicationMessage
    message: Any  # u8: the message at work
    indication: Any  # u8: the indication at work
    frame: Any  # u8: an E2Frame
    frames: Any  # u8 [S, .]: the cell's records and gains, as they lie in memory
    outcomes: Any
    frame_gains: Any
    outcome_gains: Any
    best: Any  # i16 [GROUP]
    reports: Any  # BEAM_REPORT [GROUP]
    report_bytes: Any  # u8: the same
    real: Any  # f32 [1]
    real_bytes: Any  # u8 [4]: the same
    control: Any  # i64: a CONTROL, by the places above
    beams: Any  # i16 [GROUP]
    beam_bytes: Any  # u8: the same
    powers: Any  # f32 [GROUP]
    power_bytes: Any  # u8: the same


def allocate(state: st.CellState) -> Wire:
    """Room for the messages of a cell with this state."""
    group_gains = state.frame_gains.shape[1] * state.frame_gains.shape[2] * 4
    kept = st.MAX_KEPT_OUTCOMES * (group_gains + _OUTCOME_BYTES)
    message = group_gains + st.GROUP * _OUTCOME_BYTES + kept
    reports, real = np.zeros(st.GROUP, BEAM_REPORT), np.zeros(1, np.float32)
    beams, powers = np.zeros(st.GROUP, np.int16), np.zeros(st.GROUP, np.float32)

    def raw(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """The bytes of a slice's part of an array of slices."""
        return array.view(np.uint8).reshape(st.SLICES, -1)

    return Wire(
        requests=np.zeros(st.SLICES, REQUEST),
        kept=np.zeros((st.SLICES, kept), np.uint8),
        message=np.zeros(message, np.uint8),
        indication=np.zeros(message + 256, np.uint8),
        frame=np.zeros(st.SLICES * (message + 256), np.uint8),
        frames=raw(state.frames),
        outcomes=raw(state.outcomes),
        frame_gains=raw(state.frame_gains),
        outcome_gains=raw(state.outcome_gains),
        best=np.zeros(st.GROUP, np.int16),
        reports=reports,
        report_bytes=reports.view(np.uint8),
        real=real,
        real_bytes=real.view(np.uint8),
        control=np.zeros(COMMON + 1, np.int64),
        beams=beams,
        beam_bytes=beams.view(np.uint8),
        powers=powers,
        power_bytes=powers.view(np.uint8),
    )


wire_at = rebuild_like(allocate(st.EXAMPLE))
"""`Wire` of its addresses (`phy.addresses`), in compiled code."""
