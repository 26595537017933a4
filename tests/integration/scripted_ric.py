"""A RIC of the tests' own, from the contracts alone: one E2 termination that records frames and answers by script."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from queue import Empty, SimpleQueue
from typing import Any

import grpc
import numpy as np
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2ap_pb2_grpc
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_kpm_pb2 as kpm
from hiso_proto import e2sm_slot_pb2 as slots
from hiso_proto.oids import BUDGETS_OID, KPM_OID, SLOT_OID

Answer = Callable[[e2ap.RicIndication], "e2ap.RicControlRequest | None"]

NO_LIMIT = e2ap.RicSubsequentAction(type=e2ap.CONTINUE, no_limit=True)
UNTIL_SLOT = e2ap.RicSubsequentAction(type=e2ap.CONTINUE, until_decided_slot=True)


class Connection:
    """One stream of a node."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.outgoing: SimpleQueue[e2ap.E2Frame | None] = SimpleQueue()

    def send(self, *pdus: e2ap.E2apPdu) -> None:
        self.outgoing.put(e2ap.E2Frame(pdus=list(pdus)))


class ScriptedRic(e2ap_pb2_grpc.E2Servicer):
    """Accepts setups, records PDUs by kind, and answers INSERTs with `answer` where it is set."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer = answer
        self.accept = True
        self.heartbeats = True
        self.received: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self.kept: list[tuple[str, Any]] = []
        self.connections: SimpleQueue[Connection] = SimpleQueue()
        self.setup: e2ap.E2SetupRequest | None = None
        self.connection: Connection | None = None
        self.on_setup: Callable[[Connection], None] | None = None
        self.quiet = False
        """Indications and acknowledges are not recorded."""

    def Connect(self, request_iterator: Any, context: Any) -> Iterator[e2ap.E2Frame]:  # noqa: N802
        connection = Connection(context)
        threading.Thread(target=self._read, args=(request_iterator, connection), daemon=True).start()
        threading.Thread(target=self._beat, args=(connection,), daemon=True).start()
        yield from iter(connection.outgoing.get, None)

    def _beat(self, connection: Connection) -> None:
        while connection.context.is_active():
            if self.heartbeats:
                connection.send()
            time.sleep(0.2)
        connection.outgoing.put(None)

    def _read(self, frames: Any, connection: Connection) -> None:
        try:
            for frame in frames:
                for pdu in frame.pdus:
                    self._take(pdu, connection)
        except grpc.RpcError:
            pass
        connection.outgoing.put(None)

    def _take(self, pdu: e2ap.E2apPdu, connection: Connection) -> None:
        kind = pdu.WhichOneof("message")
        message = getattr(pdu, kind)
        if kind == "e2_setup_request":
            self._set_up(message, connection)
        elif kind == "ric_indication" and message.ric_indication_type == e2ap.INSERT and self.answer is not None:
            control = self.answer(message)
            if control is not None:
                connection.send(e2ap.E2apPdu(ric_control_request=control))
        if not self.quiet or kind not in ("ric_indication", "ric_control_acknowledge"):
            self.received.put((kind, message))

    def _set_up(self, request: e2ap.E2SetupRequest, connection: Connection) -> None:
        if not self.accept:
            failure = e2ap.E2SetupFailure(
                transaction_id=request.transaction_id, cause=e2ap.Cause(misc=e2ap.MISC_OM_INTERVENTION)
            )
            connection.send(e2ap.E2apPdu(e2_setup_failure=failure))
            return
        self.setup = request
        self.connection = connection
        response = e2ap.E2SetupResponse(transaction_id=request.transaction_id, global_ric_id="scripted")
        connection.send(e2ap.E2apPdu(e2_setup_response=response))
        if self.on_setup is not None:
            self.on_setup(connection)
        self.connections.put(connection)

    # What tests say

    def send(self, **message: Any) -> None:
        assert self.connection is not None
        self.connection.send(e2ap.E2apPdu(**message))

    def next(self, kind: str, timeout_s: float = 20.0, where: Callable[[Any], bool] = lambda _: True) -> Any:
        """The next PDU of a kind; others that come before it are kept for later calls."""
        for place, (name, message) in enumerate(self.kept):
            if name == kind and where(message):
                del self.kept[place]
                return message
        end_s = time.monotonic() + timeout_s
        while True:
            try:
                name, message = self.received.get(timeout=max(0.0, end_s - time.monotonic()))
            except Empty:
                seen = [name for name, _ in self.kept]
                raise AssertionError(f"no {kind} within {timeout_s} s; came: {seen[-20:]}") from None
            if name == kind and where(message):
                return message
            self.kept.append((name, message))

    def function_id(self, oid: str) -> int:
        return self.function(oid).ran_function_id

    def function(self, oid: str) -> e2ap.RanFunctionItem:
        assert self.setup is not None
        return next(item for item in self.setup.ran_functions_added if item.ran_function_oid == oid)


def serve(ric: ScriptedRic, address: str) -> grpc.Server:
    server = grpc.server(futures.ThreadPoolExecutor(8))
    e2ap_pb2_grpc.add_E2Servicer_to_server(ric, server)  # type: ignore[no-untyped-call]
    server.add_insecure_port(address)
    server.start()
    return server


def request_id(instance: int, requestor: int = 1) -> e2ap.RicRequestId:
    return e2ap.RicRequestId(ric_requestor_id=requestor, ric_instance_id=instance)


def insert(
    definition: bytes = b"", action_id: int = 0, after: e2ap.RicSubsequentAction | None = NO_LIMIT
) -> e2ap.RicAction:
    return e2ap.RicAction(
        ric_action_id=action_id,
        ric_action_type=e2ap.INSERT,
        ric_action_definition=definition,
        ric_subsequent_action=after,
    )


def subscribe_slot(
    ric: ScriptedRic,
    slice_id: int,
    instance: int,
    after: e2ap.RicSubsequentAction = NO_LIMIT,
    learning_detail: bool = False,
) -> e2ap.RicSubscriptionRequest:
    definition = slots.ActionDefinition(learning_detail=learning_detail).SerializeToString()
    return e2ap.RicSubscriptionRequest(
        ric_request_id=request_id(instance),
        ran_function_id=ric.function_id(SLOT_OID),
        ric_event_trigger_definition=slots.EventTriggerDefinition(slice_id=slice_id).SerializeToString(),
        ric_action_to_be_setup_list=[insert(definition, after=after)],
    )


def subscribe_budgets(
    ric: ScriptedRic, instance: int, after: e2ap.RicSubsequentAction = NO_LIMIT
) -> e2ap.RicSubscriptionRequest:
    return e2ap.RicSubscriptionRequest(
        ric_request_id=request_id(instance),
        ran_function_id=ric.function_id(BUDGETS_OID),
        ric_event_trigger_definition=budgets.EventTriggerDefinition(period_s=1).SerializeToString(),
        ric_action_to_be_setup_list=[insert(after=after)],
    )


def subscribe_kpm(
    ric: ScriptedRic, instance: int, items: list[kpm.MeasurementInfoItem], period_ms: int = 1000
) -> e2ap.RicSubscriptionRequest:
    definition = kpm.ActionDefinition(ric_style_type=1, meas_info_list=items, granul_period_ms=1000)
    return e2ap.RicSubscriptionRequest(
        ric_request_id=request_id(instance),
        ran_function_id=ric.function_id(KPM_OID),
        ric_event_trigger_definition=kpm.EventTriggerDefinition(reporting_period_ms=period_ms).SerializeToString(),
        ric_action_to_be_setup_list=[
            e2ap.RicAction(ric_action_type=e2ap.REPORT, ric_action_definition=definition.SerializeToString())
        ],
    )


def subscribe_all(ric: ScriptedRic, after: e2ap.RicSubsequentAction = NO_LIMIT) -> Callable[[Connection], None]:
    """Subscribes budgets (instance 1) and the three slices (10, 11, 12) when a node has been set up."""

    def subscribe(connection: Connection) -> None:
        requests = [subscribe_budgets(ric, 1, after)]
        requests += [subscribe_slot(ric, slice_id, 10 + slice_id, after) for slice_id in range(3)]
        connection.send(*[e2ap.E2apPdu(ric_subscription_request=request) for request in requests])

    return subscribe


def control(indication: e2ap.RicIndication, header: Any, message: Any) -> e2ap.RicControlRequest:
    return e2ap.RicControlRequest(
        ric_request_id=indication.ric_request_id,
        ran_function_id=indication.ran_function_id,
        ric_call_process_id=indication.ric_call_process_id,
        ric_control_header=header.SerializeToString(),
        ric_control_message=message.SerializeToString(),
    )


def slot_header(indication: e2ap.RicIndication) -> slots.ControlHeader:
    header = slots.IndicationHeader.FromString(indication.ric_indication_header)
    return slots.ControlHeader(slice_id=header.slice_id, decided_slot=header.decided_slot)


def greedy_message(indication: e2ap.RicIndication) -> slots.ControlMessage:
    """Each user its own best beam, the slice's power split equally, no common stream."""
    seen = slots.IndicationMessage.FromString(indication.ric_indication_message)
    users = len(seen.user_ids) // 2
    gains = np.frombuffer(seen.beam_gains, "<f4").reshape(users, -1)
    return slots.ControlMessage(
        user_ids=seen.user_ids,
        beams=gains.argmax(axis=1).astype("<i2").tobytes(),
        private_power_w=np.full(users, seen.power_w / users * 0.999, "<f4").tobytes(),
        common_power_w=0.0,
    )


def greedy(indication: e2ap.RicIndication) -> e2ap.RicControlRequest:
    """Greedy for slots, keep for budgets."""
    if len(indication.ric_indication_header) and _is_slot(indication):
        return control(indication, slot_header(indication), greedy_message(indication))
    return control(indication, budgets.ControlHeader(), budgets.ControlMessage())


def _is_slot(indication: e2ap.RicIndication) -> bool:
    return indication.ric_request_id.ric_instance_id >= 10
