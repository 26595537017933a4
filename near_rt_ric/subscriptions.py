"""RIC subscriptions (E2AP 8.2.1 to 8.2.3): request ids, rights, routes, and restoration from the store.

REPORT subscriptions of the same content at the same node share one E2 subscription, their carrier: it stands at the
node under the request id of whoever came first, and is deleted there when the last one leaves.

Every method is called with the platform's lock held; answers leave through the ports given.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.message import DecodeError
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_slot_pb2 as slot
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.e2ap_names import MAX_ACTION_ID, MAX_ACTIONS, MAX_REQUEST_ID, describe_cause
from hiso_proto.oids import BUDGETS_OID, SLOT_OID

from near_rt_ric import e2_messages as messages
from near_rt_ric.e2_messages import NodeSetup
from near_rt_ric.failures import Done, Failure, Kind
from near_rt_ric.records import (
    Refusal,
    SubscriptionRecord,
    SubscriptionState,
    XAppRecord,
    request_id_of,
    route_key_of,
)
from near_rt_ric.store import Store
from service_kit.logs import fields

_LOG = logging.getLogger(__name__)

PENDING_TIMEOUT_S = 5.0
MAX_KEY_LENGTH = 128
MAX_SUBSCRIPTIONS = 256
"""Of one xApp."""

SubscribeDone = Callable[[bus.SubscribeResponse], None]
UnsubscribeDone = Callable[[bus.UnsubscribeResponse], None]


FanOut = tuple[tuple[bytes, e2ap.RicRequestId], ...]
"""Who reads a shared REPORT subscription: bus identity, and the request id that it knows."""


class NodePort(Protocol):
    """What subscriptions need of a connected node."""

    setup: NodeSetup
    routes: dict[int, bytes]
    fan_outs: dict[int, FanOut]

    def post(self, pdu: e2ap.E2apPdu) -> None:
        """Send a PDU to the node."""


TellXApp = Callable[[str, bus.DownMessage], None]


@dataclass(slots=True)
class _Asked:
    """One xApp's part in a pending subscription."""

    record: SubscriptionRecord
    restoring: bool
    waiters: list[SubscribeDone]
    replaces: SubscriptionRecord | None = None
    """What stood, or waited, under the same key before; it comes back where this one is refused."""


@dataclass(slots=True)
class _Pending:
    deadline_s: float
    asked: list[_Asked]


@dataclass(slots=True)
class _PendingDelete:
    deadline_s: float
    waiters: list[Done]


