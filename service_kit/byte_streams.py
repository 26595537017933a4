"""Both ends of a bidirectional gRPC stream of bytes, without the two threads that gRPC's own stream objects put
between a message and its reader.

A message is handled in the thread that polls gRPC's core, and sent from whichever thread has it. On one core the
echo of a frame of 1,500 bytes takes 47-75 us so, 137-153 us through gRPC's stream objects; on the wire there is no
difference. The core's Python bindings (`grpc._cython.cygrpc`) are no public interface: processes ask at their start
whether the installed grpcio has what is used here (`check_bindings`), as streams are made in threads that nobody hears.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined]

_LOG = logging.getLogger(__name__)

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""A peer that leaves more than this unread is given up."""
MAX_JOINED_BYTES = 256 * 1024
_FLUSH_POLL_S = 0.002

_NO_FLAGS = 0
_CALL_OK = 0
_NEEDED = (
    "Channel",
    "ReceiveInitialMetadataOperation",
    "ReceiveMessageOperation",
    "ReceiveStatusOnClientOperation",
    "SendCloseFromClientOperation",
    "SendInitialMetadataOperation",
    "SendMessageOperation",
    "StatusCode",
    "build_census_context",
)


class BindingsError(RuntimeError):
    """The installed grpcio is none that this module knows how to drive."""


def check_bindings() -> None:
    """Raise BindingsError where the installed grpcio lacks what is used here."""
    missing = [name for name in _NEEDED if not hasattr(cygrpc, name)]
    if missing:
        raise BindingsError(
            f"grpcio {grpc.__version__} lacks {', '.join(missing)} in its core bindings: "
            "install the tested version (constraints.txt)"
        )


class _Sender:
    """Messages in order, one operation of the core at a time; messages that wait for it are joined into one.

    They must be serialised protobuf messages of one type: joined, they are what merging them gives.
    """

    def __init__(self, start: Callable[[Any], bool], give_up: Callable[[], object]) -> None:
        """`start`: begins an operation, whose end calls `sent`; False where the call is over.

        `give_up`: ends the stream of a peer that does not read.
        """
        self._start = start
        self._give_up = give_up
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._closed = False
        self._closing: Any = None
        """The operation that closes, while it waits."""
        self._over = False
        self._busy = False

    def send(self, message: bytes) -> None:
        """Send, now or after what is being sent; nothing on a stream that is over."""
        with self._lock:
            if self._over or self._closed:
                return
            if self._busy:
                self._waiting.append(message)
                self._waiting_bytes += len(message)
                too_many = self._waiting_bytes > MAX_WAITING_BYTES
            else:
                too_many = False
                self._begin(cygrpc.SendMessageOperation(message, _NO_FLAGS))
        if too_many:
            self._give_up()

    def close(self, operation: Any) -> None:
        """Begin `operation` once everything is sent, and send no more."""
        with self._lock:
            if self._over or self._closed:
                return
            self._closed = True
            if self._busy:
                self._closing = operation
            else:
                self._begin(operation)

    def sent(self) -> None:
        """The operation is done: begin the next one."""
        with self._lock:
            self._busy = False
            if self._over:
                return
            if self._waiting:
                self._begin(cygrpc.SendMessageOperation(self._joined(), _NO_FLAGS))
            elif self._closing is not None:
                closing, self._closing = self._closing, None
                self._begin(closing)

    @property
    def busy(self) -> bool:
        """Whether an operation has begun that has not ended, on a stream that may be over."""
        with self._lock:
            return self._busy

    @property
    def sending(self) -> bool:
        """Whether anything is on its way, or waits to be, on a stream that is not over."""
        with self._lock:
            return not self._over and (self._busy or bool(self._waiting))

    def end(self) -> None:
        """The stream is over."""
        with self._lock:
            self._over = True
            self._waiting.clear()

    def _begin(self, operation: Any) -> None:
        self._busy = self._start(operation)
        self._over = not self._busy

    def _joined(self) -> bytes:
        parts = [self._waiting.popleft()]
        size = len(parts[0])
        while self._waiting and size + len(self._waiting[0]) <= MAX_JOINED_BYTES:
            parts.append(self._waiting.popleft())
            size += len(parts[-1])
        self._waiting_bytes -= size
        return parts[0] if len(parts) == 1 else b"".join(parts)


