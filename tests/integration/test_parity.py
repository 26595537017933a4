"""One policy code, two hosts: in lock-step the distributed system decides, slot by slot, what the runner decides."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from one_process_system import OneProcessSystem
from slicing_system import AGENTS, make_weights, slicing_system

from hiso.runner import RunResult, RunWeights, run
from ran_emulator.scenario import Scenario, load_scenario
from ran_emulator.timeline import parse_timeline
from xapps.slicing.inter.coma2c import COMA2C_CONFIGS
from xapps.slicing.intra.policies import LEARNING
from xapps.slicing.options import AgentOptions
from xapps.slicing.schedulers import SCHEDULERS, Scheduler, resolve
from xapps.slicing.weights import Weights, save_weights

SEED = 3
SLOTS = 4_200
"""Two seconds and a bit: budgets are set before slot 0, and twice again."""
LEARNING_SLOTS = 2_200
"""Of each run of the tests: agents that learn behind messages take five times as long."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


TIMELINE = [
    {"at_slot": 0, "change": "hwi", "kappa": 0.01},
    {"at_s": 0.3, "change": "burst", "slice": "embb", "factor": 3.0, "duration_s": 0.2},
    {"at_s": 0.5, "change": "burst", "slice": "urllc", "packets": 40},
    {"at_s": 0.7, "change": "user_burst", "users": [3, 20, 60], "packets": 6},
    {"at_s": 0.8, "change": "speed", "slice": "vonr", "speed_m_s": 14.0},
    {"at_s": 0.9, "change": "csi", "csi_delay_slots": 4, "csi_noise": 0.01},
    {"at_s": 1, "change": "regime", "index": 2},
    {"at_s": 1.4, "change": "regime", "index": "auto"},
    {"at_slot": 4_000, "change": "load", "slice": "embb", "scale": 2.5},
    {"at_slot": 4_100, "change": "hwi", "model": "aggregate"},
]


def assert_equal_runs(distributed: dict[str, object], in_process: RunResult, delay: int, period: int = 1) -> None:
    summary = in_process.summary
    for key in (
        "slots",
        "trace_sha256",
        "decision_source",
        "slices",
        "eta_bps_hz",
        "eta_sum_bps_hz",
        "goodput_bps_hz",
        "utility",
        "events",
    ):
        assert distributed[key] == summary[key], key
    assert distributed["missed_deadlines"] == 0
    assert distributed["late_slots"] == 0
    assert (summary["decision_source"]["held"] > 0) == (period > 1)
    assert delay > 0 or period > 1 or summary["decision_source"]["default"] == 0
    assert summary["decision_source"]["control"] > summary["slots"] / 2 / period


PAIRS = [
    pytest.param("slnr", "base", 0, False),
    pytest.param("hiso-coma-tuned", "regimes", 2, False),
    pytest.param("hiso-coma-tuned", "base", 2, True, marks=pytest.mark.torch),
    pytest.param("hiso-coma", "base", 2, True, marks=pytest.mark.torch),
    pytest.param("sa2c-t", "high-load", 2, True, marks=pytest.mark.torch),
]
"""What each run of the tests compares; slices' agents that learn at D = 0 from scratch are compared in `test_up.py`.

The other schedulers are compared in one process, where a run takes a second.
"""

LEARNS = [name for name, each in SCHEDULERS.items() if each.inter in COMA2C_CONFIGS or each.intra in LEARNING]
MATRIX = [
    *(pytest.param(name, "regimes", delay, False, marks=pytest.mark.matrix) for name in SCHEDULERS for delay in (0, 2)),
    *(
        pytest.param(name, "regimes", delay, True, marks=[pytest.mark.matrix, pytest.mark.torch])
        for name in LEARNS
        for delay in (0, 2)
    ),
]
"""Every scheduler, learning where it can: `pytest -m matrix tests/integration/test_parity.py`."""


OTHER_AGENTS = AgentOptions(
    bandwidth_step_hz=500_000, power_levels=9, action="pc_pp_beam", state="user", observation="compact"
)


@pytest.mark.parametrize(("scheduler", "scenario", "delay", "learn"), [*PAIRS, *MATRIX])
def test_lockstep_system_equals_runner(scheduler: str, scenario: str, delay: int, learn: bool) -> None:
    check_parity(resolve(scheduler), scenario, delay, learn, LEARNING_SLOTS if learn and scenario == "base" else SLOTS)


@pytest.mark.parametrize(
    ("delay", "learn"), [(2, False), pytest.param(0, True, marks=[pytest.mark.matrix, pytest.mark.torch])]
)
def test_they_agree_on_what_agents_see_and_choose_from(delay: int, learn: bool) -> None:
    check_parity(
        resolve("hiso-coma-tuned", options=OTHER_AGENTS), "regimes", delay, learn, SLOTS, ["decision_period_slots=3"]
    )


