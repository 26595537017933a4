"""Trainings: the measures and curves of each level's, and the weights that it leaves."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hiso.experiments.outcome import Outcome, WeightsOf, options_of, starting_weights
from hiso.experiments.run import Run
from hiso.observe import second_report
from hiso.training.inter import InterTraining, trained_file
from hiso.training.intra import Progress, train_intra
from hiso.training.validation import best_of
from hiso.world import report_utility
from ran_emulator import state as st
from ran_emulator.cell import SecondWindow
from ran_emulator.scenario import SLICE_NAMES, SLOTS_PER_SECOND, Scenario, parse_scenario
from xapps.slicing.inter.coma2c import changed_config
from xapps.slicing.inter.learning import LearnerStats
from xapps.slicing.intra.config import changed_dqn_config
from xapps.slicing.intra.dqn import IntraStats
from xapps.slicing.weights import Weights
from xapps.trained import inter_weights

_COMMAND = "hiso experiment run"
_ENDS = 5
"""First and last fifth of a curve."""

_READY_SLOTS, _READY_S = 20, 1
"""Of a training before the one that is timed: kernels are loaded then."""


def train_intra_level(run: Run) -> Outcome:
    """The three slices' agents from scratch, under budgets that follow the load."""
    scenario = parse_scenario(run.scenario)
    losses: dict[str, list[float]] = {name: [] for name in SLICE_NAMES}
    rewards: list[float] = []
    last: dict[str, IntraStats] = {}

    def note(_done: int, stats: dict[str, IntraStats]) -> None:
        for name, part in stats.items():
            losses[name].append(part.loss if part.updates else math.nan)
        rewards.append(float(np.mean([part.reward for part in stats.values()])))
        last.update(stats)

    def train(slots: int, progress: Progress | None) -> Weights:
        return train_intra(
            scenario,
            run.intra,
            run.seed,
            slots,
            run.control_delay_slots,
            _COMMAND,
            progress,
            options_of(run),
            changed_dqn_config(run.intra, run.intra_agents),
            run.varied,
        )

    train(_READY_SLOTS, None)
    started_s = time.process_time()
    weights = train(run.slots, note)
    spent_s = time.process_time() - started_s
    first_loss, last_loss = _ends(list(losses.values()))
    measures = {
        "intra_training_cpu_s": spent_s,
        "intra_updates": float(sum(part.updates for part in last.values())),
        "intra_loss_first": first_loss,
        "intra_loss_last": last_loss,
    }
    return Outcome(measures, {"intra_loss": _mean_curve(list(losses.values())), "intra_reward": rewards}, weights)


def train_inter_level(run: Run, weights_of: WeightsOf) -> Outcome:
    """The inter-slice agents from scratch, over frozen intra-slice agents or a rule."""
    training = _inter_training(run, weights_of)
    replace(training, config=replace(training.config, training_seconds=_READY_S)).run(lambda _window, _stats: None)
    curves = _InterCurves(training.scenario)
    started_s = time.process_time()
    agent, learner = training.run(curves.note)
    spent_s = time.process_time() - started_s
    series = curves.series
    first_loss, last_loss = _ends([series["inter_loss"]])
    first_critic_loss, last_critic_loss = _ends([series["inter_critic_loss"]])
    measures = {
        "inter_training_cpu_s": spent_s,
        "inter_learner_s": agent.learner_s,
        "inter_updates": float(learner.stats.updates),
        "inter_loss_first": first_loss,
        "inter_loss_last": last_loss,
        "inter_critic_loss_first": first_critic_loss,
        "inter_critic_loss_last": last_critic_loss,
        "inter_convergence_s": convergence_s(series["utility"], curves.regimes),
        "online_utility": float(np.mean(series["utility"])),
        "online_eta_bps_hz": float(np.mean(series["eta_bps_hz"])),
        "online_utility_last": _ends([series["utility"]])[1],
        "online_eta_last_bps_hz": _ends([series["eta_bps_hz"]])[1],
    }
    return Outcome(measures, series, trained_file(training, learner.weights(), _COMMAND))


