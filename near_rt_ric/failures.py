"""Why what was asked of a node came to nothing, in words and as one of few kinds (HTTP statuses follow from them)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What came in the way."""

    UNKNOWN = "unknown"
    """There is no such node or subscription, or the node is not connected."""
    NO_ANSWER = "no_answer"
    """The node did not answer in time."""
    REFUSED = "refused"
    """The node refuses, or left before it answered."""
    MALFORMED = "malformed"
    """What was asked cannot be understood."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why it came to nothing; the text names node or field."""

    kind: Kind
    text: str


Done = Callable[[Failure | None], None]
"""Called once with what came in the way; None: it was done."""
