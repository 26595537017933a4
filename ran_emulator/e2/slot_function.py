"""The slot function at the node: a slot's INSERTs, the CONTROLs that answer them, outcomes for the next frames."""

from __future__ import annotations

import time

import numpy as np
from hiso_proto import e2ap_pb2 as e2ap

from ran_emulator.cell import Cell
from ran_emulator.e2 import traffic as e2_traffic
from ran_emulator.e2.call_processes import SlotCallProcesses, start
from ran_emulator.e2.codec import decode_decision
from ran_emulator.e2.slot_wire import SlotWire, layout
from ran_emulator.e2.subscriptions import SLOT_FUNCTION, Claim, Subscriptions
from ran_emulator.e2.traffic import E2Traffic
from ran_emulator.scenario import SLICE_NAMES
from ran_emulator.wire import MALFORMED


class SlotFunction:
    """INSERT and CONTROL of the slot function for one cell."""

    def __init__(self, cell: Cell, subscriptions: Subscriptions, traffic: E2Traffic) -> None:
        """Asks who has subscribed, counts what it sends and takes."""
        self.processes = SlotCallProcesses()
        self.in_slot = False
        """A slot was asked for, and has not been executed yet."""
        self.latencies_s: list[float] = []
        """Of decisions carried out, INSERT sent to CONTROL here; emptied by its reader."""
        self.frame_came_s = 0.0
        """When the frame came whose CONTROLs are carried out: the loop may sleep before it looks."""
        self._cell = cell
        self._subscriptions = subscriptions
        self._traffic = traffic
        self._wire = SlotWire(cell)
        self._claims: list[Claim | None] = [None] * len(SLICE_NAMES)
        """Those that the wire knows."""

    def inserts(self) -> bytes:
        """Step 4: a frame with an INSERT for each slice that has a group and a subscription; empty where none has."""
        self.in_slot = True
        self._follow_claims()
        decided_slot = self._cell.slot + self._cell.control_delay_slots
        self.processes.begin(decided_slot)
        frame, sizes = self._wire.inserts()
        if frame:
            now_s = time.monotonic()
            for slice_id, claim in enumerate(self._claims):
                if sizes[slice_id]:
                    assert claim is not None
                    self._traffic.count(e2_traffic.SLOT, e2_traffic.INDICATION, e2_traffic.TO_RIC, sizes[slice_id])
                    call_process_id = self.processes.id_of(decided_slot, slice_id)
                    self.processes.add(start(claim, call_process_id, slice_id, decided_slot, now_s))
        return frame

    def executed(self, slot: int) -> None:
        """Step 6: outcomes are kept for the slices' next frames; what was not decided was missed."""
        self.in_slot = False
        self.processes.executed(slot)
        self._follow_claims()
        self._wire.keep_outcomes()

    def _follow_claims(self) -> None:
        """Tell the wire who asks for which slice where that has changed."""
        for slice_id, claim in enumerate(self._subscriptions.slot_claims):
            if claim is self._claims[slice_id]:
                continue
            self._claims[slice_id] = claim
            if claim is None:
                self._wire.withdraw(slice_id)
            else:
                self._wire.request(
                    slice_id,
                    claim.request_key,
                    claim.function_id,
                    claim.action_id,
                    claim.detail,
                    claim.compact,
                )

    def take_plain(self, frame: bytes) -> int:
        """Carry out the decisions at the front of a frame that are as they should be, and want no acknowledge.

        Returns where the first PDU stands that is anything else (the frame's end: there is none).
        """
        raw = np.frombuffer(frame, np.uint8)
        at = 0
        while at < len(frame):
            end, numbers = self._wire.read_control(raw, at)
            if end == MALFORMED or not self._take(raw, numbers):
                break
            self._traffic.count(e2_traffic.SLOT, e2_traffic.CONTROL, e2_traffic.TO_NODE, numbers[layout.PDU_BYTES])
            at = end
        return at

    def _take(self, raw: np.ndarray[tuple[int], np.dtype[np.uint8]], numbers: list[int]) -> bool:
        if numbers[layout.FUNCTION] != SLOT_FUNCTION or numbers[layout.NO_ACK] != e2ap.NO_ACK:
            return False
        key = numbers[layout.REQUESTOR], numbers[layout.INSTANCE]
        process = self.processes.open_process(numbers[layout.CALL_PROCESS], key, self.frame_came_s)
        if process is None:
            return False
        slice_id, decided_slot = process.slice_id, process.decided_slot
        if (numbers[layout.SLICE], numbers[layout.DECIDED_SLOT]) != (slice_id, decided_slot):
            return False
        if not self._wire.carry_out(raw, self._cell.power_w(slice_id, decided_slot)):
            return False
        self.processes.answered(process)
        self.processes.decided(process)
        self.latencies_s.append(self.frame_came_s - process.sent_s)
        return True

    def control(self, request: e2ap.RicControlRequest) -> None:
        """Carry out a CONTROL.

        Raises:
            NotAdmitted, Refused: it cannot be; nothing has changed in the cell.
        """
        process = self.processes.find(request, self.frame_came_s)
        slice_id, decided_slot = process.slice_id, process.decided_slot
        # A refused answer is an answer too: the wait ends, though a better one may still come in time.
        self.processes.answered(process)
        decision = decode_decision(
            request.ric_control_header,
            request.ric_control_message,
            slice_id,
            decided_slot,
            self._cell.group_ids(slice_id, decided_slot),
        )
        beams, powers, common = decision.beams, decision.private_power_w, decision.common_power_w
        self._cell.check(slice_id, decided_slot, beams, powers, common)
        self._cell.submit(slice_id, decided_slot, beams, powers, common)
        self.processes.decided(process)
        self.latencies_s.append(self.frame_came_s - process.sent_s)
