"""From an experiment to its runs: the trainings and episodes of each seed of each arm in each condition."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hiso.experiments.arms import Arm
from hiso.experiments.run import Run
from hiso.experiments.spec import Experiment, Size
from hiso.run_request import RunRequest, agents_that_can_learn
from hiso.runner import default_weights
from hiso.training.gating import usual_gate
from hiso.training.validation import VALIDATION_SECONDS
from ran_emulator.scenario import SLICE_NAMES, SLOTS_PER_SECOND
from xapps.slicing.inter.coma2c import changed_config
from xapps.slicing.intra.policies import SEE_IMPAIRMENTS
from xapps.slicing.options import AgentOptions

_LATER_OPTIONS = ("power_scale", "state")

FIRST_TRAINING_SEED = 1
FIRST_EPISODE_SEED = 100_001
"""Worlds of episodes are never those of trainings."""

EPISODES_A_SEED = 100

CANDIDATES_APART = 10_000
"""From the seed of one candidate to the next one's: beyond any other training's and the validation worlds'."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What one seed of an arm in a condition consists of: keys of runs. The unit of the statistics."""

    trainings: tuple[str, ...]
    episodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All runs of an experiment at one size; runs that several units share are there once, trainings first."""

    experiment: Experiment
    size: Size
    runs: dict[str, Run]
    units: dict[tuple[str, str], list[Unit]]
    """By (arm, condition), in the order of the seeds."""

    @property
    def shown_series(self) -> list[str]:
        """Curves that the figure shows."""
        plot = self.experiment.plot
        return plot.show if plot.kind == "curves" else []

    def series_of(self, key: str) -> set[str]:
        """Those of the shown curves that a run leaves."""
        kind = self.runs[key].kind
        if not kind.startswith("train"):
            return set()
        return {name for name in self.shown_series if name.startswith("intra_") == (kind == "train-intra")}


def expand(experiment: Experiment, size: Size) -> Plan:
    """The runs of an experiment.

    Raises:
        ExperimentError: an arm that cannot be run in a condition.
    """
    runs: dict[str, Run] = {}
    units: dict[tuple[str, str], list[Unit]] = {}
    for (label, where), request in experiment.requests.items():
        arm = experiment.arms[label]
        training_request = experiment.training_request(label, where) if arm.trained else None
        shipped = (None, None) if arm.trained or arm.control == "untrained" else _shipped(request, arm.trained_for)
        units[label, where] = []
        trained = _with_own_lengths(size, arm) if size == experiment.full else size
        for index in range(size.seeds):
            seed = FIRST_TRAINING_SEED + index
            trainings = _trainings(
                arm, training_request, (arm.trained_in or experiment.trained_in) == "preset", trained, seed
            )
            inter, intra = _serving(trainings) if arm.trained else shipped
            episodes = [
                Run(
                    kind="episode" if experiment.host == "in-process" else experiment.host,
                    **_what(request),
                    trigger=request.scheduler.trigger,
                    seed=FIRST_EPISODE_SEED + EPISODES_A_SEED * index + episode,
                    slots=size.duration_s * SLOTS_PER_SECOND,
                    inter_weights=inter,
                    intra_weights=intra,
                    inter_agents=arm.inter_changes,
                    learns_on=arm.learns_on,
                    control=arm.control,
                )
                for episode in range(size.episodes)
            ]
            runs |= {run.key: run for run in (*trainings, *episodes)}
            units[label, where].append(Unit(tuple(run.key for run in trainings), tuple(run.key for run in episodes)))
    return Plan(experiment, size, runs, units)


def _with_own_lengths(size: Size, arm: Arm) -> Size:
    """The full size with the lengths of trainings that an arm has of its own."""
    own = {"inter_training_s": arm.inter_training_s, "intra_training_slots": arm.intra_training_slots}
    return size.model_copy(update={name: length for name, length in own.items() if length is not None})


def _what(request: RunRequest) -> dict[str, Any]:
    return {
        "scenario": request.scenario.model_dump(mode="json"),
        "inter": request.scheduler.inter,
        "intra": request.scheduler.intra,
        "control_delay_slots": request.control_delay_slots,
        "options": _stored(request.scheduler.options),
    }


def _stored(options: AgentOptions) -> dict[str, Any]:
    """As plain data; fields that came later only where they were chosen: keys stay what they were."""
    return options.model_dump(exclude={name for name in _LATER_OPTIONS if getattr(options, name) == "variant"})


def _shipped(request: RunRequest, trained_for: int | None) -> tuple[str | None, str | None]:
    """Ids of the shipped weights of both levels; `trained_for`: another control delay than the request's."""
    if trained_for is None:
        weights = request.weights()
    else:
        weights = default_weights(request.scenario, request.scheduler, trained_for)
    return tuple(part.weights_id if part else None for part in (weights.inter, weights.intra))  # type: ignore[return-value]


def _serving(trainings: list[Run]) -> tuple[str | None, str | None]:
    """Keys of the runs that leave the inter-slice and the intra-slice agents that serve: of each level the last."""
    inter = next((run.key for run in reversed(trainings) if run.kind != "train-intra"), None)
    intra = next((run.key for run in reversed(trainings) if run.kind == "train-intra"), None)
    return inter, intra


def _trainings(arm: Arm, request: RunRequest | None, varied: bool, size: Size, seed: int) -> list[Run]:
    """The trainings of one seed, where the levels learn, those first that others need.

    `varied`: those that see the impairments meet all of them.
    """
    if request is None:
        return []
    agents, what, trainings = agents_that_can_learn(request.scheduler), _what(request), list[Run]()
    if SLICE_NAMES[0] in agents:
        # Trained under budgets of its own: what the arm's inter-slice level is makes no difference.
        intra = Run(
            kind="train-intra",
            **{**what, "inter": "load-proportional"},
            trigger="always",
            seed=seed,
            slots=size.intra_training_slots,
            varied=varied and request.scheduler.intra in SEE_IMPAIRMENTS,
            intra_agents=arm.intra_changes,
        )
        trainings.append(intra)
    if "inter" in agents:
        config = changed_config(request.scheduler.inter, arm.inter_changes)
        gate = arm.gate or usual_gate(config)
        seconds = size.inter_training_s or config.training_seconds
        inter = Run(
            kind="train-inter",
            **what,
            trigger=request.scheduler.trigger if gate != "none" else "always",
            seed=seed,
            slots=seconds * SLOTS_PER_SECOND,
            intra_weights=trainings[0].key if trainings else None,
            gate=gate,
            varied=varied and config.sees_impairments,
            inter_agents=arm.inter_changes,
        )
        trainings += _chosen(inter, arm.inter_candidates)
    return trainings


def _chosen(training: Run, candidates: int) -> list[Run]:
    """An inter-slice training, or several of which the run after them chooses one."""
    trainings = [replace(training, seed=training.seed + CANDIDATES_APART * place) for place in range(candidates)]
    if candidates == 1:
        return trainings
    keys = tuple(run.key for run in trainings)
    slots = min(VALIDATION_SECONDS * SLOTS_PER_SECOND, training.slots)  # of each validation world
    return [*trainings, replace(training, kind="choose-inter", slots=slots, candidates=keys)]
