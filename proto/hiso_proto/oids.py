"""Object identifiers of the three RAN functions: a function is found by its OID, never by its number."""

from __future__ import annotations

KPM_OID = "1.3.6.1.4.1.53148.1.2.2.2"
"""ORAN-E2SM-KPM, in the O-RAN arc."""

BUDGETS_OID = "2.25.218744731045126937715270571405322460161"
"""HISO-E2SM-BUDGETS, in the UUID arc."""

SLOT_OID = "2.25.218744731045126937715270571405322460162"
"""HISO-E2SM-SLOT, in the UUID arc."""
