"""Log events are names, to be searched for: what differs from one to the next is in their fields."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("ran_emulator", "near_rt_ric", "xapps", "service_kit", "hiso")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def logged_events() -> list[tuple[str, ast.expr]]:
    """(place, first argument) of each call of a module's `_LOG`."""
    found = []
    for path in (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            logger = call.func.value
            if call.func.attr in LEVELS and isinstance(logger, ast.Name) and logger.id == "_LOG":
                found.append((f"{path.relative_to(ROOT)}:{call.lineno}", call.args[0]))
    return found


def test_log_events_are_snake_case_names() -> None:
    events = logged_events()
    assert len(events) > 30
    constants = [(place, event.value) for place, event in events if isinstance(event, ast.Constant)]
    assert [item for item in constants if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", str(item[1]))] == []
    assert [place for place, event in events if not isinstance(event, ast.Constant | ast.Name)] == []
