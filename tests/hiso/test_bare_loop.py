"""The bare loop's inbox."""

from __future__ import annotations

from queue import Empty, SimpleQueue

import pytest

from hiso.bench import bare_loop

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
