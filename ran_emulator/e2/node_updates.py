"""How the node tells the RIC that it has changed: subscription delete required, service and configuration update.

What people change holds at once; without a RIC the next E2 setup states it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto.e2ap_names import MAX_TRANSACTION_ID, describe_cause, transaction_id_error

from ran_emulator.e2 import causes
from ran_emulator.e2 import traffic as e2_traffic
from ran_emulator.e2.node_configuration import ComponentKey, NodeConfiguration
from ran_emulator.e2.subscriptions import Subscriptions
from service_kit.logs import fields

_LOG = logging.getLogger(__name__)


class NodeUpdates:
    """The node's updates, and what the RIC answers."""

    def __init__(
        self,
        configuration: NodeConfiguration,
        subscriptions: Subscriptions,
        *,
        send: Callable[[e2ap.E2apPdu, int], None],
        object_to: Callable[[e2ap.Cause, str], None],
        connected: Callable[[], bool],
    ) -> None:
        """`send`: a PDU and its procedure (`e2_traffic`); `object_to`: an error indication's cause and text."""
        self.configuration = configuration
        self._subscriptions = subscriptions
        self._send = send
        self._object_to = object_to
        self._connected = connected
        self._transaction = 0
        self._unanswered: set[int] = set()
        self._meanwhile: list[e2ap.RicServiceUpdate | e2ap.E2NodeConfigurationUpdate] = []
        """Changes since the setup request, to be told when the RIC has answered it."""

    def begin(self) -> None:
        """A new stream, whose setup states all that holds now: nobody answers what was sent before."""
        self._unanswered.clear()
        self._meanwhile.clear()

    def catch_up(self) -> None:
        """The setup is complete: tell what has changed since its request."""
        for update in self._meanwhile:
            self._update(update)
        self._meanwhile.clear()

    def next_transaction(self) -> int:
        """A transaction id, 1..255: 0 is nobody's."""
        self._transaction = self._transaction % MAX_TRANSACTION_ID + 1
        return self._transaction

    # What people change

    def withdraw(self, function: str) -> None:
        """Offer a RAN function no longer: the RIC has to delete its subscriptions first (E2AP 8.2.3, 8.3.4).

        Raises:
            ValueError: it is not offered.
        """
        number = self.configuration.withdraw(function).number
        ending = [
            e2ap.RicSubscriptionWithCause(
                ric_request_id=e2ap.RicRequestId(ric_requestor_id=requestor, ric_instance_id=instance),
                ran_function_id=number,
                cause=causes.OM_INTERVENTION,
            )
            for requestor, instance in self._subscriptions.keys_of(number)
        ]
        if ending:
            required = e2ap.RicSubscriptionDeleteRequired(ric_subscription_to_be_removed=ending)
            self._send(e2ap.E2apPdu(ric_subscription_delete_required=required), e2_traffic.DELETE_REQUIRED)
        self.settle()

    def offer(self, function: str) -> None:
        """Offer a withdrawn RAN function again (E2AP 8.3.4).

        Raises:
            ValueError: it is not withdrawn.
        """
        item = self.configuration.offer(function).item()
        self._update(e2ap.RicServiceUpdate(ran_functions_added=[item]))

    def set_component(self, key: ComponentKey, configuration: str) -> None:
        """Add or change a component (E2AP 8.3.6).

        Raises:
            ValueError: there is no room for another one.
        """
        self._update(self.configuration.set_component(key, configuration))

    def remove_component(self, key: ComponentKey) -> None:
        """Remove a component (E2AP 8.3.6).

        Raises:
            ValueError: it is unknown, or the last one.
        """
        self._update(self.configuration.remove_component(key))

    def settle(self) -> None:
        """Complete withdrawals of functions to which nothing is subscribed any more, and tell the RIC."""
        settled = self.configuration.settle(lambda number: bool(self._subscriptions.keys_of(number)))
        if settled:
            deleted = [function.deletion() for function in settled]
            self._update(e2ap.RicServiceUpdate(ran_functions_deleted=deleted))

    def _update(self, update: e2ap.RicServiceUpdate | e2ap.E2NodeConfigurationUpdate) -> None:
        if not self._connected():
            self._meanwhile.append(update)
            return
        update.transaction_id = self.next_transaction()
        self._unanswered.add(update.transaction_id)
        if isinstance(update, e2ap.RicServiceUpdate):
            self._send(e2ap.E2apPdu(ric_service_update=update), e2_traffic.SERVICE_UPDATE)
        else:
            self._send(e2ap.E2apPdu(e2_node_configuration_update=update), e2_traffic.CONFIGURATION_UPDATE)

    # What the RIC says

    def on_service_query(self, query: e2ap.RicServiceQuery) -> None:
        """RICserviceQuery (E2AP 8.3.5): tell what differs from what the RIC knows, also where nothing does."""
        if error := transaction_id_error(query.transaction_id):
            self._object_to(causes.SEMANTIC_ERROR, f"ric_service_query: {error}")
            return
        self._update(self.configuration.difference(query.ran_functions_accepted))

    def on_service_acknowledge(self, acknowledge: e2ap.RicServiceUpdateAcknowledge) -> None:
        """RICserviceUpdateAcknowledge."""
        if self._answered(acknowledge.transaction_id, "ric_service_update_acknowledge"):
            for item in acknowledge.ran_functions_rejected:
                cause = describe_cause(item.cause)
                _LOG.warning("ran_function_rejected", extra=fields(ran_function_id=item.ran_function_id, cause=cause))

    def on_configuration_acknowledge(self, acknowledge: e2ap.E2NodeConfigurationUpdateAcknowledge) -> None:
        """E2nodeConfigurationUpdateAcknowledge."""
        if self._answered(acknowledge.transaction_id, "e2_node_configuration_update_acknowledge"):
            for item in (
                *acknowledge.e2_node_component_config_addition_ack,
                *acknowledge.e2_node_component_config_update_ack,
                *acknowledge.e2_node_component_config_removal_ack,
            ):
                if item.update_outcome == e2ap.FAILURE:
                    cause = describe_cause(item.failure_cause)
                    _LOG.warning("component_refused", extra=fields(component=item.component_id, cause=cause))

    def on_failure(self, failure: e2ap.RicServiceUpdateFailure | e2ap.E2NodeConfigurationUpdateFailure) -> None:
        """The RIC knows what it knew before, until it queries or the next setup."""
        if self._answered(failure.transaction_id, failure.DESCRIPTOR.name):
            text = failure.criticality_diagnostics.text
            _LOG.warning("update_refused", extra=fields(cause=describe_cause(failure.cause), text=text))

    def _answered(self, transaction_id: int, what: str) -> bool:
        """Whether an update of this transaction waits for an answer; else the RIC is told that none does."""
        if transaction_id in self._unanswered:
            self._unanswered.remove(transaction_id)
            return True
        self._object_to(causes.WRONG_STATE, f"{what}: no update of this transaction_id is under way")
        return False