class SubscriptionManager:
    """All subscriptions of the platform, by xApp, node and key."""

    def __init__(self, stored: Iterable[SubscriptionRecord], store: Store, tell_xapp: TellXApp) -> None:
        self._store = store
        self._tell_xapp = tell_xapp
        self._records: dict[tuple[str, str, str], SubscriptionRecord] = {item.identity: item for item in stored}
        self._nodes: dict[str, NodePort] = {}
        self._alive: dict[str, XAppRecord] = {}
        self._pending: dict[tuple[str, int], _Pending] = {}
        self._deletes: dict[tuple[str, int], list[_PendingDelete]] = {}
        """Unanswered, in the order in which they were sent: a request id may be subscribed again, and again withdrawn,
        before the node has answered the first."""

    # What xApps ask -------------------------------------------------------------------------------

    def subscribe(self, xapp: XAppRecord, request: bus.SubscribeRequest, done: SubscribeDone) -> None:
        """Subscribe at a node, join a subscription of the same content, or replace one of the same key."""
        wanted = self._judge(xapp, request)
        if isinstance(wanted, Refusal):
            done(bus.SubscribeResponse(key=request.key, error=wanted.text, cause=wanted.cause))
            return
        known = self._records.get(wanted.identity)
        if known is not None and known.same_content(wanted):
            if known.state is SubscriptionState.ACTIVE:
                done(known.answer())
                return
            if known.state is SubscriptionState.PENDING:
                self._asked_for(known).waiters.append(done)
                return
            wanted.instance_id = known.instance_id
            known = None
        replaces = None if known is None else self._make_way(known)
        if wanted.instance_id == 0:
            wanted.instance_id = self._next_instance(xapp)
        self._records[wanted.identity] = wanted
        self._store.save_subscription(wanted)
        self._place(_Asked(wanted, restoring=False, waiters=[done], replaces=replaces))

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
        self.delete(record, lambda failure: done(bus.UnsubscribeResponse(error=failure.text if failure else "")))

    def delete(self, record: SubscriptionRecord, done: Done) -> None:
        """Delete a subscription for good; `done` is called when the node has answered."""
        del self._records[record.identity]
        self._store.delete_subscription(record)
        if not self._withdraw(record, "deleted", done):
            done(None)

    def find(self, request_id: e2ap.RicRequestId) -> SubscriptionRecord | None:
        """The subscription that holds a request id."""
        key = route_key_of(request_id)
        return next((item for item in self._records.values() if item.route_key == key), None)

    def all(self) -> list[SubscriptionRecord]:
        """Every subscription, stored ones included."""
        return list(self._records.values())

    # What nodes answer ----------------------------------------------------------------------------

    def on_response(self, node_id: str, response: e2ap.RicSubscriptionResponse) -> bool:
        """RicSubscriptionResponse; False where nothing waits for it and it was not withdrawn meanwhile."""
        carrier_key = route_key_of(response.ric_request_id)
        if (node_id, carrier_key) in self._deletes:
            return True  # it answers what was asked before the delete; what was asked after it is answered after it
        pending = self._pending.pop((node_id, carrier_key), None)
        if pending is None:
            # Asked for before a reset that ended the procedure here and reached the node before the request did.
            if node_id in self._nodes and not self._carried(node_id, carrier_key):
                self._delete_at_node(node_id, carrier_key, response.ran_function_id)
            return False
        for asked in pending.asked:
            self._stands(asked.record, response)
        self._open_route(node_id, carrier_key)
        for asked in pending.asked:
            self._answer(asked, asked.record.answer())
        return True

    def on_failure(self, node_id: str, failure: e2ap.RicSubscriptionFailure) -> bool:
        """RicSubscriptionFailure; False where nothing waits for it and it was not withdrawn meanwhile.

        A node that holds the request id already holds what the RIC knows nothing of: it is deleted there.
        """
        key = node_id, route_key_of(failure.ric_request_id)
        if key in self._deletes:
            return True
        pending = self._pending.pop(key, None)
        if pending is None:
            return False
        if failure.cause == messages.DUPLICATE_REQUEST_ID:
            self._delete_at_node(*key, pending.asked[0].record.ran_function_id)
        for asked in pending.asked:
            answer = asked.record.answer()
            answer.failure.CopyFrom(failure)
            answer.failure.ric_request_id.CopyFrom(asked.record.request_id())
            self._refused(asked, answer, describe_cause(failure.cause))
        return True

    def on_delete_answer(self, node_id: str, request_id: e2ap.RicRequestId, refusal: str | None = None) -> bool:
        """RicSubscriptionDeleteResponse or, with `refusal`, …DeleteFailure; False where nothing waits."""
        key = node_id, route_key_of(request_id)
        if key not in self._deletes:
            return False
        self._end_delete(key, None if refusal is None else Failure(Kind.REFUSED, refusal))
        return True

    def on_delete_required(self, node_id: str, item: e2ap.RicSubscriptionWithCause) -> e2ap.Cause | None:
        """The node wants a subscription deleted (E2AP 8.2.3): delete it, tell its xApps; the cause where it cannot be.

        It stays in the store, refused: an xApp may ask again, and it is restored with the node's next setup.
        """
        carried = self._carried(node_id, route_key_of(item.ric_request_id))
        if not carried:
            return messages.REQUEST_ID_UNKNOWN
        if carried[0].ran_function_id != item.ran_function_id:
            return messages.RAN_FUNCTION_ID_INVALID
        text = f"node {node_id} requires the end of the subscription: {describe_cause(item.cause)}"
        for record in carried:
            self._withdraw(record, text)
            self._over(record, SubscriptionState.REFUSED, text, item.cause, bus.REQUIRED_BY_NODE)
        return None

    def on_error_indication(self, node_id: str, error: e2ap.ErrorIndication) -> None:
        """An ErrorIndication that names a pending request ends it."""
        if not error.HasField("ric_request_id"):
            return
        failure = e2ap.RicSubscriptionFailure(
            ric_request_id=error.ric_request_id,
            ran_function_id=error.ran_function_id,
            cause=error.cause,
            criticality_diagnostics=error.criticality_diagnostics,
        )
        self.on_failure(node_id, failure)

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
            node.fan_outs.clear()
        for record in self._records.values():
            if record.node_id == node_id:
                record.state = SubscriptionState.WAITING
        for key in [key for key in self._pending if key[0] == node_id]:
            for asked in self._pending.pop(key).asked:
                self._never_stood(asked)
                for done in asked.waiters:
                    done(asked.record.answer(error=f"node {node_id}: {reason}", cause=messages.SYSTEM_NOT_READY))
        for key in [key for key in self._deletes if key[0] == node_id]:
            while key in self._deletes:
                self._end_delete(key)

    def functions_changed(self, before: NodeSetup, after: NodeSetup) -> None:
        """A node states other RAN functions: end what it offers no longer under its number, restore what it may now."""
        node_id = after.node_id
        kept = {number: item.ran_function_oid for number, item in after.functions.items()}
        back: list[SubscriptionRecord] = []
        for record in self.all():
            if record.node_id == node_id and record.standing and kept.get(record.ran_function_id) != record.oid:
                text = f"node {node_id} no longer offers OID {record.oid} as RAN function {record.ran_function_id}"
                cause = messages.RAN_FUNCTION_ID_INVALID
                asked = self._leave_pending(record, text, cause)
                record.state = SubscriptionState.WAITING
                self._close_route(node_id, record.carrier_key)
                if asked is None or not self._never_stood(asked):
                    self._over(record, SubscriptionState.WAITING, text, cause, bus.FUNCTION_WITHDRAWN)
                elif asked.replaces is not None:
                    back.append(asked.replaces)
        if node_id not in self._nodes:
            return  # it is being reset, and restored after that
        stated = {item.ran_function_oid for n, item in after.functions.items() if before.functions.get(n) != item}
        stale = [record for record in self.all() if record.node_id == node_id and record.oid in stated]
        for record in (*back, *(record for record in stale if record not in back)):
            if record.xapp_name in self._alive:
                self._restore(record)

    def forget_node(self, node_id: str) -> None:
        """A node was removed: its subscriptions are nobody's any more, here and in the store."""
        for record in [item for item in self.all() if item.node_id == node_id]:
            del self._records[record.identity]
            self._store.delete_subscription(record)

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
            self._delete_at_node(*key, pending.asked[0].record.ran_function_id)  # it may stand there all the same
            for asked in pending.asked:
                self._refused(asked, asked.record.answer(error=text), text)
        for key in list(self._deletes):
            while key in self._deletes and self._deletes[key][0].deadline_s <= now_s:
                text = f"node {key[0]} did not answer within {PENDING_TIMEOUT_S:g} s"
                self._end_delete(key, Failure(Kind.NO_ANSWER, text))

    # Inside ---------------------------------------------------------------------------------------

    def _waits_for_ever(self, record: SubscriptionRecord) -> bool:
        node = self._nodes.get(record.node_id)
        return node is not None and node.setup.lockstep and record.inserts()

    def _judge(self, xapp: XAppRecord, request: bus.SubscribeRequest) -> SubscriptionRecord | Refusal:
        """The subscription that is asked for, or why the platform refuses it."""
        if not 1 <= len(request.key) <= MAX_KEY_LENGTH:
            text = f"key: 1..{MAX_KEY_LENGTH} characters are required, there are {len(request.key)}"
            return Refusal(text, messages.SEMANTIC_ERROR)
        node = self._nodes.get(request.node_id)
        if node is None:
            text = f"node_id: node {request.node_id!r} is not connected; connected are {sorted(self._nodes)}"
            return Refusal(text, messages.SYSTEM_NOT_READY)
        item = node.setup.functions.get(request.ran_function_id)
        if item is None:
            return Refusal(
                f"ran_function_id: node {request.node_id} offers {sorted(node.setup.functions)}, "
                f"not {request.ran_function_id}",
                messages.RAN_FUNCTION_ID_INVALID,
            )
        refusal = _judge_actions(request.actions)
        if refusal is not None:
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
        held = sum(other.xapp_name == xapp.name for other in self._records.values())
        if held >= MAX_SUBSCRIPTIONS and record.identity not in self._records:
            text = f"key: xApp {xapp.name} holds {held} subscriptions already, the most that one may have"
            return Refusal(text, messages.RIC_RESOURCE_LIMIT)
        return self._judge_rights(xapp, record) or record

    def _judge_rights(self, xapp: XAppRecord, record: SubscriptionRecord) -> Refusal | None:
        """Why this xApp may not hold this subscription; None where it may."""
        if record.reports():
            return None
        if record.oid not in xapp.oids:
            text = f"ran_function_id: xApp {xapp.name} is not registered for OID {record.oid}"
            return Refusal(text, messages.OM_INTERVENTION)
        if record.oid == SLOT_OID:
            try:
                slice_id = slot.EventTriggerDefinition.FromString(record.event_trigger).slice_id
            except DecodeError:
                text = "ric_event_trigger_definition: not an EventTriggerDefinition of the slot function"
                return Refusal(text, messages.EVENT_TRIGGER_NOT_SUPPORTED)
            if slice_id not in xapp.slice_ids:
                text = f"slice_id: xApp {xapp.name} is registered for {sorted(xapp.slice_ids)}, not {slice_id}"
                return Refusal(text, messages.OM_INTERVENTION)
        holder = self._insert_holder(record) if record.inserts() else None
        if holder is not None:
            return Refusal(
                f"ric_event_trigger_definition: xApp {holder.xapp_name} (key {holder.key!r}) holds the "
                f"INSERT subscription for this trigger at node {record.node_id}: only one may decide",
                messages.FUNCTION_RESOURCE_LIMIT,
            )
        return None

    def _insert_holder(self, wanted: SubscriptionRecord) -> SubscriptionRecord | None:
        """Who else decides on this trigger now; subscriptions that wait in the store hold no right."""
        for other in self._records.values():
            if (
                other.identity != wanted.identity
                and other.standing
                and (other.node_id, other.oid) == (wanted.node_id, wanted.oid)
                and other.inserts()
                and _canonical_trigger(other) == _canonical_trigger(wanted)
            ):
                return other
        return None

    def _next_instance(self, xapp: XAppRecord) -> int:
        used = {record.instance_id for record in self._records.values() if record.xapp_name == xapp.name}
        # A carrier outlives the subscription that it began with.
        carriers = [request_id_of(key) for key in self._carriers()]
        used |= {item.ric_instance_id for item in carriers if item.ric_requestor_id == xapp.requestor_id}
        instance = xapp.last_instance_id
        while True:
            instance = instance % MAX_REQUEST_ID + 1
            if instance not in used:
                break
        xapp.last_instance_id = instance
        self._store.save_xapp(xapp)
        return instance

    def _restore(self, record: SubscriptionRecord) -> None:
        if record.standing:
            return
        refusal = self._judge_rights(self._alive[record.xapp_name], record)
        if refusal is None and self._nodes[record.node_id].setup.function_id(record.oid) is None:
            text = f"node {record.node_id} no longer offers OID {record.oid}"
            refusal = Refusal(text, messages.RAN_FUNCTION_ID_INVALID)
        if refusal is not None:
            self._over(record, SubscriptionState.REFUSED, refusal.text, refusal.cause, bus.NOT_ENDED)
            return
        self._place(_Asked(record, restoring=True, waiters=[]))

    def _place(self, asked: _Asked) -> None:
        """Subscribe at the node, or share what is subscribed there already."""
        record = asked.record
        sharer = self._sharer(record)
        if sharer is None:
            self._send(asked)
            return
        record.carrier_key, record.ran_function_id = sharer.carrier_key, sharer.ran_function_id
        if sharer.state is SubscriptionState.PENDING:
            record.state = SubscriptionState.PENDING
            self._pending[record.node_id, record.carrier_key].asked.append(asked)
            return
        self._stands(record, sharer.response)
        self._open_route(record.node_id, record.carrier_key)
        self._answer(asked, record.answer())

    def _sharer(self, wanted: SubscriptionRecord) -> SubscriptionRecord | None:
        """A subscription of the same content that stands at the node and whose reports can be shared."""
        if not wanted.reports():
            return None
        for other in self._records.values():
            if (
                other is not wanted
                and other.node_id == wanted.node_id
                and other.standing
                and other.same_content(wanted)
            ):
                return other
        return None

    def _send(self, asked: _Asked) -> None:
        record = asked.record
        node = self._nodes[record.node_id]
        record.state = SubscriptionState.PENDING
        record.response = None
        record.ran_function_id = node.setup.function_id(record.oid) or 0
        record.carrier_key = record.route_key
        self._pending[record.node_id, record.carrier_key] = _Pending(time.monotonic() + PENDING_TIMEOUT_S, [asked])
        # The route stands before the node can send its first indication.
        node.routes[record.carrier_key] = record.xapp_name.encode()
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

    @staticmethod
    def _stands(record: SubscriptionRecord, response: e2ap.RicSubscriptionResponse | None) -> None:
        record.state = SubscriptionState.ACTIVE
        record.response = response
        record.error = ""

    def _over(
        self,
        record: SubscriptionRecord,
        state: SubscriptionState,
        text: str,
        cause: e2ap.Cause,
        end: bus.SubscriptionEnd,
    ) -> None:
        """A subscription stands no longer, or cannot be restored; its xApp is told."""
        record.state = state
        record.error = text
        self._tell_restored(record, record.answer(error=text, cause=cause, end=end))

    def _carriers(self) -> set[int]:
        return {record.carrier_key for record in self._records.values() if record.standing}

    def _carried(self, node_id: str, carrier_key: int) -> list[SubscriptionRecord]:
        """The subscriptions that an E2 subscription carries."""
        return [
            item
            for item in self._records.values()
            if item.standing and (item.node_id, item.carrier_key) == (node_id, carrier_key)
        ]

    def _asked_for(self, record: SubscriptionRecord) -> _Asked:
        pending = self._pending[record.node_id, record.carrier_key]
        return next(asked for asked in pending.asked if asked.record is record)

    def _leave_pending(self, record: SubscriptionRecord, reason: str, cause: e2ap.Cause | None = None) -> _Asked | None:
        """Nobody waits any longer for the node's answer to this one, if anybody did; an empty procedure is over."""
        key = record.node_id, record.carrier_key
        if record.state is not SubscriptionState.PENDING or key not in self._pending:
            return None
        asked = self._asked_for(record)
        self._pending[key].asked.remove(asked)
        if not self._pending[key].asked:
            del self._pending[key]
        for waiter in asked.waiters:
            waiter(record.answer(error=reason, cause=cause))
        return asked

    def _make_way(self, known: SubscriptionRecord) -> SubscriptionRecord | None:
        """Withdraw the subscription of a key for another one; what comes back where that one is refused."""
        pending = known.state is SubscriptionState.PENDING and self._asked_for(known)
        comes_back = pending.replaces if pending and not pending.restoring else known
        self._withdraw(known, "replaced by a subscription of the same key")
        return comes_back

    def _never_stood(self, asked: _Asked) -> bool:
        """Forget what was asked for and not granted, as the xApp that hears so does; False for what is restored.

        What it replaced is there again, and waits.
        """
        record = asked.record
        if not asked.waiters:
            return False
        if self._records.get(record.identity) is record:
            if asked.replaces is not None:
                self._records[record.identity] = asked.replaces
                self._store.save_subscription(asked.replaces)
            else:
                del self._records[record.identity]
                self._store.delete_subscription(record)
        return True

    def _withdraw(self, record: SubscriptionRecord, reason: str, done: Done | None = None) -> bool:
        """Take a subscription away from its node where it stands there alone; whether the node was asked."""
        standing = record.standing
        self._leave_pending(record, reason)
        record.state = SubscriptionState.WAITING
        if not standing or record.node_id not in self._nodes:
            return False
        if self._carried(record.node_id, record.carrier_key):
            self._open_route(record.node_id, record.carrier_key)
            return False
        self._delete_at_node(record.node_id, record.carrier_key, record.ran_function_id, done)
        return True

    def _delete_at_node(self, node_id: str, carrier_key: int, ran_function_id: int, done: Done | None = None) -> None:
        delete = _PendingDelete(time.monotonic() + PENDING_TIMEOUT_S, [] if done is None else [done])
        self._deletes.setdefault((node_id, carrier_key), []).append(delete)
        self._nodes[node_id].post(
            e2ap.E2apPdu(
                ric_subscription_delete_request=e2ap.RicSubscriptionDeleteRequest(
                    ric_request_id=request_id_of(carrier_key), ran_function_id=ran_function_id
                )
            )
        )

    def _end_delete(self, key: tuple[str, int], failure: Failure | None = None) -> None:
        """The oldest delete of a request id is over."""
        deletes = self._deletes[key]
        ended = deletes.pop(0)
        if not deletes:
            del self._deletes[key]
        self._close_route(*key)
        for done in ended.waiters:
            done(failure)

    def _open_route(self, node_id: str, carrier_key: int) -> None:
        """Lead indications to whoever reads them now.

        What is or was shared goes by the fan-out, which rewrites request ids; all else by the plain route.
        """
        node, carried = self._nodes[node_id], self._carried(node_id, carrier_key)
        if len(carried) > 1 or carrier_key in node.fan_outs or carried[0].route_key != carrier_key:
            node.fan_outs[carrier_key] = tuple((item.xapp_name.encode(), item.request_id()) for item in carried)
            node.routes.pop(carrier_key, None)

    def _close_route(self, node_id: str, carrier_key: int) -> None:
        """Forget a deleted subscription's route, unless the id was subscribed again meanwhile.

        It stands until the node has answered, since indications may be on their way.
        """
        node = self._nodes.get(node_id)
        if node is not None and not self._carried(node_id, carrier_key):
            node.routes.pop(carrier_key, None)
            node.fan_outs.pop(carrier_key, None)

    def _refused(self, asked: _Asked, answer: bus.SubscribeResponse, reason: str) -> None:
        record = asked.record
        record.state = SubscriptionState.REFUSED
        record.error = reason
        self._close_route(record.node_id, record.carrier_key)
        self._never_stood(asked)
        _LOG.warning(
            "subscription_refused",
            extra=fields(xapp=record.xapp_name, node=record.node_id, key=record.key, cause=reason),
        )
        self._answer(asked, answer)
        former = asked.replaces
        if former is not None and self._records.get(former.identity) is former and former.xapp_name in self._alive:
            self._restore(former)

    def _answer(self, asked: _Asked, answer: bus.SubscribeResponse) -> None:
        if asked.restoring:
            self._tell_restored(asked.record, answer)
        for done in asked.waiters:
            done(answer)

    def _tell_restored(self, record: SubscriptionRecord, answer: bus.SubscribeResponse) -> None:
        self._tell_xapp(record.xapp_name, bus.DownMessage(node_id=record.node_id, subscription_restored=answer))


