"""E2AP messages that the platform makes and judges: causes, error indications, E2 setup (E2AP 8.3.1).

Updates of what a setup said are in `near_rt_ric.e2_updates`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_slot_pb2 as slot
from hiso_proto.e2ap_names import ProcedureCode, describe_cause, name_of, transaction_id_error
from hiso_proto.oids import BUDGETS_OID, SLOT_OID

MAX_RAN_FUNCTIONS = 256
MAX_RAN_FUNCTION_ID = 4095
GLOBAL_RIC_ID = "hiso-near-rt-ric"

_PLMN = re.compile(r"[0-9]{5,6}")
OID = re.compile(r"[A-Za-z0-9 '()+,./:=?-]{1,1000}")
"""RANfunctionOID is a PrintableString of 1..1000 characters."""

MAX_COMPONENT_ID_CHARACTERS = 64
_SHOWN = 5
"""RAN functions that a refusal names."""

TRANSFER_SYNTAX_ERROR = e2ap.Cause(protocol=e2ap.PROTOCOL_TRANSFER_SYNTAX_ERROR)
ABSTRACT_SYNTAX_ERROR_REJECT = e2ap.Cause(protocol=e2ap.PROTOCOL_ABSTRACT_SYNTAX_ERROR_REJECT)
FALSELY_CONSTRUCTED = e2ap.Cause(protocol=e2ap.PROTOCOL_ABSTRACT_SYNTAX_ERROR_FALSELY_CONSTRUCTED_MESSAGE)
SEMANTIC_ERROR = e2ap.Cause(protocol=e2ap.PROTOCOL_SEMANTIC_ERROR)
WRONG_STATE = e2ap.Cause(protocol=e2ap.PROTOCOL_MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE)
REQUEST_ID_UNKNOWN = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_REQUEST_ID_UNKNOWN)
RAN_FUNCTION_ID_INVALID = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_RAN_FUNCTION_ID_INVALID)
CONTROL_MESSAGE_INVALID = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_CONTROL_MESSAGE_INVALID)
SYSTEM_NOT_READY = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_SYSTEM_NOT_READY)
RAN_FUNCTION_NOT_SUPPORTED = e2ap.Cause(ric_service=e2ap.RIC_SERVICE_RAN_FUNCTION_NOT_SUPPORTED)
EXCESSIVE_ACTIONS = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_EXCESSIVE_ACTIONS)
DUPLICATE_REQUEST_ID = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_DUPLICATE_RIC_REQUEST_ID)
DUPLICATE_ACTION = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_DUPLICATE_ACTION)
INCONSISTENT_SUBSEQUENT_ACTION = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_INCONSISTENT_ACTION_SUBSEQUENT_ACTION_SEQUENCE)
EVENT_TRIGGER_NOT_SUPPORTED = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_EVENT_TRIGGER_NOT_SUPPORTED)
FUNCTION_RESOURCE_LIMIT = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_FUNCTION_RESOURCE_LIMIT)
RIC_RESOURCE_LIMIT = e2ap.Cause(ric_service=e2ap.RIC_SERVICE_RIC_RESOURCE_LIMIT)
COMPONENT_UNKNOWN = e2ap.Cause(e2_node=e2ap.E2_NODE_E2NODE_COMPONENT_UNKNOWN)
TRANSPORT_UNAVAILABLE = e2ap.Cause(transport=e2ap.TRANSPORT_TRANSPORT_RESOURCE_UNAVAILABLE)
EXCESSIVE_FUNCTIONS = e2ap.Cause(ric_service=e2ap.RIC_SERVICE_EXCESSIVE_FUNCTIONS)
OM_INTERVENTION = e2ap.Cause(misc=e2ap.MISC_OM_INTERVENTION)


def error_indication(
    cause: e2ap.Cause,
    text: str,
    *,
    request_id: e2ap.RicRequestId | None = None,
    ran_function_id: int | None = None,
    procedure_code: int = 0,
) -> e2ap.E2apPdu:
    """An ErrorIndication (E2AP 8.3.2) for what cannot be placed; `text` names the field and its range."""
    return e2ap.E2apPdu(
        error_indication=e2ap.ErrorIndication(
            ric_request_id=request_id,
            ran_function_id=ran_function_id,
            cause=cause,
            criticality_diagnostics=e2ap.CriticalityDiagnostics(procedure_code=procedure_code, text=text),
        )
    )


ComponentKey = tuple[int, str]
"""A component of an E2 node: interface type and id."""


@dataclass(frozen=True, slots=True)
class NodeSetup:
    """What an E2 node has stated of itself, by setup and by updates that were accepted."""

    node_id: str
    functions: dict[int, e2ap.RanFunctionItem] = field(default_factory=dict)
    components: dict[ComponentKey, e2ap.E2NodeComponentConfigItem] = field(default_factory=dict)

    @property
    def lockstep(self) -> bool:
        """Whether the node waits for decisions: one of its functions of our own says so."""
        return any(_definition(item).lockstep for item in self.functions.values() if item.ran_function_oid in _OURS)

    def function_id(self, oid: str) -> int | None:
        """Number under which this node offers the RAN function `oid`; None where it does not."""
        return next((number for number, item in self.functions.items() if item.ran_function_oid == oid), None)


@dataclass(frozen=True, slots=True)
class SetupVerdict:
    """The answer to an E2SetupRequest, and the node's setup where it was accepted."""

    answer: e2ap.E2apPdu
    setup: NodeSetup | None = None
    error: str = ""


