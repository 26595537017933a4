"""E2 termination: the gRPC server that E2 nodes connect to, one bidirectional stream a node.

The way of an indication: the server's polling thread -> data socket of the xApp that holds its request id. The
way of a control: this node's up socket -> the node's own thread -> stream. Inner bytes are not decoded, with two
exceptions: the tiny control header of the slot function, which says whose slice is meant, and budgets, which the
platform remembers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_slot_pb2 as slot
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.e2ap_names import ProcedureCode, describe_cause
from hiso_proto.oids import BUDGETS_OID

from near_rt_ric import e2_messages as messages
from near_rt_ric.counters import Counters
from near_rt_ric.e2_messages import NodeSetup
from near_rt_ric.endpoints import MAX_NODES, EndpointError, claim_unix_path
from near_rt_ric.raw_messages import control_frame, indication_down
from near_rt_ric.records import ID_BITS, ControlPermission, route_key_of
from near_rt_ric.subscriptions import FanOut
from near_rt_ric.tap import TO_NODE, TO_RIC, Tap
from near_rt_ric.up_socket import UpSocket
from service_kit.byte_streams import ServerStream
from service_kit.logs import fields

_LOG = logging.getLogger(__name__)

SERVICE_NAME = "hiso.e2ap.v1.E2"
_MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_SETUP_SILENCE_S = 10.0
_SILENCE_S = 1.0
_LOCKSTEP_SILENCE_S = 30.0
_STOP_GRACE_S = 0.2
_SERVER_OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    # Heartbeats are frames of our own: gRPC's pings must never end a stream.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10),
    ("grpc.http2.max_ping_strikes", 0),
]


class Platform(Protocol):
    """What a node's connection needs of the platform."""

    counters: Counters

    def send_down(self, identity: bytes, payload: bytes) -> int:
        """Send a DownMessage to an xApp; 0, or why not (errno)."""

    def tell(self, xapp_name: str, message: bus.DownMessage) -> None:
        """Send it to an xApp, now or once its data socket is there, and count what came of it."""

    def node_set_up(self, connection: NodeConnection, verdict: messages.SetupVerdict) -> None:
        """A node has been set up on this connection."""

    def node_message(self, connection: NodeConnection, pdu: e2ap.E2apPdu) -> None:
        """Anything from a set-up node but setup and indications."""

    def node_lost(self, connection: NodeConnection, reason: str) -> None:
        """The connection is over."""

    def connection_ended(self, connection: NodeConnection) -> None:
        """Nobody uses the connection's up socket any more."""

    def permission(self, connection: NodeConnection, xapp_name: str, ran_function_id: int) -> ControlPermission | str:
        """What an xApp may control, or why nothing."""

    def budgets_requested(self, node_id: str, request: e2ap.RicControlRequest) -> None:
        """A budget control passes."""


