"""What survives: a SQLite file, read once at the start and written by a thread of its own."""

from __future__ import annotations

import json
import logging
import queue
import sqlite3
import threading
from pathlib import Path

from near_rt_ric.records import StoredState, SubscriptionRecord, XAppRecord
from service_kit.logs import fields

_LOG = logging.getLogger(__name__)

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS xapps (
    name TEXT PRIMARY KEY, requestor_id INTEGER UNIQUE NOT NULL, oids TEXT NOT NULL, slice_ids TEXT NOT NULL,
    version TEXT NOT NULL, metrics_url TEXT NOT NULL, last_instance_id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS subscriptions (
    xapp_name TEXT NOT NULL, node_id TEXT NOT NULL, key TEXT NOT NULL, oid TEXT NOT NULL,
    event_trigger BLOB NOT NULL, actions TEXT NOT NULL, requestor_id INTEGER NOT NULL,
    instance_id INTEGER NOT NULL, PRIMARY KEY (xapp_name, node_id, key));
CREATE TABLE IF NOT EXISTS budgets (node_id TEXT PRIMARY KEY, control_message BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS nodes (node_id TEXT PRIMARY KEY, number INTEGER UNIQUE NOT NULL);
"""

_Statement = tuple[str, tuple[object, ...]]


class StoreError(Exception):
    """The store's file cannot be used; the message names it."""


class Store:
    """Write-behind store: `load` once; each `save_…` returns at once and is written by the store's thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _SCHEMA_VERSION):
                raise StoreError(f"store {path}: schema version {version}, this release reads {_SCHEMA_VERSION}")
            self._connection.executescript(_SCHEMA)
            self._connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"store {path}: {error}") from error
        self._statements: queue.SimpleQueue[_Statement | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="store", daemon=True)
        self._writer.start()

    def load(self) -> StoredState:
        """Everything stored, as it was when this process started."""
        execute = self._connection.execute
        try:
            return StoredState(
                xapps=[
                    XAppRecord(
                        name=row[0],
                        requestor_id=row[1],
                        oids=frozenset(json.loads(row[2])),
                        slice_ids=frozenset(json.loads(row[3])),
                        version=row[4],
                        metrics_url=row[5],
                        last_instance_id=row[6],
                    )
                    for row in execute("SELECT * FROM xapps ORDER BY requestor_id")
                ],
                subscriptions=[
                    SubscriptionRecord(
                        xapp_name=row[0],
                        node_id=row[1],
                        key=row[2],
                        oid=row[3],
                        event_trigger=row[4],
                        actions=tuple(bytes.fromhex(action) for action in json.loads(row[5])),
                        requestor_id=row[6],
                        instance_id=row[7],
                    )
                    for row in execute("SELECT * FROM subscriptions ORDER BY requestor_id, instance_id")
                ],
                budgets=dict(execute("SELECT node_id, control_message FROM budgets").fetchall()),
                node_numbers=dict(execute("SELECT node_id, number FROM nodes").fetchall()),
            )
        except (sqlite3.Error, ValueError) as error:
            raise StoreError(f"store {self._path}: {error}") from error

    def save_xapp(self, xapp: XAppRecord) -> None:
        """Insert or replace an xApp's registration."""
        row = (
            xapp.name,
            xapp.requestor_id,
            json.dumps(sorted(xapp.oids)),
            json.dumps(sorted(xapp.slice_ids)),
            xapp.version,
            xapp.metrics_url,
            xapp.last_instance_id,
        )
        self._statements.put(("INSERT OR REPLACE INTO xapps VALUES (?, ?, ?, ?, ?, ?, ?)", row))

    def save_subscription(self, subscription: SubscriptionRecord) -> None:
        """Insert or replace a subscription."""
        row = (
            *subscription.identity,
            subscription.oid,
            subscription.event_trigger,
            json.dumps([action.hex() for action in subscription.actions]),
            subscription.requestor_id,
            subscription.instance_id,
        )
        self._statements.put(("INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row))

    def delete_subscription(self, subscription: SubscriptionRecord) -> None:
        """Forget a subscription."""
        self._statements.put(
            (
                "DELETE FROM subscriptions WHERE xapp_name = ? AND node_id = ? AND key = ?",
                subscription.identity,
            )
        )

    def save_budgets(self, node_id: str, control_message: bytes) -> None:
        """Remember the last valid budgets of a node."""
        self._statements.put(("INSERT OR REPLACE INTO budgets VALUES (?, ?)", (node_id, control_message)))

    def delete_budgets(self, node_id: str) -> None:
        """Forget the budgets of a node."""
        self._statements.put(("DELETE FROM budgets WHERE node_id = ?", (node_id,)))

    def save_node_number(self, node_id: str, number: int) -> None:
        """Remember the number of a node's up socket."""
        self._statements.put(("INSERT OR REPLACE INTO nodes VALUES (?, ?)", (node_id, number)))

    def delete_node_number(self, node_id: str) -> None:
        """Forget the number of a node that was removed."""
        self._statements.put(("DELETE FROM nodes WHERE node_id = ?", (node_id,)))

    def close(self) -> None:
        """Write what is waiting, then close the file."""
        self._statements.put(None)
        self._writer.join(timeout=5.0)
        self._connection.close()

    def _write(self) -> None:
        while (statement := self._statements.get()) is not None:
            try:
                self._connection.execute(*statement)
            except sqlite3.Error as error:
                # The loop goes on without persistence: a full disk must not stop the cell.
                _LOG.error("store_write_failed", extra=fields(store=str(self._path), reason=str(error)))
