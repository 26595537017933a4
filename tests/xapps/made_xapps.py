"""The slicing xApps as their command lines make them, in this process and not run."""

from __future__ import annotations

from typing import Any

import pytest


def made(monkeypatch: pytest.MonkeyPatch, module: Any, kind: str, *flags: str) -> Any:
    """The xApp that a module's command line makes, not run."""
    hosts: list[Any] = []

    def run(host: Any) -> int:
        hosts.append(host)
        return 0

    monkeypatch.setattr(getattr(module, kind), "run", run)
    module.main(["--bus", "ipc:///nowhere", *flags])
    return hosts[0]
