"""What surrounds an xApp's loop: flags, logs, placement, health and metrics, a clean stop."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import subprocess
import sys
import threading

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge

from xapps.sdk import service


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ([], "--bus"),
        (["--bus", "b"], "--policy"),
        (["--bus", "b", "--policy", "p", "--fifo", "0"], "1..99"),
        (["--bus", "b", "--policy", "p", "--seed", "-1"], "--seed"),
        (["--bus", "b", "--policy", "p", "--metrics-port", "65536"], "1..65535"),
    ],
)
def test_bad_flags_exit_with_2_and_are_named(capsys, flags, named):
    with pytest.raises(SystemExit) as stopped:
        service.base_parser("x", "an xApp", metrics_port=1).parse_args(flags)
    assert stopped.value.code == 2
    assert named in capsys.readouterr().err


def test_logs_are_one_json_object_a_line():
    record = logging.LogRecord("x", logging.WARNING, "", 0, "event_name", None, None)
    record.fields = {"slice": 1}
    line = json.loads(service.JsonFormatter("xapp").format(record))
    assert (line["service"], line["level"], line["event"], line["slice"]) == ("xapp", "warning", "event_name", 1)


def test_health_and_metrics_are_served_and_health_follows_the_service():
    registry = CollectorRegistry()
    Gauge("hiso_xapp_connected", "connected", registry=registry).set(1)
    healthy = [True]
    server = service.MetricsServer("127.0.0.1", 0, registry, lambda: (healthy[0], {"policy": "p"}))
    try:
        url = f"http://127.0.0.1:{server.port}"
        assert httpx.get(f"{url}/healthz").json() == {"status": "ok", "policy": "p"}
        assert "hiso_xapp_connected 1.0" in httpx.get(f"{url}/metrics").text
        assert httpx.get(f"{url}/other").status_code == 404
        healthy[0] = False
        assert httpx.get(f"{url}/healthz").status_code == 503
        with pytest.raises(service.ServiceError, match=str(server.port)):
            service.MetricsServer("127.0.0.1", server.port, registry, lambda: (True, {}))
    finally:
        server.stop()


def test_the_collector_is_off_inside_and_on_again_outside():
    before, interval = gc.isenabled(), sys.getswitchinterval()
    try:
        with service.calm_interpreter():
            assert not gc.isenabled()
        assert gc.isenabled() == before
    finally:
        sys.setswitchinterval(interval)


def test_placement_that_is_refused_is_logged_and_gone_without(caplog):
    script = "from xapps.sdk.service import *; configure_logs('x'); print(place(4095, None))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Placement(cpu=None, sched_fifo=False)" in done.stdout
    assert "cpu_pinning_refused" in done.stderr


def test_sigterm_stops():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    stopped = threading.Event()
    try:
        service.stop_on_signals(stopped.set)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped.wait(2)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
