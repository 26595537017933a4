"""An interpreter that does not get in the way of a loop: garbage collector, thread switches, timers."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

COLLECTION_PERIOD_S = 1.0
_SWITCH_INTERVAL_S = 1e-4
"""A thread that holds the interpreter's lock gives it up after this: the default of 5 ms is ten slots."""
_TIMER_SLACK_NS = 1_000
_PR_SET_TIMERSLACK = 29


def stop_collector() -> None:
    """Freeze what lives and collect no garbage on allocation: the caller sees to that. Quick thread switches."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()
    gc.disable()


@contextmanager
def calm_interpreter() -> Iterator[None]:
    """Within, garbage is collected once a second from a thread of its own, not when the loop allocates."""
    stop = threading.Event()

    def collect() -> None:
        while not stop.wait(COLLECTION_PERIOD_S):
            gc.collect()

    stop_collector()
    thread = threading.Thread(target=collect, name="collector", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        gc.enable()
        gc.unfreeze()


def exact_timers() -> None:
    """Timers of this thread, and of those that it starts, to 1 us: a normal thread's may come 50 us late."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(_TIMER_SLACK_NS), 0, 0, 0)
