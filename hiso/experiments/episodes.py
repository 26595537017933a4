"""Episodes in process: what agents reach in a world that they are put into, as a whole or slot by slot."""

from __future__ import annotations

from typing import Any

import numpy as np

from hiso.bounds.controls import EqualPower, Misled
from hiso.bounds.shares import OWN_ACTIONS, RULES, SHUFFLED, UNTRAINED, oracle_shares
from hiso.bounds.snapshots import SNAPSHOT_SLOTS
from hiso.experiments.outcome import Outcome, WeightsOf, options_of, starting_weights
from hiso.experiments.run import BUDGET_CONTROLS, Run
from hiso.observe import budget_context, second_report
from hiso.runner import Runner, RunWeights
from ran_emulator.scenario import SLICE_NAMES, SLOTS_PER_SECOND, Scenario, parse_scenario
from xapps.agents import BudgetAgent
from xapps.slicing.inter.coma2c import CoMA2C, changed_config
from xapps.slicing.observation import BudgetContext, SecondReport
from xapps.slicing.schedulers import Scheduler
from xapps.slicing.triggers import make_trigger
from xapps.trained import inter_weights

_OTHER_WORLD = 50
"""From a seed to that of another world; a seed's episodes are fewer."""


def episode(run: Run, weights_of: WeightsOf) -> Outcome:
    """An episode; its measures are over all seconds but the first, where agents that see loads have seen none yet."""
    weights = starting_weights(run, weights_of)
    agent = _changed_agent(run, weights)
    if agent is None and run.control in BUDGET_CONTROLS:
        agent = _budget_agent(run, weights)
    if agent and run.control == "misled":
        agent = BudgetAgent(Misled(agent.policy, _other_world(run, weights)), agent.trigger)
    if agent and run.control == "equal-power":
        agent = BudgetAgent(EqualPower(agent.policy, _context(run)), agent.trigger)
    runner = _runner(run, weights, run.seed, agent)
    runner.advance(SLOTS_PER_SECOND)
    runner.leave_out_what_was()
    runner.advance(run.slots)
    result = runner.result()
    return Outcome(episode_measures(parse_scenario(run.scenario), result.summary, result.inter_slice_updates))


def _runner(run: Run, weights: RunWeights, seed: int, agent: BudgetAgent | None) -> Runner:
    return Runner(
        parse_scenario(run.scenario),
        Scheduler("experiment", run.inter, run.intra, run.trigger, options=options_of(run)),
        seed,
        run.control_delay_slots,
        learn=run.learns_on,
        weights=weights,
        budget_agent=agent,
    )


def _changed_agent(run: Run, weights: RunWeights) -> BudgetAgent | None:
    """Where agents are not as their variant's configuration says; None: they are."""
    return _budget_agent(run, weights) if run.inter_agents else None


def _budget_agent(run: Run, weights: RunWeights) -> BudgetAgent:
    options = options_of(run)
    assert weights.inter is not None
    policy = CoMA2C(
        changed_config(run.inter, run.inter_agents),
        _context(run),
        run.seed,
        inter_weights(weights.inter, options),
        step_hz=options.bandwidth_step_hz,
    )
    return BudgetAgent(policy, make_trigger(run.trigger))


def _context(run: Run) -> BudgetContext:
    return budget_context(parse_scenario(run.scenario), run.control_delay_slots)


def _other_world(run: Run, weights: RunWeights) -> list[SecondReport]:
    """The seconds of another world that the same agents serve."""
    reports = []
    runner = _runner(run, weights, run.seed + _OTHER_WORLD, _changed_agent(run, weights))
    total_hz = runner.cell.scenario.total_bandwidth_hz
    runner.advance(run.slots, lambda window: reports.append(second_report(window, total_hz)))
    return reports


def episode_measures(scenario: Scenario, summary: dict[str, Any], budget_updates: int) -> dict[str, float | None]:
    """What a summary says of an episode."""
    slices = summary["slices"]
    thresholds = [part.ssr_threshold for part in scenario.slices.in_order()]
    ssr = {name: slices[name]["ssr"] for name in SLICE_NAMES}
    return {
        **{name: summary[name] for name in ("utility", "eta_bps_hz", "eta_sum_bps_hz", "goodput_bps_hz")},
        **{f"ssr_{name}": value for name, value in ssr.items()},
        "ssr_mean": float(np.mean(list(ssr.values()))),
        "ssr_margin": min(value - least for value, least in zip(ssr.values(), thresholds, strict=True)),
        **{f"delay_p99_{name}_ms": slices[name]["delay_ms"]["p99"] for name in SLICE_NAMES},
        "budget_updates_per_100s": 100 * budget_updates / summary["simulated_s"],
    }


def snapshots(run: Run, weights_of: WeightsOf) -> Outcome:
    """Shares of the oracle's rate on snapshots of one world, of the agents and of what they are compared with."""
    weights = starting_weights(run, weights_of).intra
    assert weights is not None
    count = run.slots // SNAPSHOT_SLOTS
    slices = oracle_shares(parse_scenario(run.scenario), [weights], [run.seed], count)
    shares = {part.slice_name: part.shares for part in slices}
    measures: dict[str, float | None] = {
        f"share_{name}": of_slice[weights.weights_id] for name, of_slice in shares.items()
    }
    measures["share_worst"] = min(of_slice[weights.weights_id] for of_slice in shares.values())
    others = {
        **{rule: rule for rule in RULES},
        OWN_ACTIONS: "own_actions",
        UNTRAINED: "untrained",
        SHUFFLED: "shuffled",
    }
    return Outcome(measures | {f"{name}_share_embb": shares["embb"][label] for label, name in others.items()})
