"""One policy code, two hosts: in lock-step the distributed system decides, slot by slot, what the runner decides."""

from __future__ import annotations

import pytest
from slicing_system import AGENTS, make_weights, slicing_system

from hiso.runner import RunResult, RunWeights, run
from ran_emulator.scenario import load_scenario
from xapps.slicing.inter.coma2c import COMA2C_CONFIGS
from xapps.slicing.intra.policies import LEARNING
from xapps.slicing.schedulers import SCHEDULERS, resolve

SEED = 3
SLOTS = 4_200
"""Two seconds and a bit: budgets are set before slot 0, and twice again."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def assert_equal_runs(distributed: dict[str, object], in_process: RunResult, delay: int) -> None:
    summary = in_process.summary
    for key in ("slots", "trace_sha256", "decision_source", "slices", "eta_bps_hz", "eta_sum_bps_hz", "utility"):
        assert distributed[key] == summary[key], key
    assert distributed["missed_deadlines"] == 0
    assert distributed["late_slots"] == 0
    assert summary["decision_source"]["held"] == 0
    assert delay > 0 or summary["decision_source"]["default"] == 0
    assert summary["decision_source"]["control"] > SLOTS / 2


PAIRS = [
    pytest.param("slnr", "base", 0, False),
    pytest.param("hiso-coma-tuned", "regimes", 2, False),
    pytest.param("hiso-coma-tuned", "base", 0, True, marks=pytest.mark.torch),
    pytest.param("gga", "regimes", 2, False),
]
"""What each run of the tests compares."""

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


@pytest.mark.parametrize(("scheduler", "scenario", "delay", "learn"), [*PAIRS, *MATRIX])
def test_lockstep_system_equals_runner(scheduler: str, scenario: str, delay: int, learn: bool) -> None:
    chosen = resolve(scheduler)
    weights = RunWeights()
    with slicing_system(chosen, SEED) as system:
        if scheduler in LEARNS:
            # At an exploration rate above 0, so that learning agents would show a draw that is shifted.
            weights = RunWeights(make_weights(chosen.inter, delay), make_weights(chosen.intra, delay, epsilon=0.3))
            for each in (weights.inter, weights.intra):
                assert each is not None
                system.add_weights(each)
        system.start_emulator(
            scenario, "--clock", "lockstep", "--control-delay-slots", str(delay), "--slots", str(SLOTS)
        )
        system.start_ric()
        for agent in AGENTS:
            if learn:
                system.start_learner(agent)
            system.start_xapp(agent, *(("--learn", "--learner", system.learner(agent)) if learn else ()))
        distributed = system.summary(480)
        refused = [agent for agent in AGENTS if "control_refused" in system.log(f"xapp-{agent}")]
        assert refused == []
        if learn:
            assert all("not_learning" not in system.log(f"xapp-{agent}") for agent in AGENTS)
            updates = [system.metric(f"learner-{agent}", "hiso_learner_updates_total") for agent in AGENTS]
            assert updates[AGENTS.index("embb")]
        evaluations = system.metric("xapp-inter", "hiso_xapp_trigger_evaluations_total")
        changes = system.metric("xapp-inter", "hiso_xapp_inter_slice_updates_total")
    in_process = run(load_scenario(scenario), chosen, SEED, SLOTS, delay, learn=learn, weights=weights)
    assert_equal_runs(distributed, in_process, delay)
    assert (evaluations, changes) == (in_process.trigger_evaluations, in_process.inter_slice_updates)
