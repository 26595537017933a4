"""The ports of a local run: one base, one offset a service; who holds a port that is taken."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from pathlib import Path

DEFAULT_PORT_BASE = 26_400
"""Below the ports that the kernel gives to outgoing connections (32,768 and up on Linux)."""
MIN_PORT_BASE, MAX_PORT_BASE = 1_024, 65_535 - 21

OFFSETS = {
    "emulator": 0,
    "ric": 1,
    "emulator-1": 2,
    "emulator-2": 3,
    "emulator-3": 4,
    "xapp-inter": 10,
    "xapp-vonr": 11,
    "xapp-embb": 12,
    "xapp-urllc": 13,
    "learner-inter": 14,
    "learner-vonr": 15,
    "learner-embb": 16,
    "learner-urllc": 17,
    "e2": 21,
}
"""Offset from the port base: HTTP of emulators (one a cell) and RIC, metrics of xApps and learners, E2 over TCP."""

_LISTEN = "0A"  # state of a socket in /proc/net/tcp


def port_of(service: str, base: int) -> int:
    """Port of a service of `OFFSETS`."""
    return base + OFFSETS[service]


def taken(port: int) -> bool:
    """Whether something listens on a loopback port."""
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno in (errno.EADDRINUSE, errno.EACCES)
    return False


def holder(port: int) -> str:
    """Who listens on a port, as "pid 123 (command line)"; empty where that cannot be seen."""
    inodes = _listening_inodes(port)
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                with suppress(OSError):
                    if descriptor.readlink().name in inodes:
                        command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                        return f"pid {process.name} ({command.strip()[:80]})"
    return ""


def _listening_inodes(port: int) -> set[str]:
    """Links of the sockets that listen on a port, as /proc/PID/fd shows them."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found
