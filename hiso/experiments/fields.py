"""What the models of an experiment's file are made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """Fields that are all known, and never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Label = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^|\n]+$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0, le=1)]
Overrides = dict[str, Any]
"""Scenario fields by their dotted names."""


def check_names(field: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise a ValueError that names the field where a given name is not known."""
    for name in given:
        if name not in known:
            raise ValueError(f"{field}: {name!r} is none of {', '.join(known)}")
