"""What a node may change of its setup: RIC Service Update (E2AP 8.3.4) and E2 Node Configuration Update (8.3.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto.e2ap_names import ProcedureCode, transaction_id_error

from near_rt_ric import e2_messages as messages
from near_rt_ric.e2_messages import ComponentKey, NodeSetup, component_key

RETRY_AFTER_S = 1
"""TimeToWait of a refused update."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to an update, and what holds afterwards; `setup` None: it was refused and nothing changes."""

    answer: e2ap.E2apPdu
    setup: NodeSetup | None


def judge_service_update(setup: NodeSetup, update: e2ap.RicServiceUpdate) -> Verdict:
    """Judge a RicServiceUpdate function by function; it fails as a whole where none can be accepted."""
    modified, additions = update.ran_functions_modified, update.ran_functions_added
    ids = [item.ran_function_id for items in (additions, modified, update.ran_functions_deleted) for item in items]
    new = [item for item in additions if item.ran_function_id not in setup.functions]
    remaining = setup.functions.keys() - {item.ran_function_id for item in update.ran_functions_deleted}
    if (refusal := _service_refusal(update.transaction_id, ids, len(remaining) + len(new))) is not None:
        return Verdict(_service_failure(update.transaction_id, *refusal), None)
    kept = {number: setup.functions[number] for number in setup.functions.keys() - set(ids)}
    deleted = [item for item in update.ran_functions_deleted if item.ran_function_id in setup.functions]
    # The addition of a known function is a change of it.
    changes = [item for item in (*modified, *additions) if item.ran_function_id in setup.functions]
    changed, left, unfit = _judge_changes(changes, kept, setup)
    # An id or OID that is free after this update may be taken by what is new.
    taken = {**kept, **changed, **left}
    added, refused = messages.judge_functions(new, taken)
    rejected = [*refused, *unfit, *_unknown((*modified, *update.ran_functions_deleted), setup)]
    if ids and not (added or changed or deleted):
        text = f"ran_functions_added, _modified, _deleted: none can be accepted: {messages.refused_text(rejected)}"
        return Verdict(_service_failure(update.transaction_id, messages.RAN_FUNCTION_NOT_SUPPORTED, text), None)
    answer = e2ap.RicServiceUpdateAcknowledge(
        transaction_id=update.transaction_id,
        ran_functions_accepted=[
            *(
                e2ap.RanFunctionIdItem(ran_function_id=i.ran_function_id, ran_function_revision=i.ran_function_revision)
                for i in (*added.values(), *changed.values())
            ),
            *deleted,
        ],
        ran_functions_rejected=rejected,
    )
    # In the node's order of ids, whatever came when.
    functions = dict(sorted({**taken, **added}.items()))
    return Verdict(e2ap.E2apPdu(ric_service_update_acknowledge=answer), replace(setup, functions=functions))


def _judge_changes(
    items: list[e2ap.RanFunctionItem], kept: dict[int, e2ap.RanFunctionItem], setup: NodeSetup
) -> tuple[dict[int, e2ap.RanFunctionItem], dict[int, e2ap.RanFunctionItem], list[e2ap.RanFunctionIdCauseItem]]:
    """Changes that are accepted (by id), what unfit ones leave as it was (by id), and the rejections of these.

    What an unfit change leaves keeps its OID: a change that counted on this one is unfit too.
    """
    left: dict[int, e2ap.RanFunctionItem] = {}
    rejected: list[e2ap.RanFunctionIdCauseItem] = []
    while True:
        rest = [item for item in items if item.ran_function_id not in left]
        changed, unfit = messages.judge_functions(rest, {**kept, **left})
        if not unfit:
            return changed, left, rejected
        rejected += unfit
        left.update((item.ran_function_id, setup.functions[item.ran_function_id]) for item in unfit)


def _unknown(
    items: Iterable[e2ap.RanFunctionItem | e2ap.RanFunctionIdItem], setup: NodeSetup
) -> list[e2ap.RanFunctionIdCauseItem]:
    """Rejections of what names a function that the node has not stated."""
    return [
        e2ap.RanFunctionIdCauseItem(ran_function_id=item.ran_function_id, cause=messages.RAN_FUNCTION_ID_INVALID)
        for item in items
        if item.ran_function_id not in setup.functions
    ]


def _service_refusal(transaction_id: int, ids: list[int], total: int) -> tuple[e2ap.Cause, str] | None:
    if text := transaction_id_error(transaction_id):
        return messages.SEMANTIC_ERROR, text
    if len(ids) > 3 * messages.MAX_RAN_FUNCTIONS:
        text = (
            f"ran_functions_added, _modified, _deleted: {len(ids)} entries, at most {messages.MAX_RAN_FUNCTIONS} each"
        )
        return messages.EXCESSIVE_FUNCTIONS, text
    twice = sorted(number for number, count in Counter(ids).items() if count > 1)
    if twice:
        return messages.FALSELY_CONSTRUCTED, f"ran_function_id: {twice} stand more than once in the update"
    if total > messages.MAX_RAN_FUNCTIONS:
        text = f"ran_functions_added: {total} functions in all, at most {messages.MAX_RAN_FUNCTIONS}"
        return messages.EXCESSIVE_FUNCTIONS, text
    return None


