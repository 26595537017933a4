"""Byte streams against gRPC's own stream objects, and against each other."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from hiso_proto import e2ap_pb2 as e2ap

from service_kit import byte_streams
from service_kit.byte_streams import BindingsError, ClientStream, ServerStream

METHOD = "/test.Echo/Talk"

Take = Callable[[ServerStream, bytes], None]


class Handler:
    """Serves each stream with a `ServerStream` that `take` answers."""

    def __init__(self, take: Take) -> None:
        self.opened: queue.SimpleQueue[ServerStream] = queue.SimpleQueue()
        self.ended = threading.Event()
        self.reason: str | None = None
        self._take = take

    def talk(self, _requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        over = threading.Event()

        def end(reason: str) -> None:
            self.reason = reason
            over.set()

        stream = ServerStream(context, lambda message: self._take(stream, message), end)
        stream.start()
        self.opened.put(stream)
        over.wait()
        stream.end()
        self.ended.set()
        return iter(())


Serve = Callable[[Take], tuple[str, Handler]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    servers: list[grpc.Server] = []

    def start(take: Take) -> tuple[str, Handler]:
        handler = Handler(take)
        server = grpc.server(ThreadPoolExecutor(4))
        method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(handler.talk)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", {"Talk": method}),))
        address = f"unix:{tmp_path}/{len(servers)}"
        server.add_insecure_port(address)
        server.start()
        servers.append(server)
        return address, handler

    yield start
    for server in servers:
        server.stop(0).wait()


def echo(stream: ServerStream, message: bytes) -> None:
    stream.send(message)


class Client:
    """A `ClientStream` whose messages wait in a queue."""

    def __init__(self, address: str) -> None:
        self.stream = ClientStream(address, METHOD, ())
        self.messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.reason: str | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        self.reason = self.stream.run(self.messages.put)

    def ended(self) -> str:
        self.thread.join(5.0)
        assert self.reason is not None
        self.stream.close()
        return self.reason


def test_messages_come_back_in_order_also_large_and_empty_ones(serve: Serve) -> None:
    address, _ = serve(echo)
    client = Client(address)
    for message in (b"one", b"", b"x" * 3_000_000, b"four"):
        client.stream.send(message)
        assert client.messages.get(timeout=5) == message
    client.stream.cancel("enough")
    assert "enough" in client.ended()


def test_messages_that_wait_for_the_core_are_joined_and_none_is_lost(serve: Serve) -> None:
    address, _ = serve(echo)
    client = Client(address)
    sent = [e2ap.E2Frame(pdus=[e2ap.E2apPdu(reset_request=e2ap.ResetRequest(transaction_id=n))]) for n in range(2_000)]
    for frame in sent:
        client.stream.send(frame.SerializeToString())
    numbers: list[int] = []
    while len(numbers) < len(sent):
        frame = e2ap.E2Frame.FromString(client.messages.get(timeout=5))
        numbers += [pdu.reset_request.transaction_id for pdu in frame.pdus]
    assert numbers == list(range(2_000))
    client.stream.cancel("")
    client.ended()


def test_a_client_of_grpcs_own_sees_an_ordinary_stream(serve: Serve) -> None:
    address, handler = serve(echo)
    with grpc.insecure_channel(address) as channel:
        outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        talk: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(METHOD)
        call = talk(iter(outbox.get, None))
        for message in (b"a", b"b"):
            outbox.put(message)
            assert next(call) == message
        outbox.put(None)
        assert list(call) == []
        assert call.code() == grpc.StatusCode.OK
    assert handler.ended.wait(5)


def test_a_server_of_grpcs_own_sees_an_ordinary_stream(tmp_path: Path) -> None:
    server = grpc.server(ThreadPoolExecutor(2))
    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(
        lambda requests, _context: (each + b"!" for each in requests)
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", {"Talk": method}),))
    server.add_insecure_port(f"unix:{tmp_path}/own")
    server.start()
    client = Client(f"unix:{tmp_path}/own")
    client.stream.send(b"a")
    assert client.messages.get(timeout=5) == b"a!"
    client.stream.close_sending()
    client.stream.send(b"too late")
    assert client.ended() == ""
    server.stop(0).wait()


def test_what_waits_is_sent_before_the_end(serve: Serve) -> None:
    received: list[bytes] = []
    address, handler = serve(lambda _stream, message: received.append(message))
    client = Client(address)
    for number in range(100):
        client.stream.send(bytes([number]))
    client.stream.close_sending()
    client.ended()
    assert handler.ended.wait(5)
    assert b"".join(received) == bytes(range(100))


def test_nobody_there_ends_the_stream_with_a_reason(tmp_path: Path) -> None:
    assert "connect" in Client(f"unix:{tmp_path}/nobody").ended().lower()


def test_a_client_that_vanishes_ends_the_servers_stream(serve: Serve) -> None:
    address, handler = serve(echo)
    client = Client(address)
    client.stream.send(b"here")
    client.messages.get(timeout=5)
    stream = handler.opened.get(timeout=5)
    client.stream.cancel("gone")
    assert handler.ended.wait(5)
    assert handler.reason == ""
    stream.send(b"to nobody")  # nothing happens


def test_a_handler_that_fails_ends_the_stream(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_stream: ServerStream, _message: bytes) -> None:
        raise ValueError("broken")

    address, handler = serve(fail)
    client = Client(address)
    client.stream.send(b"x")
    assert handler.ended.wait(5)
    client.ended()
    assert "stream_handler_failed" in caplog.text
    assert handler.reason == "a message could not be handled"


def test_a_client_that_does_not_read_is_given_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_streams, "MAX_WAITING_BYTES", 100_000)
    address, handler = serve(echo)
    hold = threading.Event()
    stream = ClientStream(address, METHOD, ())
    thread = threading.Thread(target=stream.run, args=(lambda _message: hold.wait(20) and None,))
    thread.start()
    server_stream = handler.opened.get(timeout=5)
    deadline_s = time.monotonic() + 10
    while not handler.ended.is_set() and time.monotonic() < deadline_s:
        server_stream.send(b"x" * 10_000)
    hold.set()
    assert handler.ended.wait(5)
    assert handler.reason == "the peer does not read"
    thread.join(5)
    stream.close()


def test_a_peer_that_does_not_read_is_given_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_streams, "MAX_WAITING_BYTES", 100_000)
    hold = threading.Event()

    def wait(_stream: ServerStream, _message: bytes) -> None:
        hold.wait(20)

    address, _ = serve(wait)
    client = Client(address)
    deadline_s = time.monotonic() + 10
    while client.reason is None and time.monotonic() < deadline_s:
        client.stream.send(b"x" * 10_000)
    hold.set()
    assert "the peer does not read" in client.ended()


def test_bindings_that_lack_a_name_are_told_with_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("service_kit.byte_streams.cygrpc.SendMessageOperation")
    with pytest.raises(BindingsError, match=f"grpcio {grpc.__version__}.*SendMessageOperation"):
        byte_streams.check_bindings()


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("near_rt_ric.hot_loop", ["{}"]), ("ran_emulator.hot_loop", ["--e2", "127.0.0.1:1", "--run-dir", "."])],
)
def test_a_process_does_not_start_on_bindings_that_lack_a_name(module: str, arguments: list[str]) -> None:
    program = (
        "import sys; from grpc._cython import cygrpc; del cygrpc.SendMessageOperation; "
        f"from {module} import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "_cannot_start" in done.stderr
    assert f"grpcio {grpc.__version__} lacks SendMessageOperation" in done.stderr


@pytest.mark.slow
def test_sending_while_streams_end_at_either_side_loses_no_call(serve: Serve) -> None:
    """The core frees a call with its last event: senders beside its end are the hard case."""
    rounds = 150
    ending = threading.Event()

    def take(stream: ServerStream, message: bytes) -> None:
        stream.send(message)

    address, handler = serve(take)
    for number in range(rounds):
        client = Client(address)
        stream = client.stream
        ending.clear()

        def send_on(stream: ClientStream = stream) -> None:
            while not ending.is_set():
                stream.send(b"")

        senders = [threading.Thread(target=send_on) for _ in range(2)]
        for sender in senders:
            sender.start()
        server_stream = handler.opened.get(timeout=5)
        client.messages.get(timeout=5)
        if number % 3 == 0:
            stream.cancel("by the client")
        elif number % 3 == 1:
            server_stream._context.cancel()
        else:
            stream.close_sending()
        client.ended()
        ending.set()
        for sender in senders:
            sender.join(5)
            assert not sender.is_alive()
