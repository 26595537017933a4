"""The xApp bus: management (register, heartbeat, subscribe) in a thread of its own, and the data sockets.

The down socket is a ROUTER that the E2 server's polling thread and all others share under a lock; it never blocks.
The up sockets belong to the nodes. People's commands come as JSON over an admin socket of the same thread.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zmq
from google.protobuf.message import DecodeError
from hiso_proto import xapp_bus_pb2 as bus

from near_rt_ric.endpoints import BusEndpoints, EndpointError, claim_unix_path
from near_rt_ric.platform import RicPlatform
from near_rt_ric.up_socket import MAX_BUS_MESSAGE_BYTES, UpSocket

_LOG = logging.getLogger(__name__)

_IDLE_POLL_MS = 250
_JOINING_POLL_MS = 5
# Plain numbers: arithmetic of the enumeration costs more than to send.
_AT_ONCE = int(zmq.NOBLOCK)
_MORE_AT_ONCE = int(zmq.SNDMORE | zmq.NOBLOCK)
_WAKE = "inproc://bus-wake"

_Socket = zmq.Socket[bytes]
AdminHandler = Callable[[Any, Callable[[dict[str, Any]], None]], None]


class XAppBus:
    """Sockets towards xApps and faces, and the thread that serves their requests."""

    def __init__(
        self, platform: RicPlatform, endpoints: BusEndpoints, admin_endpoint: str, admin: AdminHandler
    ) -> None:
        self._platform = platform
        self._admin = admin
        self._context: zmq.Context[_Socket] = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, 4096)
        self._sockets: list[_Socket] = []
        endpoints.claim()
        self._management = self._bound(zmq.ROUTER, endpoints.management)
        claim_unix_path(Path(admin_endpoint.removeprefix("ipc://")))
        self._faces = self._bound(zmq.ROUTER, admin_endpoint)
        self._down = self._bound(zmq.ROUTER, endpoints.down)
        # pyzmq's own `send` looks at options that are not used here; this is the one beneath it.
        self._send_on_down = super(zmq.Socket, self._down).send
        self._woken = self._bound(zmq.PULL, _WAKE)
        self._waker = self._context.socket(zmq.PUSH)
        self._waker.setsockopt(zmq.LINGER, 0)
        self._waker.connect(_WAKE)
        self._sockets.append(self._waker)
        self._up_sockets: list[UpSocket] = []
        self._down_lock = threading.Lock()
        self._waker_lock = threading.Lock()
        self._outbox: queue.SimpleQueue[tuple[_Socket, list[bytes]]] = queue.SimpleQueue()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="xapp-bus", daemon=True)

    def start(self) -> None:
        """Serve requests from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close every socket."""
        self._stopping = True
        self._wake()
        self._thread.join(timeout=2.0)
        for up in list(self._up_sockets):
            up.close()
        for socket in self._sockets:
            socket.close(linger=0)

    def send_down(self, identity: bytes, payload: bytes) -> int:
        """Send a DownMessage to an xApp; 0, or errno (EHOSTUNREACH: not there, EAGAIN: its queue is full)."""
        with self._down_lock:
            try:
                self._send_on_down(identity, _MORE_AT_ONCE)
                self._send_on_down(payload, _AT_ONCE)
            except zmq.ZMQError as error:
                return error.errno or -1
        return 0

    def open_up(self, endpoint: str) -> UpSocket:
        """Bind a node's up socket; raises EndpointError."""
        up = UpSocket(self._context, endpoint)
        self._up_sockets.append(up)
        return up

    def close_up(self, up: UpSocket) -> None:
        """Close the up socket of a node that was removed."""
        self._up_sockets.remove(up)
        up.close()

    def _bound(self, kind: int, endpoint: str) -> _Socket:
        socket = self._context.socket(kind)
        self._sockets.append(socket)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.IPV6, int("[" in endpoint))
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_BUS_MESSAGE_BYTES)
        if kind == zmq.ROUTER:
            # An unknown peer is an error at once, and a peer that comes back takes its name over.
            socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
            socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        try:
            socket.bind(endpoint)
        except zmq.ZMQError as error:
            raise EndpointError(f"{endpoint}: {error}") from error
        return socket

    # The management thread ------------------------------------------------------------------------

    def _run(self) -> None:
        poller = zmq.Poller()
        for socket in (self._management, self._faces, self._woken):
            poller.register(socket, zmq.POLLIN)
        while not self._stopping:
            ready = dict(poller.poll(_JOINING_POLL_MS if self._platform.joining() else _IDLE_POLL_MS))
            try:
                if self._platform.joining():
                    self._platform.join()
                if self._woken in ready:
                    self._woken.recv()
                if self._management in ready:
                    self._take_management(self._management.recv_multipart())
                if self._faces in ready:
                    self._take_command(self._faces.recv_multipart())
                self._flush()
            except Exception:
                # One request that fails must not take the bus away from everybody.
                self._platform.counters.error("bus_request_failed")
                _LOG.exception("bus_request_failed")

    def _reply(self, socket: _Socket, envelope: list[bytes], payload: bytes) -> None:
        """Send from any thread: only the management thread touches these sockets."""
        self._outbox.put((socket, [*envelope, payload]))
        if threading.current_thread() is not self._thread:
            self._wake()

    def _wake(self) -> None:
        with self._waker_lock:
            try:
                self._waker.send(b"", zmq.NOBLOCK)
            except zmq.ZMQError:
                return  # enough wakes are waiting already

    def _flush(self) -> None:
        while not self._outbox.empty():
            socket, parts = self._outbox.get()
            try:
                socket.send_multipart(parts, zmq.NOBLOCK)
            except zmq.ZMQError:
                self._platform.counters.error("bus_reply_undeliverable")

    def _take_management(self, parts: list[bytes]) -> None:
        envelope, payload = parts[:-1], parts[-1]
        request = bus.ManagementMessage()

        def reply(**fields: Any) -> None:
            answer = bus.ManagementMessage(sequence=request.sequence, **fields)
            self._reply(self._management, envelope, answer.SerializeToString())

        try:
            request.ParseFromString(payload)
        except DecodeError:
            self._platform.counters.error("bus_message_malformed")
            reply(error="not a ManagementMessage of hiso.xapp_bus.v1")
            return
        self._dispatch(request, reply)

    def _dispatch(self, request: bus.ManagementMessage, reply: Callable[..., None]) -> None:
        platform = self._platform
        kind = request.WhichOneof("message")
        if kind == "heartbeat":
            name = request.heartbeat.xapp_name
            if platform.heartbeat(name, request.heartbeat.lost_indications):
                reply(heartbeat_response=bus.Heartbeat(xapp_name=name))
            else:
                reply(error=f"xapp_name: xApp {name!r} is not registered")
        elif kind == "register_request":
            reply(register_response=platform.register(request.register_request))
        elif kind == "subscribe_request":
            platform.subscribe(request.subscribe_request, lambda answer: reply(subscribe_response=answer))
        elif kind == "unsubscribe_request":
            platform.unsubscribe(request.unsubscribe_request, lambda answer: reply(unsubscribe_response=answer))
        elif kind == "platform_state_request":
            reply(platform_state_response=bus.PlatformStateResponse(json=json.dumps(platform.state())))
        else:
            platform.counters.error("bus_message_malformed")
            reply(error=f"message: a request is required, not {kind or 'nothing'}")

    def _take_command(self, parts: list[bytes]) -> None:
        envelope, payload = parts[:-1], parts[-1]

        def reply(answer: dict[str, Any]) -> None:
            self._reply(self._faces, envelope, json.dumps(answer).encode())

        try:
            command = json.loads(payload)
        except ValueError:
            command = None
        self._admin(command, reply)
