"""How simulated time relates to the wall clock: lock-step, or an absolute schedule of slots."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ran_emulator.scenario import MAX_CONTROL_DELAY_SLOTS, SLOT_S, Scenario

MIN_SPEED, MAX_SPEED = 0.01, 100.0
CATCH_UP_PACE_SLOTS = 0.9
"""Of a slot, or of one in real time where that is shorter: RIC and xApps decide little faster."""
CATCH_UP_S = 0.1
"""The further behind, the faster; so far behind a loop makes slots as fast as it can."""
WAKE_S = 5e-5
"""A sleep may end so much late."""


class ClockError(ValueError):
    """A clock that cannot be used; the message names the allowed forms."""


@dataclass(frozen=True, slots=True)
class Clock:
    """`speed` is simulated time over wall time; None: lock-step, as fast as decisions come."""

    name: str
    speed: float | None

    @property
    def lockstep(self) -> bool:
        """Whether slots wait for decisions rather than for the wall clock."""
        return self.speed is None

    @property
    def slot_s(self) -> float:
        """Wall seconds a slot (0 in lock-step)."""
        return 0.0 if self.speed is None else SLOT_S / self.speed


class SlotPace:
    """When slots begin: at their scheduled times; behind those, a pace after the slot before.

    A loop that catches up at once asks faster than can be decided: what made it late would make decisions late. One
    that always catches up slowly never does so where others take more of its core than the pace gives back.
    """

    def __init__(self, slot_s: float) -> None:
        """`slot_s`: wall seconds a slot."""
        self._pace_s = CATCH_UP_PACE_SLOTS * min(slot_s, SLOT_S)
        self._begin_s = self._began_s = -math.inf

    def begin_s(self, scheduled_s: float) -> float:
        """When the next slot begins that should begin at a scheduled time."""
        behind = min(max(self._began_s - scheduled_s, 0.0) / CATCH_UP_S, 1.0)
        self._begin_s = max(scheduled_s, self._began_s + (1.0 - behind) * self._pace_s)
        return self._begin_s

    def began(self, now_s: float) -> None:
        """The slot has begun; that the sleep before it ended a moment late must not slow the pace."""
        self._began_s = max(self._begin_s, now_s - WAKE_S)


def parse_clock(text: str) -> Clock:
    """Clock from `lockstep`, `realtime` or `Nx`; raises ClockError."""
    if text == "lockstep":
        return Clock(text, None)
    if text == "realtime":
        return Clock(text, 1.0)
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)x", text)
    if match and MIN_SPEED <= float(match[1]) <= MAX_SPEED:
        return Clock(text, float(match[1]))
    raise ClockError(f"clock: must be lockstep, realtime or Nx with N in {MIN_SPEED}..{MAX_SPEED:g} (given {text!r})")


def control_delay_slots(option: int | None, scenario: Scenario, clock: Clock) -> int:
    """D: the command line's, else the scenario's, else 0 in lock-step, 2 up to real time, 4 at twice real time."""
    if option is not None:
        return option
    if scenario.control_delay_slots != "auto":
        return scenario.control_delay_slots
    if clock.speed is None:
        return 0
    # A clock slower than real time gives the same D more time: fewer slots would take it away again.
    return min(MAX_CONTROL_DELAY_SLOTS, max(2, math.ceil(2 * clock.speed)))
