"""A loop that does nothing: node, relay and three echoes, with the transports and frame sizes of the real one.

`python -m hiso.bench.bare_loop CONFIG` is one of its processes: `node` (client of a gRPC stream, as the emulator),
`relay` (its server, ROUTER down and PULL up, as the RIC) or `echo-N` (DEALER and PUSH, as an xApp). Nothing is decoded
and nothing decided: what such a loop takes is the price of processes and transports alone.
"""

from __future__ import annotations

import json
import math
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import grpc
import numpy as np
import zmq

from ran_emulator.clock import SlotPace
from service_kit.byte_streams import ClientStream, ServerStream
from service_kit.interpreter import calm_interpreter, exact_timers
from service_kit.placement import place
from service_kit.signals import stop_on_signals
from service_kit.wakefulness import keep_cores_awake

ECHOES = 3
RESULT_FILE = "bare-loop.json"
WARM_UP_FRAMES = 500
_SERVICE, _METHOD = "hiso.bench.BareLoop", "Connect"
_NODE_OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.http2.bdp_probe", 0)]
_RELAY_OPTIONS = [("grpc.so_reuseport", 0)]
_PART = struct.Struct("<BI")
"""Before each part of a frame: whose echo it is, and its size in bytes."""
_RETRY_S = 0.2
_ECHO_LIMIT_S = 10.0
"""An echo that takes longer is lost."""

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
    slot_s: float | None
    """Wall time between two frames; None: each leaves when all echoes of the one before are here."""
    control_delay_slots: int
    """An echo that comes later than the beginning of so many slots after its frame's is late."""
    cpu: int | None
    fifo: int | None

    def to_json(self) -> str:
        """As one JSON text."""
        return json.dumps(asdict(self))


def node(config: BareConfig) -> None:
    """Send frames; write the latencies of their echoes in ms, or, of frames on a schedule, the share that was late."""
    keep_cores_awake()  # as the emulator does, for everybody
    address = Path(config.run_dir) / "bare-e2"
    while not address.exists():
        time.sleep(_RETRY_S)
    inbox: SimpleQueue[bytes] = SimpleQueue()
    stream = ClientStream(f"unix:{address}", f"/{_SERVICE}/{_METHOD}", _NODE_OPTIONS)
    threading.Thread(target=stream.run, args=(inbox.put,), name="stream", daemon=True).start()
    _await_echoes(config, stream.send, inbox)
    if config.slot_s is None:
        p50_ms, p99_ms = np.quantile(_exchange(config, stream.send, inbox), (0.5, 0.99)) * 1e3
        found = {"p50": p50_ms, "p99": p99_ms}
    else:
        found = {"missed_fraction": _on_schedule(config, config.slot_s, stream.send, inbox)}
    result = Path(config.run_dir) / RESULT_FILE
    part = result.with_suffix(".part")
    part.write_text(json.dumps(found))
    part.replace(result)


def _await_echoes(config: BareConfig, send: Callable[[bytes], None], inbox: SimpleQueue[bytes]) -> None:
    """Until all have answered: what is sent to an echo that is not there is lost."""
    missing = set(range(ECHOES))
    while missing:
        send(b"".join(_part(config, echo) for echo in missing))
        deadline_s = time.monotonic() + _RETRY_S
        while missing and time.monotonic() < deadline_s:
            try:
                frame = _next(inbox, _RETRY_S)
            except Empty:
                break
            missing -= {answer[0] for answer in _answers(config, frame)}
    time.sleep(_RETRY_S)
    while not inbox.empty():  # answers to what was asked twice
        inbox.get()


def _next(inbox: SimpleQueue[bytes], timeout_s: float) -> bytes:
    """The next frame; raises `Empty` after `timeout_s`.

    Looking first takes the queue's lock. In Python 3.11 and 3.12 a wait of microseconds that finds it free may end up
    waiting for ever.
    """
    try:
        return inbox.get_nowait()
    except Empty:
        return inbox.get(True, timeout_s)


def _exchange(config: BareConfig, send: Callable[[bytes], None], inbox: SimpleQueue[bytes]) -> list[float]:
    """Latencies of echoes in s, of frames one after the other; raises TimeoutError where one is lost."""
    latencies_s: list[float] = []
    for number, echoes in enumerate(_asked(config)):
        asked = len(echoes)
        sent_s = time.monotonic()
        send(b"".join(_part(config, echo) for echo in echoes))
        while asked:
            try:
                answers = len(inbox.get(True, _ECHO_LIMIT_S)) // config.decision_bytes
            except Empty:
                raise TimeoutError(
                    f"{asked} of {len(echoes)} echoes of frame {number} are not here after {_ECHO_LIMIT_S:g} s"
                ) from None
            asked -= answers
            if number >= WARM_UP_FRAMES:
                latencies_s += [time.monotonic() - sent_s] * answers
    return latencies_s


def _on_schedule(config: BareConfig, slot_s: float, send: Callable[[bytes], None], inbox: SimpleQueue[bytes]) -> float:
    """Share of echoes that came late, or never; a frame that is late is followed as a late slot of the emulator is."""
    pending: list[deque[float]] = [deque() for _ in range(ECHOES)]  # deadlines, in the order in which echoes answer
    asked = in_time = 0

    def take(until_s: float) -> None:
        nonlocal in_time
        while (left_s := until_s - time.monotonic()) > 0 or not inbox.empty():
            try:
                frame = _next(inbox, max(0.0, left_s))
            except Empty:
                return
            now_s = time.monotonic()
            in_time += sum(now_s <= pending[answer[0]].popleft() for answer in _answers(config, frame))

    start_s, pace = time.monotonic(), SlotPace(slot_s)
    for number, echoes in enumerate(_asked(config)):
        begin_s = pace.begin_s(start_s + number * slot_s)
        take(begin_s)
        pace.began(time.monotonic())
        send(b"".join(_part(config, echo) for echo in echoes))
        counts = number >= WARM_UP_FRAMES
        asked += counts * len(echoes)
        for echo in echoes:
            pending[echo].append(begin_s + config.control_delay_slots * slot_s if counts else -math.inf)
    take(time.monotonic() + config.control_delay_slots * slot_s)
    return 1 - in_time / asked


def _asked(config: BareConfig) -> Iterator[list[int]]:
    """Echoes whose observations a frame carries, frame by frame."""
    others = (config.observations_per_frame - 1) / (ECHOES - 1)
    shares = (1.0, others, others)
    due = [0.0] * ECHOES
    for _ in range(WARM_UP_FRAMES + config.frames):
        due = [before + share for before, share in zip(due, shares, strict=True)]
        echoes = [echo for echo, share in enumerate(due) if share >= 1.0]
        for echo in echoes:
            due[echo] -= 1.0
        yield echoes


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
        stream = ServerStream(context, forward, lambda _reason: over.set())
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
