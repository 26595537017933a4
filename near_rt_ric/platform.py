"""The platform's state: nodes, xApps and what connects them. The control plane.

One lock guards everything here. Indications and controls pass without it, by look-ups alone.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Protocol

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.e2ap_names import describe_cause
from hiso_proto.oids import BUDGETS_OID, SLOT_OID

from near_rt_ric import e2_messages as messages
from near_rt_ric.budgets import BudgetMemory
from near_rt_ric.counters import Counters
from near_rt_ric.e2_termination import NodeConnection
from near_rt_ric.endpoints import MAX_NODES, BusEndpoints, EndpointError
from near_rt_ric.failures import Done, Failure, Kind
from near_rt_ric.node_procedures import NodeProcedures, NodeRecord
from near_rt_ric.records import ControlPermission, SubscriptionState, XAppRecord
from near_rt_ric.registry import XAppRegistry
from near_rt_ric.shown_state import NEVER_HERE, node_state, subscription_state, xapp_state
from near_rt_ric.store import Store
from near_rt_ric.subscriptions import SubscribeDone, SubscriptionManager, UnsubscribeDone
from near_rt_ric.up_socket import UpSocket
from service_kit.logs import fields

_LOG = logging.getLogger(__name__)

XAPP_SILENCE_S = 1.0
XAPP_LOCKSTEP_SILENCE_S = 30.0
DATA_SOCKET_TIMEOUT_S = 2.0
MAX_KEPT_MESSAGES = 1_000
"""For an xApp whose data socket is not there yet."""


class DownPort(Protocol):
    """The bus's data socket towards xApps, and the sockets that nodes need."""

    def send_down(self, identity: bytes, payload: bytes) -> int:
        """Send a DownMessage; 0, or errno."""

    def open_up(self, endpoint: str) -> UpSocket:
        """Bind a node's up socket; raises EndpointError."""

    def close_up(self, up: UpSocket) -> None:
        """Close the up socket of a node that was removed."""


class NoPlaceError(Exception):
    """A node cannot be taken, for want of something of the RIC's.

    Attributes:
        cause: of E2AP 9.2.1.
    """

    def __init__(self, cause: e2ap.Cause, text: str) -> None:
        """`text` says what is wanting."""
        super().__init__(text)
        self.cause = cause


@dataclass(slots=True, eq=False)
class _Deferred:
    deadline_s: float
    xapp_name: str
    request: bus.SubscribeRequest
    done: SubscribeDone

    def refuse(self) -> None:
        error = f"xapp_name: xApp {self.xapp_name} has not connected its data socket"
        self.done(bus.SubscribeResponse(key=self.request.key, error=error, cause=messages.SYSTEM_NOT_READY))


