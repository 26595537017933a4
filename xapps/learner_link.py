"""An xApp's end of the way to its learner: frames go out, weights come back.

In lock-step a frame waits for its answer; in real time it never does. Without a learner the agent is frozen.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import zmq

from service_kit.logs import fields
from xapps import learner_wire as wire
from xapps.learning_schedule import LearningSchedule
from xapps.sdk.errors import BusEndpointError
from xapps.sdk.management import connected_socket
from xapps.sdk.service import bus_endpoint
from xapps.slicing.inter.base import InterWeights
from xapps.slicing.networks import IntraWeights
from xapps.slicing.observation import SecondReport, SlotDecision, SlotObservation

_LOG = logging.getLogger(__name__)

Weights = TypeVar("Weights")

MAX_OUTSTANDING = 4
"""In real time so many frames may wait at the learner; more are not sent."""
SILENCE_S = 5.0
LOCKSTEP_SILENCE_S = 30.0
GREETING_PERIOD_S = 0.5
UNSENT_GREETING_PERIOD_S = 0.02
"""Where nobody has been connected yet."""
REFUSAL_PERIOD_S = 10.0
_READABLE, _WRITABLE, _EVENTS, _NOBLOCK = int(zmq.POLLIN), int(zmq.POLLOUT), int(zmq.EVENTS), int(zmq.NOBLOCK)
"""Plain numbers: an enumeration costs more than the look."""
_POLL_MS = 100


def learner_endpoint(text: str) -> str:
    """A flag's address of a learner; raises ArgumentTypeError for what no socket connects to."""
    bus_endpoint(text)
    try:
        # A context of its own: the threads of the one that links use get this process's placement, which comes later.
        with zmq.Context() as context:
            connected_socket(context, zmq.DEALER, text).close()
    except BusEndpointError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no address that can be connected to") from error
    return text


