"""The emulator's face: HTTP in this process, the hot loop in a child; they start and end together."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from ran_emulator.arguments import USAGE_ERROR, parse_arguments
from ran_emulator.command_client import CommandClient
from ran_emulator.http.api import create_app
from ran_emulator.snapshot import FILE_NAME, SnapshotFile
from service_kit.addresses import listen
from service_kit.http_face import HttpFace
from service_kit.logs import configure_logs, fields
from service_kit.placement import give_way, pin
from service_kit.signals import stop_on_signals

_LOG = logging.getLogger(__name__)

END_S = 4.0
"""The hot loop is killed where it has not ended so long after it was asked to: before who starts us kills us (5 s)."""

_POLL_S = 0.1
_AS_ASKED = (0, -signal.SIGTERM, -signal.SIGINT)
"""Exit codes of a hot loop that ended as asked: a signal that comes before it minds them ends it as such."""


def main(argv: Sequence[str]) -> int:
    """Run until the hot loop or the face ends, or a signal comes; 0: both ended as asked, 2: wrong arguments."""
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
        [sys.executable, "-P", "-m", "ran_emulator.hot_loop", *argv, "--commands-fd", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    stop.forward_to(child)
    pin(arguments.face_cpu)
    give_way()
    face = HttpFace(create_app(arguments, snapshot.read, CommandClient(ours)), listener)
    return _serve(face, child, stop)


def _serve(face: HttpFace, child: subprocess.Popen[bytes], stop: _StopSignals) -> int:
    """Until the hot loop or the face ends; the exit code."""
    while child.poll() is None and face.serving:
        time.sleep(_POLL_S)
    face_ended = child.poll() is None
    if face_ended:
        _LOG.error("face_ended")
        stop.end(child)
    code = child.wait()
    face.stop()
    if code not in (_AS_ASKED if stop.asked or face_ended else (0,)):
        _LOG.error("hot_loop_died", extra=fields(exit_code=code))
        return 1
    return int(face_ended)


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
            self.end(child)

    def _on_signal(self) -> None:
        self.asked = True
        if self._child is not None:
            self.end(self._child)

    @staticmethod
    def end(child: subprocess.Popen[bytes]) -> None:
        """Ask the hot loop to end, and see to it that it does."""
        child.terminate()
        killer = threading.Timer(END_S, child.kill)
        killer.daemon = True
        killer.start()
