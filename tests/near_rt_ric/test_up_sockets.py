"""A node's up socket: who closes it, and that nobody holds the platform's lock meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
from e2_test_node import setup_request
from hiso_proto import e2ap_pb2 as e2ap

from near_rt_ric.e2_messages import judge_setup
from near_rt_ric.endpoints import BusEndpoints
from near_rt_ric.failures import Failure
from near_rt_ric.platform import RicPlatform
from near_rt_ric.store import Store
from near_rt_ric.up_socket import UpSocket

IN_TIME_S = 5.0
REMOVAL = e2ap.E2apPdu(e2_removal_request=e2ap.E2RemovalRequest(transaction_id=3))


class Up:
    """An up socket that is none."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint


class Connection:
    """A node's stream, as far as a platform without xApps needs it."""

    peer = "test"
    indications = controls = 0

    def __init__(self) -> None:
        self.permissions: dict[object, object] = {}
        self.routes: dict[int, bytes] = {}
        self.fan_outs: dict[int, object] = {}
        self.up: Up | None = None

    def attach(self, up: Up, _answer: object) -> None:
        self.up = up

    def post(self, _pdu: object) -> None:
        pass


class Down:
    """Towards xApps, of which there are none; `while_closing` is called in another thread, which must end in time."""

    def __init__(self) -> None:
        self.while_closing: Callable[[], object] = lambda: None
        self.ended_in_time: list[bool] = []

    def send_down(self, _identity: bytes, _payload: bytes) -> int:
        return 0

    def open_up(self, endpoint: str) -> Up:
        return Up(endpoint)

    def close_up(self, _up: Up) -> None:
        thread = threading.Thread(target=self.while_closing, daemon=True)
        thread.start()
        thread.join(IN_TIME_S)
        self.ended_in_time.append(not thread.is_alive())


@pytest.fixture
def down() -> Down:
    return Down()


@pytest.fixture
def platform(tmp_path: Path, down: Down) -> Iterator[RicPlatform]:
    store = Store(tmp_path / "store.sqlite")
    made = RicPlatform(store, BusEndpoints.parse(f"ipc://{tmp_path}/bus"))
    made.attach(down)  # type: ignore[arg-type]
    yield made
    store.close()


def set_up(platform: RicPlatform, gnb_id: int) -> Connection:
    connection = Connection()
    platform.node_set_up(connection, judge_setup(setup_request(gnb_id)))  # type: ignore[arg-type]
    return connection


def number_of(connection: Connection) -> str:
    assert connection.up is not None
    return connection.up.endpoint.rpartition("-")[2]


def test_a_removed_nodes_number_is_free_once_its_socket_is_closed_without_the_lock(
    platform: RicPlatform, down: Down
) -> None:
    first = set_up(platform, 1)
    platform.node_lost(first, "test")  # type: ignore[arg-type]
    numbers: list[str] = []
    down.while_closing = lambda: numbers.append(number_of(set_up(platform, 2)))
    answers: list[Failure | None] = []
    platform.remove_node("00101-1", answers.append)
    assert (answers, down.ended_in_time, number_of(first), numbers) == ([None], [True], "0", ["1"])
    assert number_of(set_up(platform, 3)) == "0"


def test_the_socket_of_a_node_that_left_is_closed_without_the_lock_when_its_stream_is_over(
    platform: RicPlatform, down: Down
) -> None:
    leaving = set_up(platform, 1)
    leaving.finish = lambda _reason: None  # type: ignore[attr-defined]
    leaving.setup = judge_setup(setup_request(1)).setup  # type: ignore[attr-defined]
    platform.node_message(leaving, REMOVAL)  # type: ignore[arg-type]
    assert number_of(set_up(platform, 2)) == "1"
    assert down.ended_in_time == []
    numbers: list[str] = []
    down.while_closing = lambda: numbers.append(number_of(set_up(platform, 3)))
    platform.connection_ended(leaving)  # type: ignore[arg-type]
    assert (down.ended_in_time, numbers) == ([True], ["2"])
    assert number_of(set_up(platform, 4)) == "0"


def test_an_up_socket_that_fails_says_so_and_is_closed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    UpSocket(context, f"ipc://{tmp_path}/up")
    ending = threading.Thread(target=context.term, daemon=True)  # ends when every socket is closed
    ending.start()
    ending.join(IN_TIME_S)
    assert not ending.is_alive()
    assert "up_socket_failed" in caplog.messages


def test_a_reader_that_ends_late_closes_its_socket_all_the_same(tmp_path: Path) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    up = UpSocket(context, f"ipc://{tmp_path}/up")
    taken, go_on = threading.Event(), threading.Event()

    class Slow:
        def take_control(self, _raw: bytes) -> None:
            taken.set()
            go_on.wait(IN_TIME_S)

    up.connection = Slow()
    push = context.socket(zmq.PUSH)
    push.connect(up.endpoint)
    push.send(b"control")
    assert taken.wait(IN_TIME_S)
    up.close()
    go_on.set()
    push.close(linger=0)
    ending = threading.Thread(target=context.term, daemon=True)
    ending.start()
    ending.join(IN_TIME_S)
    assert not ending.is_alive()
