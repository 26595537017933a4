"""INSERTs that ask for a decision, from being sent to being answered, late or lost (E2AP 8.2.3, 8.2.4).

A call process is *awaited* until somebody answers, rightly or wrongly (lock-step waits for no more), and *open* while
a CONTROL may still be carried out: until its slot runs or its time to wait is over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hiso_proto import e2ap_pb2 as e2ap

from ran_emulator.e2 import causes
from ran_emulator.e2.causes import NotAdmitted
from ran_emulator.e2.subscriptions import Claim, RequestKey, request_key
from ran_emulator.scenario import SLICE_NAMES
from ran_emulator.state import RING

MAX_EXPIRED = 4_096
"""Call processes that ended unanswered and are remembered, so that a late CONTROL is told why."""


@dataclass(slots=True)
class CallProcess:
    """One INSERT. `slice_id` -1: the budgets'."""

    call_process_id: bytes
    request_key: RequestKey
    slice_id: int
    decided_slot: int
    sent_s: float
    deadline_s: float
    open: bool = True
    awaited: bool = True
    decided: bool = False


def start(claim: Claim, call_process_id: bytes, slice_id: int, decided_slot: int, now_s: float) -> CallProcess:
    """The call process of an INSERT that is sent now."""
    deadline_s = math.inf if claim.wait_s is None else now_s + claim.wait_s
    return CallProcess(call_process_id, claim.request_key, slice_id, decided_slot, now_s, deadline_s)


class _Expired:
    """Ids of call processes that ended unanswered, the oldest forgotten first."""

    def __init__(self) -> None:
        self._ids: dict[bytes, None] = {}

    def add(self, process: CallProcess) -> None:
        if process.open:
            process.open = process.awaited = False
            self._ids[process.call_process_id] = None
            if len(self._ids) > MAX_EXPIRED:
                del self._ids[next(iter(self._ids))]

    def clear(self) -> None:
        self._ids.clear()

    def refusal(self, call_process_id: bytes) -> NotAdmitted:
        """Why an id that is not open cannot be answered."""
        if call_process_id in self._ids:
            return NotAdmitted(causes.CONTROL_TIMER_EXPIRED, "ric_call_process_id: the decision came too late")
        return NotAdmitted(
            causes.CALL_PROCESS_ID_INVALID, "ric_call_process_id: names no INSERT that waits for an answer"
        )


def _check(process: CallProcess, request: e2ap.RicControlRequest, now_s: float) -> CallProcess:
    if request_key(request.ric_request_id) != process.request_key:
        raise NotAdmitted(causes.REQUEST_ID_UNKNOWN, "ric_request_id: is not the one of the INSERT")
    if now_s > process.deadline_s:
        raise NotAdmitted(causes.CONTROL_TIMER_EXPIRED, "ric_call_process_id: its time to wait is over")
    return process


class SlotCallProcesses:
    """Those of the slot function, by decided slot and slice."""

    def __init__(self) -> None:
        """None."""
        self.missed = [0] * len(SLICE_NAMES)
        """INSERTs whose slot ran without the decision asked for."""
        self._ring: list[list[CallProcess | None]] = [[None] * len(SLICE_NAMES) for _ in range(RING)]
        self._outstanding = [0] * RING
        self._expired = _Expired()

    def waiting_for(self, slot: int) -> bool:
        """Whether an INSERT for this slot is awaited."""
        return self._outstanding[slot % RING] > 0

    def begin(self, decided_slot: int) -> None:
        """Make room for the INSERTs of a slot."""
        place = decided_slot % RING
        self._ring[place] = [None] * len(SLICE_NAMES)
        self._outstanding[place] = 0

    def add(self, process: CallProcess) -> None:
        """An INSERT was sent."""
        place = process.decided_slot % RING
        self._ring[place][process.slice_id] = process
        self._outstanding[place] += 1

    def answered(self, process: CallProcess) -> None:
        """Somebody answered: nobody waits any more."""
        if process.awaited:
            process.awaited = False
            self._outstanding[process.decided_slot % RING] -= 1

    @staticmethod
    def decided(process: CallProcess) -> None:
        """Its decision is carried out: another cannot be."""
        process.decided, process.open = True, False

    def end_waits(self, slot: int, now_s: float) -> float:
        """End the waits of a slot whose time is over; when the next one is (or inf)."""
        soonest = math.inf
        for process in self._ring[slot % RING]:
            if process is None or not process.awaited:
                continue
            if process.deadline_s <= now_s:
                self.answered(process)
            else:
                soonest = min(soonest, process.deadline_s)
        return soonest

    def executed(self, slot: int) -> None:
        """A slot ran: what was not decided for it was missed, and can be decided no more."""
        for slice_id, process in enumerate(self._ring[slot % RING]):
            if process is not None and process.decided_slot == slot and not process.decided:
                self.missed[slice_id] += 1
                self._expired.add(process)

    def find(self, request: e2ap.RicControlRequest, now_s: float) -> CallProcess:
        """The open call process that a CONTROL answers; raises NotAdmitted."""
        call_process_id = request.ric_call_process_id
        process = self._numbered(int.from_bytes(call_process_id, "little")) if len(call_process_id) == 8 else None
        if process is None:
            raise self._expired.refusal(call_process_id)
        return _check(process, request, now_s)

    def open_process(self, number: int, key: RequestKey, now_s: float) -> CallProcess | None:
        """The open call process of an id, as a number, if it is this request's and its time is not over."""
        process = self._numbered(number)
        if process is None or process.request_key != key or now_s > process.deadline_s:
            return None
        return process

    def _numbered(self, number: int) -> CallProcess | None:
        slice_id, decided_slot = number & 3, number >> 2
        if slice_id >= len(SLICE_NAMES):
            return None
        process = self._ring[decided_slot % RING][slice_id]
        return process if process is not None and process.decided_slot == decided_slot and process.open else None

    def end(self, key: RequestKey | None) -> None:
        """A subscription is gone (None: all are): every wait ends with the fallback."""
        for row in self._ring:
            for process in row:
                if process is not None and key in (None, process.request_key):
                    self.answered(process)
                    process.open = False
        if key is None:
            self._expired.clear()

    @staticmethod
    def id_of(decided_slot: int, slice_id: int) -> bytes:
        """Call process id, unique within the function on this node."""
        return (decided_slot << 2 | slice_id).to_bytes(8, "little")


class BudgetCallProcess:
    """The budget function's: one at a time, open until the next one starts."""

    def __init__(self) -> None:
        """None."""
        self._process: CallProcess | None = None
        self._expired = _Expired()

    @property
    def awaited(self) -> bool:
        """Whether the latest INSERT is awaited."""
        return self._process is not None and self._process.awaited

    def begin(self, process: CallProcess) -> None:
        """An INSERT is sent; the previous one, if it was not answered, can be answered no more."""
        if self._process is not None:
            self._expired.add(self._process)
        self._process = process

    def end_wait(self, now_s: float) -> float:
        """End the wait if its time is over; when it will be (or inf)."""
        process = self._process
        if process is None or not process.awaited:
            return math.inf
        if process.deadline_s <= now_s:
            process.awaited = False
            return math.inf
        return process.deadline_s

    def find(self, request: e2ap.RicControlRequest, now_s: float) -> CallProcess:
        """The open call process that a CONTROL answers; raises NotAdmitted."""
        process = self._process
        if process is None or process.call_process_id != request.ric_call_process_id or not process.open:
            raise self._expired.refusal(request.ric_call_process_id)
        return _check(process, request, now_s)

    def end(self) -> None:
        """The subscription is gone."""
        self._process = None
        self._expired.clear()
