"""An ASGI application served from a thread beside what the main thread does."""

from __future__ import annotations

import logging
import socket
import threading
from typing import Any

import uvicorn

_STOP_S = 2.0


class HttpFace:
    """Serves an application on a bound socket."""

    def __init__(self, application: Any, listener: socket.socket) -> None:
        """Serve from now on."""
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        self._server = uvicorn.Server(
            uvicorn.Config(application, log_config=None, access_log=False, timeout_graceful_shutdown=1)
        )
        # Not in the main thread: there uvicorn takes the signals and raises them again after its own shutdown.
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="http", daemon=True
        )
        self._thread.start()

    @property
    def serving(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Answer what has been asked, then end."""
        self._server.should_exit = True
        self._thread.join(_STOP_S)
