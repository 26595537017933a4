"""The E2 node's procedures (E2AP 8.2, 8.3): setup, subscriptions, indications, control, reset, error indication.

Runs in the hot loop's thread. `E2Link` brings events; the loop hands them to `handle` and calls, a slot:
`ask` after the cell has begun it, `executed` after it was executed, `second_closed` at the end of a second.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from google.protobuf.message import DecodeError
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_kpm_pb2 as kpm_pb
from hiso_proto import e2sm_slot_pb2 as slots
from hiso_proto.e2ap_names import ProcedureCode, describe_cause
from hiso_proto.oids import BUDGETS_OID, KPM_OID, SLOT_OID

from ran_emulator import causes, e2_codec, e2_traffic, kpm
from ran_emulator.call_processes import BudgetCallProcess, start
from ran_emulator.causes import NotAdmitted
from ran_emulator.cell import Cell, SecondWindow
from ran_emulator.constraints import Refused
from ran_emulator.e2_link import BACK_OFF_S, E2Link, Lost, Opened, Received
from ran_emulator.e2_traffic import E2Traffic
from ran_emulator.node_configuration import FUNCTION_NAMES, NodeConfiguration, RanFunction
from ran_emulator.node_updates import MAX_TRANSACTION_ID, NodeUpdates
from ran_emulator.scenario import SLICE_NAMES
from ran_emulator.slot_function import SlotFunction
from ran_emulator.subscriptions import (
    BUDGETS_FUNCTION,
    KPM_FUNCTION,
    SLOT_FUNCTION,
    Claim,
    Report,
    Subscriptions,
)
from service_kit.logs import fields

_LOG = logging.getLogger(__name__)

PLMN_ID = "00101"
SETUP_TRANSACTION = 1
REMOVED_PAUSE_S = 60.0
"""A node that the RIC has removed connects again after this, or when it is told to."""

_TRAFFIC_OF = {KPM_FUNCTION: e2_traffic.KPM, BUDGETS_FUNCTION: e2_traffic.BUDGETS, SLOT_FUNCTION: e2_traffic.SLOT}
_RECEIVED = {
    "e2_setup_response": e2_traffic.SETUP,
    "e2_setup_failure": e2_traffic.SETUP,
    "ric_subscription_request": e2_traffic.SUBSCRIPTION,
    "ric_subscription_delete_request": e2_traffic.SUBSCRIPTION_DELETE,
    "ric_control_request": e2_traffic.CONTROL,
    "error_indication": e2_traffic.ERROR,
    "reset_request": e2_traffic.RESET,
    "reset_response": e2_traffic.RESET,
    "ric_service_query": e2_traffic.SERVICE_QUERY,
    "ric_service_update_acknowledge": e2_traffic.SERVICE_UPDATE,
    "ric_service_update_failure": e2_traffic.SERVICE_UPDATE,
    "e2_node_configuration_update_acknowledge": e2_traffic.CONFIGURATION_UPDATE,
    "e2_node_configuration_update_failure": e2_traffic.CONFIGURATION_UPDATE,
    "e2_removal_request": e2_traffic.REMOVAL,
    "e2_removal_response": e2_traffic.REMOVAL,
    "e2_removal_failure": e2_traffic.REMOVAL,
}
_OF_A_FUNCTION = (e2_traffic.SUBSCRIPTION, e2_traffic.SUBSCRIPTION_DELETE, e2_traffic.CONTROL)
"""Procedures whose messages name the RAN function that they concern."""


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_frame(pdus: list[bytes]) -> bytes:
    """An E2Frame of encoded PDUs (its field 1)."""
    return b"".join([b"\x0a" + _varint(len(pdu)) + pdu for pdu in pdus])


class E2Node:
    """One node's end of E2."""

    def __init__(self, cell: Cell, link: E2Link, gnb_id: int, lockstep: bool) -> None:
        """`lockstep`: the node waits for decisions (it states so in its functions' definitions)."""
        self.connected = False
        self.subscriptions = Subscriptions()
        self.traffic = E2Traffic()
        self._cell = cell
        self._link = link
        self._gnb_id = gnb_id
        self._lockstep = lockstep
        self._stream = 0
        self._leaving: int | None = None
        """Transaction id of the removal that this node has asked for, while the RIC has not answered."""
        self._in_slot = False
        self._slots = SlotFunction(cell, self.subscriptions, self.traffic)
        self._budgets = BudgetCallProcess()
        self._missed_before = [0] * len(SLICE_NAMES)
        self._out: list[bytes] = []
        self._unhurried: list[bytes] = []
        """PDUs for the next slot's frame."""
        definitions = (
            (KPM_FUNCTION, KPM_OID, kpm.definition),
            (BUDGETS_FUNCTION, BUDGETS_OID, lambda: e2_codec.budget_definition(cell, lockstep)),
            (SLOT_FUNCTION, SLOT_OID, lambda: e2_codec.slot_definition(cell, lockstep)),
        )
        functions = [RanFunction(name, *row) for name, row in zip(FUNCTION_NAMES, definitions, strict=True)]
        self.updates = NodeUpdates(
            NodeConfiguration(functions, (e2ap.NG, f"ng-{gnb_id}")),
            self.subscriptions,
            send=lambda pdu, procedure: self._send(pdu, e2_traffic.E2AP, procedure),
            object_to=self._object,
            connected=lambda: self.connected,
        )

    # What the loop asks

    def waiting_for(self, slot: int) -> bool:
        """Whether an INSERT for this slot awaits its answer."""
        return self._slots.processes.waiting_for(slot)

    @property
    def waiting_for_budgets(self) -> bool:
        """Whether the budget INSERT awaits its answer."""
        return self._budgets.awaited

    @property
    def missed_deadlines(self) -> list[int]:
        """A slice: INSERTs whose slot ran without the decision asked for."""
        return self._slots.processes.missed

    @property
    def latencies_s(self) -> list[float]:
        """Of slot decisions carried out, INSERT sent to CONTROL taken; emptied by its reader."""
        return self._slots.latencies_s

    def end_waits(self, slot: int, now_s: float) -> float:
        """End waits for this slot's decisions and for budgets whose time is over; when the next one is (or inf)."""
        return min(self._slots.processes.end_waits(slot, now_s), self._budgets.end_wait(now_s))

    def flush(self) -> None:
        """Send acknowledges that wait for company."""
        if self._out:
            self._link.send(self._stream, encode_frame(self._out))
            self._out = []

    # A slot

    def ask(self) -> None:
        """Step 4: one frame with an INSERT for each slice that has a group and a subscription."""
        self._in_slot = True
        frame = self._slots.inserts()
        if self._out or self._unhurried:
            frame = encode_frame(self._unhurried + self._out) + frame
            self._out, self._unhurried = [], []
        if frame:
            self._link.send(self._stream, frame)

    def executed(self, slot: int) -> None:
        """Step 6: outcomes are kept for the slices' next frames; what was not decided was missed."""
        self._in_slot = False
        self._slots.executed(slot)

    def second_closed(self, window: SecondWindow) -> None:
        """Step 7: KPM reports and the budget INSERT of a closed second leave in one frame."""
        missed = [now - before for now, before in zip(self.missed_deadlines, self._missed_before, strict=True)]
        self._missed_before = self.missed_deadlines.copy()
        if self.subscriptions.reports:
            measured = kpm.KpmWindow(
                window,
                (missed[0], missed[1], missed[2]),
                self._cell.scenario.total_bandwidth_hz,
                self._cell.hwi.kappa_t,
                self._cell.hwi.kappa_r,
            )
            for report in self.subscriptions.reports:
                self._report(report, measured)
        self.ask_budgets(window)

    def ask_budgets(self, window: SecondWindow) -> None:
        """The budget INSERT of a second; with an empty window (second 0) before slot 0."""
        claim = self.subscriptions.budget_claim
        if claim is not None:
            self._insert_budgets(claim, window)
        self.flush()

    def reset(self) -> None:
        """Reset by the node (E2AP 8.3.3): subscriptions and call processes end, the setup stays."""
        self._forget()
        request = e2ap.ResetRequest(transaction_id=self.updates.next_transaction(), cause=causes.OM_INTERVENTION)
        self._send(e2ap.E2apPdu(reset_request=request), e2_traffic.E2AP, e2_traffic.RESET)
        self.updates.settle()

    def connect(self) -> None:
        """Connect at once after a removal; raises ValueError where a RIC is connected."""
        if self.connected:
            raise ValueError("e2: a RIC is connected")
        self._link.connect_now()

    def leave(self) -> bool:
        """Ask the RIC to remove this node (E2AP 8.3.7); whether there is one to be asked."""
        if self.connected:
            self._leaving = self.updates.next_transaction()
            request = e2ap.E2RemovalRequest(transaction_id=self._leaving)
            self._send(e2ap.E2apPdu(e2_removal_request=request), e2_traffic.E2AP, e2_traffic.REMOVAL)
        return self.connected

    # Indications

    def _insert_budgets(self, claim: Claim, window: SecondWindow) -> None:
        call_process_id = window.second.to_bytes(8, "little")
        header = budgets.IndicationHeader(second=window.second, slot=window.slot).SerializeToString()
        message = e2_codec.budget_report(window, self._cell.scenario.total_bandwidth_hz).SerializeToString()
        self._indicate(claim, e2ap.INSERT, header, message, call_process_id)
        self._budgets.begin(start(claim, call_process_id, -1, window.slot, time.monotonic()))

    def _report(self, report: Report, window: kpm.KpmWindow) -> None:
        if not report.items:
            report.first_second = window.window.second - 1
        report.items.append(kpm.data_item(report.columns, window))
        if len(report.items) < report.seconds:
            return
        header = kpm_pb.IndicationHeader(
            collet_start_time_ns=report.first_second * 10**9, sender_name=f"{PLMN_ID}-{self._gnb_id}"
        )
        message = kpm_pb.IndicationMessage(
            meas_data=report.items, meas_info_list=report.info, granul_period_ms=kpm.GRANULARITY_MS
        )
        report.items = []
        self._indicate(report, e2ap.REPORT, header.SerializeToString(), message.SerializeToString(), b"")

    def _indicate(
        self,
        source: Claim | Report,
        kind: e2ap.RicActionType,
        header: bytes,
        message: bytes,
        call_process_id: bytes,
    ) -> None:
        function_id = source.function_id if isinstance(source, Claim) else KPM_FUNCTION
        pdu = e2ap.E2apPdu()
        indication = pdu.ric_indication
        indication.ric_request_id.ric_requestor_id, indication.ric_request_id.ric_instance_id = source.request_key
        indication.ran_function_id = function_id
        indication.ric_action_id = source.action_id
        indication.ric_indication_sn = source.sequence_number
        indication.ric_indication_type = kind
        indication.ric_indication_header = header
        indication.ric_indication_message = message
        indication.ric_call_process_id = call_process_id
        source.sequence_number = source.sequence_number + 1 & 0xFFFF
        self._queue(pdu, _TRAFFIC_OF[function_id], e2_traffic.INDICATION)

    def _queue(self, pdu: e2ap.E2apPdu, function: int, procedure: int) -> None:
        data = pdu.SerializeToString()
        self.traffic.count(function, procedure, e2_traffic.TO_RIC, len(data))
        self._out.append(data)

    def _send(self, pdu: e2ap.E2apPdu, function: int, procedure: int) -> None:
        self._queue(pdu, function, procedure)
        self.flush()

    # What comes

    def handle(self, event: Opened | Received | Lost) -> None:
        """Carry out what an event of the link asks for."""
        if isinstance(event, Received):
            if event.stream == self._stream:
                self._handle_frame(event.frame)
        elif isinstance(event, Opened):
            self._stream = event.stream
            self._out, self._unhurried = [], []
            self._set_up()
        elif event.stream == self._stream:
            if self.connected:
                _LOG.warning("e2_stream_lost", extra=fields(reason=event.reason))
            self.connected = False
            self._out, self._unhurried = [], []
            self._forget()

    def _handle_frame(self, data: bytes) -> None:
        if self.connected:
            taken = self._slots.take_plain(data)
            if taken == len(data):
                return
            data = data[taken:]
        try:
            frame = e2ap.E2Frame.FromString(data)
        except DecodeError:
            self._object(causes.TRANSFER_SYNTAX_ERROR, "the frame is not an E2Frame")
            return
        alone = len(frame.pdus) == 1
        for pdu in frame.pdus:
            # A PDU that stands alone is the frame less its tag and length.
            size = len(data) - (2 if len(data) < 130 else 3 if len(data) < 16_387 else 4) if alone else pdu.ByteSize()
            self._handle_pdu(pdu, size)

    def _handle_pdu(self, pdu: e2ap.E2apPdu, size: int) -> None:
        kind = pdu.WhichOneof("message")
        if kind is None:
            self._object(causes.ABSTRACT_SYNTAX_ERROR, "the PDU carries no message that this node knows")
            return
        message = getattr(pdu, kind)
        procedure = _RECEIVED.get(kind)
        if procedure is None:
            self._object(causes.WRONG_STATE, f"{kind} is not for an E2 node")
            return
        function = e2_traffic.E2AP
        if procedure in _OF_A_FUNCTION:
            function = _TRAFFIC_OF.get(message.ran_function_id, e2_traffic.E2AP)
        self.traffic.count(function, procedure, e2_traffic.TO_NODE, size)
        if not self.connected and procedure not in (e2_traffic.SETUP, e2_traffic.ERROR):
            self._object(causes.WRONG_STATE, f"{kind} before the E2 setup is complete")
            return
        _HANDLERS[kind](self, message)

    def _object(self, cause: e2ap.Cause, text: str) -> None:
        """Send an ErrorIndication (E2AP 8.3.2)."""
        _LOG.warning("e2_error", extra=fields(cause=describe_cause(cause), text=text))
        indication = e2ap.ErrorIndication(cause=cause, criticality_diagnostics=e2ap.CriticalityDiagnostics(text=text))
        self._send(e2ap.E2apPdu(error_indication=indication), e2_traffic.E2AP, e2_traffic.ERROR)

    # Setup, reset, errors

    def _set_up(self) -> None:
        self.connected = False
        self._leaving = None
        self._forget()
        self.updates.begin()
        request = e2ap.E2SetupRequest(
            transaction_id=SETUP_TRANSACTION,
            global_e2_node_id=e2ap.GlobalE2NodeId(plmn_id=PLMN_ID, gnb_id=self._gnb_id),
            ran_functions_added=self.updates.configuration.stated(),
            e2_node_component_config_addition=self.updates.configuration.components(),
        )
        self._send(e2ap.E2apPdu(e2_setup_request=request), e2_traffic.E2AP, e2_traffic.SETUP)

    def _on_setup_response(self, response: e2ap.E2SetupResponse) -> None:
        if self.connected or response.transaction_id != SETUP_TRANSACTION:
            self._object(causes.WRONG_STATE, "e2_setup_response: no E2 setup of this transaction_id is under way")
            return
        self.connected = True
        rejected = [item.ran_function_id for item in response.ran_functions_rejected]
        _LOG.info("e2_connected", extra=fields(ric=response.global_ric_id, rejected_functions=rejected))

    def _on_setup_failure(self, failure: e2ap.E2SetupFailure) -> None:
        text = failure.criticality_diagnostics.text
        self._link.drop(
            f"E2 setup refused: {describe_cause(failure.cause)} {text}", failure.time_to_wait_s or BACK_OFF_S
        )

    def _on_reset(self, request: e2ap.ResetRequest) -> None:
        _LOG.warning("e2_reset_by_ric", extra=fields(cause=describe_cause(request.cause)))
        self._forget()
        response = e2ap.ResetResponse(transaction_id=request.transaction_id)
        self._send(e2ap.E2apPdu(reset_response=response), e2_traffic.E2AP, e2_traffic.RESET)
        self.updates.settle()

    def _on_reset_response(self, _response: e2ap.ResetResponse) -> None:
        _LOG.info("e2_reset_acknowledged")

    def _on_error(self, error: e2ap.ErrorIndication) -> None:
        _LOG.warning(
            "e2_error_from_ric",
            extra=fields(cause=describe_cause(error.cause), text=error.criticality_diagnostics.text),
        )

    # Removal

    def _on_removal(self, request: e2ap.E2RemovalRequest) -> None:
        """The RIC removes this node: it goes on alone, and comes back after a while or when it is told to."""
        if request.transaction_id > MAX_TRANSACTION_ID:
            text = f"transaction_id: {request.transaction_id} is not in 0..{MAX_TRANSACTION_ID}"
            failure = e2ap.E2RemovalFailure(
                transaction_id=request.transaction_id,
                cause=causes.SEMANTIC_ERROR,
                criticality_diagnostics=_diagnostics(ProcedureCode.E2_REMOVAL, text),
            )
            self._send(e2ap.E2apPdu(e2_removal_failure=failure), e2_traffic.E2AP, e2_traffic.REMOVAL)
            return
        _LOG.warning("removed_by_ric", extra=fields(connects_again_s=REMOVED_PAUSE_S))
        response = e2ap.E2RemovalResponse(transaction_id=request.transaction_id)
        self._send(e2ap.E2apPdu(e2_removal_response=response), e2_traffic.E2AP, e2_traffic.REMOVAL)
        self._link.leave(REMOVED_PAUSE_S)
        self.connected = False
        self._forget()

    def _on_removal_response(self, response: e2ap.E2RemovalResponse) -> None:
        """This node has left: what asked for it ends the process."""
        if self._removal_answered(response.transaction_id, "e2_removal_response"):
            self.connected = False
            self._forget()

    def _on_removal_failure(self, failure: e2ap.E2RemovalFailure) -> None:
        if self._removal_answered(failure.transaction_id, "e2_removal_failure"):
            _LOG.warning("removal_refused", extra=fields(cause=describe_cause(failure.cause)))

    def _removal_answered(self, transaction_id: int, what: str) -> bool:
        """Whether this node has asked for a removal of this transaction; else the RIC is told that it has not."""
        if transaction_id == self._leaving:
            self._leaving = None
            return True
        self._object(causes.WRONG_STATE, f"{what}: no removal of this transaction_id is under way")
        return False

    def _forget(self) -> None:
        """Drop all subscriptions and call processes: every wait ends with the fallback."""
        self.subscriptions.clear()
        self._slots.processes.end(None)
        self._budgets.end()
        if not self.connected:
            self.updates.settle()  # the next setup states what is left

    # Subscriptions

    def _on_subscription(self, request: e2ap.RicSubscriptionRequest) -> None:
        traffic = _TRAFFIC_OF.get(request.ran_function_id, e2_traffic.E2AP)
        try:
            self._check_offered(request.ran_function_id)
            response = self.subscriptions.subscribe(request)
        except NotAdmitted as refusal:
            failure = e2ap.RicSubscriptionFailure(
                ric_request_id=request.ric_request_id,
                ran_function_id=request.ran_function_id,
                cause=refusal.cause,
                criticality_diagnostics=_diagnostics(ProcedureCode.RIC_SUBSCRIPTION, refusal.text),
            )
            _LOG.warning("subscription_refused", extra=fields(reason=refusal.text))
            self._send(e2ap.E2apPdu(ric_subscription_failure=failure), traffic, e2_traffic.SUBSCRIPTION)
            return
        self._send(e2ap.E2apPdu(ric_subscription_response=response), traffic, e2_traffic.SUBSCRIPTION)

    def _check_offered(self, function: int) -> None:
        """Raise NotAdmitted where a function is not offered now."""
        if not self.updates.configuration.offers(function):
            raise NotAdmitted(causes.FUNCTION_ID_INVALID, f"ran_function_id: {function} is not offered")

    def _on_delete(self, request: e2ap.RicSubscriptionDeleteRequest) -> None:
        traffic = _TRAFFIC_OF.get(request.ran_function_id, e2_traffic.E2AP)
        try:
            ended = self.subscriptions.delete(request)
        except NotAdmitted as refusal:
            failure = e2ap.RicSubscriptionDeleteFailure(
                ric_request_id=request.ric_request_id,
                ran_function_id=request.ran_function_id,
                cause=refusal.cause,
                criticality_diagnostics=_diagnostics(ProcedureCode.RIC_SUBSCRIPTION_DELETE, refusal.text),
            )
            self._send(e2ap.E2apPdu(ric_subscription_delete_failure=failure), traffic, e2_traffic.SUBSCRIPTION_DELETE)
            return
        for claim in ended:
            self._slots.processes.end(claim.request_key)
            if claim.function_id == BUDGETS_FUNCTION:
                self._budgets.end()
        response = e2ap.RicSubscriptionDeleteResponse(
            ric_request_id=request.ric_request_id, ran_function_id=request.ran_function_id
        )
        self._send(e2ap.E2apPdu(ric_subscription_delete_response=response), traffic, e2_traffic.SUBSCRIPTION_DELETE)
        self.updates.settle()

    # Control

    def _on_control(self, request: e2ap.RicControlRequest) -> None:
        try:
            outcome = self._control(request)
        except Refused as refusal:
            self._fail(request, causes.CONTROL_MESSAGE_INVALID, refusal.constraint, refusal.text)
        except NotAdmitted as refusal:
            cause, text = refusal.cause, refusal.text
            if not self.subscriptions.keys_of(request.ran_function_id) and not self.updates.configuration.offers(
                request.ran_function_id
            ):
                cause = causes.FUNCTION_ID_INVALID
                text = f"ran_function_id: {request.ran_function_id} is not offered"
            self._fail(request, cause, text.partition(":")[0], text)
        else:
            if request.ric_control_ack_request != e2ap.NO_ACK:
                self._acknowledge(request, outcome)

    def _control(self, request: e2ap.RicControlRequest) -> bytes:
        """Carry a CONTROL out; its ControlOutcome. Raises Refused or NotAdmitted, and nothing has changed."""
        if request.ran_function_id == SLOT_FUNCTION:
            self._slots.control(request)
            return b""
        if request.ran_function_id == BUDGETS_FUNCTION:
            return self._control_budgets(request)
        if request.ran_function_id == KPM_FUNCTION:
            raise NotAdmitted(causes.ACTION_NOT_SUPPORTED, "ran_function_id: KPM offers REPORT only")
        raise NotAdmitted(causes.FUNCTION_ID_INVALID, f"ran_function_id: {request.ran_function_id} is not offered")

    def _acknowledge(self, request: e2ap.RicControlRequest, outcome: bytes) -> None:
        pdu = e2ap.E2apPdu()
        acknowledge = pdu.ric_control_acknowledge
        acknowledge.ric_request_id.CopyFrom(request.ric_request_id)
        acknowledge.ran_function_id = request.ran_function_id
        acknowledge.ric_call_process_id = request.ric_call_process_id
        acknowledge.ric_control_outcome = outcome
        self._queue(pdu, _TRAFFIC_OF[request.ran_function_id], e2_traffic.CONTROL)

    def _fail(self, request: e2ap.RicControlRequest, cause: e2ap.Cause, constraint: str, text: str) -> None:
        kind: Any = budgets.ControlOutcome if request.ran_function_id == BUDGETS_FUNCTION else slots.ControlOutcome
        failure = e2ap.RicControlFailure(
            ric_request_id=request.ric_request_id,
            ran_function_id=request.ran_function_id,
            ric_call_process_id=request.ric_call_process_id,
            cause=cause,
            ric_control_outcome=kind(constraint=constraint, text=text).SerializeToString(),
        )
        traffic = _TRAFFIC_OF.get(request.ran_function_id, e2_traffic.E2AP)
        self._queue(e2ap.E2apPdu(ric_control_failure=failure), traffic, e2_traffic.CONTROL)
        if self._lockstep:
            self.flush()
        else:  # in real time most are for decisions that came too late: they must not cost the next ones theirs
            self._unhurried += self._out
            self._out = []

    def _control_budgets(self, request: e2ap.RicControlRequest) -> bytes:
        if self.subscriptions.budget_claim is None:  # a withdrawal ends with its last answer
            self._check_offered(BUDGETS_FUNCTION)
        process = self._budgets.find(request, time.monotonic()) if request.ric_call_process_id else None
        if process is not None:
            process.awaited = False
        cell = self._cell
        wanted = e2_codec.decode_budgets(request.ric_control_header, request.ric_control_message)
        kept_from = cell.slot + self._in_slot + cell.control_delay_slots
        applied_slot = kept_from if wanted is None else cell.set_budgets(*wanted)
        if process is not None:
            process.decided, process.open = True, False
        return budgets.ControlOutcome(applied_slot=applied_slot).SerializeToString()


