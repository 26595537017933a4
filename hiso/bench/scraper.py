"""Who looks at a running system: every metrics page ten times a second, and one listener at /kpis/live."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from hiso import ports
from hiso.loopback import TIMEOUT_S, LoopbackClient, Unreachable

PERIOD_S = 0.1


class Scraper:
    """Reads between entry and exit, each page from a thread of its own; who does not answer is asked again."""

    def __init__(self, services: Iterable[str], port_base: int) -> None:
        """`services`: of `ports.OFFSETS`; the first emulator among them has the listener."""
        self._ports = [ports.port_of(service, port_base) for service in services]
        self._live_port = ports.port_of("emulator", port_base)
        self._stop = threading.Event()
        self._pages = [0] * len(self._ports)
        self._threads: list[threading.Thread] = []
        self._started_s = 0.0
        self._wall_s = 0.0
        self.live_messages = 0
        """What the listener was sent."""

    def __enter__(self) -> Self:
        """Begin."""
        self._threads = [threading.Thread(target=self._listen, name="kpis-live")]
        self._threads += [
            threading.Thread(target=self._scrape, args=(index,), name=f"scrape-{port}")
            for index, port in enumerate(self._ports)
        ]
        self._started_s = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._stop.set()
        self._wall_s = time.monotonic() - self._started_s
        for thread in self._threads:
            thread.join()

    @property
    def pages_per_s(self) -> float:
        """Pages that came, of all services, a second of wall time."""
        return sum(self._pages) / self._wall_s

    def _scrape(self, index: int) -> None:
        client = LoopbackClient(self._ports[index])
        due_s = time.monotonic()
        while not self._stop.is_set():
            with suppress(Unreachable):
                client.text("/metrics")
                self._pages[index] += 1
            due_s = max(due_s + PERIOD_S, time.monotonic())
            self._stop.wait(due_s - time.monotonic())
        client.close()

    def _listen(self) -> None:
        while not self._stop.wait(PERIOD_S):
            with suppress(OSError, WebSocketException):
                self._listen_once()

    def _listen_once(self) -> None:
        # A socket of our own: no proxy of the environment stands between.
        link = socket.create_connection(("127.0.0.1", self._live_port), TIMEOUT_S)
        with connect(f"ws://127.0.0.1:{self._live_port}/kpis/live", sock=link, open_timeout=TIMEOUT_S) as live:
            while not self._stop.is_set():
                with suppress(TimeoutError):
                    live.recv(PERIOD_S)
                    self.live_messages += 1
