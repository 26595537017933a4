"""Whether this code gives what earlier code gave: stored runs of that made again by this, and compared bit for bit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hiso.experiments.run import Run, key_of
from hiso.experiments.store import Result, Store
from ran_emulator.scenario import parse_scenario
from xapps.slicing.options import AgentOptions

_TIMES = ("_cpu_s", "learner_s")
"""Ends of the names of measures that no two runs give alike."""


def stored_runs(runs: dict[str, Run], store: Store, earlier: str) -> dict[str, str]:
    """Keys of the runs that are stored under the digest of earlier code and went well, by their keys under this one's.

    Args:
        runs: by key, trainings before what needs them; those of whole systems are left out.
        store: where results are.
        earlier: `code_digest` of the earlier code.

    Raises:
        StoreError: a stored file that cannot be used.
    """
    then: dict[str, str] = {}
    for key, run in runs.items():
        if run.kind != "system":
            then[key] = key_of(run.needing(then).content, earlier)
    found = {key: store.get(old) for key, old in then.items()}
    return {key: then[key] for key, result in found.items() if result is not None and result.error is None}


def ready_runs(runs: dict[str, Run], then: dict[str, str], lender: Store) -> dict[str, Run]:
    """Runs that can be made again: of those in `then`, those of whose trainings the lender has results and weights.

    Args:
        runs: all that the stored ones may need, by key.
        then: keys under which the lender has what they name.
        lender: the store of the earlier code's results.
    """
    return {
        key: runs[key]
        for key in then
        if all(name in then and lender.has_weights(then[name]) for name in runs[key].needs if name in runs)
    }


def facets_of(run: Run) -> set[str]:
    """What of its kind it has, by which code differs: of each such thing one run at least is made again."""
    world = parse_scenario(run.scenario)
    facets = [
        f"{run.inter.partition(':')[0]} {run.intra} {run.trigger}",
        f"access={world.access} precoder={world.precoder} common_beam={world.common_beam}",
        f"hwi.model={world.hwi.model}",
        "CSI that is perfect" if world.csi_is_perfect else "CSI that is not perfect",
        f"D={run.control_delay_slots}",
        *AgentOptions.model_validate(run.options).assignments(),
        *(name for name in ("varied", "learns_on", "inter_agents", "intra_agents") if getattr(run, name)),
        *(f"{name}={value}" for name in ("gate", "control") if (value := getattr(run, name)) is not None),
    ]
    return {f"{run.kind} {facet}" for facet in facets}


def sample(runs: dict[str, Run], count: int, rng: np.random.Generator) -> dict[str, Run]:
    """Runs to make again, by key: of every facet that there is one at least, then any until there are `count`."""
    keys = [*runs]
    shuffled = [keys[place] for place in rng.permutation(len(keys))]
    seen: set[str] = set()
    firsts: list[str] = []
    for key in shuffled:
        facets = facets_of(runs[key])
        if not facets <= seen:
            firsts.append(key)
            seen |= facets
    chosen = dict.fromkeys([*firsts, *shuffled])
    return {key: runs[key] for key in list(chosen)[: max(count, len(firsts))]}


def lend_weights(runs: dict[str, Run], then: dict[str, str], lender: Store, borrower: Store) -> None:
    """Copy the weights that runs need.

    Args:
        runs: those that can be made again (`ready_runs`), by key.
        then: keys under which the lender has what they name.
        lender: the store of the earlier code's results.
        borrower: the store in which runs are made again.

    Raises:
        StoreError: the borrower's folder cannot be made.
    """
    borrower.prepare()
    for name in {name for run in runs.values() for name in run.needs if name in then}:
        borrower.copy_weights(name, lender, then[name])


def compare(runs: dict[str, Run], then: dict[str, str], store: Store, again: Store) -> dict[str, list[str]]:
    """What each run gave differently when it was made again, by key; the lists of all that came out the same are empty.

    Args:
        runs: those that were made again, by key.
        then: the keys under which `store` has them.
        store: results of the earlier code.
        again: results of this code.

    Raises:
        StoreError: a stored file that cannot be used.
    """
    return {key: [*_differences(store.get(then[key]), again.get(key))] for key in runs}


def _differences(stored: Result | None, made: Result | None) -> Iterator[str]:
    """But for times; curves that are not stored are not compared."""
    if stored is None or made is None:
        yield "is not stored"
        return
    if made.error is not None:
        yield f"failed: {made.error.strip().splitlines()[-1]}"
        return
    for name in sorted(stored.measures.keys() | made.measures.keys()):
        before, now = stored.measures.get(name), made.measures.get(name)
        if before != now and not name.endswith(_TIMES):
            yield f"{name}: {now}, was {before}"
    for name in sorted(stored.series.keys() & made.series.keys()):
        if stored.series[name] != made.series[name]:
            yield f"{name}: another curve"
