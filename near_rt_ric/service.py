"""`python -m near_rt_ric`: starts the hot loop as a process of its own and serves the face."""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from near_rt_ric.admin_client import AdminClient
from near_rt_ric.endpoints import MAX_IPC_PATH_BYTES, BusEndpoints, EndpointError, wildcard_as_loopback
from near_rt_ric.hot_loop import USAGE_ERROR, HotLoopConfig
from near_rt_ric.http_api import create_app
from near_rt_ric.xapp_manager.containers import ContainerBackend
from near_rt_ric.xapp_manager.manager import XAppManager
from near_rt_ric.xapp_manager.processes import ChildPlacement, ProcessBackend
from service_kit import flags
from service_kit.addresses import is_loopback, listen
from service_kit.exposure import add_expose_flag, require_exposed
from service_kit.http_face import HttpFace
from service_kit.logs import configure_logs, fields
from service_kit.placement import give_way, pin
from service_kit.signals import Stop, stop_on_signals

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
    result.add_argument("--http-port", type=flags.port, default=26401)
    add_expose_flag(
        result,
        "connect as an E2 node (--e2-listen), register as an xApp, subscribe and control nodes (--bus), read all "
        "state, reset, remove and query nodes and delete subscriptions (--http-host)",
    )
    result.add_argument(
        "--expose-deploy",
        action="store_true",
        help="deploy xApps although --http-host is beyond loopback: whoever reaches it may run any program as this "
        "user, and containers of its engine, without credentials",
    )
    result.add_argument("--store", type=Path, required=True, metavar="FILE", help="SQLite file")
    result.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="sockets of this service")
    result.add_argument("--cpu", type=flags.core, metavar="N", help="core of the hot loop")
    result.add_argument("--fifo", type=flags.fifo_priority, metavar="PRIORITY", help="SCHED_FIFO priority, 1..99")
    result.add_argument("--face-cpu", type=flags.core, metavar="N", help="core of the HTTP face")
    return result


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Flags; ends the process (2) where they cannot be used."""
    line = parser()
    options = line.parse_args(arguments)
    require_exposed(line, options.expose, http_host=options.http_host)
    if options.bus.startswith("tcp://"):  # what is neither this nor ipc:/// is refused as such
        require_exposed(line, options.expose, bus=options.bus)
    for address in options.e2_listen:
        require_exposed(line, options.expose, e2_listen=address)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT (0), or until the hot loop or the face dies (1); 2 where it cannot start."""
    options = parse_arguments(arguments)
    configure_logs("near-rt-ric-http")
    stop = Stop()
    stop_on_signals(stop.set)
    admin = f"ipc://{options.run_dir.resolve() / 'ric-admin'}"
    try:
        BusEndpoints.parse(options.bus)
        _make_folder(options.run_dir, admin.removeprefix("ipc://"))
        listener = listen(options.http_host, options.http_port)
    except (EndpointError, OSError) as error:
        _LOG.error("ric_cannot_start", extra=fields(reason=str(error)))
        return USAGE_ERROR
    config = HotLoopConfig(
        e2_listen=tuple(options.e2_listen),
        bus=options.bus,
        admin=admin,
        store=str(options.store),
        cpu=options.cpu,
        fifo=options.fifo,
    )
    client = AdminClient(admin)
    # Before this process is pinned and niced: children, and threads that start some, inherit both.
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "near_rt_ric.hot_loop", config.to_json()], stdin=subprocess.PIPE
    ) as hot_loop:
        manager = _manager(options, client)
        pin(options.face_cpu)
        if options.face_cpu is not None:
            give_way()
        anywhere = options.expose_deploy or not is_loopback(options.http_host)
        app = create_app(client, manager, anywhere=anywhere)
        return _serve(HttpFace(app, listener), manager, hot_loop, stop)


def _make_folder(path: Path, longest_socket: str) -> None:
    if len(longest_socket.encode()) > MAX_IPC_PATH_BYTES:
        raise EndpointError(f"run-dir: {path}: sockets in it may have paths of at most {MAX_IPC_PATH_BYTES} bytes")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EndpointError(f"run-dir: {path} cannot be used: {error.strerror}") from error


def _manager(options: argparse.Namespace, client: AdminClient) -> XAppManager | None:
    """The xApp manager, where deployment may be offered."""
    if not (is_loopback(options.http_host) or options.expose_deploy):
        return None
    bus = wildcard_as_loopback(options.bus)
    placement = ChildPlacement(hot_cpu=options.cpu, hot_fifo=options.fifo, face_cpu=options.face_cpu)
    processes = ProcessBackend(options.run_dir.resolve() / "deployed", bus, placement)
    return XAppManager(options.store, processes, ContainerBackend(options.store, bus, placement), client.ask)


def _serve(face: HttpFace, manager: XAppManager | None, hot_loop: subprocess.Popen[bytes], stop: Stop) -> int:
    if manager is not None:
        manager.start()
    while not stop.wait(_POLL_S) and hot_loop.poll() is None and face.serving:
        pass
    died = hot_loop.poll()
    if manager is not None:
        manager.close()
    if died is None:
        hot_loop.terminate()
        try:
            hot_loop.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            hot_loop.kill()
    face.stop()
    if stop.is_set():
        return 0
    if died is None:
        _LOG.error("face_ended")
        return 1
    _LOG.error("hot_loop_died", extra=fields(exit_code=died))
    return USAGE_ERROR if died == USAGE_ERROR else 1
