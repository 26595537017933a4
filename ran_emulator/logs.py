"""Structured logs of the emulator's two processes: one JSON object a line on stderr."""

from __future__ import annotations

import json
import logging
import time


class _JsonLine(logging.Formatter):
    """Time (UTC), level, service and event of a record, then whatever `extra={"fields": {...}}` carries."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "service": self._service,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(service: str) -> None:
    """Send every record of this process, from INFO on, to stderr as JSON lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLine(service))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def fields(**values: object) -> dict[str, dict[str, object]]:
    """The `extra` of a log call: `log.info("event", extra=fields(slot=7))`."""
    return {"fields": values}
