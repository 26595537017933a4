"""What the inter-slice xApp asks of KPM, and what it shows of a report."""

from __future__ import annotations

import argparse
from typing import Any

import pytest
from free_ports import free_port
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_kpm_pb2 as kpm
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.oids import BUDGETS_OID, KPM_OID

from hiso.runner import Runner
from ran_emulator import kpm as emulated
from ran_emulator.cell import SecondWindow
from ran_emulator.scenario import SLOTS_PER_SECOND, load_scenario
from xapps import host as xapp_host
from xapps.host import XAppHost
from xapps.host_metrics import HostMetrics
from xapps.kpm import KpmReports, offered
from xapps.sdk import E2Node, Subscription, SubscriptionError
from xapps.slicing.schedulers import resolve


class Asked:
    """In an XApp's place: keeps what is subscribed."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.subscriptions: list[dict[str, Any]] = []
        self._refuses = refuses

    def subscribe(self, node: E2Node, oid: str, **subscription: Any) -> None:
        if self._refuses:
            raise SubscriptionError("the node refuses: ric-request unspecified")
        self.subscriptions.append({"node": node, "oid": oid, **subscription})


def node_with(definition: bytes | None) -> E2Node:
    items = {BUDGETS_OID: e2ap.RanFunctionItem(ran_function_id=3, ran_function_oid=BUDGETS_OID)}
    if definition is not None:
        items[KPM_OID] = e2ap.RanFunctionItem(
            ran_function_id=2, ran_function_oid=KPM_OID, ran_function_definition=definition
        )
    return E2Node("00101-1", True, items)


def emulated_node() -> E2Node:
    return node_with(emulated.definition().SerializeToString())


def report() -> kpm.IndicationMessage:
    """A second of a real cell, as the emulator reports it."""
    windows: list[SecondWindow] = []
    Runner(load_scenario("base", ["hwi.kappa_r=2e-3"]), resolve("gga"), 1).advance(SLOTS_PER_SECOND, windows.append)
    wanted = offered(emulated.definition())
    measured = emulated.KpmWindow(windows[0], (1, 2, 3), 10_000_000)
    item = emulated.data_item(emulated.columns(wanted), measured)
    return kpm.IndicationMessage(meas_data=[item], meas_info_list=wanted, granul_period_ms=1_000)


def indication(message: bytes) -> e2ap.RicIndication:
    return e2ap.RicIndication(ric_indication_message=message)


def shown(reports: KpmReports) -> dict[tuple[str, str], float]:
    return {(s.labels["measurement"], s.labels["slice"]): s.value for s in reports.metric().samples}


def test_everything_offered_is_subscribed_once_a_second_and_admitted() -> None:
    xapp = Asked()
    KpmReports().subscribe(xapp, emulated_node())  # type: ignore[arg-type]
    (subscription,) = xapp.subscriptions
    (action,) = subscription["actions"]
    assert action.ric_action_type == e2ap.REPORT
    assert not action.HasField("ric_subsequent_action")
    assert subscription["trigger"].reporting_period_ms == 1_000
    definition = kpm.ActionDefinition.FromString(action.ric_action_definition)
    assert (definition.ric_style_type, definition.granul_period_ms) == (1, 1_000)
    columns = emulated.columns(list(definition.meas_info_list))
    per_name = {row.name: row.per_cell + 3 * row.per_slice for row in emulated.MEASUREMENTS}
    assert {row.name: sum(column is row for column, _ in columns) for row in emulated.MEASUREMENTS} == per_name


def test_a_report_is_shown_value_by_value() -> None:
    reports, node = KpmReports(), emulated_node()
    assert shown(reports) == {}
    reports.keep(node, indication(report().SerializeToString()))
    values = shown(reports)
    assert values["VS.LLC.MissedDeadlineNbr", "cell"] == 6
    assert values["VS.LLC.MissedDeadlineNbr", "urllc"] == 3
    assert values["VS.HWI.KappaRx", "cell"] == 2e-3
    assert values["VS.RRU.BandwidthBudgetDl", "cell"] == 10_000_000
    offers = [values["VS.DRB.OfferedPacketNbrDl", name] for name in ("vonr", "embb", "urllc")]
    assert values["VS.DRB.OfferedPacketNbrDl", "cell"] == sum(offers) > 0
    node.connected = False
    assert shown(reports) == {}


def test_what_was_not_measured_is_not_shown() -> None:
    reports, message = KpmReports(), report()
    del message.meas_data[:]
    nothing = message.meas_data.add()
    for item in message.meas_info_list:
        for _ in item.label_info_list:
            nothing.meas_record.add(no_value=True)
    reports.keep(emulated_node(), indication(message.SerializeToString()))
    assert shown(reports) == {}


def unknown_slice() -> bytes:
    message = report()
    message.meas_info_list[0].label_info_list[1].slice_id.sst = 77
    return message.SerializeToString()


@pytest.mark.parametrize("message", [b"\xff", b"", report().SerializeToString()[:-1], unknown_slice()])
def test_an_unusable_report_shows_nothing_and_is_said(message: bytes, caplog: pytest.LogCaptureFixture) -> None:
    reports = KpmReports()
    reports.keep(emulated_node(), indication(message))
    assert shown(reports) == {}
    assert "kpm_report_unusable" in caplog.text


@pytest.mark.parametrize(
    "definition", [None, b"", kpm.RanFunctionDefinition(ric_report_style_list=[2]).SerializeToString()]
)
def test_a_node_that_offers_nothing_is_not_asked(definition: bytes | None) -> None:
    xapp = Asked()
    KpmReports().subscribe(xapp, node_with(definition))  # type: ignore[arg-type]
    assert xapp.subscriptions == []


@pytest.mark.parametrize("node", [emulated_node(), node_with(b"\xff")])
def test_a_refusal_is_said_and_stops_nothing(node: E2Node, caplog: pytest.LogCaptureFixture) -> None:
    KpmReports().subscribe(Asked(refuses=True), node)  # type: ignore[arg-type]
    assert "kpm_not_subscribed" in caplog.text


class LosingXApp:
    """In an XApp's place: one node; loses one subscription, as `end` says, and ends after a few steps."""

    connected = True

    def __init__(self, lost_oid: str, end: bus.SubscriptionEnd) -> None:
        self._node = emulated_node()
        self._lost_oid = lost_oid
        self._end = end
        self._steps = 0
        self._lost: Any = None
        self._host: Any = None

    def serve(self, host: XAppHost) -> LosingXApp:
        self._host = host
        return self

    def __enter__(self) -> LosingXApp:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def on_node_up(self, handler: Any) -> None:
        """Its node is there from the start."""

    def on_node_changed(self, handler: Any) -> None:
        """It never changes."""

    def on_control_failure(self, handler: Any) -> None:
        """It sends no controls."""

    def on_subscription_lost(self, handler: Any) -> None:
        self._lost = handler

    def connect(self) -> None:
        """Always connected."""

    def nodes(self) -> list[E2Node]:
        return [self._node]

    def stop(self) -> None:
        """It ends by its host."""

    def step(self) -> None:
        self._steps += 1
        if self._steps == 1:
            subscription = Subscription(
                self._node, self._lost_oid, "key", b"", (), lambda node, indication: None, e2ap.RicRequestId()
            )
            subscription.end = self._end
            self._lost(subscription, "refused")
        if self._steps == 4:
            self._host._stop()


