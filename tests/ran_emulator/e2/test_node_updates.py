"""What the node changes of itself, and what the RIC says to it: a node whose link is a list."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto.oids import BUDGETS_OID, KPM_OID, SLOT_OID
from test_e2_node import Bench

from ran_emulator.e2.association import REMOVED_PAUSE_S
from ran_emulator.e2.link import Lost, Opened

KPM_ID, BUDGETS_ID, SLOT_ID = 2, 3, 4
XN = (e2ap.XN, "xn-2")


@pytest.fixture(scope="module")
def shared() -> Bench:
    return Bench()


@pytest.fixture
def bench(shared: Bench) -> Bench:
    """A node as after its setup, whatever the test before did to it (a cell takes long to make)."""
    configuration = shared.node.updates.configuration
    for name in ("kpm", "budgets", "slot"):
        with suppress(ValueError):
            configuration.withdraw(name)
        configuration.settle(lambda _number: False)
        configuration.offer(name)
    for item in configuration.components()[1:]:
        configuration.remove_component((item.interface_type, item.component_id))
    shared.node.handle(Opened(1))
    shared.give(e2_setup_response=e2ap.E2SetupResponse(transaction_id=1))
    shared.link.take()
    shared.link.left.clear()
    return shared


def only(bench: Bench, kind: str) -> Any:
    (pdu,) = bench.link.take()
    assert pdu.WhichOneof("message") == kind
    return getattr(pdu, kind)


def delete(bench: Bench, slice_id: int) -> None:
    bench.give(
        ric_subscription_delete_request=e2ap.RicSubscriptionDeleteRequest(
            ric_request_id=e2ap.RicRequestId(ric_requestor_id=1, ric_instance_id=slice_id), ran_function_id=SLOT_ID
        )
    )


def revision(bench: Bench, number: int) -> int:
    stated = bench.node.updates.configuration.stated()
    return next(item.ran_function_revision for item in stated if item.ran_function_id == number)


def test_a_function_without_subscriptions_is_withdrawn_at_once_and_offered_again(bench: Bench) -> None:
    before = revision(bench, KPM_ID)
    bench.node.updates.withdraw("kpm")
    update = only(bench, "ric_service_update")
    assert [item.ran_function_id for item in update.ran_functions_deleted] == [KPM_ID]
    bench.node.updates.offer("kpm")
    again = only(bench, "ric_service_update")
    assert again.transaction_id != update.transaction_id
    (item,) = again.ran_functions_added
    assert (item.ran_function_oid, item.ran_function_revision) == (KPM_OID, before + 1)


def test_what_changes_while_the_setup_is_under_way_is_told_when_it_is_complete(bench: Bench) -> None:
    bench.node.handle(Opened(1))
    stated = only(bench, "e2_setup_request")
    bench.node.updates.withdraw("kpm")
    bench.node.updates.set_component(XN, "late")
    assert bench.link.take() == []
    bench.give(e2_setup_response=e2ap.E2SetupResponse(transaction_id=stated.transaction_id))
    withdrawn, added = bench.link.take()
    assert [item.ran_function_id for item in withdrawn.ric_service_update.ran_functions_deleted] == [KPM_ID]
    (component,) = added.e2_node_configuration_update.e2_node_component_config_addition
    assert (component.component_id, component.request_part) == ("xn-2", b"late")
    bench.node.handle(Opened(1))
    only(bench, "e2_setup_request")
    bench.give(e2_setup_response=e2ap.E2SetupResponse(transaction_id=1))
    assert bench.link.take() == []


def test_a_subscribed_function_is_withdrawn_when_the_ric_has_deleted_its_subscriptions(bench: Bench) -> None:
    for slice_id in (0, 1):
        bench.subscribe(slice_id)
    bench.node.updates.withdraw("slot")
    required = only(bench, "ric_subscription_delete_required")
    ending = required.ric_subscription_to_be_removed
    assert [(i.ric_request_id.ric_instance_id, i.ran_function_id) for i in ending] == [(0, SLOT_ID), (1, SLOT_ID)]
    assert {i.cause.misc for i in ending} == {e2ap.MISC_OM_INTERVENTION}
    # Until then what stands goes on, and nothing new is admitted.
    assert bench.node.subscriptions.holds("vonr")
    bench.ask_for(2)
    assert only(bench, "ric_subscription_failure").cause.ric_request == e2ap.RIC_REQUEST_RAN_FUNCTION_ID_INVALID
    delete(bench, 0)
    only(bench, "ric_subscription_delete_response")
    delete(bench, 1)
    answer, update = bench.link.take()
    assert answer.HasField("ric_subscription_delete_response")
    assert [item.ran_function_id for item in update.ric_service_update.ran_functions_deleted] == [SLOT_ID]


@pytest.mark.parametrize("function", [BUDGETS_ID, SLOT_ID, KPM_ID])
def test_a_withdrawn_function_is_not_controlled(bench: Bench, function: int) -> None:
    name = {BUDGETS_ID: "budgets", SLOT_ID: "slot", KPM_ID: "kpm"}[function]
    bench.node.updates.withdraw(name)
    bench.link.take()
    bench.give(ric_control_request=e2ap.RicControlRequest(ran_function_id=function))
    assert only(bench, "ric_control_failure").cause.ric_request == e2ap.RIC_REQUEST_RAN_FUNCTION_ID_INVALID


def test_a_reset_completes_a_withdrawal(bench: Bench) -> None:
    bench.subscribe(1)
    bench.node.updates.withdraw("slot")
    bench.link.take()
    bench.give(reset_request=e2ap.ResetRequest(transaction_id=4))
    answer, update = bench.link.take()
    assert answer.HasField("reset_response")
    assert [item.ran_function_id for item in update.ric_service_update.ran_functions_deleted] == [SLOT_ID]


def test_the_next_setup_states_what_changed_without_a_ric(bench: Bench) -> None:
    bench.subscribe(1)
    bench.node.updates.withdraw("slot")
    bench.link.take()
    bench.node.handle(Lost(1, "gone"))
    bench.node.updates.withdraw("kpm")
    bench.node.updates.set_component(XN, "")
    assert bench.link.take() == []
    bench.node.handle(Opened(2))
    setup = only(bench, "e2_setup_request")
    assert [item.ran_function_oid for item in setup.ran_functions_added] == [BUDGETS_OID]
    assert [item.component_id for item in setup.e2_node_component_config_addition] == ["ng-1", "xn-2"]


@pytest.mark.parametrize("act", ["withdraw", "offer"])
def test_what_is_so_already_cannot_be_asked_for(bench: Bench, act: str) -> None:
    if act == "withdraw":
        bench.node.updates.withdraw("kpm")
        bench.link.take()
    with pytest.raises(ValueError, match="function: kpm is not"):
        getattr(bench.node.updates, act)("kpm")
    assert bench.link.take() == []


def test_a_query_is_answered_with_what_differs(bench: Bench) -> None:
    bench.node.updates.withdraw("budgets")
    bench.link.take()
    known = [
        e2ap.RanFunctionIdItem(ran_function_id=number, ran_function_revision=value)
        for number, value in ((BUDGETS_ID, 1), (SLOT_ID, revision(bench, SLOT_ID) + 1), (77, 3))
    ]
    bench.give(ric_service_query=e2ap.RicServiceQuery(transaction_id=9, ran_functions_accepted=known))
    update = only(bench, "ric_service_update")
    assert [item.ran_function_oid for item in update.ran_functions_added] == [KPM_OID]
    assert [item.ran_function_oid for item in update.ran_functions_modified] == [SLOT_OID]
    assert [item.ran_function_id for item in update.ran_functions_deleted] == [BUDGETS_ID, 77]
    bench.give(
        ric_service_query=e2ap.RicServiceQuery(
            ran_functions_accepted=[
                e2ap.RanFunctionIdItem(ran_function_id=number, ran_function_revision=revision(bench, number))
                for number in (KPM_ID, SLOT_ID)
            ]
        )
    )
    same = only(bench, "ric_service_update")
    assert same == e2ap.RicServiceUpdate(transaction_id=same.transaction_id)


def test_components_are_added_changed_and_removed(bench: Bench) -> None:
    updates = bench.node.updates
    updates.set_component(XN, "first")
    (item,) = only(bench, "e2_node_configuration_update").e2_node_component_config_addition
    assert (item.interface_type, item.component_id, item.request_part) == (e2ap.XN, "xn-2", b"first")
    updates.set_component(XN, "second")
    (item,) = only(bench, "e2_node_configuration_update").e2_node_component_config_update
    assert item.request_part == b"second"
    updates.remove_component(XN)
    (gone,) = only(bench, "e2_node_configuration_update").e2_node_component_config_removal
    assert (gone.interface_type, gone.component_id) == XN
    with pytest.raises(ValueError, match="component_id: there is no component 'xn-2'"):
        updates.remove_component(XN)
    with pytest.raises(ValueError, match="at least one component"):
        updates.remove_component((e2ap.NG, "ng-1"))
    for number in range(15):
        updates.set_component((e2ap.XN, f"x{number}"), "")
    bench.link.take()
    with pytest.raises(ValueError, match="16 components already"):
        updates.set_component(XN, "")
    assert bench.link.take() == []


ANSWERS = {
    "ric_service_update_acknowledge": e2ap.RicServiceUpdateAcknowledge,
    "ric_service_update_failure": e2ap.RicServiceUpdateFailure,
    "e2_node_configuration_update_acknowledge": e2ap.E2NodeConfigurationUpdateAcknowledge,
    "e2_node_configuration_update_failure": e2ap.E2NodeConfigurationUpdateFailure,
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_update_is_answered_once(bench: Bench, kind: str) -> None:
    updates = bench.node.updates
    if kind.startswith("ric_"):
        updates.withdraw("kpm")
    else:
        updates.set_component(XN, "")
    (pdu,) = bench.link.take()
    transaction_id = getattr(pdu, pdu.WhichOneof("message")).transaction_id
    bench.give(**{kind: ANSWERS[kind](transaction_id=transaction_id)})
    assert bench.link.take() == []
    bench.give(**{kind: ANSWERS[kind](transaction_id=transaction_id)})
    error = only(bench, "error_indication")
    assert error.cause.protocol == e2ap.PROTOCOL_MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE


def test_a_removed_node_ends_its_waits_and_stays_away(bench: Bench) -> None:
    bench.subscribe(1)
    bench.cell.inject(1, 8)
    bench.cell.begin_slot()
    bench.node.ask()
    bench.link.take()
    slot = bench.cell.slot
    assert bench.node.waiting_for(slot)
    bench.give(e2_removal_request=e2ap.E2RemovalRequest(transaction_id=5))
    assert only(bench, "e2_removal_response").transaction_id == 5
    assert bench.link.left == [REMOVED_PAUSE_S]
    assert not bench.node.waiting_for(slot)
    assert not bench.node.connected
    bench.cell.execute_slot()
    bench.node.executed(slot)
    bench.node.connect()
    assert bench.link.left == []


def test_a_removal_with_a_bad_transaction_is_refused(bench: Bench) -> None:
    bench.give(e2_removal_request=e2ap.E2RemovalRequest(transaction_id=256))
    assert only(bench, "e2_removal_failure").cause.protocol == e2ap.PROTOCOL_SEMANTIC_ERROR
    assert bench.node.connected


def test_a_node_leaves_by_removal(bench: Bench) -> None:
    assert bench.node.leave()
    request = only(bench, "e2_removal_request")
    bench.give(e2_removal_failure=e2ap.E2RemovalFailure(transaction_id=request.transaction_id))
    assert bench.node.connected
    assert bench.node.leave()  # a removal that was refused is over: the next one has a transaction of its own
    again = only(bench, "e2_removal_request")
    bench.give(e2_removal_response=e2ap.E2RemovalResponse(transaction_id=again.transaction_id))
    assert not bench.node.connected
    assert not bench.node.leave()
    assert bench.link.take() == []


def test_who_is_connected_cannot_be_told_to_connect(bench: Bench) -> None:
    with pytest.raises(ValueError, match="e2: a RIC is connected"):
        bench.node.connect()
