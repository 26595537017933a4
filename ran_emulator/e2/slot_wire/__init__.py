"""The slot function's messages of one cell, by compiled code (`writing`, `reading`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ran_emulator.cell import Cell
from ran_emulator.e2.slot_wire import layout
from ran_emulator.e2.slot_wire.layout import DetailSchedule
from ran_emulator.e2.slot_wire.reading import carry_out, read_control
from ran_emulator.e2.slot_wire.writing import keep_outcomes, write_inserts
from ran_emulator.phy.addresses import addresses_of
from ran_emulator.slot_calls import state_addresses


class SlotWire:
    """The slot function's messages of one cell."""

    def __init__(self, cell: Cell) -> None:
        """Nobody has subscribed."""
        self._wire = layout.allocate(cell.state)
        self._state = cell.state
        self._at = state_addresses(cell.state), addresses_of(self._wire)
        self._pdu_bytes = self._wire.requests["pdu_bytes"]

    def request(
        self,
        slice_id: int,
        request_key: tuple[int, int],
        function_id: int,
        action_id: int,
        detail: DetailSchedule | None,
        compact: bool,
    ) -> None:
        """From now on a slice's group is asked for by this request, from sequence number 0 on.

        `detail`: which outcomes carry the learning detail; None: no outcome.
        """
        learning = (detail is not None, *(detail or DetailSchedule()))
        self._wire.requests[slice_id] = (1, *request_key, function_id, action_id, 0, *learning, compact, 0, 0, 0)

    def withdraw(self, slice_id: int) -> None:
        """Nobody asks for a slice's group any more."""
        self._wire.requests[slice_id] = 0

    def inserts(self) -> tuple[bytes, list[int]]:
        """An E2Frame with the INSERTs of the slot that has begun, and each slice's PDU bytes in it (0: none)."""
        size = write_inserts(*self._at)
        return self._wire.frame[:size].tobytes(), self._pdu_bytes.tolist()

    def keep_outcomes(self) -> None:
        """Keep what the slot just executed gave, for the slices' next INSERTs."""
        keep_outcomes(*self._at)

    def read_control(self, frame: npt.NDArray[np.uint8], at: int) -> tuple[int, list[int]]:
        """Where the PDU at `at` of an E2Frame ends, and its numbers, by the places of `layout`.

        The end is MALFORMED where it is not plainly a CONTROL with a slot decision.
        """
        return read_control(self._at[1], frame, at), self._wire.control.tolist()

    def carry_out(self, frame: npt.NDArray[np.uint8], power_w: float) -> bool:
        """Carry out the decision read last where it breaks no rule at a budget of power_w; whether it was."""
        return bool(carry_out(*self._at, frame, power_w))
