"""What asks a loop to end may come in the middle of anything, in the thread that waits for it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

import pytest

from service_kit.signals import Stop, stop_on_signals


def wait_interrupted(stop: Stop, at: int) -> bool:
    """Wait for 20 ms with `set` called before the `at`-th step of it; whether there was such a step.

    As a signal handler is called: in the same thread, between any two instructions.
    """
    steps = 0

    def trace(frame: FrameType, event: str, _value: Any) -> Any:
        nonlocal steps
        frame.f_trace_opcodes = True
        if event in ("line", "opcode"):
            if steps == at:
                steps += 1  # before: `set` is traced, too
                stop.set()
            steps += 1
        return trace

    def run() -> None:
        sys.settrace(trace)
        stop.wait(0.02)
        sys.settrace(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive(), f"waits for itself from step {at} on"
    return steps > at


def test_whoever_waits_may_be_interrupted_anywhere() -> None:
    at, reached = 0, True
    while reached:
        stop = Stop()
        reached = wait_interrupted(stop, at)
        assert stop.is_set() == reached
        assert stop.wait(0) == reached
        at += 1
    assert at > 5


def test_it_stays_asked_for_everybody() -> None:
    stop = Stop()
    assert not stop.wait(0.01)
    ended: list[bool] = []
    threads = [threading.Thread(target=lambda: ended.append(stop.wait(10)), daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    stop.set()
    for thread in threads:
        thread.join(5)
    assert ended == [True] * 3
    assert stop.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_wait_at_once(number: signal.Signals) -> None:
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    stop = Stop()
    stop_on_signals(stop.set)
    try:
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        started_s = time.monotonic()
        assert stop.wait(10)
        assert time.monotonic() - started_s < 5
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
