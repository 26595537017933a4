"""A digest of the code that decides what a run gives: results of other code are not taken for this code's.

Unless they have been shown to be the same: `hiso experiment verify` makes runs of earlier code again and notes it.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_NOTE = "hiso/experiments/same_results.json"
_PACKAGES = ("hiso", "ran_emulator", "near_rt_ric", "xapps", "service_kit")
_IN_PROCESS = ("hiso.experiments.perform",)
_SYSTEM = (
    "hiso.experiments.whole_system",
    "hiso.commands.up",
    "near_rt_ric.__main__",
    "near_rt_ric.hot_loop",
    "ran_emulator.__main__",
    "ran_emulator.hot_loop",
    "xapps.inter_slice",
    "xapps.intra_slice",
)
"""What makes a run of the whole system, the command that it is, and what that starts."""

_CONTRACTS = "proto/hiso_proto/*.proto"
"""What goes over E2, whose bytes are counted."""


@dataclass(frozen=True, slots=True)
class SameResults:
    """A note that code gives the results of earlier code."""

    code: str
    earlier: str
    runs: int
    """That were made again."""
    left_out: tuple[str, ...] = ()
    """Kinds and schedulers of which none was, as the weights that they start from were not stored."""


@cache
def code_digest(root: Path = ROOT, *, system: bool = False) -> str:
    """SHA-256 under which a checkout's results are stored: of its code, or of earlier code whose results it gives.

    `system`: of a run of the whole system, as processes; such runs are never taken over.
    """
    if system:
        return own_digest(root, system=True)
    note = same_results(root)
    return own_digest(root) if note is None else note.earlier


@cache
def own_digest(root: Path, *, system: bool = False) -> str:
    """SHA-256 over the syntax trees of all modules that a run can import: comments and layout do not count.

    Of a run of the whole system over the contracts of its interfaces, too.
    """
    digest = hashlib.sha256()
    for name, tree in sorted(_reachable(root, *(_SYSTEM if system else _IN_PROCESS)).items()):
        digest.update(f"{name}\n{ast.dump(tree)}\n".encode())
    for path in sorted(root.glob(_CONTRACTS)) if system else ():
        digest.update(path.read_bytes())
    return digest.hexdigest()


def same_results(root: Path = ROOT) -> SameResults | None:
    """The note that a checkout has on its own code; None: there is none, or it is on other code."""
    try:
        found = json.loads((root / _NOTE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    note = SameResults(**{**found, "left_out": tuple(found.get("left_out", ()))})
    return note if note.code == own_digest(root) else None


def write_same_results(note: SameResults, root: Path = ROOT) -> Path:
    """Note that this code gives the results of earlier code; returns the file."""
    path = root / _NOTE
    path.write_text(json.dumps(asdict(note), indent=2) + "\n", encoding="utf-8")
    code_digest.cache_clear()
    return path


def _reachable(root: Path, *entries: str) -> dict[str, ast.Module]:
    found: dict[str, ast.Module] = {}
    waiting = [*entries]
    while waiting:
        name = waiting.pop()
        file = _file(root, name)
        if file is None or name in found:
            continue
        found[name] = ast.parse(file.read_text(encoding="utf-8"))
        waiting += _imported(found[name])
    return found


def _file(root: Path, name: str) -> Path | None:
    """The module's source; None: not one of ours, or a name inside a module."""
    if name.partition(".")[0] not in _PACKAGES:
        return None
    place = root.joinpath(*name.split("."))
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)


def _imported(tree: ast.Module) -> Iterator[str]:
    """Imports at any depth; a name imported from a package may be a module of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
