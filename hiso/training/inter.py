"""Training of the inter-slice level: CoMA2C in closed loop with frozen intra-slice agents, a second at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hiso.observe import budget_context
from hiso.training.metadata import training_metadata
from hiso.training.variety import any_impairments, sees_impairments, with_dwell
from hiso.world import World
from ran_emulator.cell import SecondWindow
from ran_emulator.scenario import SLICE_NAMES, SLOTS_PER_SECOND, Scenario
from ran_emulator.summary import utility
from xapps.agents import BudgetAgent
from xapps.slicing.inter.base import InterPolicy, InterWeights, keyed_rng
from xapps.slicing.inter.coma2c import COMA2C_CONFIGS
from xapps.slicing.inter.learners import make_inter_learner
from xapps.slicing.inter.learning import LearnerStats
from xapps.slicing.inter.policies import make_inter_policy
from xapps.slicing.intra.policies import trained_weights
from xapps.slicing.networks import IntraWeights
from xapps.slicing.observation import SecondReport
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions
from xapps.slicing.triggers import make_trigger
from xapps.slicing.weights import Weights

PRINTED_TRIGGER = "10-percent"
"""While training: as printed, learning is gated after 200 seconds; the others learn every second."""

DWELL_S = (1.0, 3.0)
"""Of a mix of loads where the world is varied."""

VALIDATION_SECONDS = 120

Progress = Callable[[int, float, LearnerStats], None]
"""Called with the seconds done (of each candidate), the utility of the last one, and what its update gave."""


def train_inter(
    scenario: Scenario,
    variant: str,
    seed: int,
    seconds: int,
    control_delay_slots: int,
    intra: Weights | str,
    command: str,
    candidates: int = 1,
    progress: Progress | None = None,
    options: AgentOptions = DEFAULT_OPTIONS,
) -> Weights:
    """Agents of a variant (`coma2c`, `coma2c-tuned`, `sa2c-t`, ...) from scratch after `seconds` seconds.

    `intra`: the frozen agents below, or the name of a policy that does not learn. Agents that see the impairments
    meet all of them, and mixes of loads that change sooner than the scenario's.

    Of several candidates (seeds seed, seed + 1, ...) the one with the best utility on a validation world is kept:
    a failed training looks like any other until it is compared.
    """
    best: tuple[float, int, InterWeights] | None = None
    varied = sees_impairments(variant)
    for candidate in range(candidates):
        trained = _train_once(
            scenario, variant, seed + candidate, seconds, control_delay_slots, intra, progress, options
        )
        score = 0.0
        if candidates > 1:
            score = validate(scenario, variant, seed + 1_000, control_delay_slots, intra, trained, options)
        if best is None or score > best[0]:
            best = (score, seed + candidate, trained)
    assert best is not None
    _, best_seed, agents = best
    slots = seconds * SLOTS_PER_SECOND
    metadata = training_metadata(
        scenario, variant, best_seed, slots, control_delay_slots, command, options=options, any_hwi=varied
    )
    return Weights(metadata, {f"inter.{name}": array for name, array in agents.arrays.items()})


def make_world(
    scenario: Scenario,
    seed: int,
    control_delay_slots: int,
    intra: Weights | str,
    options: AgentOptions = DEFAULT_OPTIONS,
) -> World:
    """A world that frozen trained agents serve, or a policy that does not learn."""
    if isinstance(intra, str):
        return World(scenario, seed, intra, control_delay_slots, options=options)
    probe = World(scenario, seed, "greedy", control_delay_slots)
    weights: dict[str, IntraWeights] = {
        name: trained_weights(intra.metadata.variant, probe.policies[index].context, intra, options)
        for index, name in enumerate(SLICE_NAMES)
    }
    return World(scenario, seed, intra.metadata.variant, control_delay_slots, weights, options)


def _train_once(
    scenario: Scenario,
    variant: str,
    seed: int,
    seconds: int,
    control_delay_slots: int,
    intra: Weights | str,
    progress: Progress | None,
    options: AgentOptions,
) -> InterWeights:
    varied = sees_impairments(variant)
    world = make_world(vary(scenario) if varied else scenario, seed, control_delay_slots, intra, options)
    context = budget_context(scenario, control_delay_slots)
    config = replace(COMA2C_CONFIGS[variant], training_seconds=seconds)
    step_hz = options.bandwidth_step_hz
    policy = make_inter_policy(variant, context, seed, learning=True, step_hz=step_hz)
    learner = make_inter_learner(config, context, seed, step_hz=step_hz)
    trigger = PRINTED_TRIGGER if config.ungated_seconds is not None else "always"
    agent = BudgetAgent(policy, make_trigger(trigger), learner)

    def note(window: SecondWindow) -> None:
        if progress is not None:
            progress(window.second, report_utility(scenario, world.report(window)), learner.stats)

    learn_seconds(world, agent, seconds, seed if varied else None, note)
    return learner.weights()


def vary(scenario: Scenario) -> Scenario:
    """The scenario as the world of a training that varies it."""
    return with_dwell(scenario, *DWELL_S)


def learn_seconds(
    world: World,
    agent: BudgetAgent,
    seconds: int,
    hwi_seed: int | None,
    progress: Callable[[SecondWindow], None],
) -> None:
    """Have an agent learn over the first seconds of a world.

    Args:
        world: at slot 0.
        agent: with its learner.
        seconds: how many.
        hwi_seed: of the impairments, drawn anew each second; None: the scenario's stay.
        progress: called with each closed second.
    """
    rng = None if hwi_seed is None else keyed_rng(hwi_seed, "training.hwi.inter")
    window = world.cell.window()
    for _ in range(seconds):
        if rng is not None:
            world.cell.set_hwi(any_impairments(rng))
        _, window = world.second(agent.on_report(world.report(window)))
        progress(window)
    agent.on_report(world.report(window))


def empty_report(world: World) -> SecondReport:
    """The zero-load report before slot 0."""
    return world.report(world.cell.window())


def report_utility(scenario: Scenario, report: SecondReport) -> float:
    """U of one second (Eq. 17)."""
    return utility(scenario.eta_weight, scenario.ssr_weights, report.eta_bps_hz, report.ssr)


def play_policy(world: World, policy: InterPolicy, trigger: str, seconds: int) -> list[SecondReport]:
    """Reports of a world under an inter-slice policy."""
    agent = BudgetAgent(policy, make_trigger(trigger))
    reports = [empty_report(world)]
    for _ in range(seconds):
        report, _ = world.second(agent.on_report(reports[-1]))
        reports.append(report)
    return reports[1:]


def validate(
    scenario: Scenario,
    variant: str,
    seed: int,
    control_delay_slots: int,
    intra: Weights | str,
    trained: InterWeights,
    options: AgentOptions = DEFAULT_OPTIONS,
) -> float:
    """Mean utility of frozen agents, acting every second, on a world of their own."""
    world = make_world(scenario, seed, control_delay_slots, intra, options)
    context = budget_context(scenario, control_delay_slots)
    policy = make_inter_policy(variant, context, seed, trained, step_hz=options.bandwidth_step_hz)
    reports = play_policy(world, policy, "always", VALIDATION_SECONDS)
    return float(np.mean([report_utility(scenario, report) for report in reports]))
