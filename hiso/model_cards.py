"""Model cards: what shipped agents were trained on, what they reach of a reference, and where they end."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hiso.bounds import split_tables as tables
from hiso.bounds.controls import Misled
from hiso.bounds.shares import OWN_ACTIONS, RULES, SHUFFLED, UNTRAINED, oracle_shares
from hiso.observe import budget_context, slice_contexts
from hiso.run_request import pinned
from hiso.world import make_world, report_utility, slice_weights
from ran_emulator import state as st
from ran_emulator.cell import resolved, success_ratio
from ran_emulator.phy.codes import HWI_MODELS
from ran_emulator.scenario import PRESETS, SLICE_NAMES, SLOTS_PER_SECOND, Scenario, load_scenario
from xapps.agents import BudgetAgent
from xapps.slicing.inter.base import InterPolicy
from xapps.slicing.inter.coma2c import TUNED
from xapps.slicing.inter.policies import make_inter_policy
from xapps.slicing.observation import BudgetContext, SecondReport
from xapps.slicing.schedulers import SCHEDULERS
from xapps.slicing.triggers import make_trigger
from xapps.slicing.weights import ANY_HWI_MODEL, Weights
from xapps.trained import find_weights, inter_weights, is_shipped, trained_name

I64 = npt.NDArray[np.int64]

KAPPAS = (0.0, 1e-6, 1e-4, 1e-3, 1e-2, 5e-2)
DELAYS = (0, 2)
INTRA_VARIANTS = ("madqn-tuned", "madqn")
TUNED_SCHEDULER = "hiso-coma-tuned"
INTER_SCHEDULERS = (TUNED_SCHEDULER, "hiso-coma", "sa2c-t")
OTHER_IMPAIRMENTS = (("paper", 5e-2), ("aggregate", 1e-3), ("aggregate", 5e-2))
"""In which the tuned inter-slice agents are played beside the preset's own; a preset without any is left as it is."""
FRESH_SEEDS = (9_001, 9_002, 9_003)
"""Of worlds that no training has seen."""
C6_WEIGHT = 100.0
"""Of the SLA deficits, for a clairvoyant to whom nothing else matters while there are any."""


class Size(NamedTuple):
    """How much is measured."""

    snapshots_a_seed: int
    seconds: int
    """Of each world in which inter-slice agents are played."""


FULL, QUICK = Size(100, 60), Size(10, 5)

Progress = Callable[[str], None]
"""Called with what has been measured."""


def page(size: Size, presets: Sequence[str] = PRESETS, progress: Progress = lambda _what: None) -> str:
    """All cards as Markdown; presets are measured side by side, as far as there are cores."""
    parts = [_HEAD.format(snapshots=size.snapshots_a_seed * len(FRESH_SEEDS), seconds=size.seconds)]
    for preset, card in zip(presets, _cards(size, presets), strict=True):
        progress(preset)
        parts += card
    return "\n\n".join(parts) + "\n"


def _cards(size: Size, presets: Sequence[str]) -> Iterator[list[str]]:
    workers = min(len(presets), os.cpu_count() or 1)
    if workers == 1:
        yield from map(partial(_card, size), presets)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(partial(_card, size), presets)


def _card(size: Size, preset: str) -> list[str]:
    return [f"## {preset}", _trainings(preset), _intra(preset, size), _inter(preset, size)]


