"""The tap mirrors frames to whoever watches, and to nobody else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from near_rt_ric.endpoints import BusEndpoints, EndpointError
from near_rt_ric.tap import TO_NODE, TO_RIC, Tap


@pytest.fixture
def tap(tmp_path: Path) -> Iterator[Tap]:
    result = Tap(f"ipc://{tmp_path}/tap")
    result.start()
    yield result
    result.stop()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def watcher(context: zmq.Context[zmq.Socket[bytes]], tap: Tap) -> zmq.Socket[bytes]:
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, 5_000)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    socket.connect(tap.endpoint)
    return socket


def test_frames_reach_every_watcher_until_the_last_one_goes(tap: Tap) -> None:
    assert not tap.watched
    with zmq.Context() as context:
        first, second = watcher(context, tap), watcher(context, tap)
        wait_for(lambda: tap.watched)
        time.sleep(0.1)  # both have subscribed
        tap.mirror(TO_RIC, "00101-1", b"frame")
        for socket in (first, second):
            direction, node_id, time_ns, frame = socket.recv_multipart()
            assert (direction, node_id, frame) == (b"to_ric", b"00101-1", b"frame")
            assert abs(int.from_bytes(time_ns, "little") * 1e-9 - time.time()) < 60
        first.close()
        time.sleep(0.1)
        assert tap.watched
        tap.mirror(TO_NODE, "00101-1", b"answer")
        assert second.recv_multipart()[3] == b"answer"
        second.close()
        wait_for(lambda: not tap.watched)


def test_an_endpoint_that_cannot_be_bound_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match="ipc:"):
        Tap(f"ipc://{tmp_path}/no/such/folder/tap")


def test_over_tcp_the_tap_is_for_this_host_alone() -> None:
    assert BusEndpoints.parse("tcp://0.0.0.0:26430").tap == "tcp://127.0.0.1:26429"
    assert BusEndpoints.parse("ipc:///run/bus").tap == "ipc:///run/bus-tap"
