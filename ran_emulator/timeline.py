"""Events that wait for their slots, in the order in which they are made."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ran_emulator.events import EVENT, EVENT_TYPES, TimedChange
from ran_emulator.scenario import Scenario
from ran_emulator.yaml_text import YamlError, parse_yaml
from service_kit.field_errors import field_errors

MAX_WAITING = 10_000
NEVER = 1 << 62


class TimelineError(ValueError):
    """A timeline that cannot be used; the message names entry, field and allowed range."""


class Timeline:
    """Events that wait, each with a number; of one slot they come in the order in which they were added."""

    def __init__(self) -> None:
        """Empty."""
        self._waiting: list[tuple[int, int, TimedChange]] = []
        self._numbers = 0

    def __len__(self) -> int:
        """Events that wait."""
        return len(self._waiting)

    @property
    def next_slot(self) -> int:
        """The first slot at which one is due."""
        return self._waiting[0][0] if self._waiting else NEVER

    def add(self, events: Sequence[TimedChange]) -> list[int]:
        """Take events; their numbers, which count up from 0.

        Raises:
            TimelineError: too many would wait; none was taken.
        """
        if len(self._waiting) + len(events) > MAX_WAITING:
            raise TimelineError(f"timeline: at most {MAX_WAITING} events may wait ({len(self._waiting)} do)")
        numbers = list(range(self._numbers, self._numbers + len(events)))
        for number, event in zip(numbers, events, strict=True):
            insort(self._waiting, (event.slot, number, event), key=lambda entry: entry[:2])
        self._numbers += len(events)
        return numbers

    def remove(self, number: int) -> None:
        """Take one away again.

        Raises:
            TimelineError: none of this number waits.
        """
        for place, entry in enumerate(self._waiting):
            if entry[1] == number:
                del self._waiting[place]
                return
        raise TimelineError(f"id: no event {number} waits")

    def clear(self) -> None:
        """Take all away."""
        self._waiting.clear()

    def due(self, slot: int) -> Iterator[TimedChange]:
        """Take out what is due at the start of a slot, or was before."""
        while self.next_slot <= slot:
            yield self._waiting.pop(0)[2]


def load_timeline(path: Path, scenario: Scenario) -> tuple[TimedChange, ...]:
    """Events from a YAML or JSON file: a list of entries, checked against the scenario.

    Raises:
        TimelineError: the file cannot be read, or an entry cannot be used: each wrong one with field and range.
    """
    try:
        data = parse_yaml(path.read_text(encoding="utf-8"))
    except YamlError as error:
        raise TimelineError(f"timeline: {path}: {error}") from error
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a name that no file can have
        raise TimelineError(f"timeline: {path} cannot be read: {error}") from error
    return parse_timeline(data, scenario)


def parse_timeline(data: Any, scenario: Scenario) -> tuple[TimedChange, ...]:
    """Events from plain data.

    Raises:
        TimelineError: each wrong entry, counted from 1, with field and range.
    """
    if not isinstance(data, list):
        raise TimelineError(f"timeline: must be a list of entries, not {type(data).__name__}")
    if len(data) > MAX_WAITING:
        raise TimelineError(f"timeline: must have 0..{MAX_WAITING} entries (given {len(data)})")
    events, wrong = [], []
    for place, entry in enumerate(data, 1):
        try:
            event = EVENT.validate_python(entry)
            event.check(scenario)
        except ValidationError as error:
            wrong += [f"entry {place}: {text}" for text in _complaints(error)]
        except ValueError as error:
            wrong.append(f"entry {place}: {error}")
        else:
            events.append(event)
    if wrong:
        raise TimelineError(f"timeline: {'; '.join(wrong)}")
    return tuple(events)


def _complaints(error: ValidationError) -> list[str]:
    """One text a wrong field of an entry."""
    items = error.errors()
    if items[0]["type"].startswith("union_tag"):
        return [f"change: must be one of {', '.join(EVENT_TYPES)}"]
    # The first part of a place is the kind of change; there is none where an entry has no fields.
    kind = EVENT_TYPES[str(items[0]["loc"][0])] if items[0]["loc"] else TimedChange
    return field_errors(((item["loc"][1:], item) for item in items), kind, whole="")