def judge_setup(request: e2ap.E2SetupRequest) -> SetupVerdict:
    """Judge an E2SetupRequest: a response with what is accepted, or a failure with cause and field."""
    refusal = _setup_refusal(request)
    if refusal is not None:
        return setup_failure(request.transaction_id, *refusal)
    accepted, rejected = judge_functions(request.ran_functions_added, {})
    if request.ran_functions_added and not accepted:
        return setup_failure(
            request.transaction_id,
            RAN_FUNCTION_NOT_SUPPORTED,
            f"ran_functions_added: none is acceptable (unique ids in 1..{MAX_RAN_FUNCTION_ID}, unique OIDs of 1..1000 "
            f"printable characters, valid definitions): {refused_text(rejected)}",
        )
    global_id = request.global_e2_node_id
    setup = NodeSetup(
        node_id=f"{global_id.plmn_id}-{global_id.gnb_id}",
        functions=accepted,
        components={component_key(item): item for item in request.e2_node_component_config_addition},
    )
    response = e2ap.E2SetupResponse(
        transaction_id=request.transaction_id,
        global_ric_id=GLOBAL_RIC_ID,
        ran_functions_accepted=[
            e2ap.RanFunctionIdItem(ran_function_id=number, ran_function_revision=item.ran_function_revision)
            for number, item in accepted.items()
        ],
        ran_functions_rejected=rejected,
        e2_node_component_config_addition_ack=[
            acknowledged(item, None) for item in request.e2_node_component_config_addition
        ],
    )
    return SetupVerdict(e2ap.E2apPdu(e2_setup_response=response), setup)


def refused_text(rejected: Sequence[e2ap.RanFunctionIdCauseItem]) -> str:
    """The first rejected RAN functions, each with its cause."""
    shown = [f"ran_function_id {item.ran_function_id}: {describe_cause(item.cause)}" for item in rejected[:_SHOWN]]
    more = [f"and {len(rejected) - _SHOWN} more"] if len(rejected) > _SHOWN else []
    return "; ".join([*shown, *more])


def acknowledged(
    item: e2ap.E2NodeComponentConfigItem | e2ap.E2NodeComponentConfigRemovalItem, cause: e2ap.Cause | None
) -> e2ap.E2NodeComponentConfigAckItem:
    """What became of a component's configuration; `cause` None: success."""
    return e2ap.E2NodeComponentConfigAckItem(
        interface_type=item.interface_type,
        component_id=item.component_id,
        update_outcome=e2ap.SUCCESS if cause is None else e2ap.FAILURE,
        failure_cause=cause,
    )


def _setup_refusal(request: e2ap.E2SetupRequest) -> tuple[e2ap.Cause, str] | None:
    """Cause and text where the request as a whole cannot be accepted."""
    if text := transaction_id_error(request.transaction_id):
        return SEMANTIC_ERROR, text
    if not _PLMN.fullmatch(request.global_e2_node_id.plmn_id):
        return SEMANTIC_ERROR, "global_e2_node_id.plmn_id: 5 or 6 digits (MCC and MNC) are required"
    if len(request.ran_functions_added) > MAX_RAN_FUNCTIONS:
        return (
            EXCESSIVE_FUNCTIONS,
            f"ran_functions_added: {len(request.ran_functions_added)} entries, at most {MAX_RAN_FUNCTIONS}",
        )
    return _components_refusal([component_key(item) for item in request.e2_node_component_config_addition])