_HEAD = """# Shipped agents

Made by `hiso models cards --page docs/models.md`.

**Intra-slice agents** (`madqn`, `madqn-tuned`): the sum rate of a slice's group on {snapshots} paired snapshots of \
three worlds that no training has seen (seeds 9001-9003, equal power, 2/6/2 MHz; served by `slnr`, under aggregate \
distortion by `greedy`, so that groups are as large as good agents meet them), as a share of the coordinate-ascent \
oracle's, which knows the channels and the random common beam and may give each user a level of its own. The worst of \
VoNR, eMBB and uRLLC stands in brackets. Snapshots are of D = 0, also for the agents trained at D = 2. The tuned \
agents choose one level for a group and among eight beams a user: what the same ascent finds among those actions \
stands below them. Neither ascent is a bound; with 8 antennas and groups of at most two users trying everything is on \
average at most .5 % better (`tests/hiso/test_references.py`). Rules that do not learn are there to compare with; as \
negative controls, the first agents untrained, and deciding on other snapshots than those they meet.

**Inter-slice agents** (`coma2c`, `coma2c-tuned`, `sa2c-t`): mean utility over {seconds} s of three such worlds, as a \
share of `clairvoyant-late`'s (the best of the 15 splits of the second before at equal power, by the tuned agents' \
objective, over `madqn-tuned`; a share may be above 100 %, as it is a second late); in brackets the least SSR of a \
slice, over all its packets. Before them, what splits of the band can do there at equal power: the best constant one \
of each world; `clairvoyant-late`; **C6 first**, the split of the second to come with the smallest sum of deficits of \
SSR below .95 (weight 100), which may give one slice up; and a **bound**: an SSR that the worst slice exceeds under no \
sequence of the 15 (what queues carry into the next second left aside). Where it is below .95, no splits hold C6 over \
these agents, whoever chooses them; where C6 first reaches .95, one who knows the second to come does. Agents choose \
unequal powers, too, which may lift them slightly above. Negative controls, D = 0: the tuned agents untrained, and \
shown the seconds of another world while the trigger sees their own; where the load is constant they set the same \
split whatever they see, so that tells something in `regimes` alone.

**Limits.** Agents are trained in the preset's cell. `madqn-tuned` and `coma2c-tuned` have met both readings and kappa \
0 to .1; of `madqn`, `coma2c` and `sa2c-t` there are weights for the paper's reading at the preset's kappa alone. \
Those of another action set are refused, and `madqn` with another number of beams; `madqn-tuned`, which sees eight \
beams a user, runs in other cells, untested. Agents for any D >= 1 are those trained at D = 2. There uRLLC packets, \
which do not wait for a decision, are mostly gone before a decision takes effect, and the node's default serves; where \
its agent learned nothing for that reason, it is trained at D = 0. Access other than `rsma` and `sdma`, other \
precoders, and CSI that is old or noisy were not trained for. Where only the world is another than they were trained \
for (reading, kappa, D, cell, CSI), they serve with a warning: how much worse, is for experiments to tell.

**Training.** `coma2c-tuned` is the best of three trainings (its seed, of 1 to 3, is in the table), the others are of \
seed 1 and not chosen among several. Weights do not say what they cost: [fig08](results/fig08.md) has processor times \
of trainings of 20,000 slots and 1,000 s, [everywhere](results/everywhere.md) of 80,000 and 3,000 s. The headlines of \
[results](results.md) are of agents trained anew for 80,000 slots and 3,000 s, ten seeds each and none left out, not \
of those here. Other seeds give other agents, and a failed training looks like any other until it is compared: \
`--candidates N` trains the inter-slice agents N times (seeds S to S + N - 1), plays each for 60 s in one more world \
under each reading at kappa .001, .01 and .05 (agents that do not see the impairments: at the scenario's own), and \
keeps those whose least share of the best utility among them is largest; the intra-slice agents below are trained \
once. Of trainings of 3,000 s in `regimes` the best of three is not surely better than one \
([best-of-three](results/best-of-three.md)). The tuned agents have no memory (a feed-forward layer where `coma2c` has \
an LSTM)."""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shipped(variants: Iterable[str], preset: str) -> list[Weights]:
    return [find_weights(trained_name(variant, preset, delay)) for variant in variants for delay in DELAYS]


def _trainings(preset: str) -> str:
    rows = []
    for weights in _shipped((*INTRA_VARIANTS, *(SCHEDULERS[name].inter for name in INTER_SCHEDULERS)), preset):
        about = weights.metadata
        kappa = f"{about.kappa_t:g}" if about.hwi_model != ANY_HWI_MODEL else f"0-{about.kappa_t:g}"
        length_s = f"{about.trained_slots / SLOTS_PER_SECOND:g} s"
        rows.append(
            (f"`{weights.weights_id}`", about.hwi_model, kappa, length_s, str(about.seed), f"`{about.command}`")
        )
    return _table(("agents", "HWI", "kappa", "trained", "seed", "command"), rows)


