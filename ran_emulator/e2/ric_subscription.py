"""RIC subscription and its deletion (E2AP 8.2.1, 8.2.2): requests, answers, and the waits that end with them."""

from __future__ import annotations

import logging

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto.e2ap_names import ProcedureCode

from ran_emulator.e2 import causes
from ran_emulator.e2 import traffic as e2_traffic
from ran_emulator.e2.call_processes import BudgetCallProcess, SlotCallProcesses
from ran_emulator.e2.causes import NotAdmitted
from ran_emulator.e2.node_updates import NodeUpdates
from ran_emulator.e2.outbox import E2Outbox
from ran_emulator.e2.subscriptions import BUDGETS_FUNCTION, Subscriptions
from service_kit.logs import fields

_LOG = logging.getLogger(__name__)


class RicSubscription:
    """The messages that change what is subscribed."""

    def __init__(
        self,
        subscriptions: Subscriptions,
        slot_processes: SlotCallProcesses,
        budget_process: BudgetCallProcess,
        updates: NodeUpdates,
        outbox: E2Outbox,
    ) -> None:
        """The call processes end with their subscriptions; so do withdrawals in `updates`."""
        self._subscriptions = subscriptions
        self._slot_processes = slot_processes
        self._budget_process = budget_process
        self._updates = updates
        self._outbox = outbox

    def on_request(self, request: e2ap.RicSubscriptionRequest) -> None:
        """Admit what can be admitted."""
        function = request.ran_function_id
        try:
            if not self._updates.configuration.offers(function):
                raise causes.not_offered(function)
            response = self._subscriptions.subscribe(request)
        except NotAdmitted as refusal:
            failure = e2ap.RicSubscriptionFailure(
                ric_request_id=request.ric_request_id,
                ran_function_id=function,
                cause=refusal.cause,
                criticality_diagnostics=causes.diagnostics(ProcedureCode.RIC_SUBSCRIPTION, refusal.text),
            )
            _LOG.warning("subscription_refused", extra=fields(reason=refusal.text))
            self._outbox.send(e2ap.E2apPdu(ric_subscription_failure=failure), e2_traffic.SUBSCRIPTION, function)
            return
        self._outbox.send(e2ap.E2apPdu(ric_subscription_response=response), e2_traffic.SUBSCRIPTION, function)

    def on_delete_request(self, request: e2ap.RicSubscriptionDeleteRequest) -> None:
        """Delete a subscription: waits for its answers end with the fallback."""
        function = request.ran_function_id
        try:
            ended = self._subscriptions.delete(request)
        except NotAdmitted as refusal:
            failure = e2ap.RicSubscriptionDeleteFailure(
                ric_request_id=request.ric_request_id,
                ran_function_id=function,
                cause=refusal.cause,
                criticality_diagnostics=causes.diagnostics(ProcedureCode.RIC_SUBSCRIPTION_DELETE, refusal.text),
            )
            pdu = e2ap.E2apPdu(ric_subscription_delete_failure=failure)
            self._outbox.send(pdu, e2_traffic.SUBSCRIPTION_DELETE, function)
            return
        for claim in ended:
            self._slot_processes.end(claim.request_key)
            if claim.function_id == BUDGETS_FUNCTION:
                self._budget_process.end()
        response = e2ap.RicSubscriptionDeleteResponse(ric_request_id=request.ric_request_id, ran_function_id=function)
        pdu = e2ap.E2apPdu(ric_subscription_delete_response=response)
        self._outbox.send(pdu, e2_traffic.SUBSCRIPTION_DELETE, function)
        self._updates.settle()

    def forget(self) -> None:
        """Drop all subscriptions and call processes: every wait ends with the fallback."""
        self._subscriptions.clear()
        self._slot_processes.end(None)
        self._budget_process.end()
