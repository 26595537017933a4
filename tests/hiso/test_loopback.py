"""Requests to services of a local run."""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hiso.loopback import LoopbackClient


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the loopback has one address")
@pytest.mark.parametrize("kept", [True, False])
def test_a_request_takes_no_port_that_a_service_may_want(kept: bool) -> None:
    came_from: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came_from.append(self.client_address[0])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = LoopbackClient(server.server_port)
        if kept:
            client.text("/")
        else:
            client.ask("GET", "/", timeout_s=5)
        client.close()
        server.shutdown()
    assert came_from == ["127.0.0.2"]
