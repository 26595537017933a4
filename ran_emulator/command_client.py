"""The face's end of the commands: asks the hot loop for a change and waits for the slot at which it holds."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

TIMEOUT_S = 5.0


class CommandRefusedError(ValueError):
    """The hot loop refused; nothing has changed. The message names the field and its range."""


class LoopBusyError(RuntimeError):
    """The hot loop did not reach the start of a slot in time: in lock-step it waits for a decision."""


class CommandClient:
    """Sends one command at a time."""

    def __init__(self, connection: socket.socket) -> None:
        """`connection`: the face's end of the pair."""
        self._connection = connection
        self._connection.settimeout(TIMEOUT_S)
        self._lock = threading.Lock()
        self._number = 0
        self._received = b""

    def ask(self, name: str, **arguments: Any) -> int:
        """Have a command carried out; the slot from whose start it holds.

        Raises:
            CommandRefusedError: the value cannot be used.
            LoopBusyError: no answer within 5 s; the command is carried out as soon as a slot starts.
        """
        with self._lock:
            self._number += 1
            request = {"number": self._number, "name": name, "arguments": arguments}
            try:
                self._connection.sendall(json.dumps(request).encode() + b"\n")
                answer = self._answer()
            except OSError as error:
                raise LoopBusyError(
                    f"the slot loop did not start a slot within {TIMEOUT_S:g} s; the change holds from its next slot on"
                ) from error
        if "error" in answer:
            raise CommandRefusedError(answer["error"])
        return int(answer["slot"])

    def _answer(self) -> dict[str, Any]:
        """The answer to the latest command; answers that come after their time are skipped."""
        while True:
            line, separator, rest = self._received.partition(b"\n")
            if separator:
                self._received = rest
                answer: dict[str, Any] = json.loads(line)
                if answer["number"] == self._number:
                    return answer
                continue
            chunk = self._connection.recv(4096)
            if not chunk:
                raise ConnectionResetError("the slot loop ended")
            self._received += chunk
