"""The emulator's face: HTTP in this process, the hot loop in a child; they start and end together."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence

from ran_emulator.arguments import USAGE_ERROR, parse_arguments
from ran_emulator.command_client import CommandClient
from ran_emulator.http_api import create_app
from ran_emulator.snapshot import FILE_NAME, SnapshotFile
from service_kit.addresses import listen
from service_kit.http_face import HttpFace
from service_kit.logs import configure_logs, fields
from service_kit.placement import give_way, pin
from service_kit.signals import stop_on_signals

_LOG = logging.getLogger(__name__)

END_S = 5.0
"""The hot loop is killed where it has not ended so long after it was asked to."""


def main(argv: Sequence[str]) -> int:
    """Run until the hot loop ends or a signal comes; 0 where both ended as asked, 2 for wrong arguments."""
    arguments = parse_arguments(argv)
    configure_logs("ran-emulator-face")
    try:
        arguments.run_dir.mkdir(parents=True, exist_ok=True)
        snapshot = SnapshotFile.create(arguments.run_dir / FILE_NAME, arguments.scenario.users)
    except OSError as error:
        reason = f"run-dir: {arguments.run_dir} cannot be used: {error.strerror}"
        _LOG.error("emulator_cannot_start", extra=fields(reason=reason))
        return USAGE_ERROR
    try:
        listener = listen(arguments.http_host, arguments.http_port)
    except OSError as error:
        _LOG.error("emulator_cannot_start", extra=fields(reason=str(error)))
        return 1
    ours, theirs = socket.socketpair()
    stop = _StopSignals()
    child = subprocess.Popen(
        [sys.executable, "-m", "ran_emulator.hot_loop", *argv, "--commands-fd", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    stop.forward_to(child)
    pin(arguments.face_cpu)
    give_way()
    face = HttpFace(create_app(arguments, snapshot.read, CommandClient(ours)), listener)
    code = child.wait()
    face.stop()
    if code and not stop.asked:
        _LOG.error("hot_loop_died", extra=fields(exit_code=code))
        return 1
    return 0


class _StopSignals:
    """SIGTERM and SIGINT end the hot loop, and so this process; a loop that does not end is killed."""

    def __init__(self) -> None:
        self.asked = False
        self._child: subprocess.Popen[bytes] | None = None
        stop_on_signals(self._on_signal)

    def forward_to(self, child: subprocess.Popen[bytes]) -> None:
        """Name the hot loop, once it runs."""
        self._child = child
        if self.asked:
            self._end(child)

    def _on_signal(self) -> None:
        self.asked = True
        if self._child is not None:
            self._end(self._child)

    @staticmethod
    def _end(child: subprocess.Popen[bytes]) -> None:
        child.terminate()
        killer = threading.Timer(END_S, child.kill)
        killer.daemon = True
        killer.start()
