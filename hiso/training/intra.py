"""Training of the intra-slice level: the three slices' agents learn in one world, at the loop's own pace."""

from __future__ import annotations

from collections.abc import Callable

from hiso.runner import Runner
from hiso.training.metadata import training_metadata
from ran_emulator.scenario import SLICE_NAMES, SLOTS_PER_SECOND, Scenario
from xapps.slicing.intra.dqn import CONFIGS, DqnConfig, IntraStats
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions
from xapps.slicing.schedulers import Scheduler
from xapps.slicing.weights import Weights

BUDGETS_WHILE_TRAINING = "load-proportional"
"""Sensible splits that follow the load, so that agents meet several bandwidths."""

DWELL_WHILE_TRAINING = {"dwell_min_s": 0.5, "dwell_max_s": 1.5}
"""Half a minute of training must meet every mix of loads, many times."""

Progress = Callable[[int, dict[str, IntraStats]], None]
"""Called with the slots done and each slice's statistics."""


def train_intra(
    scenario: Scenario,
    variant: str,
    seed: int,
    slots: int,
    control_delay_slots: int,
    command: str,
    progress: Progress | None = None,
    options: AgentOptions = DEFAULT_OPTIONS,
    config: DqnConfig | None = None,
) -> Weights:
    """Agents of a variant (`madqn`, `madqn-tuned`) from scratch after `slots` slots; `config` None: the variant's own.

    Raises:
        ValueError: a variant that does not learn.
    """
    world = scenario
    if scenario.regimes is not None:
        world = scenario.model_copy(update={"regimes": scenario.regimes.model_copy(update=DWELL_WHILE_TRAINING)})
    scheduler = Scheduler("training", inter=BUDGETS_WHILE_TRAINING, intra=variant, trigger="always", options=options)
    config = config or CONFIGS[variant]
    runner = Runner(
        world,
        scheduler,
        seed,
        control_delay_slots,
        learn=True,
        from_scratch=True,
        training_slots=slots,
        intra_config=config,
    )
    done = 0
    while done < slots:
        step = min(SLOTS_PER_SECOND // 2, slots - done)
        runner.advance(step)
        done += step
        if progress is not None:
            progress(done, {name: learner.stats for name, learner in runner.intra_learners.items()})
    arrays = {f"{name}.flat": runner.intra_learners[name].weights.flat for name in SLICE_NAMES}
    metadata = training_metadata(
        scenario, variant, seed, slots, control_delay_slots, command, config.epsilon_end, options
    )
    return Weights(metadata, arrays)
