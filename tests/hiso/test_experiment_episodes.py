"""Episodes of experiments: what is measured of them, and the controls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiso.bounds.controls import EqualPower
from hiso.experiments.perform import perform
from hiso.experiments.run import Run
from hiso.observe import budget_context, second_report
from hiso.runner import Runner, RunWeights, default_weights
from ran_emulator.scenario import load_scenario
from xapps.slicing.inter.base import InterPolicy
from xapps.slicing.observation import Budgets, SecondReport
from xapps.slicing.schedulers import SCHEDULERS
from xapps.slicing.weights import Weights

SCENARIO = load_scenario("regimes")
SCHEDULER = SCHEDULERS["hiso-coma-tuned"]
SHIPPED = default_weights(SCENARIO, SCHEDULER, 0)


def no_weights(key: str) -> Weights:
    raise AssertionError(f"{key}: nothing was trained before")


def episode(seconds: int = 4, **changed: Any) -> Run:
    assert SHIPPED.inter is not None
    assert SHIPPED.intra is not None
    return Run(
        **{
            "kind": "episode",
            "scenario": SCENARIO.model_dump(mode="json"),
            "inter": SCHEDULER.inter,
            "intra": SCHEDULER.intra,
            "trigger": SCHEDULER.trigger,
            "seed": 3,
            "control_delay_slots": 0,
            "slots": seconds * 2_000,
            "inter_weights": SHIPPED.inter.weights_id,
            "intra_weights": SHIPPED.intra.weights_id,
            **changed,
        }
    )


def test_the_first_second_is_not_measured() -> None:
    runner = Runner(SCENARIO, SCHEDULER, 3)
    seconds: list[tuple[float, np.ndarray, np.ndarray]] = []
    runner.advance(10_000, lambda window: seconds.append((window.second, window.counts, window.sums)))
    rate = sum(sums[:, 0].sum() for second, _, sums in seconds if second > 1)
    whole = runner.result().summary
    found = perform(episode(), no_weights).measures
    measured = Runner(SCENARIO, SCHEDULER, 3)
    measured.advance(2_000)
    measured.leave_out_what_was()
    measured.advance(8_000)
    summary = measured.result().summary
    assert summary["slots"] == 8_000
    assert summary["trace_sha256"] == whole["trace_sha256"]
    assert found["eta_bps_hz"] == summary["eta_bps_hz"] == pytest.approx(rate / 8_000 / 10e6)
    assert found["eta_bps_hz"] != whole["eta_bps_hz"]
    assert found["ssr_embb"] == summary["slices"]["embb"]["ssr"]
    before = Runner(SCENARIO, SCHEDULER, 3)
    before.advance(2_000)
    first = before.result().summary["slices"]
    for name, part in summary["slices"].items():
        for unit in ("packets", "bits"):
            offered, delivered, dropped = (part[f"{kind}_{unit}"] for kind in ("offered", "delivered", "dropped"))
            queued_before = first[name][f"queued_{unit}"]
            assert offered + queued_before == delivered + dropped + part[f"queued_{unit}"], (name, unit)
            assert offered == whole["slices"][name][f"offered_{unit}"] - first[name][f"offered_{unit}"]


def test_untrained_agents_are_drawn_by_the_episodes_seed() -> None:
    untrained = perform(episode(inter_weights=None, intra_weights=None, control="untrained"), no_weights).measures
    drawn = Runner(SCENARIO, SCHEDULER, 3, weights=RunWeights())
    drawn.advance(2_000)
    drawn.leave_out_what_was()
    drawn.advance(8_000)
    assert untrained["utility"] == drawn.result().summary["utility"]
    trained = perform(episode(), no_weights).measures
    assert untrained["utility"] is not None
    assert trained["utility"] is not None
    assert untrained["utility"] < 0.9 * trained["utility"]


def test_misled_agents_follow_another_world() -> None:
    run = episode(20)
    own, misled = (perform(item, no_weights).measures for item in (run, replace(run, control="misled")))
    assert own["utility"] is not None
    assert misled["utility"] is not None
    assert misled["utility"] < own["utility"]


class Setting(InterPolicy):
    """Sets budgets in every other second."""

    def on_second(self, report: SecondReport, triggered: bool) -> Budgets | None:
        return Budgets((2_000_000, 6_000_000, 2_000_000), (1.0, 1.0, 98.0)) if report.second % 2 else None


def test_without_the_power_agent_bandwidths_are_the_policys_and_powers_equal() -> None:
    context = budget_context(load_scenario("base"), 0)
    seen: list[SecondReport] = []
    runner = Runner(SCENARIO, SCHEDULER, 3)
    runner.advance(2_001, lambda window: seen.append(second_report(window, SCENARIO.total_bandwidth_hz)))
    policy = EqualPower(Setting("setting"), context)
    assert policy.on_second(replace(seen[0], second=2), True) is None
    budgets = policy.on_second(replace(seen[0], second=3), True)
    assert budgets is not None
    assert budgets.bandwidth_hz == (2_000_000, 6_000_000, 2_000_000)
    assert budgets.power_w == pytest.approx([context.total_power_w / 3] * 3)
    run = episode(2)
    own, equal = (perform(item, no_weights).measures for item in (run, replace(run, control="equal-power")))
    assert own["utility"] != equal["utility"]


@pytest.mark.torch
def test_both_levels_learn_on() -> None:
    run = episode(2)
    frozen, learning = (perform(item, no_weights).measures for item in (run, replace(run, learns_on=True)))
    assert frozen["utility"] is not None
    assert learning["utility"] is not None
    assert learning != frozen
    assert learning["utility"] > 0.8 * frozen["utility"]  # they explore, but start from what they know


def test_snapshots_give_shares_of_the_oracle_and_of_the_controls() -> None:
    measures = perform(episode(1, kind="snapshots", slots=400), no_weights).measures
    assert all(value is not None and 0 < value <= 1 for value in measures.values())
    share = {name: float(value or 0) for name, value in measures.items()}
    assert share["share_worst"] == min(share[f"share_{name}"] for name in ("vonr", "embb", "urllc"))
    assert share["share_embb"] <= share["own_actions_share_embb"]
    assert share["share_embb"] > max(share["greedy_share_embb"], share["untrained_share_embb"])
    assert share["share_embb"] > share["shuffled_share_embb"]
