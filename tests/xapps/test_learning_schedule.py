"""Which frames a learner gets: whole bursts with their outcomes, one slice's at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ran_emulator.e2.slot_wire.layout import DetailSchedule
from xapps.learning_schedule import BURST_SLOTS, EVERY_FRAME, PERIOD_SLOTS, realtime_schedule
from xapps.slicing.observation import SLICE_NAMES


@given(st.integers(0, 12), st.integers(0, 3 * PERIOD_SLOTS), st.sampled_from(range(len(SLICE_NAMES))))
def test_who_gets_a_detailed_slots_observation_gets_every_frame_up_to_its_outcome(
    delay: int, slot: int, slice_id: int
) -> None:
    schedule = realtime_schedule(slice_id)
    asked = schedule.asked()
    assert asked is not None
    detail = DetailSchedule(asked.period_slots, asked.burst_slots, asked.offset_slots)
    if (slot + detail.offset_slots) % detail.period_slots < detail.burst_slots:
        observed = range(slot - delay, slot + 2)  # an executed slot's outcome comes with the next observation
        assert all(schedule.takes(n + delay, n) for n in observed)


@given(st.integers(0, 12))
def test_a_burst_comes_once_a_period_and_one_slices_at_a_time(delay: int) -> None:
    taken = [
        {n for n in range(PERIOD_SLOTS) if realtime_schedule(slice_id).takes(n + delay, n)}
        for slice_id in range(len(SLICE_NAMES))
    ]
    assert [len(frames) for frames in taken] == [BURST_SLOTS + delay + 1] * len(SLICE_NAMES)
    assert sum(map(len, taken)) == len(set.union(*taken))


@given(st.integers(0, 12), st.integers(0, 10_000))
def test_in_lockstep_a_learner_gets_every_frame(delay: int, slot: int) -> None:
    assert EVERY_FRAME.takes(slot + delay, slot)
    assert EVERY_FRAME.learns(slot)
    assert EVERY_FRAME.asked() is None  # detail with each outcome