def _intra(preset: str, size: Size) -> str:
    agents = _shipped(INTRA_VARIANTS, preset)
    labels = [*(weights.weights_id for weights in agents), OWN_ACTIONS, *RULES, UNTRAINED, SHUFFLED]
    rows = []
    found = {
        (reading, kappa): oracle_shares(
            load_scenario(preset, [f"hwi.model={reading}", f"hwi.kappa={kappa}"]),
            agents,
            FRESH_SEEDS,
            size.snapshots_a_seed,
        )
        for reading in HWI_MODELS
        for kappa in KAPPAS
    }
    for label in labels:
        for reading in HWI_MODELS:
            cells = []
            for kappa in KAPPAS:
                shares = {part.slice_name: part.shares[label] for part in found[reading, kappa]}
                cells.append(f"{100 * shares['embb']:.1f} ({100 * min(shares.values()):.1f})")
            rows.append((label if label in (OWN_ACTIONS, UNTRAINED, SHUFFLED) else f"`{label}`", reading, *cells))
    return "eMBB (worst slice), % of the oracle:\n\n" + _table(
        ("agents", "HWI", *(f"kappa {kappa:g}" for kappa in KAPPAS)), rows
    )


class _Condition(NamedTuple):
    """In which inter-slice agents are played."""

    scenario: Scenario
    delay: int

    @property
    def cells(self) -> tuple[str, str, str]:
        """Of a row of the page."""
        hwi = self.scenario.hwi
        return hwi.model, f"{hwi.kappa_t:g}", str(self.delay)


class _Played(NamedTuple):
    """What inter-slice agents, or a sequence of splits, gave in the fresh worlds."""

    utility: float
    succeeded: I64  # [S], packets of all worlds
    resolved: I64
    reports: list[list[SecondReport]]
    """By world; empty for a sequence."""

    @property
    def worst_ssr(self) -> float:
        """Of the slices."""
        return float(success_ratio(self.succeeded, self.resolved).min())

    def with_ssr(self) -> str:
        """Utility, and SSR of the worst slice."""
        return f"{self.utility:.2f} ({self.worst_ssr:.3f})"


def _inter(preset: str, size: Size) -> str:
    own = load_scenario(preset)
    conditions = [_Condition(own, delay) for delay in DELAYS]
    if own.hwi.kappa_t > 0:
        for model, kappa in OTHER_IMPAIRMENTS:
            changed = load_scenario(preset, [f"hwi.model={model}", f"hwi.kappa={kappa}"])
            conditions.append(_Condition(changed, 0))
    references, rows = [], []
    for condition in conditions:
        late, cells = _references(condition, size.seconds)
        references.append((*condition.cells, *cells))
        for label, played in _agents_and_controls(condition, size.seconds, own=condition.scenario is own):
            share = f"{100 * played.utility / late:.1f}"
            rows.append((label, *condition.cells, played.with_ssr(), share))
    header = ("HWI", "kappa", "D")
    return "\n\n".join(
        (
            "Budgets, utility (SSR of the worst slice):",
            _table((*header, "best constant split", "clairvoyant-late", "C6 first", "bound"), references),
            "Inter-slice agents, utility (SSR of the worst slice):",
            _table(("agents", *header, "utility", "% of clairvoyant-late"), rows),
        )
    )


def _references(condition: _Condition, seconds: int) -> tuple[float, tuple[str, ...]]:
    """Utility of the clairvoyant a second late; cells of all references."""
    scenario, delay = condition
    below = find_weights(trained_name("madqn-tuned", scenario.name, delay))
    agents = slice_weights(slice_contexts(scenario, delay), "madqn-tuned", below)
    worlds = [tables.split_tables(scenario, seed, seconds, "madqn-tuned", delay, agents) for seed in FRESH_SEEDS]
    constant = _play_splits(worlds, partial(tables.best_constant, sla_weight=TUNED.sla_weight))
    late = _play_splits(worlds, partial(tables.clairvoyant_late, sla_weight=TUNED.sla_weight))
    first = _play_splits(worlds, partial(tables.clairvoyant, sla_weight=C6_WEIGHT))
    bound = worst_ssr_bound(
        np.concatenate([world.successes for world in worlds]), np.concatenate([world.resolved for world in worlds])
    )
    at_most = f"({math.ceil(1_000 * bound) / 1_000:.3f})"
    return late.utility, (constant.with_ssr(), late.with_ssr(), first.with_ssr(), at_most)


def _play_splits(worlds: Sequence[tables.SplitTables], choose: Callable[[tables.SplitTables], I64]) -> _Played:
    choices = [choose(world) for world in worlds]
    utility = np.mean([tables.play(world, choice).utility for world, choice in zip(worlds, choices, strict=True)])

    def packets(counts: Sequence[I64]) -> I64:
        each = [count[np.arange(len(choice)), choice] for count, choice in zip(counts, choices, strict=True)]
        return np.asarray(np.concatenate(each).sum(axis=0))

    return _Played(
        float(utility),
        packets([world.successes for world in worlds]),
        packets([world.resolved for world in worlds]),
        [],
    )