class RicPlatform:
    """Nodes, xApps, subscriptions and budgets of one near-RT RIC."""

    def __init__(self, store: Store, endpoints: BusEndpoints) -> None:
        stored = store.load()
        self.counters = Counters()
        self.registry = XAppRegistry(stored.xapps, store)
        self.budgets = BudgetMemory(stored.budgets, store)
        self.subscriptions = SubscriptionManager(stored.subscriptions, store, self.tell)
        self._store = store
        self._endpoints = endpoints
        self._numbers = stored.node_numbers
        self._nodes: dict[str, NodeRecord] = {}
        self._joining: dict[str, list[bus.DownMessage]] = {}
        """xApps that have registered and whose data socket is not there yet, with what they have to be told then."""
        self._deferred: list[_Deferred] = []
        self._held_until_s: dict[str, float] = {}
        self._lock = threading.RLock()
        self._procedures = NodeProcedures(self._nodes, self.subscriptions, self.counters, self._tell_all, self._release)
        self._leaving: dict[int, NodeRecord] = {}
        """Nodes that were removed, by number, until their up socket is closed: their stream may still use it."""
        self._down: DownPort

    def attach(self, down: DownPort) -> None:
        """Give the platform its way to xApps; call once, before anything else."""
        self._down = down

    def send_down(self, identity: bytes, payload: bytes) -> int:
        """Send a DownMessage to an xApp; 0, or errno: never blocks."""
        return self._down.send_down(identity, payload)

    # xApps ----------------------------------------------------------------------------------------

    def register(self, request: bus.RegisterRequest) -> bus.RegisterResponse:
        """Register an xApp, or renew it: stored subscriptions are restored once its data socket is there."""
        with self._lock:
            known = self.registry.get(request.xapp_name)
            xapp = self.registry.register(request)
            if isinstance(xapp, str):
                self.counters.error("registration_refused")
                return bus.RegisterResponse(error=xapp)
            if known is not None and known.alive:
                self._xapp_lost(known, "it registered again")
            self._refuse_deferred(xapp.name)
            self._joining[xapp.name] = []
            for node in self._nodes.values():
                if node.connection is not None:
                    node.connection.permissions.clear()
            _LOG.info("xapp_registered", extra=fields(xapp=xapp.name, requestor=xapp.requestor_id))
            return bus.RegisterResponse(
                ric_requestor_id=xapp.requestor_id,
                down_endpoint=self._endpoints.down,
                nodes=[node.message() for node in self._nodes.values()],
            )

    def heartbeat(self, xapp_name: str, lost_indications: int = 0) -> bool:
        """An xApp is there, and has lost so many indications; False where it has to register (again)."""
        with self._lock:
            xapp = self.registry.get(xapp_name)
            if xapp is None or not (xapp.alive or xapp_name in self._joining):
                return False
            xapp.last_heard_s = time.monotonic()
            xapp.lost_indications = lost_indications
            return True

    def hold(self, xapp_name: str, limit_s: float) -> bool:
        """Keep an xApp's subscriptions at their nodes while it is replaced; False where nobody has this name.

        The hold ends when the next registration of this name is in service, or after `limit_s` seconds.
        """
        with self._lock:
            if self.registry.get(xapp_name) is None:
                return False
            self._held_until_s[xapp_name] = time.monotonic() + limit_s
            return True

    def subscribe(self, request: bus.SubscribeRequest, done: SubscribeDone) -> None:
        """Subscribe for an xApp, as soon as its data socket is there: no indication may get lost."""
        with self._lock:
            self._drop_unreachable()  # who has just left must not hold a slice against its successor
            xapp = self.registry.get(request.xapp_name)
            if xapp is not None and request.xapp_name in self._joining:
                deadline = time.monotonic() + DATA_SOCKET_TIMEOUT_S
                self._deferred.append(_Deferred(deadline, xapp.name, request, done))
            elif xapp is None or not xapp.alive:
                error = f"xapp_name: xApp {request.xapp_name!r} is not registered"
                done(bus.SubscribeResponse(key=request.key, error=error, cause=messages.OM_INTERVENTION))
            else:
                self.subscriptions.subscribe(xapp, request, done)

    def unsubscribe(self, request: bus.UnsubscribeRequest, done: UnsubscribeDone) -> None:
        """Delete a subscription for an xApp."""
        with self._lock:
            xapp = self.registry.get(request.xapp_name)
            if xapp is None:
                error = f"xapp_name: xApp {request.xapp_name!r} is not registered"
                done(bus.UnsubscribeResponse(error=error))
            else:
                self.subscriptions.unsubscribe(xapp, request.ric_request_id, done)

    def joining(self) -> bool:
        """Whether any xApp has registered whose data socket is not there yet."""
        return bool(self._joining)

    def join(self) -> None:
        """Take into service the xApps whose data socket has come."""
        with self._lock:
            for name in list(self._joining):
                xapp = self.registry.get(name)
                if xapp is not None and self._reachable(xapp):
                    xapp.alive = True
                    for message in self._joining.pop(name):
                        self.tell(name, message)
                    self._held_until_s.pop(name, None)
                    self.subscriptions.xapp_up(xapp)
            now = time.monotonic()
            deferred, self._deferred = self._deferred, []
            for item in deferred:
                if item.xapp_name not in self._joining:
                    self.subscribe(item.request, item.done)
                elif item.deadline_s <= now:
                    item.refuse()
                else:
                    self._deferred.append(item)

    def _refuse_deferred(self, xapp_name: str) -> None:
        """What a process has asked for is not done for its successor of the same name."""
        for item in [item for item in self._deferred if item.xapp_name == xapp_name]:
            self._deferred.remove(item)
            item.refuse()

    def permission(self, connection: NodeConnection, xapp_name: str, ran_function_id: int) -> ControlPermission | str:
        """What an xApp may control of a function, or why it may not; a yes is remembered."""
        with self._lock:
            item = connection.setup.functions.get(ran_function_id)
            xapp = self.registry.get(xapp_name)
            if item is None:
                offered = sorted(connection.setup.functions)
                return f"ran_function_id: the node offers {offered}, not {ran_function_id}"
            if xapp is None or not (xapp.alive or xapp_name in self._joining):
                return f"xapp_name: xApp {xapp_name!r} is not registered"
            if item.ran_function_oid not in xapp.oids:
                return f"ran_function_id: xApp {xapp_name} is not registered for OID {item.ran_function_oid}"
            permission = ControlPermission(
                requestor_id=xapp.requestor_id,
                identity=xapp_name.encode(),
                slice_ids=xapp.slice_ids if item.ran_function_oid == SLOT_OID else None,
                learns_budgets=item.ran_function_oid == BUDGETS_OID,
            )
            connection.permissions[xapp_name, ran_function_id] = permission
            return permission

    def _reachable(self, xapp: XAppRecord) -> bool:
        """Probe an xApp's data socket with an empty DownMessage."""
        return self.send_down(xapp.name.encode(), b"") != errno.EHOSTUNREACH

    def _drop_unreachable(self) -> None:
        for xapp in self.registry.alive():
            if not self._reachable(xapp):
                self._xapp_lost(xapp, "it closed its data socket")

    def _xapp_lost(self, xapp: XAppRecord, reason: str) -> None:
        _LOG.warning("xapp_lost", extra=fields(xapp=xapp.name, reason=reason))
        xapp.alive = False
        self.subscriptions.xapp_down(xapp.name, heir_comes=xapp.name in self._held_until_s)
        for node in self._nodes.values():
            if node.connection is not None:
                node.connection.permissions.clear()

    def tell(self, xapp_name: str, message: bus.DownMessage) -> None:
        """Send it to an xApp, now or once its data socket is there, and count what came of it."""
        if xapp_name in self._joining:
            with self._lock:
                if xapp_name in self._joining:
                    self._keep(self._joining[xapp_name], message)
                    return
        if self.send_down(xapp_name.encode(), message.SerializeToString()):
            self.counters.error("xapp_unreachable")
        else:
            self.counters.message("to_xapp", message.WhichOneof("message") or "none")

    # Nodes ----------------------------------------------------------------------------------------

    def node_set_up(self, connection: NodeConnection, verdict: messages.SetupVerdict) -> None:
        """Take a node into service: its own setup replaces any older one, an older stream of it is ended."""
        setup = verdict.setup
        if setup is None:
            raise ValueError("verdict.setup: an accepted setup is required")
        with self._lock:
            try:
                node = self._node(setup)
            except NoPlaceError as error:
                self.counters.error("e2_setup_refused")
                _LOG.error("node_not_taken", extra=fields(node=setup.node_id, reason=str(error)))
                transaction_id = verdict.answer.e2_setup_response.transaction_id
                connection.post(messages.setup_failure(transaction_id, error.cause, str(error)).answer)
                return
            self._procedures.end_all(setup.node_id, "it was set up again")
            older = node.connection
            if older is not None and older is not connection:
                self.subscriptions.node_down(setup.node_id, "a newer connection of it")
                self._keep_counts(older)
                self.budgets.node_lost(setup.node_id)
                older.close("a newer connection of the same node")
            node.setup = connection.setup = setup
            node.connection = connection
            connection.permissions.clear()
            connection.resetting = False
            connection.attach(node.up, verdict.answer)
            _LOG.info("node_connected", extra=fields(node=setup.node_id, peer=connection.peer))
            self._replay_budgets(node, connection)
            self._tell_all(bus.DownMessage(node_id=setup.node_id, node_up=node.message()))
            self.subscriptions.node_up(setup.node_id, connection)

    def node_lost(self, connection: NodeConnection, reason: str) -> None:
        """A stream has ended."""
        with self._lock:
            node = self._nodes.get(connection.setup.node_id)
            if node is None or node.connection is not connection:
                return
            _LOG.warning("node_lost", extra=fields(node=node.node_id, reason=reason))
            self.budgets.node_lost(node.node_id)
            if self._procedures.node_lost(node, reason):
                return
            self._keep_counts(connection)
            self.subscriptions.node_down(node.node_id, reason)
            self._tell_all(bus.DownMessage(node_id=node.node_id, node_down=reason))

    def connection_ended(self, connection: NodeConnection) -> None:
        """Nobody uses a connection's up socket any more: that of a removed node is closed, its number free again."""
        with self._lock:
            node = next((item for item in self._leaving.values() if item.connection is connection), None)
        if node is not None:
            self._close_up(node)

    def _close_up(self, node: NodeRecord) -> None:
        """Close a removed node's up socket, without the lock, which its thread may need in order to end."""
        self._down.close_up(node.up)
        with self._lock:
            del self._leaving[node.number]

    def _release(self, node: NodeRecord) -> None:
        """Remove a node: its subscriptions are forgotten; its last budgets stay, for its return."""
        self._procedures.end_all(node.node_id, "it was removed", removed=True)
        self.budgets.node_lost(node.node_id)
        del self._nodes[node.node_id]
        self._leaving[node.number] = node
        if node.connection is not None:
            self._keep_counts(node.connection)
        self.subscriptions.node_down(node.node_id, "it was removed")
        self._forget(node.node_id)
        self._tell_all(bus.DownMessage(node_id=node.node_id, node_down="it was removed"))

    def _forget(self, node_id: str) -> None:
        self._numbers.pop(node_id, None)
        self._store.delete_node_number(node_id)
        self.subscriptions.forget_node(node_id)
        _LOG.info("node_removed", extra=fields(node=node_id))

    def node_message(self, connection: NodeConnection, pdu: e2ap.E2apPdu) -> None:
        """Anything from a node but setup and indications."""
        name = pdu.WhichOneof("message")
        if name == "ric_control_acknowledge":
            self._control_answered(connection, pdu.ric_control_acknowledge)
        elif name == "ric_control_failure":
            self._control_answered(connection, pdu.ric_control_failure)
        else:
            with self._lock:
                self._procedure_message(connection, name or "none", pdu)

    def _procedure_message(self, connection: NodeConnection, name: str, pdu: e2ap.E2apPdu) -> None:
        node_id, manager, known = connection.setup.node_id, self.subscriptions, True
        node = self._nodes.get(node_id)
        if node is None or node.connection is not connection:
            return  # it was removed, or set up on another stream: what this one still brings is late
        if name == "ric_subscription_response":
            known = manager.on_response(node_id, pdu.ric_subscription_response)
        elif name == "ric_subscription_failure":
            known = manager.on_failure(node_id, pdu.ric_subscription_failure)
        elif name == "ric_subscription_delete_response":
            known = manager.on_delete_answer(node_id, pdu.ric_subscription_delete_response.ric_request_id)
        elif name == "ric_subscription_delete_failure":
            failure = pdu.ric_subscription_delete_failure
            known = manager.on_delete_answer(node_id, failure.ric_request_id, describe_cause(failure.cause))
        elif name == "error_indication":
            self._error_indication(node_id, pdu.error_indication)
        else:
            taken = self._procedures.take(connection, name, pdu)
            if taken is None:
                self._refuse(connection, messages.WRONG_STATE, f"{name}: not a message of an E2 node")
                return
            known = taken
        if not known:
            text = f"{name}: no procedure of its ric_request_id or transaction_id waits for it"
            self._refuse(connection, messages.WRONG_STATE, text)

    def _refuse(self, connection: NodeConnection, cause: e2ap.Cause, text: str) -> None:
        self.counters.error(describe_cause(cause))
        connection.post(messages.error_indication(cause, text))

    def _control_answered(
        self, connection: NodeConnection, answer: e2ap.RicControlAcknowledge | e2ap.RicControlFailure
    ) -> None:
        """Learn budgets from a control's answer and pass it on to the xApp of its requestor id."""
        node_id = connection.setup.node_id
        if isinstance(answer, e2ap.RicControlAcknowledge):
            down = bus.DownMessage(node_id=node_id, control_acknowledge=answer)
            self.budgets.on_acknowledge(node_id, answer)
        else:
            down = bus.DownMessage(node_id=node_id, control_failure=answer)
            self.budgets.on_failure(node_id, answer)
            self.counters.error(describe_cause(answer.cause))
            if answer.ric_request_id.ric_requestor_id == 0:
                _LOG.warning("replayed_budgets_refused", extra=fields(node=node_id, cause=describe_cause(answer.cause)))
        requestor = answer.ric_request_id.ric_requestor_id
        identity = self.registry.identities.get(requestor)
        if identity is not None:
            self.tell(identity.decode(), down)
        elif requestor != 0:
            self._refuse(connection, messages.REQUEST_ID_UNKNOWN, f"ric_requestor_id: {requestor} is no xApp's")

    def _error_indication(self, node_id: str, error: e2ap.ErrorIndication) -> None:
        self.subscriptions.on_error_indication(node_id, error)
        self.counters.error("error_indication_received")
        _LOG.warning(
            "error_indication",
            extra=fields(node=node_id, cause=describe_cause(error.cause), text=error.criticality_diagnostics.text),
        )

    def budgets_requested(self, node_id: str, request: e2ap.RicControlRequest) -> None:
        """A budget control passes on its way to the node."""
        self.budgets.on_request(node_id, request)

    def _node(self, setup: messages.NodeSetup) -> NodeRecord:
        """The record of a node, new or known; raises NoPlaceError."""
        node = self._nodes.get(setup.node_id)
        if node is None:
            number = self._numbers.get(setup.node_id, self._free_number())
            if number >= MAX_NODES:
                text = f"global_e2_node_id: the RIC knows {MAX_NODES} nodes already; remove one of them"
                raise NoPlaceError(messages.RIC_RESOURCE_LIMIT, text)
            try:
                node = NodeRecord(setup.node_id, number, self._down.open_up(self._endpoints.up(number)), setup)
            except EndpointError as error:
                raise NoPlaceError(messages.TRANSPORT_UNAVAILABLE, f"up socket: {error}") from error
            self._numbers[setup.node_id] = number
            self._store.save_node_number(setup.node_id, number)
            self._nodes[setup.node_id] = node
        return node

    def _free_number(self) -> int:
        used = {*self._numbers.values(), *self._leaving}
        return next(number for number in range(len(used) + 1) if number not in used)

    def _replay_budgets(self, node: NodeRecord, connection: NodeConnection) -> None:
        function_id = node.setup.function_id(BUDGETS_OID)
        replay = None if function_id is None else self.budgets.replay(node.node_id, function_id)
        if replay is not None:
            connection.post(e2ap.E2apPdu(ric_control_request=replay))

    def _keep(self, waiting: list[bus.DownMessage], message: bus.DownMessage) -> None:
        if len(waiting) < MAX_KEPT_MESSAGES:
            waiting.append(message)
        else:
            self.counters.error("xapp_unreachable")

    def _tell_all(self, message: bus.DownMessage) -> None:
        for xapp in self.registry.alive():
            self.tell(xapp.name, message)
        for waiting in self._joining.values():
            self._keep(waiting, message)

    def _keep_counts(self, connection: NodeConnection) -> None:
        self.counters.message("to_xapp", "indication", connection.indications)
        self.counters.message("to_node", "ric_control_request", connection.controls)

    # What people ask of nodes -----------------------------------------------------------------------

    def reset_node(self, node_id: str, done: Done) -> None:
        """Reset a node: it drops its subscriptions and call processes, then the RIC subscribes again."""
        with self._lock:
            self._procedures.reset(node_id, done)

    def query_node(self, node_id: str, done: Done) -> None:
        """Ask a node which RAN functions it offers."""
        with self._lock:
            self._procedures.query(node_id, done)

    def remove_node(self, node_id: str, done: Done) -> None:
        """Remove a node, connected or not; at once where it is away, or was there before this RIC started."""
        with self._lock:
            node = self._nodes.get(node_id)
            if node is None and node_id in self._numbers:
                self._forget(node_id)
                done(None)
                return
            if node is None or node.connection is not None:
                self._procedures.remove(node_id, done)
                return
            self._release(node)
        self._close_up(node)
        done(None)

    # Time -----------------------------------------------------------------------------------------

    def tick(self, overslept_s: float) -> None:
        """Watch over everybody, four times a second: silence, closed sockets, procedures without an answer.

        `overslept_s` is how much later than planned this call comes: silence meanwhile is our own fault.
        """
        now = time.monotonic()
        with self._lock:
            for xapp in self.registry.all():
                if xapp.name not in self._joining and not xapp.alive:
                    continue
                if now - xapp.last_heard_s - overslept_s > self._xapp_silence_limit_s(xapp):
                    self._joining.pop(xapp.name, None)
                    self._refuse_deferred(xapp.name)
                    self._xapp_lost(xapp, "silent")
            self._drop_unreachable()
            self._end_holds(now)
            self.subscriptions.expire(now)
            self._procedures.expire(now)

    def _end_holds(self, now_s: float) -> None:
        for name in [name for name, until_s in self._held_until_s.items() if until_s <= now_s]:
            del self._held_until_s[name]
            xapp = self.registry.get(name)
            if xapp is not None and not xapp.alive and name not in self._joining:
                self._xapp_lost(xapp, "nobody has taken its place in time")

    def _xapp_silence_limit_s(self, xapp: XAppRecord) -> float:
        for record in self.subscriptions.all():
            node = self._nodes.get(record.node_id)
            if (
                record.xapp_name == xapp.name
                and record.state is SubscriptionState.ACTIVE
                and node is not None
                and node.setup.lockstep
            ):
                return XAPP_LOCKSTEP_SILENCE_S
        return XAPP_SILENCE_S

    # State ----------------------------------------------------------------------------------------

    def delete_subscription(self, node_id: str, requestor_id: int, instance_id: int, done: Done) -> None:
        """Delete a subscription on a person's behalf, and tell its xApp."""
        with self._lock:
            request_id = e2ap.RicRequestId(ric_requestor_id=requestor_id, ric_instance_id=instance_id)
            record = self.subscriptions.find(request_id)
            if record is None or record.node_id != node_id:
                text = f"subscription: node {node_id!r} has none with request id {requestor_id}-{instance_id}"
                done(Failure(Kind.UNKNOWN, text))
                return
            self.subscriptions.delete(record, done)
            told = record.answer("deleted by the operator", messages.OM_INTERVENTION, bus.DELETED_BY_OPERATOR)
            self.tell(record.xapp_name, bus.DownMessage(node_id=node_id, subscription_restored=told))

    def functions(self, node_id: str) -> list[e2ap.RanFunctionItem] | None:
        """A node's RAN functions; None where the node is unknown."""
        with self._lock:
            node = self._nodes.get(node_id)
            return None if node is None else list(node.setup.functions.values())

    def state(self) -> dict[str, Any]:
        """Everything a face shows, as JSON values."""
        now = time.monotonic()
        with self._lock:
            errors, counted = self.counters.snapshot()
            traffic = Counter(counted)
            for node in self._nodes.values():
                if node.connection is not None:
                    traffic["to_xapp", "indication"] += node.connection.indications
                    traffic["to_node", "ric_control_request"] += node.connection.controls
            return {
                "nodes": [
                    *(node_state(node, now) for node in self._nodes.values()),
                    *(NEVER_HERE | {"node_id": name} for name in self._numbers if name not in self._nodes),
                ],
                "xapps": [xapp_state(xapp, now, xapp.name in self._held_until_s) for xapp in self.registry.all()],
                "subscriptions": [subscription_state(item) for item in self.subscriptions.all()],
                "budgets": self.budgets.describe(),
                "errors": errors,
                "messages": [
                    {"direction": direction, "message": name, "count": count}
                    for (direction, name), count in sorted(traffic.items())
                ],
            }