def _service_failure(transaction_id: int, cause: e2ap.Cause, text: str) -> e2ap.E2apPdu:
    return e2ap.E2apPdu(
        ric_service_update_failure=e2ap.RicServiceUpdateFailure(
            transaction_id=transaction_id,
            cause=cause,
            time_to_wait_s=RETRY_AFTER_S,
            criticality_diagnostics=_diagnostics(ProcedureCode.RIC_SERVICE_UPDATE, text),
        )
    )


def judge_configuration_update(setup: NodeSetup, update: e2ap.E2NodeConfigurationUpdate) -> Verdict:
    """Judge an E2NodeConfigurationUpdate component by component: each is acknowledged as success or failure."""
    refusal = _configuration_refusal(setup, update)
    if refusal is not None:
        return Verdict(_configuration_failure(update.transaction_id, *refusal), None)
    components = dict(setup.components)
    answer = e2ap.E2NodeConfigurationUpdateAcknowledge(transaction_id=update.transaction_id)
    for gone in update.e2_node_component_config_removal:
        cause = None if component_key(gone) in components else messages.COMPONENT_UNKNOWN
        answer.e2_node_component_config_removal_ack.append(messages.acknowledged(gone, cause))
        components.pop(component_key(gone), None)
    for item in update.e2_node_component_config_update:
        cause = None if component_key(item) in components else messages.COMPONENT_UNKNOWN
        answer.e2_node_component_config_update_ack.append(messages.acknowledged(item, cause))
        if cause is None:
            components[component_key(item)] = item
    for item in update.e2_node_component_config_addition:
        cause = messages.SEMANTIC_ERROR if component_key(item) in components else None
        answer.e2_node_component_config_addition_ack.append(messages.acknowledged(item, cause))
        components.setdefault(component_key(item), item)
    pdu = e2ap.E2apPdu(e2_node_configuration_update_acknowledge=answer)
    return Verdict(pdu, replace(setup, components=components))


def _configuration_refusal(setup: NodeSetup, update: e2ap.E2NodeConfigurationUpdate) -> tuple[e2ap.Cause, str] | None:
    if text := transaction_id_error(update.transaction_id):
        return messages.SEMANTIC_ERROR, text
    stated = update.global_e2_node_id
    if update.HasField("global_e2_node_id") and f"{stated.plmn_id}-{stated.gnb_id}" != setup.node_id:
        return messages.SEMANTIC_ERROR, f"global_e2_node_id: this stream belongs to {setup.node_id}"
    changed = [*update.e2_node_component_config_addition, *update.e2_node_component_config_update]
    removed = [component_key(item) for item in update.e2_node_component_config_removal]
    keys: list[ComponentKey] = [*(component_key(item) for item in changed), *removed]
    if text := messages.component_id_error(component_key(item) for item in update.e2_node_component_config_addition):
        return messages.SEMANTIC_ERROR, f"e2_node_component_config_addition: {text}"
    if len(set(keys)) != len(keys):
        return messages.FALSELY_CONSTRUCTED, f"e2_node_component_config_*: {messages.twice_text(keys)}"
    if removed and not (set(setup.components) - set(removed)) and not update.e2_node_component_config_addition:
        return messages.SEMANTIC_ERROR, "e2_node_component_config_removal: at least 1 component must stay"
    return None


def _configuration_failure(transaction_id: int, cause: e2ap.Cause, text: str) -> e2ap.E2apPdu:
    return e2ap.E2apPdu(
        e2_node_configuration_update_failure=e2ap.E2NodeConfigurationUpdateFailure(
            transaction_id=transaction_id,
            cause=cause,
            time_to_wait_s=RETRY_AFTER_S,
            criticality_diagnostics=_diagnostics(ProcedureCode.E2_NODE_CONFIGURATION_UPDATE, text),
        )
    )


def judge_removal(request: e2ap.E2RemovalRequest) -> tuple[e2ap.E2apPdu, bool]:
    """The answer to an E2RemovalRequest of the node (E2AP 8.3.7), and whether the node is removed."""
    text = transaction_id_error(request.transaction_id)
    if not text:
        response = e2ap.E2RemovalResponse(transaction_id=request.transaction_id)
        return e2ap.E2apPdu(e2_removal_response=response), True
    failure = e2ap.E2RemovalFailure(
        transaction_id=request.transaction_id,
        cause=messages.SEMANTIC_ERROR,
        criticality_diagnostics=_diagnostics(ProcedureCode.E2_REMOVAL, text),
    )
    return e2ap.E2apPdu(e2_removal_failure=failure), False


def _diagnostics(procedure: ProcedureCode, text: str) -> e2ap.CriticalityDiagnostics:
    return e2ap.CriticalityDiagnostics(procedure_code=procedure, text=text)
