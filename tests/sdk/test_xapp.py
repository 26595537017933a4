"""XApp: register, subscribe, indications, controls, and what happens when others die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest
import zmq
from e2_test_node import BUDGETS_ID, KPM_ID, SLOT_ID, CallFields, Node, Ric, functions, wait_until
from free_ports import free_port, has_ipv6_loopback
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_kpm_pb2 as kpm
from hiso_proto import e2sm_slot_pb2 as slot
from hiso_proto import xapp_bus_pb2 as bus_pb
from hiso_proto.oids import BUDGETS_OID, KPM_OID, SLOT_OID
from ric_fixtures import ConnectNode

from xapps.sdk import (
    BusUnavailableError,
    E2Node,
    FunctionNotOfferedError,
    NodeUnavailableError,
    RegistrationError,
    Subscription,
    SubscriptionError,
    XApp,
    answer,
    insert_action,
    report_action,
)
from xapps.sdk.management import ManagementClient

SLICE = 1
TRIGGER = slot.EventTriggerDefinition(slice_id=SLICE)
HEADER = slot.ControlHeader(slice_id=SLICE)


class Echo:
    """An xApp in a thread that answers every slot INSERT of slice 1 with an empty decision."""

    def __init__(self, endpoint: str, name: str) -> None:
        self.failures: list[e2ap.RicControlFailure] = []
        self.acknowledges: list[e2ap.RicControlAcknowledge] = []
        self.events: list[str] = []
        self.xapp = XApp(name, bus=endpoint, oids=[SLOT_OID, BUDGETS_OID], slices=[SLICE])
        self.xapp.on_control_failure(lambda _node, failure: self.failures.append(failure))
        self.xapp.on_control_acknowledge(lambda _node, acknowledge: self.acknowledges.append(acknowledge))
        self.xapp.on_node_up(lambda node: self.events.append(f"up {node.node_id}"))
        self.xapp.on_node_down(lambda node: self.events.append(f"down {node.node_id}"))
        self.xapp.on_subscription_lost(lambda subscription, reason: self.events.append(f"lost {reason}"))
        self.xapp.connect(10)
        self.node = self.xapp.wait_for_node(SLOT_OID, 10)
        self.subscription = self.xapp.subscribe(
            self.node,
            SLOT_OID,
            key="slot",
            trigger=TRIGGER,
            actions=[insert_action(slot.ActionDefinition(), self.node.time_to_wait(SLOT_OID))],
            handler=self._decide,
        )
        self._thread = threading.Thread(target=self.xapp.run)
        self._thread.start()

    def _decide(self, node: E2Node, indication: e2ap.RicIndication) -> None:
        self.xapp.control(node, answer(indication, HEADER, slot.ControlMessage(rest=True)))

    def close(self) -> None:
        self.xapp.stop()
        self._thread.join()
        self.xapp.close()


StartEcho = Callable[[Ric, str], Echo]


@pytest.fixture
def echo() -> Iterator[StartEcho]:
    made: list[Echo] = []

    def start(ric: Ric, name: str) -> Echo:
        made.append(Echo(ric.bus, name))
        return made[-1]

    yield start
    for item in made:
        item.close()


def insert(made: Node, request_id: e2ap.RicRequestId, call: bytes = b"\x01") -> None:
    made.indicate(request_id, SLOT_ID, ric_indication_type=e2ap.INSERT, ric_call_process_id=call)


def test_an_insert_is_answered_with_its_call_process_id(ric: Ric, node: ConnectNode, echo: StartEcho) -> None:
    made = node(ric, 1)
    running = echo(ric, "echo-a")
    for call in (b"\x01", b"\x02"):
        insert(made, running.subscription.request_id, call)
        control = made.expect("ric_control_request").ric_control_request
        assert control.ric_call_process_id == call
        assert control.ric_request_id == running.subscription.request_id
        assert slot.ControlHeader.FromString(control.ric_control_header) == HEADER
        assert slot.ControlMessage.FromString(control.ric_control_message).rest


def test_late_and_refused_controls_come_back_as_failures(ric: Ric, node: ConnectNode, echo: StartEcho) -> None:
    made = node(ric, 1)
    running = echo(ric, "echo-b")
    insert(made, running.subscription.request_id)
    control = made.expect("ric_control_request").ric_control_request
    same: CallFields = {
        "ric_request_id": control.ric_request_id,
        "ran_function_id": SLOT_ID,
        "ric_call_process_id": b"\x01",
    }
    late = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_CONTROL_TIMER_EXPIRED)
    made.send(ric_control_failure=e2ap.RicControlFailure(**same, cause=late))
    made.send(ric_control_acknowledge=e2ap.RicControlAcknowledge(**same))
    wait_until(lambda: bool(running.failures and running.acknowledges))
    assert running.failures[0].cause == late


def test_kpm_report_and_budget_insert_in_one_xapp(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 1)
    with XApp("reader", bus=ric.bus, oids=[BUDGETS_OID]) as xapp:
        xapp.connect(10)
        there = xapp.wait_for_node(KPM_OID, 10)
        got: list[bytes] = []
        report = xapp.subscribe(
            there,
            KPM_OID,
            key="kpm",
            trigger=kpm.EventTriggerDefinition(reporting_period_ms=1000),
            actions=[report_action(kpm.ActionDefinition(ric_style_type=1, granul_period_ms=1000))],
            handler=lambda _node, indication: got.append(indication.ric_indication_message),
        )
        asked = xapp.subscribe(
            there,
            BUDGETS_OID,
            key="budgets",
            trigger=budgets.EventTriggerDefinition(period_s=1),
            actions=[insert_action(budgets.ActionDefinition(), there.time_to_wait(BUDGETS_OID))],
            handler=lambda _node, indication: got.append(indication.ric_indication_message),
        )
        made.indicate(report.request_id, KPM_ID, ric_indication_message=b"report")
        made.indicate(asked.request_id, BUDGETS_ID, ric_indication_message=b"second")
        wait_until(lambda: xapp.step() and len(got) == 2)
        assert got == [b"report", b"second"]
        unasked = xapp.unasked_control(there, BUDGETS_OID, budgets.ControlHeader(), budgets.ControlMessage())
        assert xapp.control(there, unasked)
        assert made.expect("ric_control_request").ric_control_request.ric_request_id.ric_instance_id == 0
        xapp.unsubscribe(report)
        made.expect("ric_subscription_delete_request")


def test_time_to_wait_follows_the_nodes_clock(ric: Ric, node: ConnectNode) -> None:
    node(ric, 2)
    node(ric, 3, ran_functions_added=functions(lockstep=True))
    with XApp("clock-reader", bus=ric.bus) as xapp:
        xapp.connect(10)
        wait_until(lambda: xapp.step() or {"00101-2", "00101-3"} <= {item.node_id for item in xapp.nodes()})
        realtime, lockstep = (
            next(item for item in xapp.nodes() if item.node_id == wanted) for wanted in ("00101-2", "00101-3")
        )
        assert realtime.time_to_wait(SLOT_OID).until_decided_slot
        assert realtime.time_to_wait(BUDGETS_OID).standard == e2ap.W1S
        assert lockstep.time_to_wait(SLOT_OID).no_limit
        assert lockstep.time_to_wait(BUDGETS_OID).no_limit
        with pytest.raises(FunctionNotOfferedError):
            realtime.function("1.2.3")


def test_refusals_are_exceptions_that_name_the_field(ric: Ric, node: ConnectNode) -> None:
    node(ric, 1)
    with XApp("Bad Name", bus=ric.bus) as xapp, pytest.raises(RegistrationError, match="xapp_name"):
        xapp.connect(5)
    with XApp("uninvited", bus=ric.bus) as xapp:
        xapp.connect(10)
        there = xapp.wait_for_node(SLOT_OID, 10)
        wait = there.time_to_wait(SLOT_OID)
        with pytest.raises(SubscriptionError, match="not registered for OID"):
            xapp.subscribe(
                there,
                SLOT_OID,
                key="k",
                trigger=TRIGGER,
                actions=[insert_action(slot.ActionDefinition(), wait)],
                handler=lambda _node, _indication: None,
            )
        with pytest.raises(NodeUnavailableError):
            xapp.wait_for_node("1.2.3", 0.3)


def test_nobody_on_the_bus_is_an_error_after_the_timeout(tmp_path: Path) -> None:
    with XApp("alone", bus=f"ipc://{tmp_path}/bus") as xapp, pytest.raises(BusUnavailableError):
        xapp.connect(0.2)


class GoneAfterTheLook:
    """A socket whose peer leaves between the look whether it takes something and the sending."""

    def poll(self, _timeout_ms: int, _event: int) -> int:
        return 1

    def send(self, _payload: bytes, _flags: int) -> None:
        raise zmq.Again

    def close(self) -> None:
        pass


def test_a_ric_that_leaves_just_before_the_request_is_unavailable_and_asked_again(ric: Ric) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    client = ManagementClient(context, ric.bus)
    client._socket.close()
    client._socket = cast("zmq.Socket[bytes]", GoneAfterTheLook())
    with pytest.raises(BusUnavailableError):
        client.request(5, heartbeat=bus_pb.Heartbeat(xapp_name="nobody"))
    assert "not registered" in client.request(5, heartbeat=bus_pb.Heartbeat(xapp_name="nobody")).error
    client.close()
    context.term()


def test_a_node_that_comes_back_is_served_again(ric: Ric, node: ConnectNode, echo: StartEcho) -> None:
    made = node(ric, 1)
    running = echo(ric, "echo-c")
    made.close()
    wait_until(lambda: "down 00101-1" in running.events)
    assert not running.subscription.active
    back = node(ric, 1)
    wait_until(lambda: running.subscription.active)
    assert "up 00101-1" in running.events
    insert(back, running.subscription.request_id)
    back.expect("ric_control_request")


def test_a_beat_refused_before_a_registration_that_reports_during_it_asks_for_no_second(
    ric: Ric, monkeypatch: pytest.MonkeyPatch
) -> None:
    with XApp("registers-once", bus=ric.bus) as xapp:
        xapp.connect(10)
        register = xapp._register

        def reported_meanwhile() -> None:
            xapp._forgotten()
            register()

        monkeypatch.setattr(xapp, "_register", reported_meanwhile)
        xapp._forgotten()
        assert not xapp.connected
        xapp.step()
        assert xapp.connected


@pytest.mark.slow
@pytest.mark.parametrize("keep_store", [True, False])
def test_an_xapp_outlives_a_killed_ric_with_and_without_its_store(
    own_ric: Ric, node: ConnectNode, echo: StartEcho, keep_store: bool
) -> None:
    made = node(own_ric, 1)
    running = echo(own_ric, "echo-d")
    os.kill(own_ric.hot_pid(), signal.SIGKILL)
    own_ric.process.wait(timeout=10)
    assert made.ended.wait(3)
    wait_until(lambda: not running.xapp.connected)
    if not keep_store:
        for path in own_ric.folder.glob("store.sqlite*"):
            path.unlink()
    own_ric.start()
    back = node(own_ric, 1)
    wait_until(lambda: running.subscription.active and running.xapp.connected)
    insert(back, running.subscription.request_id)
    back.expect("ric_control_request")


@pytest.mark.slow
def test_a_ric_without_its_store_gives_instances_anew_and_mixes_up_no_nodes(own_ric: Ric, node: ConnectNode) -> None:
    first = [node(own_ric, number) for number in (1, 2)]
    heard: list[tuple[str, str]] = []
    with XApp("at-two", bus=own_ric.bus, oids=[SLOT_OID], slices=[SLICE]) as xapp:
        xapp.connect(10)

        def subscribe(there: E2Node) -> Subscription:
            action = insert_action(slot.ActionDefinition(), there.time_to_wait(SLOT_OID))
            return xapp.subscribe(
                there,
                SLOT_OID,
                key="slot",
                trigger=TRIGGER,
                actions=[action],
                handler=lambda node, _indication: heard.append((node.node_id, there.node_id)),
            )

        held = {there.node_id: subscribe(there) for there in sorted(xapp.nodes(), key=lambda item: item.node_id)}
        assert [held[made.node_id].request_id.ric_instance_id for made in first] == [1, 2]
        os.kill(own_ric.hot_pid(), signal.SIGKILL)
        own_ric.process.wait(timeout=10)
        for path in own_ric.folder.glob("store.sqlite*"):
            path.unlink()
        own_ric.start()
        back = []
        for number in (2, 1):
            back.append(made := node(own_ric, number))
            while not made.subscribed:
                xapp.step()
        assert [held[made.node_id].request_id.ric_instance_id for made in back] == [1, 2]
        for made in back:
            insert(made, held[made.node_id].request_id)
        while len(heard) < 2:
            xapp.step()
    assert sorted(heard) == [("00101-1", "00101-1"), ("00101-2", "00101-2")]


@pytest.mark.slow
def test_an_xapp_outlives_a_stopped_ric(own_ric: Ric, node: ConnectNode, echo: StartEcho) -> None:
    made = node(own_ric, 1)
    running = echo(own_ric, "echo-e")
    hot = own_ric.hot_pid()
    os.kill(hot, signal.SIGSTOP)
    wait_until(lambda: not running.xapp.connected)
    os.kill(hot, signal.SIGCONT)
    wait_until(lambda: running.xapp.connected and running.subscription.active)
    made.close()
    back = node(own_ric, 1)
    wait_until(lambda: len(back.subscribed) == 1)
    wait_until(lambda: running.subscription.active)
    insert(back, running.subscription.request_id)
    back.expect("ric_control_request")


def test_a_subscription_deleted_by_a_person_is_reported(ric: Ric, node: ConnectNode, echo: StartEcho) -> None:
    node(ric, 1)
    running = echo(ric, "echo-f")
    request_id = running.subscription.request_id
    path = f"/subscriptions/00101-1/{request_id.ric_requestor_id}/{request_id.ric_instance_id}"
    httpx.delete(f"http://127.0.0.1:{ric.http_port}{path}", timeout=10)
    wait_until(lambda: any("operator" in event for event in running.events))
    assert not running.subscription.active


def test_the_same_key_replaces_the_subscription_which_is_silent_from_then_on(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 1)
    heard: list[tuple[str, int]] = []

    with XApp("changes-its-mind", bus=ric.bus) as xapp:
        xapp.connect(10)
        there = xapp.wait_for_node(KPM_OID, 10)

        def subscribe(name: str, period_ms: int) -> Subscription:
            def handler(_node: E2Node, indication: e2ap.RicIndication) -> None:
                heard.append((name, indication.ric_indication_sn))
                if len(heard) == 2:
                    xapp.stop()

            trigger = kpm.EventTriggerDefinition(reporting_period_ms=period_ms)
            actions = [report_action(kpm.ActionDefinition(ric_style_type=1))]
            return xapp.subscribe(there, KPM_OID, key="k", trigger=trigger, actions=actions, handler=handler)

        first = subscribe("first", 1_000)
        made.indicate(first.request_id, KPM_ID, ric_indication_sn=1)  # on its way while it is replaced
        second = subscribe("second", 2_000)
        assert (first.active, second.active) == (False, True)
        made.indicate(second.request_id, KPM_ID, ric_indication_sn=2)
        joined = subscribe("joined", 2_000)  # the same content: it goes on under another handler
        assert (joined.request_id, second.active) == (second.request_id, False)
        made.indicate(joined.request_id, KPM_ID, ric_indication_sn=3)
        xapp.run()
    assert heard == [("joined", 2), ("joined", 3)]


def test_an_exception_of_a_handler_ends_the_loop(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 1)

    def broken(_node: E2Node, _indication: e2ap.RicIndication) -> None:
        raise ZeroDivisionError

    with XApp("broken", bus=ric.bus) as xapp:
        xapp.connect(10)
        there = xapp.wait_for_node(KPM_OID, 10)
        subscription = xapp.subscribe(
            there, KPM_OID, key="k", trigger=TRIGGER, actions=[report_action(TRIGGER)], handler=broken
        )
        made.indicate(subscription.request_id, KPM_ID)
        with pytest.raises(ZeroDivisionError):
            xapp.run()


@pytest.mark.parametrize(
    ("listens", "reached"), [("0.0.0.0", "127.0.0.1"), ("[::]", "127.0.0.1"), ("[::]", "[::1]"), ("[::1]", "[::1]")]
)
def test_the_bus_over_tcp(node: ConnectNode, listens: str, reached: str) -> None:
    if ":" in listens and not has_ipv6_loopback():
        pytest.skip("there is no IPv6 here")
    port = free_port()
    ric = Ric("--bus", f"tcp://{listens}:{port}", "--expose")
    try:
        ric.bus = f"tcp://{reached}:{port}"
        made = node(ric, 1)
        running = Echo(ric.bus, "over-tcp")
        insert(made, running.subscription.request_id)
        made.expect("ric_control_request")
        running.close()
    finally:
        ric.close()


def test_the_example_of_the_docs_prints_satisfaction_and_a_killed_one_is_replaced(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 1)
    example = Path(__file__).parents[2] / "docs" / "example_xapp.py"
    data = kpm.MeasurementDataItem(meas_record=[kpm.MeasurementRecordItem(real=x) for x in (1.0, 0.5, 0.25)])
    message = kpm.IndicationMessage(meas_data=[data]).SerializeToString()
    for _ in range(2):
        with subprocess.Popen([sys.executable, str(example), ric.bus], stdout=subprocess.PIPE, text=True) as process:
            try:
                asked = made.expect("ric_subscription_request", 15).ric_subscription_request
                made.indicate(asked.ric_request_id, KPM_ID, ric_indication_message=message)
                assert process.stdout is not None
                assert process.stdout.readline() == "vonr 1.000 embb 0.500 urllc 0.250\n"
            finally:
                process.kill()
        made.expect("ric_subscription_delete_request", 5)


def test_a_handler_sees_what_waits_behind_its_indication_and_nothing_is_lost(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 1)
    behind: dict[bytes, bytes] = {}
    with XApp("looker", bus=ric.bus, oids=[SLOT_OID], slices=[SLICE]) as xapp:
        xapp.connect(10)
        there = xapp.wait_for_node(SLOT_OID, 10)

        def waiting(indication: e2ap.RicIndication) -> bytes:
            newest = xapp.newest_waiting(indication)
            return b"" if newest is None else newest.ric_call_process_id

        def look(_node: E2Node, indication: e2ap.RicIndication) -> None:
            if not behind:
                wait_until(lambda: waiting(indication) == b"\x04")
            behind[indication.ric_call_process_id] = waiting(indication)

        action = insert_action(slot.ActionDefinition(), there.time_to_wait(SLOT_OID))
        held = xapp.subscribe(there, SLOT_OID, key="slot", trigger=TRIGGER, actions=[action], handler=look)
        reports: list[bytes] = []
        other = xapp.subscribe(
            there,
            KPM_OID,
            key="kpm",
            trigger=kpm.EventTriggerDefinition(reporting_period_ms=1_000),
            actions=[report_action(kpm.ActionDefinition(ric_style_type=1))],
            handler=lambda _node, indication: reports.append(indication.ric_indication_header),
        )
        for call in (b"\x01", b"\x02", b"\x03"):
            insert(made, held.request_id, call)
        made.indicate(other.request_id, KPM_ID, ric_indication_type=e2ap.REPORT, ric_indication_header=b"h")
        insert(made, held.request_id, b"\x04")
        while len(behind) < 4:
            xapp.step()
    assert behind == {b"\x01": b"\x04", b"\x02": b"\x04", b"\x03": b"\x04", b"\x04": b""}
    assert reports == [b"h"]


def test_functions_that_come_and_go_are_told_and_subscriptions_follow(
    ric: Ric, node: ConnectNode, echo: StartEcho
) -> None:
    made = node(ric, 1)
    running = echo(ric, "follows-functions")
    running.xapp.on_node_changed(lambda there: running.events.append(f"changed {sorted(there.functions)}"))
    gone = e2ap.RanFunctionIdItem(ran_function_id=SLOT_ID)
    made.send(ric_service_update=e2ap.RicServiceUpdate(transaction_id=1, ran_functions_deleted=[gone]))
    wait_until(lambda: any("no longer offers" in event for event in running.events))
    assert f"changed {sorted([BUDGETS_OID, KPM_OID])}" in running.events
    assert running.subscription.end == bus_pb.FUNCTION_WITHDRAWN
    assert not running.subscription.active
    again = [item for item in functions() if item.ran_function_oid == SLOT_OID]
    made.send(ric_service_update=e2ap.RicServiceUpdate(transaction_id=2, ran_functions_added=again))
    wait_until(lambda: running.subscription.active)
    assert running.subscription.end == bus_pb.NOT_ENDED
    insert(made, running.subscription.request_id)
    made.expect("ric_control_request")


def test_the_nodes_end_of_a_subscription_is_told_with_its_cause(ric: Ric, node: ConnectNode, echo: StartEcho) -> None:
    made = node(ric, 1)
    running = echo(ric, "ended-by-node")
    cause = e2ap.Cause(misc=e2ap.MISC_CONTROL_PROCESSING_OVERLOAD)
    item = e2ap.RicSubscriptionWithCause(
        ric_request_id=running.subscription.request_id, ran_function_id=SLOT_ID, cause=cause
    )
    made.send(
        ric_subscription_delete_required=e2ap.RicSubscriptionDeleteRequired(ric_subscription_to_be_removed=[item])
    )
    wait_until(lambda: any("control-processing-overload" in event for event in running.events))
    assert running.subscription.end == bus_pb.REQUIRED_BY_NODE


@pytest.mark.parametrize(
    ("numbers", "lost"),
    [
        ((0, 1, 2), 0),
        ((7, 8, 9), 0),  # who joins later begins anywhere
        ((7, 8, 12), 3),
        ((65_534, 65_535, 0, 1), 0),
        ((65_534, 2), 3),
        ((5, 0, 1), 0),  # the node began anew
    ],
)
def test_gaps_in_sequence_numbers_are_counted_and_shown(
    ric: Ric, node: ConnectNode, numbers: tuple[int, ...], lost: int
) -> None:
    made = node(ric, 1)
    taken: list[int] = []
    with XApp("counts-gaps", bus=ric.bus) as xapp:
        xapp.connect(10)
        held = xapp.subscribe(
            xapp.wait_for_node(KPM_OID, 10),
            KPM_OID,
            key="kpm",
            trigger=kpm.EventTriggerDefinition(reporting_period_ms=1_000),
            actions=[report_action(kpm.ActionDefinition(ric_style_type=1))],
            handler=lambda _node, indication: taken.append(indication.ric_indication_sn),
        )
        for number in numbers:
            made.indicate(held.request_id, KPM_ID, ric_indication_sn=number)
        while len(taken) < len(numbers):
            xapp.step()
        assert xapp.lost_indications == lost

        def shown() -> int:
            states = httpx.get(f"http://127.0.0.1:{ric.http_port}/xapps", timeout=10).json()
            count: int = next(item["lost_indications"] for item in states if item["name"] == "counts-gaps")
            return count

        wait_until(lambda: shown() == lost)
        page = httpx.get(f"http://127.0.0.1:{ric.http_port}/metrics", timeout=10).text
        assert f'hiso_ric_lost_indications_total{{xapp="counts-gaps"}} {float(lost)}' in page


def test_what_an_operator_deleted_is_not_asked_for_again(ric: Ric, node: ConnectNode, echo: StartEcho) -> None:
    made = node(ric, 1)
    running = echo(ric, "deleted-for-good")
    request_id = running.subscription.request_id
    path = f"/subscriptions/{made.node_id}/{request_id.ric_requestor_id}/{request_id.ric_instance_id}"
    assert httpx.delete(f"http://127.0.0.1:{ric.http_port}{path}", timeout=10).status_code == 200
    wait_until(lambda: running.subscription.end == bus_pb.DELETED_BY_OPERATOR)
    made.close()
    wait_until(lambda: any(event.startswith("down") for event in running.events))
    again = node(ric, 1)
    wait_until(lambda: running.events[-1].startswith("up"))
    assert again.subscribed == {}


def test_a_frame_handler_is_asked_first_and_what_it_leaves_is_dispatched(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 1)
    asked: list[bytes] = []
    dispatched: list[bytes] = []
    with XApp("framed", bus=ric.bus, oids=[SLOT_OID], slices=[SLICE]) as xapp:
        xapp.connect(10)
        there = xapp.wait_for_node(SLOT_OID, 10)

        def take(frame: bytes) -> bool:
            down = bus_pb.DownMessage.FromString(frame)
            asked.append(down.indication.ric_call_process_id)
            if down.indication.ric_call_process_id != b"\x01":
                return False
            request = answer(down.indication, HEADER, slot.ControlMessage(rest=True))
            frame = bus_pb.UpMessage(xapp_name="framed", control_request=request).SerializeToString()
            return xapp.send_frame(there, memoryview(frame))

        held = xapp.subscribe(
            there,
            SLOT_OID,
            key="slot",
            trigger=TRIGGER,
            actions=[insert_action(slot.ActionDefinition(), there.time_to_wait(SLOT_OID))],
            handler=lambda _node, indication: dispatched.append(indication.ric_call_process_id),
        )
        xapp.on_frame(take)
        wait_until(lambda: not xapp.more_waits() or not xapp.step())
        insert(made, held.request_id, b"\x01")
        wait_until(lambda: xapp.step() and asked[-1] == b"\x01")
        assert made.expect("ric_control_request").ric_control_request.ric_call_process_id == b"\x01"
        insert(made, held.request_id, b"\x02")
        wait_until(lambda: xapp.step() and asked[-1] == b"\x02")
        assert dispatched == [b"\x02"]
        insert(made, held.request_id, b"\x03")
        wait_until(xapp.more_waits)
