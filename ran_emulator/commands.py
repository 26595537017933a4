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
from typing import Any, cast

from hiso_proto import e2ap_pb2 as e2ap

from ran_emulator.cell import Cell
from ran_emulator.e2.node import E2Node
from ran_emulator.e2.node_configuration import ComponentKey
from ran_emulator.events import EVENT
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
        self._sending = threading.Lock()
        self._untaken: dict[int, Command] = {}
        """By number. Who takes a command out decides: the loop that it is carried out, the face that it never is."""
        threading.Thread(target=self._receive, name="commands", daemon=True).start()

    def _receive(self) -> None:
        try:
            with self._connection.makefile("rb") as lines:
                for line in lines:
                    if line.strip():
                        self._receive_line(line)
        except OSError as error:  # a face that died with answers unread resets the line
            _LOG.warning("command_line_lost", extra=fields(reason=str(error)))
        finally:
            self._inbox.put(FaceGone())

    def _receive_line(self, line: bytes) -> None:
        try:
            request = json.loads(line)
        except ValueError as error:  # the rest of one that the face could not finish
            _LOG.warning("command_skipped", extra=fields(length=len(line), reason=str(error)))
            return
        if "cancel" in request:
            number = request["cancel"]
            if self._untaken.pop(number, None) is not None:
                self._send({"number": number, "cancelled": True})
            return
        command = Command(request["number"], request["name"], request["arguments"])
        self._untaken[command.number] = command
        self._inbox.put(command)

    def take(self, command: Command) -> bool:
        """Whether a command is still wanted; from now on it cannot be cancelled."""
        return self._untaken.pop(command.number, None) is not None

    def answer(self, command: Command, answer: dict[str, Any]) -> None:
        """Send the answer to a command."""
        self._send({"number": command.number, **answer})

    def _send(self, answer: dict[str, Any]) -> None:
        try:
            with self._sending:
                self._connection.sendall(json.dumps(answer).encode() + b"\n")
        except OSError as error:
            _LOG.warning("command_answer_lost", extra=fields(answer=answer, reason=str(error)))


def carry_out(command: Command, cell: Cell, node: E2Node) -> dict[str, Any]:
    """Apply a command at the start of the cell's slot; its answer: {"slot", ...}, or {"error"}: nothing has changed."""
    slot = cell.slot
    try:
        told = _apply(command.name, command.arguments, cell, node)
    except ValueError as error:
        return {"error": str(error)}
    if command.name != "change":  # which is logged as an event
        _LOG.info("command", extra=fields(command=command.name, slot=slot, **told))
    return {"slot": slot, **told}


def _apply(name: str, arguments: dict[str, Any], cell: Cell, node: E2Node) -> dict[str, Any]:
    match name:
        case "change":
            cell.make(EVENT.validate_python({**arguments, "at_slot": cell.slot}))
        case "schedule":
            return {"ids": cell.schedule([EVENT.validate_python(event) for event in arguments["events"]])}
        case "unschedule":
            cell.unschedule(arguments["id"])
        case _:
            _apply_to_node(name, arguments, node)
    return {}


def _apply_to_node(name: str, arguments: dict[str, Any], node: E2Node) -> None:
    match name:
        case "e2_withdraw":
            node.updates.withdraw(arguments["function"])
        case "e2_offer":
            node.updates.offer(arguments["function"])
        case "e2_set_component":
            node.updates.set_component(_component(arguments), arguments["configuration"])
        case "e2_remove_component":
            node.updates.remove_component(_component(arguments))
        case "e2_connect":
            node.connect()
        case "e2_reset":
            if not node.connected:
                raise ValueError("e2: no RIC is connected")
            node.reset()
        case _:
            raise ValueError(f"command: {name!r} is unknown")


def _component(arguments: dict[str, Any]) -> ComponentKey:
    interface = e2ap.InterfaceType.Value(arguments["interface"].upper())
    return cast("e2ap.InterfaceType", interface), arguments["component_id"]
