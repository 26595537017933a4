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
    """The hot loop did not reach the start of a slot in time (in lock-step it waits for a decision), or is silent."""


class CommandClient:
    """Sends one command at a time."""

    def __init__(self, connection: socket.socket, timeout_s: float = TIMEOUT_S) -> None:
        """`connection`: the face's end of the pair; `timeout_s`: after this a command is called back."""
        self._connection = connection
        self._connection.settimeout(timeout_s)
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._number = 0
        self._received = b""
        self._line_is_whole = True

    def ask(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Have a command carried out; the answer, with the "slot" from whose start it holds.

        Raises:
            CommandRefusedError: the value cannot be used.
            LoopBusyError: no slot began in time and the command was called back, so it will never be carried out; or
                the loop answered neither, so whether it was made, or will be, is not known. The message says which.
        """
        with self._lock:
            self._number += 1
            try:
                self._send({"number": self._number, "name": name, "arguments": arguments})
                answer = self._answer_or_call_back()
            except OSError as error:
                raise LoopBusyError(
                    "the slot loop is silent: whether the change was made, or will be, is not known"
                ) from error
        if "cancelled" in answer:
            raise LoopBusyError(f"no slot began within {self._timeout_s:g} s: the change was not made")
        if "error" in answer:
            raise CommandRefusedError(answer["error"])
        return answer

    def _answer_or_call_back(self) -> dict[str, Any]:
        """The answer; where it does not come, that of calling the command back, which may be the answer after all."""
        try:
            return self._answer()
        except TimeoutError:
            self._send({"cancel": self._number})
            return self._answer()

    def _send(self, request: dict[str, Any]) -> None:
        """A line; one that could not be finished is ended first, so that this one does not become part of it."""
        line = json.dumps(request).encode() + b"\n"
        whole, self._line_is_whole = self._line_is_whole, False
        self._connection.sendall(line if whole else b"\n" + line)
        self._line_is_whole = True

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
