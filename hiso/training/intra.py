"""Training of the intra-slice level: the three slices' agents learn in one world, at the loop's own pace."""

from __future__ import annotations

from collections.abc import Callable

from hiso.runner import Runner
from hiso.stepped_world import IntraLearning
from hiso.training.metadata import training_metadata
from hiso.training.variety import any_impairments, with_dwell
from ran_emulator.scenario import SLICE_NAMES, SLOTS_PER_SECOND, Scenario
from xapps.slicing.inter.base import keyed_rng
from xapps.slicing.intra.config import CONFIGS, DqnConfig
from xapps.slicing.intra.dqn import IntraLearner, IntraStats
from xapps.slicing.intra.policies import SEE_IMPAIRMENTS
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions
from xapps.slicing.schedulers import Scheduler
from xapps.slicing.weights import Weights

BUDGETS_WHILE_TRAINING = "load-proportional"
"""Sensible splits that follow the load, so that agents meet several bandwidths."""

DWELL_S = (0.5, 1.5)
"""Half a minute of training must meet every mix of loads, many times."""

HWI_PERIOD_SLOTS = 100

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
    varied: bool = True,
) -> Weights:
    """Agents of a variant (`madqn`, `madqn-tuned`) from scratch after `slots` slots; `config` None: the variant's own.

    `varied`: agents that see the impairments meet all of them rather than the scenario's.

    Raises:
        ValueError: a variant that does not learn.
    """
    config = config or CONFIGS[variant]
    world = with_dwell(scenario, *DWELL_S)
    varied = varied and variant in SEE_IMPAIRMENTS
    scheduler = Scheduler("training", inter=BUDGETS_WHILE_TRAINING, intra=variant, trigger="always", options=options)
    learners = _learn(world, scheduler, seed, slots, control_delay_slots, config, varied, progress)
    idle = [name for name, learner in learners.items() if learner.stats.updates == 0]
    if idle and control_delay_slots > 0:
        # A packet that is gone before a decision on it takes effect teaches nothing: uRLLC's, from D = 1 on.
        undelayed = _learn(world, scheduler, seed, slots, 0, config, varied)
        learners |= {name: undelayed[name] for name in idle}
    arrays = {f"{name}.flat": learners[name].weights.flat for name in SLICE_NAMES}
    metadata = training_metadata(
        scenario, variant, seed, slots, control_delay_slots, command, config.epsilon_end, options, varied
    )
    return Weights(metadata, arrays)


def _learn(
    world: Scenario,
    scheduler: Scheduler,
    seed: int,
    slots: int,
    control_delay_slots: int,
    config: DqnConfig,
    varied: bool,
    progress: Progress | None = None,
) -> dict[str, IntraLearner]:
    """Each slice's learner after a run from scratch."""
    hwi_rng = keyed_rng(seed, "training.hwi.intra")
    runner = Runner(
        world,
        scheduler,
        seed,
        control_delay_slots,
        learn=True,
        from_scratch=True,
        intra_learning=IntraLearning(slots, config),
    )
    done = 0
    while done < slots:
        step = min(HWI_PERIOD_SLOTS, slots - done)
        if varied:
            runner.cell.set_hwi(any_impairments(hwi_rng))
        runner.advance(step)
        done += step
        if progress is not None and (done % (SLOTS_PER_SECOND // 2) == 0 or done == slots):
            progress(done, {name: learner.stats for name, learner in runner.intra_learners.items()})
    return dict(runner.intra_learners)
