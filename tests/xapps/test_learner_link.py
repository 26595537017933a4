"""An xApp's link to its learner: waits in lock-step, never in real time, and lives without."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import zmq
from messages import observation

from xapps import learner_wire as wire
from xapps.codec import decode_observation
from xapps.learner_link import MAX_OUTSTANDING, LearnerLink, LearnerLinks, RemoteSlotLearner
from xapps.learning_schedule import LearningSchedule
from xapps.slicing.networks import IntraWeights
from xapps.slicing.observation import SlotDecision, SlotObservation

START = IntraWeights(0, 0.5, np.arange(4, dtype=np.float32), "start")


def weights(version: int) -> IntraWeights:
    return IntraWeights(version, 0.25, np.full(4, version, np.float32), f"v{version}")


class ScriptedLearner:
    """A learner of the test's own: answers by hand."""

    def __init__(self, endpoint: str) -> None:
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        self.socket.bind(endpoint)
        self.identity = b""

    def take(self, kind: bytes, timeout_s: float = 10.0) -> list[bytes]:
        """The next message of a kind; repeated greetings are passed over."""
        end_s = time.monotonic() + timeout_s
        while self.socket.poll(max(0, int(1e3 * (end_s - time.monotonic())))):
            self.identity, *parts = self.socket.recv_multipart()
            if parts[0] == kind:
                return parts
        raise AssertionError(f"no {kind!r} within {timeout_s} s")

    def nothing_waits(self, wait_ms: int = 100) -> bool:
        return not self.socket.poll(wait_ms)

    def send(self, *parts: bytes) -> None:
        self.socket.send_multipart((self.identity, *parts))

    def welcome(self, start: IntraWeights = START) -> None:
        self.take(wire.HELLO)
        self.send(wire.WELCOME, *wire.encode_intra_weights(start))

    def learned(self, frame: list[bytes], learned: IntraWeights | None) -> None:
        parts = (b"", b"") if learned is None else wire.encode_intra_weights(learned)
        self.send(wire.LEARNED, frame[1], *parts)

    def close(self) -> None:
        self.socket.close()


class Link:
    """A link under test, and what it told its owner."""

    def __init__(self, endpoint: str, *, lockstep: bool, required: bool) -> None:
        self.stopping = False
        self.told: list[bool] = []
        self.link: LearnerLink[IntraWeights] = LearnerLink(
            endpoint,
            "embb/00101-1",
            wire.encode_hello("embb", "madqn-tuned", lockstep, {}),
            wire.encode_intra_weights(START),
            self.decoded,
            lockstep=lockstep,
            required=required,
            stopping=lambda: self.stopping,
            on_learning=self.told.append,
        )

    @staticmethod
    def decoded(parts: wire.WeightsParts) -> IntraWeights:
        """Weights of this agent's size, as a policy checks them."""
        found = wire.decode_intra_weights(parts)
        if len(found.flat) != len(START.flat) or not np.isfinite(found.flat).all():
            raise ValueError("weights: expected 4 finite numbers")
        return found

    def exchange(self, message: bytes = b"m", previous: bytes = b"p") -> IntraWeights | None:
        return self.link.exchange(b"h", message, previous)

    def until_learning(self) -> IntraWeights:
        """Exchange until a greeting was answered."""
        end_s = time.monotonic() + 10
        while time.monotonic() < end_s:
            found = self.exchange()
            if found is not None:
                return found
            time.sleep(0.01)
        raise AssertionError("the learner was not greeted")


