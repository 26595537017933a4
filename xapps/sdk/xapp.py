"""What an xApp author works with: register, subscribe, take indications, answer them with controls.

One thread does everything that is hot: it receives, parses, calls the handler, serialises and sends.
"""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import zmq
from google.protobuf.message import DecodeError, Message
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.e2ap_names import describe_cause
from hiso_proto.xapp_bus_pb2 import DownMessage

from service_kit.logs import fields
from xapps.sdk.errors import (
    BusUnavailableError,
    NodeUnavailableError,
    RegistrationError,
    SubscriptionError,
    XAppError,
)
from xapps.sdk.management import Context, Heartbeat, ManagementClient, connected_socket
from xapps.sdk.node import E2Node

_LOG = logging.getLogger(__name__)

REQUEST_TIMEOUT_S = 1.0
SUBSCRIBE_TIMEOUT_S = 8.0
_RECEIVE_TIMEOUT_MS = 100
_RETRY_S = 0.1
_READABLE = int(zmq.POLLIN)  # plain numbers: an enumeration costs more than the look
_EVENTS = int(zmq.EVENTS)
_NOBLOCK = int(zmq.NOBLOCK)
_WILDCARD = re.compile(r"^tcp://(0\.0\.0\.0|\*|\[::\]):")
_TCP_HOST = re.compile(r"^tcp://(.+):[0-9]+$")

IndicationHandler = Callable[[E2Node, e2ap.RicIndication], None]
AcknowledgeHandler = Callable[[E2Node, e2ap.RicControlAcknowledge], None]
FailureHandler = Callable[[E2Node, e2ap.RicControlFailure], None]
NodeHandler = Callable[[E2Node], None]
LostHandler = Callable[["Subscription", str], None]
FrameHandler = Callable[[bytes], bool]


@dataclass(slots=True)
class Subscription:
    """A subscription of this xApp; it outlives restarts of node and RIC, `active` says whether it stands now."""

    node: E2Node
    oid: str
    key: str
    trigger: bytes
    actions: tuple[e2ap.RicAction, ...]
    handler: IndicationHandler
    request_id: e2ap.RicRequestId
    active: bool = False
    end: bus.SubscriptionEnd = bus.NOT_ENDED
    """Why it is over, where the RIC said so; after DELETED_BY_OPERATOR nothing asks for it again."""
    next_sn: dict[int, int] = field(default_factory=dict)
    """ric_indication_sn that comes next, by action id."""