class NodeConnection:
    """One stream of one E2 node."""

    def __init__(self, platform: Platform, context: grpc.ServicerContext, tap: Tap) -> None:
        self._platform = platform
        self._context = context
        self._tap = tap
        self._stream = ServerStream(context, self._take, self._end)
        self.peer = context.peer()
        self.setup = NodeSetup("")
        self.routes: dict[int, bytes] = {}
        self.fan_outs: dict[int, FanOut] = {}
        self.permissions: dict[tuple[str, int], ControlPermission] = {}
        self.resetting = False
        self.indications = 0
        self.controls = 0
        self.last_heard_s = time.monotonic()
        self.connected_s = time.time()
        self.close_reason = ""
        self._over = threading.Event()
        self._loss_told = threading.Event()
        """The platform has been told that the stream is over."""
        self._end_lock = threading.Lock()
        self._up: UpSocket | None = None

    @property
    def silence_limit_s(self) -> float:
        """How long the node may say nothing: in lock-step everybody may think for long."""
        if self._up is None:
            return _SETUP_SILENCE_S
        return _LOCKSTEP_SILENCE_S if self.setup.lockstep else _SILENCE_S

    def post(self, pdu: e2ap.E2apPdu) -> None:
        """Send a PDU of the platform's own to the node, from any thread."""
        self._send(e2ap.E2Frame(pdus=[pdu]).SerializeToString())
        self._platform.counters.message("to_node", pdu.WhichOneof("message") or "none")

    def heartbeat(self) -> None:
        """Send a frame without PDUs."""
        self._stream.send(b"")

    def attach(self, up: UpSocket, answer: e2ap.E2apPdu) -> None:
        """Send the setup response; from here on the node's controls come by this stream."""
        self.post(answer)
        self._up = up
        up.connection = self

    def finish(self, reason: str) -> None:
        """End the stream after what was posted has left."""
        self.close_reason = self.close_reason or reason
        self._end()

    def close(self, reason: str) -> None:
        """End the stream."""
        self.close_reason = self.close_reason or reason
        self._context.cancel()

    def serve(self) -> None:
        """Until the stream ends, in the thread that the server gave it."""
        try:
            self._stream.start()
            self._over.wait()
        finally:
            self._stream.flush(_STOP_GRACE_S)
            self._stream.end()
            self._end()
            self._loss_told.wait()  # another thread may be about it: what follows must find it done

    def _send(self, frame: bytes) -> None:
        if self._tap.watched:
            self._tap.mirror(TO_NODE, self.setup.node_id, frame)
        self._stream.send(frame)

    def _end(self, reason: str = "") -> None:
        with self._end_lock:
            if self._over.is_set():
                return
            self._over.set()
        try:
            self._platform.node_lost(self, self.close_reason or reason or "the node closed the stream")
        finally:
            self._loss_told.set()

    # From the node --------------------------------------------------------------------------------

    def _take(self, raw: bytes) -> None:
        if self._over.is_set():
            return
        self.last_heard_s = time.monotonic()
        if raw:
            if self._tap.watched:
                self._tap.mirror(TO_RIC, self.setup.node_id, raw)
            self._take_frame(raw)

    def _take_frame(self, raw: bytes) -> None:
        try:
            frame = e2ap.E2Frame.FromString(raw)
        except DecodeError:
            self._reject(messages.TRANSFER_SYNTAX_ERROR, "E2Frame: it does not decode")
            return
        node_id, routes, send_down = self.setup.node_id, self.routes, self._platform.send_down
        for pdu in frame.pdus:
            if pdu.WhichOneof("message") != "ric_indication":
                self._take_other(pdu)
                if self._over.is_set():
                    return  # the node has left: what stands behind is nobody's
                continue
            indication = pdu.ric_indication
            request_id = indication.ric_request_id
            identity = routes.get(request_id.ric_requestor_id << ID_BITS | request_id.ric_instance_id)
            if identity is None:
                self._unplaced(indication)
                continue
            if send_down(identity, indication_down(node_id, indication.SerializeToString())):
                self._platform.counters.error("xapp_unreachable")
            else:
                self.indications += 1

    def _take_other(self, pdu: e2ap.E2apPdu) -> None:
        message = pdu.WhichOneof("message")
        if message == "e2_setup_request":
            self._take_setup(pdu.e2_setup_request)
        elif message is None:
            self._reject(messages.ABSTRACT_SYNTAX_ERROR_REJECT, "message: none of E2apPdu's messages is set")
        elif self._up is None:
            self._reject(messages.WRONG_STATE, f"{message}: the first message must be e2_setup_request")
        else:
            self._platform.node_message(self, pdu)

    def _take_setup(self, request: e2ap.E2SetupRequest) -> None:
        verdict = messages.judge_setup(request)
        if verdict.setup and self._up is not None and verdict.setup.node_id != self.setup.node_id:
            verdict = messages.setup_failure(
                request.transaction_id,
                messages.SEMANTIC_ERROR,
                f"global_e2_node_id: this stream belongs to {self.setup.node_id}",
            )
        if verdict.setup is None:
            self._platform.counters.error("e2_setup_refused")
            _LOG.warning("e2_setup_refused", extra=fields(peer=self.peer, reason=verdict.error))
            self.post(verdict.answer)
            return
        self._platform.node_set_up(self, verdict)

    def _unplaced(self, indication: e2ap.RicIndication) -> None:
        """Take an indication that no plain route leads to one xApp: a shared report's, or nobody's."""
        readers = self.fan_outs.get(route_key_of(indication.ric_request_id))
        if readers is not None:
            self._fan_out(indication, readers)
        elif self._up is None:
            self._reject(messages.WRONG_STATE, "ric_indication: the first message must be e2_setup_request")
        elif not self.resetting:
            request_id = indication.ric_request_id
            self._reject(
                messages.REQUEST_ID_UNKNOWN,
                f"ric_request_id: no subscription {request_id.ric_requestor_id}-{request_id.ric_instance_id}",
                request_id=request_id,
                ran_function_id=indication.ran_function_id,
                procedure_code=ProcedureCode.RIC_INDICATION,
            )

    def _fan_out(self, indication: e2ap.RicIndication, readers: FanOut) -> None:
        """Give a shared report to each of its readers, under the request id that the reader knows."""
        for identity, request_id in readers:
            indication.ric_request_id.CopyFrom(request_id)
            if self._platform.send_down(identity, indication_down(self.setup.node_id, indication.SerializeToString())):
                self._platform.counters.error("xapp_unreachable")
            else:
                self.indications += 1

    def _reject(
        self,
        cause: e2ap.Cause,
        text: str,
        *,
        request_id: e2ap.RicRequestId | None = None,
        ran_function_id: int | None = None,
        procedure_code: int = 0,
    ) -> None:
        self._platform.counters.error(describe_cause(cause))
        self.post(
            messages.error_indication(
                cause,
                text,
                request_id=request_id,
                ran_function_id=ran_function_id,
                procedure_code=procedure_code,
            )
        )

    # To the node ----------------------------------------------------------------------------------

    def take_control(self, raw: bytes) -> None:
        """Check an xApp's UpMessage and send its control; those that wait for the stream share a frame there."""
        try:
            up = bus.UpMessage.FromString(raw)
        except DecodeError:
            self._platform.counters.error("bus_message_malformed")
            return
        request = up.control_request
        if self._over.is_set() or up.node_id not in ("", self.setup.node_id):
            self._refuse(up.xapp_name, request, messages.SYSTEM_NOT_READY, "the node is away", up.node_id)
            return
        permission = self.permissions.get((up.xapp_name, request.ran_function_id))
        if permission is None:
            granted = self._platform.permission(self, up.xapp_name, request.ran_function_id)
            if isinstance(granted, str):
                self._refuse(up.xapp_name, request, self._refusal_cause(request), granted)
                return
            permission = granted
        refusal = self._control_refusal(permission, request)
        if refusal is not None:
            self._refuse(up.xapp_name, request, *refusal)
            return
        if permission.learns_budgets:
            self._platform.budgets_requested(self.setup.node_id, request)
        self.controls += 1
        self._send(control_frame(request.SerializeToString()))

    def _control_refusal(
        self, permission: ControlPermission, request: e2ap.RicControlRequest
    ) -> tuple[e2ap.Cause, str] | None:
        """Why a control of an xApp that may use this function is refused; None where it passes."""
        request_id = request.ric_request_id
        requestor, instance = request_id.ric_requestor_id, request_id.ric_instance_id
        if requestor != permission.requestor_id:
            text = f"ric_request_id.ric_requestor_id: yours is {permission.requestor_id}, not {requestor}"
            return messages.REQUEST_ID_UNKNOWN, text
        # Instance 0 is an unasked control.
        if instance and self.routes.get(requestor << ID_BITS | instance) != permission.identity:
            return messages.REQUEST_ID_UNKNOWN, f"ric_request_id: {requestor}-{instance} is not subscribed"
        if permission.slice_ids is not None:
            try:
                slice_id = slot.ControlHeader.FromString(request.ric_control_header).slice_id
            except DecodeError:
                return messages.CONTROL_MESSAGE_INVALID, "ric_control_header: it does not decode"
            if slice_id not in permission.slice_ids:
                text = f"slice_id: you are registered for {sorted(permission.slice_ids)}, not {slice_id}"
                return messages.OM_INTERVENTION, text
        return None

    def _refusal_cause(self, request: e2ap.RicControlRequest) -> e2ap.Cause:
        known = request.ran_function_id in self.setup.functions
        return messages.OM_INTERVENTION if known else messages.RAN_FUNCTION_ID_INVALID

    def _refuse(
        self, xapp_name: str, request: e2ap.RicControlRequest, cause: e2ap.Cause, text: str, node_id: str = ""
    ) -> None:
        """Answer a control that never reaches the node, as the node would: with a RicControlFailure.

        `node_id`: the node that was meant, where it is not known to be this one.
        """
        self._platform.counters.error(describe_cause(cause))
        failure = e2ap.RicControlFailure(
            ric_request_id=request.ric_request_id,
            ran_function_id=request.ran_function_id,
            ric_call_process_id=request.ric_call_process_id,
            cause=cause,
            ric_control_outcome=self._outcome(request.ran_function_id, text),
        )
        down = bus.DownMessage(node_id=node_id or self.setup.node_id, control_failure=failure)
        self._platform.tell(xapp_name, down)

    def _outcome(self, ran_function_id: int, text: str) -> bytes:
        """A ControlOutcome of the function's service model that gives the platform's reason."""
        item = self.setup.functions.get(ran_function_id)
        if item is not None and item.ran_function_oid == BUDGETS_OID:
            return budgets.ControlOutcome(constraint="platform", text=text).SerializeToString()
        return slot.ControlOutcome(constraint="platform", text=text).SerializeToString()


