"""An E2 node of the tests' own, from proto/ alone, and helpers that run the RIC as a real process."""

from __future__ import annotations

import contextlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import grpc
import httpx
import zmq
from free_ports import free_port
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_kpm_pb2 as kpm
from hiso_proto import e2sm_slot_pb2 as slot
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.oids import BUDGETS_OID, KPM_OID, SLOT_OID

KPM_ID, BUDGETS_ID, SLOT_ID = 2, 3, 4
START_TIMEOUT_S = 30.0


def functions(*, lockstep: bool = False) -> list[e2ap.RanFunctionItem]:
    """The three RAN functions with small definitions."""
    slices = [kpm.SliceItem(slice_id=i, name=n) for i, n in enumerate(("vonr", "embb", "urllc"))]
    definitions = (
        (KPM_ID, KPM_OID, kpm.RanFunctionDefinition(short_name="ORAN-E2SM-KPM", slices=slices)),
        (BUDGETS_ID, BUDGETS_OID, budgets.RanFunctionDefinition(total_bandwidth_hz=10_000_000, lockstep=lockstep)),
        (SLOT_ID, SLOT_OID, slot.RanFunctionDefinition(slot_us=500, lockstep=lockstep)),
    )
    return [
        e2ap.RanFunctionItem(ran_function_id=i, ran_function_oid=oid, ran_function_definition=d.SerializeToString())
        for i, oid, d in definitions
    ]


def setup_request(gnb_id: int = 1, **fields: object) -> e2ap.E2SetupRequest:
    """A valid E2SetupRequest, with `fields` in the place of its own."""
    component = e2ap.E2NodeComponentConfigItem(interface_type=e2ap.NG, component_id="amf")
    valid: dict[str, object] = {
        "transaction_id": 1,
        "global_e2_node_id": e2ap.GlobalE2NodeId(plmn_id="00101", gnb_id=gnb_id),
        "ran_functions_added": functions(),
        "e2_node_component_config_addition": [component],
    }
    return e2ap.E2SetupRequest(**{**valid, **fields})  # type: ignore[arg-type]


class RequestFields(TypedDict):
    """What messages about one subscription have in common."""

    ric_request_id: e2ap.RicRequestId
    ran_function_id: int


class CallFields(RequestFields):
    """What the answers to one control have in common."""

    ric_call_process_id: bytes


