"""Ports for the servers of tests: below those that the kernel gives to outgoing connections (32,768 and up on Linux),
so that no connection takes one between its choice and its use. Each worker of pytest-xdist has a part of them."""

import os
import random
import socket

from hiso import ports

_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_SPAN = 12_000 // _WORKERS
_FIRST = 10_000 + _WORKER * _SPAN
_LAST = _FIRST + _SPAN
_DRAW = random.SystemRandom()


def free_port() -> int:
    """A loopback port that nobody holds."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different loopback ports that nobody holds."""
    held: list[socket.socket] = []
    try:
        while len(held) < count:
            probe = socket.socket()
            try:
                probe.bind(("127.0.0.1", _DRAW.randrange(_FIRST, _LAST)))
            except OSError:
                probe.close()
            else:
                held.append(probe)
        return [probe.getsockname()[1] for probe in held]
    finally:
        for probe in held:
            probe.close()


def free_port_base() -> int:
    """A base for `hiso up --port-base` whose ports are all free."""
    while True:
        base = _DRAW.randrange(_FIRST, _LAST - max(ports.OFFSETS.values()))
        if not any(ports.taken(ports.port_of(service, base)) for service in ports.OFFSETS):
            return base
