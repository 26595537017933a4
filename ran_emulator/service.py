"""The emulator's face: HTTP in this process, the hot loop in a child; they start and end together."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence

import uvicorn

from ran_emulator import logs, placement
from ran_emulator.arguments import Arguments, parse_arguments
from ran_emulator.command_client import CommandClient
from ran_emulator.http_api import create_app
from ran_emulator.logs import fields
from ran_emulator.snapshot import FILE_NAME, SnapshotFile

_LOG = logging.getLogger(__name__)

END_S = 5.0
"""The hot loop is killed where it has not ended so long after it was asked to."""


def main(argv: Sequence[str]) -> int:
    """Run until the hot loop ends or a signal comes; 0 where both ended as asked, 2 for wrong arguments."""
    arguments = parse_arguments(argv)
    logs.configure("ran-emulator-face")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        listener = _listen(arguments)
        arguments.run_dir.mkdir(parents=True, exist_ok=True)
        snapshot = SnapshotFile.create(arguments.run_dir / FILE_NAME, arguments.scenario.users)
    except OSError as error:
        _LOG.error("cannot start", extra=fields(reason=str(error)))
        return 1
    ours, theirs = socket.socketpair()
    stop = _StopSignals()
    child = subprocess.Popen(
        [sys.executable, "-m", "ran_emulator.hot_loop", *argv, "--commands-fd", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    stop.forward_to(child)
    placement.pin(arguments.face_cpu)
    placement.give_way()
    app = create_app(arguments, snapshot.read, CommandClient(ours))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1))
    face = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="http", daemon=True)
    face.start()
    code = child.wait()
    server.should_exit = True
    face.join(END_S)
    if code and not stop.asked:
        _LOG.error("the hot loop failed", extra=fields(exit_code=code))
        return 1
    return 0


class _StopSignals:
    """SIGTERM and SIGINT end the hot loop, and so this process; a loop that does not end is killed."""

    def __init__(self) -> None:
        self.asked = False
        self._child: subprocess.Popen[bytes] | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def forward_to(self, child: subprocess.Popen[bytes]) -> None:
        """Name the hot loop, once it runs."""
        self._child = child
        if self.asked:
            self._end(child)

    def _on_signal(self, *_: object) -> None:
        self.asked = True
        if self._child is not None:
            self._end(self._child)

    @staticmethod
    def _end(child: subprocess.Popen[bytes]) -> None:
        child.terminate()
        killer = threading.Timer(END_S, child.kill)
        killer.daemon = True
        killer.start()


def _listen(arguments: Arguments) -> socket.socket:
    """The HTTP socket; raises OSError naming the address."""
    family = socket.AF_INET6 if ":" in arguments.http_host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((arguments.http_host, arguments.http_port))
    except OSError as error:
        listener.close()
        raise OSError(f"{arguments.http_host}:{arguments.http_port}: {error.strerror}") from error
    return listener
