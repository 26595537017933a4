"""The loop in one process: emulator's hot loop and node, xApps' hosts, and between them messages but no sockets.

What a slot's decision goes through is what it goes through in the system: frames of E2 and of the bus, written and
read by the same code. Only who carries them is left out.
"""

from __future__ import annotations

import math
import time
from collections import deque
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest
import zmq
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.e2ap_names import describe_cause

from near_rt_ric.raw_messages import control_frame, indication_down
from ran_emulator.arguments import parse_arguments
from ran_emulator.cell import Cell
from ran_emulator.e2.link import Opened, Received
from ran_emulator.e2.node import E2Node
from ran_emulator.hot_loop import HotLoop
from ran_emulator.scenario import SLICE_NAMES
from ran_emulator.summary import cell_summary
from xapps import inter_slice, intra_slice
from xapps.sdk import Subscription, XApp
from xapps.slicing.inter.coma2c import COMA2C_CONFIGS
from xapps.slicing.intra.policies import LEARNING
from xapps.slicing.schedulers import Scheduler

NODE_ID = "00101-1"
NOBODY = "ipc:///nobody"
"""Where no RIC listens (not inproc: libzmq 4.3.5 crashes when a context ends that has connected to nobody there)."""
STREAM = 1
AGENTS = ("inter", *SLICE_NAMES)


class _Inbox(deque[bytes]):
    """What a data socket has brought."""

    def recv(self, *_: object) -> bytes:
        if not self:
            raise zmq.Again
        return self.popleft()


class _InMemoryXApp(XApp):
    """An xApp whose messages go to the node directly."""

    def __init__(self, name: str, requestor: int, system: OneProcessSystem) -> None:
        super().__init__(name, bus=NOBODY)
        self._requestor_id = requestor
        self._down = self.inbox = _Inbox()  # type: ignore[assignment]
        self._system = system

    def close(self) -> None:
        self._down = None  # nothing beats that would have to be stopped
        super().close()

    def take_node(self, functions: list[e2ap.RanFunctionItem]) -> None:
        self._take_node(bus.Node(node_id=NODE_ID, connected=True, ran_functions=functions, up_endpoint=NOBODY))

    def send_frame(self, _node: object, frame: bytes | memoryview) -> bool:
        up = bus.UpMessage.FromString(bytes(frame))
        assert up.xapp_name == self.name
        self._system.to_node(control_frame(up.control_request.SerializeToString()))
        return True

    def _request_subscription(self, subscription: Subscription) -> None:
        request_id = self._system.new_request_id(self, self._requestor_id)
        function = subscription.node.function(subscription.oid).ran_function_id
        request = e2ap.RicSubscriptionRequest(
            ric_request_id=request_id,
            ran_function_id=function,
            ric_event_trigger_definition=subscription.trigger,
            ric_action_to_be_setup_list=subscription.actions,
        )
        frame = e2ap.E2Frame(pdus=[e2ap.E2apPdu(ric_subscription_request=request)])
        self._system.to_node(frame.SerializeToString())
        self._take_answer(subscription, bus.SubscribeResponse(key=subscription.key, ric_request_id=request_id))


