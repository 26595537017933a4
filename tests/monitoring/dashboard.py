"""The dashboard as data: its panels and the queries behind them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MONITORING = Path(__file__).resolve().parents[2] / "monitoring"
DASHBOARD_FILE = MONITORING / "grafana" / "dashboards" / "hiso-coma.json"


@dataclass(frozen=True)
class Query:
    """One query of one panel (or annotation), with Grafana's variables."""

    panel: str
    expression: str

    def __str__(self) -> str:
        """A name for a test: the panel and the beginning of the expression."""
        return f"{self.panel}: {self.expression[:40]}"

    def at_rate_interval(self, interval: str) -> str:
        """The expression as Grafana sends it, for the given `$__rate_interval`."""
        return self.expression.replace("$__rate_interval", interval)

    def metrics(self) -> set[str]:
        """Names of the metrics that the expression reads."""
        return set(re.findall(r"\bhiso_[a-z0-9_]+", self.expression))


def load() -> dict[str, Any]:
    """The dashboard file."""
    content: dict[str, Any] = json.loads(DASHBOARD_FILE.read_text())
    return content


def panels() -> list[dict[str, Any]]:
    """All panels, rows among them."""
    found: list[dict[str, Any]] = load()["panels"]
    return found


def queries() -> list[Query]:
    """Every query that the dashboard sends, its annotations' included."""
    found = [Query(panel["title"], target["expr"]) for panel in panels() for target in panel.get("targets", [])]
    found += [Query(each["name"], each["expr"]) for each in load()["annotations"]["list"]]
    return found
