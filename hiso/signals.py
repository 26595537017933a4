"""SIGINT and SIGTERM for what ends in an orderly way."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from service_kit.signals import Stop


@contextmanager
def ends_on_signals(stop: Stop) -> Iterator[None]:
    """Within, SIGINT and SIGTERM set `stop`; a second SIGINT interrupts at once. From the main thread only."""

    def take(number: int, _frame: object) -> None:
        if number == signal.SIGINT and stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, take) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
