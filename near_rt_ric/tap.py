"""A mirror of E2 frames for whoever watches. While nobody does, a frame costs one attribute check."""

from __future__ import annotations

import threading
import time
from collections import deque

import zmq

from near_rt_ric.endpoints import EndpointError

TO_RIC, TO_NODE = b"to_ric", b"to_node"

_BUFFERED_FRAMES = 65_536
"""What is not sent in time is lost, oldest first: a slow watcher must not fill the memory."""

_IDLE_POLL_MS = 250
_WATCHED_POLL_MS = 20


class Tap:
    """XPUB socket that says whether somebody subscribes; messages [direction, node id, Unix time in ns (u64), frame].

    Hot threads only append to a deque; the socket belongs to a thread of its own.
    """

    def __init__(self, endpoint: str) -> None:
        """Bind; raises EndpointError."""
        self.endpoint = endpoint
        self.watched = False
        self._frames: deque[tuple[bytes, str, int, bytes]] = deque(maxlen=_BUFFERED_FRAMES)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.XPUB_VERBOSER, 1)  # every watcher that comes or goes is told
        self._watchers = 0
        self._stopping = False
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self._socket.close()
            self._context.term()
            raise EndpointError(f"{endpoint}: {error}") from error
        self._thread = threading.Thread(target=self._run, name="e2-tap", daemon=True)

    def start(self) -> None:
        """Serve watchers from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop mirroring."""
        self._stopping = True
        self._thread.join(timeout=2.0)
        self._socket.close()
        self._context.term()

    def mirror(self, direction: bytes, node_id: str, frame: bytes) -> None:
        """Mirror a frame; from any thread, after a look at `watched`."""
        self._frames.append((direction, node_id, time.time_ns(), frame))

    def _run(self) -> None:
        while not self._stopping:
            if self._socket.poll(_WATCHED_POLL_MS if self.watched else _IDLE_POLL_MS):
                self._take_subscription(self._socket.recv())
            self._send_waiting()

    def _take_subscription(self, message: bytes) -> None:
        if message[:1] in (b"\x00", b"\x01"):
            self._watchers = max(0, self._watchers + (1 if message[:1] == b"\x01" else -1))
            self.watched = self._watchers > 0
            if not self.watched:
                self._frames.clear()

    def _send_waiting(self) -> None:
        for _ in range(len(self._frames)):
            direction, node_id, time_ns, frame = self._frames.popleft()
            # XPUB never blocks: what a watcher cannot take is dropped for that watcher.
            self._socket.send_multipart([direction, node_id.encode(), time_ns.to_bytes(8, "little"), frame])
