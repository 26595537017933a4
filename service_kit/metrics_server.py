"""`/healthz` and `/metrics` and nothing else, for a process without an HTTP face of its own."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from service_kit.addresses import family, in_url
from service_kit.placement import lower_fifo

Health = Callable[[], tuple[bool, dict[str, Any]]]
"""Whether the service can do its work, and what it says beside it."""


class ServiceError(Exception):
    """A service cannot start; the message names flag and reason."""


class MetricsServer:
    """`/healthz` and `/metrics` from a thread below the loop's priority."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry, health: Health) -> None:
        """Bind at once; raises ServiceError where the address is taken."""
        handler = type("Handler", (_Handler,), {"registry": registry, "health": staticmethod(health)})
        server = type("Server", (ThreadingHTTPServer,), {"address_family": family(host), "daemon_threads": True})
        try:
            self._server: ThreadingHTTPServer = server((host, port), handler)
        except OSError as error:
            raise ServiceError(f"metrics-host, metrics-port: {host}:{port}: {error}") from error
        self.port = self._server.server_address[1]
        reachable = socket.gethostname() if host in ("0.0.0.0", "::") else in_url(host)
        self.url = f"http://{reachable}:{self.port}"
        self._thread = threading.Thread(target=self._serve, name="metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _serve(self) -> None:
        lower_fifo()
        self._server.serve_forever(poll_interval=0.25)


class _Handler(BaseHTTPRequestHandler):
    registry: CollectorRegistry
    health: Health
    timeout = 5.0

    def do_GET(self) -> None:
        if self.path == "/healthz":
            healthy, said = self.health()
            body = json.dumps({"status": "ok" if healthy else "unavailable", **said}).encode()
            self._answer(200 if healthy else 503, "application/json", body)
        elif self.path == "/metrics":
            self._answer(200, CONTENT_TYPE_LATEST, generate_latest(self.registry))
        else:
            self._answer(404, "application/json", b'{"detail": "there are /healthz and /metrics"}')

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Scrapes are not logged."""
