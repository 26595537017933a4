"""E2 traffic by RAN function, procedure and direction.

Bytes are those of each E2AP PDU as encoded, without the stream's own framing (E2Frame, gRPC, HTTP/2); heartbeats are
frames without PDUs and count nothing.
"""

from __future__ import annotations

FUNCTIONS = ("kpm", "budgets", "slot", "e2ap")
KPM, BUDGETS, SLOT, E2AP = range(len(FUNCTIONS))
"""`e2ap`: procedures that concern no RAN function."""

PROCEDURES = (
    "e2_setup",
    "ric_subscription",
    "ric_subscription_delete",
    "ric_indication",
    "ric_control",
    "error_indication",
    "reset",
    "ric_subscription_delete_required",
    "ric_service_update",
    "ric_service_query",
    "e2_node_configuration_update",
    "e2_removal",
)
(
    SETUP,
    SUBSCRIPTION,
    SUBSCRIPTION_DELETE,
    INDICATION,
    CONTROL,
    ERROR,
    RESET,
    DELETE_REQUIRED,
    SERVICE_UPDATE,
    SERVICE_QUERY,
    CONFIGURATION_UPDATE,
    REMOVAL,
) = range(len(PROCEDURES))

DIRECTIONS = ("to_ric", "to_node")
TO_RIC, TO_NODE = range(len(DIRECTIONS))

CELLS = len(FUNCTIONS) * len(PROCEDURES) * len(DIRECTIONS)


def labels() -> list[tuple[str, str, str]]:
    """(function, procedure, direction) of each cell of the counters, in their order."""
    return [(f, p, d) for f in FUNCTIONS for p in PROCEDURES for d in DIRECTIONS]


class E2Traffic:
    """Counters, flat lists in the order of `labels`."""

    def __init__(self) -> None:
        """All zero."""
        self.bytes = [0] * CELLS
        self.messages = [0] * CELLS

    def count(self, function: int, procedure: int, direction: int, size: int) -> None:
        """One PDU of `size` bytes."""
        cell = (function * len(PROCEDURES) + procedure) * 2 + direction
        self.bytes[cell] += size
        self.messages[cell] += 1


def nested(values: list[int]) -> dict[str, dict[str, dict[str, int]]]:
    """Counters as {function: {procedure: {direction: value}}}, without the procedures that never ran."""
    result: dict[str, dict[str, dict[str, int]]] = {}
    for (function, procedure, direction), value in zip(labels(), values, strict=True):
        if value:
            result.setdefault(function, {}).setdefault(procedure, {})[direction] = value
    return result
