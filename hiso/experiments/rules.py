"""The rules by which data confirm a claim, and what a claim is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from hiso.experiments.fields import Label, Model

OURS = "ours"
"""In the place of a section: a claim that the paper does not make."""

MIN_PROBABILITY = 0.95
"""Least probability of improvement of a comparison."""

MIN_EFFECT = 1e-3
"""A difference of less than this share of what is compared with neither confirms nor refutes."""


class _Rule(Model):
    measure: str
    conditions: Annotated[list[str], Field(min_length=1)] | None = None
    """Left out: all."""


class Comparison(_Rule):
    """`greater` or `less`: a against each b, pair by pair of seeds, in each condition or pooled over them.

    Holds where the 95 % interval of the paired difference lies beyond 0, the probability of improvement reaches .95,
    and the difference is at least a thousandth of b.
    """

    test: Literal["greater", "less"]
    a: str
    b: Annotated[list[str], Field(min_length=1)]
    measure_b: str | None = None
    """Another measure for b."""
    pooled: bool = False
    """Over all conditions together, the strata of the bootstrap; else in each."""


class Equivalence(_Rule):
    """`difference`: the 95 % interval of a - b lies within low..high, in each condition."""

    test: Literal["difference"]
    a: str
    b: str
    low: float
    high: float


class Threshold(_Rule):
    """`above` or `below`: the 95 % interval of a lies on that side of the value, in each condition."""

    test: Literal["above", "below"]
    a: str
    value: float


class Trend(_Rule):
    """`falls` or `rises`: a along the conditions, in no step surely against the trend, and beyond 0 from first to last.

    Differences are paired, judged by their 95 % intervals, and count from a thousandth of what they begin with.
    """

    test: Literal["falls", "rises"]
    a: str


class Ratio(_Rule):
    """`ratio`: the 95 % interval of a in each later condition over a in the first, seed by seed, lies in low..high."""

    test: Literal["ratio"]
    a: str
    low: float
    high: float


class Retention(_Rule):
    """`keeps-less`: from the first condition to the last a keeps a smaller share of the measure than each b.

    Judged as a `less` of the seeds' shares.
    """

    test: Literal["keeps-less"]
    a: str
    b: Annotated[list[str], Field(min_length=1)]
    conditions: Annotated[list[str], Field(min_length=2, max_length=2)]


class Share(_Rule):
    """`share`: a reaches at least this share of the best of b, in every single seed, in each condition."""

    test: Literal["share"]
    a: str
    b: Annotated[list[str], Field(min_length=1)]
    least: Annotated[float, Field(gt=0, le=10)]


Rule = Annotated[Comparison | Equivalence | Threshold | Trend | Ratio | Retention | Share, Field(discriminator="test")]


def arms_of(rule: Rule) -> list[str]:
    """The arms that a rule looks at."""
    if isinstance(rule, Comparison | Retention | Share):
        return [rule.a, *rule.b]
    return [rule.a, rule.b] if isinstance(rule, Equivalence) else [rule.a]


def _one_or_several(given: Any) -> Any:
    return given if isinstance(given, list) else [given]


Rules = Annotated[list[Rule], Field(min_length=1), BeforeValidator(_one_or_several)]
"""One rule, or a list of which all must hold."""


class Claim(Model):
    """A statement of the paper in our words, and the readings under which the data may confirm it.

    Readings are alternatives, of which any confirms the claim under its name; all rules of a reading must hold.
    """

    text: Annotated[str, Field(min_length=1)]
    section: Annotated[str, Field(pattern=rf"^(IV-[C-H]|{OURS})$")]
    readings: Annotated[dict[Label, Rules], Field(min_length=1)]
