"""How rounds of tests differ: fewer examples where another round tries as many as usual, and what shares a process."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("few", max_examples=20)

ONE_PROCESS = "tests/compose/"
"""Tests that share a container engine."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadfile`: a file at a time, and of one folder all files, in one process."""
    from xdist.scheduler import LoadFileScheduling

    class ByFileOrFolder(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if nodeid.startswith(ONE_PROCESS):
                return ONE_PROCESS
            return str(super()._split_scope(nodeid))

    return ByFileOrFolder(config, log) if config.getvalue("dist") == "loadfile" else None
