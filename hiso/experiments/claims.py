"""Verdicts: each claim's readings, and the rules of each, applied to the results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from hiso.experiments.measures import MEASURES
from hiso.experiments.results import Place, Results
from hiso.experiments.rules import (
    MIN_EFFECT,
    MIN_PROBABILITY,
    Claim,
    Comparison,
    Equivalence,
    Ratio,
    Retention,
    Rule,
    Share,
    Threshold,
    Trend,
    arms_of,
)
from hiso.experiments.statistics import Estimate


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found; `holds` None: seeds are missing."""

    holds: bool | None
    lines: tuple[str, ...]
    """The numbers behind it: all of them, or those that decide."""
    others: tuple[str, ...] = ()
    """Where some comparisons break the rule: the numbers of those that do not."""
    notes: tuple[str, ...] = ()
    """What seeds are lost or missing; always shown."""
    empty: bool = False
    """Nothing at all was measured."""
    refuted: bool = False
    """Some comparison breaks the rule surely: its whole interval says the opposite, or a seed falls short."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the rules of one reading found; all must hold."""

    rules: tuple[Rule, ...]
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool | None:
        """None: seeds are missing, and what is there breaks no rule."""
        found = [finding.holds for finding in self.findings]
        return False if False in found else None if None in found else True

    @property
    def empty(self) -> bool:
        """Nothing at all was measured."""
        return all(finding.empty for finding in self.findings)

    @property
    def refuted(self) -> bool:
        """Some rule is broken surely."""
        return any(finding.refuted for finding in self.findings)


OUTCOMES = ("confirmed", "confirmed in some readings", "not confirmed", "refuted", "not judged")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim, judged."""

    claim: Claim
    readings: dict[str, Reading]

    @property
    def outcome(self) -> str:
        """The verdict in a word or two, of `OUTCOMES`."""
        found = self.readings.values()
        holding = sum(reading.holds is True for reading in found)
        if holding:
            return "confirmed" if holding == len(found) else "confirmed in some readings"
        if any(reading.holds is None for reading in found):
            return "not judged"
        return "refuted" if all(reading.refuted for reading in found) else "not confirmed"

    @property
    def text(self) -> str:
        """The verdict in words, with the readings that hold and those that are refuted."""
        found = self.readings
        holding = [name for name, reading in found.items() if reading.holds]
        refuted = [name for name, reading in found.items() if reading.refuted]
        if all(reading.holds is None for reading in found.values()):
            return "no data" if all(reading.empty for reading in found.values()) else "no verdict yet (data missing)"
        if len(holding) == len(found):
            return "confirmed"
        if holding:
            also = f"; refuted under: {'; '.join(refuted)}" if refuted else ""
            return f"confirmed under: {'; '.join(holding)}{also}"
        if any(reading.holds is None for reading in found.values()):
            return "not confirmed so far (data missing)"
        if len(refuted) == len(found):
            return "refuted" if len(found) == 1 else f"refuted under: {'; '.join(found)}"
        names = [f"{name} (refuted)" if reading.refuted else name for name, reading in found.items()]
        return "not confirmed" if len(found) == 1 else f"under none of these readings: {'; '.join(names)}"


def judge(claim: Claim, results: Results) -> Verdict:
    """Apply the rules of each of a claim's readings."""
    readings = {
        name: Reading(tuple(rules), tuple(check(rule, results) for rule in rules))
        for name, rules in claim.readings.items()
    }
    return Verdict(claim, readings)


def check(rule: Rule, results: Results) -> Finding:
    """Apply one rule: to all seeds, of which none may be missing, and of which one without a value is lost."""
    conditions = rule.conditions or list(results.experiment.conditions)
    finding = _apply(rule, results, conditions)
    gaps = results.gaps(_places(rule, conditions))
    lost = {"that failed": gaps.failed, "that measured nothing": gaps.silent}
    if isinstance(rule, Ratio | Retention):
        lost["with 0 to begin with"] = sum(results.zeros(arm, conditions[0], rule.measure) for arm in arms_of(rule))
    notes = [f"seeds {what}, of all arms and conditions: {count}" for what, count in lost.items() if count]
    if notes:
        return replace(finding, holds=False, refuted=finding.refuted and not gaps.missing, notes=tuple(notes))
    if gaps.missing and finding.holds is not None:
        note = f"seeds that are missing, of all arms and conditions: {gaps.missing}"
        return replace(finding, holds=None, refuted=False, notes=(note,))
    return finding


