"""RIC subscriptions (E2AP 8.2.1, 8.2.2): request ids, rights, routes, and restoration from the store.

Every method is called with the platform's lock held; answers leave through the ports given.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from google.protobuf.message import DecodeError
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_slot_pb2 as slot
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.e2ap_names import describe_cause
from hiso_proto.oids import SLOT_OID

from near_rt_ric.e2_messages import NodeSetup
from near_rt_ric.records import SubscriptionRecord, SubscriptionState, XAppRecord
from near_rt_ric.store import Store
from service_kit.logs import fields

_LOG = logging.getLogger(__name__)

PENDING_TIMEOUT_S = 5.0
MAX_ACTIONS = 16
MAX_ACTION_ID = 255
MAX_INSTANCE_ID = 65_535
MAX_KEY_LENGTH = 128

SubscribeDone = Callable[[bus.SubscribeResponse], None]
UnsubscribeDone = Callable[[bus.UnsubscribeResponse], None]


class NodePort(Protocol):
    """What subscriptions need of a connected node."""

    setup: NodeSetup
    routes: dict[int, bytes]

    def post(self, pdu: e2ap.E2apPdu) -> None:
        """Send a PDU to the node."""


TellXApp = Callable[[str, bus.DownMessage], None]


@dataclass(slots=True)
class _Pending:
    subscription: SubscriptionRecord
    deadline_s: float
    restoring: bool
    waiters: list[SubscribeDone] = field(default_factory=list)


@dataclass(slots=True)
class _PendingDelete:
    deadline_s: float
    waiters: list[UnsubscribeDone] = field(default_factory=list)


class SubscriptionManager:
    """All subscriptions of the platform, by xApp, node and key."""

    def __init__(self, stored: Iterable[SubscriptionRecord], store: Store, tell_xapp: TellXApp) -> None:
        self._store = store
        self._tell_xapp = tell_xapp
        self._records: dict[tuple[str, str, str], SubscriptionRecord] = {item.identity: item for item in stored}
        self._nodes: dict[str, NodePort] = {}
        self._alive: dict[str, XAppRecord] = {}
        self._pending: dict[tuple[str, int], _Pending] = {}
        self._deletes: dict[tuple[str, int], _PendingDelete] = {}

    # What xApps ask -------------------------------------------------------------------------------

    def subscribe(self, xapp: XAppRecord, request: bus.SubscribeRequest, done: SubscribeDone) -> None:
        """Subscribe at a node, join a subscription of the same content, or replace one of the same key."""
        wanted = self._judge(xapp, request)
        if isinstance(wanted, str):
            done(bus.SubscribeResponse(key=request.key, error=wanted))
            return
        known = self._records.get(wanted.identity)
        if known is not None and known.same_content(wanted):
            if known.state is SubscriptionState.ACTIVE:
                done(known.answer())
                return
            if known.state is SubscriptionState.PENDING:
                self._pending[known.node_id, known.route_key].waiters.append(done)
                return
            wanted.instance_id = known.instance_id
        elif known is not None:
            self._withdraw(known, "replaced by a subscription of the same key")
        if wanted.instance_id == 0:
            wanted.instance_id = self._next_instance(xapp)
        self._records[wanted.identity] = wanted
        self._store.save_subscription(wanted)
        self._send(wanted, restoring=False, waiters=[done])

    def unsubscribe(self, xapp: XAppRecord, request_id: e2ap.RicRequestId, done: UnsubscribeDone) -> None:
        """Delete one of the xApp's subscriptions, at the node and in the store."""
        record = self.find(request_id)
        if record is None or record.xapp_name != xapp.name:
            done(
                bus.UnsubscribeResponse(
                    error=f"ric_request_id: xApp {xapp.name} holds no subscription "
                    f"{request_id.ric_requestor_id}-{request_id.ric_instance_id}"
                )
            )
            return
        self.delete(record, done)

    def delete(self, record: SubscriptionRecord, done: UnsubscribeDone) -> None:
        """Delete a subscription for good; `done` is called when the node has answered."""
        del self._records[record.identity]
        self._store.delete_subscription(record)
        if not self._withdraw(record, "deleted", done):
            done(bus.UnsubscribeResponse())

    def find(self, request_id: e2ap.RicRequestId) -> SubscriptionRecord | None:
        """The subscription that holds a request id."""
        key = request_id.ric_requestor_id << 16 | request_id.ric_instance_id
        return next((item for item in self._records.values() if item.route_key == key), None)

    def all(self) -> list[SubscriptionRecord]:
        """Every subscription, stored ones included."""
        return list(self._records.values())

    # What nodes answer ----------------------------------------------------------------------------

    def on_response(self, node_id: str, response: e2ap.RicSubscriptionResponse) -> bool:
        """RicSubscriptionResponse; False where nothing waits for it."""
        pending = self._pending.pop((node_id, _route_key(response.ric_request_id)), None)
        if pending is None:
            return False
        pending.subscription.state = SubscriptionState.ACTIVE
        pending.subscription.response = response
        pending.subscription.error = ""
        self._answer(pending, pending.subscription.answer())
        return True

    def on_failure(self, node_id: str, failure: e2ap.RicSubscriptionFailure) -> bool:
        """RicSubscriptionFailure; False where nothing waits for it."""
        pending = self._pending.pop((node_id, _route_key(failure.ric_request_id)), None)
        if pending is None:
            return False
        answer = pending.subscription.answer()
        answer.failure.CopyFrom(failure)
        self._refused(pending, answer, describe_cause(failure.cause))
        return True

    def on_delete_answer(self, node_id: str, request_id: e2ap.RicRequestId, error: str = "") -> bool:
        """RicSubscriptionDeleteResponse or, with `error`, …DeleteFailure; False where nothing waits."""
        pending = self._deletes.pop((node_id, _route_key(request_id)), None)
        if pending is None:
            return False
        self._close_route(node_id, _route_key(request_id))
        for done in pending.waiters:
            done(bus.UnsubscribeResponse(error=error))
        return True

    def on_error_indication(self, node_id: str, error: e2ap.ErrorIndication) -> bool:
        """An ErrorIndication that names a pending request ends it; False where it names none."""
        failure = e2ap.RicSubscriptionFailure(
            ric_request_id=error.ric_request_id,
            ran_function_id=error.ran_function_id,
            cause=error.cause,
            criticality_diagnostics=error.criticality_diagnostics,
        )
        return error.HasField("ric_request_id") and self.on_failure(node_id, failure)

    # What comes and goes --------------------------------------------------------------------------

    def node_up(self, node_id: str, node: NodePort) -> None:
        """A node is set up or was reset and holds no subscriptions: restore those of xApps that are there."""
        self.node_down(node_id, "the node was set up again")
        self._nodes[node_id] = node
        for record in self.all():
            if record.node_id == node_id and record.xapp_name in self._alive:
                self._restore(record)

    def node_down(self, node_id: str, reason: str) -> None:
        """A node's subscriptions are gone at the node; they wait in the store."""
        node = self._nodes.pop(node_id, None)
        if node is not None:
            node.routes.clear()
        for record in self._records.values():
            if record.node_id == node_id:
                record.state = SubscriptionState.WAITING
        for key in [key for key in self._pending if key[0] == node_id]:
            pending = self._pending.pop(key)
            for done in pending.waiters:
                done(pending.subscription.answer(error=f"node {node_id}: {reason}"))
        for key in [key for key in self._deletes if key[0] == node_id]:
            for deleted in self._deletes.pop(key).waiters:
                deleted(bus.UnsubscribeResponse())

    def xapp_up(self, xapp: XAppRecord) -> None:
        """An xApp can be reached: restore its subscriptions."""
        self._alive[xapp.name] = xapp
        for record in self.all():
            if record.xapp_name == xapp.name and record.node_id in self._nodes:
                self._restore(record)

    def xapp_down(self, name: str, *, heir_comes: bool = False) -> None:
        """An xApp is gone: nodes drop its subscriptions, so that they end any wait; the store keeps them.

        `heir_comes`: another process will take its place, so they stand; except INSERTs of a node in lock-step,
        which would wait for ever: the heir never sees what its predecessor was asked.
        """
        self._alive.pop(name, None)
        for record in self._records.values():
            if record.xapp_name == name and not (heir_comes and not self._waits_for_ever(record)):
                self._withdraw(record, "the xApp is gone")

    def expire(self, now_s: float) -> None:
        """End procedures that a node has not answered in time."""
        for key, pending in [item for item in self._pending.items() if item[1].deadline_s <= now_s]:
            del self._pending[key]
            text = f"node {key[0]} did not answer within {PENDING_TIMEOUT_S:g} s"
            self._delete_at_node(pending.subscription)  # it may have been set up all the same
            self._refused(pending, pending.subscription.answer(error=text), text)
        for key, delete in [item for item in self._deletes.items() if item[1].deadline_s <= now_s]:
            del self._deletes[key]
            self._close_route(*key)
            for done in delete.waiters:
                done(bus.UnsubscribeResponse(error=f"node {key[0]} did not answer within {PENDING_TIMEOUT_S:g} s"))

    # Inside ---------------------------------------------------------------------------------------

    def _waits_for_ever(self, record: SubscriptionRecord) -> bool:
        node = self._nodes.get(record.node_id)
        return node is not None and node.setup.lockstep and record.inserts()

    def _judge(self, xapp: XAppRecord, request: bus.SubscribeRequest) -> SubscriptionRecord | str:
        """The subscription that is asked for, or why the platform refuses it."""
        if not 1 <= len(request.key) <= MAX_KEY_LENGTH:
            return f"key: 1..{MAX_KEY_LENGTH} characters are required, there are {len(request.key)}"
        node = self._nodes.get(request.node_id)
        if node is None:
            return f"node_id: node {request.node_id!r} is not connected; connected are {sorted(self._nodes)}"
        item = node.setup.functions.get(request.ran_function_id)
        if item is None:
            return (
                f"ran_function_id: node {request.node_id} offers {sorted(node.setup.functions)}, "
                f"not {request.ran_function_id}"
            )
        refusal = _judge_actions(request.actions)
        if refusal:
            return refusal
        record = SubscriptionRecord(
            xapp_name=xapp.name,
            node_id=request.node_id,
            key=request.key,
            oid=item.ran_function_oid,
            event_trigger=request.ric_event_trigger_definition,
            actions=tuple(
                action.SerializeToString(deterministic=True)
                for action in sorted(request.actions, key=lambda action: action.ric_action_id)
            ),
            requestor_id=xapp.requestor_id,
            instance_id=0,
        )
        return self._judge_rights(xapp, record) or record

    def _judge_rights(self, xapp: XAppRecord, record: SubscriptionRecord) -> str:
        """Why this xApp may not hold this subscription; empty where it may."""
        if not record.inserts():
            return ""
        if record.oid not in xapp.oids:
            return f"ran_function_id: xApp {xapp.name} is not registered for OID {record.oid}"
        if record.oid == SLOT_OID:
            try:
                slice_id = slot.EventTriggerDefinition.FromString(record.event_trigger).slice_id
            except DecodeError:
                return "ric_event_trigger_definition: not an EventTriggerDefinition of the slot function"
            if slice_id not in xapp.slice_ids:
                return f"slice_id: xApp {xapp.name} is registered for {sorted(xapp.slice_ids)}, not {slice_id}"
        holder = self._insert_holder(record)
        if holder is not None:
            return (
                f"ric_event_trigger_definition: xApp {holder.xapp_name} (key {holder.key!r}) holds the "
                f"INSERT subscription for this trigger at node {record.node_id}: only one may decide"
            )
        return ""

    def _insert_holder(self, wanted: SubscriptionRecord) -> SubscriptionRecord | None:
        """Who else decides on this trigger now; subscriptions that wait in the store hold no right."""
        for other in self._records.values():
            if (
                other.identity != wanted.identity
                and other.state in (SubscriptionState.ACTIVE, SubscriptionState.PENDING)
                and (other.node_id, other.oid) == (wanted.node_id, wanted.oid)
                and other.inserts()
                and _canonical_trigger(other) == _canonical_trigger(wanted)
            ):
                return other
        return None

    def _next_instance(self, xapp: XAppRecord) -> int:
        used = {record.instance_id for record in self._records.values() if record.xapp_name == xapp.name}
        instance = xapp.last_instance_id
        while True:
            instance = instance % MAX_INSTANCE_ID + 1
            if instance not in used:
                break
        xapp.last_instance_id = instance
        self._store.save_xapp(xapp)
        return instance

    def _restore(self, record: SubscriptionRecord) -> None:
        if record.state in (SubscriptionState.ACTIVE, SubscriptionState.PENDING):
            return
        refusal = self._judge_rights(self._alive[record.xapp_name], record)
        if not refusal and self._nodes[record.node_id].setup.function_id(record.oid) is None:
            refusal = f"node {record.node_id} no longer offers OID {record.oid}"
        if refusal:
            record.state = SubscriptionState.REFUSED
            record.error = refusal
            self._tell_restored(record, record.answer(error=refusal))
            return
        self._send(record, restoring=True, waiters=[])

    def _send(self, record: SubscriptionRecord, *, restoring: bool, waiters: list[SubscribeDone]) -> None:
        node = self._nodes[record.node_id]
        record.state = SubscriptionState.PENDING
        record.response = None
        record.ran_function_id = node.setup.function_id(record.oid) or 0
        key = record.node_id, record.route_key
        self._pending[key] = _Pending(record, time.monotonic() + PENDING_TIMEOUT_S, restoring, waiters)
        # The route stands before the node can send its first indication.
        node.routes[record.route_key] = record.xapp_name.encode()
        node.post(
            e2ap.E2apPdu(
                ric_subscription_request=e2ap.RicSubscriptionRequest(
                    ric_request_id=record.request_id(),
                    ran_function_id=record.ran_function_id,
                    ric_event_trigger_definition=record.event_trigger,
                    ric_action_to_be_setup_list=record.parsed_actions(),
                )
            )
        )

    def _withdraw(self, record: SubscriptionRecord, reason: str, done: UnsubscribeDone | None = None) -> bool:
        """Take a subscription away from its node where it stands there; whether the node was asked."""
        standing = record.state in (SubscriptionState.ACTIVE, SubscriptionState.PENDING)
        record.state = SubscriptionState.WAITING
        pending = self._pending.pop((record.node_id, record.route_key), None)
        if pending is not None:
            for waiter in pending.waiters:
                waiter(record.answer(error=reason))
        if not standing or record.node_id not in self._nodes:
            return False
        self._delete_at_node(record, done)
        return True

    def _delete_at_node(self, record: SubscriptionRecord, done: UnsubscribeDone | None = None) -> None:
        node = self._nodes[record.node_id]
        waiters = [] if done is None else [done]
        self._deletes[record.node_id, record.route_key] = _PendingDelete(time.monotonic() + PENDING_TIMEOUT_S, waiters)
        node.post(
            e2ap.E2apPdu(
                ric_subscription_delete_request=e2ap.RicSubscriptionDeleteRequest(
                    ric_request_id=record.request_id(), ran_function_id=record.ran_function_id
                )
            )
        )

    def _close_route(self, node_id: str, route_key: int) -> None:
        """Forget a deleted subscription's route, unless the id was subscribed again meanwhile.

        It stands until the node has answered, since indications may be on their way.
        """
        node = self._nodes.get(node_id)
        standing = (SubscriptionState.ACTIVE, SubscriptionState.PENDING)
        in_use = any(
            (item.node_id, item.route_key) == (node_id, route_key) and item.state in standing
            for item in self._records.values()
        )
        if node is not None and not in_use:
            node.routes.pop(route_key, None)

    def _refused(self, pending: _Pending, answer: bus.SubscribeResponse, reason: str) -> None:
        record = pending.subscription
        record.state = SubscriptionState.REFUSED
        record.error = reason
        node = self._nodes.get(record.node_id)
        if node is not None:
            node.routes.pop(record.route_key, None)
        if not pending.restoring and self._records.get(record.identity) is record:
            del self._records[record.identity]
            self._store.delete_subscription(record)
        _LOG.warning(
            "subscription_refused",
            extra=fields(xapp=record.xapp_name, node=record.node_id, key=record.key, cause=reason),
        )
        self._answer(pending, answer)

    def _answer(self, pending: _Pending, answer: bus.SubscribeResponse) -> None:
        if pending.restoring:
            self._tell_restored(pending.subscription, answer)
        for done in pending.waiters:
            done(answer)

    def _tell_restored(self, record: SubscriptionRecord, answer: bus.SubscribeResponse) -> None:
        self._tell_xapp(record.xapp_name, bus.DownMessage(node_id=record.node_id, subscription_restored=answer))


def _route_key(request_id: e2ap.RicRequestId) -> int:
    return request_id.ric_requestor_id << 16 | request_id.ric_instance_id


def _judge_actions(actions: Iterable[e2ap.RicAction]) -> str:
    """Why a list of actions cannot be asked for; empty where it can."""
    ids = [action.ric_action_id for action in actions]
    if not 1 <= len(ids) <= MAX_ACTIONS:
        return f"actions: 1..{MAX_ACTIONS} are required, there are {len(ids)}"
    if len(set(ids)) != len(ids) or max(ids) > MAX_ACTION_ID:
        return f"actions.ric_action_id: unique numbers in 0..{MAX_ACTION_ID} are required, there are {ids}"
    for action in actions:
        if action.ric_action_type == e2ap.INSERT and not action.HasField("ric_subsequent_action"):
            return f"actions.ric_subsequent_action: required for INSERT (action {action.ric_action_id})"
    return ""


def _canonical_trigger(record: SubscriptionRecord) -> bytes:
    """Event trigger in one encoding: a field spelt out and a field left at its default are the same."""
    if record.oid != SLOT_OID:
        return record.event_trigger
    trigger = slot.EventTriggerDefinition.FromString(record.event_trigger)
    return trigger.SerializeToString(deterministic=True)