QUANTISED = [
    "codebook=phase-quantised", "access=rsma-split", "common_beam=best-codebook", "coverage=confined",
    "csi_delay_slots=4", "csi_period_slots=3", "csi_noise=0.01",
]  # fmt: skip
PRECODED = [
    "precoder=rzf", "common_beam=sum-mrt", "coverage=disc", "user_counts=drawn", "common_split=maxmin",
    "slices.embb.load_scale=20",
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "delay"), [(QUANTISED, 0), (PRECODED, 2)])
def test_they_agree_on_the_rest_of_the_model(overrides: list[str], delay: int) -> None:
    check_parity(resolve("gga"), "regimes", delay, False, 2_200, overrides)


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_every_scheduler_decides_the_same_behind_messages(scheduler: str, delay: int, tmp_path: Path) -> None:
    chosen = resolve(scheduler)
    weights = drawn_weights(chosen, delay)
    files = {each.metadata.variant: tmp_path / f"{each.metadata.variant}.npz" for each in weights_of(weights)}
    for each in weights_of(weights):
        save_weights(files[each.metadata.variant], each)
    cell = scenario_of(chosen, "regimes")
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump(cell.model_dump(mode="json")))
    length = ("--control-delay-slots", str(delay), "--slots", str(SLOTS))
    system = OneProcessSystem(chosen, SEED, files, tmp_path, "--scenario", str(path), *length)
    summary = system.run()
    in_process = run(cell, chosen, SEED, SLOTS, delay, weights=weights)
    assert summary == in_process.summary
    assert (system.evaluations, system.updates) == (in_process.trigger_evaluations, in_process.inter_slice_updates)
    assert system.evaluations == 2
    assert summary["decision_source"]["control"] > SLOTS / 2


def drawn_weights(chosen: Scheduler, delay: int) -> RunWeights:
    """For the levels that have networks; at an exploration rate above 0, so that a draw that is shifted would show."""
    inter = make_weights(chosen.inter, delay, options=chosen.options) if chosen.inter in COMA2C_CONFIGS else None
    intra = None
    if chosen.intra in LEARNING:
        intra = make_weights(chosen.intra, delay, epsilon=0.3, options=chosen.options)
    return RunWeights(inter, intra)


def weights_of(weights: RunWeights) -> list[Weights]:
    return [each for each in (weights.inter, weights.intra) if each is not None]


def scenario_of(chosen: Scheduler, scenario: str, overrides: Sequence[str] = ()) -> Scenario:
    """A preset as a scheduler needs it."""
    pins = {"access": chosen.access, "precoder": chosen.precoder, "common_beam": chosen.common_beam}
    return load_scenario(scenario, [*overrides, *(f"{name}={value}" for name, value in pins.items() if value)])


def check_parity(
    chosen: Scheduler, scenario: str, delay: int, learn: bool, slots: int, overrides: Sequence[str] = ()
) -> None:
    weights, cell = drawn_weights(chosen, delay), scenario_of(chosen, scenario, overrides)
    with slicing_system(chosen, SEED) as system:
        for each in weights_of(weights):
            system.add_weights(each)
        path = system.folder / "scenario.yaml"
        path.write_text(yaml.safe_dump(cell.model_dump(mode="json")))
        system.start_emulator(
            str(path), "--clock", "lockstep", "--control-delay-slots", str(delay), "--slots", str(slots)
        )
        system.start_ric()
        learners = [agent for agent in AGENTS if learn and (weights.inter if agent == "inter" else weights.intra)]
        for agent in AGENTS:
            if agent in learners:
                system.start_learner(agent)
            system.start_xapp(agent, *(("--learn", "--learner", system.learner(agent)) if agent in learners else ()))
        distributed = system.summary(480)
        refused = [agent for agent in AGENTS if "control_refused" in system.log(f"xapp-{agent}")]
        assert refused == []
        if learn:
            assert all("not_learning" not in system.log(f"xapp-{agent}") for agent in learners)
            busiest = "embb" if "embb" in learners else "inter"
            assert system.metric(f"learner-{busiest}", "hiso_learner_updates_total")
        evaluations = system.metric("xapp-inter", "hiso_xapp_trigger_evaluations_total")
        changes = system.metric("xapp-inter", "hiso_xapp_inter_slice_updates_total")
    in_process = run(cell, chosen, SEED, slots, delay, learn=learn, weights=weights)
    assert_equal_runs(distributed, in_process, delay, cell.decision_period_slots)
    assert (evaluations, changes) == (in_process.trigger_evaluations, in_process.inter_slice_updates)


@pytest.mark.parametrize("delay", [0, 2])
def test_a_timeline_is_the_same_in_both_hosts(tmp_path: Path, delay: int) -> None:
    chosen = resolve("slnr")
    scenario = load_scenario("regimes")
    file = tmp_path / "timeline.json"
    file.write_text(json.dumps(TIMELINE))
    with slicing_system(chosen, SEED) as system:
        length = ("--clock", "lockstep", "--control-delay-slots", str(delay), "--slots", str(SLOTS))
        system.start_emulator("regimes", *length, "--timeline", str(file))
        system.start_ric()
        for agent in AGENTS:
            system.start_xapp(agent)
        distributed = system.summary(480)
        assert system.log("emulator").count('"event": "event"') == len(TIMELINE)
    in_process = run(scenario, chosen, SEED, SLOTS, delay, timeline=parse_timeline(TIMELINE, scenario))
    assert_equal_runs(distributed, in_process, delay)
    assert len(in_process.summary["events"]) == len(TIMELINE)