class ClientStream:
    """A client's end: `run` receives in its caller's thread.

    The core frees the call with the last event that is due: `run` must know each operation that has begun, and ask for
    no event beyond theirs. An operation on a call that is over does not begin.
    """

    def __init__(self, target: str, method: str, options: Sequence[tuple[str, Any]]) -> None:
        """`method`: /package.Service/Method. Connects by itself; one that cannot be reached ends `run` at once."""
        self._channel = cygrpc.Channel(target.encode(), tuple(options), None)
        self._initial = (
            cygrpc.SendInitialMetadataOperation((), _NO_FLAGS),
            cygrpc.ReceiveInitialMetadataOperation(_NO_FLAGS),
            cygrpc.ReceiveStatusOnClientOperation(_NO_FLAGS),
        )
        self._call = self._channel.segregated_call(
            _NO_FLAGS,
            method.encode(),
            None,
            None,
            (),
            None,
            tuple(((operation,), operation) for operation in self._initial),
            cygrpc.build_census_context(),
            None,
        )
        self._receive = object()
        """Tag of the operations that receive."""
        self._sender = _Sender(self._begin, lambda: self.cancel("the peer does not read"))

    def run(self, take: Callable[[bytes], None]) -> str:
        """Hand each message to `take` until the stream ends; why it did."""
        call, receive, sender = self._call, self._receive, self._sender
        status = self._initial[-1]
        due = len(self._initial)
        reason = ""
        receiving = self._begin_receive()
        while due or receiving or sender.busy:
            event = call.next_event()
            tag = event.tag
            if tag is receive:
                message = event.batch_operations[0].message()
                receiving = message is not None
                if receiving:
                    take(message)
                    receiving = self._begin_receive()
            elif tag in self._initial:
                due -= 1
                if tag is status:
                    sender.end()
                    details = event.batch_operations[0].details()
                    reason = details.decode(errors="replace") if isinstance(details, bytes) else details or ""
            else:
                sender.sent()
        return reason

    def send(self, message: bytes) -> None:
        """Send from any thread; nothing on a stream that is over."""
        self._sender.send(message)

    def close_sending(self) -> None:
        """Say that nothing more will come, after what waits to be sent."""
        self._sender.close(cygrpc.SendCloseFromClientOperation(_NO_FLAGS))

    def cancel(self, reason: str) -> None:
        """End the stream now: `run` returns."""
        self._call.cancel(cygrpc.StatusCode.cancelled, reason)

    def close(self) -> None:
        """Close the connection, once `run` has returned."""
        self._channel.close(cygrpc.StatusCode.cancelled, "closed")

    def _begin(self, operation: Any) -> bool:
        return bool(self._call.operate((operation,), operation))

    def _begin_receive(self) -> bool:
        return bool(self._call.operate((cygrpc.ReceiveMessageOperation(_NO_FLAGS),), self._receive))


class ServerStream:
    """A server's end of a stream that a handler of `grpc.server` was called for, and whose requests it never reads.

    The handler must not return before the stream is over or meant to be.
    """

    def __init__(
        self, context: grpc.ServicerContext, take: Callable[[bytes], None], over: Callable[[str], None]
    ) -> None:
        """`take` gets each message, in the server's polling thread; `over` is called once when no more can come.

        It is told why where this end gave the stream up, else an empty text.
        """
        self._context = context
        self._take = take
        self._over = over
        self._lock = threading.Lock()
        self._ended = False
        self._reason = ""
        self._call = context._rpc_event.call  # type: ignore[attr-defined]
        self._sender = _Sender(self._begin_send, lambda: self._give_up("the peer does not read"))

    def start(self) -> None:
        """Take messages from now on."""
        self._context.send_initial_metadata(())
        self._begin_receive()
        # A server that stops may poll no more once a call is over, and so not tell that its last receive is.
        if not self._context.add_callback(self._no_more_comes):
            self._no_more_comes()

    def send(self, message: bytes) -> None:
        """Send from any thread; nothing on a stream that is over."""
        self._sender.send(message)

    def flush(self, timeout_s: float) -> None:
        """Wait until everything is sent, the stream is over, or the time is."""
        deadline_s = time.monotonic() + timeout_s
        while self._sender.sending and time.monotonic() < deadline_s:
            time.sleep(_FLUSH_POLL_S)

    def end(self) -> None:
        """Send no more: the handler is about to return."""
        self._sender.end()

    def _no_more_comes(self) -> None:
        with self._lock:
            if self._ended:
                return
            self._ended = True
        self._sender.end()
        self._over(self._reason)

    def _give_up(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._context.cancel()

    def _begin_receive(self) -> None:
        self._call.start_server_batch((cygrpc.ReceiveMessageOperation(_NO_FLAGS),), self._received)

    def _begin_send(self, operation: Any) -> bool:
        try:
            return bool(self._call.start_server_batch((operation,), self._sent) == _CALL_OK)
        except ValueError:  # the call has ended
            return False

    # The polling thread calls an operation's tag with its event, and expects (state to forget, callbacks).

    def _received(self, event: Any) -> tuple[None, tuple[()]]:
        message = event.batch_operations[0].message()
        if message is None:
            self._no_more_comes()
            return None, ()
        try:
            self._take(message)
        except Exception:
            _LOG.exception("stream_handler_failed")
            self._give_up("a message could not be handled")
        self._begin_receive()
        return None, ()

    def _sent(self, _event: Any) -> tuple[None, tuple[()]]:
        self._sender.sent()
        return None, ()
