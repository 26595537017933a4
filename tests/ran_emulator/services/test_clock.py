"""Clocks and the control delay that goes with them."""

from __future__ import annotations

import pytest

from ran_emulator.clock import ClockError, control_delay_slots, parse_clock
from ran_emulator.scenario import parse_scenario


@pytest.mark.parametrize(
    ("text", "slot_s"), [("lockstep", 0.0), ("realtime", 5e-4), ("2x", 2.5e-4), ("0.5x", 1e-3), ("0.01x", 5e-2)]
)
def test_slot_length(text: str, slot_s: float) -> None:
    assert parse_clock(text).slot_s == pytest.approx(slot_s)


@pytest.mark.parametrize("text", ["", "x", "0x", "-1x", "101x", "nanx", "2", "realtime ", "LOCKSTEP"])
def test_wrong_clocks_are_named(text: str) -> None:
    with pytest.raises(ClockError, match="lockstep, realtime or Nx"):
        parse_clock(text)


@pytest.mark.parametrize(
    ("option", "field", "clock", "expected"),
    [
        (None, "auto", "lockstep", 0),
        (None, "auto", "realtime", 2),
        (None, "auto", "2x", 4),
        (None, "auto", "100x", 20),
        (None, "auto", "0.5x", 2),
        (None, "auto", "0.01x", 2),
        (None, 5, "lockstep", 5),
        (3, 5, "realtime", 3),
        (0, "auto", "realtime", 0),
    ],
)
def test_control_delay(option: int | None, field: int | str, clock: str, expected: int) -> None:
    scenario = parse_scenario({"control_delay_slots": field})
    assert control_delay_slots(option, scenario, parse_clock(clock)) == expected
