"""The in-process runner: who takes part when, and that equal seeds give equal runs."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from slot_messages import SlotEncoder

from hiso.observe import SliceObserver, budget_context, second_report, slice_context
from hiso.run_request import check_weights_fit, pinned
from hiso.runner import Runner, RunWeights, default_weights, run
from ran_emulator.cell import Cell, SecondWindow
from ran_emulator.e2 import codec
from ran_emulator.phy.codes import HWI_MODELS, HWI_PAPER
from ran_emulator.scenario import SLICE_NAMES, Impairments, load_scenario
from ran_emulator.timeline import parse_timeline
from xapps import trained
from xapps.agents import BudgetAgent, SliceAgent
from xapps.codec import decode_observation, slice_contexts
from xapps.slicing.inter.coma2c import CoMA2C
from xapps.slicing.inter.policies import make_inter_policy
from xapps.slicing.intra.policies import make_intra_policy, untrained_weights
from xapps.slicing.observation import Budgets, SecondReport, SlotDecision, SlotObservation
from xapps.slicing.options import AgentOptions
from xapps.slicing.schedulers import SCHEDULERS, resolve
from xapps.slicing.triggers import make_trigger
from xapps.slicing.weights import Weights, WeightsError, WeightsMetadata, save_weights

SLOTS = 700
SLNR_HZ = (2_000_000, 6_000_000, 2_000_000)
INITIAL_HZ = (3_400_000, 3_300_000, 3_300_000)


def trace(seed: int, scheduler: str = "slnr", delay: int = 0, **options: Any) -> str:
    options.setdefault("from_scratch", True)
    runner = Runner(load_scenario("high-load"), resolve(scheduler), seed, delay, **options)
    runner.advance(SLOTS)
    return str(runner.result().summary["trace_sha256"])


@pytest.mark.parametrize("overrides", [[], ["user_counts=drawn", "slices.urllc.max_latency_ms=2.5"]])
def test_policies_know_beforehand_what_the_node_states_over_e2(overrides: list[str]) -> None:
    cell = Cell(load_scenario("base", overrides), 7, 2)
    stated = slice_contexts(codec.slot_definition(cell, lockstep=True).SerializeToString())
    assert {index: slice_context(cell, index) for index in range(len(SLICE_NAMES))} == stated


def test_to_see_that_weights_fit_no_cell_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Cell, "__init__")
    scenario, scheduler = load_scenario("base"), resolve("hiso-coma-tuned")
    check_weights_fit(scenario, scheduler, 0, default_weights(scenario, scheduler, 0))


@pytest.mark.parametrize("scheduler", ["slnr", "gga", "eea", "rra", "hiso-coma", "hiso-coma-tuned", "ssr-pi"])
def test_equal_seeds_give_equal_traces_and_other_seeds_others(scheduler: str) -> None:
    assert trace(1, scheduler) == trace(1, scheduler) != trace(2, scheduler)


@pytest.mark.parametrize("delay", [0, 2, 4])
@pytest.mark.parametrize("scheduler", ["slnr", "rra", "hiso-coma-tuned"])
def test_one_compiled_loop_and_single_steps_agree_bit_for_bit(scheduler: str, delay: int) -> None:
    assert trace(3, scheduler, delay) == trace(3, scheduler, delay, compiled=False)


TIMELINE = [
    {"at_s": 0.02, "change": "hwi", "kappa": 0.05},
    {"at_slot": 50, "change": "burst", "slice": "embb", "factor": 3.0, "duration_s": 0.02},
    {"at_slot": 60, "change": "burst", "slice": "urllc", "packets": 40},
    {"at_slot": 61, "change": "user_burst", "users": [3, 20, 60], "packets": 6},
    {"at_slot": 100, "change": "speed", "slice": "vonr", "speed_m_s": 14.0},
    {"at_slot": 150, "change": "csi", "csi_delay_slots": 4, "csi_noise": 0.01},
    {"at_s": 0.1, "change": "regime", "index": 2},
    {"at_slot": 700, "change": "regime", "index": "auto"},
    {"at_slot": 2_000, "change": "load", "slice": "embb", "scale": 2.5},
]


@pytest.mark.parametrize("delay", [0, 2])
def test_a_timeline_is_the_same_compiled_step_by_step_and_replayed(delay: int) -> None:
    scenario = load_scenario("regimes")
    summaries = []
    timeline = parse_timeline(TIMELINE, scenario)
    for compiled in (True, False, True):
        runner = Runner(scenario, resolve("slnr"), 4, delay, compiled=compiled, timeline=timeline)
        runner.advance(2_100)
        summaries.append(runner.result().summary)
        timeline = parse_timeline(summaries[-1]["events"], scenario)
    assert summaries[0] == summaries[1] == summaries[2]
    assert [event["at_slot"] for event in summaries[0]["events"]] == [40, 50, 60, 61, 100, 150, 200, 700, 2_000]


OTHER_AGENTS = AgentOptions(power_levels=9, action="pc_pp_beam", observation="compact", bandwidth_step_hz=500_000)


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize("scheduler", ["hiso-coma-tuned", "hiso-coma", "slnr", "rra"])
def test_they_agree_whatever_agents_see_and_choose_from(scheduler: str, delay: int) -> None:
    chosen = resolve(scheduler, options=OTHER_AGENTS)
    traces = []
    for compiled in (True, False):
        runner = Runner(load_scenario("high-load"), chosen, 3, delay, from_scratch=True, compiled=compiled)
        runner.advance(SLOTS)
        traces.append(runner.result().summary["trace_sha256"])
    assert traces[0] == traces[1]
    assert scheduler == "slnr" or traces[0] != trace(3, scheduler, delay)


@pytest.mark.parametrize("scheduler", ["sa2c-t", "sdma-zf", "sdma-rzf", "rsma-zf", "rsma-zf-mrt"])
def test_zero_forcing_schedulers_run_compiled_as_stepped(scheduler: str) -> None:
    chosen = resolve(scheduler)
    scenario = pinned(load_scenario("base"), chosen)
    runs = [Runner(scenario, chosen, 3, from_scratch=True, compiled=compiled) for compiled in (True, False)]
    for runner in runs:
        runner.advance(2_300)
    one, other = (runner.result().summary for runner in runs)
    assert one["trace_sha256"] == other["trace_sha256"]
    assert one["access"] == chosen.access


def test_compact_observations_lose_next_to_nothing() -> None:
    """The eight strongest beams are those that matter: slnr on them within 2 % of slnr on all 128."""
    whole, compact = (
        run(load_scenario("base"), resolve("slnr", options=options), 1, 6_000).summary["eta_bps_hz"]
        for options in (AgentOptions(), AgentOptions(observation="compact"))
    )
    assert compact == pytest.approx(whole, rel=0.02)


def test_a_run_in_parts_is_the_run_as_a_whole() -> None:
    runner = Runner(load_scenario("base"), resolve("gga"), 1, 2)
    for slots in (1, 1_998, 3, 700):
        runner.advance(slots)
    whole = run(load_scenario("base"), resolve("gga"), 1, 2_702, 2)
    assert runner.result().summary == whole.summary


def test_slots_wait_for_no_decision_in_process() -> None:
    summary = run(load_scenario("regimes"), resolve("gga"), 1, 2_500).summary
    assert summary["slots"] == 2_500
    assert summary["decision_source"]["control"] > 0
    assert (summary["decision_source"]["held"], summary["decision_source"]["default"]) == (0, 0)


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_whoever_decides_packets_bits_and_slas_add_up(name: str, delay: int) -> None:
    scheduler = resolve(name)
    runner = Runner(pinned(load_scenario("high-load"), scheduler), scheduler, 5, delay)
    runner.advance(3_000)
    for slice_id, account in enumerate(runner.result().summary["slices"].values()):
        for unit in ("packets", "bits"):
            left = account[f"delivered_{unit}"] + account[f"dropped_{unit}"] + account[f"queued_{unit}"]
            assert account[f"offered_{unit}"] == left
        users = runner.cell.state.users[runner.cell.slice_users(slice_id)]
        resolved = int(np.sum(users["total_resolved"] + users["window_resolved"]))
        in_time = int(np.sum(users["total_successes"] + users["window_successes"]))
        assert resolved == account["delivered_packets"] + account["dropped_packets"] > 0
        assert in_time <= account["delivered_packets"]
        assert account["ssr"] == in_time / resolved


# Budgets -------------------------------------------------------------------------------------------------


def bandwidths_by_slot(scheduler: str, delay: int, slots: int) -> list[tuple[int, ...]]:
    """Budgets in force in each slot."""
    runner = Runner(load_scenario("base"), resolve(scheduler), 1, delay, compiled=False)
    found = []
    for _ in range(slots):
        runner.advance(1)
        found.append(tuple(int(hz) for hz in runner.cell.state.slices["bandwidth_hz"]))
    return found


@pytest.mark.parametrize("delay", [0, 2])
def test_the_empty_report_before_slot_0_is_answered_by_constant_policies(delay: int) -> None:
    budgets = bandwidths_by_slot("slnr", delay, 5)
    assert budgets == [INITIAL_HZ] * delay + [SLNR_HZ] * (5 - delay)


@pytest.mark.parametrize("delay", [0, 2])
def test_a_second_report_sets_the_budgets_of_its_next_slot_plus_d(delay: int) -> None:
    budgets = bandwidths_by_slot("gga", delay, 2_004)
    first = 2_000 + delay
    assert set(budgets[:first]) == {INITIAL_HZ}
    assert set(budgets[first:]) == {SLNR_HZ}  # the floors, and the rest to eMBB, which has most packets


def test_an_observation_states_the_budgets_of_the_slot_that_it_decides() -> None:
    delay = 2
    cell = Cell(load_scenario("high-load"), 1, delay)
    observer = SliceObserver(cell, 1, learning_detail=True)
    cell.set_budgets(SLNR_HZ, cell.state.slices["power_w"])
    seen: list[SlotObservation] = []
    for _ in range(50):
        cell.begin_slot()
        if observer.group_size():
            seen.append(observer.observation())
        cell.execute_slot()
    assert seen[0].observed_slot < delay
    for observation in seen:
        assert observation.decided_slot == observation.observed_slot + delay
        assert observation.bandwidth_hz == SLNR_HZ[1]


# Numbers as on the wire ------------------------------------------------------------------------------------


def test_numbers_that_would_cross_the_wire_are_float32() -> None:
    cell = Cell(load_scenario("high-load", ["hwi.kappa_t=0.0012345678901", "total_power_dbm=57.3"]), 1)
    observer = SliceObserver(cell, 1, learning_detail=True)
    while not observer.group_size():
        cell.begin_slot()
        cell.execute_slot()
    observation = observer.observation()
    budgets = budget_context(cell.scenario, 0)
    of_slot = (observation.power_w, observation.noise_w, observation.kappa_t, observation.kappa_r)
    of_second = (budgets.total_power_w, budgets.power_floor_w, slice_context(cell, 1).ssr_threshold)
    assert all(value == float(np.float32(value)) for value in (*of_slot, *of_second))


@pytest.mark.parametrize("delay", [0, 2])
def test_an_outcome_says_what_held_in_its_slot_and_the_same_over_the_wire(delay: int) -> None:
    cell = Cell(load_scenario("high-load"), 1, delay)
    observer, encoder = SliceObserver(cell, 1, learning_detail=True), SlotEncoder(cell)
    changed = Impairments(model="aggregate", kappa_t=0.02, kappa_r=0.03)
    sent = []
    while cell.slot < 60 or not observer.group_size():
        if cell.slot == 40:
            cell.set_hwi(changed)
            cell.set_budgets(SLNR_HZ, cell.state.slices["power_w"])
        cell.begin_slot()
        cell.execute_slot()
        observer.record_outcome()
        count = int(cell.state.outcomes[1]["count"])
        if count:
            sent.append(encoder.outcome(1, count, learning_detail=True))
    here = observer.observation().outcomes
    message, _ = encoder.observation(1, cell.group_size(1), sent[-len(here) :])
    there = decode_observation(encoder.header(1, cell.slot, cell.slot), message.SerializeToString()).outcomes
    assert {outcome.slot < 40 for outcome in here} == {True, False}
    for ours, theirs in zip(here, there, strict=True):
        np.testing.assert_equal(dataclasses.asdict(ours), dataclasses.asdict(theirs))
        detail = ours.learning_detail
        assert detail is not None
        hwi = cell.scenario.hwi if ours.slot < 40 else changed
        assert detail.hwi_model == HWI_MODELS.index(hwi.model)
        assert detail.kappa_t == np.float32(hwi.kappa_t)
        assert detail.kappa_r == np.float32(hwi.kappa_r)
        band_hz = INITIAL_HZ[1] if ours.slot < 40 + delay else SLNR_HZ[1]
        assert ours.bandwidth_hz == band_hz
        assert detail.noise_w == np.float32(cell.scenario.noise_w_per_hz * band_hz)


def test_the_report_of_a_second_is_its_window() -> None:
    reports: list[SecondReport] = []
    scenario = load_scenario("base")
    runner = Runner(scenario, resolve("slnr"), 1)
    runner.advance(4_000, lambda window: reports.append(second_report(window, scenario.total_bandwidth_hz)))
    assert [(report.second, report.slot) for report in reports] == [(1, 2_000), (2, 4_000)]
    summary = runner.result().summary
    for index, name in enumerate(SLICE_NAMES):
        account = summary["slices"][name]
        assert sum(int(report.offered_packets[index]) for report in reports) == account["offered_packets"]
        assert sum(int(report.offered_bits[index]) for report in reports) == account["offered_bits"]
    mean_eta = sum(report.eta_bps_hz for report in reports) / 2
    assert mean_eta == pytest.approx(summary["eta_bps_hz"], rel=1e-6)
    for report in reports:
        assert report.slice_eta_bps_hz.sum() == pytest.approx(report.eta_bps_hz, rel=1e-6)
        assert tuple(report.bandwidth_hz) == SLNR_HZ


def test_outcomes_come_with_the_next_frame_each_once_in_order() -> None:
    runner = Runner(load_scenario("high-load"), resolve("gga"), 1, 2, compiled=False)
    cell = runner.cell
    observer = SliceObserver(cell, 1, learning_detail=True)
    executed: list[int] = []
    seen: list[int] = []
    for _ in range(400):
        slot = cell.slot
        cell.begin_slot()
        if observer.group_size():
            observation = observer.observation()
            for outcome in observation.outcomes:
                seen.append(outcome.slot)
                assert outcome.slot < observation.observed_slot
                assert outcome.learning_detail is not None
                assert outcome.learning_detail.beam_gains.shape == (len(outcome.user_ids), 128)
        cell.execute_slot()
        if cell.state.outcomes[1]["count"]:
            executed.append(slot)
        observer.record_outcome()
    assert seen == executed[: len(seen)]
    assert len(executed) - len(seen) <= 3


# Turns -----------------------------------------------------------------------------------------------------


class Recorder:
    """A learner that notes what it is given, and publishes a version each time."""

    def __init__(self, policy: Any, log: list[Any]) -> None:
        self.policy = policy
        self.log = log

    def on_frame(self, observation: SlotObservation, previous: SlotDecision | None) -> Any:
        self.log.append(("learn", observation.decided_slot, previous, self.policy.version))
        weights = untrained_weights(self.policy.name, self.policy.context, 1)
        return type(weights)(len(self.log), 0.25, weights.flat, "next")

    def on_second(self, report: SecondReport, actions: tuple[int, int] | None) -> Any:
        self.log.append((report.second, actions))
        weights = self.policy.weights
        return type(weights)(weights.arrays, weights.metadata, report.second)


def test_a_learner_has_its_turn_before_the_decision_and_sees_the_one_before() -> None:
    cell = Cell(load_scenario("high-load"), 1)
    observer = SliceObserver(cell, 1, learning_detail=True)
    policy = make_intra_policy("madqn-tuned", slice_context(cell, 1), 1)
    log: list[Any] = []
    agent = SliceAgent(policy, Recorder(policy, log))
    decisions: list[SlotDecision] = []
    while len(decisions) < 5:
        cell.begin_slot()
        if observer.group_size():
            decisions.append(agent.on_observation(observer.observation()))
            assert policy.version == len(log)  # the new weights decided
        cell.execute_slot()
    assert [entry[2] for entry in log] == [None, *decisions[:-1]]
    assert [entry[3] for entry in log] == [0, 1, 2, 3, 4]


def test_budget_learner_sees_the_actions_of_the_report_before() -> None:
    scenario = load_scenario("base")
    cell = Cell(scenario, 1)
    policy = make_inter_policy("coma2c-tuned", budget_context(scenario, 0), 1, learning=True)
    assert isinstance(policy, CoMA2C)
    log: list[Any] = []
    agent = BudgetAgent(policy, make_trigger("always"), Recorder(policy, log))
    actions: list[tuple[int, int] | None] = []
    reports = [second_report(cell.window(), scenario.total_bandwidth_hz)]
    reports += [make_report(second) for second in (1, 2, 3)]
    answers: list[Budgets | None] = []
    for report in reports:
        answers.append(agent.on_report(report))
        actions.append(policy.actions)
        assert policy.version == report.second
    assert log == [(0, None), (1, None), (2, actions[1]), (3, actions[2])]
    assert answers[0] is None
    assert all(answer is not None for answer in answers[1:])
    assert agent.updates == 3
    assert agent.trigger.evaluations == 3


def make_report(second: int) -> SecondReport:
    three = np.array([200, 5_500, 280], np.int64)
    return SecondReport(
        second=second,
        slot=2_000 * second,
        offered_packets=three,
        offered_bits=8 * three,
        ssr=np.ones(3, np.float32),
        queued_bits=np.zeros(3, np.int64),
        bandwidth_hz=np.array(INITIAL_HZ, np.int64),
        power_w=np.full(3, 1_000 / 3, np.float32),
        slice_eta_bps_hz=np.full(3, 5.0, np.float32),
        eta_bps_hz=15.0,
        hwi_model=HWI_PAPER,
        kappa_t=1e-3,
        kappa_r=1e-3,
    )


@pytest.mark.torch
def test_learning_runs_are_reproducible_and_differ_from_frozen_ones() -> None:
    learning = [
        Runner(load_scenario("high-load"), resolve("hiso-coma-tuned"), 1, learn=True, from_scratch=True) for _ in "ab"
    ]
    for runner in learning:
        runner.advance(300)
        assert runner.intra_learners["embb"].stats.updates > 0
    first, second = (runner.result().summary["trace_sha256"] for runner in learning)
    frozen = run(load_scenario("high-load"), resolve("hiso-coma-tuned"), 1, 300, from_scratch=True)
    assert first == second != frozen.summary["trace_sha256"]


# Weights ---------------------------------------------------------------------------------------------------


def intra_weights(preset: str, delay: int, epsilon: float = 0.02) -> Weights:
    cell = Cell(load_scenario("base"), 1, delay)
    arrays = {
        f"{name}.flat": untrained_weights("madqn-tuned", slice_context(cell, index), 7).flat
        for index, name in enumerate(SLICE_NAMES)
    }
    metadata = WeightsMetadata("madqn-tuned", preset, "paper", 1e-3, 1e-3, delay, 7, 0, epsilon, "none")
    return Weights(metadata, arrays)


def test_runs_on_given_weights_say_which() -> None:
    weights = RunWeights(intra=intra_weights("base", 0))
    result = run(load_scenario("base"), resolve("slnr", intra="madqn-tuned"), 1, 50, weights=weights)
    assert weights.intra is not None
    assert result.weights_id == weights.intra.weights_id
    assert run(load_scenario("base"), resolve("slnr"), 1, 5).weights_id is None


@pytest.mark.slow
def test_shipped_agents_move_the_budgets_under_changing_load() -> None:
    windows: list[SecondWindow] = []
    run(load_scenario("regimes"), resolve("hiso-coma-tuned"), 1, 80_000, 2, progress=windows.append)
    decided = {tuple(int(hz) for hz in window.bandwidth_hz) for window in windows[1:]}  # the first is where all start
    assert len(decided - {INITIAL_HZ}) >= 2


@pytest.mark.parametrize(
    ("scenario", "overrides", "delay", "expected"),
    [
        ("base", [], 0, "base-d0"),
        ("regimes", [], 4, "regimes-d2"),
        ("base", ["name=mine"], 2, "base-d2"),
        ("regimes", ["name=mine"], 0, "regimes-d0"),
    ],
)
def test_shipped_weights_are_those_of_preset_and_delay(
    scenario: str, overrides: list[str], delay: int, expected: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trained, "TRAINED_DIRECTORY", tmp_path)
    scheduler = resolve("slnr", intra="madqn-tuned")
    with pytest.raises(WeightsError, match=f"madqn-tuned-{expected}"):
        default_weights(load_scenario(scenario, overrides), scheduler, delay)
    preset, _, d = expected.rpartition("-d")
    save_weights(tmp_path / f"madqn-tuned-{expected}.npz", intra_weights(preset, int(d)))
    found = default_weights(load_scenario(scenario, overrides), scheduler, delay)
    assert found.inter is None
    assert found.intra is not None
    assert found.intra.weights_id.startswith(f"madqn-tuned-{expected}-")


def test_frozen_agents_do_not_explore() -> None:
    scheduler = resolve("slnr", intra="madqn-tuned")
    scenario = load_scenario("high-load")
    calm, curious = (RunWeights(intra=intra_weights("base", 0, epsilon)) for epsilon in (0.0, 1.0))
    traces = {run(scenario, scheduler, 1, 200, weights=weights).summary["trace_sha256"] for weights in (calm, curious)}
    assert len(traces) == 1


def test_idle_slices_need_no_decision() -> None:
    scenario = load_scenario("base", [f"slices.{name}.load_scale=0" for name in SLICE_NAMES])
    summary = run(scenario, resolve("slnr"), 1, 100).summary
    assert sum(summary["decision_source"].values()) == 0
    assert summary["eta_bps_hz"] == 0
