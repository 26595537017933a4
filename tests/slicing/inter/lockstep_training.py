"""Trainings of the inter-slice agents for the tests: policy and learner in turns, as both hosts drive them."""

from second_reports import Environment

from xapps.slicing.inter.base import InterWeights
from xapps.slicing.inter.coma2c import CoMA2C, CoMA2CConfig
from xapps.slicing.inter.learners import make_inter_learner
from xapps.slicing.inter.learning import InterLearner
from xapps.slicing.observation import BudgetContext


def train(
    config: CoMA2CConfig,
    context: BudgetContext,
    environment: Environment,
    seconds: int,
    *,
    seed: int,
    weights: InterWeights | None = None,
) -> tuple[CoMA2C, InterLearner, list[InterWeights]]:
    """Policy and learner in lock-step, as both hosts drive them; returns both and the weights published."""
    policy = CoMA2C(config, context, seed, weights, learning=True)
    learner = make_inter_learner(config, context, seed, weights)
    published = []
    for _ in range(seconds):
        report = environment.second(policy.actions)
        update = learner.on_second(report, policy.actions)
        if update is not None:
            policy.load(update)
            published.append(update)
        policy.on_second(report, triggered=False)
    return policy, learner, published
