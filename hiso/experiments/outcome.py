"""What a run gives, and the trained agents that it starts from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hiso.experiments.run import Run
from hiso.runner import RunWeights
from xapps.slicing.options import AgentOptions
from xapps.slicing.weights import Weights
from xapps.trained import find_weights

WeightsOf = Callable[[str], Weights]
"""The weights that the training of a key has left."""


@dataclass(slots=True)
class Outcome:
    """What a run gave; NaN in a curve: nothing there yet."""

    measures: dict[str, float | None]
    series: dict[str, list[float]] = field(default_factory=dict)
    weights: Weights | None = None


def options_of(run: Run) -> AgentOptions:
    """What a run's agents see and choose from."""
    return AgentOptions.model_validate(run.options)


def starting_weights(run: Run, weights_of: WeightsOf) -> RunWeights:
    """Those of the trainings that a run names, or shipped ones, whose ids have parts."""
    names = (run.inter_weights, run.intra_weights)
    found = [name and (find_weights(name) if "-" in name else weights_of(name)) for name in names]
    return RunWeights(*(weights or None for weights in found))