class E2Termination:
    """The gRPC server: E2.Connect, health and reflection, on unix sockets and TCP."""

    def __init__(self, platform: Platform, tap: Tap) -> None:
        self._platform = platform
        self._tap = tap
        self._lock = threading.Lock()
        self._connections: set[NodeConnection] = set()
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=4 * MAX_NODES, thread_name_prefix="e2"), options=_SERVER_OPTIONS
        )
        # Raw bytes both ways: what does not decode is answered, not an aborted stream.
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(self._connect)
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE_NAME, {"Connect": handler}),)
        )
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((SERVICE_NAME, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)

    def start(self, addresses: Sequence[str]) -> None:
        """Listen on `unix:/path` and `host:port` addresses; raises EndpointError."""
        for address in addresses:
            if address.startswith("unix:"):
                claim_unix_path(Path(address.removeprefix("unix:").removeprefix("//")))
            try:
                self._server.add_insecure_port(address)
            except RuntimeError as error:
                raise EndpointError(
                    f"e2-listen: {address!r}: unix:/path or host:port that is free is required ({error})"
                ) from error
        self._server.start()
        for service in ("", SERVICE_NAME):
            self._health.set(service, health_pb2.HealthCheckResponse.SERVING)

    def connections(self) -> list[NodeConnection]:
        """Streams that are open now, set up or not."""
        with self._lock:
            return list(self._connections)

    def stop(self) -> None:
        """End every stream and stop listening."""
        self._health.enter_graceful_shutdown()
        for connection in self.connections():
            connection.close("the RIC stops")
        self._server.stop(_STOP_GRACE_S).wait()
        deadline_s = time.monotonic() + _STOP_GRACE_S
        while self.connections() and time.monotonic() < deadline_s:
            time.sleep(0.01)

    def _connect(self, _requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        connection = NodeConnection(self._platform, context, self._tap)
        with self._lock:
            if len(self._connections) >= MAX_NODES:
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"at most {MAX_NODES} nodes")
            self._connections.add(connection)
        try:
            connection.serve()
        finally:
            with self._lock:
                self._connections.discard(connection)
            self._platform.connection_ended(connection)
        return iter(())
