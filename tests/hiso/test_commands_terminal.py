"""What people see is what the metrics say."""

from __future__ import annotations

import dataclasses
import io
from dataclasses import replace

import pytest
from rich.console import Console

from hiso.commands.sim import summarize
from hiso.lateness import LIMIT_WITH_FIFO, LIMIT_WITHOUT_FIFO, LatenessWatch, slower
from hiso.monitor import AgentView, Metrics, SliceView, Snapshot, agent_view, snapshot
from hiso.run_request import RunRequest, make_request
from hiso.runner import run
from hiso.terminal import EventLog, Terminal, plain_line, show_result, since
from ran_emulator.clock import parse_clock

EMULATOR = """
hiso_simulated_seconds_total {seconds}
hiso_real_time_factor 0.98
hiso_e2_connected 1
hiso_late_slots_total 3
hiso_scenario_info{{scenario="base",access="rsma",precoder="codebook",hwi_model="paper",clock="realtime"}} 1
hiso_hwi_kappa{{side="t"}} 0.001
hiso_hwi_kappa{{side="r"}} 0.001
hiso_cell_eta_bps_hz 17.25
hiso_cell_goodput_bps_hz 3.5
hiso_cell_utility 16.35
hiso_loop_latency_ms{{quantile="0.5"}} 0.33
hiso_loop_latency_ms{{quantile="0.99"}} 0.7
hiso_loop_latency_ms{{quantile="1"}} 1.2
hiso_e2_messages_total{{function="slot",procedure="ric_indication",direction="to_ric"}} {asked}
hiso_e2_messages_total{{function="slot",procedure="ric_control",direction="to_ric"}} 77
hiso_missed_deadlines_total{{slice="embb"}} {missed}
hiso_slice_ssr{{slice="embb"}} 0.993
hiso_slice_goodput_bps{{slice="embb"}} 3.9e7
hiso_slice_delay_ms{{slice="embb",quantile="0.5"}} 1.04
hiso_slice_delay_ms{{slice="embb",quantile="0.99"}} 2.56
hiso_slice_active_users{{slice="embb"}} 2.59
hiso_slice_power_w{{slice="embb"}} 187.4
hiso_slice_bandwidth_hz{{slice="vonr"}} 2e6
hiso_slice_bandwidth_hz{{slice="embb"}} {embb_hz}
hiso_slice_bandwidth_hz{{slice="urllc"}} 2e6
hiso_decisions_total{{slice="embb",source="control"}} 900
hiso_decisions_total{{slice="vonr",source="control"}} 9
hiso_decisions_total{{slice="urllc",source="control"}} 90
hiso_decisions_total{{slice="embb",source="held"}} 60
hiso_decisions_total{{slice="embb",source="default"}} 40
"""
XAPP = """
hiso_xapp_info{xapp="inter",policy="coma2c-tuned",trigger="z-ref",weights_id="w-1"} 1
hiso_xapp_connected 1
hiso_xapp_decisions_total 10
hiso_xapp_trigger_evaluations_total 10
hiso_xapp_inter_slice_updates_total 4
hiso_xapp_weights_mismatch{reason="hwi_model"} 1
hiso_xapp_weights_mismatch{reason="control_delay"} 0
"""


def seen(
    seconds: float = 5.0, asked: int = 1_000, missed: int = 10, embb_hz: float = 6e6, xapp: str | None = XAPP
) -> Snapshot:
    emulator = Metrics.parse(EMULATOR.format(seconds=seconds, asked=asked, missed=missed, embb_hz=embb_hz))
    agent = agent_view(None if xapp is None else Metrics.parse(xapp), None)
    return snapshot(emulator, {"inter": agent})


def unasked(seconds: float) -> Snapshot:
    """Before any agent has subscribed."""
    early = seen(seconds, 0, 0)
    return replace(early, slices={name: replace(view, decisions={"control": 0}) for name, view in early.slices.items()})


@pytest.fixture
def request_() -> RunRequest:
    return make_request(scenario="base", scheduler="gga", seed=1, clock="realtime")


def test_a_line_a_second_shows_the_metrics(request_: RunRequest) -> None:
    out = io.StringIO()
    terminal = Terminal(request_, Console(file=out, width=300))
    with terminal:
        terminal.show(seen())
    text = out.getvalue()
    for expected in (
        "5.0 s", "embb 0.993", "eta 17.25", "goodput 3.50", "utility 16.35", "budgets 2.0/6.0/2.0 MHz", "updates 4",
        "loop p50 0.33 ms", "late decisions 10 (1.00 %)", "x0.98",
    ):  # fmt: skip
        assert expected in text


def test_several_cells_are_told_apart(request_: RunRequest) -> None:
    cells = [dataclasses.replace(seen(embb_hz=hz), cell=cell) for cell, hz in enumerate((6e6, 5e6))]
    for live in (False, True):
        out = io.StringIO()
        several = dataclasses.replace(request_, cells=2)
        with Terminal(several, Console(file=out, width=300, force_terminal=live, color_system=None)) as terminal:
            terminal.show(*cells)
            terminal.show(cells[0], dataclasses.replace(seen(embb_hz=4e6), cell=1))
        text = out.getvalue()
        assert "cell 0  cell   spectral" in text if live else "cell 0       5.0 s  SSR" in text
        assert "cell 1       5.0 s  budgets 2.0/5.0/2.0 -> 2.0/4.0/2.0 MHz" in text


