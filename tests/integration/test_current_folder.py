"""A file in the folder that a service is started from stands for no module of its processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from e2_test_node import Ric
from emulator_process import emulator


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a file in it that is called as a module of the standard library."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))  # one of relative folders was for another
    (tmp_path / "queue.py").write_text("raise ImportError('the current folder was searched')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_of_the_ric() -> None:
    Ric().close()


def test_of_the_emulator(folder: Path) -> None:
    with emulator(folder, "--clock", "lockstep", "--await", "embb") as node:
        node.wait_until_healthy()