class LearnerLink(Generic[Weights]):
    """Talks to one learner for one agent; for the thread that decides."""

    def __init__(
        self,
        endpoint: str,
        identity: str,
        hello: bytes,
        weights: wire.WeightsParts,
        decode: Callable[[wire.WeightsParts], Weights],
        *,
        lockstep: bool,
        required: bool,
        stopping: Callable[[], bool],
        on_learning: Callable[[bool], None],
        max_outstanding: int = MAX_OUTSTANDING,
    ) -> None:
        """`decode` raises ValueError for weights that do not fit the agent, too, which then decides frozen.

        `required`: in lock-step the first frame waits for the learner; else it starts when it says hello.

        A learner that refuses ends the waiting: the agent decides frozen, and asks again now and then.
        `identity` names agent and node; `weights` is where a learner starts from, `on_learning` is told when
        learning begins and ends, `stopping` ends any wait. `open` comes before the first frame.
        """
        self._socket: zmq.Socket[bytes]
        self._endpoint = endpoint
        self._identity = identity
        self._hello = hello
        self._weights = weights
        self._decode = decode
        self._lockstep = lockstep
        self._required = required
        self._stopping = stopping
        self._on_learning = on_learning
        self._max_outstanding = max_outstanding
        self.learning = False
        self._fresh: Weights | None = None
        self._sent = 0
        self._answered = 0
        self._heard_s = 0.0
        self._greet_s = 0.0
        self._gap = True

    def open(self) -> None:
        """Connect; raises BusEndpointError for what `learner_endpoint` refuses."""
        self._socket = connected_socket(
            zmq.Context.instance(), zmq.DEALER, self._endpoint, identity=self._identity, immediate=True
        )

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def exchange(self, header: bytes, message: bytes, previous: bytes) -> Weights | None:
        """Give the learner a frame and what was decided on the one before; the newest weights that have come."""
        self._fresh = None
        if self._lockstep:
            self._exchange_in_lockstep(header, message, previous)
        else:
            self._exchange_in_time(header, message, previous)
        return self._fresh

    def pass_over(self) -> Weights | None:
        """Keep a frame from the learner; the newest weights that have come."""
        self._fresh = None
        self._gap = True
        while self._take(0):
            pass
        if not self.learning:
            self._greet(time.monotonic())
        return self._fresh

    def _exchange_in_time(self, header: bytes, message: bytes, previous: bytes) -> None:
        while self._take(0):
            pass
        now_s = time.monotonic()
        if not self.learning:
            self._greet(now_s)
        elif self._sent - self._answered < self._max_outstanding:
            self._send_frame(header, message, previous)
        else:
            # The learner will not see this frame: what is decided on it cannot be told with the next one.
            self._gap = True
            if now_s - self._heard_s > SILENCE_S:
                self._lost("it is silent")

    def _exchange_in_lockstep(self, header: bytes, message: bytes, previous: bytes) -> None:
        while self._take(0):
            pass
        if not self.learning:
            self._greet(time.monotonic())
            if self._required:
                self._await_welcome()
        if not self.learning or not self._send_frame(header, message, previous):
            return
        deadline_s = time.monotonic() + LOCKSTEP_SILENCE_S
        while self.learning and self._answered != self._sent and not self._stopping():
            if self._take(_POLL_MS):
                continue
            if not self._peer_is_there():
                self._lost("its connection is gone")
            elif time.monotonic() > deadline_s:
                self._lost("it is silent")

    def _await_welcome(self) -> None:
        """Wait for the learner: for ever before the first frame, not much longer than a restart takes later."""
        started_s = time.monotonic()
        told = False
        while self._required and not self.learning and not self._stopping():
            self._take(_POLL_MS)
            now_s = time.monotonic()
            if not told and now_s - started_s > 2.0:
                _LOG.info("waiting_for_learner", extra=fields(agent=self._identity))
                told = True
            if self._sent > 0 and now_s - started_s > LOCKSTEP_SILENCE_S:
                self._required = False
                self._lost("it does not come back: frozen until it does")
                return
            self._greet(now_s)

    def _greet(self, now_s: float) -> None:
        if now_s < self._greet_s:
            return
        sent = self._send(wire.HELLO, self._hello, *self._weights)
        self._greet_s = now_s + (GREETING_PERIOD_S if sent else UNSENT_GREETING_PERIOD_S)

    def _send_frame(self, header: bytes, message: bytes, previous: bytes) -> bool:
        number = self._sent + 1
        if not self._send(wire.FRAME, wire.encode_number(number), header, message, b"" if self._gap else previous):
            self._lost("its socket is gone")
            return False
        self._sent = number
        self._gap = False
        return True

    def _send(self, *parts: bytes) -> bool:
        try:
            self._socket.send_multipart(parts, _NOBLOCK)
        except zmq.Again:
            return False
        return True

    def _take(self, wait_ms: int) -> bool:
        """Handle one answer; False where none comes within the wait."""
        if not self._readable() and not (wait_ms and self._socket.poll(wait_ms)):
            return False
        try:
            parts = self._socket.recv_multipart(_NOBLOCK)
        except zmq.Again:
            return False
        self._heard_s = time.monotonic()
        try:
            self._handle(parts)
        except ValueError as error:
            self._lost(f"its answer cannot be used: {error}")
        return True

    def _readable(self) -> bool:
        return bool(int(self._socket.getsockopt(_EVENTS)) & _READABLE)

    def _peer_is_there(self) -> bool:
        """Whether anything could be sent: the socket queues for a peer that is connected, and for nobody else."""
        return bool(int(self._socket.getsockopt(_EVENTS)) & _WRITABLE)

    def _handle(self, parts: list[bytes]) -> None:
        kind = parts[0]
        if kind == wire.LEARNED and len(parts) == 4:
            self._answered = wire.decode_number(parts[1])
            if parts[3] and self.learning:
                self._take_weights((parts[2], parts[3]))
        elif kind == wire.WELCOME and len(parts) == 3:
            if not self.learning:  # else it answers a greeting that was repeated while the learner started
                self._take_weights((parts[1], parts[2]))
                self.learning = True
                _LOG.info("learning", extra=fields(agent=self._identity))
                self._on_learning(True)
        elif kind == wire.REFUSED and len(parts) == 2:
            self._required = False
            self._lost(f"it refuses, frozen: {parts[1].decode(errors='replace')}")
            self._greet_s = time.monotonic() + REFUSAL_PERIOD_S
        elif kind == wire.UNKNOWN:
            self._lost("it has started anew")
            self._greet_s = 0.0
        else:
            raise ValueError(f"{len(parts)} parts of kind {kind[:20]!r}")

    def _take_weights(self, parts: wire.WeightsParts) -> None:
        self._fresh = self._decode(parts)
        self._weights = parts

    def _lost(self, reason: str) -> None:
        self._gap = True
        self._answered = self._sent
        self._fresh = None  # its exploration rate must not undo what freezes the agent
        if self.learning:
            self.learning = False
            self._on_learning(False)
        _LOG.warning("not_learning", extra=fields(agent=self._identity, reason=reason))