def _places(rule: Rule, conditions: list[str]) -> list[Place]:
    """The values that a rule looks at."""
    second = rule.measure_b if isinstance(rule, Comparison) else None
    first, *others = arms_of(rule)
    arms = [(first, rule.measure), *((other, second or rule.measure) for other in others)]
    return [(arm, where, measure) for where in conditions for arm, measure in arms]


def _apply(rule: Rule, results: Results, conditions: list[str]) -> Finding:
    """All findings must hold."""
    if isinstance(rule, Comparison):
        groups = _groups(rule, conditions)
        findings = [_compare(rule, results, other, group) for other in rule.b for group in groups]
    elif isinstance(rule, Equivalence):
        findings = [_within(rule, results, where) for where in conditions]
    elif isinstance(rule, Share):
        findings = [_shares(rule, results, where) for where in conditions]
    elif isinstance(rule, Threshold):
        findings = [_beyond(rule, results, where) for where in conditions]
    elif isinstance(rule, Retention):
        findings = [_keeps_less(rule, results, other) for other in rule.b]
    elif isinstance(rule, Trend):
        findings = [_trend(rule, results, conditions)]
    else:
        findings = [_ratio(rule, results, conditions[0], where) for where in conditions[1:]]
    broken = [finding for finding in findings if finding.holds is False]
    if broken:
        others = _lines(finding for finding in findings if finding.holds is not False)
        return Finding(False, _lines(broken), others, refuted=any(finding.refuted for finding in broken))
    holds = None if any(finding.holds is None for finding in findings) else True
    return Finding(holds, _lines(findings), empty=all(finding.empty for finding in findings))