def _diagnostics(procedure_code: int, text: str) -> e2ap.CriticalityDiagnostics:
    return e2ap.CriticalityDiagnostics(procedure_code=procedure_code, text=text)


_HANDLERS: dict[str, Any] = {
    "e2_setup_response": E2Node._on_setup_response,
    "e2_setup_failure": E2Node._on_setup_failure,
    "ric_subscription_request": E2Node._on_subscription,
    "ric_subscription_delete_request": E2Node._on_delete,
    "ric_control_request": E2Node._on_control,
    "error_indication": E2Node._on_error,
    "reset_request": E2Node._on_reset,
    "reset_response": E2Node._on_reset_response,
    "ric_service_query": lambda node, query: node.updates.on_service_query(query),
    "ric_service_update_acknowledge": lambda node, answer: node.updates.on_service_acknowledge(answer),
    "ric_service_update_failure": lambda node, failure: node.updates.on_failure(failure),
    "e2_node_configuration_update_acknowledge": lambda node, answer: node.updates.on_configuration_acknowledge(answer),
    "e2_node_configuration_update_failure": lambda node, failure: node.updates.on_failure(failure),
    "e2_removal_request": E2Node._on_removal,
    "e2_removal_response": E2Node._on_removal_response,
    "e2_removal_failure": E2Node._on_removal_failure,
}
