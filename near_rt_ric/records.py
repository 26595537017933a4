"""What the platform knows of its xApps, subscriptions and budgets."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import xapp_bus_pb2 as bus

ID_BITS = 32
"""Of either half of a request id on the wire, of which only 16 are ever given out."""


class SubscriptionState(StrEnum):
    """Where a subscription stands at its node."""

    PENDING = "pending"
    ACTIVE = "active"
    WAITING = "waiting"  # stored: node or xApp is away
    REFUSED = "refused"


@dataclass(slots=True)
class XAppRecord:
    """A registered xApp: what it may control, and whether it is there."""

    name: str
    requestor_id: int
    oids: frozenset[str]
    slice_ids: frozenset[int]
    version: str = ""
    metrics_url: str = ""
    alive: bool = False
    last_heard_s: float = 0.0
    last_instance_id: int = 0
    lost_indications: int = 0  # as its heartbeats say


@dataclass(slots=True)
class SubscriptionRecord:
    """One subscription of an xApp, as it is kept across restarts of node, xApp and RIC."""

    xapp_name: str
    node_id: str
    key: str
    oid: str
    event_trigger: bytes
    actions: tuple[bytes, ...]  # serialised RicAction, ascending by id
    requestor_id: int
    instance_id: int
    state: SubscriptionState = SubscriptionState.WAITING
    response: e2ap.RicSubscriptionResponse | None = None
    ran_function_id: int = 0  # the node's number for the OID in this connection
    error: str = ""
    carrier_key: int = 0
    """Route key of the E2 subscription that carries it while it stands: its own, or that of one of the same content."""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Owner, node and key: unique."""
        return self.xapp_name, self.node_id, self.key

    @property
    def route_key(self) -> int:
        """Request id as one number, as routes are found."""
        return self.requestor_id << ID_BITS | self.instance_id

    @property
    def standing(self) -> bool:
        """Whether it is subscribed at its node, or asked for there."""
        return self.state in (SubscriptionState.ACTIVE, SubscriptionState.PENDING)

    def request_id(self) -> e2ap.RicRequestId:
        """The request id that its xApp knows."""
        return request_id_of(self.route_key)

    def parsed_actions(self) -> list[e2ap.RicAction]:
        """The actions to be set up."""
        return [e2ap.RicAction.FromString(action) for action in self.actions]

    def inserts(self) -> bool:
        """Whether it holds the right to decide: any action of type INSERT."""
        return any(action.ric_action_type == e2ap.INSERT for action in self.parsed_actions())

    def reports(self) -> bool:
        """Whether it only listens: every action is a REPORT, so that several xApps may share it."""
        return all(action.ric_action_type == e2ap.REPORT for action in self.parsed_actions())

    def same_content(self, other: SubscriptionRecord) -> bool:
        """Whether both ask the same of the same function."""
        return (self.oid, self.event_trigger, self.actions) == (other.oid, other.event_trigger, other.actions)

    def answer(
        self,
        error: str = "",
        cause: e2ap.Cause | None = None,
        end: bus.SubscriptionEnd = bus.NOT_ENDED,
    ) -> bus.SubscribeResponse:
        """What the xApp is told; the node's response under the request id that the xApp knows."""
        answer = bus.SubscribeResponse(
            key=self.key, ric_request_id=self.request_id(), response=self.response, error=error, cause=cause, end=end
        )
        if self.response is not None:
            answer.response.ric_request_id.CopyFrom(self.request_id())
        return answer


def request_id_of(route_key: int) -> e2ap.RicRequestId:
    """The request id that a route key packs."""
    return e2ap.RicRequestId(ric_requestor_id=route_key >> ID_BITS, ric_instance_id=route_key & (1 << ID_BITS) - 1)


def route_key_of(request_id: e2ap.RicRequestId) -> int:
    """A request id as one number, as routes are found."""
    return request_id.ric_requestor_id << ID_BITS | request_id.ric_instance_id


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the platform refuses a request: in words that name the field, and as a cause of E2AP 9.2.1."""

    text: str
    cause: e2ap.Cause


@dataclass(frozen=True, slots=True)
class ControlPermission:
    """What one xApp may control of one RAN function of a node."""

    requestor_id: int
    identity: bytes
    slice_ids: frozenset[int] | None  # None: the function knows no slices
    learns_budgets: bool  # the platform remembers what the node acknowledges


@dataclass(slots=True)
class StoredState:
    """Everything that survives a restart of the RIC."""

    xapps: list[XAppRecord] = field(default_factory=list)
    subscriptions: list[SubscriptionRecord] = field(default_factory=list)
    budgets: dict[str, bytes] = field(default_factory=dict)  # node id -> budgets ControlMessage
    node_numbers: dict[str, int] = field(default_factory=dict)