def test_the_table_shows_shares_of_decisions_and_what_was_not_said(request_: RunRequest) -> None:
    out = io.StringIO()
    terminal = Terminal(request_, Console(file=out, width=200, force_terminal=True, color_system=None))
    with terminal:
        terminal.show(seen())
    text = out.getvalue()
    row = " ".join(next(line for line in text.splitlines() if "eMBB" in line).replace("│", " ").split())
    assert row == "eMBB 0.993 39.00 1.04 / 2.56 2.59 6.0 187.4 90.0 / 6.0 / 4.0"
    for measure in ("17.25", "3.50", "16.35", "0.33", "1.00 %"):
        assert measure in text
    assert "gga on base, seed 1" in text
    assert "HWI paper, kappa 0.001" in text
    assert "4 updates in 10 trigger evaluations" in text
    assert "warning: the weights of inter (w-1) were trained for another hwi_model" in text


@pytest.mark.parametrize(("threshold", "marked"), [(0.99, False), (0.995, True)])
def test_an_ssr_below_its_slices_own_threshold_is_red(threshold: float, marked: bool) -> None:
    overrides = [f"slices.embb.ssr_threshold={threshold}"]
    request = make_request(scenario="base", overrides=overrides, scheduler="gga", seed=1, clock="realtime")
    out = io.StringIO()
    with Terminal(request, Console(file=out, width=200, force_terminal=True, color_system="standard")) as terminal:
        terminal.show(seen())
    assert ("\x1b[31m0.993\x1b[0m" in out.getvalue()) is marked


def test_no_ui_shows_what_happens_and_nothing_a_second(request_: RunRequest) -> None:
    out = io.StringIO()
    terminal = Terminal(request_, Console(file=out, width=200), live=False)
    with terminal:
        terminal.show(seen(xapp=None))
        terminal.show(seen(seconds=6.0, xapp=None))
        terminal.show(seen(seconds=7.0, embb_hz=5e6, xapp=None))
    assert out.getvalue() == "     7.0 s  budgets 2.0/6.0/2.0 -> 2.0/5.0/2.0 MHz\n"


@pytest.mark.parametrize(("control", "late", "warned"), [(0, 90, True), (9, 90, True), (10, 90, False), (0, 0, False)])
def test_a_run_in_which_hardly_an_agent_decided_says_so(
    request_: RunRequest, control: int, late: int, warned: bool
) -> None:
    summary = summarize(request_, [run(request_.scenario, request_.scheduler, seed=1, slots=200)])
    summary["decision_source"] = {"control": control, "held": 0, "default": 990}
    summary["missed_deadlines"] = late
    out = io.StringIO()
    show_result(Console(file=out, width=200), summary)
    assert ("warning: hardly a decision of the agents came in time" in out.getvalue()) is warned


def test_what_is_not_there_is_a_dash() -> None:
    empty = snapshot(Metrics(()), {})
    assert "SSR vonr - embb - urllc -" in plain_line(empty)


def test_events_tell_budgets_that_move_and_agents_that_go() -> None:
    log = EventLog()
    assert len(log.events(seen())) == 1  # the weights do not fit
    assert log.events(seen(6.0)) == []
    assert log.events(seen(7.0, embb_hz=4e6)) == ["     7.0 s  budgets 2.0/6.0/2.0 -> 2.0/4.0/2.0 MHz"]
    change = {"at_slot": 15_000, "change": "user_burst", "users": list(range(20, 27)), "packets": 3}
    changed = replace(seen(7.9, embb_hz=4e6), changes=(change,))
    assert log.events(changed) == ["     7.5 s  user burst users 20,21,22,23,24 and 2 more packets 3"]
    assert log.events(seen(8.0, embb_hz=4e6, xapp=None)) == ["     8.0 s  xApp inter is not connected"]


def test_an_xapp_that_does_not_answer_is_not_alive() -> None:
    agent = agent_view(None, None)
    assert (agent.alive, agent.connected, agent.weights_id) == (False, False, "")
    assert isinstance(agent, AgentView)


