"""RIC control (E2AP 8.2.4): a CONTROL goes to its RAN function, and the answer says what became of it."""

from __future__ import annotations

from typing import Any

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_slot_pb2 as slots

from ran_emulator.constraints import Refused
from ran_emulator.e2 import causes
from ran_emulator.e2 import traffic as e2_traffic
from ran_emulator.e2.budget_function import BudgetFunction
from ran_emulator.e2.causes import NotAdmitted
from ran_emulator.e2.node_configuration import NodeConfiguration
from ran_emulator.e2.outbox import E2Outbox
from ran_emulator.e2.slot_function import SlotFunction
from ran_emulator.e2.subscriptions import BUDGETS_FUNCTION, KPM_FUNCTION, SLOT_FUNCTION, Subscriptions


class RicControl:
    """CONTROLs that come as messages, and their answers."""

    def __init__(
        self,
        slot_function: SlotFunction,
        budget_function: BudgetFunction,
        subscriptions: Subscriptions,
        configuration: NodeConfiguration,
        outbox: E2Outbox,
        *,
        lockstep: bool,
    ) -> None:
        """`lockstep`: the node waits for decisions, so that a failure is told at once."""
        self._slots = slot_function
        self._budgets = budget_function
        self._subscriptions = subscriptions
        self._configuration = configuration
        self._outbox = outbox
        self._lockstep = lockstep

    def on_request(self, request: e2ap.RicControlRequest) -> None:
        """Carry a CONTROL out, or change nothing and say why."""
        try:
            outcome = self._carry_out(request)
        except Refused as refusal:
            self._fail(request, causes.CONTROL_MESSAGE_INVALID, refusal.constraint, refusal.text)
        except NotAdmitted as refusal:
            function = request.ran_function_id
            known = bool(self._subscriptions.keys_of(function)) or self._configuration.offers(function)
            told = refusal if known else causes.not_offered(function)
            self._fail(request, told.cause, told.text.partition(":")[0], told.text)
        else:
            if request.ric_control_ack_request != e2ap.NO_ACK:
                self._acknowledge(request, outcome)

    def _carry_out(self, request: e2ap.RicControlRequest) -> bytes:
        """Carry a CONTROL out; its ControlOutcome. Raises Refused or NotAdmitted, and nothing has changed."""
        if request.ran_function_id == SLOT_FUNCTION:
            self._slots.control(request)
            return b""
        if request.ran_function_id == BUDGETS_FUNCTION:
            return self._budgets.control(request, self._slots.in_slot)
        if request.ran_function_id == KPM_FUNCTION:
            raise NotAdmitted(causes.ACTION_NOT_SUPPORTED, "ran_function_id: KPM offers REPORT only")
        raise causes.not_offered(request.ran_function_id)

    def _acknowledge(self, request: e2ap.RicControlRequest, outcome: bytes) -> None:
        pdu = e2ap.E2apPdu()
        acknowledge = pdu.ric_control_acknowledge
        acknowledge.ric_request_id.CopyFrom(request.ric_request_id)
        acknowledge.ran_function_id = request.ran_function_id
        acknowledge.ric_call_process_id = request.ric_call_process_id
        acknowledge.ric_control_outcome = outcome
        self._outbox.queue(pdu, e2_traffic.CONTROL, request.ran_function_id)

    def _fail(self, request: e2ap.RicControlRequest, cause: e2ap.Cause, constraint: str, text: str) -> None:
        kind: Any = budgets.ControlOutcome if request.ran_function_id == BUDGETS_FUNCTION else slots.ControlOutcome
        failure = e2ap.RicControlFailure(
            ric_request_id=request.ric_request_id,
            ran_function_id=request.ran_function_id,
            ric_call_process_id=request.ric_call_process_id,
            cause=cause,
            ric_control_outcome=kind(constraint=constraint, text=text).SerializeToString(),
        )
        self._outbox.queue(e2ap.E2apPdu(ric_control_failure=failure), e2_traffic.CONTROL, request.ran_function_id)
        if self._lockstep:
            self._outbox.flush()
        else:  # in real time most are for decisions that came too late: they must not cost the next ones theirs
            self._outbox.defer()
