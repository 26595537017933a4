"""Verdicts: each claim's rules, applied to the results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from hiso.experiments.measures import MEASURES
from hiso.experiments.results import Results
from hiso.experiments.spec import Claim, Comparison, Equivalence, Ratio, Rule, Share, Threshold, Trend
from hiso.experiments.statistics import Estimate


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found; `holds` None: there is no data."""

    holds: bool | None
    lines: tuple[str, ...]
    """The numbers behind it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim, judged."""

    claim: Claim
    readings: dict[str, Finding]

    @property
    def text(self) -> str:
        """The verdict in words."""
        found = self.readings
        holding = [name for name, finding in found.items() if finding.holds]
        if all(finding.holds is None for finding in found.values()):
            return "no data"
        if len(holding) == len(found):
            return "confirmed"
        if holding:
            return f"confirmed under: {'; '.join(holding)}"
        if any(finding.holds is None for finding in found.values()):
            return "not confirmed so far (data missing)"
        return "not confirmed" if len(found) == 1 else f"under none of these readings: {'; '.join(found)}"


def judge(claim: Claim, results: Results) -> Verdict:
    """Apply a claim's rules."""
    return Verdict(claim, {name: check(rule, results) for name, rule in claim.readings.items()})


def check(rule: Rule, results: Results) -> Finding:
    """Apply one rule."""
    conditions = rule.conditions or list(results.experiment.conditions)
    if isinstance(rule, Comparison):
        return _joined(
            [_compare(rule, results, other, group) for other in rule.b for group in _groups(rule, conditions)]
        )
    if isinstance(rule, Equivalence):
        return _joined([_within(rule, results, where) for where in conditions])
    if isinstance(rule, Share):
        return _joined([_shares(rule, results, where) for where in conditions])
    if isinstance(rule, Threshold):
        return _joined([_beyond(rule, results, where) for where in conditions])
    if isinstance(rule, Trend):
        return _trend(rule, results, conditions)
    return _ratio(rule, results, conditions)


def number(value: float, measure: str) -> str:
    """A value of a measure as text."""
    return f"{value:.{MEASURES[measure].digits}f}"


def interval(found: Estimate, measure: str) -> str:
    """An estimate with its 95 % interval."""
    return f"{number(found.value, measure)} [{number(found.low, measure)}, {number(found.high, measure)}]"


def _groups(rule: Comparison, conditions: list[str]) -> list[list[str]]:
    return [conditions] if rule.pooled else [[where] for where in conditions]


def _joined(findings: Sequence[Finding]) -> Finding:
    """All must hold."""
    lines = tuple(line for finding in findings for line in finding.lines)
    if any(finding.holds is False for finding in findings):
        return Finding(False, lines)
    return Finding(None if any(finding.holds is None for finding in findings) else True, lines)


def _nothing(what: str) -> Finding:
    return Finding(None, (f"{what}: no data",))


def _compare(rule: Comparison, results: Results, other: str, conditions: list[str]) -> Finding:
    second = rule.measure_b or rule.measure
    what = f"{rule.a} - {other} ({', '.join(conditions)})"
    if rule.measure_b:
        what = f"{rule.a}, {rule.measure} - {other}, {second} ({', '.join(conditions)})"
    found = results.compare((rule.a, rule.measure), (other, second), conditions)
    if found is None:
        return _nothing(what)
    difference, probability = found
    if rule.test == "less":
        good, probability = difference.high < 0, 1 - probability
    else:
        good = difference.low > 0
    line = f"{what}: {interval(difference, rule.measure)}, P({rule.test}) = {probability:.2f}, n = {difference.count}"
    return Finding(good and probability >= rule.min_probability, (line,))


def _within(rule: Equivalence, results: Results, where: str) -> Finding:
    what = f"{rule.a} - {rule.b} ({where})"
    found = results.compare((rule.a, rule.measure), (rule.b, rule.measure), [where])
    if found is None:
        return _nothing(what)
    difference = found[0]
    line = f"{what}: {interval(difference, rule.measure)}, allowed {rule.low:g}..{rule.high:g}, n = {difference.count}"
    return Finding(rule.low <= difference.low and difference.high <= rule.high, (line,))


def _shares(rule: Share, results: Results, where: str) -> Finding:
    of = rule.b[0] if len(rule.b) == 1 else f"best of {len(rule.b)}"
    what = f"{rule.a} / {of} ({where})"
    shares = results.shares(rule.a, rule.b, rule.measure, where)
    if not len(shares):
        return _nothing(what)
    reached = int((shares >= rule.least).sum())
    line = f"{what}: least {shares.min():.3f}, {reached} of {len(shares)} seeds reach {rule.least:g}"
    return Finding(reached == len(shares), (line,))


def _beyond(rule: Threshold, results: Results, where: str) -> Finding:
    what = f"{rule.a} ({where})"
    found = results.estimate(rule.a, [where], rule.measure)
    if found is None:
        return _nothing(what)
    good = found.low > rule.value if rule.test == "above" else found.high < rule.value
    line = f"{what}: {interval(found, rule.measure)}, {rule.test} {rule.value:g} asked, n = {found.count}"
    return Finding(good, (line,))


def _trend(rule: Trend, results: Results, conditions: list[str]) -> Finding:
    found = [results.estimate(rule.a, [where], rule.measure) for where in conditions]
    change = results.change(rule.a, rule.measure, conditions[0], conditions[-1])
    if change is None or any(part is None for part in found):
        return _nothing(rule.a)
    sign = 1 if rule.test == "rises" else -1
    values = [part.value for part in found if part]
    steps = [sign * (after - before) >= 0 for before, after in pairwise(values)]
    beyond = change[0].low > 0 if rule.test == "rises" else change[0].high < 0
    course = ", ".join(
        f"{where} {number(value, rule.measure)}" for where, value in zip(conditions, values, strict=True)
    )
    line = f"{rule.a}: {course}; last - first {interval(change[0], rule.measure)}, n = {change[0].count}"
    return Finding(beyond and all(steps), (line,))


def _ratio(rule: Ratio, results: Results, conditions: list[str]) -> Finding:
    first, last = (results.estimate(rule.a, [where], rule.measure) for where in (conditions[0], conditions[-1]))
    if first is None or last is None or first.value == 0:
        return _nothing(rule.a)
    ratio = last.value / first.value
    line = (
        f"{rule.a}: {interval(last, rule.measure)} ({conditions[-1]}) over {interval(first, rule.measure)} "
        f"({conditions[0]}) = {ratio:.2f}, allowed {rule.low:g}..{rule.high:g}"
    )
    return Finding(rule.low <= ratio <= rule.high, (line,))
