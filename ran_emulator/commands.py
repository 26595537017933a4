"""What people change, from the face to the hot loop: a request and its answer, one line of JSON each, over a pair of
sockets. A thread takes requests in; the loop carries them out at a slot's start, which costs it nothing until then.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from ran_emulator.cell import Cell
from ran_emulator.e2_node import E2Node
from ran_emulator.scenario import SLOTS_PER_SECOND, Impairments
from service_kit.logs import fields

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Command:
    """One change that is asked for."""

    number: int
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FaceGone:
    """The face closed its end: the emulator ends."""


class CommandServer:
    """The hot loop's end: puts `Command` and `FaceGone` into its inbox."""

    def __init__(self, connection: socket.socket, inbox: SimpleQueue[Any]) -> None:
        """`connection`: the hot loop's end of the pair."""
        self._connection = connection
        self._inbox = inbox
        threading.Thread(target=self._receive, name="commands", daemon=True).start()

    def _receive(self) -> None:
        with self._connection.makefile("rb") as lines:
            for line in lines:
                request = json.loads(line)
                self._inbox.put(Command(request["number"], request["name"], request["arguments"]))
        self._inbox.put(FaceGone())

    def answer(self, command: Command, answer: dict[str, Any]) -> None:
        """Send the answer to a command."""
        try:
            self._connection.sendall(json.dumps({"number": command.number, **answer}).encode() + b"\n")
        except OSError as error:
            _LOG.warning("a command's answer was lost", extra=fields(command=command.name, reason=str(error)))


def carry_out(command: Command, cell: Cell, node: E2Node) -> dict[str, Any]:
    """Apply a command at the start of the cell's slot; its answer: {"slot"}, or {"error"} and nothing has changed."""
    arguments = command.arguments
    slot = cell.slot
    try:
        _apply(command.name, arguments, cell, node)
    except ValueError as error:
        return {"error": str(error)}
    _LOG.info("command", extra=fields(command=command.name, slot=slot, **arguments))
    return {"slot": slot}


def _apply(name: str, arguments: dict[str, Any], cell: Cell, node: E2Node) -> None:
    match name:
        case "load":
            cell.set_load_scale(arguments["slice_id"], arguments["scale"])
        case "burst":
            slots = max(1, round(arguments["duration_s"] * SLOTS_PER_SECOND))
            cell.burst(arguments["slice_id"], arguments["factor"], slots)
        case "inject":
            cell.inject(arguments["slice_id"], arguments["packets"])
        case "hwi":
            cell.set_hwi(Impairments.model_validate({**cell.hwi.model_dump(), **arguments}))
        case "speed":
            cell.set_speed(arguments["slice_id"], arguments["speed_m_s"])
        case "regime":
            cell.set_regime(arguments["index"])
        case "e2_reset":
            if not node.connected:
                raise ValueError("e2: no RIC is connected")
            node.reset()
        case _:
            raise ValueError(f"command: {name!r} is unknown")
