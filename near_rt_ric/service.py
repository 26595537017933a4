"""`python -m near_rt_ric`: starts the hot loop as a process of its own and serves the face."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from near_rt_ric import logs, placement
from near_rt_ric.endpoints import BusEndpoints, EndpointError
from near_rt_ric.hot_loop import USAGE_ERROR, HotLoopConfig
from near_rt_ric.http_api import AdminClient, create_app

_LOG = logging.getLogger(__name__)

_POLL_S = 0.1
_STOP_TIMEOUT_S = 5.0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(prog="near_rt_ric", description="Near-RT RIC platform")
    result.add_argument(
        "--e2-listen",
        action="append",
        required=True,
        metavar="ADDRESS",
        help="E2 over gRPC: unix:/path or host:port; may be given several times",
    )
    result.add_argument("--bus", required=True, metavar="ENDPOINT", help="ipc:///path or tcp://host:port")
    result.add_argument("--http-host", default="127.0.0.1")
    result.add_argument("--http-port", type=_port, default=36401)
    result.add_argument("--store", type=Path, required=True, metavar="FILE", help="SQLite file")
    result.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="sockets of this service")
    result.add_argument("--cpu", type=int, metavar="N", help="core of the hot loop")
    result.add_argument("--fifo", type=_priority, metavar="PRIORITY", help="SCHED_FIFO priority, 1..99")
    result.add_argument("--face-cpu", type=int, metavar="N", help="core of the HTTP face")
    return result


def _port(text: str) -> int:
    return _integer(text, 1, 65_535)


def _priority(text: str) -> int:
    return _integer(text, 1, 99)


def _integer(text: str, low: int, high: int) -> int:
    if not text.isdecimal() or not low <= int(text) <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not in {low}..{high}")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT (0), or until the hot loop dies (1); 2 where it cannot start."""
    options = parser().parse_args(arguments)
    logs.configure("near-rt-ric-http")
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    admin = f"ipc://{options.run_dir.resolve() / 'ric-admin'}"
    try:
        BusEndpoints.parse(options.bus)
        BusEndpoints.parse(admin)  # the same limit on the length of a path
        options.run_dir.mkdir(parents=True, exist_ok=True)
        listener = _listen(options.http_host, options.http_port)
    except (EndpointError, OSError) as error:
        _LOG.error("ric_cannot_start", extra={"fields": {"reason": str(error)}})
        return USAGE_ERROR
    config = HotLoopConfig(
        e2_listen=tuple(options.e2_listen),
        bus=options.bus,
        admin=admin,
        store=str(options.store),
        cpu=options.cpu,
        fifo=options.fifo,
    )
    # Before this process is pinned and niced: a child inherits both.
    with subprocess.Popen(
        [sys.executable, "-m", "near_rt_ric.hot_loop", config.to_json()], stdin=subprocess.PIPE
    ) as hot_loop:
        placement.pin(options.face_cpu)
        if options.face_cpu is not None:
            placement.be_nice()
        return _serve(listener, admin, hot_loop)


def _listen(host: str, port: int) -> socket.socket:
    """The HTTP listener, bound before anything else starts; raises EndpointError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise EndpointError(f"http-host, http-port: {host}:{port}: {error}") from error
    if not ipaddress.ip_address(listener.getsockname()[0]).is_loopback:
        _LOG.warning(
            "http_not_loopback",
            extra={"fields": {"host": host, "exposes": "state, reset and deletion, without credentials"}},
        )
    return listener


def _serve(listener: socket.socket, admin: str, hot_loop: subprocess.Popen[bytes]) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: stop.set())
    server = uvicorn.Server(
        uvicorn.Config(create_app(AdminClient(admin)), log_config=None, timeout_graceful_shutdown=1)
    )
    # Not in the main thread: there uvicorn takes the signals and raises them again after its own shutdown.
    face = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="http", daemon=True)
    face.start()
    while not stop.wait(_POLL_S) and hot_loop.poll() is None and face.is_alive():
        pass
    died = hot_loop.poll()
    server.should_exit = True
    if died is None:
        hot_loop.terminate()
        try:
            hot_loop.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            hot_loop.kill()
    face.join(timeout=2.0)
    if stop.is_set():
        return 0
    _LOG.error("hot_loop_died", extra={"fields": {"exit_code": died}})
    return USAGE_ERROR if died == USAGE_ERROR else 1
