"""Training of the inter-slice level: CoMA2C in closed loop with frozen intra-slice agents, a second at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from hiso.observe import budget_context, second_report
from hiso.training.gating import Gate, GatedAgent, usual_gate
from hiso.training.metadata import training_metadata
from hiso.training.validation import best_of
from hiso.training.variety import any_impairments, with_dwell
from hiso.world import make_world, report_utility
from ran_emulator.cell import SecondWindow
from ran_emulator.scenario import SLOTS_PER_SECOND, Scenario
from xapps.slicing.inter.base import InterWeights, keyed_rng
from xapps.slicing.inter.coma2c import COMA2C_CONFIGS, UNGATED_SECONDS, CoMA2C, CoMA2CConfig
from xapps.slicing.inter.learners import make_inter_learner
from xapps.slicing.inter.learning import InterLearner, LearnerStats
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions
from xapps.slicing.triggers import make_trigger
from xapps.slicing.weights import Weights

PRINTED_TRIGGER = "10-percent"
"""Of agents that learn as printed."""

DWELL_S = (1.0, 3.0)
"""Of a mix of loads where the world is varied."""

Progress = Callable[[int, float, LearnerStats], None]
"""Called with the seconds done (of each candidate), the utility of the last one, and what its update gave."""


@dataclass(frozen=True, slots=True)
class InterTraining:
    """Inputs of one inter-slice training; equal ones give equal weights."""

    scenario: Scenario
    config: CoMA2CConfig
    """Its `training_seconds` is the length."""
    seed: int
    control_delay_slots: int
    intra: Weights | str
    """The frozen agents below, or the name of a policy that does not learn."""
    options: AgentOptions = DEFAULT_OPTIONS
    trigger: str = "always"
    gate: Gate = "none"
    """What waits for the trigger."""
    varied: bool = False
    """Impairments drawn anew each second, and mixes of loads that change sooner than the scenario's."""

    def run(self, note: Callable[[SecondWindow, LearnerStats], None]) -> tuple[GatedAgent, InterLearner]:
        """The agent and its learner after the training; `note` is called with each closed second.

        Raises:
            WeightsError: the agents below do not fit.
            BudgetError: totals and floors that leave no grid.
        """
        scenario, seed, options = self.scenario, self.seed, self.options
        if self.varied:
            scenario = with_dwell(scenario, *DWELL_S)
        world = make_world(scenario, seed, self.control_delay_slots, self.intra, options)
        context = budget_context(scenario, self.control_delay_slots)
        config = replace(self.config, ungated_seconds=0)  # the gate decides
        policy = CoMA2C(config, context, seed, learning=True, step_hz=options.bandwidth_step_hz)
        learner = make_inter_learner(config, context, seed, step_hz=options.bandwidth_step_hz)
        ungated_seconds = UNGATED_SECONDS if self.config.ungated_seconds is None else self.config.ungated_seconds
        agent = GatedAgent(policy, make_trigger(self.trigger), learner, self.gate, ungated_seconds)
        rng = keyed_rng(seed, "training.hwi.inter") if self.varied else None
        window = world.cell.window()
        for _ in range(config.training_seconds):
            if rng is not None:
                world.cell.set_hwi(any_impairments(rng))
            _, window = world.second(agent.on_report(world.report(window)))
            note(window, learner.stats)
        agent.on_report(world.report(window))
        return agent, learner


def usual_training(
    scenario: Scenario,
    variant: str,
    seed: int,
    seconds: int,
    control_delay_slots: int,
    intra: Weights | str,
    options: AgentOptions = DEFAULT_OPTIONS,
) -> InterTraining:
    """How a variant (`coma2c`, `coma2c-tuned`, `sa2c-t`, ...) is trained where nothing else is asked for.

    Agents that see the impairments meet all of them, and mixes of loads that change sooner.
    """
    config = replace(COMA2C_CONFIGS[variant], training_seconds=seconds)
    gate = usual_gate(config)
    return InterTraining(
        scenario,
        config,
        seed,
        control_delay_slots,
        intra,
        options,
        trigger="always" if gate == "none" else PRINTED_TRIGGER,
        gate=gate,
        varied=config.sees_impairments,
    )


def train_inter(
    training: InterTraining, command: str, candidates: int = 1, progress: Progress | None = None
) -> Weights:
    """Agents from scratch, as a file that says by which command they were made.

    Of several candidates (seeds seed, seed + 1, ...) the one whose least share of the best utility among them, over
    the validation worlds, is largest is kept: a failed training looks like any other until it is compared.
    """
    scenario = training.scenario

    def note(window: SecondWindow, stats: LearnerStats) -> None:
        if progress is not None:
            report = second_report(window, scenario.total_bandwidth_hz)
            progress(window.second, report_utility(scenario, report), stats)

    trained: list[tuple[InterTraining, InterWeights]] = []
    for place in range(candidates):
        candidate = replace(training, seed=training.seed + place)
        _, learner = candidate.run(note)
        trained.append((candidate, learner.weights()))
    best = best_of(training, [agents for _, agents in trained]) if candidates > 1 else 0
    return trained_file(*trained[best], command)


def trained_file(training: InterTraining, agents: InterWeights, command: str) -> Weights:
    """What a training leaves, as a file holds it."""
    config = training.config
    metadata = training_metadata(
        training.scenario,
        config.variant,
        training.seed,
        config.training_seconds * SLOTS_PER_SECOND,
        training.control_delay_slots,
        command,
        options=training.options,
        varied=training.varied,
    )
    return Weights(metadata, {f"inter.{name}": array for name, array in agents.arrays.items()})
