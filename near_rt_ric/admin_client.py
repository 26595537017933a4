"""The face's way to the hot loop: one command, one answer, over its admin socket."""

from __future__ import annotations

import json
from typing import Any

import zmq

STATE_TIMEOUT_S = 1.0
PROCEDURE_TIMEOUT_S = 7.0
"""Longer than a procedure waits for a node."""


class HotLoopUnavailableError(Exception):
    """The hot loop does not answer."""


class AdminClient:
    """Asks the hot loop; a socket a request, so that a lost answer harms nobody else."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()

    def ask(self, command: str, timeout_s: float = STATE_TIMEOUT_S, **fields: Any) -> dict[str, Any]:
        """Send one command; raises HotLoopUnavailableError after `timeout_s`."""
        socket = self._context.socket(zmq.REQ)
        try:
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(self._endpoint)
            socket.send(json.dumps({"command": command, **fields}).encode())
            if not socket.poll(int(1_000 * timeout_s)):
                raise HotLoopUnavailableError(f"the hot loop has not answered within {timeout_s:g} s")
            answer: dict[str, Any] = json.loads(socket.recv())
            return answer
        finally:
            socket.close()
