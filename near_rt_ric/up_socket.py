"""A node's up socket on the xApp bus: how controls of xApps come to it."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Protocol

import zmq

from near_rt_ric.endpoints import EndpointError, claim_unix_path
from service_kit.logs import fields

_LOG = logging.getLogger(__name__)

MAX_BUS_MESSAGE_BYTES = 1024 * 1024
"""Of what xApps send, here and to the management socket."""

_POLL_MS = 100
"""The thread that takes controls looks so often whether it is to end."""

_STOP_GRACE_S = 0.2


class TakesControls(Protocol):
    """A node's stream, where controls go."""

    def take_control(self, raw: bytes) -> None:
        """Check an xApp's UpMessage and pass its control on."""


class UpSocket:
    """A node's PULL socket, bound for xApps, and the thread that takes their controls to the node's latest stream."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> None:
        self.endpoint = endpoint
        self.connection: TakesControls | None = None
        self._stopping = False
        if endpoint.startswith("ipc://"):
            claim_unix_path(Path(endpoint.removeprefix("ipc://")))
        self._pull = context.socket(zmq.PULL)
        self._pull.setsockopt(zmq.LINGER, 0)
        self._pull.setsockopt(zmq.IPV6, int("[" in endpoint))
        self._pull.setsockopt(zmq.MAXMSGSIZE, MAX_BUS_MESSAGE_BYTES)
        self._pull.setsockopt(zmq.RCVTIMEO, _POLL_MS)
        try:
            self._pull.bind(endpoint)
        except zmq.ZMQError as error:
            self._pull.close()
            raise EndpointError(f"{endpoint}: {error}") from error
        self._thread = threading.Thread(target=self._run, name="e2-controls", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more controls, and wait until the socket's reader has closed it."""
        self._stopping = True
        self._thread.join(_STOP_GRACE_S)

    def _run(self) -> None:
        receive = self._pull.recv
        try:
            while not self._stopping:
                try:
                    raw = receive()
                except zmq.Again:
                    continue
                self._pass_on(raw)
        except zmq.ZMQError:
            _LOG.exception("up_socket_failed", extra=fields(endpoint=self.endpoint))
        finally:
            self._pull.close()

    def _pass_on(self, raw: bytes) -> None:
        try:
            if self.connection is not None:
                self.connection.take_control(raw)
        except Exception:
            _LOG.exception("control_failed", extra=fields(endpoint=self.endpoint))
