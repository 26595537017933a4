"""One run, made in process."""

from __future__ import annotations

from hiso.experiments import episodes
from hiso.experiments.outcome import Outcome, WeightsOf
from hiso.experiments.run import Run


def perform(run: Run, weights_of: WeightsOf) -> Outcome:
    """Make a run.

    Raises:
        Exception: whatever went wrong in it.
    """
    if run.kind == "episode":
        return episodes.episode(run, weights_of)
    if run.kind == "snapshots":
        return episodes.snapshots(run, weights_of)
    from hiso.experiments import trainings  # needs PyTorch

    if run.kind == "train-intra":
        return trainings.train_intra_level(run)
    if run.kind == "choose-inter":
        return trainings.choose_inter_level(run, weights_of)
    return trainings.train_inter_level(run, weights_of)
