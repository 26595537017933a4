"""What hot loops keep: the growth of this process while its node serves slots, and while an agent decides."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import cast

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_slot_pb2 as slot_pb2
from hiso_proto import xapp_bus_pb2 as bus

from hiso.bench.system_run import bench_request
from ran_emulator.cell import Cell
from ran_emulator.e2 import codec
from ran_emulator.e2.link import E2Link, Opened, Received
from ran_emulator.e2.node import E2Node
from ran_emulator.e2.outbox import encode_frame
from ran_emulator.e2.subscriptions import SLOT_FUNCTION
from ran_emulator.scenario import SLICE_NAMES
from xapps.codec import slice_contexts
from xapps.sdk import insert_action
from xapps.slicing.intra.frames import SlotLane
from xapps.slicing.intra.policies import make_intra_policy, trained_weights

WARM_UP_SLOTS = 2_000
_STREAM = 1
_KEPT_FRAMES = 256
_NODE, _XAPP = "00101-1", "intra-slice"


class _RecordedLink:
    """Keeps the frames that the node sends."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []

    def send(self, _stream: int, frame: bytes) -> None:
        self._frames.append(frame)

    def take(self) -> list[e2ap.E2apPdu]:
        pdus = [pdu for frame in self._frames for pdu in e2ap.E2Frame.FromString(frame).pdus]
        self._frames.clear()
        return pdus


class LoopInProcess:
    """The node and the compiled lanes of three frozen agents, which answer its frames; without sockets."""

    def __init__(self) -> None:
        """Of `base` in lock-step, `hiso-coma-tuned`, seed 1, before slot 0."""
        request = bench_request(clock="lockstep", slots=1)
        options, weights = request.scheduler.options, request.weights().intra
        assert weights is not None
        self._link = _RecordedLink()
        self._cell = Cell(request.scenario, request.seed, request.control_delay_slots)
        self._node = E2Node(self._cell, cast(E2Link, self._link), gnb_id=1, lockstep=True)
        self._frames: list[tuple[int, bytes, int]] = []
        """Slice, DownMessage and sequence number, the last of them."""
        contexts = slice_contexts(codec.slot_definition(self._cell, True).SerializeToString())
        self._lanes = []
        self.decisions = 0
        """Made so far."""
        for slice_id in range(len(SLICE_NAMES)):
            start = trained_weights(request.scheduler.intra, contexts[slice_id], weights, options)
            policy = make_intra_policy(request.scheduler.intra, contexts[slice_id], request.seed, start, options)
            policy.freeze()
            self._lanes.append(SlotLane(policy, _NODE, _XAPP))
        self._node.handle(Opened(_STREAM))
        self._give(e2ap.E2apPdu(e2_setup_response=e2ap.E2SetupResponse(transaction_id=1)))
        for slice_id in range(len(SLICE_NAMES)):
            self._subscribe(slice_id, compact=options.observation == "compact")
        self._link.take()

    @property
    def missed_deadlines(self) -> int:
        """INSERTs without the decision asked for."""
        return sum(self._node.missed_deadlines)

    def serve(self, slots: int) -> None:
        """Run slots: asked, decided, executed."""
        for _ in range(slots):
            slot = self._cell.slot
            self._cell.begin_slot()
            self._node.ask()
            for pdu in self._link.take():
                if pdu.WhichOneof("message") == "ric_indication":
                    self._give(e2ap.E2apPdu(ric_control_request=self._asked(pdu.ric_indication)))
            del self._frames[:-_KEPT_FRAMES]
            window = self._cell.execute_slot()
            self._node.executed(slot)
            if window is not None:
                self._node.report_second(self._node.close_second(window))
            self._node.latencies_s.clear()  # as its reader does once a second

    def decide(self, decisions: int) -> None:
        """Answer the last frames of `serve`, over and over."""
        for number in range(decisions):
            self._decide(*self._frames[number % len(self._frames)])

    def _asked(self, indication: e2ap.RicIndication) -> e2ap.RicControlRequest:
        """What the slice's lane answers to an indication; its first one teaches it what it answers to."""
        slice_id = slot_pb2.IndicationHeader.FromString(indication.ric_indication_header).slice_id
        self._lanes[slice_id].learn(indication, int(self._cell.state.cell[0]["hwi_model"]))
        frame = bus.DownMessage(node_id=_NODE, indication=indication).SerializeToString()
        self._frames.append((slice_id, frame, indication.ric_indication_sn))
        return bus.UpMessage.FromString(self._decide(*self._frames[-1])).control_request

    def _decide(self, slice_id: int, frame: bytes, number: int) -> bytes:
        answer = self._lanes[slice_id].answer(frame, number)
        assert answer is not None, "a frame as all others is answered in compiled code"
        self.decisions += 1
        return bytes(answer)

    def _subscribe(self, slice_id: int, *, compact: bool) -> None:
        definition, no_limit = slot_pb2.ActionDefinition(compact=compact), e2ap.RicSubsequentAction(no_limit=True)
        request = e2ap.RicSubscriptionRequest(
            ric_request_id=e2ap.RicRequestId(ric_requestor_id=1, ric_instance_id=slice_id),
            ran_function_id=SLOT_FUNCTION,
            ric_event_trigger_definition=slot_pb2.EventTriggerDefinition(slice_id=slice_id).SerializeToString(),
            ric_action_to_be_setup_list=[insert_action(definition, no_limit)],
        )
        self._give(e2ap.E2apPdu(ric_subscription_request=request))

    def _give(self, pdu: e2ap.E2apPdu) -> None:
        self._node.handle(Received(_STREAM, encode_frame([pdu.SerializeToString()]), time.monotonic()))


def growth(slots: int) -> dict[str, int | None]:
    """Growth after warm-up: blocks of Python's allocator, and resident bytes (None where /proc has none).

    `node`: over `slots` slots of the node with its agents; `agent`: over as many decisions of agents alone.
    """
    loop = LoopInProcess()
    loop.serve(WARM_UP_SLOTS)
    node = _grown(lambda: loop.serve(slots))
    loop.decide(WARM_UP_SLOTS)
    agent = _grown(lambda: loop.decide(slots))
    return {
        "slots": slots,
        "node_blocks": node[0],
        "node_resident_bytes": node[1],
        "agent_blocks": agent[0],
        "agent_resident_bytes": agent[1],
    }


def _grown(work: Callable[[], None]) -> tuple[int, int | None]:
    gc.collect()
    blocks, resident = sys.getallocatedblocks(), _resident_bytes()
    work()
    gc.collect()
    grown = sys.getallocatedblocks() - blocks
    now = _resident_bytes()
    return grown, None if now is None or resident is None else now - resident


def _resident_bytes() -> int | None:
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return None