@pytest.fixture
def endpoint(tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/learner"


@pytest.fixture
def learner(endpoint: str) -> Iterator[ScriptedLearner]:
    made = ScriptedLearner(endpoint)
    yield made
    made.close()


@pytest.fixture
def make(endpoint: str) -> Iterator[Callable[..., Link]]:
    links: list[Link] = []

    def start(*, lockstep: bool, required: bool = False) -> Link:
        links.append(Link(endpoint, lockstep=lockstep, required=required))
        links[-1].link.open()
        return links[-1]

    yield start
    for each in links:
        each.link.close()


def in_background(action: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(action()), daemon=True)
    thread.start()
    return thread, found


@pytest.mark.parametrize("lockstep", [False, True])
def test_without_a_learner_nothing_is_learned_and_nobody_waits(make: Callable[..., Link], lockstep: bool) -> None:
    link = make(lockstep=lockstep)
    assert [link.exchange() for _ in range(100)] == [None] * 100
    assert link.told == []


def test_a_learner_that_comes_later_is_greeted_with_our_weights(
    make: Callable[..., Link], learner: ScriptedLearner
) -> None:
    link = make(lockstep=False)
    thread, found = in_background(link.until_learning)
    hello = learner.take(wire.HELLO)
    assert wire.decode_intra_weights((hello[2], hello[3])).flat.tolist() == START.flat.tolist()
    learner.send(wire.WELCOME, *wire.encode_intra_weights(weights(5)))
    thread.join(10)
    assert [each.version for each in found if isinstance(each, IntraWeights)] == [5]
    assert link.told == [True]


def test_in_lockstep_a_required_learner_is_waited_for_and_each_frame_for_its_answer(
    make: Callable[..., Link], learner: ScriptedLearner
) -> None:
    link = make(lockstep=True, required=True)
    thread, found = in_background(lambda: link.exchange(b"first"))
    learner.welcome()
    frame = learner.take(wire.FRAME)
    assert frame[2:] == [b"h", b"first", b""]  # nothing was decided before
    thread.join(0.2)
    assert thread.is_alive()
    learner.learned(frame, None)
    thread.join(10)
    assert isinstance(found[0], IntraWeights)
    assert found[0].version == 0
    thread, found = in_background(lambda: link.exchange(b"second"))
    frame = learner.take(wire.FRAME)
    assert frame[2:] == [b"h", b"second", b"p"]
    learner.learned(frame, weights(1))
    thread.join(10)
    assert isinstance(found[0], IntraWeights)
    assert found[0].version == 1


def test_in_lockstep_a_learner_that_dies_over_a_frame_is_missed_at_once(
    make: Callable[..., Link], learner: ScriptedLearner
) -> None:
    link = make(lockstep=True)
    thread, _ = in_background(link.until_learning)
    learner.welcome()
    learner.learned(learner.take(wire.FRAME), None)
    thread.join(10)
    thread, found = in_background(link.exchange)
    learner.take(wire.FRAME)
    learner.close()
    thread.join(5)
    assert found == [None]
    assert link.told == [True, False]


def test_waiting_ends_when_the_process_is_to_end(make: Callable[..., Link]) -> None:
    link = make(lockstep=True, required=True)
    thread, found = in_background(link.exchange)
    thread.join(0.2)
    assert thread.is_alive()
    link.stopping = True
    thread.join(5)
    assert found == [None]


def test_waiting_ends_when_the_learner_refuses_and_the_agent_is_frozen(
    make: Callable[..., Link], learner: ScriptedLearner, caplog: pytest.LogCaptureFixture
) -> None:
    link = make(lockstep=True, required=True)
    thread, found = in_background(lambda: link.exchange(b"first"))
    learner.take(wire.HELLO)
    learner.send(wire.REFUSED, b"access: madqn-tuned learns under rsma or sdma, not ofdma")
    thread.join(10)
    assert found == [None]
    assert [link.exchange() for _ in range(100)] == [None] * 100
    assert link.told == []
    (record,) = [record for record in caplog.records if record.message == "not_learning"]
    assert "it refuses, frozen: access: madqn-tuned learns under rsma" in str(record.__dict__)


def test_greetings_repeated_while_the_learner_started_change_nothing(
    make: Callable[..., Link], learner: ScriptedLearner
) -> None:
    link = make(lockstep=True, required=True)
    thread, found = in_background(lambda: link.exchange(b"first"))
    learner.welcome()
    learner.send(wire.WELCOME, *wire.encode_intra_weights(START))  # to a second greeting
    frame = learner.take(wire.FRAME)
    thread.join(0.2)
    assert thread.is_alive()  # the second welcome is no answer to the frame
    learner.learned(frame, weights(1))
    thread.join(10)
    assert isinstance(found[0], IntraWeights)
    assert found[0].version == 1


def learning_in_real_time(make: Callable[..., Link], learner: ScriptedLearner) -> Link:
    link = make(lockstep=False)
    thread, _ = in_background(link.until_learning)
    learner.welcome()
    thread.join(10)
    return link


def test_in_real_time_frames_go_out_without_waiting_and_a_busy_learner_gets_no_more(
    make: Callable[..., Link], learner: ScriptedLearner
) -> None:
    link = learning_in_real_time(make, learner)
    for number in range(MAX_OUTSTANDING + 5):
        assert link.exchange(str(number).encode()) is None
    frames = [learner.take(wire.FRAME) for _ in range(MAX_OUTSTANDING)]
    assert learner.nothing_waits()
    assert [frame[4] for frame in frames][1:] == [b"p"] * (MAX_OUTSTANDING - 1)
    for version, frame in enumerate(frames, 1):
        learner.learned(frame, weights(version))
    found = link.exchange(b"after a gap")
    while found is None:
        found = link.exchange(b"after a gap")
    assert found.version >= 1
    # What was decided on a frame that the learner never saw must not be taken for that of its last one.
    assert learner.take(wire.FRAME)[4] == b""


def test_frames_passed_over_break_the_chain_and_weights_come_all_the_same(
    make: Callable[..., Link], learner: ScriptedLearner
) -> None:
    link = learning_in_real_time(make, learner)
    learner.learned(learner.take(wire.FRAME), weights(7))
    found = link.link.pass_over()
    while found is None:
        found = link.link.pass_over()
    assert found.version == 7
    link.exchange(b"after a gap")
    link.exchange(b"next")
    assert [learner.take(wire.FRAME)[4] for _ in range(2)] == [b"", b"p"]


def test_a_learner_is_greeted_also_where_its_frames_are_passed_over(
    make: Callable[..., Link], learner: ScriptedLearner
) -> None:
    link = make(lockstep=False)
    end_s = time.monotonic() + 10
    while not learner.socket.poll(0):
        assert time.monotonic() < end_s
        assert link.link.pass_over() is None
    learner.welcome(weights(3))
    found = link.link.pass_over()
    while found is None:
        found = link.link.pass_over()
    assert found.version == 3


class RecordingLink:
    """A link that learns, and what it was given."""

    learning = True

    def __init__(self) -> None:
        self.told: list[bytes | None] = []

    def exchange(self, _header: bytes, _message: bytes, previous: bytes) -> None:
        self.told.append(previous)

    def pass_over(self) -> None:
        self.told.append(None)


def test_of_a_burst_only_decisions_are_told_whose_outcomes_bring_detail() -> None:
    link, delay = RecordingLink(), 2
    schedule = LearningSchedule(offset_slots=0, period_slots=100, burst_slots=4)
    learner = RemoteSlotLearner(link, schedule)  # type: ignore[arg-type]
    for observed_slot in range(95, 110):
        decision = SlotDecision(
            np.zeros(1, np.int16), np.zeros(1, np.float32), None, np.array([observed_slot], np.int32)
        )
        learner.on_frame(blank(observed_slot, delay), decision)
    sent = [place for place, told in enumerate(link.told, 95) if told is not None]
    assert sent == list(range(98, 105))  # from the decision for slot 100 to the outcome of slot 103
    # With frame n goes what was decided on frame n - 1: for slot n + 1.
    assert [place for place, told in enumerate(link.told, 95) if told] == [99, 100, 101, 102]


def blank(observed_slot: int, delay: int) -> SlotObservation:
    header, message = observation(observed_slot, [17], [])
    found = decode_observation(header, message)
    return dataclasses.replace(found, observed_slot=observed_slot, decided_slot=observed_slot + delay)


def test_a_learner_that_started_anew_is_greeted_with_what_was_learned(
    make: Callable[..., Link], learner: ScriptedLearner
) -> None:
    link = make(lockstep=True, required=True)
    thread, _ = in_background(lambda: link.exchange(b"1"))
    learner.welcome()
    learner.learned(learner.take(wire.FRAME), weights(9))
    thread.join(10)
    thread, found = in_background(lambda: link.exchange(b"2"))
    learner.take(wire.FRAME)
    learner.send(wire.UNKNOWN)
    thread.join(10)
    assert found == [None]
    assert link.told == [True, False]
    thread, found = in_background(lambda: link.exchange(b"3"))
    hello = learner.take(wire.HELLO)
    assert wire.decode_intra_weights((hello[2], hello[3])).version == 9
    learner.send(wire.WELCOME, hello[2], hello[3])
    frame = learner.take(wire.FRAME)
    assert frame[3:] == [b"3", b""]
    learner.learned(frame, None)
    thread.join(10)
    assert link.told == [True, False, True]


def test_weights_that_do_not_fit_end_the_learning_and_not_the_agent(
    make: Callable[..., Link], learner: ScriptedLearner
) -> None:
    link = learning_in_real_time(make, learner)
    assert link.exchange() is None
    learner.learned(learner.take(wire.FRAME), IntraWeights(2, 0.25, np.full(4, np.nan, np.float32), "diverged"))
    deadline_s = time.monotonic() + 10
    while link.link.learning:
        assert link.exchange() is None
        assert time.monotonic() < deadline_s
    assert link.told == [True, False]


def test_a_refusal_and_nonsense_leave_the_agent_frozen(make: Callable[..., Link], learner: ScriptedLearner) -> None:
    link = make(lockstep=False)
    for answer in ((wire.REFUSED, b"policy: another"), (b"nonsense",), (wire.WELCOME, b"id", b"too short")):
        deadline_s = time.monotonic() + 10
        while learner.nothing_waits(10):
            link.link._greet_s = 0.0
            link.exchange()
            assert time.monotonic() < deadline_s
        learner.take(wire.HELLO)
        learner.send(*answer)
        time.sleep(0.05)
        assert link.exchange() is None
        assert not link.link.learning
    assert link.told == []


def test_a_nodes_next_agent_is_answered_in_the_place_of_the_one_before(endpoint: str, learner: ScriptedLearner) -> None:
    links: LearnerLinks[IntraWeights] = LearnerLinks()
    for version in (1, 2):
        agent = Link(endpoint, lockstep=False, required=False)
        links.take_over("00101-1", agent.link)
        thread, _ = in_background(partial(learner.welcome, weights(version)))
        assert agent.until_learning().version == version
        thread.join(10)
    agent.link.close()
