"""When slots begin: on their schedule, and how a loop that is behind it catches up."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ran_emulator.clock import CATCH_UP_PACE_SLOTS, CATCH_UP_S, SlotPace

SLOT_S = 5e-4


def begins_s(slots: int, slot_s: float, stall_s: float, stalled_slot: int, work_s: float = 0.0) -> list[float]:
    """When slots of a loop begin that works for `work_s` a slot, and stands still once."""
    begun, free_s, pace = [], 0.0, SlotPace(slot_s)
    for slot in range(slots):
        begun.append(max(free_s, pace.begin_s(slot * slot_s)))
        pace.began(begun[-1])
        free_s = begun[-1] + work_s + (stall_s if slot == stalled_slot else 0.0)
    return begun


@given(slot_s=st.floats(5e-6, 0.05), stall_slots=st.floats(0, 1_000), work_share=st.floats(0, 0.8))
def test_no_slot_begins_before_its_time_and_every_stall_is_made_up(
    slot_s: float, stall_slots: float, work_share: float
) -> None:
    work_s = work_share * min(slot_s, SLOT_S)
    begun = begins_s(20_000, slot_s, stall_slots * slot_s, 10, work_s)
    assert all(at_s >= slot * slot_s for slot, at_s in enumerate(begun))
    assert begun == sorted(begun)
    assert begun[-1] == pytest.approx(19_999 * slot_s)


def test_a_moment_is_made_up_at_the_pace_of_decisions() -> None:
    begun = begins_s(300, SLOT_S, 15 * SLOT_S, 10)
    gaps = [(b - a) / SLOT_S for a, b in pairwise(begun)]
    paced = [gap for gap in gaps[11:] if gap < 0.999]
    assert paced[1:-1] == [pytest.approx(CATCH_UP_PACE_SLOTS)] * (len(paced) - 2)
    assert 135 <= len(paced) <= 155  # a tenth of a slot at a time


def test_what_is_more_is_made_up_at_once() -> None:
    begun = begins_s(1_000, SLOT_S, 500 * SLOT_S, 10)
    at_once = [slot for slot in range(12, 1_000) if begun[slot] - begun[slot - 1] < 0.01 * SLOT_S]
    assert len(at_once) == pytest.approx(500 - CATCH_UP_S / SLOT_S, abs=2)


def test_a_slow_clock_catches_up_at_the_pace_of_real_time() -> None:
    begun = begins_s(100, 4 * SLOT_S, 40 * SLOT_S, 10)
    gaps = [(b - a) / SLOT_S for a, b in pairwise(begun)]
    assert min(gaps[12:]) == pytest.approx(CATCH_UP_PACE_SLOTS)
