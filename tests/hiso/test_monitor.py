"""What the monitor of a local system adds up: counters of xApps that may end and begin again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from free_ports import free_port_base

from hiso import ports
from hiso.monitor import Monitor, RunningTotal


@pytest.mark.parametrize(
    ("counts", "total"),
    [
        ([], 0),
        ([3, 7, 7], 7),
        ([3, 7, 0, 2], 9),
        ([3, 7, 2, 5, 1], 13),
        ([3, None, 3, None], 3),
        ([7, None, 2], 9),
    ],
)
def test_a_counter_that_falls_began_anew(counts: list[int | None], total: int) -> None:
    running = RunningTotal()
    for count in counts:
        running.add(count)
    assert running.add(None) == total


@contextmanager
def inter_slice_xapp(port: int, evaluations: int, updates: int) -> Iterator[None]:
    page = (
        f"hiso_xapp_trigger_evaluations_total {evaluations}\nhiso_xapp_inter_slice_updates_total {updates}\n".encode()
    )

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", port), Page)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_updates_and_evaluations_are_those_of_the_run_where_the_xapp_was_restarted() -> None:
    base = free_port_base()
    port = ports.port_of("xapp-inter", base)
    monitor = Monitor(base, ())

    def counted() -> tuple[bool, int, int]:
        view = monitor.agents()["inter"]
        return view.alive, view.trigger_evaluations, view.inter_slice_updates

    try:
        with inter_slice_xapp(port, 10, 4):
            assert counted() == (True, 10, 4)
        assert counted() == (False, 10, 4)
        with inter_slice_xapp(port, 3, 1):
            assert counted() == (True, 13, 5)
            assert counted() == (True, 13, 5)
    finally:
        monitor.close()
