"""Types of command line flags (argparse)."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def integer_in(low: int, high: int) -> Callable[[str], int]:
    """An argparse type: an integer in low..high, both 0 or more."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"must be an integer in {low}..{high} (given {text!r})")
        return int(text)

    return parse


port = integer_in(1, 65_535)
core = integer_in(0, 4_095)
fifo_priority = integer_in(1, 99)