class Node:
    """One stream to the RIC. Frames are collected as PDUs; subscriptions are accepted unless `accept` is off."""

    def __init__(self, target: str, gnb_id: int = 1, *, beat: bool = True, accept: bool = True) -> None:
        self.node_id = f"00101-{gnb_id}"
        self.gnb_id = gnb_id
        self.accept = accept
        self.beat = beat
        self.heartbeats = 0
        self.received: queue.Queue[e2ap.E2apPdu] = queue.Queue()
        self.subscribed: dict[tuple[int, int], e2ap.RicSubscriptionRequest] = {}
        self.ended = threading.Event()
        self._out: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._channel = grpc.insecure_channel(
            target, options=[("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 200)]
        )
        grpc.channel_ready_future(self._channel).result(timeout=START_TIMEOUT_S)
        connect: grpc.StreamStreamMultiCallable[bytes, e2ap.E2Frame] = self._channel.stream_stream(
            "/hiso.e2ap.v1.E2/Connect", response_deserializer=e2ap.E2Frame.FromString
        )
        self._stream = connect(iter(self._out.get, None))
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(grpc.RpcError):
            for frame in self._stream:
                self.heartbeats += not frame.pdus
                for pdu in frame.pdus:
                    if pdu.HasField("ric_subscription_request") and self.accept:
                        self._accept(pdu.ric_subscription_request)
                    if pdu.HasField("ric_subscription_delete_request") and self.accept:
                        self.answer_delete(pdu.ric_subscription_delete_request)
                    self.received.put(pdu)
        self.ended.set()

    def _accept(self, request: e2ap.RicSubscriptionRequest) -> None:
        key = request.ric_request_id
        self.subscribed[key.ric_requestor_id, key.ric_instance_id] = request
        self.send(
            ric_subscription_response=e2ap.RicSubscriptionResponse(
                ric_request_id=request.ric_request_id,
                ran_function_id=request.ran_function_id,
                ric_actions_admitted=[action.ric_action_id for action in request.ric_action_to_be_setup_list],
            )
        )

    def answer_delete(self, request: e2ap.RicSubscriptionDeleteRequest) -> None:
        """Delete a subscription."""
        key = request.ric_request_id
        self.subscribed.pop((key.ric_requestor_id, key.ric_instance_id), None)
        self.send(
            ric_subscription_delete_response=e2ap.RicSubscriptionDeleteResponse(
                ric_request_id=request.ric_request_id, ran_function_id=request.ran_function_id
            )
        )

    def _beat(self) -> None:
        while not self.ended.wait(0.25):
            if self.beat:
                self._out.put(b"")

    def send(self, **message: object) -> None:
        """Send one PDU in a frame of its own."""
        frame = e2ap.E2Frame(pdus=[e2ap.E2apPdu(**message)])  # type: ignore[arg-type]
        self._out.put(frame.SerializeToString())

    def send_raw(self, raw: bytes) -> None:
        """Send a frame's bytes as they are."""
        self._out.put(raw)

    def expect(self, kind: str, timeout_s: float = 20.0) -> e2ap.E2apPdu:
        """The next PDU of a kind; others before it are dropped."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                pdu = self.received.get(timeout=max(0.0, deadline_s - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {kind} within {timeout_s} s") from None
            if pdu.WhichOneof("message") == kind:
                return pdu

    def set_up(self, **fields: object) -> e2ap.E2SetupResponse:
        """Do E2 setup."""
        self.send(e2_setup_request=setup_request(self.gnb_id, **fields))
        return self.expect("e2_setup_response").e2_setup_response

    def indicate(self, request_id: e2ap.RicRequestId, function_id: int, **fields: object) -> None:
        """Send an indication."""
        self.send(
            ric_indication=e2ap.RicIndication(
                ric_request_id=request_id,
                ran_function_id=function_id,
                ric_action_id=1,
                **fields,  # type: ignore[arg-type]
            )
        )

    def close(self) -> None:
        """End the stream."""
        self._stream.cancel()
        self._channel.close()
        self._out.put(None)


class Ric:
    """A near-RT RIC in a process of its own, in a folder of its own."""

    def __init__(self, *flags: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ric"))
        self.target = f"unix:{self.folder}/e2"
        self.bus = f"ipc://{self.folder}/bus"
        self.http_port = free_port()
        self._flags = flags
        self.start()

    def start(self) -> None:
        """Start it (again) and wait until it serves."""
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "near_rt_ric", "--e2-listen", self.target, "--bus", self.bus),
                *("--http-port", str(self.http_port), "--store", str(self.folder / "store.sqlite")),
                *("--run-dir", str(self.folder), *self._flags),
            ],
            stderr=(self.folder / "log").open("a"),
        )
        wait_until(self.healthy, START_TIMEOUT_S)

    def healthy(self) -> bool:
        """Whether /healthz says ok."""
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return self.get("/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    def get(self, path: str) -> httpx.Response:
        """GET."""
        return httpx.get(f"http://127.0.0.1:{self.http_port}{path}", timeout=10)

    def up_endpoint(self, node_id: str) -> str:
        """Where xApps send a node's controls."""
        return next(str(node["up_endpoint"]) for node in self.get("/nodes").json() if node["node_id"] == node_id)

    def hot_pid(self) -> int:
        """Process id of the hot loop."""
        return int(self.get("/healthz").json()["pid"])

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=15)

    def close(self) -> None:
        """End it and remove its folder."""
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class BusClient:
    """An xApp from proto/ alone: raw management and data sockets, no heartbeats unless asked."""

    def __init__(self, endpoint: str, name: str, *, listens: bool = True) -> None:
        """`listens` False: the data socket waits for `listen`."""
        self.name = name
        self._context = zmq.Context()
        self.management = self._context.socket(zmq.DEALER)
        self.management.connect(endpoint)
        self.down = self._context.socket(zmq.DEALER)
        self.down.setsockopt(zmq.IDENTITY, name.encode())
        self._sequence = 0
        self._beating = threading.Event()
        self._endpoint = endpoint
        self.requestor_id = 0
        if listens:
            self.listen()

    def listen(self) -> None:
        """Connect the data socket."""
        self.down.connect(f"{self._endpoint}-down")

    def ask(self, **message: object) -> bus.ManagementMessage:
        """One management request."""
        self._sequence += 1
        request = bus.ManagementMessage(sequence=self._sequence, **message)  # type: ignore[arg-type]
        self.management.send(request.SerializeToString())
        while self.management.poll(8_000):
            answer = bus.ManagementMessage.FromString(self.management.recv())
            if answer.sequence == self._sequence:
                return answer
        raise AssertionError("no answer on the bus")

    def register(self, oids: tuple[str, ...] = (), slices: tuple[int, ...] = ()) -> bus.RegisterResponse:
        """Register and beat from now on."""
        request = bus.RegisterRequest(xapp_name=self.name, ran_function_oids=oids, slice_ids=slices)
        response = self.ask(register_request=request).register_response
        self.requestor_id = response.ric_requestor_id
        if not response.error and not self._beating.is_set():
            self._beating.set()
            threading.Thread(target=self._beat, daemon=True).start()
        return response

    def _beat(self) -> None:
        socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(self._endpoint)
        beat = bus.ManagementMessage(heartbeat=bus.Heartbeat(xapp_name=self.name)).SerializeToString()
        while self._beating.is_set():
            socket.send(beat)
            time.sleep(0.2)
        socket.close()

    def silence(self) -> None:
        """Stop beating; the sockets stay open."""
        self._beating.clear()

    def subscribe(self, node_id: str, function_id: int, key: str, **fields: object) -> bus.SubscribeResponse:
        """Subscribe with one REPORT action, or as `fields` say."""
        valid: dict[str, object] = {"actions": [e2ap.RicAction(ric_action_id=1, ric_action_type=e2ap.REPORT)]}
        request = bus.SubscribeRequest(
            xapp_name=self.name,
            node_id=node_id,
            ran_function_id=function_id,
            key=key,
            **{**valid, **fields},  # type: ignore[arg-type]
        )
        return self.ask(subscribe_request=request).subscribe_response

    def subscribe_slot(self, node_id: str, slice_id: int, key: str = "slot") -> bus.SubscribeResponse:
        """INSERT on the slot function."""
        return self.subscribe(
            node_id,
            SLOT_ID,
            key,
            ric_event_trigger_definition=slot.EventTriggerDefinition(slice_id=slice_id).SerializeToString(),
            actions=[INSERT],
        )

    def expect(self, kind: str, timeout_s: float = 20.0) -> bus.DownMessage:
        """The next DownMessage of a kind; others before it are dropped."""
        deadline_s = time.monotonic() + timeout_s
        while self.down.poll(max(0, int(1_000 * (deadline_s - time.monotonic())))):
            message = bus.DownMessage.FromString(self.down.recv())
            if message.WhichOneof("message") == kind:
                return message
        raise AssertionError(f"no {kind} within {timeout_s} s")

    def send_up(self, endpoint: str, request: e2ap.RicControlRequest, name: str | None = None) -> None:
        """Send a control to a node's up socket."""
        self.send_up_raw(
            endpoint, bus.UpMessage(xapp_name=name or self.name, control_request=request).SerializeToString()
        )

    def send_up_raw(self, endpoint: str, *parts: bytes) -> None:
        """Send anything to a node's up socket."""
        socket = self._context.socket(zmq.PUSH)
        socket.connect(endpoint)
        socket.send_multipart(parts)
        socket.close(linger=2_000)

    def close(self) -> None:
        """Close every socket at once, as a killed process would."""
        self._beating.clear()
        time.sleep(0.25)
        self._context.destroy(linger=0)


INSERT = e2ap.RicAction(
    ric_action_id=1,
    ric_action_type=e2ap.INSERT,
    ric_subsequent_action=e2ap.RicSubsequentAction(type=e2ap.CONTINUE, no_limit=True),
)


def wait_until(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    """Wait for a condition."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"{condition} is still false after {timeout_s} s"
        time.sleep(0.02)
