"""What an xApp counts as answered: indications whose control has left."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_slot_pb2 as slot_pb2
from hiso_proto import xapp_bus_pb2 as bus_pb2
from made_xapps import made
from messages import EMBB, observation, report

from xapps import inter_slice, intra_slice
from xapps.sdk import E2Node

NODE = E2Node("00101-1")
LANE_FRAME = b"\x0a\x01n and the rest"
"""The node's id first, as in a DownMessage."""


class Bus:
    """Of the xApp what a host sends by; its way up is open or not."""

    def __init__(self, is_open: bool) -> None:
        self.is_open = is_open
        self.newest: e2ap.RicIndication | None = None
        self.sent: list[Any] = []

    def send_frame(self, _node: E2Node, frame: bytes) -> bool:
        self.sent.append(frame)
        return self.is_open

    control = send_frame

    def more_waits(self) -> bool:
        return self.newest is not None

    def newest_waiting(self, _indication: e2ap.RicIndication) -> e2ap.RicIndication | None:
        return self.newest


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("by_lane", [True, False])
def test_a_decision_counts_where_it_has_left(monkeypatch: pytest.MonkeyPatch, is_open: bool, by_lane: bool) -> None:
    host = made(monkeypatch, intra_slice, "IntraSliceXApp", "--slice", "embb", "--policy", "greedy")
    host._host.xapp = bus = Bus(is_open)
    agent = host._make_agent(NODE, EMBB, True)
    if by_lane:
        agent.lane = SimpleNamespace(answer=lambda _frame, _number: b"control")
        agent.subscription = SimpleNamespace(active=True, next_sn={})
        host._quick_agents[LANE_FRAME[:3]] = agent
        assert host._on_frame(LANE_FRAME)
    else:
        header = slot_pb2.IndicationHeader(decided_slot=2, observed_slot=0, slice_id=1).SerializeToString()
        message = observation(0, [20, 30])[1]
        indication = e2ap.RicIndication(ric_indication_header=header, ric_indication_message=message)
        host._on_indication(agent, NODE, indication)
    assert len(bus.sent) == 1
    assert host._metrics.decisions == int(is_open)


@pytest.mark.parametrize(("newest_observed", "by_lane"), [(2, True), (3, False), (9, False)])
def test_what_waits_behind_a_frame_costs_it_the_quick_way_only_where_its_slot_has_passed(
    monkeypatch: pytest.MonkeyPatch, newest_observed: int, by_lane: bool
) -> None:
    """Else one late frame would make the next ones late: the long way takes several times as long."""
    host = made(monkeypatch, intra_slice, "IntraSliceXApp", "--slice", "embb", "--policy", "greedy")
    host._host.xapp = bus = Bus(is_open=True)

    def indication(observed_slot: int) -> e2ap.RicIndication:
        header = slot_pb2.IndicationHeader(decided_slot=observed_slot + 4, observed_slot=observed_slot, slice_id=1)
        return e2ap.RicIndication(ric_indication_header=header.SerializeToString())

    agent = host._make_agent(NODE, EMBB, False)
    agent.lane = SimpleNamespace(answer=lambda _frame, _number: b"control")
    agent.subscription = SimpleNamespace(active=True, next_sn={})
    frame = bus_pb2.DownMessage(node_id="n", indication=indication(0)).SerializeToString()
    host._quick_agents[frame[:3]] = agent
    bus.newest = indication(newest_observed)
    assert host._on_frame(frame) is by_lane
    assert len(bus.sent) == int(by_lane)


@pytest.mark.parametrize("is_open", [True, False])
def test_budgets_count_where_they_have_left(monkeypatch: pytest.MonkeyPatch, is_open: bool) -> None:
    host = made(monkeypatch, inter_slice, "InterSliceXApp", "--policy", "load-proportional", "--trigger", "always")
    host._host.xapp = bus = Bus(is_open)
    agent: Any = SimpleNamespace(
        trigger=SimpleNamespace(evaluations=0),
        policy=SimpleNamespace(version=0),
        learner=None,
        on_report=lambda _report: None,
    )
    watch: Any = SimpleNamespace(hwi_model=lambda _model: None)
    header, message = report(1, (200, 5_000, 280))
    indication = e2ap.RicIndication(ric_indication_header=header, ric_indication_message=message)
    host._on_indication(agent, watch, NODE, indication)
    assert len(bus.sent) == 1
    assert host._metrics.decisions == int(is_open)