class LearnerLinks(Generic[Weights]):
    """An xApp's open links: one a node, that of the agent in service.

    Two of one identity must never be open at once: the learner's socket gives the name to the one that came last, and
    leaves the other connected to nobody, for ever.
    """

    def __init__(self) -> None:
        """None yet."""
        self._open: dict[str, LearnerLink[Weights]] = {}

    def take_over(self, node_id: str, link: LearnerLink[Weights]) -> None:
        """Open the link of an agent that is in service now, in the place of that of the node's agent before."""
        if node_id in self._open:
            self._open.pop(node_id).close()
        link.open()
        self._open[node_id] = link


class RemoteSlotLearner:
    """A slice's learner behind a link, in the place of `IntraLearner`."""

    def __init__(self, link: LearnerLink[IntraWeights], schedule: LearningSchedule) -> None:
        """Over `link`, which is this agent's alone."""
        self.schedule = schedule
        self.link = link
        self._frame = (b"", b"")
        self._teaches = False
        """Whether what was decided on the last frame may be learned from: its outcome brings detail."""

    def bring(self, header: bytes, message: bytes) -> None:
        """The indication that the next observation was decoded from: it goes on as it came."""
        self._frame = (header, message)

    def on_frame(self, observation: SlotObservation, previous: SlotDecision | None) -> IntraWeights | None:
        """Weights to take over now, if any."""
        decided_slot, observed_slot = observation.decided_slot, observation.observed_slot
        if not self.schedule.takes(decided_slot, observed_slot):
            return self.pass_over()
        return self.on_brought(decided_slot, previous)

    def on_brought(self, decided_slot: int, previous: SlotDecision | None) -> IntraWeights | None:
        """Weights to take over now, if any, for the frame that was brought."""
        told = wire.encode_decision(previous) if self._teaches and self.link.learning else b""
        self._teaches = self.schedule.learns(decided_slot)
        return self.link.exchange(*self._frame, told)

    def pass_over(self) -> IntraWeights | None:
        """Weights to take over now, if any, at a frame that the learner does not get."""
        return self.link.pass_over()


class RemoteBudgetLearner:
    """The inter-slice learner behind a link, in the place of `InterLearner`."""

    def __init__(self, link: LearnerLink[InterWeights]) -> None:
        """Over `link`, which is this agent's alone."""
        self.link = link
        self._frame = (b"", b"")

    def bring(self, header: bytes, message: bytes) -> None:
        """The indication that the next report was decoded from: it goes on as it came."""
        self._frame = (header, message)

    def on_second(self, report: SecondReport, actions: tuple[int, int] | None) -> InterWeights | None:  # noqa: ARG002
        """Weights to take over now, if any."""
        return self.link.exchange(*self._frame, wire.encode_actions(actions))
