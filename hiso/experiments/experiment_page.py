"""The page of one experiment: its figure, numbers and verdicts with what they rest on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from hiso.experiments.claims import Finding, Reading, Verdict, interval, number
from hiso.experiments.measures import MEASURES
from hiso.experiments.results import Results
from hiso.experiments.runs import Plan
from hiso.experiments.spec import Experiment
from hiso.experiments.statistics import Estimate
from ran_emulator.scenario import SLOTS_PER_SECOND

_SHOWN_LINES = 12
_SHOWN_ROWS = 60
"""Longer lists of comparisons, and longer tables, are folded."""


def experiment_page(results: Results, verdicts: list[Verdict], picture: str | None, index: str) -> Iterator[str]:
    """Its lines. `picture`: the figure's file beside the page; `index`: the page of verdicts, which explains it."""
    experiment = results.experiment
    yield f"# {experiment.name}: {experiment.title}"
    yield ""
    figure = f"The paper's Figure {experiment.figure}. " if experiment.figure else ""
    yield f"{figure}{experiment.question}"
    yield ""
    if experiment.paper:
        yield f"In the paper: {experiment.paper}"
        yield ""
    if experiment.note:
        yield experiment.note
        yield ""
    command = f"hiso experiment run {experiment.name}{' --quick' if results.quick else ''}"
    yield f"Made by `{command}`; [how to read it]({index}#how-to-read-this), [words]({index}#words)."
    yield ""
    yield _state(results)
    if not results.found:
        return
    yield ""
    yield f"![{experiment.title}]({picture})"
    yield ""
    table = list(_table(results))
    yield from _folded(f"{len(table) - 2} rows of numbers", table) if len(table) > _SHOWN_ROWS else table
    yield from _ceilings(experiment)
    if verdicts:
        yield ""
        yield "## Claims"
    for verdict in verdicts:
        yield ""
        yield f"**{verdict.claim.text}** ({verdict.claim.section}): **{verdict.text}**"
        yield ""
        for name, reading in verdict.readings.items():
            yield from _reading(name, reading)


_STATES = {True: "holds", False: "does not hold", None: "no verdict"}


def _reading(name: str, reading: Reading) -> Iterator[str]:
    """A reading, and each of its rules where it has several."""
    several = len(reading.rules) > 1
    if several:
        yield f"- {name}: {_STATES[reading.holds]}; its {len(reading.rules)} rules:"
    for rule, finding in zip(reading.rules, reading.findings, strict=True):
        yield from _finding(rule.test if several else name, finding, rule.measure, "  " if several else "")


def _finding(name: str, finding: Finding, measure: str, indent: str) -> Iterator[str]:
    """A rule's numbers; many, and those that do not decide, are folded."""
    state = _STATES[finding.holds]
    shown, folded = finding.lines, finding.others
    if folded:
        state += f" in {len(shown)} of {len(shown) + len(folded)} comparisons"
    elif len(shown) > _SHOWN_LINES:
        state += f"; {len(shown)} comparisons" if finding.notes else f" in {len(shown)} comparisons"
        shown, folded = (), shown
    told = "".join(f" {line}." for line in (*shown, *finding.notes))
    yield f"{indent}- {name}: {state} ({MEASURES[measure].label}).{told}"
    if folded:
        yield ""
        yield from _folded("the others" if shown else "all of them", [f"- {line}." for line in folded], f"{indent}  ")


def _folded(title: str, lines: Sequence[str], indent: str = "") -> Iterator[str]:
    yield f"{indent}<details><summary>{title}</summary>"
    yield ""
    yield from (f"{indent}{line}" for line in lines)
    yield ""
    yield f"{indent}</details>"


def _state(results: Results) -> str:
    """What stands behind the numbers."""
    plan = results.plan
    if not results.found:
        return "No results are stored for this code."
    mark = "**QUICK: few seeds, short runs; no evidence for or against anything.** " if results.quick else ""
    missing = "" if results.complete else f" **Incomplete: {len(results.found)} of {len(plan.runs)} runs.**"
    failed = f" {results.failed} runs failed." if results.failed else ""
    jobs = ", ".join(map(str, results.jobs))
    return f"{mark}{_size(plan)}; processor times with {jobs} runs at a time.{missing}{failed}"