def choose_inter_level(run: Run, weights_of: WeightsOf) -> Outcome:
    """The inter-slice agents of the best of several trainings; the run is as long as each validation world."""
    training = _inter_training(run, weights_of)
    candidates = [weights_of(key) for key in run.candidates]
    agents = [inter_weights(candidate, training.options) for candidate in candidates]
    seconds = run.slots // SLOTS_PER_SECOND
    best = best_of(training, agents, seconds)
    return Outcome({"inter_candidate": float(best)}, weights=candidates[best])


def _inter_training(run: Run, weights_of: WeightsOf) -> InterTraining:
    return InterTraining(
        parse_scenario(run.scenario),
        replace(changed_config(run.inter, run.inter_agents), training_seconds=run.slots // SLOTS_PER_SECOND),
        run.seed,
        run.control_delay_slots,
        starting_weights(run, weights_of).intra or run.intra,
        options_of(run),
        trigger=run.trigger,
        gate=run.gate or "none",
        varied=run.varied,
    )


class _InterCurves:
    """The curves of an inter-slice training, a point a second."""

    def __init__(self, scenario: Scenario) -> None:
        """Of a training in this scenario, before its first second."""
        self._scenario = scenario
        names = ("utility", "eta_bps_hz", "goodput_bps_hz", "inter_loss", "inter_critic_loss")
        self.series: dict[str, list[float]] = {name: [] for name in names}
        self.regimes: list[int | None] = []

    def note(self, window: SecondWindow, stats: LearnerStats) -> None:
        """Add a closed second."""
        scenario, series = self._scenario, self.series
        report = second_report(window, scenario.total_bandwidth_hz)
        series["utility"].append(report_utility(scenario, report))
        series["eta_bps_hz"].append(float(report.eta_bps_hz))
        delivered = window.counts[:, st.DELIVERED_BITS].sum()
        series["goodput_bps_hz"].append(float(delivered / scenario.total_bandwidth_hz))
        of_agents = stats.agents.values()
        critic = float(np.mean([part.critic_loss for part in of_agents])) if stats.updates else math.nan
        actor = float(np.mean([part.actor_loss for part in of_agents])) if stats.updates else math.nan
        series["inter_critic_loss"].append(critic)
        series["inter_loss"].append(actor + critic)
        self.regimes.append(window.regime)


def _mean_curve(curves: list[list[float]]) -> list[float]:
    """Mean at each point over the curves that have something there."""
    there = [[value for value in point if not math.isnan(value)] for point in zip(*curves, strict=True)]
    return [float(np.mean(values)) if values else math.nan for values in there]


def _ends(curves: list[list[float]]) -> tuple[float | None, float | None]:
    """Means of the first and the last fifth of what there is of each curve, mean over curves; None: there is nothing.

    Curve by curve: one that begins later would move the mean of all.
    """
    ends = []
    for curve in curves:
        known = [value for value in curve if not math.isnan(value)]
        count = max(1, len(known) // _ENDS)
        if known:
            ends.append((float(np.mean(known[:count])), float(np.mean(known[-count:]))))
    if not ends:
        return None, None
    first, last = np.mean(ends, axis=0).tolist()
    return first, last


def convergence_s(utility_each_second: list[float], regimes: Sequence[int | None]) -> float:
    """Seconds until the moving mean stays within 5 % of what the end of the training gives under the same loads.

    That is the mean of the last fifth's seconds of the same mix of loads (of all seconds of that mix, where the last
    fifth has none), so that a change of the load is not taken for one of the agents. A training whose last window is
    still away gets T + 1.

    Args:
        utility_each_second: [T]; the mean moves over a twentieth of T.
        regimes: [T] mix of loads in force; None: the scenario has but one.
    """
    curve, mixes = np.array(utility_each_second), np.array([-1 if mix is None else mix for mix in regimes])
    count = len(curve)
    late = np.arange(count) >= count - max(1, count // _ENDS)
    expected = np.empty(count)
    for mix in np.unique(mixes):
        here = mixes == mix
        expected[here] = curve[here & late if np.any(here & late) else here].mean()
    window = max(1, count // 20)
    mean = np.full(window, 1 / window)
    distance = np.abs(np.convolve(curve - expected, mean, mode="valid"))
    away = np.flatnonzero(distance > 0.05 * np.abs(np.convolve(expected, mean, mode="valid")))
    return float(window + (away[-1] + 1 if len(away) else 0))
