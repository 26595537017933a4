"""What every xApp process needs around its loop: flags, logs, placement, health and metrics, a clean stop."""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

_LOG = logging.getLogger(__name__)

_SWITCH_INTERVAL_S = 1e-4
"""A thread that holds the interpreter's lock gives it up after this: the default of 5 ms is ten slots."""

_COLLECT_S = 1.0

Health = Callable[[], tuple[bool, dict[str, Any]]]
"""Whether the service can do its work, and what it says beside it."""


class ServiceError(Exception):
    """A service cannot start; the message names flag and reason."""


# Flags -----------------------------------------------------------------------------------------------


def base_parser(prog: str, description: str, *, metrics_port: int) -> argparse.ArgumentParser:
    """A parser with the flags that every host has; `metrics_port` is the default of --metrics-port."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("--bus", required=True, metavar="ENDPOINT", help="the RIC's: ipc:///path or tcp://host:port")
    parser.add_argument("--policy", required=True, metavar="NAME")
    parser.add_argument("--seed", type=integer_in(0, 2**63 - 1), default=0)
    parser.add_argument("--metrics-host", default="127.0.0.1")
    parser.add_argument("--metrics-port", type=integer_in(1, 65_535), default=metrics_port)
    parser.add_argument("--cpu", type=integer_in(0, 4_095), metavar="N", help="core of this process")
    parser.add_argument("--fifo", type=integer_in(1, 99), metavar="PRIORITY", help="SCHED_FIFO priority, 1..99")
    return parser


def integer_in(low: int, high: int) -> Callable[[str], int]:
    """An argparse type: an integer in low..high."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not in {low}..{high}")
        return int(text)

    return parse


# Logs ------------------------------------------------------------------------------------------------


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time (UTC), level, service, event, and the fields of `extra={"fields": ...}`."""

    def __init__(self, service: str) -> None:
        """`service`: the name in every record."""
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "event": record.getMessage(),
        }
        entry.update(getattr(record, "fields", {}))
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def configure_logs(service: str, level: int = logging.INFO) -> None:
    """Send every log record of this process to stderr as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


# Placement -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Placement:
    """What was granted: the core, and whether the process runs under SCHED_FIFO."""

    cpu: int | None
    sched_fifo: bool


def place(cpu: int | None, fifo: int | None) -> Placement:
    """Pin the process and take SCHED_FIFO where asked and allowed; call it before any thread starts.

    What is refused is logged and gone without.
    """
    pinned = None
    if cpu is not None:
        try:
            os.sched_setaffinity(0, {cpu})
            pinned = cpu
        except (AttributeError, OSError) as error:
            _LOG.warning("cpu_pinning_refused", extra={"fields": {"cpu": cpu, "reason": str(error)}})
    granted = False
    if fifo is not None:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(fifo))
            granted = True
        except (AttributeError, OSError) as error:
            _LOG.warning("sched_fifo_refused", extra={"fields": {"priority": fifo, "reason": str(error)}})
    return Placement(pinned, granted)


def yield_priority() -> None:
    """Take the calling thread out of SCHED_FIFO: what it does is not urgent."""
    try:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except (AttributeError, OSError):
        return  # it runs as it was started


@contextmanager
def calm_interpreter() -> Iterator[None]:
    """Freeze what lives and collect garbage once a second from a thread of its own, not when the loop allocates."""
    stop = threading.Event()

    def collect() -> None:
        while not stop.wait(_COLLECT_S):
            gc.collect()

    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()
    gc.disable()
    thread = threading.Thread(target=collect, name="collector", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        gc.enable()
        gc.unfreeze()


# Health and metrics ----------------------------------------------------------------------------------


class MetricsServer:
    """`/healthz` and `/metrics` from a thread below the loop's priority."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry, health: Health) -> None:
        """Bind at once; raises ServiceError where the address is taken."""
        handler = type("Handler", (_Handler,), {"registry": registry, "health": staticmethod(health)})
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except OSError as error:
            raise ServiceError(f"metrics-host, metrics-port: {host}:{port}: {error}") from error
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._serve, name="metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _serve(self) -> None:
        yield_priority()  # the threads that it starts inherit this
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


# Stop ------------------------------------------------------------------------------------------------


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` on SIGTERM and SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: stop())
