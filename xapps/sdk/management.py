"""The management plane of the xApp bus: requests with answers, and heartbeats from a thread of their own."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import zmq
from google.protobuf.message import DecodeError
from hiso_proto import xapp_bus_pb2 as bus

from xapps.sdk.errors import BusEndpointError, BusUnavailableError

HEARTBEAT_S = 0.25
LOST_AFTER_S = 1.0
_RECONNECT_MS = 50
_RECONNECT_MAX_MS = 200

Context = zmq.Context[zmq.Socket[bytes]]


def connected_socket(
    context: Context, kind: int, endpoint: str, *, identity: str = "", immediate: bool = False
) -> zmq.Socket[bytes]:
    """A socket that reconnects by itself within 0.2 s and does not linger.

    `immediate`: nothing waits in it for a peer that is not there.

    Raises:
        BusEndpointError: no address.
    """
    socket = context.socket(kind)
    if identity:
        socket.setsockopt(zmq.IDENTITY, identity.encode())
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.IPV6, int("[" in endpoint))
    socket.setsockopt(zmq.IMMEDIATE, int(immediate))
    socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, _RECONNECT_MAX_MS)
    try:
        socket.connect(endpoint)
    except zmq.ZMQError as error:
        socket.close()
        raise BusEndpointError(f"bus: {endpoint!r} is no ipc:///path or tcp://host:port: {error}") from error
    return socket


class ManagementClient:
    """One request at a time to the RIC's management socket; for one thread."""

    def __init__(self, context: Context, endpoint: str) -> None:
        """`endpoint`: the RIC's --bus."""
        self._context = context
        self._endpoint = endpoint
        self._sequence = itertools.count(1)
        self._socket = self._connect()

    def request(self, timeout_s: float, **message: Any) -> bus.ManagementMessage:
        """Send one ManagementMessage and return its answer; raises BusUnavailableError."""
        sequence = next(self._sequence)
        deadline_s = time.monotonic() + timeout_s
        payload = bus.ManagementMessage(sequence=sequence, **message).SerializeToString()
        if self._wait(zmq.POLLOUT, deadline_s) and self._sent(payload):
            while self._wait(zmq.POLLIN, deadline_s):
                try:
                    answer = bus.ManagementMessage.FromString(self._socket.recv())
                except DecodeError as error:
                    raise BusUnavailableError(f"bus {self._endpoint}: the answer does not decode") from error
                if answer.sequence == sequence:
                    return answer
        # What waits in this socket must not reach a RIC that comes back.
        self._socket.close()
        self._socket = self._connect()
        raise BusUnavailableError(f"bus {self._endpoint}: no answer within {timeout_s:g} s")

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _connect(self) -> zmq.Socket[bytes]:
        return connected_socket(self._context, zmq.DEALER, self._endpoint, immediate=True)

    def _sent(self, payload: bytes) -> bool:
        """Whether it could leave: who was there when we looked may be gone."""
        try:
            self._socket.send(payload, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def _wait(self, event: int, deadline_s: float) -> bool:
        return bool(self._socket.poll(max(0, int(1_000 * (deadline_s - time.monotonic()))), event))


class Heartbeat:
    """Tells the RIC four times a second that this xApp is there, and notices when the RIC has forgotten it."""

    def __init__(
        self,
        context: Context,
        endpoint: str,
        xapp_name: str,
        on_forgotten: Callable[[], None],
        lost_indications: Callable[[], int],
    ) -> None:
        """`on_forgotten` is called from the heartbeat's thread when the RIC wants a registration.

        `lost_indications`: what each beat says of indications that never came.
        """
        self._context = context
        self._endpoint = endpoint
        self._xapp_name = xapp_name
        self._on_forgotten = on_forgotten
        self._lost_indications = lost_indications
        self._stopping = threading.Event()
        self._answered_s = 0.0
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Beat from now on; the xApp has just registered."""
        self._answered_s = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join(timeout=2.0)

    def alive(self) -> bool:
        """Whether the RIC has answered within the last second."""
        return time.monotonic() - self._answered_s < LOST_AFTER_S

    def _run(self) -> None:
        client = ManagementClient(self._context, self._endpoint)
        beat = bus.Heartbeat(xapp_name=self._xapp_name)
        while not self._stopping.wait(HEARTBEAT_S):
            beat.lost_indications = self._lost_indications()
            try:
                answer = client.request(HEARTBEAT_S, heartbeat=beat)
            except BusUnavailableError:
                continue
            if answer.WhichOneof("message") == "error":
                self._on_forgotten()
            self._answered_s = time.monotonic()
        client.close()