def _lines(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(line for finding in findings for line in finding.lines)


def number(value: float, measure: str, more_digits: int = 0) -> str:
    """A value of a measure as text."""
    return f"{value:.{MEASURES[measure].digits + more_digits}f}"


_MORE_DIGITS = 3


def interval(found: Estimate, measure: str, more_digits: int = 0) -> str:
    """An estimate with its 95 % interval, with as many more digits as it takes to tell it from 0."""
    largest, unit = max(abs(found.low), abs(found.high)), 10.0 ** -(MEASURES[measure].digits + more_digits)
    while 0 < largest < unit and more_digits < _MORE_DIGITS:
        more_digits, unit = more_digits + 1, unit / 10
    value, low, high = (number(part, measure, more_digits) for part in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]"


def _groups(rule: Comparison, conditions: list[str]) -> list[list[str]]:
    return [conditions] if rule.pooled else [[where] for where in conditions]


def _nothing(what: str) -> Finding:
    return Finding(None, (f"{what}: no data",), empty=True)


def _compare(rule: Comparison, results: Results, other: str, conditions: list[str]) -> Finding:
    second = rule.measure_b or rule.measure
    what = f"{rule.a} - {other} ({', '.join(conditions)})"
    if rule.measure_b:
        what = f"{rule.a}, {rule.measure} - {other}, {second} ({', '.join(conditions)})"
    found = results.compare((rule.a, rule.measure), (other, second), conditions)
    if found is None:
        return _nothing(what)
    difference, probability = found
    good, against = difference.low > 0, difference.high < 0
    if rule.test == "less":
        good, against, probability = against, good, 1 - probability
    line = f"{what}: {interval(difference, rule.measure)}, P({rule.test}) = {probability:.2f}, n = {difference.count}"
    if (good or against) and not _is_effect(difference, results, (other, second), conditions):
        good, against, line = False, False, f"{line}, less than a thousandth"
    return _surely(good, against, probability, line)


def _surely(good: bool, against: bool, probability: float, line: str) -> Finding:
    """What paired differences say: refuted where the opposite would be confirmed. probability: of improvement."""
    return Finding(
        good and probability >= MIN_PROBABILITY, (line,), refuted=against and 1 - probability >= MIN_PROBABILITY
    )


def _is_effect(difference: Estimate, results: Results, b: tuple[str, str], conditions: list[str]) -> bool:
    """Whether a difference is at least `MIN_EFFECT` of what (arm, measure) has over the conditions."""
    found = [results.estimate(b[0], where, b[1]) for where in conditions]
    whole = sum(abs(part.value) for part in found if part) / len(found)
    return abs(difference.value) >= MIN_EFFECT * whole


def _within(rule: Equivalence, results: Results, where: str) -> Finding:
    what = f"{rule.a} - {rule.b} ({where})"
    found = results.compare((rule.a, rule.measure), (rule.b, rule.measure), [where])
    if found is None:
        return _nothing(what)
    difference = found[0]
    shown = interval(difference, rule.measure, more_digits=1)
    line = f"{what}: {shown}, allowed {rule.low:g}..{rule.high:g}, n = {difference.count}"
    return _in_range(difference, rule, line)


def _shares(rule: Share, results: Results, where: str) -> Finding:
    of = rule.b[0] if len(rule.b) == 1 else f"best of {len(rule.b)}"
    what = f"{rule.a} / {of} ({where})"
    own, best = results.against_best(rule.a, rule.b, rule.measure, where)
    if not len(own):
        return _nothing(what)
    reached = int((own >= rule.least * best).sum())
    least = f"least {(own[best > 0] / best[best > 0]).min():.3f}, " if np.any(best > 0) else ""
    line = f"{what}: {least}{reached} of {len(own)} seeds reach {rule.least:g}"
    return Finding(reached == len(own), (line,), refuted=reached < len(own))


def _beyond(rule: Threshold, results: Results, where: str) -> Finding:
    what = f"{rule.a} ({where})"
    found = results.estimate(rule.a, where, rule.measure)
    if found is None:
        return _nothing(what)
    good, against = found.low > rule.value, found.high < rule.value
    if rule.test == "below":
        good, against = against, good
    line = f"{what}: {interval(found, rule.measure)}, {rule.test} {rule.value:g} asked, n = {found.count}"
    return Finding(good, (line,), refuted=against)


def _trend(rule: Trend, results: Results, conditions: list[str]) -> Finding:
    found = [results.estimate(rule.a, where, rule.measure) for where in conditions]
    change = results.change(rule.a, rule.measure, conditions[0], conditions[-1])
    steps = [results.change(rule.a, rule.measure, before, after) for before, after in pairwise(conditions)]
    if change is None or any(part is None for part in (*found, *steps)):
        return _nothing(rule.a)
    values = [part.value for part in found if part]
    against = [
        f"{before} to {after} {interval(step, rule.measure)}"
        for (before, after), step, value in zip(pairwise(conditions), steps, values[:-1], strict=True)
        if step and _along(step, rule)[1] < 0 and abs(step.value) >= MIN_EFFECT * abs(value)
    ]
    course = ", ".join(
        f"{where} {number(value, rule.measure)}" for where, value in zip(conditions, values, strict=True)
    )
    line = f"{rule.a}: {course}; last - first {interval(change, rule.measure)}, n = {change.count}"
    if against:
        line += f"; surely against it: {', '.join(against)}"
    low, high = _along(change, rule)
    if (low > 0 or high < 0) and abs(change.value) < MIN_EFFECT * abs(values[0]):
        low, high, line = 0.0, 0.0, f"{line}, less than a thousandth"
    return Finding(not against and low > 0, (line,), refuted=high < 0)


def _along(change: Estimate, rule: Trend) -> tuple[float, float]:
    """A change's interval, counted in the direction of the trend."""
    return (change.low, change.high) if rule.test == "rises" else (-change.high, -change.low)


def _ratio(rule: Ratio, results: Results, first: str, last: str) -> Finding:
    found = results.ratio(rule.a, rule.measure, first, last)
    if found is None:
        return _nothing(rule.a)
    line = f"{rule.a}: {last} over {first}: {_share(found)}, allowed {rule.low:g}..{rule.high:g}, n = {found.count}"
    return _in_range(found, rule, line)


def _in_range(found: Estimate, rule: Equivalence | Ratio, line: str) -> Finding:
    """Whether an interval lies within the bounds of a rule; refuted where it lies outside."""
    outside = found.high < rule.low or found.low > rule.high
    return Finding(rule.low <= found.low and found.high <= rule.high, (line,), refuted=outside)


def _keeps_less(rule: Retention, results: Results, other: str) -> Finding:
    first, last = rule.conditions
    found = results.compare_kept(rule.a, other, rule.measure, first, last)
    parts = [results.ratio(arm, rule.measure, first, last) for arm in (rule.a, other)]
    what = f"{last} over {first}"
    if found is None or any(part is None for part in parts):
        return _nothing(what)
    difference, probability = found
    kept = ", ".join(f"{arm} {_share(part)}" for arm, part in zip((rule.a, other), parts, strict=True) if part)
    line = f"{what}: {kept}; difference {_share(difference)}, P(less) = {1 - probability:.2f}, n = {difference.count}"
    good, against = difference.high < 0, difference.low > 0
    if (good or against) and abs(difference.value) < MIN_EFFECT:
        good, against, line = False, False, f"{line}, less than a thousandth"
    return _surely(good, against, 1 - probability, line)


def _share(found: Estimate) -> str:
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
