"""Which learner trains which form of the agents."""

from __future__ import annotations

from xapps.slicing.inter.a2c_lstm import A2CLearner
from xapps.slicing.inter.base import InterWeights
from xapps.slicing.inter.coma2c import CoMA2CConfig
from xapps.slicing.inter.learning import InterLearner
from xapps.slicing.inter.slice_critic import SliceCriticLearner
from xapps.slicing.observation import BudgetContext
from xapps.slicing.options import DEFAULT_OPTIONS


def make_inter_learner(
    config: CoMA2CConfig,
    context: BudgetContext,
    seed: int,
    weights: InterWeights | None = None,
    step_hz: int = DEFAULT_OPTIONS.bandwidth_step_hz,
) -> InterLearner:
    """The learner of a form of the agents; arguments and errors as of `InterLearner`."""
    kind = SliceCriticLearner if config.critic == "slices" else A2CLearner
    return kind(config, context, seed, weights, step_hz)
