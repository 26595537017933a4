"""Procedures about a whole node (E2AP 8.3): reset, RIC service update and query, configuration update, removal.

Every method is called with the platform's lock held.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.e2ap_names import MAX_TRANSACTION_ID, ProcedureCode, describe_cause, transaction_id_error

from near_rt_ric import e2_messages as messages
from near_rt_ric import e2_updates as updates
from near_rt_ric.counters import Counters
from near_rt_ric.e2_termination import NodeConnection
from near_rt_ric.failures import Done, Failure, Kind
from near_rt_ric.subscriptions import SubscriptionManager
from near_rt_ric.up_socket import UpSocket
from service_kit.logs import fields

_LOG = logging.getLogger(__name__)

ANSWER_TIMEOUT_S = 5.0


@dataclass(slots=True)
class NodeRecord:
    """An E2 node, connected or not."""

    node_id: str
    number: int
    up: UpSocket
    setup: messages.NodeSetup
    connection: NodeConnection | None = None

    def message(self) -> bus.Node:
        """The node as xApps see it."""
        return bus.Node(
            node_id=self.node_id,
            connected=self.connection is not None,
            ran_functions=self.setup.functions.values(),
            up_endpoint=self.up.endpoint,
        )


class Procedure(StrEnum):
    """What the RIC may ask of a node, one of a kind at a time."""

    RESET = "reset"
    QUERY = "service query"
    REMOVAL = "removal"


@dataclass(slots=True)
class _Open:
    transaction_id: int
    deadline_s: float
    done: list[Done]


class NodeProcedures:
    """What nodes and the RIC ask of each other as a whole."""

    def __init__(
        self,
        nodes: dict[str, NodeRecord],
        subscriptions: SubscriptionManager,
        counters: Counters,
        tell_all: Callable[[bus.DownMessage], None],
        release: Callable[[NodeRecord], None],
    ) -> None:
        """`tell_all`: to every xApp; `release`: what the platform does when a node is removed."""
        self._nodes = nodes
        self._subscriptions = subscriptions
        self._counters = counters
        self._tell_all = tell_all
        self._release = release
        self._open: dict[tuple[str, Procedure], _Open] = {}
        self._transaction = 0

    def take(self, connection: NodeConnection, name: str, pdu: e2ap.E2apPdu) -> bool | None:
        """Carry out a node's message: None where it is none of these procedures', False where nothing waits for it."""
        handler = _HANDLERS.get(name)
        if handler is None:
            return None
        message = getattr(pdu, name)
        if name in _ANSWERS:
            asked = self._open.get((connection.setup.node_id, _ANSWERS[name]))
            if asked is None or asked.transaction_id != message.transaction_id:
                return False
        handler(self, connection, message)
        return True

    def _end(self, node_id: str, procedure: Procedure, failure: Failure | None = None) -> None:
        """A procedure of the RIC's is over, if there was one."""
        ended = self._open.pop((node_id, procedure), None)
        for done in ended.done if ended else ():
            done(failure)

    def end_all(self, node_id: str, reason: str, *, removed: bool = False) -> None:
        """A node will not answer what it was asked; a removal has done its work where the node is `removed`."""
        for procedure in Procedure:
            worked = removed and procedure is Procedure.REMOVAL
            self._end(node_id, procedure, None if worked else Failure(Kind.REFUSED, f"node {node_id}: {reason}"))

    def node_lost(self, node: NodeRecord, reason: str) -> bool:
        """A node's stream is over, and so is what it was asked; whether a removal came to its end by this."""
        removed = (node.node_id, Procedure.REMOVAL) in self._open
        if removed:
            self._release(node)
        else:
            node.connection = None
            self.end_all(node.node_id, reason)
        return removed

    def expire(self, now_s: float) -> None:
        """End procedures that a node has not answered in time.

        Whether a node that does not answer a reset still holds its subscriptions is unknown: its stream is ended.
        """
        for node_id, procedure in [key for key, item in self._open.items() if item.deadline_s <= now_s]:
            connection = self._nodes[node_id].connection
            if procedure is Procedure.RESET and connection is not None:
                connection.close("it did not answer the reset")
            text = f"node {node_id} did not answer within {ANSWER_TIMEOUT_S:g} s"
            self._end(node_id, procedure, Failure(Kind.NO_ANSWER, text))

    # What the RIC asks --------------------------------------------------------------------------------

    def reset(self, node_id: str, done: Done) -> None:
        """Reset a node: it drops its subscriptions and call processes, then the RIC subscribes again."""
        started = self._start(node_id, Procedure.RESET, done)
        if started is not None:
            connection, transaction_id = started
            connection.resetting = True
            self._subscriptions.node_down(node_id, "it is being reset")
            request = e2ap.ResetRequest(transaction_id=transaction_id, cause=messages.OM_INTERVENTION)
            connection.post(e2ap.E2apPdu(reset_request=request))

    def query(self, node_id: str, done: Done) -> None:
        """Ask a node for its RAN functions (E2AP 8.3.5): it answers with a service update of what differs."""
        started = self._start(node_id, Procedure.QUERY, done)
        if started is not None:
            connection, transaction_id = started
            known = [
                e2ap.RanFunctionIdItem(ran_function_id=number, ran_function_revision=item.ran_function_revision)
                for number, item in connection.setup.functions.items()
            ]
            request = e2ap.RicServiceQuery(transaction_id=transaction_id, ran_functions_accepted=known)
            connection.post(e2ap.E2apPdu(ric_service_query=request))

    def remove(self, node_id: str, done: Done) -> None:
        """Remove a connected node (E2AP 8.3.7): its stream ends and its subscriptions are forgotten."""
        started = self._start(node_id, Procedure.REMOVAL, done)
        if started is not None:
            connection, transaction_id = started
            request = e2ap.E2RemovalRequest(transaction_id=transaction_id)
            connection.post(e2ap.E2apPdu(e2_removal_request=request))

    def _start(self, node_id: str, procedure: Procedure, done: Done) -> tuple[NodeConnection, int] | None:
        """Begin a procedure, or wait for one of the same kind; connection and transaction id where it begins."""
        node = self._nodes.get(node_id)
        if node is None or node.connection is None:
            done(Failure(Kind.UNKNOWN, f"node_id: node {node_id!r} is not connected"))
            return None
        open_already = self._open.get((node_id, procedure))
        if open_already is not None:
            open_already.done.append(done)
            return None
        self._transaction = (self._transaction + 1) % (MAX_TRANSACTION_ID + 1)
        self._open[node_id, procedure] = _Open(self._transaction, time.monotonic() + ANSWER_TIMEOUT_S, [done])
        return node.connection, self._transaction

    def _on_reset_response(self, connection: NodeConnection, _response: e2ap.ResetResponse) -> None:
        connection.resetting = False
        self._subscriptions.node_up(connection.setup.node_id, connection)
        self._end(connection.setup.node_id, Procedure.RESET)

    def _on_removal_response(self, connection: NodeConnection, _response: e2ap.E2RemovalResponse) -> None:
        self._release(self._nodes[connection.setup.node_id])
        connection.finish("removed")

    def _on_removal_failure(self, connection: NodeConnection, failure: e2ap.E2RemovalFailure) -> None:
        node_id = connection.setup.node_id
        text = f"removal: node {node_id} refuses: {describe_cause(failure.cause)}"
        self._end(node_id, Procedure.REMOVAL, Failure(Kind.REFUSED, text))

    # What a node asks ---------------------------------------------------------------------------------

    def _on_reset(self, connection: NodeConnection, request: e2ap.ResetRequest) -> None:
        """The node has dropped all subscriptions: answer, and subscribe again (E2GAP 5.3.2.5)."""
        node_id = connection.setup.node_id
        if text := transaction_id_error(request.transaction_id):
            self._object(connection, messages.SEMANTIC_ERROR, text, procedure_code=ProcedureCode.RESET)
            return
        _LOG.warning("reset_by_node", extra=fields(node=node_id, cause=describe_cause(request.cause)))
        connection.post(e2ap.E2apPdu(reset_response=e2ap.ResetResponse(transaction_id=request.transaction_id)))
        self._subscriptions.node_up(node_id, connection)

    def _on_delete_required(self, connection: NodeConnection, required: e2ap.RicSubscriptionDeleteRequired) -> None:
        """The node cannot go on with some subscriptions (E2AP 8.2.3)."""
        items = required.ric_subscription_to_be_removed
        if not items:
            text = "ric_subscription_to_be_removed: at least 1 entry is required, there are 0"
            self._object(connection, messages.ABSTRACT_SYNTAX_ERROR_REJECT, text)
        for item in items:
            cause = self._subscriptions.on_delete_required(connection.setup.node_id, item)
            if cause is not None:
                request_id = item.ric_request_id
                text = (
                    f"ric_request_id: no subscription {request_id.ric_requestor_id}-{request_id.ric_instance_id} "
                    f"of RAN function {item.ran_function_id}"
                )
                self._object(connection, cause, text, request_id, item.ran_function_id)

    def _object(
        self,
        connection: NodeConnection,
        cause: e2ap.Cause,
        text: str,
        request_id: e2ap.RicRequestId | None = None,
        ran_function_id: int | None = None,
        *,
        procedure_code: ProcedureCode = ProcedureCode.RIC_SUBSCRIPTION_DELETE_REQUIRED,
    ) -> None:
        self._counters.error(describe_cause(cause))
        connection.post(
            messages.error_indication(
                cause,
                text,
                request_id=request_id,
                ran_function_id=ran_function_id,
                procedure_code=procedure_code,
            )
        )

    def _on_service_update(self, connection: NodeConnection, update: e2ap.RicServiceUpdate) -> None:
        """The node offers other RAN functions than before."""
        before = connection.setup
        verdict = updates.judge_service_update(before, update)
        self._apply(connection, verdict)
        if verdict.setup is not None:
            self._subscriptions.functions_changed(before, verdict.setup)
            self._end(before.node_id, Procedure.QUERY)

    def _on_configuration_update(self, connection: NodeConnection, update: e2ap.E2NodeConfigurationUpdate) -> None:
        """The node's components have changed."""
        self._apply(connection, updates.judge_configuration_update(connection.setup, update))

    def _apply(self, connection: NodeConnection, verdict: updates.Verdict) -> None:
        """Answer an update; where it changes anything, all that follows from it, xApps told."""
        connection.post(verdict.answer)
        node = self._nodes[connection.setup.node_id]
        if verdict.setup is None:
            self._counters.error("update_refused")
            _LOG.warning("update_refused", extra=fields(node=node.node_id))
        elif verdict.setup != node.setup:
            node.setup = connection.setup = verdict.setup
            connection.permissions.clear()
            _LOG.info("node_changed", extra=fields(node=node.node_id, functions=sorted(verdict.setup.functions)))
            self._tell_all(bus.DownMessage(node_id=node.node_id, node_changed=node.message()))

    def _on_removal(self, connection: NodeConnection, request: e2ap.E2RemovalRequest) -> None:
        """The node leaves in order."""
        answer, removed = updates.judge_removal(request)
        connection.post(answer)
        if removed:
            self._release(self._nodes[connection.setup.node_id])
            connection.finish("the node has left")


_HANDLERS: dict[str, Callable[[NodeProcedures, NodeConnection, Any], None]] = {
    "reset_request": NodeProcedures._on_reset,
    "ric_subscription_delete_required": NodeProcedures._on_delete_required,
    "ric_service_update": NodeProcedures._on_service_update,
    "e2_node_configuration_update": NodeProcedures._on_configuration_update,
    "e2_removal_request": NodeProcedures._on_removal,
    "reset_response": NodeProcedures._on_reset_response,
    "e2_removal_response": NodeProcedures._on_removal_response,
    "e2_removal_failure": NodeProcedures._on_removal_failure,
}

_ANSWERS = {
    "reset_response": Procedure.RESET,
    "e2_removal_response": Procedure.REMOVAL,
    "e2_removal_failure": Procedure.REMOVAL,
}
"""What these answer; a query's answer is an update, whose transaction is the node's own."""
