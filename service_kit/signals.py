"""A clean stop on signals."""

from __future__ import annotations

import signal
from collections.abc import Callable
from queue import Empty, SimpleQueue


class Stop:
    """What asks a loop to end, from any thread and from signal handlers.

    `threading.Event` will not do: `set` needs the lock that `wait` holds for moments, and a signal that comes in one of
    them is handled in the same thread, which then waits for itself for ever. `SimpleQueue.put` may interrupt anything.
    """

    def __init__(self) -> None:
        """Not asked yet."""
        self._asked = False
        self._told: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Ask, which cannot be taken back."""
        self._asked = True
        self._told.put(None)

    def is_set(self) -> bool:
        """Whether it has been asked."""
        return self._asked

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it is asked, or for a time; whether it has been."""
        if not self._asked:
            try:
                self._told.get(timeout=timeout_s)
            except Empty:
                return self._asked
            self._told.put(None)  # for whoever waits, too
        return self._asked


def stop_on_signals(stop: Callable[[], object]) -> None:
    """Call `stop` on SIGTERM and SIGINT, in the main thread, in the middle of whatever it does: it may take no lock."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: stop())
