"""When slots begin: on their schedule, and how a loop that is behind it catches up."""

from __future__ import annotations

from collections.abc import Container
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ran_emulator.clock import CATCH_UP_PACE_SLOTS, CATCH_UP_S, WAKE_S, SlotPace

SLOT_S = 5e-4


def begins_s(slots: int, slot_s: float, stall_s: float, stalled: Container[int], work_s: float = 0.0) -> list[float]:
    """When slots of a loop begin that works for `work_s` a slot, and stands still in some."""
    begun, free_s, pace = [], 0.0, SlotPace(slot_s)
    for slot in range(slots):
        begun.append(max(free_s, pace.begin_s(slot * slot_s)))
        pace.began(begun[-1])
        free_s = begun[-1] + work_s + (stall_s if slot in stalled else 0.0)
    return begun


@given(slot_s=st.floats(5e-6, 0.05), stall_slots=st.floats(0, 1_000), work_share=st.floats(0, 0.8))
def test_no_slot_begins_before_its_time_and_every_stall_is_made_up(
    slot_s: float, stall_slots: float, work_share: float
) -> None:
    work_s = work_share * min(slot_s, SLOT_S)
    begun = begins_s(20_000, slot_s, stall_slots * slot_s, {10}, work_s)
    assert all(at_s >= slot * slot_s for slot, at_s in enumerate(begun))
    assert begun == sorted(begun)
    assert begun[-1] == pytest.approx(19_999 * slot_s)


def test_a_moment_is_made_up_at_the_pace_of_decisions() -> None:
    begun = begins_s(300, SLOT_S, 15 * SLOT_S, {10})
    gaps = [(b - a) / SLOT_S for a, b in pairwise(begun)]
    paced = [gap for gap in gaps[11:] if gap < 0.999]
    assert 0.9 * CATCH_UP_PACE_SLOTS < paced[1] < paced[-2] < CATCH_UP_PACE_SLOTS  # the last one meets the schedule
    assert 80 <= len(paced) <= 150  # about a tenth of a slot at a time


@pytest.mark.parametrize("slot_s", [SLOT_S, 4 * SLOT_S])
def test_the_further_behind_the_faster_up_to_at_once(slot_s: float) -> None:
    begun = begins_s(2_000, slot_s, 2.5 * CATCH_UP_S, {10})
    for slot in range(12, 2_000):
        behind_s = begun[slot - 1] - slot * slot_s
        pace_s = CATCH_UP_PACE_SLOTS * SLOT_S * max(0.0, 1.0 - max(0.0, behind_s) / CATCH_UP_S)
        assert begun[slot] == pytest.approx(max(begun[slot - 1] + pace_s, slot * slot_s), abs=WAKE_S)


def test_a_loop_that_loses_a_third_of_its_time_keeps_its_clock() -> None:
    """Ten slots' time is taken from it every thirty: at .9 of a slot a slot it would fall behind for ever."""
    begun = begins_s(20_000, SLOT_S, 10 * SLOT_S, range(0, 20_000, 30), 0.1 * SLOT_S)
    assert max(at_s - slot * SLOT_S for slot, at_s in enumerate(begun)) < 0.6 * CATCH_UP_S
