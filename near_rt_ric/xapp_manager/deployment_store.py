"""Deployments in the RIC's SQLite file: what was deployed, and whether it is to run."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from pydantic import ValidationError

from near_rt_ric.xapp_manager.descriptor import Descriptor
from near_rt_ric.xapp_manager.errors import NotReadyError
from service_kit.logs import fields

_LOG = logging.getLogger(__name__)

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS deployments (name TEXT PRIMARY KEY, descriptor TEXT NOT NULL, wanted INTEGER NOT NULL)"
)
_BUSY_S = 5.0


class DeploymentStore:
    """A table of its own beside those of the hot loop; each change is written before it is answered."""

    def __init__(self, path: Path) -> None:
        """Open it after the hot loop has opened the file; raises NotReadyError."""
        self._path = path
        self._execute(_SCHEMA)

    def load(self) -> list[tuple[Descriptor, bool]]:
        """Descriptors, and whether each is to run; what this release cannot read is left in the file and logged."""
        found = []
        for name, text, wanted in self._execute("SELECT name, descriptor, wanted FROM deployments ORDER BY name"):
            try:
                found.append((Descriptor.model_validate_json(str(text)), bool(wanted)))
            except ValidationError as error:
                _LOG.error("deployment_unreadable", extra=fields(xapp=name, reason=str(error)))
        return found

    def save(self, descriptor: Descriptor, *, wanted: bool) -> None:
        """Insert or replace a deployment; raises NotReadyError."""
        row = (descriptor.name, descriptor.model_dump_json(), int(wanted))
        self._execute("INSERT OR REPLACE INTO deployments VALUES (?, ?, ?)", row)

    def delete(self, name: str) -> None:
        """Forget a deployment; raises NotReadyError."""
        self._execute("DELETE FROM deployments WHERE name = ?", (name,))

    def _execute(self, statement: str, row: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        try:
            with closing(sqlite3.connect(self._path, timeout=_BUSY_S)) as connection, connection:
                return connection.execute(statement, row).fetchall()
        except sqlite3.Error as error:
            raise NotReadyError(f"store {self._path}: {error}") from error
