"""What people change of the node over HTTP reaches the RIC by E2AP, and removal both ways (real processes)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from emulator_process import START_S, Emulator, with_ric
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto.oids import KPM_OID, SLOT_OID
from scripted_ric import UNTIL_SLOT, ScriptedRic, greedy, subscribe_slot


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ScriptedRic, Emulator]]:
    ric = ScriptedRic()
    with with_ric(tmp_path_factory.mktemp("updates"), ric, "--clock", "0.2x") as node:
        node.wait_until_healthy()
        ric.connections.get(timeout=20)
        yield ric, node


def test_a_function_is_withdrawn_when_its_subscriptions_are_gone(running: tuple[ScriptedRic, Emulator]) -> None:
    ric, node = running
    request = subscribe_slot(ric, 1, 11, UNTIL_SLOT)
    ric.send(ric_subscription_request=request)
    ric.next("ric_subscription_response")
    assert node.http.delete("/e2/functions/slot").status_code == 200
    (item,) = ric.next("ric_subscription_delete_required").ric_subscription_to_be_removed
    assert (item.ric_request_id, item.cause.misc) == (request.ric_request_id, e2ap.MISC_OM_INTERVENTION)
    node.wait_for("/state", lambda state: state["ran_functions"]["slot"] == "withdrawing")
    assert node.http.delete("/e2/functions/slot").status_code == 422
    ric.send(
        ric_subscription_delete_request=e2ap.RicSubscriptionDeleteRequest(
            ric_request_id=item.ric_request_id, ran_function_id=item.ran_function_id
        )
    )
    ric.next("ric_subscription_delete_response")
    (gone,) = ric.next("ric_service_update").ran_functions_deleted
    assert gone.ran_function_id == item.ran_function_id
    node.wait_for("/state", lambda state: state["ran_functions"]["slot"] == "withdrawn")
    assert node.http.put("/e2/functions/slot").status_code == 200
    (back,) = ric.next("ric_service_update").ran_functions_added
    assert (back.ran_function_oid, back.ran_function_revision) == (SLOT_OID, 2)
    assert node.get("/state")["ran_functions"].keys() == {"kpm", "budgets", "slot"}


def test_a_service_query_is_answered(running: tuple[ScriptedRic, Emulator]) -> None:
    ric, _ = running
    known = [e2ap.RanFunctionIdItem(ran_function_id=77, ran_function_revision=1)]
    ric.send(ric_service_query=e2ap.RicServiceQuery(transaction_id=1, ran_functions_accepted=known))
    update = ric.next("ric_service_update")
    assert KPM_OID in [item.ran_function_oid for item in update.ran_functions_added]
    assert [item.ran_function_id for item in update.ran_functions_deleted] == [77]


def test_components_change_over_http(running: tuple[ScriptedRic, Emulator]) -> None:
    ric, node = running
    place = "/e2/components/xn/xn-2"
    assert node.http.put(place, json={"configuration": "neighbour"}).status_code == 200
    (added,) = ric.next("e2_node_configuration_update").e2_node_component_config_addition
    assert (added.interface_type, added.component_id, added.request_part) == (e2ap.XN, "xn-2", b"neighbour")
    assert node.http.delete(place).status_code == 200
    (removed,) = ric.next("e2_node_configuration_update").e2_node_component_config_removal
    assert removed.component_id == "xn-2"
    for bad in (place, "/e2/components/ng/ng-1", "/e2/components/zz/xn-2", "/e2/components/xn/a%20b"):
        refused = node.http.delete(bad)
        assert refused.status_code == 422, bad
        assert refused.json()["detail"][0]["field"] in ("component_id", "interface"), bad
    assert node.http.put(place, json={"configuration": "x" * 4_097}).status_code == 422
    assert node.http.put(place, json={}).status_code == 422


def test_a_node_that_the_ric_removes_comes_back_when_told_to(running: tuple[ScriptedRic, Emulator]) -> None:
    ric, node = running
    assert node.http.post("/e2/connect").status_code == 422
    ric.send(e2_removal_request=e2ap.E2RemovalRequest(transaction_id=3))
    assert ric.next("e2_removal_response").transaction_id == 3
    node.wait_for("/state", lambda state: not state["e2_connected"])
    slot = node.get("/state")["slot"]
    node.wait_for("/state", lambda state: state["slot"] > slot)  # the cell goes on alone
    assert node.http.post("/e2/connect").status_code == 200
    ric.connections.get(timeout=5)
    node.wait_for("/state", lambda state: state["e2_connected"])


@pytest.mark.parametrize(
    "message",
    [
        {"e2_removal_response": e2ap.E2RemovalResponse(transaction_id=1)},
        {"e2_removal_failure": e2ap.E2RemovalFailure(transaction_id=1)},
    ],
)
def test_an_answer_to_no_removal_is_an_error(running: tuple[ScriptedRic, Emulator], message: dict[str, Any]) -> None:
    ric, node = running
    ric.send(**message)
    error = ric.next("error_indication")
    assert error.cause.protocol == e2ap.PROTOCOL_MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE
    assert node.get("/state")["e2_connected"]


def test_a_node_that_ends_takes_its_leave(tmp_path: Path) -> None:
    ric = ScriptedRic(greedy)
    ric.on_setup = lambda c: c.send(e2ap.E2apPdu(ric_subscription_request=subscribe_slot(ric, 0, 10)))
    with with_ric(tmp_path, ric, "--clock", "lockstep", "--await", "vonr", "--slots", "10") as node:
        request = ric.next("e2_removal_request", timeout_s=START_S)
        ric.send(e2_removal_response=e2ap.E2RemovalResponse(transaction_id=request.transaction_id))
        assert node.wait() == 0
        assert node.summary()["slots"] == 10


def test_a_node_whose_summary_cannot_be_written_takes_its_leave_too(tmp_path: Path) -> None:
    ric = ScriptedRic(greedy)
    with with_ric(tmp_path, ric, "--clock", "lockstep", "--await", "vonr", "--slots", "10") as node:
        node.wait_until_healthy()
        node.summary_path.mkdir()
        ric.connections.get(timeout=20.0)
        ric.send(ric_subscription_request=subscribe_slot(ric, 0, 10))
        request = ric.next("e2_removal_request", timeout_s=START_S)
        ric.send(e2_removal_response=e2ap.E2RemovalResponse(transaction_id=request.transaction_id))
        assert node.wait() == 1
    written = f'"event": "summary_not_written", "file": "{node.summary_path}", "reason": "Is a directory"'
    assert written in node.log_path.read_text()
