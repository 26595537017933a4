"""The stream to the RIC (E2 over gRPC): connects for ever, sends, receives, keeps alive. Knows bytes, no procedures.

Frames are encoded and decoded by their owner, in its own thread: the stream carries bytes, and what is sent is
measured for nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any

from hiso_proto import e2ap_pb2 as e2ap

from service_kit.byte_streams import ClientStream
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
    """A frame with PDUs, as encoded, and when it came (monotonic clock)."""

    stream: int
    frame: bytes
    at_s: float


@dataclass(frozen=True, slots=True)
class Lost:
    """A stream ended."""

    stream: int
    reason: str


class E2Link:
    """Keeps one bidirectional stream open to the E2 termination; events go into `inbox`."""

    def __init__(self, target: str, silence_s: float, inbox: SimpleQueue[Any]) -> None:
        """`silence_s`: a peer that sends nothing for so long is lost."""
        self._target = target
        self._silence_s = silence_s
        self._inbox = inbox
        self._stopping = threading.Event()
        self._wake = threading.Event()
        """Ends the pause between two streams."""
        self._open: tuple[int, ClientStream | None] = (0, None)
        """Number of the stream in force, and the stream where there is one: replaced together."""
        self._greeted = 0
        """The latest stream that its owner has begun to use: no heartbeat precedes its first frame."""
        self._heard_s = 0.0
        self._heard = self._said_waiting = False
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
        """Send what waits, close the stream, end the threads."""
        self._stopping.set()
        self._wake.set()
        stream = self._open[1]
        if stream is not None:
            stream.close_sending()
        for thread in self._threads:
            thread.join(timeout=0.3)
        if stream is not None:
            stream.cancel("the node stops")

    def send(self, stream: int, frame: bytes) -> None:
        """Send an encoded E2Frame on a stream; nothing where that is no longer the one in force."""
        number, in_force = self._open
        if number == stream and in_force is not None:
            in_force.send(frame)
            self._greeted = number

    def drop(self, reason: str, pause_s: float = BACK_OFF_S) -> None:
        """Close the stream in force and connect again after a pause."""
        _LOG.warning("e2_stream_dropped", extra=fields(reason=reason))
        self._pause_s = max(self._pause_s, pause_s)
        stream = self._open[1]
        if stream is not None:
            stream.cancel(reason)

    def leave(self, pause_s: float) -> None:
        """Close our direction of the stream in force, after what is queued; connect again only after a pause."""
        self._pause_s = pause_s
        stream = self._open[1]
        if stream is not None:
            stream.close_sending()

    def connect_now(self) -> None:
        """End a pause between two streams."""
        self._wake.set()

    def _connect_for_ever(self) -> None:
        while not self._stopping.is_set():
            # A channel of its own for each attempt: gRPC's name resolution backs off for up to two minutes.
            stream = ClientStream(self._target, _METHOD, _OPTIONS)
            number = self._open[0] + 1
            self._open = (number, stream)
            if self._stopping.is_set():  # `stop` may not have seen this stream
                stream.cancel("the node stops")
            self._heard_s = time.monotonic()
            self._wake.clear()  # whoever asked before this stream was opened has it
            self._inbox.put(Opened(number))
            reason = stream.run(partial(self._take, number)) or "closed by the RIC"
            self._open = (number, None)
            stream.close()
            self._inbox.put(Lost(number, reason))
            self._say_waiting(reason)
            if not self._stopping.is_set():
                self._wake.wait(self._pause_s)
            self._pause_s = BACK_OFF_S

    def _say_waiting(self, reason: str) -> None:
        """Say once that nobody answers: the next line about E2 may be long in coming."""
        if not (self._heard or self._said_waiting or self._stopping.is_set()):
            self._said_waiting = True
            _LOG.warning("waiting_for_ric", extra=fields(e2=self._target, reason=reason))

    def _take(self, number: int, frame: bytes) -> None:
        self._heard_s = now_s = time.monotonic()
        self._heard = True
        if frame:
            self._inbox.put(Received(number, frame, now_s))

    def _keep_alive(self) -> None:
        while not self._stopping.wait(HEARTBEAT_S):
            number, stream = self._open
            if stream is None:
                continue
            if time.monotonic() - self._heard_s > self._silence_s:
                self._heard_s = time.monotonic()
                self.drop(f"silent for more than {self._silence_s:g} s")
            elif number == self._greeted:
                stream.send(b"")