def worst_ssr_bound(succeeded: I64, resolved_packets: I64, steps: int = 40, halvings: int = 16) -> float:
    """An SSR that the worst slice exceeds under no sequence of splits; packets are [T, A, S].

    A sequence in which each slice reaches the SSR x has sum_t sum_s w_s (succeeded - x resolved) >= 0 for all weights
    w >= 0. So x is out of reach where even the best split of each second, for some w, leaves that sum below 0.
    """
    parts = [(a, b, steps - a - b) for a in range(steps + 1) for b in range(steps + 1 - a)]
    packets = np.maximum(resolved_packets.max(axis=1).sum(axis=0), 1)  # [S]
    weights = np.array(parts) / steps / packets  # [W, S]
    good, done = (np.einsum("ws,tas->wta", weights, each) for each in (succeeded, resolved_packets))
    low, high = 0.0, 1.0
    for _ in range(halvings):
        middle = (low + high) / 2
        reached = (good - middle * done).max(axis=2).sum(axis=1).min() >= 0
        low, high = (middle, high) if reached else (low, middle)
    return high


def _agents_and_controls(condition: _Condition, seconds: int, *, own: bool) -> Iterator[tuple[str, _Played]]:
    """Labels, and what they give: of the tuned agents, in the preset's `own` impairments also of all else."""
    delay = condition.delay
    played = None
    for name in INTER_SCHEDULERS if own else (TUNED_SCHEDULER,):
        scheduler = SCHEDULERS[name]
        weights = find_weights(trained_name(scheduler.inter, condition.scenario.name, delay))
        result = _play(condition, name, _agents(weights), seconds)
        played = played or result
        yield f"`{weights.weights_id}`, `{scheduler.trigger}`, over `{scheduler.intra}`", result
    if not own or delay or played is None:
        return
    variant = SCHEDULERS[TUNED_SCHEDULER].inter
    tuned = _agents(find_weights(trained_name(variant, condition.scenario.name, delay)))
    of_others = played.reports[1:] + played.reports[:1]
    controls: dict[str, _MakeAgents] = {
        UNTRAINED: lambda world, context: make_inter_policy(variant, context, FRESH_SEEDS[world], None),
        SHUFFLED: lambda world, context: Misled(tuned(world, context), of_others[world]),
    }
    for control, agents in controls.items():
        yield control, _play(condition, TUNED_SCHEDULER, agents, seconds)


_MakeAgents = Callable[[int, BudgetContext], InterPolicy]
"""Inter-slice agents of a fresh world, by its place."""


def _agents(weights: Weights) -> _MakeAgents:
    networks = inter_weights(weights)
    return lambda world, context: make_inter_policy(weights.metadata.variant, context, FRESH_SEEDS[world], networks)


def _play(condition: _Condition, name: str, agents: _MakeAgents, seconds: int) -> _Played:
    """The fresh worlds under inter-slice agents, with the trigger and the intra-slice policy of a scheduler."""
    scheduler = SCHEDULERS[name]
    scenario = pinned(condition.scenario, scheduler)
    intra = trained_name(scheduler.intra, scenario.name, condition.delay)
    below = find_weights(intra) if is_shipped(intra) else scheduler.intra
    context = budget_context(scenario, condition.delay)
    succeeded, done = np.zeros(len(SLICE_NAMES), np.int64), np.zeros(len(SLICE_NAMES), np.int64)
    reports: list[list[SecondReport]] = []
    for place, seed in enumerate(FRESH_SEEDS):
        world = make_world(scenario, seed, condition.delay, below)
        agent = BudgetAgent(agents(place, context), make_trigger(scheduler.trigger))
        report = world.report(world.cell.window())  # the zero-load report before slot 0
        reports.append([])
        for _ in range(seconds):
            report, window = world.second(agent.on_report(report))
            reports[-1].append(report)
            succeeded += window.counts[:, st.SUCCEEDED]
            done += resolved(window.counts)
    utility = np.mean([report_utility(scenario, report) for world_reports in reports for report in world_reports])
    return _Played(float(utility), succeeded, done, reports)
