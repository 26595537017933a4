"""E2 procedures of the emulator against a RIC of the tests' own (real processes, a real stream)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emulator_process import Emulator, with_ric
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_kpm_pb2 as kpm
from hiso_proto import e2sm_slot_pb2 as slots
from hiso_proto.oids import BUDGETS_OID, KPM_OID, SLOT_OID
from scripted_ric import (
    NO_LIMIT,
    ScriptedRic,
    control,
    greedy_message,
    insert,
    request_id,
    slot_header,
    subscribe_budgets,
    subscribe_kpm,
    subscribe_slot,
)

CELL_LABEL = kpm.MeasurementLabel(no_label=True)


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ScriptedRic, Emulator]]:
    """A node in lock-step that waits for subscriptions, so stays at slot 0."""
    ric = ScriptedRic()
    with with_ric(
        tmp_path_factory.mktemp("waiting"), ric, "--clock", "lockstep", "--await", "budgets,vonr,embb,urllc"
    ) as node:
        node.wait_until_healthy()
        ric.connections.get(timeout=20)
        yield ric, node


def refused(ric: ScriptedRic, request: e2ap.RicSubscriptionRequest) -> e2ap.RicSubscriptionFailure:
    ric.send(ric_subscription_request=request)
    answer: e2ap.RicSubscriptionFailure = ric.next(
        "ric_subscription_failure", where=lambda m: m.ric_request_id == request.ric_request_id
    )
    return answer


def admitted(ric: ScriptedRic, request: e2ap.RicSubscriptionRequest) -> e2ap.RicSubscriptionResponse:
    ric.send(ric_subscription_request=request)
    answer: e2ap.RicSubscriptionResponse = ric.next(
        "ric_subscription_response", where=lambda m: m.ric_request_id == request.ric_request_id
    )
    return answer


def delete(ric: ScriptedRic, request: e2ap.RicSubscriptionRequest) -> None:
    ric.send(
        ric_subscription_delete_request=e2ap.RicSubscriptionDeleteRequest(
            ric_request_id=request.ric_request_id, ran_function_id=request.ran_function_id
        )
    )
    ric.next("ric_subscription_delete_response", where=lambda m: m.ric_request_id == request.ric_request_id)


def test_setup_states_three_functions(waiting: tuple[ScriptedRic, Emulator]) -> None:
    ric, _ = waiting
    assert ric.setup is not None
    assert (ric.setup.global_e2_node_id.plmn_id, ric.setup.global_e2_node_id.gnb_id) == ("00101", 1)
    assert len(ric.setup.e2_node_component_config_addition) == 1
    slot = slots.RanFunctionDefinition.FromString(ric.function(SLOT_OID).ran_function_definition)
    assert (slot.slot_us, slot.control_delay_slots, slot.lockstep, slot.max_group_users) == (500, 0, True, 8)
    assert [(part.name, part.first_user_id, part.users) for part in slot.slices] == [
        ("vonr", 0, 17), ("embb", 17, 33), ("urllc", 50, 50),
    ]  # fmt: skip
    budget = budgets.RanFunctionDefinition.FromString(ric.function(BUDGETS_OID).ran_function_definition)
    assert (budget.total_bandwidth_hz, budget.period_slots, budget.lockstep) == (10_000_000, 2_000, True)
    measured = kpm.RanFunctionDefinition.FromString(ric.function(KPM_OID).ran_function_definition)
    assert "VS.DRB.OfferedPacketNbrDl" in [row.meas_name for row in measured.measurements]
    assert list(measured.ric_report_style_list) == [1]


def _changed(request: e2ap.RicSubscriptionRequest, **fields: Any) -> e2ap.RicSubscriptionRequest:
    for name, value in fields.items():
        if isinstance(value, list):
            del getattr(request, name)[:]
            getattr(request, name).extend(value)
        else:
            setattr(request, name, value)
    return request


def _bad_subscriptions(ric: ScriptedRic) -> dict[str, e2ap.RicSubscriptionRequest]:
    def slot(**fields: Any) -> e2ap.RicSubscriptionRequest:
        return _changed(subscribe_slot(ric, 1, 900), **fields)

    def waits(**limit: Any) -> e2ap.RicSubscriptionRequest:
        after = e2ap.RicSubsequentAction(**{"type": e2ap.CONTINUE, **limit})
        return slot(ric_action_to_be_setup_list=[insert(after=after)])

    def budget(**fields: Any) -> e2ap.RicSubscriptionRequest:
        return _changed(subscribe_budgets(ric, 900), **fields)

    def measure(name: str, label: kpm.MeasurementLabel, **options: Any) -> e2ap.RicSubscriptionRequest:
        return subscribe_kpm(ric, 900, [kpm.MeasurementInfoItem(meas_name=name, label_info_list=[label])], **options)

    cell_throughput = kpm.MeasurementInfoItem(meas_name="DRB.UEThpDl", label_info_list=[CELL_LABEL])

    def report(kind: e2ap.RicActionType = e2ap.REPORT, **fields: Any) -> e2ap.RicSubscriptionRequest:
        good = {"ric_style_type": 1, "meas_info_list": [cell_throughput], "granul_period_ms": 1000}
        action = insert(kpm.ActionDefinition(**{**good, **fields}).SerializeToString())
        action.ric_action_type = kind
        return _changed(measure("DRB.UEThpDl", CELL_LABEL), ric_action_to_be_setup_list=[action])

    undecodable = [insert(b"\xff")]
    undecodable_report = e2ap.RicAction(ric_action_type=e2ap.REPORT, ric_action_definition=b"\xff")
    two_seconds = budgets.EventTriggerDefinition(period_s=2).SerializeToString()
    return {
        "RAN_FUNCTION_ID_INVALID": slot(ran_function_id=77),
        "EVENT_TRIGGER_NOT_SUPPORTED": slot(
            ric_event_trigger_definition=slots.EventTriggerDefinition(slice_id=3).SerializeToString()
        ),
        "EVENT_TRIGGER_NOT_SUPPORTED undecodable": slot(ric_event_trigger_definition=b"\xff"),
        "EVENT_TRIGGER_NOT_SUPPORTED period": measure("DRB.UEThpDl", CELL_LABEL, period_ms=1500),
        "EVENT_TRIGGER_NOT_SUPPORTED budget period": budget(ric_event_trigger_definition=two_seconds),
        "EXCESSIVE_ACTIONS": slot(ric_action_to_be_setup_list=[insert(action_id=i) for i in range(17)]),
        "ACTION_NOT_SUPPORTED": slot(
            ric_action_to_be_setup_list=[e2ap.RicAction(ric_action_type=e2ap.POLICY, ric_subsequent_action=NO_LIMIT)]
        ),
        "ACTION_NOT_SUPPORTED slot definition": slot(ric_action_to_be_setup_list=undecodable),
        "ACTION_NOT_SUPPORTED budget definition": budget(ric_action_to_be_setup_list=undecodable),
        "ACTION_NOT_SUPPORTED KPM definition": _changed(report(), ric_action_to_be_setup_list=[undecodable_report]),
        "ACTION_NOT_SUPPORTED KPM insert": report(e2ap.INSERT),
        "ACTION_NOT_SUPPORTED KPM style": report(ric_style_type=2),
        "ACTION_NOT_SUPPORTED KPM granularity": report(granul_period_ms=2000),
        "ACTION_NOT_SUPPORTED KPM repetition": report(meas_info_list=[cell_throughput] * 2),
        "INCONSISTENT_ACTION_SUBSEQUENT_ACTION_SEQUENCE": slot(ric_action_to_be_setup_list=[insert(after=None)]),
        "INCONSISTENT_ACTION_SUBSEQUENT_ACTION_SEQUENCE halt": waits(type=e2ap.WAIT, no_limit=True),
        "INCONSISTENT_ACTION_SUBSEQUENT_ACTION_SEQUENCE no limit given": waits(),
        "INCONSISTENT_ACTION_SUBSEQUENT_ACTION_SEQUENCE standard": waits(standard=e2ap.W60S + 1),
        "INCONSISTENT_ACTION_SUBSEQUENT_ACTION_SEQUENCE negative": waits(standard=-1),  # enumerations are open
        "INCONSISTENT_ACTION_SUBSEQUENT_ACTION_SEQUENCE vendor": waits(vendor_us=0),
        "REQUESTED_INFORMATION_UNAVAILABLE": measure("DRB.Nothing", CELL_LABEL),
        "REQUESTED_INFORMATION_UNAVAILABLE label": measure(
            "DRB.UEThpDl", kpm.MeasurementLabel(slice_id=kpm.SNssai(sst=9))
        ),
        "REQUESTED_INFORMATION_UNAVAILABLE no measurement": report(meas_info_list=[]),
    }


def test_refused_subscriptions_name_their_cause(waiting: tuple[ScriptedRic, Emulator]) -> None:
    ric, _ = waiting
    for name, request in _bad_subscriptions(ric).items():
        failure = refused(ric, request)
        cause = e2ap.CauseRicRequest.Name(failure.cause.ric_request)
        assert cause == f"RIC_REQUEST_{name.partition(' ')[0]}", name
        assert failure.criticality_diagnostics.text, name


@pytest.mark.parametrize(
    ("definition", "named"),
    [
        ({"detail_schedule": {}}, "period_slots: must be 1..1048576 (given 0)"),
        ({"detail_schedule": {"period_slots": 2**20 + 1}}, "period_slots: must be 1..1048576 (given 1048577)"),
        ({"detail_schedule": {"period_slots": 8, "burst_slots": 9}}, "burst_slots: must be 1..8 (given 9)"),
        ({"detail_schedule": {"period_slots": 8}}, "burst_slots: must be 1..8 (given 0)"),
        (
            {"detail_schedule": {"period_slots": 8, "burst_slots": 8, "offset_slots": 8}},
            "offset_slots: must be 0..7 (given 8)",
        ),
        (
            {"learning_detail": False, "detail_schedule": {"period_slots": 8, "burst_slots": 8}},
            "detail_schedule: needs learning_detail",
        ),
    ],
)
def test_a_schedule_of_details_that_cannot_be_is_refused_by_name(
    waiting: tuple[ScriptedRic, Emulator], definition: dict[str, Any], named: str
) -> None:
    ric, _ = waiting
    action = insert(slots.ActionDefinition(**{"learning_detail": True, **definition}).SerializeToString())
    failure = refused(ric, _changed(subscribe_slot(ric, 1, 900), ric_action_to_be_setup_list=[action]))
    assert failure.cause.ric_request == e2ap.RIC_REQUEST_ACTION_NOT_SUPPORTED
    assert named in failure.criticality_diagnostics.text


def test_a_request_without_actions_is_a_protocol_error(waiting: tuple[ScriptedRic, Emulator]) -> None:
    ric, _ = waiting
    failure = refused(ric, _changed(subscribe_slot(ric, 1, 900), ric_action_to_be_setup_list=[]))
    assert failure.cause.protocol == e2ap.PROTOCOL_SEMANTIC_ERROR


@pytest.mark.parametrize(
    ("key", "action_id", "named"),
    [
        (request_id(65_536), 0, "ric_request_id"),
        (request_id(900, requestor=65_536), 0, "ric_request_id"),
        (request_id(900), 256, "ric_action_id"),
    ],
)
def test_an_id_out_of_range_is_a_protocol_error(
    waiting: tuple[ScriptedRic, Emulator], key: e2ap.RicRequestId, action_id: int, named: str
) -> None:
    ric, _ = waiting
    request = _changed(subscribe_slot(ric, 1, 900), ric_action_to_be_setup_list=[insert(action_id=action_id)])
    request.ric_request_id.CopyFrom(key)
    failure = refused(ric, request)
    assert failure.cause.protocol == e2ap.PROTOCOL_SEMANTIC_ERROR
    assert failure.criticality_diagnostics.text.startswith(named)


def test_claims_are_exclusive_and_come_free_with_delete(waiting: tuple[ScriptedRic, Emulator]) -> None:
    ric, _ = waiting
    first = subscribe_slot(ric, 0, 20)
    assert list(admitted(ric, first).ric_actions_admitted) == [0]
    assert refused(ric, subscribe_slot(ric, 0, 20)).cause.ric_request == e2ap.RIC_REQUEST_DUPLICATE_RIC_REQUEST_ID
    assert refused(ric, subscribe_slot(ric, 0, 21)).cause.ric_request == e2ap.RIC_REQUEST_DUPLICATE_EVENT_TRIGGER
    other = subscribe_slot(ric, 0, 22)
    other.ric_request_id.ric_requestor_id = 2
    assert refused(ric, other).cause.ric_request == e2ap.RIC_REQUEST_FUNCTION_RESOURCE_LIMIT
    delete(ric, first)
    admitted(ric, other)
    delete(ric, other)


def test_one_bad_action_does_not_hinder_a_good_one(waiting: tuple[ScriptedRic, Emulator]) -> None:
    ric, _ = waiting
    request = subscribe_slot(ric, 0, 30)
    request.ric_action_to_be_setup_list.append(insert(action_id=0))
    response = admitted(ric, request)
    assert list(response.ric_actions_admitted) == [0]
    assert [a.cause.ric_request for a in response.ric_actions_not_admitted] == [e2ap.RIC_REQUEST_DUPLICATE_ACTION]
    delete(ric, request)


@pytest.mark.parametrize("subscribe", [subscribe_budgets, lambda ric, instance: subscribe_slot(ric, 0, instance)])
def test_the_same_insert_twice_in_a_request_is_admitted_once(
    waiting: tuple[ScriptedRic, Emulator], subscribe: Callable[[ScriptedRic, int], e2ap.RicSubscriptionRequest]
) -> None:
    ric, _ = waiting
    request = subscribe(ric, 31)
    request.ric_action_to_be_setup_list.append(insert(action_id=1))
    response = admitted(ric, request)
    assert list(response.ric_actions_admitted) == [0]
    (second,) = response.ric_actions_not_admitted
    assert (second.ric_action_id, second.cause.ric_request) == (1, e2ap.RIC_REQUEST_DUPLICATE_ACTION)
    delete(ric, request)


def test_a_report_that_the_requestor_holds_already_is_refused(waiting: tuple[ScriptedRic, Emulator]) -> None:
    ric, _ = waiting
    items = [kpm.MeasurementInfoItem(meas_name="DRB.UEThpDl", label_info_list=[CELL_LABEL])]
    held, again, other = (subscribe_kpm(ric, instance, items) for instance in (32, 33, 34))
    other.ric_request_id.ric_requestor_id = 2
    admitted(ric, held)
    assert refused(ric, again).cause.ric_request == e2ap.RIC_REQUEST_DUPLICATE_EVENT_TRIGGER
    admitted(ric, other)
    delete(ric, held)
    delete(ric, other)


def test_a_65th_report_is_refused_until_one_is_deleted(waiting: tuple[ScriptedRic, Emulator]) -> None:
    ric, _ = waiting
    names = ("DRB.UEThpDl", "CARR.MeanTxPwr", "VS.HWI.Kappa", "VS.HWI.KappaRx")
    items = [kpm.MeasurementInfoItem(meas_name=name, label_info_list=[CELL_LABEL]) for name in names]

    def reports(instance: int, actions: int) -> e2ap.RicSubscriptionRequest:
        """As many different actions: the measurements in another order each."""
        request = subscribe_kpm(ric, instance, items, period_ms=1000 * instance)
        orders = itertools.islice(itertools.permutations(items), 1, actions)
        for number, order in enumerate(orders, start=1):
            (action,) = subscribe_kpm(ric, instance, list(order)).ric_action_to_be_setup_list
            action.ric_action_id = number
            request.ric_action_to_be_setup_list.append(action)
        return request

    held = [reports(instance, 16) for instance in range(35, 39)]
    for request in held:
        assert len(admitted(ric, request).ric_actions_admitted) == 16
    one_more = reports(39, 1)
    assert refused(ric, one_more).cause.ric_request == e2ap.RIC_REQUEST_FUNCTION_RESOURCE_LIMIT
    delete(ric, held.pop())
    admitted(ric, one_more)
    for request in (*held, one_more):
        delete(ric, request)


def test_delete_of_the_unknown_is_refused(waiting: tuple[ScriptedRic, Emulator]) -> None:
    ric, _ = waiting
    request = e2ap.RicSubscriptionDeleteRequest(ric_request_id=request_id(999), ran_function_id=4)
    ric.send(ric_subscription_delete_request=request)
    failure = ric.next("ric_subscription_delete_failure")
    assert failure.cause.ric_request == e2ap.RIC_REQUEST_REQUEST_ID_UNKNOWN
    held = subscribe_budgets(ric, 40)
    admitted(ric, held)
    request = e2ap.RicSubscriptionDeleteRequest(ric_request_id=held.ric_request_id, ran_function_id=4)
    ric.send(ric_subscription_delete_request=request)
    failure = ric.next("ric_subscription_delete_failure")
    assert failure.cause.ric_request == e2ap.RIC_REQUEST_RAN_FUNCTION_ID_INVALID
    delete(ric, held)


@pytest.mark.parametrize(
    ("function", "call_process_id", "cause"),
    [
        (2, b"", e2ap.RIC_REQUEST_ACTION_NOT_SUPPORTED),
        (77, b"", e2ap.RIC_REQUEST_RAN_FUNCTION_ID_INVALID),
        (4, b"", e2ap.RIC_REQUEST_RIC_CALL_PROCESS_ID_INVALID),
        (4, b"12345678", e2ap.RIC_REQUEST_RIC_CALL_PROCESS_ID_INVALID),
        (3, b"12345678", e2ap.RIC_REQUEST_RIC_CALL_PROCESS_ID_INVALID),
    ],
)
def test_control_without_an_insert(
    waiting: tuple[ScriptedRic, Emulator], function: int, call_process_id: bytes, cause: int
) -> None:
    ric, _ = waiting
    ric.send(
        ric_control_request=e2ap.RicControlRequest(
            ric_request_id=request_id(1),
            ran_function_id=function,
            ric_call_process_id=call_process_id,
            ric_control_ack_request=e2ap.NO_ACK,
        )
    )
    failure = ric.next("ric_control_failure")  # even where no acknowledge was asked for
    assert failure.cause.ric_request == cause


def _budget_message(bandwidth_hz: list[int], power_w: list[float]) -> budgets.ControlMessage:
    items = [
        budgets.SliceBudget(slice_id=i, bandwidth_hz=hz, power_w=watts)
        for i, (hz, watts) in enumerate(zip(bandwidth_hz, power_w, strict=True))
    ]
    return budgets.ControlMessage(budgets=items)


def _budget_request(bandwidth_hz: list[int], power_w: list[float]) -> e2ap.RicControlRequest:
    return e2ap.RicControlRequest(
        ric_request_id=request_id(5),
        ran_function_id=3,
        ric_control_message=_budget_message(bandwidth_hz, power_w).SerializeToString(),
    )


@pytest.mark.parametrize(
    ("bandwidth_hz", "power_w", "constraint"),
    [
        ([2_000_000, 6_000_000, 2_000_000], [0.01, 499.99, 500.0], "C1"),
        ([2_000_000, 6_000_000, 2_000_000], [300.0, 300.0, 300.0], "C2"),
        ([1_000_000, 7_000_000, 2_000_000], [300.0, 300.0, 400.0], "C3"),
        ([2_000_000, 6_000_000, 2_000_001], [300.0, 300.0, 400.0], "C4"),
        ([2_000_000, 6_000_000, 2_000_000], [float("nan"), 300.0, 400.0], "power_w"),
        ([5_000_000, 5_000_000], [500.0, 500.0], "slice_id"),
    ],
)
def test_budgets_that_break_a_constraint_change_nothing(
    waiting: tuple[ScriptedRic, Emulator], bandwidth_hz: list[int], power_w: list[float], constraint: str
) -> None:
    ric, node = waiting
    before = node.get("/budgets")
    ric.send(ric_control_request=_budget_request(bandwidth_hz, power_w))
    failure = ric.next("ric_control_failure")
    assert failure.cause.ric_request == e2ap.RIC_REQUEST_CONTROL_MESSAGE_INVALID
    assert budgets.ControlOutcome.FromString(failure.ric_control_outcome).constraint == constraint
    assert node.get("/budgets") == before


@pytest.mark.parametrize("part", ["ric_control_header", "ric_control_message"])
def test_a_control_that_cannot_be_decoded_is_refused_by_its_part(
    waiting: tuple[ScriptedRic, Emulator], part: str
) -> None:
    ric, node = waiting
    before = node.get("/budgets")
    request = _budget_request([2_000_000, 6_000_000, 2_000_000], [300.0, 300.0, 400.0])
    setattr(request, part, b"\xff")
    ric.send(ric_control_request=request)
    failure = ric.next("ric_control_failure")
    assert failure.cause.ric_request == e2ap.RIC_REQUEST_CONTROL_MESSAGE_INVALID
    assert budgets.ControlOutcome.FromString(failure.ric_control_outcome).constraint == part
    assert node.get("/budgets") == before


def test_unasked_budgets_hold_from_the_next_slot(tmp_path: Path) -> None:
    ric = ScriptedRic()
    with with_ric(tmp_path, ric, "--clock", "0.2x", "--control-delay-slots", "3") as node:
        node.wait_until_healthy()
        ric.connections.get(timeout=20)
        ric.send(ric_control_request=_budget_request([2_000_000, 6_000_000, 2_000_000], [300.0, 300.0, 400.0]))
        outcome = budgets.ControlOutcome.FromString(ric.next("ric_control_acknowledge").ric_control_outcome)
        assert outcome.applied_slot >= 3
        changed = node.wait_for("/budgets", lambda b: b["embb"]["bandwidth_hz"] == 6_000_000)
        assert changed["urllc"] == {"bandwidth_hz": 2_000_000, "power_w": 400.0}


@pytest.mark.slow
def test_budgets_for_a_second_are_late_once_the_next_insert_has_left(tmp_path: Path) -> None:
    ric = ScriptedRic()
    ric.on_setup = lambda c: c.send(e2ap.E2apPdu(ric_subscription_request=subscribe_budgets(ric, 1)))
    new = _budget_message([2_000_000, 6_000_000, 2_000_000], [300.0, 300.0, 400.0])
    with with_ric(tmp_path, ric, "--clock", "0.5x") as node:
        node.wait_until_healthy()
        before = node.get("/budgets")
        late, in_time = ric.next("ric_indication"), ric.next("ric_indication")
        ric.send(ric_control_request=control(late, budgets.ControlHeader(), new))
        failure = ric.next("ric_control_failure")
        assert failure.ric_call_process_id == late.ric_call_process_id
        assert failure.cause.ric_request == e2ap.RIC_REQUEST_CONTROL_TIMER_EXPIRED
        assert node.get("/budgets") == before
        ric.send(ric_control_request=control(in_time, budgets.ControlHeader(), new))
        assert ric.next("ric_control_acknowledge").ric_call_process_id == in_time.ric_call_process_id
        assert node.wait_for("/budgets", lambda b: b != before)["embb"]["bandwidth_hz"] == 6_000_000


Broken = tuple[str, dict[str, Any]]


def _broken_decisions(indication: e2ap.RicIndication) -> list[tuple[str, slots.ControlMessage]]:
    """Decisions that the node must refuse, with what it must name."""

    def changed(**fields: Any) -> slots.ControlMessage:
        message = greedy_message(indication)
        for name, value in fields.items():
            setattr(message, name, value)
        return message

    good = greedy_message(indication)
    users = len(good.user_ids) // 2
    power_w = np.frombuffer(good.private_power_w, "<f4")
    return [
        ("user_ids", changed(user_ids=good.user_ids + b"\x01\x00")),
        ("user_ids", changed(user_ids=np.full(users, 99, "<u2").tobytes())),
        ("beams", changed(beams=good.beams[1:])),
        ("private_power_w", changed(private_power_w=good.private_power_w + b"\0")),
        ("private_power_w", changed(private_power_w=np.full(users, np.nan, "<f4").tobytes())),
        ("common_power_w", changed(common_power_w=float("inf"))),
        ("common_power_w", changed(common_power_w=float("nan"))),
        ("C7", changed(private_power_w=np.full(users, -1, "<f4").tobytes())),
        ("C12", changed(beams=np.full(users, 128, "<i2").tobytes())),
        ("C12", changed(beams=np.full(users, -1, "<i2").tobytes())),
        ("C8-C10", changed(private_power_w=(power_w * 1.01).astype("<f4").tobytes())),
        ("C8-C10", changed(common_power_w=-1.0)),
    ]


def test_a_refused_decision_names_its_constraint_and_the_slot_runs_on_the_fallback(tmp_path: Path) -> None:
    ric = ScriptedRic()
    ric.on_setup = lambda c: c.send(e2ap.E2apPdu(ric_subscription_request=subscribe_slot(ric, 1, 11)))
    with with_ric(tmp_path, ric, "--clock", "lockstep", "--await", "embb") as node:
        node.wait_until_healthy()
        indication = ric.next("ric_indication")
        for place in range(len(_broken_decisions(indication))):
            constraint, message = _broken_decisions(indication)[place]
            ric.send(ric_control_request=control(indication, slot_header(indication), message))
            failure = ric.next("ric_control_failure")
            assert failure.cause.ric_request == e2ap.RIC_REQUEST_CONTROL_MESSAGE_INVALID
            outcome = slots.ControlOutcome.FromString(failure.ric_control_outcome)
            assert outcome.constraint == constraint, outcome
            decided = slots.IndicationHeader.FromString(indication.ric_indication_header).decided_slot
            indication = ric.next("ric_indication")
            outcomes = slots.IndicationMessage.FromString(indication.ric_indication_message).outcomes
            sources = {outcome.slot: set(outcome.decision_source) for outcome in outcomes}
            assert sources[decided] == {2}  # the node's default
        header = slot_header(indication)
        header.slice_id = 2
        ric.send(ric_control_request=control(indication, header, greedy_message(indication)))
        outcome = slots.ControlOutcome.FromString(ric.next("ric_control_failure").ric_control_outcome)
        assert outcome.constraint == "slice_id"


def test_a_decision_is_carried_out_and_its_outcome_comes_back(tmp_path: Path) -> None:
    ric = ScriptedRic()
    ric.on_setup = lambda c: c.send(
        e2ap.E2apPdu(ric_subscription_request=subscribe_slot(ric, 1, 11, learning_detail=True))
    )
    with with_ric(tmp_path, ric, "--clock", "lockstep", "--await", "embb") as node:
        node.wait_until_healthy()
        for _ in range(20):
            indication = ric.next("ric_indication")
            message = greedy_message(indication)
            header = slot_header(indication)
            ric.send(ric_control_request=control(indication, header, message))
            acknowledge = ric.next("ric_control_acknowledge")
            assert acknowledge.ric_call_process_id == indication.ric_call_process_id
            following = ric.next("ric_indication")
            outcomes = slots.IndicationMessage.FromString(following.ric_indication_message).outcomes
            outcome = next(item for item in outcomes if item.slot == header.decided_slot)
            assert outcome.user_ids == message.user_ids
            assert outcome.beams == message.beams
            assert outcome.private_power_w == message.private_power_w
            assert set(outcome.decision_source) == {0}
            users = len(outcome.user_ids) // 2
            assert len(outcome.beam_gains) == 4 * 128 * users
            assert len(outcome.common_gain) == len(outcome.channel_gain) == 4 * users
            ric.kept.insert(0, ("ric_indication", following))


def test_an_answered_call_process_cannot_be_answered_again(tmp_path: Path) -> None:
    ric = ScriptedRic()
    ric.on_setup = lambda c: c.send(e2ap.E2apPdu(ric_subscription_request=subscribe_slot(ric, 1, 11)))
    with with_ric(tmp_path, ric, "--clock", "lockstep", "--await", "embb") as node:
        node.wait_until_healthy()
        indication = ric.next("ric_indication")
        request = control(indication, slot_header(indication), greedy_message(indication))
        foreign = e2ap.RicControlRequest()
        foreign.CopyFrom(request)
        foreign.ric_request_id.ric_instance_id = 77
        ric.send(ric_control_request=foreign)
        assert ric.next("ric_control_failure").cause.ric_request == e2ap.RIC_REQUEST_REQUEST_ID_UNKNOWN
        ric.send(ric_control_request=request)
        ric.next("ric_control_acknowledge")
        ric.send(ric_control_request=request)
        assert ric.next("ric_control_failure").cause.ric_request == e2ap.RIC_REQUEST_RIC_CALL_PROCESS_ID_INVALID


def test_a_standard_time_to_wait_ends_the_wait_in_lockstep(tmp_path: Path) -> None:
    ric = ScriptedRic()
    after = e2ap.RicSubsequentAction(type=e2ap.CONTINUE, standard=e2ap.W20MS)
    ric.on_setup = lambda c: c.send(e2ap.E2apPdu(ric_subscription_request=subscribe_slot(ric, 1, 11, after)))
    with with_ric(tmp_path, ric, "--clock", "lockstep", "--await", "embb") as node:
        node.wait_until_healthy()
        first = ric.next("ric_indication")
        ric.next("ric_indication")  # nobody answered the first one
        ric.send(ric_control_request=control(first, slot_header(first), greedy_message(first)))
        assert ric.next("ric_control_failure").cause.ric_request == e2ap.RIC_REQUEST_CONTROL_TIMER_EXPIRED


def test_kpm_reports_and_the_budget_insert_carry_the_same_numbers(tmp_path: Path) -> None:
    ric = ScriptedRic()
    slice_labels = [kpm.MeasurementLabel(slice_id=kpm.SNssai(sst=s, sd=d)) for s, d in ((1, 1), (1, 0), (2, 0))]
    items = [
        kpm.MeasurementInfoItem(meas_name="VS.DRB.OfferedPacketNbrDl", label_info_list=slice_labels),
        kpm.MeasurementInfoItem(meas_name="VS.CARR.SpectralEffDl", label_info_list=[CELL_LABEL]),
    ]
    ric.on_setup = lambda c: c.send(
        e2ap.E2apPdu(ric_subscription_request=subscribe_kpm(ric, 3, items)),
        e2ap.E2apPdu(ric_subscription_request=subscribe_kpm(ric, 4, items, period_ms=2000)),
        e2ap.E2apPdu(ric_subscription_request=subscribe_budgets(ric, 1)),
    )
    answered = lambda i: control(i, budgets.ControlHeader(), budgets.ControlMessage())  # noqa: E731
    ric.answer = answered
    with with_ric(tmp_path, ric, "--clock", "lockstep", "--await", "budgets", "--duration", "2") as node:
        assert node.wait() == 0
    zero = ric.next("ric_indication", where=lambda m: m.ric_indication_type == e2ap.INSERT)
    header = budgets.IndicationHeader.FromString(zero.ric_indication_header)
    assert (header.second, header.slot) == (0, 0)
    assert all(
        part.offered_packets == 0 for part in budgets.IndicationMessage.FromString(zero.ric_indication_message).slices
    )
    for second in (1, 2):
        report = ric.next("ric_indication", where=lambda m: m.ric_request_id.ric_instance_id == 3)
        asked = ric.next("ric_indication", where=lambda m: m.ric_indication_type == e2ap.INSERT)
        header = budgets.IndicationHeader.FromString(asked.ric_indication_header)
        assert (header.second, header.slot) == (second, 2_000 * second)
        seen = budgets.IndicationMessage.FromString(asked.ric_indication_message)
        records = kpm.IndicationMessage.FromString(report.ric_indication_message).meas_data[0].meas_record
        assert [record.integer for record in records[:3]] == [part.offered_packets for part in seen.slices]
        assert records[3].real == pytest.approx(seen.eta_bps_hz)
        start_ns = kpm.IndicationHeader.FromString(report.ric_indication_header).collet_start_time_ns
        assert start_ns == (second - 1) * 10**9
    both = ric.next("ric_indication", where=lambda m: m.ric_request_id.ric_instance_id == 4)
    assert len(kpm.IndicationMessage.FromString(both.ric_indication_message).meas_data) == 2
