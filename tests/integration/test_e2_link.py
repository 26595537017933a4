"""The emulator's stream to the RIC, alone."""

from __future__ import annotations

import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from scripted_ric import ScriptedRic, serve

from ran_emulator.e2 import link as e2_link
from service_kit.byte_streams import ClientStream

IN_TIME_S = 10.0


def test_a_stream_that_is_made_while_the_link_stops_ends_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    making, go_on = threading.Event(), threading.Event()
    streams: list[threading.Thread] = []

    def make_late(*arguments: Any) -> ClientStream:
        streams.append(threading.current_thread())
        making.set()
        go_on.wait(IN_TIME_S)
        return ClientStream(*arguments)

    monkeypatch.setattr(e2_link, "ClientStream", make_late)
    server = serve(ScriptedRic(), f"unix:{tmp_path}/e2")
    link = e2_link.E2Link(f"unix:{tmp_path}/e2", IN_TIME_S, SimpleQueue())
    link.start()
    assert making.wait(IN_TIME_S)
    link.stop()
    go_on.set()
    (thread,) = streams
    thread.join(IN_TIME_S)
    alive = thread.is_alive()
    server.stop(0)
    assert not alive


def test_that_nobody_answers_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(e2_link, "BACK_OFF_S", 0.02)
    inbox: SimpleQueue[Any] = SimpleQueue()
    link = e2_link.E2Link(f"unix:{tmp_path}/nobody", IN_TIME_S, inbox)
    link.start()
    lost = 0
    while lost < 3:
        lost += isinstance(inbox.get(timeout=IN_TIME_S), e2_link.Lost)
    link.stop()
    assert [record.message for record in caplog.records].count("waiting_for_ric") == 1
