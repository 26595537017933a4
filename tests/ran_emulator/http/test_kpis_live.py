"""/kpis/live: what is published reaches all who listen, as /kpis has it; what cannot be served is told why."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from ran_emulator.http.kpis_live import MAX_LISTENERS, add_live_kpis


class Snapshots:
    """The slot loop's snapshots: `publish` makes another."""

    def __init__(self) -> None:
        self.record: dict[str, Any] | None = None
        self.reads = 0

    def read(self) -> dict[str, Any] | None:
        self.reads += 1
        return self.record

    def publish(self, number: int) -> None:
        self.record = {"wall_time_s": float(number), "slot": 100 * number}


def kpis_of(record: dict[str, Any]) -> dict[str, Any]:
    return {"totals": {"slots": record["slot"]}}


def slots(session: Any) -> int:
    return int(session.receive_json()["totals"]["slots"])


@pytest.fixture
def snapshots() -> Snapshots:
    return Snapshots()


@pytest.fixture
def http(snapshots: Snapshots) -> Iterator[TestClient]:
    app = FastAPI()
    add_live_kpis(app, snapshots.read, kpis_of)
    with TestClient(app) as client:
        yield client


def test_each_publication_is_sent_once_to_everybody(http: TestClient, snapshots: Snapshots) -> None:
    with http.websocket_connect("/kpis/live") as first, http.websocket_connect("/kpis/live") as second:
        for number in (1, 2, 3):
            snapshots.publish(number)
            assert (slots(first), slots(second)) == (100 * number, 100 * number)


def test_who_comes_later_gets_the_latest_at_once_and_who_comes_alone_nothing_old(
    http: TestClient, snapshots: Snapshots
) -> None:
    snapshots.publish(1)
    with http.websocket_connect("/kpis/live") as first:
        assert slots(first) == 100
        with http.websocket_connect("/kpis/live") as second:
            assert slots(second) == 100
    snapshots.publish(2)
    with http.websocket_connect("/kpis/live") as third:
        assert slots(third) == 200


def test_nothing_is_read_while_nobody_listens(http: TestClient, snapshots: Snapshots) -> None:
    snapshots.publish(1)
    with http.websocket_connect("/kpis/live") as session:
        assert slots(session) == 100
    reads = snapshots.reads
    with http.websocket_connect("/kpis/live?period_s=0") as session, pytest.raises(WebSocketDisconnect):
        session.receive_json()
    assert snapshots.reads == reads


def test_a_snapshot_that_cannot_be_told_is_logged_and_passed_over(
    http: TestClient, snapshots: Snapshots, caplog: pytest.LogCaptureFixture
) -> None:
    with http.websocket_connect("/kpis/live") as session:
        snapshots.record = {"wall_time_s": 1.0, "slot": math.nan}  # no JSON
        while "kpis_live_failed" not in caplog.text:
            time.sleep(0.01)
        snapshots.publish(2)
        assert slots(session) == 200


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("period_s=0.1", "period_s: must be 0.25..60 seconds (given '0.1')"),
        ("period_s=61", "period_s: must be 0.25..60 seconds (given '61')"),
        ("period_s=nan", "period_s: must be 0.25..60 seconds (given 'nan')"),
        ("period_s=" + "9" * 500, "period_s: must be 0.25..60 seconds (given '99999999999999999999')"),
        ("period_s=", "period_s: must be 0.25..60 seconds (given '')"),
        ("slice=embb", "slice: unknown, there is period_s (0.25..60)"),
        ("周" * 40 + "=1", "周" * 20 + ": unknown, there is period_s (0.25..60)"),
        ("period_s=" + "📶" * 40, "period_s: must be 0.25..60 seconds (given '" + "📶" * 20),  # without "')"
    ],
)
def test_a_wrong_subscription_is_closed_with_the_reason(http: TestClient, query: str, reason: str) -> None:
    with http.websocket_connect(f"/kpis/live?{query}") as session:
        with pytest.raises(WebSocketDisconnect) as closed:
            session.receive_json()
        assert (closed.value.code, closed.value.reason) == (1008, reason)
        assert len(reason.encode()) <= 123


def test_a_message_to_it_closes_it(http: TestClient, snapshots: Snapshots) -> None:
    snapshots.publish(1)
    with http.websocket_connect("/kpis/live") as session:
        assert slots(session) == 100
        session.send_text("more")
        with pytest.raises(WebSocketDisconnect) as closed:
            session.receive_json()
        assert (closed.value.code, closed.value.reason) == (1008, "this endpoint sends and takes nothing")


def test_too_many_listeners_are_told_to_come_later(http: TestClient, snapshots: Snapshots) -> None:
    snapshots.publish(1)
    with ExitStack() as stack:
        sessions = [stack.enter_context(http.websocket_connect("/kpis/live")) for _ in range(MAX_LISTENERS)]
        assert [slots(session) for session in sessions] == [100] * MAX_LISTENERS
        with http.websocket_connect("/kpis/live") as late:
            with pytest.raises(WebSocketDisconnect) as closed:
                late.receive_json()
            assert (closed.value.code, closed.value.reason) == (1013, "64 listen already, which is the limit")