class TestLateness:
    """`watch.complaint(seen(simulated seconds, asked, missed), wall seconds)`."""

    def test_two_seconds_in_time_are_enough(self) -> None:
        watch = LatenessWatch(parse_clock("realtime"), fifo=True)
        assert watch.complaint(unasked(1.0), 1.0) is None  # nobody is asked, so nothing is late by anybody
        assert watch.complaint(seen(2.0, 1_000, 500), 2.0) is None
        assert watch.complaint(seen(3.0, 2_000, 510), 3.0) is None
        assert watch.complaint(seen(4.1, 3_000, 540), 4.1) is None  # 40 of 2,000: not above the limit
        for at_s in (9.0, 12.0):
            assert watch.complaint(seen(at_s, 9_000, 9_000), at_s) is None  # the first seconds decide

    def test_late_twice_over_two_seconds_is_too_late(self) -> None:
        watch = LatenessWatch(parse_clock("realtime"), fifo=True)
        watch.complaint(seen(1.0, 0, 0), 1.0)
        assert watch.complaint(seen(3.0, 1_000, 500), 3.0) is None
        assert watch.complaint(seen(4.0, 2_000, 510), 4.0) is None
        complaint = watch.complaint(seen(5.0, 3_000, 560), 5.0)
        assert complaint == "3.0 % of decisions came late over two seconds (limit 2 %)"

    def test_pages_that_do_not_answer_hide_nothing(self) -> None:
        """Hot loops that take all of their cores keep xApps from answering."""
        watch = LatenessWatch(parse_clock("realtime"), fifo=True)
        for at_s in (1.0, 3.0):
            assert watch.complaint(seen(at_s, int(1_000 * at_s), int(500 * at_s), xapp=None), at_s) is None
        assert watch.complaint(seen(5.0, 5_000, 2_500, xapp=None), 5.0) is not None

    def test_what_comes_late_of_those_that_asked_before_is_no_share_of_nothing(self) -> None:
        watch = LatenessWatch(parse_clock("realtime"), fifo=True)
        watch.complaint(seen(1.0, 1_000, 0), 1.0)
        for at_s in (3.0, 5.0, 7.0):
            assert watch.complaint(seen(at_s, 1_000, 4 * int(at_s)), at_s) is None

    def test_one_hiccup_is_forgiven(self) -> None:
        watch = LatenessWatch(parse_clock("realtime"), fifo=True)
        watch.complaint(seen(1.0, 0, 0), 1.0)
        assert watch.complaint(seen(3.0, 1_000, 500), 3.0) is None
        assert watch.complaint(seen(5.0, 2_000, 500), 5.0) is None
        assert watch.complaint(seen(9.0, 3_000, 1_500), 9.0) is None

    def test_slots_that_fall_behind_their_clock_are_too_slow(self) -> None:
        watch = LatenessWatch(parse_clock("2x"), fifo=True)
        watch.complaint(seen(1.0, 0, 0), 1.0)
        assert watch.complaint(seen(2.0, 1_000, 0), 3.0) is None
        assert watch.complaint(seen(4.0, 2_000, 0), 5.0) == "slots ran at 0.98 times real time instead of 2"

    def test_a_new_world_begins_anew(self) -> None:
        watch = LatenessWatch(parse_clock("realtime"), fifo=True)
        watch.complaint(seen(5.0, 9_000, 10), 5.0)
        assert watch.complaint(seen(0.5, 100, 10), 7.5) is None
        assert watch.complaint(seen(2.5, 1_100, 60), 9.5) is None
        assert watch.complaint(seen(4.5, 2_100, 110), 11.5) is not None

    def test_what_is_seen_while_something_is_dead_does_not_count(self) -> None:
        watch = LatenessWatch(parse_clock("realtime"), fifo=True)
        watch.complaint(seen(1.0, 1_000, 10), 1.0)
        watch.begin_again()
        assert watch.complaint(seen(2.5, 2_000, 900, xapp=None), 2.5) is None  # it has not come back
        assert watch.complaint(seen(3.5, 3_000, 900), 3.5) is None
        assert watch.complaint(seen(5.5, 5_000, 1_000), 5.5) is None
        assert watch.complaint(seen(7.5, 7_000, 1_100), 7.5) == (
            "5.0 % of decisions came late over two seconds (limit 2 %)"
        )

    def test_lockstep_is_never_late(self) -> None:
        watch = LatenessWatch(parse_clock("lockstep"), fifo=True)
        assert watch.complaint(seen(1.0), 1.0) is None
        assert watch.complaint(seen(9.0, 9_000, 9_000), 9.0) is None

    def test_limits_are_those_of_the_loop(self) -> None:
        assert (LIMIT_WITH_FIFO, LIMIT_WITHOUT_FIFO) == (0.02, 0.06)
        assert LatenessWatch(parse_clock("realtime"), fifo=False).limit == LIMIT_WITHOUT_FIFO

    def test_clocks_get_slower_down_to_lockstep(self) -> None:
        clock = parse_clock("2x")
        names = []
        while clock.speed is not None:
            clock = slower(clock)
            names.append(clock.name)
        assert names == ["realtime", "0.5x", "0.25x", "lockstep"]


def test_shares_are_those_of_the_time_since_the_snapshot_before() -> None:
    def decided(control: int, held: int, default: int) -> SliceView:
        return replace(seen().slices["embb"], decisions={"control": control, "held": held, "default": default})

    before = decided(5, 6, 7)
    assert since(before, None) == before.decisions
    assert since(before, before) == {"control": 0, "held": 0, "default": 0}  # nobody was served
    assert since(decided(6, 7, 9), before) == {"control": 1, "held": 1, "default": 2}
    anew = decided(1, 1, 0)
    assert since(anew, before) == anew.decisions
