"""Which frames a slice's learner gets where the clock does not wait for it: a burst now and then."""

from __future__ import annotations

from dataclasses import dataclass

from hiso_proto import e2sm_slot_pb2 as slot_pb2

from xapps.slicing.observation import SLICE_NAMES

BURST_SLOTS = 32
PERIOD_SLOTS = 512
"""An update takes longer than a slot, on cores that the loop needs; a burst in a quarter of a second leaves it most."""


@dataclass(frozen=True)
class LearningSchedule:
    """Slots n with (n + offset) mod period < burst are learned from, with the frames that bring their outcomes."""

    offset_slots: int
    period_slots: int = PERIOD_SLOTS
    burst_slots: int = BURST_SLOTS

    def learns(self, slot: int) -> bool:
        """Whether a slot is learned from."""
        return (slot + self.offset_slots) % self.period_slots < self.burst_slots

    def takes(self, decided_slot: int, observed_slot: int) -> bool:
        """Whether a frame is of a burst: its decision is for one of the slots, or it may bring the outcome of one."""
        turn = (decided_slot + self.offset_slots) % self.period_slots
        return turn <= self.burst_slots + decided_slot - observed_slot

    @property
    def slots_a_frame(self) -> int:
        """Slots that pass for each that is learned from."""
        return self.period_slots // self.burst_slots

    def asked(self) -> slot_pb2.DetailSchedule | None:
        """What a subscription asks the node for; None: detail with every outcome."""
        if self.period_slots == self.burst_slots:
            return None
        return slot_pb2.DetailSchedule(
            period_slots=self.period_slots, burst_slots=self.burst_slots, offset_slots=self.offset_slots
        )


EVERY_FRAME = LearningSchedule(0, period_slots=1, burst_slots=1)


def realtime_schedule(slice_id: int) -> LearningSchedule:
    """Of a slice: one slice's burst at a time."""
    return LearningSchedule(slice_id * PERIOD_SLOTS // len(SLICE_NAMES))