class OneProcessSystem:
    """An emulator in lock-step and four frozen xApps; it stands in for link, RIC and bus."""

    def __init__(self, chosen: Scheduler, seed: int, weights: dict[str, Path], folder: Path, *emulator: str) -> None:
        """`weights`: files by policy; `emulator`: flags of the emulator."""
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._owners: dict[int, _InMemoryXApp] = {}
        self._hosts = {agent: _host(chosen, agent, seed, weights) for agent in AGENTS}
        self._xapps: list[tuple[Any, _InMemoryXApp]] = []
        for requestor, host in enumerate(self._hosts.values(), start=1):
            xapp = _InMemoryXApp(host._metrics._names["xapp"], requestor, self)
            host._host.xapp = xapp
            self._xapps.append((host, xapp))
        flags = ("--seed", str(seed), "--clock", "lockstep", "--await", ",".join(("budgets", *SLICE_NAMES)))
        arguments = parse_arguments([*flags, "--e2", "nobody:1", "--run-dir", str(folder), *emulator])
        self._cell = Cell(arguments.scenario, seed, arguments.control_delay_slots)
        node = E2Node(self._cell, self, arguments.gnb_id, lockstep=True)  # type: ignore[arg-type]
        publisher: Any = SimpleNamespace(due_s=math.inf, publish=lambda *_: None, second_closed=lambda *_: None)
        self._loop = HotLoop(arguments, self._cell, node, publisher, self._inbox, None)

    def run(self) -> dict[str, Any]:
        """The whole run; the cell's summary."""
        self._inbox.put(Opened(STREAM))
        self._loop.run()
        for _, xapp in self._xapps:
            xapp.close()
        return cell_summary(self._cell)

    @property
    def evaluations(self) -> int:
        """Seconds that the trigger was asked about, as the xApp counts them."""
        return int(self._hosts["inter"]._metrics.trigger_evaluations)

    @property
    def updates(self) -> int:
        """Seconds answered with budgets, as the xApp counts them."""
        return int(self._hosts["inter"]._metrics.inter_slice_updates)

    def new_request_id(self, xapp: _InMemoryXApp, requestor: int) -> e2ap.RicRequestId:
        instance = len(self._owners) + 1
        self._owners[instance] = xapp
        return e2ap.RicRequestId(ric_requestor_id=requestor, ric_instance_id=instance)

    def to_node(self, frame: bytes) -> None:
        self._inbox.put(Received(STREAM, frame, time.monotonic()))

    def send(self, stream: int, frame: bytes) -> None:
        """As `E2Link.send`: what the RIC and the bus do with a node's frame, and the xApps' turns."""
        assert stream == STREAM
        for pdu in e2ap.E2Frame.FromString(frame).pdus:
            kind = pdu.WhichOneof("message")
            if kind == "e2_setup_request":
                self._set_up(pdu.e2_setup_request)
            elif kind == "ric_indication":
                indication = pdu.ric_indication
                xapp = self._owners[indication.ric_request_id.ric_instance_id]
                xapp.inbox.append(indication_down(NODE_ID, indication.SerializeToString()))
                assert xapp.step()
            elif kind == "ric_control_failure":
                raise AssertionError(f"control refused: {describe_cause(pdu.ric_control_failure.cause)}")
            else:
                assert kind in ("ric_subscription_response", "ric_control_acknowledge"), pdu

    def _set_up(self, request: e2ap.E2SetupRequest) -> None:
        response = e2ap.E2SetupResponse(transaction_id=request.transaction_id, global_ric_id="ric")
        frame = e2ap.E2Frame(pdus=[e2ap.E2apPdu(e2_setup_response=response)])
        self.to_node(frame.SerializeToString())
        for host, xapp in self._xapps:
            xapp.take_node(list(request.ran_functions_added))
            (node,) = xapp.nodes()
            host._attach(node)


def _host(chosen: Scheduler, agent: str, seed: int, weights: dict[str, Path]) -> Any:
    """The xApp that a command line makes, not run."""
    policy = chosen.inter if agent == "inter" else chosen.intra
    module: Any = inter_slice if agent == "inter" else intra_slice
    own = ("--trigger", chosen.trigger) if agent == "inter" else ("--slice", agent)
    flags = ["--bus", NOBODY, "--policy", policy, "--seed", str(seed), *own]
    if policy in LEARNING or policy in COMA2C_CONFIGS:
        flags += ["--weights", str(weights[policy])]
    hosts: list[Any] = []

    def run(host: Any) -> int:
        hosts.append(host)
        return 0

    with pytest.MonkeyPatch.context() as patch:
        kind = module.InterSliceXApp if agent == "inter" else module.IntraSliceXApp
        patch.setattr(kind, "run", run)
        module.main(flags)
    return hosts[0]
