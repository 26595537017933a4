"""Which of several inter-slice trainings is the best one: their agents in worlds that no training has seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hiso.observe import budget_context
from hiso.world import make_world, play_policy, report_utility
from ran_emulator.phy.codes import HWI_MODELS
from ran_emulator.scenario import Impairments
from xapps.slicing.inter.base import InterWeights
from xapps.slicing.inter.coma2c import CoMA2C

if TYPE_CHECKING:
    from hiso.training.inter import InterTraining

VALIDATION_SECONDS = 60
VALIDATION_IMPAIRMENTS = tuple(
    Impairments(model=model, kappa_t=kappa, kappa_r=kappa) for model in HWI_MODELS for kappa in (1e-3, 1e-2, 5e-2)
)
"""Of agents that are trained for all impairments: those under which candidates differ."""

F64 = npt.NDArray[np.float64]


def validation_utilities(training: InterTraining, agents: InterWeights, seconds: int) -> F64:
    """Mean utility of trained agents, frozen and acting every second, on a validation world under each impairment.

    The world is one that no candidate was trained in, under the scenario's own impairments or, where the training
    varies them, `VALIDATION_IMPAIRMENTS`.
    """
    options, delay, seed = training.options, training.control_delay_slots, training.seed + 1_000
    impairments = VALIDATION_IMPAIRMENTS if training.varied else (training.scenario.hwi,)
    utilities = []
    for hwi in impairments:
        scenario = training.scenario.model_copy(update={"hwi": hwi})
        world = make_world(scenario, seed, delay, training.intra, options)
        context = budget_context(scenario, delay)
        policy = CoMA2C(training.config, context, seed, agents, step_hz=options.bandwidth_step_hz)
        reports = play_policy(world, policy, "always", seconds)
        utilities.append(np.mean([report_utility(scenario, report) for report in reports]))
    return np.array(utilities)


def best_of(training: InterTraining, candidates: Sequence[InterWeights], seconds: int = VALIDATION_SECONDS) -> int:
    """Which of the agents of several trainings does best, by what `best_candidate` says of their utilities."""
    return best_candidate(np.array([validation_utilities(training, agents, seconds) for agents in candidates]))


def best_candidate(utilities: F64) -> int:
    """Who has the largest least share of the best utility of each world; `utilities`: (candidates, worlds).

    A mean over worlds would hardly see those in which all have little.
    """
    best = utilities.max(axis=0)
    shares = np.divide(utilities, best, out=np.ones_like(utilities), where=best > 0)
    return int(shares.min(axis=1).argmax())
