"""One run, made: a training or an episode, its measures, its curves, and the weights that a training leaves."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from hiso import ports
from hiso.experiments.run import Run
from hiso.observe import budget_context, second_report
from hiso.runner import Runner, RunWeights
from ran_emulator import state as st
from ran_emulator.cell import SecondWindow
from ran_emulator.scenario import SLICE_NAMES, SLOTS_PER_SECOND, Scenario, parse_scenario
from ran_emulator.summary import utility
from xapps.agents import BudgetAgent
from xapps.slicing.inter.coma2c import CoMA2C, changed_config
from xapps.slicing.options import AgentOptions
from xapps.slicing.schedulers import Scheduler
from xapps.slicing.triggers import make_trigger
from xapps.slicing.weights import Weights
from xapps.trained import find_weights, inter_weights

WeightsOf = Callable[[str], Weights]
"""The weights that the training of a key has left."""

_COMMAND = "hiso experiment run"
_ENDS = 5
"""First and last fifth of a curve."""


@dataclass(slots=True)
class Outcome:
    """What a run gave; NaN in a curve: nothing there yet."""

    measures: dict[str, float | None]
    series: dict[str, list[float]] = field(default_factory=dict)
    weights: Weights | None = None


def perform(run: Run, weights_of: WeightsOf) -> Outcome:
    """Make a run.

    Raises:
        Exception: whatever went wrong in it.
    """
    if run.kind == "train-intra":
        return _train_intra(run)
    if run.kind == "train-inter":
        return _train_inter(run, weights_of)
    if run.kind == "system":
        return _system(run)
    return _episode(run, weights_of)


def _scheduler(run: Run) -> Scheduler:
    return Scheduler("experiment", run.inter, run.intra, run.trigger, options=_options(run))


def _options(run: Run) -> AgentOptions:
    return AgentOptions.model_validate(run.options)


def _weights(run: Run, weights_of: WeightsOf) -> RunWeights:
    """Those of the trainings that a run names, or shipped ones, whose ids have parts."""
    names = (run.inter_weights, run.intra_weights)
    found = [name and (find_weights(name) if "-" in name else weights_of(name)) for name in names]
    return RunWeights(*(weights or None for weights in found))


def _episode(run: Run, weights_of: WeightsOf) -> Outcome:
    """A frozen episode; its measures are over the whole of it."""
    scenario = parse_scenario(run.scenario)
    weights = _weights(run, weights_of)
    agent = None
    if run.inter_agents and weights.inter is not None:
        context = budget_context(scenario, run.control_delay_slots)
        options = _options(run)
        start = inter_weights(weights.inter, options)
        config = changed_config(run.inter, run.inter_agents)
        policy = CoMA2C(config, context, run.seed, start, step_hz=options.bandwidth_step_hz)
        agent = BudgetAgent(policy, make_trigger(run.trigger))
    runner = Runner(scenario, _scheduler(run), run.seed, run.control_delay_slots, weights=weights, budget_agent=agent)
    runner.advance(run.slots)
    result = runner.result()
    return Outcome(_episode_measures(scenario, result.summary, result.inter_slice_updates))


def _episode_measures(scenario: Scenario, summary: dict[str, Any], budget_updates: int) -> dict[str, float | None]:
    slices = summary["slices"]
    thresholds = [part.ssr_threshold for part in scenario.slices.in_order()]
    ssr = {name: slices[name]["ssr"] for name in SLICE_NAMES}
    return {
        **{name: summary[name] for name in ("utility", "eta_bps_hz", "eta_sum_bps_hz", "goodput_bps_hz")},
        **{f"ssr_{name}": value for name, value in ssr.items()},
        "ssr_mean": float(np.mean(list(ssr.values()))),
        "ssr_margin": min(value - least for value, least in zip(ssr.values(), thresholds, strict=True)),
        **{f"delay_p99_{name}_ms": slices[name]["delay_ms"]["p99"] for name in SLICE_NAMES},
        "budget_updates_per_100s": 100 * budget_updates / summary["simulated_s"],
    }


def _system(run: Run) -> Outcome:
    """An episode of the whole system in lock-step, as processes over E2, with the shipped weights."""
    with tempfile.TemporaryDirectory() as folder:
        scenario, summary = Path(folder, "scenario.yaml"), Path(folder, "summary.json")
        scenario.write_text(json.dumps(run.scenario))
        command = [sys.executable, "-m", "hiso", "up", "--no-ui", "--clock", "lockstep", "--scenario", str(scenario)]
        command += ["--inter", run.inter, "--intra", run.intra, "--trigger", run.trigger, "--seed", str(run.seed)]
        command += ["--slots", str(run.slots), "--control-delay-slots", str(run.control_delay_slots)]
        for assignment in _options(run).assignments():
            command += ["--set-agents", assignment]
        command += ["--port-base", str(_free_port_base())]
        done = subprocess.run([*command, "--json", str(summary)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"hiso up ended with {done.returncode}: {(done.stdout + done.stderr)[-500:]}")
        found = json.loads(summary.read_text())
    measures = _episode_measures(parse_scenario(run.scenario), found, found["inter_slice_updates"])
    measures["e2_kbit_per_s"] = _total(found["e2_bytes"]) * 8e-3 / found["simulated_s"]
    measures["e2_messages_per_s"] = _total(found["e2_messages"]) / found["simulated_s"]
    return Outcome(measures)


def _free_port_base() -> int:
    """The first base, from the usual one on, of whose ports none is taken."""
    bases = range(ports.DEFAULT_PORT_BASE, ports.MAX_PORT_BASE, 100)
    for base in bases:
        if not any(ports.taken(ports.port_of(service, base)) for service in ports.OFFSETS):
            return base
    raise RuntimeError(f"ports: none of the bases {bases.start}, {bases[1]} .. {bases[-1]} is free")


def _total(counts: Any) -> int:
    """Sum over functions, procedures and directions."""
    return sum(_total(part) for part in counts.values()) if isinstance(counts, dict) else int(counts)


def _train_intra(run: Run) -> Outcome:
    from hiso.training.intra import train_intra
    from xapps.slicing.intra.dqn import CONFIGS, IntraStats

    series: dict[str, list[float]] = {"intra_loss": [], "intra_reward": []}
    last: dict[str, IntraStats] = {}

    def note(_done: int, stats: dict[str, IntraStats]) -> None:
        learning = [part.loss for part in stats.values() if part.updates]
        series["intra_loss"].append(float(np.mean(learning)) if learning else math.nan)
        series["intra_reward"].append(float(np.mean([part.reward for part in stats.values()])))
        last.update(stats)

    config, scenario, options = (
        replace(CONFIGS[run.intra], **run.intra_agents),
        parse_scenario(run.scenario),
        _options(run),
    )
    started_s = time.perf_counter()
    weights = train_intra(
        scenario, run.intra, run.seed, run.slots, run.control_delay_slots, _COMMAND, note, options, config, run.varied
    )
    first_loss, last_loss = _ends(series["intra_loss"])
    measures = {
        "intra_training_wall_s": time.perf_counter() - started_s,
        "intra_updates": float(sum(part.updates for part in last.values())),
        "intra_loss_first": first_loss,
        "intra_loss_last": last_loss,
    }
    return Outcome(measures, series, weights)


def _train_inter(run: Run, weights_of: WeightsOf) -> Outcome:
    from hiso.training.inter import InterTraining, trained_file
    from xapps.slicing.inter.learning import LearnerStats

    scenario, seconds = parse_scenario(run.scenario), run.slots // SLOTS_PER_SECOND
    training = InterTraining(
        scenario,
        replace(changed_config(run.inter, run.inter_agents), training_seconds=seconds),
        run.seed,
        run.control_delay_slots,
        _weights(run, weights_of).intra or run.intra,
        _options(run),
        trigger=run.trigger,
        gate=run.gate or "none",
        varied=run.varied,
    )
    series: dict[str, list[float]] = {name: [] for name in ("utility", "eta_bps_hz", "goodput_bps_hz", "inter_loss")}

    def note(window: SecondWindow, stats: LearnerStats) -> None:
        report = second_report(window, scenario.total_bandwidth_hz)
        of_agents = stats.agents.values()
        series["utility"].append(utility(scenario.eta_weight, scenario.ssr_weights, report.eta_bps_hz, report.ssr))
        series["eta_bps_hz"].append(float(report.eta_bps_hz))
        delivered = window.counts[:, st.DELIVERED_BITS].sum()
        series["goodput_bps_hz"].append(float(delivered / scenario.total_bandwidth_hz))
        loss = float(np.mean([part.actor_loss + part.critic_loss for part in of_agents]))
        series["inter_loss"].append(loss if stats.updates else math.nan)

    started_s = time.perf_counter()
    agent, learner = training.run(note)
    first_loss, last_loss = _ends(series["inter_loss"])
    measures = {
        "inter_training_wall_s": time.perf_counter() - started_s,
        "inter_learner_s": agent.learner_s,
        "inter_updates": float(learner.stats.updates),
        "inter_loss_first": first_loss,
        "inter_loss_last": last_loss,
        "inter_convergence_s": convergence_s(series["utility"]),
        "online_utility": float(np.mean(series["utility"])),
        "online_eta_bps_hz": float(np.mean(series["eta_bps_hz"])),
        "online_utility_last": _ends(series["utility"])[1],
        "online_eta_last_bps_hz": _ends(series["eta_bps_hz"])[1],
    }
    return Outcome(measures, series, trained_file(training, learner.weights(), _COMMAND))


def _ends(curve: list[float]) -> tuple[float | None, float | None]:
    """Means of the first and the last fifth of what there is of a curve; None: there is nothing."""
    known = [value for value in curve if not math.isnan(value)]
    if not known:
        return None, None
    count = max(1, len(known) // _ENDS)
    return float(np.mean(known[:count])), float(np.mean(known[-count:]))


def convergence_s(utility_each_second: list[float]) -> float:
    """Seconds until the moving mean stays within 5 % of the mean of the last fifth.

    Args:
        utility_each_second: [T]; the mean moves over a twentieth of T.
    """
    curve = np.array(utility_each_second)
    window = max(1, len(curve) // 20)
    moving = np.convolve(curve, np.full(window, 1 / window), mode="valid")
    end = curve[-max(1, len(curve) // _ENDS) :].mean()
    away = np.flatnonzero(np.abs(moving - end) > 0.05 * abs(end))
    return float(window + (away[-1] + 1 if len(away) else 0))
