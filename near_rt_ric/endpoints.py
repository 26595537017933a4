"""Addresses that the platform listens on, derived from one bus endpoint."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from pathlib import Path

MAX_IPC_PATH_BYTES = 100
"""A unix socket's path has at most 107 bytes; the down and up sockets need a suffix."""

MAX_NODES = 64

_TCP = re.compile(r"^tcp://([^:/]+|\[[0-9a-fA-F:]+\]):([0-9]{1,5})$")
_WILDCARD = re.compile(r"^tcp://(0\.0\.0\.0|\*|\[::\]):")


class EndpointError(ValueError):
    """An address that cannot be used; the message names it and the allowed form."""


@dataclass(frozen=True, slots=True)
class BusEndpoints:
    """Management, down and up sockets of the xApp bus: one family of ipc paths or tcp ports."""

    management: str
    down: str
    tap: str
    up_prefix: str
    up_port: int | None

    @classmethod
    def parse(cls, bus: str) -> BusEndpoints:
        """Endpoints from `ipc:///path/bus` or `tcp://host:port`; raises EndpointError."""
        if bus.startswith("ipc:///"):
            if len(bus.removeprefix("ipc://").encode()) > MAX_IPC_PATH_BYTES:
                raise EndpointError(f"bus: {bus!r}: a path of at most {MAX_IPC_PATH_BYTES} bytes is required")
            return cls(bus, f"{bus}-down", f"{bus}-tap", f"{bus}-up-", None)
        match = _TCP.match(bus)
        last = 65_535 - 2 - MAX_NODES
        if match is None or not 2 <= int(match[2]) <= last:
            raise EndpointError(f"bus: {bus!r}: ipc:///path or tcp://host:port with port 2..{last} is required")
        host, port = match[1], int(match[2])
        # The tap shows everything that is said: over tcp only to this host.
        tap = f"tcp://127.0.0.1:{port - 1}"
        return cls(bus, f"tcp://{host}:{port + 1}", tap, f"tcp://{host}:", port + 2)

    def up(self, number: int) -> str:
        """The socket on which node `number` takes control requests."""
        return f"{self.up_prefix}{number if self.up_port is None else self.up_port + number}"

    def claim(self) -> None:
        """Make sure that nobody serves these ipc paths and that their folder exists; raises EndpointError."""
        if self.management.startswith("ipc://"):
            for endpoint in (self.management, self.down, self.tap):
                claim_unix_path(Path(endpoint.removeprefix("ipc://")))


def wildcard_as_loopback(bus: str) -> str:
    """A bus endpoint as it is reached from this machine: one that listens on every interface has no address."""
    return _WILDCARD.sub("tcp://127.0.0.1:", bus)


def claim_unix_path(path: Path) -> None:
    """Make `path` free for a unix socket: stale ones are removed; EndpointError for served ones and files."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            return
        if not path.is_socket():
            raise EndpointError(f"{path}: something that is no socket is there")
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1.0)
            probe.connect(str(path))
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise EndpointError(f"{path}: {error}") from error
    else:
        raise EndpointError(f"{path}: another process is listening there")
