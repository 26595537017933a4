"""How the emulator's two processes end together, and with which exit code."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from ran_emulator.service import _serve, _StopSignals


@dataclass
class Face:
    """Of the HTTP face what is looked at."""

    serving: bool = True
    stopped: bool = False

    def stop(self) -> None:
        self.stopped = True


class Stop:
    """Signals that have come, or not."""

    end = staticmethod(_StopSignals.end)

    def __init__(self, asked: bool) -> None:
        self.asked = asked


def hot_loop(program: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", program])


def ends_by(name: str) -> str:
    return f"import os, signal; os.kill(os.getpid(), signal.{name})"


@pytest.mark.parametrize(
    ("program", "asked", "code"),
    [
        ("", False, 0),
        ("", True, 0),
        (ends_by("SIGTERM"), True, 0),  # it did not mind signals yet
        ("raise OSError", True, 1),  # the summary, say, could not be written
        (ends_by("SIGKILL"), True, 1),
        ("raise OSError", False, 1),
        (ends_by("SIGTERM"), False, 1),
    ],
)
def test_the_exit_code_says_whether_the_hot_loop_ended_as_asked(program: str, asked: bool, code: int) -> None:
    face: Any = Face()
    stop: Any = Stop(asked)
    assert _serve(face, hot_loop(program), stop) == code
    assert face.stopped


def test_the_hot_loop_does_not_outlive_the_face(caplog: pytest.LogCaptureFixture) -> None:
    face: Any = Face(serving=False)
    stop: Any = Stop(asked=False)
    child = hot_loop("import time; time.sleep(60)")
    assert _serve(face, child, stop) == 1
    assert child.poll() is not None
    assert [(each.message, each.levelno) for each in caplog.records] == [("face_ended", logging.ERROR)]
