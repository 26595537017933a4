"""Whether a machine holds a clock: late decisions and slots, watched over the first seconds of a real-time run."""

from __future__ import annotations

from hiso.monitor import Snapshot
from hiso.run_request import LOCKSTEP
from ran_emulator.clock import Clock, parse_clock

WATCHED_WALL_S = 2.0
WINDOWS = 2
"""One hiccup of the machine, or what starting leaves behind, must not slow a whole run down: a second look decides."""
LIMIT_WITH_FIFO, LIMIT_WITHOUT_FIFO = 0.02, 0.06
LEAST_SHARE_OF_CLOCK = 0.95
"""Of the speed that the clock asks for: a node that falls behind has decisions in time, since its slots come late."""
LEAST_SHARE_AT_START = 0.5
"""The same while agents are started, which takes all cores for seconds."""
SLOWER_SPEEDS = (1.0, 0.5, 0.25)


def slower(clock: Clock) -> Clock:
    """The next slower clock: real time, a half, a quarter of it, lock-step."""
    for speed in SLOWER_SPEEDS:
        if clock.speed is not None and speed < clock.speed:
            return parse_clock("realtime" if speed == 1 else f"{speed:g}x")
    return LOCKSTEP


class LatenessWatch:
    """Two seconds (of wall time) from when every slice's agent is asked for decisions; two more if they are bad.

    Before that slots that run at less than half the speed are enough.
    """

    def __init__(self, clock: Clock, *, fifo: bool) -> None:
        """Watch a run by `clock`; lock-step is never late."""
        self.limit = LIMIT_WITH_FIFO if fifo else LIMIT_WITHOUT_FIFO
        self._speed = clock.speed
        self._first: Snapshot | None = None
        self._first_s = 0.0
        self._there = self._died = False
        self._windows_left = WINDOWS

    def begin_again(self) -> None:
        """Forget what was seen: something died meanwhile, which is not the clock's fault."""
        self._first = None
        self._died = True

    def complaint(self, snapshot: Snapshot, now_s: float) -> str | None:
        """Why the clock does not hold, where both windows say that it does not; else None.

        Args:
            snapshot: of the running system.
            now_s: when it was taken, of a monotonic clock.
        """
        first = self._first
        if self._speed is None or self._windows_left == 0:
            return None
        # Where hot loops take all of their cores, pages of xApps do not answer: agents that decide are there all the
        # same. After a death that cannot be told from agents that are away.
        there = snapshot.agents_connected if self._died else snapshot.agents_asked
        if first is None or there is not self._there or snapshot.simulated_s < first.simulated_s:
            self._first, self._first_s, self._there = snapshot, now_s, there
            return None
        if now_s - self._first_s < WATCHED_WALL_S:
            return None
        complaint = self._complaint(first, snapshot, self._speed)
        self._first, self._first_s = snapshot, now_s
        if complaint is None:
            self._windows_left = 0 if there else WINDOWS
            return None
        self._windows_left -= 1
        return complaint if self._windows_left == 0 else None

    def _complaint(self, first: Snapshot, last: Snapshot, speed: float) -> str | None:
        asked = last.slot_observations - first.slot_observations
        late = last.missed_deadlines - first.missed_deadlines
        if self._there and asked and late > self.limit * asked:
            limit = f"limit {100 * self.limit:.0f} %"
            return f"{100 * late / asked:.1f} % of decisions came late over two seconds ({limit})"
        factor, least = last.real_time_factor, LEAST_SHARE_OF_CLOCK if self._there else LEAST_SHARE_AT_START
        if factor is not None and factor < least * speed:
            return f"slots ran at {factor:.2f} times real time instead of {speed:g}"
        return None
