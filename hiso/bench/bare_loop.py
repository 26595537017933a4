"""A loop that does nothing: node, relay and three echoes, with the transports and frame sizes of the real one.

`python -m hiso.bench.bare_loop CONFIG` is one of its processes: `node` (client of a gRPC stream, as the emulator),
`relay` (its server, ROUTER down and PULL up, as the RIC) or `echo-N` (DEALER and PUSH, as an xApp). Nothing is decoded
and nothing decided: what such a loop takes is the price of processes and transports alone.
"""

from __future__ import annotations

import json
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import grpc
import numpy as np
import zmq

from service_kit.byte_streams import ClientStream, ServerStream
from service_kit.interpreter import calm_interpreter, exact_timers
from service_kit.placement import place
from service_kit.signals import stop_on_signals

ECHOES = 3
RESULT_FILE = "bare-loop.json"
WARM_UP_FRAMES = 500
_SERVICE, _METHOD = "hiso.bench.BareLoop", "Connect"
_NODE_OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.http2.bdp_probe", 0)]
_RELAY_OPTIONS = [("grpc.so_reuseport", 0)]
_PART = struct.Struct("<BI")
"""Before each part of a frame: whose echo it is, and its size in bytes."""
_RETRY_S = 0.2

Sockets = zmq.Context[zmq.Socket[bytes]]


@dataclass(frozen=True, slots=True)
class BareConfig:
    """What one process is told; it crosses as JSON."""

    role: str
    run_dir: str
    observation_bytes: int
    decision_bytes: int
    observations_per_frame: float
    """1..3: those of the second and third slice are spread evenly over the frames."""
    frames: int
    cpu: int | None
    fifo: int | None

    def to_json(self) -> str:
        """As one JSON text."""
        return json.dumps(asdict(self))


def node(config: BareConfig) -> None:
    """Send frames, each when all echoes of the one before are here; write the latencies of every echo, in ms."""
    address = Path(config.run_dir) / "bare-e2"
    while not address.exists():
        time.sleep(_RETRY_S)
    inbox: SimpleQueue[bytes] = SimpleQueue()
    stream = ClientStream(f"unix:{address}", f"/{_SERVICE}/{_METHOD}", _NODE_OPTIONS)
    threading.Thread(target=stream.run, args=(inbox.put,), name="stream", daemon=True).start()
    _await_echoes(config, stream.send, inbox)
    latencies_s = _exchange(config, stream.send, inbox)
    p50_ms, p99_ms = np.quantile(latencies_s, (0.5, 0.99)) * 1e3
    result = Path(config.run_dir) / RESULT_FILE
    part = result.with_suffix(".part")
    part.write_text(json.dumps({"p50": p50_ms, "p99": p99_ms}))
    part.replace(result)


def _await_echoes(config: BareConfig, send: Callable[[bytes], None], inbox: SimpleQueue[bytes]) -> None:
    """Until all have answered: what is sent to an echo that is not there is lost."""
    missing = set(range(ECHOES))
    while missing:
        send(b"".join(_part(config, echo) for echo in missing))
        deadline_s = time.monotonic() + _RETRY_S
        while missing and time.monotonic() < deadline_s:
            try:
                frame = inbox.get(True, _RETRY_S)
            except Empty:
                break
            missing -= {answer[0] for answer in _answers(config, frame)}
    time.sleep(_RETRY_S)
    while not inbox.empty():  # answers to what was asked twice
        inbox.get()


def _exchange(config: BareConfig, send: Callable[[bytes], None], inbox: SimpleQueue[bytes]) -> list[float]:
    latencies_s: list[float] = []
    others = (config.observations_per_frame - 1) / (ECHOES - 1)
    shares = (1.0, others, others)
    due = [0.0] * ECHOES
    for number in range(WARM_UP_FRAMES + config.frames):
        asked = 0
        parts = []
        for echo, share in enumerate(shares):
            due[echo] += share
            if due[echo] >= 1.0:
                due[echo] -= 1.0
                parts.append(_part(config, echo))
                asked += 1
        sent_s = time.monotonic()
        send(b"".join(parts))
        while asked:
            answers = len(inbox.get()) // config.decision_bytes
            asked -= answers
            if number >= WARM_UP_FRAMES:
                latencies_s += [time.monotonic() - sent_s] * answers
    return latencies_s


def _part(config: BareConfig, echo: int) -> bytes:
    return _PART.pack(echo, config.observation_bytes) + bytes(config.observation_bytes)


def _answers(config: BareConfig, frame: bytes) -> Iterator[bytes]:
    size = config.decision_bytes
    return (frame[place : place + size] for place in range(0, len(frame), size))


def relay(config: BareConfig) -> None:
    """Serve until a signal."""
    sockets: Sockets = zmq.Context()
    down, up = sockets.socket(zmq.ROUTER), sockets.socket(zmq.PULL)
    down.bind(f"ipc://{config.run_dir}/bare-down")
    up.bind(f"ipc://{config.run_dir}/bare-up")

    def forward(frame: bytes) -> None:
        at = 0
        while at < len(frame):
            whose, size = _PART.unpack_from(frame, at)
            at += _PART.size
            down.send(_identity(whose), zmq.SNDMORE)
            down.send(frame[at : at + size])
            at += size

    def connect(_frames: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        over = threading.Event()
        stream = ServerStream(context, forward, over.set)
        stream.start()
        while not over.is_set():
            stream.send(up.recv())  # until a signal ends the process
        return iter(())

    server = grpc.server(ThreadPoolExecutor(max_workers=2), options=_RELAY_OPTIONS)
    handler: Any = grpc.stream_stream_rpc_method_handler(connect)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {_METHOD: handler}),))
    server.add_insecure_port(f"unix:{config.run_dir}/bare-e2")
    server.start()
    threading.Event().wait()


def echo(config: BareConfig) -> None:
    """Answer until a signal."""
    number = int(config.role.removeprefix("echo-"))
    sockets: Sockets = zmq.Context()
    down, up = sockets.socket(zmq.DEALER), sockets.socket(zmq.PUSH)
    down.setsockopt(zmq.IDENTITY, _identity(number))
    down.connect(f"ipc://{config.run_dir}/bare-down")
    up.connect(f"ipc://{config.run_dir}/bare-up")
    answer = bytes([number]) + bytes(config.decision_bytes - 1)
    while True:
        down.recv()
        up.send(answer)


def _identity(echo: int) -> bytes:
    return f"echo-{echo}".encode()


def main(arguments: list[str]) -> None:
    """One process of the loop."""
    config = BareConfig(**json.loads(arguments[0]))
    stop_on_signals(lambda: sys.exit(0))
    place(config.cpu, config.fifo)
    exact_timers()
    roles = {"node": node, "relay": relay}
    with calm_interpreter():
        roles.get(config.role, echo)(config)


if __name__ == "__main__":
    main(sys.argv[1:])
