"""Types of command line flags (argparse)."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable


def integer_in(low: int, high: int) -> Callable[[str], int]:
    """An argparse type: an integer in low..high, both 0 or more."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"must be an integer in {low}..{high} (given {text!r})")
        return int(text)

    return parse


MAX_PORT = 65_535

port = integer_in(1, MAX_PORT)
core = integer_in(0, 4_095)
fifo_priority = integer_in(1, 99)
niceness = integer_in(0, 19)


def cores(text: str) -> tuple[int, ...]:
    """An argparse type: cores with commas between them."""
    return tuple(core(part) for part in text.split(","))


_HOST_AND_PORT = re.compile(r"([^:/\[\]]+|\[[0-9a-fA-F:]+\]):(?P<port>[0-9]{1,5})")


def is_address(text: str, *, unix: str, tcp: str = "") -> bool:
    """Whether a text is `unix` and an absolute path, or `tcp` and host:port with a port of 1..65535."""
    path = text.removeprefix(unix)
    if path != text and path.startswith("/") and len(path) > 1:
        return True
    match = _HOST_AND_PORT.fullmatch(text.removeprefix(tcp)) if text.startswith(tcp) else None
    return match is not None and 1 <= int(match["port"]) <= MAX_PORT
