"""/timeline and /events: changes at simulated times, those that wait and those that were made.

The face keeps the book: it knows what was scheduled, and by the snapshot's slot what of it has happened. The slot loop
is asked only where something changes.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import Body as FromBody
from fastapi import FastAPI, Path, Query
from pydantic import BaseModel, Field

from ran_emulator.command_client import TIMEOUT_S, CommandClient
from ran_emulator.events import KEPT_EVENTS, Event, TimedChange
from ran_emulator.scenario import MAX_SLOTS

MAX_EVENTS_A_CALL = 100
"""What the slot loop can check between two slots without being late."""

CHANGES: dict[str, Any] = {
    "tags": ["change"],
    "responses": {
        403: {"description": "a page of another site asks (Host, Origin)"},
        422: {"description": "field and range of what is wrong; nothing has changed"},
        503: {
            "description": f"no slot began within {TIMEOUT_S:g} s: it is never made; or the slot loop is silent, "
            "after twice that time or when it ended: whether the change was made is not known. `detail` says which"
        },
    },
}
"""What every call that changes something says of itself."""


class Applied(BaseModel):
    """A change that was made."""

    slot: int = Field(description="the slot from whose start it holds")


class Scheduled(BaseModel):
    """Events that wait for their slots."""

    ids: list[int] = Field(description="in the order in which they were given")


class EventBook:
    """Events of this run: those that were scheduled, by number, and those that were made at once."""

    def __init__(self, timeline: Sequence[TimedChange]) -> None:
        """`timeline`: the events that the run started with; their numbers count from 0."""
        self._lock = threading.Lock()
        self._scheduled = {number: event.record() for number, event in enumerate(timeline)}
        self._past: deque[tuple[int, int, dict[str, Any]]] = deque(maxlen=KEPT_EVENTS)
        """(slot, number, event); what was made at once has -1: in its slot it came before what was scheduled."""

    def scheduled(self, numbers: Sequence[int], events: Sequence[TimedChange], next_slot: int) -> None:
        """Events wait, of `next_slot` and later."""
        with self._lock:
            self._turn_over(next_slot)
            self._scheduled.update({number: event.record() for number, event in zip(numbers, events, strict=True)})

    def removed(self, number: int | None, slot: int) -> None:
        """An event (None: all) waits no more, from a slot on."""
        with self._lock:
            for each, event in list(self._scheduled.items()):
                if number in (None, each) and event["at_slot"] >= slot:
                    del self._scheduled[each]

    def made(self, event: dict[str, Any], slot: int) -> None:
        """A change was made at once."""
        with self._lock:
            self._turn_over(slot)
            self._past.append((slot, -1, {"at_slot": slot, **event}))

    def waiting(self, next_slot: int) -> list[dict[str, Any]]:
        """Events of `next_slot` and later, with their numbers, in the order in which they will be made."""
        with self._lock:
            self._turn_over(next_slot)
            found = [{"id": number, **event} for number, event in self._scheduled.items()]
        return sorted(found, key=lambda event: event["at_slot"])

    def past(self, next_slot: int, from_slot: int) -> list[dict[str, Any]]:
        """Events that were made in `from_slot` and later, before `next_slot`."""
        with self._lock:
            self._turn_over(next_slot)
            found = [entry for entry in self._past if from_slot <= entry[0] < next_slot]
        return [event for *_, event in sorted(found, key=lambda entry: entry[:2])]

    def _turn_over(self, next_slot: int) -> None:
        """What was made before `next_slot` waits no more; in the order in which it was made, as the oldest go first."""
        made = sorted((event["at_slot"], number) for number, event in self._scheduled.items())
        for slot, number in itertools.takewhile(lambda each: each[0] < next_slot, made):
            self._past.append((slot, number, self._scheduled.pop(number)))


def add_timeline(app: FastAPI, read: Callable[[], Any | None], client: CommandClient, book: EventBook) -> None:
    """The calls, over a snapshot's reader, the way to the slot loop and the book of events."""

    def next_slot() -> int:
        record = read()
        return 0 if record is None else int(record["slot"])

    @app.get("/timeline", tags=["read"], summary="Events that wait for their slots")
    def waiting() -> list[dict[str, Any]]:
        return book.waiting(next_slot())

    @app.get("/events", tags=["read"], summary="Changes that were made, as a timeline that makes them again")
    def past(from_slot: Annotated[int, Query(ge=0, le=MAX_SLOTS)] = 0) -> list[dict[str, Any]]:
        return book.past(next_slot(), from_slot)

    @app.post("/timeline", summary="Have changes made at simulated times", **CHANGES)
    def schedule(
        events: Annotated[list[Event], FromBody(min_length=1, max_length=MAX_EVENTS_A_CALL)],
    ) -> Scheduled:
        ids = client.ask("schedule", events=[event.record() for event in events])["ids"]
        book.scheduled(ids, events, next_slot())
        return Scheduled(ids=ids)

    def unschedule(number: int | None) -> Applied:
        slot: int = client.ask("unschedule", id=number)["slot"]
        book.removed(number, slot)
        return Applied(slot=slot)

    @app.delete("/timeline", summary="Take all events that wait out of the timeline", **CHANGES)
    def remove_all() -> Applied:
        return unschedule(None)

    @app.delete("/timeline/{id}", summary="Take an event that waits out of the timeline", **CHANGES)
    def remove(id: Annotated[int, Path(ge=0, le=MAX_SLOTS)]) -> Applied:
        return unschedule(id)
