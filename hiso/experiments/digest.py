"""A digest of the code that decides what a run gives: results of other code are not taken for this code's."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("hiso", "ran_emulator", "near_rt_ric", "xapps")
_IN_PROCESS = ("hiso.experiments.perform",)
_SYSTEM = (
    "hiso.experiments.whole_system",
    "hiso.launcher",
    "near_rt_ric.__main__",
    "near_rt_ric.hot_loop",
    "ran_emulator.__main__",
    "ran_emulator.hot_loop",
    "xapps.inter_slice",
    "xapps.intra_slice",
)
"""What makes a run of the whole system, and what that starts."""


@cache
def code_digest(*, system: bool = False) -> str:
    """SHA-256 over the syntax trees of all modules that a run can import: comments and layout do not count.

    `system`: of a run of the whole system, as processes.
    """
    digest = hashlib.sha256()
    for name, tree in sorted(_reachable(*(_SYSTEM if system else _IN_PROCESS)).items()):
        digest.update(f"{name}\n{ast.dump(tree)}\n".encode())
    return digest.hexdigest()


def _reachable(*entries: str) -> dict[str, ast.Module]:
    found: dict[str, ast.Module] = {}
    waiting = [*entries]
    while waiting:
        name = waiting.pop()
        file = _file(name)
        if file is None or name in found:
            continue
        found[name] = ast.parse(file.read_text(encoding="utf-8"))
        waiting += _imported(found[name])
    return found


def _file(name: str) -> Path | None:
    """The module's source; None: not one of ours, or a name inside a module."""
    if name.partition(".")[0] not in _PACKAGES:
        return None
    place = _ROOT.joinpath(*name.split("."))
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)


def _imported(tree: ast.Module) -> Iterator[str]:
    """Imports at any depth; a name imported from a package may be a module of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
