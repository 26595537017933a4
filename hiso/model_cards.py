"""Model cards: what shipped agents were trained on, what they reach of a reference, and where they end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from hiso.bounds import split_tables as tables
from hiso.bounds.controls import Misled
from hiso.bounds.shares import OWN_ACTIONS, RULES, SHUFFLED, UNTRAINED, oracle_shares
from hiso.observe import budget_context, slice_context
from hiso.world import make_world, play_policy, report_utility
from ran_emulator.cell import Cell
from ran_emulator.scenario import PRESETS, SLICE_NAMES, SLOTS_PER_SECOND, Scenario, load_scenario
from xapps.slicing.inter.base import InterPolicy
from xapps.slicing.inter.coma2c import TUNED
from xapps.slicing.inter.policies import make_inter_policy
from xapps.slicing.intra.policies import trained_weights
from xapps.slicing.observation import BudgetContext, SecondReport
from xapps.slicing.weights import ANY_HWI_MODEL, Weights
from xapps.trained import find_weights, inter_weights, trained_name

KAPPAS = (0.0, 1e-6, 1e-4, 1e-3, 1e-2, 5e-2)
READINGS = ("paper", "aggregate")
DELAYS = (0, 2)
INTRA_VARIANTS = ("madqn-tuned", "madqn")
INTER_AGENTS = (("coma2c-tuned", "madqn-tuned", "z-ref"), ("coma2c", "madqn", "10-percent"))
FRESH_SEEDS = (9_001, 9_002, 9_003)
"""Of worlds that no training has seen."""


class Size(NamedTuple):
    """How much is measured."""

    snapshots_a_seed: int
    seconds: int
    """Of each world in which inter-slice agents are played."""


FULL, QUICK = Size(100, 60), Size(10, 5)

Progress = Callable[[str], None]
"""Called with what is measured next."""


def page(size: Size, presets: Sequence[str] = PRESETS, progress: Progress = lambda _what: None) -> str:
    """All cards as Markdown."""
    parts = [_HEAD.format(snapshots=size.snapshots_a_seed * len(FRESH_SEEDS), seconds=size.seconds)]
    for preset in presets:
        progress(preset)
        parts += [f"## {preset}", _trainings(preset), _intra(preset, size), _inter(preset, size)]
    return "\n\n".join(parts) + "\n"


_HEAD = """# Shipped agents

Made by `hiso models cards --page docs/models.md`.

**What is measured.** Intra-slice agents (`madqn`, `madqn-tuned`): the sum rate of a slice's group on {snapshots} \
paired snapshots of three worlds that no training has seen (seeds 9001-9003, equal power, 2/6/2 MHz; served by \
`slnr`, under aggregate distortion by `greedy`, so that groups are as large as good agents meet them), as a share of \
the coordinate-ascent oracle's, which knows the channels and the random common beam and may give each user a level of \
its own. The worst of VoNR, eMBB and uRLLC stands in brackets. The tuned agents choose one level for a group and \
among eight beams a user: what the same ascent finds among those actions stands below them. Rules that do not learn \
are there to compare with; as negative controls, the first agents untrained, and deciding on other snapshots than \
those they meet. Inter-slice agents (`coma2c`, `coma2c-tuned`), at D = 0: mean utility over {seconds} s of three such \
worlds, as a share of `clairvoyant-late`'s (the best split of the second before, by the tuned agents' objective, over \
`madqn-tuned`), with that of the best constant split; SSR of the worst slice. Negative controls again: the tuned \
agents untrained, and shown the seconds of another world while the trigger sees their own; where the load is constant \
they set the same split whatever they see, so that tells something in `regimes` alone. A share may be above 100 %: the \
reference is a second late.

