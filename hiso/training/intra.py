"""Training of the intra-slice level: the three slices' agents learn in one world, at the loop's own pace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hiso.runner import Runner
from hiso.training.metadata import training_metadata
from ran_emulator.scenario import SLICE_NAMES, SLOTS_PER_SECOND, Impairments, Scenario
from xapps.slicing.intra.dqn import CONFIGS, DqnConfig, IntraLearner, IntraStats
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions
from xapps.slicing.schedulers import Scheduler
from xapps.slicing.weights import ANY_HWI_MODEL, Weights

BUDGETS_WHILE_TRAINING = "load-proportional"
"""Sensible splits that follow the load, so that agents meet several bandwidths."""

DWELL_WHILE_TRAINING = {"dwell_min_s": 0.5, "dwell_max_s": 1.5}
"""Half a minute of training must meet every mix of loads, many times."""

ANY_HWI = ("madqn-tuned",)
"""Variants that see the impairments, so that one training serves every kappa under both readings."""

HWI_PERIOD_SLOTS = 100
LEAST_KAPPA, LARGEST_KAPPA = 1e-6, 0.1
NO_IMPAIRMENT_SHARE = 0.1

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
    config = config or CONFIGS[variant]
    world = scenario
    if scenario.regimes is not None:
        world = scenario.model_copy(update={"regimes": scenario.regimes.model_copy(update=DWELL_WHILE_TRAINING)})
    scheduler = Scheduler("training", inter=BUDGETS_WHILE_TRAINING, intra=variant, trigger="always", options=options)
    learners = _learn(world, scheduler, seed, slots, control_delay_slots, config, progress)
    idle = [name for name, learner in learners.items() if learner.stats.updates == 0]
    if idle and control_delay_slots > 0:
        # A packet that is gone before a decision on it takes effect teaches nothing: uRLLC's, from D = 1 on.
        undelayed = _learn(world, scheduler, seed, slots, 0, config)
        learners |= {name: undelayed[name] for name in idle}
    arrays = {f"{name}.flat": learners[name].weights.flat for name in SLICE_NAMES}
    metadata = training_metadata(
        scenario, variant, seed, slots, control_delay_slots, command, config.epsilon_end, options
    )
    if variant in ANY_HWI:
        metadata = replace(metadata, hwi_model=ANY_HWI_MODEL, kappa_t=LARGEST_KAPPA, kappa_r=LARGEST_KAPPA)
    return Weights(metadata, arrays)


def _learn(
    world: Scenario,
    scheduler: Scheduler,
    seed: int,
    slots: int,
    control_delay_slots: int,
    config: DqnConfig,
    progress: Progress | None = None,
) -> dict[str, IntraLearner]:
    """Each slice's learner after a run from scratch."""
    hwi_rng = np.random.default_rng([seed, len(SLICE_NAMES), 2])
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
        step = min(HWI_PERIOD_SLOTS, slots - done)
        if scheduler.intra in ANY_HWI:
            runner.cell.set_hwi(_any_impairments(hwi_rng))
        runner.advance(step)
        done += step
        if progress is not None and (done % (SLOTS_PER_SECOND // 2) == 0 or done == slots):
            progress(done, {name: learner.stats for name, learner in runner.intra_learners.items()})
    return dict(runner.intra_learners)


def _any_impairments(rng: np.random.Generator) -> Impairments:
    """Either reading; kappa_t and kappa_r equal or not, each 0 or between the least and the largest, by decades."""

    def kappa() -> float:
        if rng.random() < NO_IMPAIRMENT_SHARE:
            return 0.0
        return float(10 ** rng.uniform(np.log10(LEAST_KAPPA), np.log10(LARGEST_KAPPA)))

    kappa_t = kappa()
    kappa_r = kappa_t if rng.random() < 0.5 else kappa()
    return Impairments(model="aggregate" if rng.random() < 0.5 else "paper", kappa_t=kappa_t, kappa_r=kappa_r)
