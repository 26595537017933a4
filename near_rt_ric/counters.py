"""Counts for the metrics page. Nothing here is touched on the path of an indication or a control."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Literal

Direction = Literal["to_xapp", "to_node"]


class Counters:
    """Errors by cause and messages by direction and name, counted under a lock (they are rare)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errors: Counter[str] = Counter()
        self._messages: Counter[tuple[Direction, str]] = Counter()

    def error(self, cause: str) -> None:
        """Count an error."""
        with self._lock:
            self._errors[cause] += 1

    def message(self, direction: Direction, name: str, count: int = 1) -> None:
        """Count messages."""
        with self._lock:
            self._messages[direction, name] += count

    def snapshot(self) -> tuple[dict[str, int], dict[tuple[Direction, str], int]]:
        """Errors by cause, messages by direction and name."""
        with self._lock:
            return dict(self._errors), dict(self._messages)
