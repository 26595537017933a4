"""A command is carried out or called back, never both and never neither."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from ran_emulator.command_client import CommandClient, LoopBusyError
from ran_emulator.commands import Command, CommandServer, FaceGone

WAIT_S = 10.0


class Ends:
    """Both ends of the commands; the test is the slot loop."""

    def __init__(self) -> None:
        self.face, theirs = socket.socketpair()
        self.face.settimeout(WAIT_S)
        self.inbox: SimpleQueue[Any] = SimpleQueue()
        self.server = CommandServer(theirs, self.inbox)
        self.lines = self.face.makefile("rb")

    def send(self, **request: Any) -> None:
        self.face.sendall(json.dumps(request).encode() + b"\n")

    def line(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.lines.readline())
        return answer

    def close(self) -> None:
        self.face.shutdown(socket.SHUT_RDWR)
        assert isinstance(self.inbox.get(timeout=WAIT_S), FaceGone)
        self.lines.close()
        self.face.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.close()


def test_a_command_that_no_slot_takes_in_time_is_never_carried_out(ends: Ends) -> None:
    client = CommandClient(ends.face, timeout_s=0.2)
    with pytest.raises(LoopBusyError, match="the change was not made"):
        client.ask("change", change="hwi", kappa=1.0)
    command = ends.inbox.get(timeout=WAIT_S)
    assert isinstance(command, Command)
    assert not ends.server.take(command)


def test_the_next_command_is_not_mistaken_for_the_one_called_back(ends: Ends) -> None:
    client = CommandClient(ends.face, timeout_s=0.2)
    with pytest.raises(LoopBusyError):
        client.ask("change", change="hwi", kappa=1.0)
    assert not ends.server.take(ends.inbox.get(timeout=WAIT_S))

    def loop() -> None:
        command = ends.inbox.get(timeout=WAIT_S)
        assert ends.server.take(command)
        ends.server.answer(command, {"slot": 7})

    thread = threading.Thread(target=loop)
    thread.start()
    ends.face.settimeout(WAIT_S)
    assert client.ask("change", change="hwi", kappa=0.5)["slot"] == 7
    thread.join()


def test_what_a_slot_has_taken_cannot_be_called_back(ends: Ends) -> None:
    ends.send(number=1, name="change", arguments={})
    command = ends.inbox.get(timeout=WAIT_S)
    assert ends.server.take(command)
    ends.send(cancel=1)
    ends.send(number=2, name="change", arguments={})
    ends.inbox.get(timeout=WAIT_S)  # so the call back has been read
    ends.server.answer(command, {"slot": 3})
    assert ends.line() == {"number": 1, "slot": 3}


def test_of_many_that_are_called_back_while_slots_begin_each_has_one_end(ends: Ends) -> None:
    count = 500

    def loop() -> None:
        for _ in range(count):
            command = ends.inbox.get(timeout=WAIT_S)
            if ends.server.take(command):
                ends.server.answer(command, {"slot": command.number})

    thread = threading.Thread(target=loop)
    thread.start()
    outcomes = []
    for number in range(count):
        ends.send(number=number, name="change", arguments={})
        ends.send(cancel=number)
        outcomes.append(ends.line())
    thread.join()
    for number, outcome in enumerate(outcomes):
        assert outcome in ({"number": number, "slot": number}, {"number": number, "cancelled": True})


def test_a_line_that_is_no_request_is_skipped(ends: Ends) -> None:
    ends.face.sendall(b'{"number": 1, "na\n\n\xff\xfe\n')
    ends.send(number=2, name="change", arguments={})
    assert ends.inbox.get(timeout=WAIT_S) == Command(2, "change", {})


def test_a_command_after_one_that_could_not_be_sent_whole_is_taken(ends: Ends) -> None:
    client = CommandClient(ends.face, timeout_s=WAIT_S)
    taken = []

    class HalfSent:
        """A socket whose time is up in the middle of a line."""

        def sendall(self, line: bytes) -> None:
            ends.face.sendall(line[: len(line) // 2])
            raise TimeoutError

    def loop() -> None:
        command = ends.inbox.get(timeout=WAIT_S)
        taken.append(command.number)
        assert ends.server.take(command)
        ends.server.answer(command, {"slot": 7})

    thread = threading.Thread(target=loop)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "_connection", HalfSent())
        with pytest.raises(LoopBusyError, match="is not known"):
            client.ask("change", change="hwi", kappa=1.0)
    assert client.ask("change", change="hwi", kappa=0.5)["slot"] == 7
    thread.join()
    assert taken == [2]


def test_a_face_that_dies_with_an_answer_unread_is_gone() -> None:
    face, theirs = socket.socketpair()
    inbox: SimpleQueue[Any] = SimpleQueue()
    server = CommandServer(theirs, inbox)
    face.sendall(json.dumps({"number": 1, "name": "change", "arguments": {}}).encode() + b"\n")
    command = inbox.get(timeout=WAIT_S)
    server.answer(command, {"slot": 1})
    face.close()  # which resets the line, where a face that has read everything would only end it
    assert isinstance(inbox.get(timeout=WAIT_S), FaceGone)
