"""Model cards: what shipped agents were trained on, what they reach of a reference, and where they end."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

from hiso.bounds.shares import OWN_ACTIONS, RULES, SHUFFLED, UNTRAINED, oracle_shares
from hiso.fresh_worlds import FRESH_SEEDS, INTER_SCHEDULERS, Condition, Played, agents_and_controls, references
from ran_emulator.phy.codes import HWI_MODELS
from ran_emulator.scenario import PRESETS, SLOTS_PER_SECOND, load_scenario
from xapps.slicing.schedulers import SCHEDULERS
from xapps.slicing.weights import ANY_HWI_MODEL, Weights
from xapps.trained import find_weights, trained_name

KAPPAS = (0.0, 1e-6, 1e-4, 1e-3, 1e-2, 5e-2)
DELAYS = (0, 2)
INTRA_VARIANTS = ("madqn-tuned", "madqn")
OTHER_IMPAIRMENTS = (("paper", 5e-2), ("aggregate", 1e-3), ("aggregate", 5e-2))
"""In which the tuned inter-slice agents are played beside the preset's own; a preset without any is left as it is."""


class Size(NamedTuple):
    """How much is measured."""

    snapshots_a_seed: int
    seconds: int
    """Of each world in which inter-slice agents are played, after its first."""


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
slice, over all its packets. A world's first second is before those {seconds} s and left out of agents, references and \
bound alike: agents have seen no load by then and leave the initial budgets as they are. Before the agents, what \
splits of the band can do there at equal power: the best constant one of each world; `clairvoyant-late`; **C6 first**, \
the split of the second to come with the smallest sum of deficits of SSR below .95 (weight 100), which may give one \
slice up; and a **bound**: an SSR that the worst slice exceeds under no sequence of the 15 (what queues carry into the \
next second left aside). Where it is below .95, no splits hold C6 over these agents, whoever chooses them; where C6 \
first reaches .95, one who knows the second to come does. Agents choose unequal powers, too, which may lift them \
slightly above. Negative controls, D = 0: the tuned agents untrained, and shown the seconds of another world while the \
trigger sees their own; where the load is constant they set the same split whatever they see, so that tells something \
in `regimes` alone.

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


def _inter(preset: str, size: Size) -> str:
    own = load_scenario(preset)
    conditions = [Condition(own, delay) for delay in DELAYS]
    if own.hwi.kappa_t > 0:
        for model, kappa in OTHER_IMPAIRMENTS:
            changed = load_scenario(preset, [f"hwi.model={model}", f"hwi.kappa={kappa}"])
            conditions.append(Condition(changed, 0))
    budgets, rows = [], []
    for condition in conditions:
        hwi = condition.scenario.hwi
        where = (hwi.model, f"{hwi.kappa_t:g}", str(condition.delay))
        splits = references(condition, size.seconds)
        reached = [_with_ssr(played) for played in (splits.constant, splits.late, splits.c6_first)]
        budgets.append((*where, *reached, f"({math.ceil(1_000 * splits.bound) / 1_000:.3f})"))
        for label, played in agents_and_controls(condition, size.seconds, own=condition.scenario is own):
            share = f"{100 * played.utility / splits.late.utility:.1f}"
            rows.append((label, *where, _with_ssr(played), share))
    header = ("HWI", "kappa", "D")
    return "\n\n".join(
        (
            "Budgets, utility (SSR of the worst slice):",
            _table((*header, "best constant split", "clairvoyant-late", "C6 first", "bound"), budgets),
            "Inter-slice agents, utility (SSR of the worst slice):",
            _table(("agents", *header, "utility", "% of clairvoyant-late"), rows),
        )
    )


def _with_ssr(played: Played) -> str:
    """Utility, and SSR of the worst slice."""
    return f"{played.utility:.2f} ({played.worst_ssr:.3f})"