@pytest.mark.parametrize(
    ("lost_oid", "end", "attached"),
    [
        (BUDGETS_OID, bus.NOT_ENDED, 2),
        (BUDGETS_OID, bus.REQUIRED_BY_NODE, 2),
        (BUDGETS_OID, bus.DELETED_BY_OPERATOR, 1),
        (KPM_OID, bus.NOT_ENDED, 1),
    ],
)
def test_a_lost_subscription_is_asked_for_again_but_for_reports_and_what_an_operator_deleted(
    lost_oid: str, end: bus.SubscriptionEnd, attached: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stop_on_signals", "configure_logs"):
        monkeypatch.setattr(xapp_host, name, lambda *_: None)
    monkeypatch.setattr(xapp_host, "RETRY_S", 0.0)
    arguments = argparse.Namespace(
        cpu=None, fifo=None, bus="ipc:///nowhere", metrics_host="127.0.0.1", metrics_port=free_port()
    )
    host = XAppHost("inter-slice", arguments, HostMetrics("inter-slice", "greedy"), BUDGETS_OID)
    fake = LosingXApp(lost_oid, end).serve(host)
    monkeypatch.setattr(xapp_host, "XApp", lambda *_, **__: fake)
    nodes: list[E2Node] = []
    assert host.run(lambda: None, nodes.append) == 0
    assert len(nodes) == attached
