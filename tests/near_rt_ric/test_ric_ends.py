"""What the RIC's log says where one of its two processes has ended by itself."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from near_rt_ric.service import _serve
from service_kit.signals import Stop


@pytest.mark.parametrize(
    ("serving", "program", "event"),
    [(False, "import time; time.sleep(60)", "face_ended"), (True, "raise OSError", "hot_loop_died")],
)
def test_the_log_names_the_one_that_ended(
    serving: bool, program: str, event: str, caplog: pytest.LogCaptureFixture
) -> None:
    face: Any = SimpleNamespace(serving=serving, stop=lambda: None)
    with subprocess.Popen([sys.executable, "-c", program]) as hot_loop:
        assert _serve(face, None, hot_loop, Stop()) == 1
    assert [each.message for each in caplog.records] == [event]