def _size(plan: Plan) -> str:
    size, experiment = plan.size, plan.experiment
    episodes = "an episode" if size.episodes == 1 else f"{size.episodes} episodes"
    parts = [f"{size.seeds} seeds of {episodes} of {size.duration_s} s"]
    if size.episodes == 0:
        parts = [f"{size.seeds} training seeds"]
    elif experiment.host == "snapshots":
        parts = [f"{size.seeds} seeds of {100 * size.duration_s * size.episodes} snapshots of each slice"]
    parts += _lengths(plan, "train-inter", "inter-slice trainings of {:,} s", SLOTS_PER_SECOND)
    parts += _lengths(plan, "train-intra", "intra-slice trainings of {:,} slots", 1)
    return "; ".join(parts)


def _lengths(plan: Plan, kind: str, text: str, slots_each: int) -> list[str]:
    """How long trainings of a kind are; of arms with other lengths than most, how long theirs are."""
    of_arms = {
        arm: plan.runs[key].slots // slots_each
        for (arm, _), units in plan.units.items()
        for key in units[0].trainings
        if plan.runs[key].kind == kind
    }
    if not of_arms:
        return []
    ((usual, _),) = Counter(of_arms.values()).most_common(1)
    others = [f"of {arm} {length:,}" for arm, length in of_arms.items() if length != usual]
    return [text.format(usual) + (f" ({', '.join(others)})" if others else "")]


def _ceilings(experiment: Experiment) -> Iterator[str]:
    """What the receivers' impairments leave of a stream, in every access and for any policy."""
    if not any(MEASURES[name].unit == "bit/s/Hz" for name in experiment.measures):
        return
    arm = next(iter(experiment.arms))
    kappas = {experiment.requests[arm, where].scenario.hwi.kappa_r for where in experiment.conditions}
    parts = [f"{math.log2(1 + 1 / kappa):.2f} (kappa_r {kappa:g})" for kappa in sorted(kappas) if kappa > 0]
    if parts:
        yield ""
        yield f"A bound for every arm: no stream carries more than log2(1 + 1/kappa_r) bit/s/Hz: {'; '.join(parts)}."


def _table(results: Results) -> Iterator[str]:
    experiment = results.experiment
    measures, first = experiment.measures, experiment.compared
    heads = [f"{MEASURES[name].label}{_unit(name)}" for name in measures]
    share, least = experiment.reference is not None, results.plan.size.episodes > 0
    label = MEASURES[first].label
    extra = [f"{label}: share of {experiment.reference}"] if share else []
    extra += [f"{label}: least episode"] if least else []
    extra += ["seeds"]
    yield f"| condition | arm | {' | '.join([*heads, *extra])} |"
    yield f"|---|---|{'---:|' * (len(heads) + len(extra))}"
    for where in experiment.conditions:
        for arm in experiment.arms:
            asked = len(results.plan.units[arm, where])
            estimates = {name: results.estimate(arm, where, name) for name in measures}
            counted = estimates[first]
            cells = [_cell(found, name, counted) for name, found in estimates.items()]
            cells += [_share(results, arm, where, first)] if share else []
            cells += [_least(results, arm, where, first)] if least else []
            cells.append(f"{counted.count if counted else 0} of {asked}")
            yield f"| {where} | {arm} | {' | '.join(cells)} |"


def _cell(found: Estimate | None, measure: str, counted: Estimate | None) -> str:
    """An estimate; with its number of seeds where the row's is another."""
    if found is None:
        return "-"
    other = "" if counted and counted.count == found.count else f" (n = {found.count})"
    return f"{interval(found, measure)}{other}"


def _unit(name: str) -> str:
    return f" [{MEASURES[name].unit}]" if MEASURES[name].unit else ""


def _share(results: Results, arm: str, where: str, measure: str) -> str:
    reference = results.experiment.reference
    assert reference is not None
    own, whole = (results.estimate(name, where, measure) for name in (arm, reference))
    return f"{100 * own.value / whole.value:.1f} %" if own and whole and whole.value > 0 else "-"


def _least(results: Results, arm: str, where: str, measure: str) -> str:
    value = results.least_episode(arm, where, measure)
    return "-" if value is None else number(value, measure)