class XApp:
    """An xApp on the bus of a near-RT RIC."""

    def __init__(
        self,
        name: str,
        *,
        bus: str,
        oids: Iterable[str] = (),
        slices: Iterable[int] = (),
        version: str = "",
        metrics_url: str = "",
    ) -> None:
        """`oids`, `slices`: what it may control; `bus`: the RIC's --bus endpoint.

        Raises BusEndpointError where `bus` is no address.
        """
        self.name = name
        self.unroutable_indications = 0
        self.lost_indications = 0
        """Gaps in ric_indication_sn, summed over all subscriptions."""
        self._bus = bus
        self._oids = tuple(oids)
        self._slices = tuple(slices)
        self._version = version
        self._metrics_url = metrics_url
        self._requestor_id = 0
        self._context: Context = zmq.Context()
        self._management = ManagementClient(self._context, bus)
        self._heartbeat = Heartbeat(self._context, bus, name, self._forgotten, lambda: self.lost_indications)
        self._down: zmq.Socket[bytes] | None = None
        self._waiting: deque[tuple[bytes, DownMessage]] = deque()
        """What was found behind the message at hand: as it came, and parsed."""
        self._newest_waiting: dict[int, DownMessage] = {}
        self._up: dict[str, tuple[str, zmq.Socket[bytes]]] = {}
        self._nodes: dict[str, E2Node] = {}
        self._subscriptions: dict[tuple[str, str], Subscription] = {}
        self._by_instance: dict[int, Subscription] = {}
        self._node_up: NodeHandler = _ignore
        self._node_down: NodeHandler = _ignore
        self._node_changed: NodeHandler = _ignore
        self._acknowledged: AcknowledgeHandler = _ignore_answer
        self._failed: FailureHandler = _ignore_answer
        self._lost: LostHandler = _ignore_loss
        self._frame: FrameHandler = _leave_frame
        self._attention = False
        self._retry_s = 0.0
        self._stopping = False

    # What happens ------------------------------------------------------------------------------------

    def on_node_up(self, handler: NodeHandler) -> None:
        """Call `handler` whenever a node connects; which ones are there when `connect` returns is in `nodes`.

        Also for each that is connected when this xApp has registered again, after a loss of the RIC.
        """
        self._node_up = handler

    def on_node_down(self, handler: NodeHandler) -> None:
        """Call `handler` whenever a node is lost."""
        self._node_down = handler

    def on_node_changed(self, handler: NodeHandler) -> None:
        """Call `handler` whenever a connected node offers other RAN functions than before, or has other components."""
        self._node_changed = handler

    def on_control_acknowledge(self, handler: AcknowledgeHandler) -> None:
        """Call `handler` with each RicControlAcknowledge."""
        self._acknowledged = handler

    def on_control_failure(self, handler: FailureHandler) -> None:
        """Call `handler` with each RicControlFailure: late (`control-timer-expired`) or refused, with cause."""
        self._failed = handler

    def on_subscription_lost(self, handler: LostHandler) -> None:
        """Call `handler` where a subscription cannot be restored or is over: by a person, by the node (`end`)."""
        self._lost = handler

    def on_frame(self, handler: FrameHandler) -> None:
        """Ask `handler` first with what has just come, as it came (a DownMessage's bytes); True: it has dealt with it.

        For xApps that cannot afford message objects. It must leave (False) what it does not know through and through,
        and keep `next_sn` of the subscription whose indications it answers.
        """
        self._frame = handler

    # Connection --------------------------------------------------------------------------------------

    def connect(self, timeout_s: float | None = None) -> None:
        """Register at the RIC, waiting for it (for ever by default).

        Raises RegistrationError where it refuses, BusUnavailableError where it has not answered in time.
        """
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        told = False
        while not self._stopping:
            try:
                self._register()
            except BusUnavailableError as error:
                if not told:
                    told = True
                    _LOG.warning("ric_awaited", extra=fields(reason=str(error)))
                if deadline_s is not None and time.monotonic() > deadline_s:
                    raise
            else:
                self._heartbeat.start()
                return

    @property
    def connected(self) -> bool:
        """Whether the RIC answers and knows this xApp."""
        return self._down is not None and not self._attention and self._heartbeat.alive()

    def nodes(self) -> list[E2Node]:
        """E2 nodes that are connected."""
        return [node for node in self._nodes.values() if node.connected]

    def wait_for_node(self, oid: str, timeout_s: float | None = None) -> E2Node:
        """The first node that offers the RAN function `oid`, waiting for it; raises NodeUnavailableError."""
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._stopping:
            for node in self.nodes():
                if oid in node.functions:
                    return node
            if deadline_s is not None and time.monotonic() > deadline_s:
                break
            self.step()
        raise NodeUnavailableError(f"oid: no connected node offers {oid}")

    def stop(self) -> None:
        """End `run`, `connect` and `wait_for_node`; may be called from anywhere, signal handlers included."""
        self._stopping = True

    def close(self) -> None:
        """Leave the bus: the RIC deletes the subscriptions at their nodes and keeps them for our return."""
        self._stopping = True
        if self._down is not None:
            self._heartbeat.stop()
        self._management.close()
        self._context.destroy(linger=0)

    def __enter__(self) -> Self:
        """The xApp, closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    # Subscriptions and controls ----------------------------------------------------------------------

    def subscribe(
        self,
        node: E2Node,
        oid: str,
        *,
        key: str,
        trigger: Message,
        actions: Sequence[e2ap.RicAction],
        handler: IndicationHandler,
    ) -> Subscription:
        """Subscribe to a RAN function; call it from the thread that runs the loop.

        `key` is this xApp's own name for it: the same key replaces the subscription. `handler` gets node and
        indication. Raises SubscriptionError, FunctionNotOfferedError, BusUnavailableError.
        """
        node.function(oid)
        subscription = Subscription(
            node=self._nodes.get(node.node_id, node),
            oid=oid,
            key=key,
            trigger=trigger.SerializeToString(),
            actions=tuple(actions),
            handler=handler,
            request_id=e2ap.RicRequestId(),
        )
        subscription.handler = self._watched(subscription)
        self._request_subscription(subscription)
        replaced = self._subscriptions.get((node.node_id, key))
        if replaced is not None:
            replaced.active = False
            self._close_route(replaced)
        self._subscriptions[node.node_id, key] = subscription
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Delete a subscription at its node and in the RIC's store.

        Raises:
            SubscriptionError: the RIC refuses it.
            BusUnavailableError: it does not answer; the subscription stays as it was.
        """
        request = bus.UnsubscribeRequest(xapp_name=self.name, ric_request_id=subscription.request_id)
        answer = self._management.request(SUBSCRIBE_TIMEOUT_S, unsubscribe_request=request)
        subscription.active = False
        self._subscriptions.pop((subscription.node.node_id, subscription.key), None)
        self._close_route(subscription)
        error = answer.error or answer.unsubscribe_response.error
        if error:
            raise SubscriptionError(error)

    def control(self, node: E2Node, request: e2ap.RicControlRequest) -> bool:
        """Send a control (`answer` makes one from an indication); False where it could not even leave."""
        message = bus.UpMessage(xapp_name=self.name, node_id=node.node_id, control_request=request)
        return self.send_frame(node, message.SerializeToString())

    def send_frame(self, node: E2Node, frame: bytes | memoryview) -> bool:
        """Send an UpMessage that is already bytes; False where it could not even leave."""
        entry = self._up.get(node.node_id)
        if entry is not None:
            try:
                entry[1].send(frame, _NOBLOCK)
            except zmq.Again:
                pass
            else:
                return True
        return False

    def unasked_control(self, node: E2Node, oid: str, header: Message, message: Message) -> e2ap.RicControlRequest:
        """A control that answers no indication: request id of this xApp, instance 0, no call process."""
        return e2ap.RicControlRequest(
            ric_request_id=e2ap.RicRequestId(ric_requestor_id=self._requestor_id),
            ran_function_id=node.function(oid).ran_function_id,
            ric_control_header=header.SerializeToString(),
            ric_control_message=message.SerializeToString(),
        )

    # The loop ----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Receive and dispatch until `stop`; an exception of a handler ends it."""
        while not self._stopping:
            self.step()

    def step(self) -> bool:
        """Take at most one message, waiting up to 0.1 s; whether there was one."""
        if self._attention:
            self._rejoin()
        if self._down is None:
            raise XAppError("connect() comes first")
        message = None
        if self._waiting:
            raw, message = self._waiting.popleft()
            self._waits_no_more(message)
        else:
            try:
                raw = self._down.recv()
            except zmq.Again:
                return False
        if self._frame(raw):
            return True
        message = message or parse_down(raw)
        if message is not None:
            self._dispatch(message)
        return True

    def more_waits(self) -> bool:
        """Whether another message has come meanwhile."""
        return bool(self._waiting) or (self._down is not None and _readable(self._down))

    def newest_waiting(self, indication: e2ap.RicIndication) -> e2ap.RicIndication | None:
        """The newest indication of the same subscription that has come meanwhile; None: there is none.

        For handlers that must not work through a backlog. It looks at the socket without waiting; what it finds there
        is dispatched later, in the order in which it came.
        """
        down = self._down
        while down is not None and _readable(down):
            raw = down.recv(_NOBLOCK)
            message = parse_down(raw)
            if message is not None:
                self._waiting.append((raw, message))
                if message.HasField("indication"):
                    self._newest_waiting[message.indication.ric_request_id.ric_instance_id] = message
        newest = self._newest_waiting.get(indication.ric_request_id.ric_instance_id)
        return None if newest is None else newest.indication

    def _waits_no_more(self, message: DownMessage) -> None:
        instance = message.indication.ric_request_id.ric_instance_id
        if self._newest_waiting.get(instance) is message:
            del self._newest_waiting[instance]

    def _dispatch(self, message: DownMessage) -> None:
        if message.WhichOneof("message") == "indication":
            indication = message.indication
            subscription = self._by_instance.get(indication.ric_request_id.ric_instance_id)
            if subscription is not None:
                subscription.handler(subscription.node, indication)
                return
            self._unroutable(message)
        else:
            self._event(message)

    def _unroutable(self, message: DownMessage) -> None:
        self.unroutable_indications += 1
        if self.unroutable_indications == 1:
            request_id = message.indication.ric_request_id
            _LOG.error(
                "indication_without_handler",
                extra=fields(node=message.node_id, instance=request_id.ric_instance_id),
            )

    def _watched(self, subscription: Subscription) -> IndicationHandler:
        """The subscription's handler behind a look at the sequence number (E2AP: optional, 0..65535).

        A 0 out of turn is a node that began anew, or one that does not count: no gap.
        """
        next_sn, handler = subscription.next_sn, subscription.handler

        def handle(node: E2Node, indication: e2ap.RicIndication) -> None:
            action, number = indication.ric_action_id, indication.ric_indication_sn
            if number and number != next_sn.get(action, number):
                self.lost_indications += number - next_sn[action] & 0xFFFF
            next_sn[action] = number + 1 & 0xFFFF
            handler(node, indication)

        return handle

    def _event(self, message: DownMessage) -> None:
        kind = message.WhichOneof("message")
        if kind == "node_up":
            self._take_node(message.node_up)
            self._resubscribe(message.node_id)
            self._node_up(self._nodes[message.node_id])
            return
        if kind == "node_changed":
            self._take_node(message.node_changed)
            self._resubscribe(message.node_id, only_inactive=True)
            self._node_changed(self._nodes[message.node_id])
            return
        node = self._nodes.get(message.node_id)
        if node is None:
            return
        if kind == "control_acknowledge":
            self._acknowledged(node, message.control_acknowledge)
        elif kind == "control_failure":
            self._failed(node, message.control_failure)
        elif kind == "subscription_restored":
            self._restored(message.node_id, message.subscription_restored)
        elif kind == "node_down":
            node.connected = False
            for subscription in self._subscriptions.values():
                if subscription.node is node:
                    subscription.active = False
            self._node_down(node)

    # Registration and restoration --------------------------------------------------------------------

    def _register(self) -> None:
        request = bus.RegisterRequest(
            xapp_name=self.name,
            version=self._version,
            ran_function_oids=self._oids,
            slice_ids=self._slices,
            metrics_url=self._metrics_url,
        )
        answer = self._management.request(REQUEST_TIMEOUT_S, register_request=request)
        response = answer.register_response
        if answer.error or response.error:
            raise RegistrationError(answer.error or response.error)
        self._requestor_id = response.ric_requestor_id
        if self._down is None:
            self._down = self._data_socket(self._reachable(response.down_endpoint))
        for node in self._nodes.values():
            node.connected = False
        for node_message in response.nodes:
            self._take_node(node_message)

    def _data_socket(self, endpoint: str) -> zmq.Socket[bytes]:
        socket = connected_socket(self._context, zmq.DEALER, endpoint, identity=self.name)
        socket.setsockopt(zmq.RCVTIMEO, _RECEIVE_TIMEOUT_MS)
        return socket

    def _reachable(self, endpoint: str) -> str:
        """A RIC that listens on every interface does not know its own name: it is where the bus is."""
        host = _TCP_HOST.match(self._bus)
        return _WILDCARD.sub(f"tcp://{host[1]}:", endpoint) if host else endpoint

    def _take_node(self, message: bus.Node) -> None:
        fresh = E2Node.from_message(message)
        node = self._nodes.setdefault(fresh.node_id, fresh)
        node.connected, node.functions, node.up_endpoint = fresh.connected, fresh.functions, fresh.up_endpoint
        endpoint = self._reachable(fresh.up_endpoint)
        known = self._up.get(node.node_id)
        if known is None or known[0] != endpoint:
            if known is not None:
                known[1].close()
            self._up[node.node_id] = endpoint, connected_socket(self._context, zmq.PUSH, endpoint)

    def _forgotten(self) -> None:
        self._attention = True

    def _rejoin(self) -> None:
        """Register again after the RIC has forgotten us; tried again by the next step where it fails."""
        if time.monotonic() < self._retry_s:
            return
        self._retry_s = time.monotonic() + _RETRY_S
        for subscription in self._subscriptions.values():
            subscription.active = False
        try:
            self._register()
        except XAppError as error:
            _LOG.warning("registration_failed", extra=fields(xapp=self.name, reason=str(error)))
            return
        # Not before: a beat that was refused just before the registration may report during it. One whose report is
        # cleared here although the RIC has forgotten us since is followed by others.
        self._attention = False
        _LOG.info("registered_again", extra=fields(xapp=self.name))
        for node in self.nodes():
            self._resubscribe(node.node_id)
            self._node_up(node)

    def _resubscribe(self, node_id: str, *, only_inactive: bool = False) -> None:
        """Ask again for what this xApp holds at a node: the RIC joins what it restores from its store."""
        for subscription in [item for item in self._subscriptions.values() if item.node.node_id == node_id]:
            if only_inactive and (subscription.active or subscription.oid not in subscription.node.functions):
                continue
            try:
                self._request_subscription(subscription)
            except XAppError as error:
                self._loss(subscription, str(error))

    def _request_subscription(self, subscription: Subscription) -> None:
        request = bus.SubscribeRequest(
            xapp_name=self.name,
            node_id=subscription.node.node_id,
            ran_function_id=subscription.node.function(subscription.oid).ran_function_id,
            ric_event_trigger_definition=subscription.trigger,
            actions=subscription.actions,
            key=subscription.key,
        )
        answer = self._management.request(SUBSCRIBE_TIMEOUT_S, subscribe_request=request)
        if answer.error:
            raise SubscriptionError(answer.error)
        self._take_answer(subscription, answer.subscribe_response)

    def _take_answer(self, subscription: Subscription, answer: bus.SubscribeResponse) -> None:
        if answer.error:
            raise SubscriptionError(answer.error, answer.cause if answer.HasField("cause") else None)
        if answer.HasField("failure"):
            cause = describe_cause(answer.failure.cause)
            text = answer.failure.criticality_diagnostics.text
            raise SubscriptionError(f"the node refuses: {cause} {text}".rstrip(), answer.failure.cause, answer.failure)
        self._close_route(subscription)
        subscription.request_id = answer.ric_request_id
        subscription.active = True
        subscription.end = bus.NOT_ENDED
        subscription.next_sn.clear()
        self._by_instance[answer.ric_request_id.ric_instance_id] = subscription

    def _close_route(self, subscription: Subscription) -> None:
        """Indications of its instance are no longer its; a RIC without its store may have given it to another."""
        instance = subscription.request_id.ric_instance_id
        if self._by_instance.get(instance) is subscription:
            del self._by_instance[instance]

    def _restored(self, node_id: str, answer: bus.SubscribeResponse) -> None:
        subscription = self._subscriptions.get((node_id, answer.key))
        if subscription is None:
            return  # held by an earlier process of this name; subscribing with its key takes it over
        subscription.end = answer.end
        if answer.end == bus.DELETED_BY_OPERATOR:
            del self._subscriptions[node_id, answer.key]
            self._close_route(subscription)
        try:
            self._take_answer(subscription, answer)
        except SubscriptionError as error:
            self._loss(subscription, str(error))

    def _loss(self, subscription: Subscription, reason: str) -> None:
        subscription.active = False
        _LOG.warning(
            "subscription_lost",
            extra=fields(node=subscription.node.node_id, key=subscription.key, reason=reason),
        )
        self._lost(subscription, reason)


def parse_down(raw: bytes) -> DownMessage | None:
    """A message of the data socket; None for the RIC's probes, and for what does not decode."""
    if not raw:
        return None
    try:
        return DownMessage.FromString(raw)
    except DecodeError:
        _LOG.warning("down_message_malformed", extra=fields(bytes=len(raw)))
        return None


def _readable(socket: zmq.Socket[bytes]) -> bool:
    """Whether a message lies in it."""
    return bool(int(socket.getsockopt(_EVENTS)) & _READABLE)


def _leave_frame(_frame: bytes) -> bool:
    """No handler."""
    return False


def _ignore(node: E2Node) -> None:
    """No handler."""


def _ignore_answer(node: E2Node, answer: e2ap.RicControlAcknowledge | e2ap.RicControlFailure) -> None:
    """No handler."""


def _ignore_loss(subscription: Subscription, reason: str) -> None:
    """No handler."""
