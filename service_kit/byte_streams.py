"""Both ends of a bidirectional gRPC stream of bytes; the server's without gRPC's own threads in between.

At the server a message is handled in the thread that polls gRPC's core, and sent from whichever thread has it, which
is not what gRPC's stream objects do; on the wire there is no difference. The core's Python bindings
(`grpc._cython.cygrpc`) are no public interface: an installed grpcio that lacks what is used here ends the process with
a message (`check_bindings`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined]

_LOG = logging.getLogger(__name__)

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""A peer that leaves more than this unread is given up."""
MAX_JOINED_BYTES = 256 * 1024
_FLUSH_POLL_S = 0.002

_NO_FLAGS = 0
_NEEDED = (
    "ReceiveMessageOperation",
    "SendMessageOperation",
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

    def __init__(self, start: Callable[[Any], None], give_up: Callable[[], object]) -> None:
        """`start`: begins an operation, whose end calls `sent`; `give_up`: ends the stream of a peer that reads not."""
        self._start = start
        self._give_up = give_up
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._over = False
        self.busy = False

    def send(self, message: bytes) -> None:
        """Send, now or after what is being sent; nothing on a stream that is over."""
        with self._lock:
            if self._over:
                return
            if self.busy:
                self._waiting.append(message)
                self._waiting_bytes += len(message)
                too_many = self._waiting_bytes > MAX_WAITING_BYTES
            else:
                too_many = False
                self._begin(cygrpc.SendMessageOperation(message, _NO_FLAGS))
        if too_many:
            self._give_up()

    def sent(self) -> None:
        """The operation is done: begin the next one."""
        with self._lock:
            self.busy = False
            if self._over:
                return
            if self._waiting:
                self._begin(cygrpc.SendMessageOperation(self._joined(), _NO_FLAGS))

    @property
    def sending(self) -> bool:
        """Whether anything is on its way, or waits to be, on a stream that is not over."""
        with self._lock:
            return not self._over and (self.busy or bool(self._waiting))

    def end(self) -> None:
        """The stream is over."""
        with self._lock:
            self._over = True
            self._waiting.clear()

    def _begin(self, operation: Any) -> None:
        try:
            self._start(operation)
        except ValueError:  # the core takes no more operations: the call has just ended
            self._over = True
        else:
            self.busy = True

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

    It is gRPC's own stream object: the core's segregated calls may be used by one thread only (a send that meets the
    end of the call reaches freed memory).
    """

    def __init__(self, target: str, method: str, options: Sequence[tuple[str, Any]]) -> None:
        """`method`: /package.Service/Method. Connects by itself; one that cannot be reached ends `run` at once."""
        self._outbox: SimpleQueue[bytes | None] = SimpleQueue()
        self._waiting_bytes = 0
        self._counting = threading.Lock()
        self._reason = ""
        self._channel = grpc.insecure_channel(target, options=list(options))
        connect: Any = self._channel.stream_stream(method)
        self._call: Any = connect(self._requests())

    def _requests(self) -> Iterator[bytes]:
        while (message := self._outbox.get()) is not None:
            with self._counting:
                self._waiting_bytes -= len(message)
            yield message

    def run(self, take: Callable[[bytes], None]) -> str:
        """Hand each message to `take` until the stream ends; why it did."""
        try:
            for message in self._call:
                take(message)
        except grpc.RpcError as error:
            self._reason = self._reason or self._call.details() or str(error)
        finally:
            self._outbox.put(None)
        return self._reason

    def send(self, message: bytes) -> None:
        """Send from any thread; nothing on a stream that is over."""
        with self._counting:
            self._waiting_bytes += len(message)
            too_many = self._waiting_bytes > MAX_WAITING_BYTES
        self._outbox.put(message)
        if too_many:
            self.cancel("the peer does not read")

    def close_sending(self) -> None:
        """Say that nothing more will come, after what waits to be sent."""
        self._outbox.put(None)

    def cancel(self, reason: str) -> None:
        """End the stream now: `run` returns."""
        self._reason = self._reason or reason
        self._call.cancel()

    def close(self) -> None:
        """Close the connection, once `run` has returned."""
        self._channel.close()


class ServerStream:
    """A server's end of a stream that a handler of `grpc.server` was called for, and whose requests it never reads.

    The handler must not return before the stream is over or meant to be.
    """

    def __init__(self, context: grpc.ServicerContext, take: Callable[[bytes], None], over: Callable[[], None]) -> None:
        """`take` gets each message, in the server's polling thread; `over` is called once when no more can come."""
        check_bindings()
        self._context = context
        self._take = take
        self._over = over
        self._call = context._rpc_event.call  # type: ignore[attr-defined]
        self._sender = _Sender(self._begin_send, context.cancel)

    def start(self) -> None:
        """Take messages from now on."""
        self._context.send_initial_metadata(())
        self._begin_receive()

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

    def _begin_receive(self) -> None:
        self._call.start_server_batch((cygrpc.ReceiveMessageOperation(_NO_FLAGS),), self._received)

    def _begin_send(self, operation: Any) -> None:
        self._call.start_server_batch((operation,), self._sent)

    # The polling thread calls an operation's tag with its event, and expects (state to forget, callbacks).

    def _received(self, event: Any) -> tuple[None, tuple[()]]:
        message = event.batch_operations[0].message()
        if message is None:
            self._sender.end()
            self._over()
            return None, ()
        try:
            self._take(message)
        except Exception:
            _LOG.exception("stream_handler_failed")
            self._context.cancel()
        self._begin_receive()
        return None, ()

    def _sent(self, _event: Any) -> tuple[None, tuple[()]]:
        self._sender.sent()
        return None, ()
