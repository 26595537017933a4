"""Small requests to the services of a local run; reads go over kept connections."""

from __future__ import annotations

import http.client
import json
import sys
from typing import Any

TIMEOUT_S = 1.0

_SOURCE_ADDRESS = ("127.0.0.2", 0) if sys.platform == "linux" else None
"""Where requests come from. Ports of ours are among those that connections of 127.0.0.1 get: one that asks for a
service that does not listen yet may be given the very port that it asks for, connect to itself, and keep the service
from listening."""


class Unreachable(OSError):  # noqa: N818 - a state of the other side
    """Nobody answers there, or not with what was asked for."""


class LoopbackClient:
    """Requests to one port of 127.0.0.1."""

    def __init__(self, port: int, timeout_s: float = TIMEOUT_S) -> None:
        """Connects when first asked."""
        self.port = port
        self._connection = _connection(port, timeout_s)

    def text(self, path: str) -> str:
        """Body of a 200 answer.

        Raises:
            Unreachable: no answer in time, or another status.
        """
        for attempt in (1, 2):
            kept = self._connection.sock is not None
            try:
                self._connection.request("GET", path)
                response = self._connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if kept and attempt == 1:
                    continue  # the other side had closed a kept connection
                raise Unreachable(f"port {self.port}: {error}") from error
            if response.status != http.HTTPStatus.OK:
                raise Unreachable(
                    f"port {self.port}: {path}: status {response.status}: {body[:200].decode(errors='replace')}"
                )
            return body.decode()
        raise AssertionError("unreachable")

    def json(self, path: str) -> Any:
        """JSON of a 200 answer.

        Raises:
            Unreachable: no answer in time, another status, or no JSON.
        """
        try:
            return json.loads(self.text(path))
        except ValueError as error:
            raise Unreachable(f"port {self.port}: {path}: not JSON: {error}") from error

    def ask(self, method: str, path: str, body: Any = None, *, timeout_s: float) -> tuple[int, str]:
        """Status and body of any answer; `body` is sent as JSON where it is given.

        Raises:
            Unreachable: no answer in time.
        """
        connection = _connection(self.port, timeout_s)
        content = None if body is None else json.dumps(body)
        try:
            connection.request(method, path, content, {} if body is None else {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"port {self.port}: {error}") from error
        finally:
            connection.close()

    def healthy(self) -> bool:
        """Whether /healthz answers 200."""
        try:
            self.text("/healthz")
        except Unreachable:
            return False
        return True

    def close(self) -> None:
        """Close the kept connection."""
        self._connection.close()


def _connection(port: int, timeout_s: float) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s, source_address=_SOURCE_ADDRESS)
