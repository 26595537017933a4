"""`make`: kernels are compiled anew when any file that makes one, or has its constants, has changed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DECORATED = re.compile(r"^@(state_|inline_)?kernel\b", re.MULTILINE)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_every_file_with_a_kernel_is_a_source_of_the_warm_up() -> None:
    command = ["make", "--print-data-base", "--question", "clean"]
    database = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    (rule,) = re.findall(r"^\.venv/\.kernels: (.*)$", database, re.MULTILINE)
    packages = [ROOT / name for name in ("ran_emulator", "xapps", "hiso")]
    expected = {
        str(path.relative_to(ROOT))
        for package in packages
        for path in package.rglob("*.py")
        if DECORATED.search(path.read_text())
    }
    assert len(expected) > 10
    constants = {"ran_emulator/phy/jit.py", "ran_emulator/state.py", "ran_emulator/scenario.py"}
    assert expected | constants <= set(rule.split())
