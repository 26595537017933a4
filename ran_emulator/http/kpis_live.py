"""/kpis/live: what /kpis says, to whoever listens, each time that the slot loop publishes it (WebSocket).

The face reads the snapshot once for all who listen; who is slow misses some, and delays nobody.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from starlette.datastructures import QueryParams

from ran_emulator.snapshot import PERIOD_S

_LOG = logging.getLogger(__name__)

MAX_PERIOD_S = 60.0
MAX_LISTENERS = 64
_POLL_S = 0.05
_MAX_REASON_BYTES = 123
"""What a close frame has room for (RFC 6455, 5.5)."""
_POLICY_VIOLATION, _TRY_AGAIN_LATER = 1008, 1013


class _Feed:
    """The latest KPIs as a text, for any number of listeners; nothing is read while nobody listens."""

    def __init__(self, read: Callable[[], Any | None], kpis_of: Callable[[Any], dict[str, Any]]) -> None:
        self.listeners = 0
        self._read = read
        self._kpis_of = kpis_of
        self._published_s = 0.0
        self._number = 0
        self._text = ""
        self._news = asyncio.Condition()
        self._poller: asyncio.Task[None] | None = None

    def join(self) -> None:
        """One more listens."""
        self.listeners += 1
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll())

    def leave(self) -> None:
        """One listens no more."""
        self.listeners -= 1
        if self.listeners == 0 and self._poller is not None:
            self._poller.cancel()
            self._poller, self._number, self._published_s = None, 0, 0.0

    async def after(self, number: int) -> tuple[int, str]:
        """The latest text that is newer than the one of this number (0: any), and its number."""
        async with self._news:
            await self._news.wait_for(lambda: self._number > number)
            return self._number, self._text

    async def _poll(self) -> None:
        while True:
            try:
                await self._look()
            except Exception:  # whatever is wrong with one snapshot: the next may be right, and listeners wait for it
                _LOG.exception("kpis_live_failed")
                await asyncio.sleep(PERIOD_S)
            await asyncio.sleep(_POLL_S)

    async def _look(self) -> None:
        """Tell what was published since the last look."""
        record = self._read()
        if record is not None and record["wall_time_s"] != self._published_s:
            text = json.dumps(self._kpis_of(record), allow_nan=False)
            async with self._news:
                self._published_s = float(record["wall_time_s"])
                self._text = text
                self._number += 1
                self._news.notify_all()


def _period_s(query: QueryParams) -> float:
    """The time between two messages that a listener asks for."""
    for name in query:
        if name != "period_s":
            raise ValueError(f"{name[:20]}: unknown, there is period_s ({PERIOD_S:g}..{MAX_PERIOD_S:g})")
    text = query.get("period_s", str(PERIOD_S))
    with suppress(ValueError):
        if PERIOD_S <= float(text) <= MAX_PERIOD_S:
            return float(text)
    raise ValueError(f"period_s: must be {PERIOD_S:g}..{MAX_PERIOD_S:g} seconds (given {text[:20]!r})")


def add_live_kpis(app: FastAPI, read: Callable[[], Any | None], kpis_of: Callable[[Any], dict[str, Any]]) -> None:
    """The endpoint, over a snapshot's reader and what makes KPIs of a snapshot."""
    feed = _Feed(read, kpis_of)

    @app.websocket("/kpis/live")
    async def live(websocket: WebSocket) -> None:
        await websocket.accept()  # a refusal before this could give no reason
        try:
            period_s = _period_s(websocket.query_params)
        except ValueError as error:
            await websocket.close(_POLICY_VIOLATION, str(error).encode()[:_MAX_REASON_BYTES].decode(errors="ignore"))
            return
        if feed.listeners >= MAX_LISTENERS:
            await websocket.close(_TRY_AGAIN_LATER, f"{MAX_LISTENERS} listen already, which is the limit")
            return
        feed.join()
        sending = asyncio.create_task(_send(websocket, feed, period_s))
        try:
            message = await websocket.receive()
            sending.cancel()
            if message["type"] == "websocket.receive":
                await websocket.close(_POLICY_VIOLATION, "this endpoint sends and takes nothing")
        finally:
            sending.cancel()
            feed.leave()


async def _send(websocket: WebSocket, feed: _Feed, period_s: float) -> None:
    """Send the latest KPIs, at most once in `period_s`, until the listener is gone."""
    number = 0
    with suppress(WebSocketDisconnect):
        while True:
            number, text = await feed.after(number)
            await websocket.send_text(text)
            await asyncio.sleep(period_s - _POLL_S)  # up to one poll early, else it would miss every other one
