"""The node's relation with a RIC, from E2 setup to its end: setup, reset, removal (E2AP 8.3.1, 8.3.3, 8.3.7)."""

from __future__ import annotations

import logging

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto.e2ap_names import ProcedureCode, describe_cause, transaction_id_error

from ran_emulator.e2 import causes
from ran_emulator.e2 import traffic as e2_traffic
from ran_emulator.e2.error_indication import ErrorIndications
from ran_emulator.e2.link import BACK_OFF_S, E2Link
from ran_emulator.e2.node_updates import NodeUpdates
from ran_emulator.e2.outbox import E2Outbox
from ran_emulator.e2.ric_subscription import RicSubscription
from service_kit.logs import fields

_LOG = logging.getLogger(__name__)

SETUP_TRANSACTION = 1
REMOVED_PAUSE_S = 60.0
"""A node that the RIC has removed connects again after this, or when it is told to."""


class E2Association:
    """Whether a RIC has this node, and what begins and ends that."""

    def __init__(
        self,
        identity: e2ap.GlobalE2NodeId,
        link: E2Link,
        outbox: E2Outbox,
        errors: ErrorIndications,
        updates: NodeUpdates,
        subscription: RicSubscription,
    ) -> None:
        """`updates`: what a setup states; `subscription`: forgets what ends with the relation."""
        self.connected = False
        """The E2 setup is complete."""
        self._identity = identity
        self._link = link
        self._outbox = outbox
        self._errors = errors
        self._updates = updates
        self._subscription = subscription
        self._leaving: int | None = None
        """Transaction id of the removal that this node has asked for, while the RIC has not answered."""
        self._resetting: set[int] = set()
        """The same, of its resets: a next one may be asked for before the RIC has answered."""

    # The stream

    def opened(self, stream: int) -> None:
        """A stream is there: the E2 setup (E2AP 8.3.1) begins."""
        self._outbox.open(stream)
        self.connected = False
        self._leaving = None
        self._resetting.clear()
        self._forget()
        self._updates.begin()
        request = e2ap.E2SetupRequest(
            transaction_id=SETUP_TRANSACTION,
            global_e2_node_id=self._identity,
            ran_functions_added=self._updates.configuration.stated(),
            e2_node_component_config_addition=self._updates.configuration.components(),
        )
        self._outbox.send(e2ap.E2apPdu(e2_setup_request=request), e2_traffic.SETUP)

    def lost(self, reason: str) -> None:
        """The stream in force ended."""
        if self.connected:
            _LOG.warning("e2_stream_lost", extra=fields(reason=reason))
        self.connected = False
        self._outbox.clear()
        self._forget()

    # Setup

    def on_setup_response(self, response: e2ap.E2SetupResponse) -> None:
        """The RIC has this node."""
        if self.connected or response.transaction_id != SETUP_TRANSACTION:
            self._errors.send(causes.WRONG_STATE, "e2_setup_response: no E2 setup of this transaction_id is under way")
            return
        self.connected = True
        self._updates.catch_up()
        rejected = [item.ran_function_id for item in response.ran_functions_rejected]
        _LOG.info("e2_connected", extra=fields(ric=response.global_ric_id, rejected_functions=rejected))

    def on_setup_failure(self, failure: e2ap.E2SetupFailure) -> None:
        """The RIC does not want this node now: it tries again after the time that the RIC names."""
        if self.connected or failure.transaction_id != SETUP_TRANSACTION:
            self._errors.send(causes.WRONG_STATE, "e2_setup_failure: no E2 setup of this transaction_id is under way")
            return
        text = failure.criticality_diagnostics.text
        self._link.drop(
            f"E2 setup refused: {describe_cause(failure.cause)} {text}", failure.time_to_wait_s or BACK_OFF_S
        )

    # Reset

    def reset(self) -> None:
        """Reset by the node (E2AP 8.3.3): subscriptions and call processes end, the setup stays."""
        self._forget()
        request = e2ap.ResetRequest(transaction_id=self._updates.next_transaction(), cause=causes.OM_INTERVENTION)
        self._resetting.add(request.transaction_id)
        self._outbox.send(e2ap.E2apPdu(reset_request=request), e2_traffic.RESET)
        self._updates.settle()

    def on_reset(self, request: e2ap.ResetRequest) -> None:
        """Reset by the RIC."""
        if error := transaction_id_error(request.transaction_id):
            self._errors.send(causes.SEMANTIC_ERROR, f"reset_request: {error}")
            return
        _LOG.warning("e2_reset_by_ric", extra=fields(cause=describe_cause(request.cause)))
        self._forget()
        response = e2ap.ResetResponse(transaction_id=request.transaction_id)
        self._outbox.send(e2ap.E2apPdu(reset_response=response), e2_traffic.RESET)
        self._updates.settle()

    def on_reset_response(self, response: e2ap.ResetResponse) -> None:
        """The RIC has carried the node's reset out."""
        if response.transaction_id not in self._resetting:
            self._errors.send(causes.WRONG_STATE, "reset_response: no reset of this transaction_id is under way")
            return
        self._resetting.remove(response.transaction_id)
        _LOG.info("e2_reset_acknowledged")

    # Removal

    def connect(self) -> None:
        """Connect at once after a removal; raises ValueError where a RIC is connected."""
        if self.connected:
            raise ValueError("e2: a RIC is connected")
        self._link.connect_now()

    def leave(self) -> bool:
        """Ask the RIC to remove this node (E2AP 8.3.7); whether there is one to be asked."""
        if self.connected:
            self._leaving = self._updates.next_transaction()
            request = e2ap.E2RemovalRequest(transaction_id=self._leaving)
            self._outbox.send(e2ap.E2apPdu(e2_removal_request=request), e2_traffic.REMOVAL)
        return self.connected

    def on_removal(self, request: e2ap.E2RemovalRequest) -> None:
        """The RIC removes this node: it goes on alone, and comes back after a while or when it is told to."""
        if text := transaction_id_error(request.transaction_id):
            failure = e2ap.E2RemovalFailure(
                transaction_id=request.transaction_id,
                cause=causes.SEMANTIC_ERROR,
                criticality_diagnostics=causes.diagnostics(ProcedureCode.E2_REMOVAL, text),
            )
            self._outbox.send(e2ap.E2apPdu(e2_removal_failure=failure), e2_traffic.REMOVAL)
            return
        _LOG.warning("removed_by_ric", extra=fields(connects_again_s=REMOVED_PAUSE_S))
        response = e2ap.E2RemovalResponse(transaction_id=request.transaction_id)
        self._outbox.send(e2ap.E2apPdu(e2_removal_response=response), e2_traffic.REMOVAL)
        self._link.leave(REMOVED_PAUSE_S)
        self.connected = False
        self._forget()

    def on_removal_response(self, response: e2ap.E2RemovalResponse) -> None:
        """This node has left: what asked for it ends the process."""
        if self._removal_answered(response.transaction_id, "e2_removal_response"):
            self.connected = False
            self._forget()

    def on_removal_failure(self, failure: e2ap.E2RemovalFailure) -> None:
        """The RIC keeps this node."""
        if self._removal_answered(failure.transaction_id, "e2_removal_failure"):
            _LOG.warning("removal_refused", extra=fields(cause=describe_cause(failure.cause)))

    def _removal_answered(self, transaction_id: int, what: str) -> bool:
        """Whether this node has asked for a removal of this transaction; else the RIC is told that it has not."""
        if transaction_id == self._leaving:
            self._leaving = None
            return True
        self._errors.send(causes.WRONG_STATE, f"{what}: no removal of this transaction_id is under way")
        return False

    def _forget(self) -> None:
        self._subscription.forget()
        if not self.connected:
            self._updates.settle()  # the next setup states what is left
