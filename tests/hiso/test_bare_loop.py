"""The bare loop's inbox."""

from __future__ import annotations

from queue import Empty, SimpleQueue

import pytest

from hiso.bench import bare_loop
from hiso.bench.bare_loop import BareConfig

ROUNDS = 100_000
"""Without the first look a wait hung within ten thousand."""


@pytest.mark.timeout(60)
def test_waits_of_microseconds_end() -> None:
    inbox: SimpleQueue[bytes] = SimpleQueue()
    for number in range(ROUNDS):
        inbox.put(b"")
        assert bare_loop._next(inbox, 0.0) == b""
        with pytest.raises(Empty):
            bare_loop._next(inbox, 1e-6 * (number % 3 + 0.1))


@pytest.mark.timeout(30)
def test_a_lost_echo_ends_the_exchange_with_its_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bare_loop, "_ECHO_LIMIT_S", 0.2)
    config = BareConfig(
        role="node",
        run_dir="",
        observation_bytes=8,
        decision_bytes=4,
        observations_per_frame=3.0,
        frames=1,
        slot_s=None,
        control_delay_slots=0,
        cpu=None,
        fifo=None,
    )
    inbox: SimpleQueue[bytes] = SimpleQueue()
    inbox.put(bytes(3 * 4))
    inbox.put(bytes(2 * 4))
    with pytest.raises(TimeoutError, match=r"1 of 3 echoes of frame 1 are not here after 0\.2 s"):
        bare_loop._exchange(config, lambda _frame: None, inbox)