def _components_refusal(keys: list[ComponentKey]) -> tuple[e2ap.Cause, str] | None:
    field_name = "e2_node_component_config_addition"
    if not keys:
        return ABSTRACT_SYNTAX_ERROR_REJECT, f"{field_name}: at least 1 entry is required, there are 0"
    if text := component_id_error(keys):
        return SEMANTIC_ERROR, f"{field_name}: {text}"
    if len(set(keys)) < len(keys):
        return FALSELY_CONSTRUCTED, f"{field_name}: {twice_text(keys)}"
    return None


def setup_failure(transaction_id: int, cause: e2ap.Cause, text: str) -> SetupVerdict:
    """An E2SetupFailure; the node may try again on the same stream after a second."""
    failure = e2ap.E2SetupFailure(
        transaction_id=transaction_id,
        cause=cause,
        time_to_wait_s=1,
        criticality_diagnostics=e2ap.CriticalityDiagnostics(procedure_code=ProcedureCode.E2_SETUP, text=text),
    )
    return SetupVerdict(e2ap.E2apPdu(e2_setup_failure=failure), error=text)


_OURS: dict[str, type[slot.RanFunctionDefinition] | type[budgets.RanFunctionDefinition]] = {
    SLOT_OID: slot.RanFunctionDefinition,
    BUDGETS_OID: budgets.RanFunctionDefinition,
}


def component_key(
    item: e2ap.E2NodeComponentConfigItem | e2ap.E2NodeComponentConfigRemovalItem,
) -> ComponentKey:
    """What names a component."""
    return item.interface_type, item.component_id


def _definition(item: e2ap.RanFunctionItem) -> slot.RanFunctionDefinition | budgets.RanFunctionDefinition:
    return _OURS[item.ran_function_oid].FromString(item.ran_function_definition)


def twice_text(keys: Sequence[ComponentKey]) -> str:
    """The first component of several that stand more than once, in words."""
    (interface_type, component_id), _ = Counter(keys).most_common(1)[0]
    interface = name_of(e2ap.InterfaceType, interface_type)
    return f"component {component_id!r} of interface {interface} stands more than once"


def component_id_error(keys: Iterable[ComponentKey]) -> str:
    """What is wrong with the ids of components, in words; empty where nothing is."""
    wrong = [name for _, name in keys if not 1 <= len(name) <= MAX_COMPONENT_ID_CHARACTERS]
    limits = f"1..{MAX_COMPONENT_ID_CHARACTERS} characters"
    return f"component_id: {limits} are required (there are {len(wrong[0])})" if wrong else ""


def judge_functions(
    items: Iterable[e2ap.RanFunctionItem], known: dict[int, e2ap.RanFunctionItem]
) -> tuple[dict[int, e2ap.RanFunctionItem], list[e2ap.RanFunctionIdCauseItem]]:
    """Split RAN functions that a node adds to the `known` ones into accepted (by id) and rejected (with cause)."""
    accepted: dict[int, e2ap.RanFunctionItem] = {}
    rejected: list[e2ap.RanFunctionIdCauseItem] = []
    ids, oids = set(known), {item.ran_function_oid for item in known.values()}
    for item in items:
        cause = _function_refusal(item, ids, oids)
        if cause is None:
            accepted[item.ran_function_id] = item
            ids.add(item.ran_function_id)
            oids.add(item.ran_function_oid)
        else:
            rejected.append(e2ap.RanFunctionIdCauseItem(ran_function_id=item.ran_function_id, cause=cause))
    return accepted, rejected


def _function_refusal(item: e2ap.RanFunctionItem, ids: set[int], oids: set[str]) -> e2ap.Cause | None:
    """`ids`, `oids`: those that are taken."""
    if not 1 <= item.ran_function_id <= MAX_RAN_FUNCTION_ID or item.ran_function_id in ids:
        return RAN_FUNCTION_ID_INVALID
    if not OID.fullmatch(item.ran_function_oid) or item.ran_function_oid in oids:
        return RAN_FUNCTION_NOT_SUPPORTED
    if item.ran_function_oid in _OURS:
        try:
            _definition(item)
        except DecodeError:
            return TRANSFER_SYNTAX_ERROR
    return None
