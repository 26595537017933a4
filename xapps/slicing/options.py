"""What the agents see and choose from, beside what their names say: fields with ranges, set by FIELD=VALUE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service_kit.field_errors import describe_errors

MIN_POWER_LEVELS, MAX_POWER_LEVELS = 2, 16


class OptionsError(ValueError):
    """A field or value that agents do not have; the message names the field and what is allowed."""


class AgentOptions(BaseModel):
    """Of all agents of a run; the defaults are what the shipped weights were trained with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bandwidth_step_hz: Literal[1_000_000, 500_000] = 1_000_000
    """Grid of the inter-slice level's bandwidths above the floors (C3): 15 splits of the paper's cell, or 45."""
    power_levels: Annotated[int, Field(ge=MIN_POWER_LEVELS, le=MAX_POWER_LEVELS)] = 5
    """N_L of Eq. 25, from 0 to P_s."""
    power_scale: Literal["variant", "dbm", "linear"] = "variant"
    """Whether those levels are equal steps of dBm, as the tuned variant has them, or of W, as the printed one."""
    action: Literal["rest", "rest_own_level", "pc_pp_beam"] = "rest"
    """Of an intra-slice agent: (p_p, beam), the common stream taking the rest of P_s; the same with a level of p_p for
    each user, as the printed variant always has it (the tuned one: one for the group); or Eq. 25's (p_c, p_p, beam)."""
    state: Literal["variant", "user", "group"] = "variant"
    """Whether an intra-slice agent sees Eq. 24's eight entries of its user, as the printed variant does, or beside them
    the group as its user meets it, the candidates and the impairments, as the tuned one does."""
    observation: Literal["codebook", "compact"] = "codebook"
    """Of beams: gains over the whole codebook, or the eight strongest a user with their leakage on the group."""

    def assignments(self) -> tuple[str, ...]:
        """The fields that are not at their defaults, as FIELD=VALUE."""
        return tuple(f"{name}={value}" for name, value in self.model_dump(exclude_defaults=True).items())


DEFAULT_OPTIONS = AgentOptions()


def parse_options(assignments: Sequence[str]) -> AgentOptions:
    """Options from FIELD=VALUE; a later one wins.

    Raises:
        OptionsError: not of that form, an unknown field, or a value that is not allowed.
    """
    given: dict[str, Any] = {}
    for text in assignments:
        name, separator, value = text.partition("=")
        if not separator or name not in AgentOptions.model_fields:
            raise OptionsError(
                f"set-agents: {text!r} must be FIELD=VALUE, FIELD one of {', '.join(AgentOptions.model_fields)}"
            )
        given[name] = int(value) if value.isascii() and value.isdigit() else value
    try:
        return AgentOptions.model_validate(given)
    except ValidationError as error:
        raise OptionsError(f"set-agents: {describe_errors(error, AgentOptions, whole='options')}") from error