def _judge_actions(actions: Iterable[e2ap.RicAction]) -> Refusal | None:
    """Why a list of actions cannot be asked for; None where it can."""
    ids = [action.ric_action_id for action in actions]
    if not ids:
        return Refusal(f"actions: 1..{MAX_ACTIONS} are required, there are 0", messages.SEMANTIC_ERROR)
    if len(ids) > MAX_ACTIONS:
        return Refusal(f"actions: 1..{MAX_ACTIONS} are required, there are {len(ids)}", messages.EXCESSIVE_ACTIONS)
    if max(ids) > MAX_ACTION_ID:
        return Refusal(f"actions.ric_action_id: must be 0..{MAX_ACTION_ID}, there are {ids}", messages.SEMANTIC_ERROR)
    if len(set(ids)) != len(ids):
        return Refusal(f"actions.ric_action_id: must be unique, there are {ids}", messages.DUPLICATE_ACTION)
    for action in actions:
        if action.ric_action_type == e2ap.INSERT and not action.HasField("ric_subsequent_action"):
            text = f"actions.ric_subsequent_action: required for INSERT (action {action.ric_action_id})"
            return Refusal(text, messages.INCONSISTENT_SUBSEQUENT_ACTION)
    return None


def _canonical_trigger(record: SubscriptionRecord) -> bytes:
    """Event trigger in one encoding: defaults that are spelt out, and fields that nobody knows, make no difference."""
    made = {SLOT_OID: slot.EventTriggerDefinition, BUDGETS_OID: budgets.EventTriggerDefinition}.get(record.oid)
    if made is None:
        return record.event_trigger
    try:
        trigger = made.FromString(record.event_trigger)
    except DecodeError:
        return record.event_trigger  # the node refuses it
    trigger.DiscardUnknownFields()
    return trigger.SerializeToString(deterministic=True)
