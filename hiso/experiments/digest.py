"""A digest of the code that decides what a run gives: results of other code are not taken for this code's."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("hiso", "ran_emulator", "xapps")
_ENTRY = "hiso.experiments.perform"


@cache
def code_digest() -> str:
    """SHA-256 over the syntax trees of all modules that a run can import: comments and layout do not count."""
    digest = hashlib.sha256()
    for name, tree in sorted(_reachable().items()):
        digest.update(f"{name}\n{ast.dump(tree)}\n".encode())
    return digest.hexdigest()


def _reachable() -> dict[str, ast.Module]:
    found: dict[str, ast.Module] = {}
    waiting = [_ENTRY]
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
