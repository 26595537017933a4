"""What surrounds the work of every process: logs, placement, addresses, health and metrics, a clean stop."""

from __future__ import annotations

import gc
import json
import logging
import os
import platform
import signal
import socket
import subprocess
import sys
import threading

import httpx
import pytest
from free_ports import has_ipv6_loopback
from prometheus_client import CollectorRegistry, Gauge
from starlette.types import Receive, Scope, Send

from service_kit.addresses import is_loopback, listen
from service_kit.http_face import HttpFace
from service_kit.interpreter import calm_interpreter
from service_kit.logs import JsonFormatter, fields
from service_kit.metrics_server import MetricsServer, ServiceError
from service_kit.signals import stop_on_signals


def test_logs_are_one_json_object_a_line() -> None:
    logger = logging.getLogger("service-kit-test")
    record = logger.makeRecord("x", logging.WARNING, "", 0, "event_name", (), None, extra=fields(slice=1, path=object))
    line = json.loads(JsonFormatter("xapp").format(record))
    assert (line["service"], line["level"], line["event"], line["slice"]) == ("xapp", "warning", "event_name", 1)
    assert "object" in line["path"]


def test_a_logged_exception_stays_on_its_line() -> None:
    error = ValueError("first\nsecond")
    record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", None, (ValueError, error, None))
    text = JsonFormatter("ric").format(record)
    assert "\n" not in text
    assert "ValueError" in json.loads(text)["exception"]


def test_placement_that_is_refused_is_logged_and_gone_without() -> None:
    script = (
        "from service_kit.logs import configure_logs; from service_kit.placement import place;"
        "configure_logs('x'); print(place(4095, None))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Placement(cpu=None, sched_fifo=False)" in done.stdout
    assert json.loads(done.stderr)["event"] == "cpu_pinning_refused"


def test_the_collector_is_off_inside_and_on_again_outside() -> None:
    before, interval = gc.isenabled(), sys.getswitchinterval()
    try:
        with calm_interpreter():
            assert not gc.isenabled()
        assert gc.isenabled() == before
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_an_address_that_is_taken_is_named() -> None:
    with listen("127.0.0.1", 0) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port}"):
            listen("127.0.0.1", port)


def test_an_application_is_served_until_it_is_stopped() -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] in ("http", "lifespan")
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": scope["path"].encode()})

    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    face = HttpFace(application, listener)
    with httpx.Client(transport=httpx.HTTPTransport(retries=5)) as client:
        assert client.get(f"http://127.0.0.1:{port}/there").text == "/there"
    assert face.serving
    face.stop()
    assert not face.serving
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", port), 1):
        pass


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6_loopback(), reason="there is no IPv6 here")),
    ],
)
def test_health_and_metrics_are_served_and_health_follows_the_service(host: str) -> None:
    registry = CollectorRegistry()
    Gauge("hiso_xapp_connected", "connected", registry=registry).set(1)
    healthy = [True]
    server = MetricsServer(host, 0, registry, lambda: (healthy[0], {"policy": "p"}))
    try:
        url = server.url
        assert httpx.get(f"{url}/healthz").json() == {"status": "ok", "policy": "p"}
        assert "hiso_xapp_connected 1.0" in httpx.get(f"{url}/metrics").text
        assert httpx.get(f"{url}/other").status_code == 404
        healthy[0] = False
        assert httpx.get(f"{url}/healthz").status_code == 503
        with pytest.raises(ServiceError, match=str(server.port)):
            MetricsServer(host, server.port, registry, lambda: (True, {}))
    finally:
        server.stop()


def test_sigterm_stops() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    stopped = threading.Event()
    try:
        stop_on_signals(stopped.set)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped.wait(2)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_what_serves_metrics_is_below_the_loop_and_above_normal_processes() -> None:
    code = """
import os, threading
from service_kit.placement import lower_fifo, take_fifo

def of_this_thread():
    return os.sched_getscheduler(0) == os.SCHED_FIFO, os.sched_getparam(0).sched_priority

found = []
fifo = take_fifo(10)
thread = threading.Thread(target=lambda: (lower_fifo(), found.append(of_this_thread())))
thread.start()
thread.join()
assert found == [(True, 1) if fifo else (False, 0)], found
assert of_this_thread() == ((True, 10) if fifo else (False, 0))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(
    sys.platform != "linux" or tuple(map(int, platform.release().split(".")[:2])) < (6, 12),
    reason="turns of one's own length are Linux 6.12's",
)
def test_without_fifo_a_loop_and_its_threads_have_short_turns() -> None:
    code = """
import ctypes, os, struct, threading
from service_kit.placement import TURN_NS, _SCHED_SETATTR, place
import platform

def turn_of_this_thread():
    attributes = ctypes.create_string_buffer(56)
    get = ctypes.c_long(_SCHED_SETATTR[platform.machine()] + 1)
    assert ctypes.CDLL(None).syscall(get, 0, attributes, 56, 0) == 0
    return struct.unpack_from("=Q", attributes, 24)[0]

found = [turn_of_this_thread()]
os.nice(3)
assert place(None, None).sched_fifo is False
thread = threading.Thread(target=lambda: found.append(turn_of_this_thread()))
thread.start()
thread.join()
assert found[0] != TURN_NS == found[1] == turn_of_this_thread(), found
assert os.nice(0) == 3
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