**Limits.** Agents are trained in the preset's cell. Those of another action set are refused, and `madqn` with another \
number of beams; `madqn-tuned`, which sees eight beams a user, runs in other cells, untested. Agents for any D >= 1 \
are those trained at D = 2. There uRLLC packets, which do not wait for a decision, are mostly gone before a decision \
takes effect, and the node's default serves; where its agent learned nothing for that reason, it is trained at D = 0. \
Access other than `rsma` and `sdma`, other precoders, and CSI that is old or noisy were not trained for. Other seeds \
give other agents."""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shipped(variants: Iterable[str], preset: str) -> list[Weights]:
    return [find_weights(trained_name(variant, preset, delay)) for variant in variants for delay in DELAYS]


def _trainings(preset: str) -> str:
    rows = []
    for weights in _shipped((*INTRA_VARIANTS, *(inter for inter, _, _ in INTER_AGENTS), "sa2c-t"), preset):
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
        for reading in READINGS
        for kappa in KAPPAS
    }
    for label in labels:
        for reading in READINGS:
            cells = []
            for kappa in KAPPAS:
                shares = {part.slice_name: part.shares[label] for part in found[reading, kappa]}
                cells.append(f"{100 * shares['embb']:.1f} ({100 * min(shares.values()):.1f})")
            rows.append((label if label in (OWN_ACTIONS, UNTRAINED, SHUFFLED) else f"`{label}`", reading, *cells))
    return "eMBB (worst slice), % of the oracle:\n\n" + _table(
        ("agents", "HWI", *(f"kappa {kappa:g}" for kappa in KAPPAS)), rows
    )


def _inter(preset: str, size: Size) -> str:
    scenario = load_scenario(preset)
    reference, constant = _clairvoyant_late_and_constant(scenario, size.seconds)

    def row(label: str, utility: float, worst_ssr: str) -> tuple[str, ...]:
        return label, f"{utility:.2f}", f"{100 * utility / reference:.1f}", worst_ssr

    rows = [row("best constant split", constant, "")]
    for label, worlds in _inter_runs(scenario, size.seconds):
        reports = [report for world in worlds for report in world]
        utility = float(np.mean([report_utility(scenario, report) for report in reports]))
        rows.append(row(label, utility, f"{np.mean([report.ssr for report in reports], axis=0).min():.3f}"))
    header = ("agents", "utility", f"% of clairvoyant-late ({reference:.2f})", "SSR, worst slice")
    return _table(header, rows)


def _clairvoyant_late_and_constant(scenario: Scenario, seconds: int) -> tuple[float, float]:
    """Mean utility of the best split of the second before and of the best constant one, over the fresh worlds."""
    below = find_weights(trained_name("madqn-tuned", scenario.name, 0))
    cell = Cell(scenario, 0)
    agents = {
        name: trained_weights("madqn-tuned", slice_context(cell, index), below)
        for index, name in enumerate(SLICE_NAMES)
    }
    late, constant = [], []
    for seed in FRESH_SEEDS:
        splits = tables.split_tables(scenario, seed, seconds, "madqn-tuned", 0, agents)
        late.append(tables.play(splits, tables.clairvoyant_late(splits, TUNED.sla_weight)).utility)
        constant.append(tables.play(splits, tables.best_constant(splits, TUNED.sla_weight)).utility)
    return float(np.mean(late)), float(np.mean(constant))


def _inter_runs(scenario: Scenario, seconds: int) -> Iterator[tuple[str, list[list[SecondReport]]]]:
    """Labels and reports, by fresh world, of the shipped inter-slice agents and of the negative controls."""
    played = {}
    for variant, intra, trigger in INTER_AGENTS:
        weights = find_weights(trained_name(variant, scenario.name, 0))
        played[variant] = _play(scenario, _agents(weights), intra, trigger, seconds)
        yield f"`{weights.weights_id}`, `{trigger}`, over `{intra}`", played[variant]
    variant, intra, trigger = INTER_AGENTS[0]
    tuned = _agents(find_weights(trained_name(variant, scenario.name, 0)))
    of_others = played[variant][1:] + played[variant][:1]
    controls: dict[str, _MakeAgents] = {
        UNTRAINED: lambda world, context: make_inter_policy(variant, context, FRESH_SEEDS[world], None),
        SHUFFLED: lambda world, context: Misled(tuned(world, context), of_others[world]),
    }
    for control, agents in controls.items():
        yield control, _play(scenario, agents, intra, trigger, seconds)


_MakeAgents = Callable[[int, BudgetContext], InterPolicy]
"""Inter-slice agents of a fresh world, by its place."""


def _agents(weights: Weights) -> _MakeAgents:
    networks = inter_weights(weights)
    return lambda world, context: make_inter_policy(weights.metadata.variant, context, FRESH_SEEDS[world], networks)


def _play(scenario: Scenario, agents: _MakeAgents, intra: str, trigger: str, seconds: int) -> list[list[SecondReport]]:
    """Reports of the fresh worlds under inter-slice agents."""
    below = find_weights(trained_name(intra, scenario.name, 0))
    context = budget_context(scenario, 0)
    return [
        play_policy(make_world(scenario, seed, 0, below), agents(world, context), trigger, seconds)
        for world, seed in enumerate(FRESH_SEEDS)
    ]
