"""Whether decisions come in time: watched over the first seconds of a real-time run."""

from __future__ import annotations

from hiso.monitor import Snapshot
from hiso.run_request import LOCKSTEP
from ran_emulator.clock import Clock, parse_clock

WATCHED_WALL_S = 2.0
WINDOWS = 2
"""One hiccup of the machine, or what starting leaves behind, must not slow a whole run down: a second look decides."""
LIMIT_WITH_FIFO, LIMIT_WITHOUT_FIFO = 0.02, 0.06
SLOWER_SPEEDS = (1.0, 0.5, 0.25)


def slower(clock: Clock) -> Clock:
    """The next slower clock: real time, a half, a quarter of it, lock-step."""
    for speed in SLOWER_SPEEDS:
        if clock.speed is not None and speed < clock.speed:
            return parse_clock("realtime" if speed == 1 else f"{speed:g}x")
    return LOCKSTEP


class LatenessWatch:
    """Share of late decisions in two seconds (of wall time) from when all agents are connected; twice if it is high."""

    def __init__(self, clock: Clock, *, fifo: bool) -> None:
        """Watch a run by `clock`; lock-step is never late."""
        self.limit = LIMIT_WITH_FIFO if fifo else LIMIT_WITHOUT_FIFO
        self._watched_s = None if clock.speed is None else WATCHED_WALL_S * clock.speed
        self._first: Snapshot | None = None
        self._windows_left = WINDOWS

    def begin_again(self) -> None:
        """Forget what was seen: something died meanwhile, which is not the clock's fault."""
        self._first = None

    def too_late(self, snapshot: Snapshot) -> float | None:
        """Late decisions per decision asked for, where that is above the limit in both windows; else None."""
        if self._watched_s is None or self._windows_left == 0 or not snapshot.agents_connected:
            return None
        if self._first is None or snapshot.simulated_s < self._first.simulated_s:
            self._first = snapshot
            return None
        if snapshot.simulated_s - self._first.simulated_s < self._watched_s:
            return None
        asked = snapshot.slot_observations - self._first.slot_observations
        late = snapshot.missed_deadlines - self._first.missed_deadlines
        share = late / asked if asked > 0 else 0.0
        self._first = snapshot
        self._windows_left = self._windows_left - 1 if share > self.limit else 0
        return share if share > self.limit and self._windows_left == 0 else None
