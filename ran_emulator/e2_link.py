"""The stream to the RIC (E2 over gRPC): connects for ever, sends, receives, keeps alive. Knows bytes, no procedures.

Frames are encoded and decoded by their owner, in its own thread: gRPC carries bytes, and what is sent is measured
for nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import grpc
from hiso_proto import e2ap_pb2 as e2ap

from service_kit.logs import fields

_LOG = logging.getLogger(__name__)
_METHOD = f"/{e2ap.DESCRIPTOR.services_by_name['E2'].full_name}/Connect"

HEARTBEAT_S = 0.25
BACK_OFF_S = 0.1
ATTEMPT_S = 1.0
"""An address that does not answer is tried again after this."""
_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.min_reconnect_backoff_ms", int(ATTEMPT_S * 1e3)),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.http2.bdp_probe", 0),
]


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream was opened: what comes from it carries this number."""

    stream: int


@dataclass(frozen=True, slots=True)
class Received:
    """A frame with PDUs, as encoded."""

    stream: int
    frame: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """A stream ended."""

    stream: int
    reason: str


def _as_is(data: bytes) -> bytes:
    return data


class E2Link:
    """Keeps one bidirectional stream open to the E2 termination; events go into `inbox`."""

    def __init__(self, target: str, silence_s: float, inbox: SimpleQueue[Any]) -> None:
        """`silence_s`: a peer that sends nothing for so long is lost."""
        self._target = target
        self._silence_s = silence_s
        self._inbox = inbox
        self._stopping = threading.Event()
        self._open: tuple[int, SimpleQueue[bytes | None]] = (0, SimpleQueue())
        """Number and outbox of the stream in force, replaced together."""
        self._greeted = 0
        """The latest stream that its owner has begun to use: no heartbeat precedes its first frame."""
        self._call: Any = None
        self._heard_s = 0.0
        self._pause_s = BACK_OFF_S
        self._threads = [
            threading.Thread(target=self._connect_for_ever, name="e2-stream", daemon=True),
            threading.Thread(target=self._keep_alive, name="e2-heartbeat", daemon=True),
        ]

    def start(self) -> None:
        """Begin to connect."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Send what is queued, close the stream, end the threads."""
        self._stopping.set()
        self._open[1].put(None)
        for thread in self._threads:
            thread.join(timeout=0.3)
        call = self._call
        if call is not None:
            call.cancel()

    def send(self, stream: int, frame: bytes) -> None:
        """Queue an encoded E2Frame for a stream; nothing where that is no longer the one in force."""
        number, outbox = self._open
        if number == stream:
            outbox.put(frame)
            self._greeted = number

    def drop(self, reason: str, pause_s: float = BACK_OFF_S) -> None:
        """Close the stream in force and connect again after a pause."""
        _LOG.warning("E2 stream dropped", extra=fields(reason=reason))
        self._pause_s = pause_s
        call = self._call
        if call is not None:
            call.cancel()

    def _connect_for_ever(self) -> None:
        while not self._stopping.is_set():
            # A channel of its own for each attempt: gRPC's name resolution backs off for up to two minutes.
            channel = grpc.insecure_channel(self._target, options=_OPTIONS)
            self._open = (self._open[0] + 1, SimpleQueue())
            try:
                self._serve_stream(channel)
            finally:
                self._open[1].put(None)
                channel.close()
            self._stopping.wait(self._pause_s)
            self._pause_s = BACK_OFF_S

    def _serve_stream(self, channel: grpc.Channel) -> None:
        stream, outbox = self._open
        connect = channel.stream_stream(_METHOD, request_serializer=_as_is, response_deserializer=_as_is)
        self._heard_s = time.monotonic()
        self._inbox.put(Opened(stream))
        try:
            self._call = call = connect(iter(outbox.get, None))
            put = self._inbox.put
            for frame in call:
                self._heard_s = time.monotonic()
                if frame:
                    put(Received(stream, frame))
            reason = "closed by the RIC"
        except grpc.RpcError as error:
            details: Callable[[], str] | None = getattr(error, "details", None)
            reason = (details() if details else None) or str(error)
        finally:
            self._call = None
        self._inbox.put(Lost(stream, reason))

    def _keep_alive(self) -> None:
        while not self._stopping.wait(HEARTBEAT_S):
            if self._call is None:
                continue
            if time.monotonic() - self._heard_s > self._silence_s:
                self._heard_s = time.monotonic()
                self.drop(f"silent for more than {self._silence_s:g} s")
            else:
                number, outbox = self._open
                if number == self._greeted:
                    outbox.put(b"")
