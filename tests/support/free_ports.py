"""Ports for the servers of tests: below those that the kernel gives to outgoing connections (32,768 and up on Linux),
so that no connection takes one between its choice and its use. Each worker of pytest-xdist has a part of them.

None is given twice: whoever got it may be about to bind it.
"""

import os
import random

from hiso import ports
from service_kit.addresses import listen

_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_SPAN = 12_000 // _WORKERS
_FIRST = 10_000 + _WORKER * _SPAN
_LAST = _FIRST + _SPAN
_DRAW = random.SystemRandom()
_given: set[int] = set()


def free_port() -> int:
    """A loopback port that nobody holds."""
    while True:
        port = _DRAW.randrange(_FIRST, _LAST)
        if _take([port]):
            return port


def free_ports(count: int) -> list[int]:
    """Different loopback ports that nobody holds."""
    return [free_port() for _ in range(count)]


def free_port_base() -> int:
    """A base for `hiso up --port-base` whose ports are all free."""
    while True:
        base = _DRAW.randrange(_FIRST, _LAST - max(ports.OFFSETS.values()))
        if _take([ports.port_of(service, base) for service in ports.OFFSETS]):
            return base


def has_ipv6_loopback() -> bool:
    """Whether this machine has ::1."""
    try:
        listen("::1", 0).close()
    except OSError:
        return False
    return True


def _take(wanted: list[int]) -> bool:
    """Give these ports, if nobody has or holds one of them."""
    if not _given.isdisjoint(wanted) or any(map(ports.taken, wanted)):
        return False
    _given.update(wanted)
    return True
