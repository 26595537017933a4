"""What may change while a cell runs: each change with its fields, ranges and units, and how it is made.

A change has a body (what HTTP takes) and an event (the body, with a slice where it needs one and the time at which it
is made: what a timeline holds).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from ran_emulator.scenario import (
    MAX_CSI_DELAY_SLOTS,
    MAX_SLOTS,
    SLICE_NAMES,
    SLOT_S,
    SLOT_US,
    SLOTS_PER_SECOND,
    Csi,
    Impairments,
    Scenario,
    spread_impairments,
)

if TYPE_CHECKING:
    from ran_emulator.cell import Cell

KEPT_EVENTS = 10_000
"""Changes that were made: so many, the latest, are kept."""
MAX_EVENT_S = MAX_SLOTS * SLOT_US / 1e6

SliceName = Literal["vonr", "embb", "urllc"]
UserId = Annotated[int, Field(ge=0, le=1_999)]


class Body(BaseModel):
    """Strict: true, "0.1" and 1.0 for a count are no numbers of that kind; an integer is a number."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True, frozen=True)

    def given(self) -> dict[str, Any]:
        """The fields that were given."""
        return self.model_dump(exclude_none=True)


class Load(Body):
    """A slice's load factor: divides its inter-arrival times."""

    scale: Annotated[float, Field(ge=0, le=100, description="1 is Table 2's load", examples=[3.0])]


class Burst(Body):
    """A surge: a load factor for some time, or packets at once."""

    factor: Annotated[float, Field(ge=0, le=100, examples=[5.0])] | None = None
    duration_s: Annotated[float, Field(ge=SLOT_S, le=3_600, examples=[2.0])] | None = None
    packets: Annotated[int, Field(ge=1, le=10_000, examples=[100])] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Burst:
        timed = self.factor is not None and self.duration_s is not None and self.packets is None
        at_once = self.packets is not None and self.factor is None and self.duration_s is None
        if not timed and not at_once:
            raise ValueError(f"either factor (0..100) and duration_s ({SLOT_S:g}..3600), or packets (1..10000)")
        return self


class UserBurst(Body):
    """Packets at once for each of some users, of their slices' sizes; what a full queue does not take is dropped."""

    users: Annotated[
        list[UserId], Field(min_length=1, max_length=2_000, description="ids, see /users", examples=[[17]])
    ]
    packets: Annotated[int, Field(ge=1, le=64, description="for each of them", examples=[5])]

    @model_validator(mode="after")
    def _each_once(self) -> UserBurst:
        if len(set(self.users)) < len(self.users):
            raise ValueError("users: each may be named once")
        return self


class Hwi(Body):
    """Hardware impairments, as kappa or as EVM (kappa = EVM^2): what is left out stays as it is.

    `kappa` and `evm_percent` set both sides.
    """

    model: Literal["paper", "aggregate"] | None = None
    kappa: Annotated[float, Field(ge=0, le=1, examples=[0.01])] | None = None
    kappa_t: Annotated[float, Field(ge=0, le=1)] | None = None
    kappa_r: Annotated[float, Field(ge=0, le=1)] | None = None
    evm_percent: Annotated[float, Field(ge=0, le=100, examples=[8.0])] | None = None
    evm_t_percent: Annotated[float, Field(ge=0, le=100)] | None = None
    evm_r_percent: Annotated[float, Field(ge=0, le=100)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Hwi:
        by_kappa = any(value is not None for value in (self.kappa, self.kappa_t, self.kappa_r))
        by_evm = any(value is not None for value in (self.evm_percent, self.evm_t_percent, self.evm_r_percent))
        if self.model is None and not by_kappa and not by_evm:
            raise ValueError(
                "at least one of model (paper, aggregate), kappa, kappa_t, kappa_r (0..1), "
                "evm_percent, evm_t_percent, evm_r_percent (0..100)"
            )
        if by_kappa and by_evm:
            raise ValueError(
                "either kappa, kappa_t, kappa_r (0..1) or evm_percent, evm_t_percent, evm_r_percent (0..100)"
            )
        if self.kappa is not None and (self.kappa_t is not None or self.kappa_r is not None):
            raise ValueError("either kappa (0..1) for both sides, or kappa_t and kappa_r (0..1)")
        if self.evm_percent is not None and (self.evm_t_percent is not None or self.evm_r_percent is not None):
            raise ValueError("either evm_percent (0..100) for both sides, or evm_t_percent and evm_r_percent (0..100)")
        return self

    def applied_to(self, hwi: Impairments) -> Impairments:
        """Impairments with what was given."""
        given = self.model_dump(include=set(Hwi.model_fields), exclude_none=True)
        changed = Impairments.model_validate(given)
        named = spread_impairments(given)
        sides = [side for side in "tr" if f"kappa_{side}" in named or f"evm_{side}_percent" in named]
        values = {f"kappa_{side}": getattr(changed, f"kappa_{side}") for side in sides}
        return hwi.model_copy(update={"model": self.model or hwi.model, **values})


class CsiKnobs(Body):
    """How old, rare and noisy what is known of the channel is: what is left out stays as it is."""

    csi_delay_slots: Annotated[int, Field(ge=0, le=MAX_CSI_DELAY_SLOTS, examples=[4])] | None = None
    csi_period_slots: Annotated[int, Field(ge=1, le=640, examples=[20])] | None = None
    csi_noise: Annotated[float, Field(ge=0, le=1, examples=[0.01])] | None = None

    @model_validator(mode="after")
    def _something(self) -> CsiKnobs:
        if all(value is None for value in (self.csi_delay_slots, self.csi_period_slots, self.csi_noise)):
            raise ValueError(
                f"at least one of csi_delay_slots (0..{MAX_CSI_DELAY_SLOTS}), csi_period_slots (1..640), "
                "csi_noise (0..1)"
            )
        return self


class Mobility(Body):
    """A slice's speed; its users go on from where they are."""

    speed_m_s: Annotated[float, Field(ge=0, le=50, examples=[14.0])]


class Regime(Body):
    """The regime held from now on, or `auto` to let them switch again."""

    index: Annotated[int, Field(ge=0, le=15)] | Literal["auto"] = Field(examples=[2, "auto"])


class TimedChange(Body):
    """A change and when it is made: at the start of a slot, before the slot's arrivals."""

    at_s: Annotated[float, Field(ge=0, le=MAX_EVENT_S, description="simulated; the nearest slot")] | None = None
    at_slot: Annotated[int, Field(ge=0, le=MAX_SLOTS)] | None = None
    change: str

    @model_validator(mode="after")
    def _one_time(self) -> TimedChange:
        if (self.at_s is None) == (self.at_slot is None):
            raise ValueError(f"either at_s (0..{MAX_EVENT_S:g}) or at_slot (0..{MAX_SLOTS})")
        return self

    @property
    def slot(self) -> int:
        """The slot at whose start it is made."""
        return round((self.at_s or 0.0) * SLOTS_PER_SECOND) if self.at_slot is None else self.at_slot

    def record(self) -> dict[str, Any]:
        """As plain data, its time in slots; it is an event again when it is read."""
        return self.model_copy(update={"at_s": None, "at_slot": self.slot}).given()

    def check(self, scenario: Scenario) -> None:
        """Whether it can be made in this scenario.

        Raises:
            ValueError: naming field and range.
        """

    @abstractmethod
    def make(self, cell: Cell) -> None:
        """Make the change, at the start of the cell's slot."""


class _OfSlice(TimedChange):
    slice: SliceName

    @property
    def slice_id(self) -> int:
        """The slice's index."""
        return SLICE_NAMES.index(self.slice)


class LoadEvent(Load, _OfSlice):
    """Another load factor."""

    change: Literal["load"]

    def make(self, cell: Cell) -> None:
        """Set the load factor."""
        cell.set_load_scale(self.slice_id, self.scale)


class BurstEvent(Burst, _OfSlice):
    """A surge of a slice's traffic."""

    change: Literal["burst"]

    def make(self, cell: Cell) -> None:
        """Begin the surge, or offer the packets."""
        if self.packets is not None:
            cell.inject(self.slice_id, self.packets)
        elif self.factor is not None and self.duration_s is not None:
            cell.burst(self.slice_id, self.factor, max(1, round(self.duration_s * SLOTS_PER_SECOND)))


class UserBurstEvent(UserBurst, TimedChange):
    """Packets for some users."""

    change: Literal["user_burst"]

    def check(self, scenario: Scenario) -> None:
        """Whether there are such users."""
        if max(self.users) >= scenario.users:
            raise ValueError(f"users: must be {_user_ids(scenario)} (given {max(self.users)})")

    def make(self, cell: Cell) -> None:
        """Offer the packets, in the order of the list."""
        cell.inject_users(self.users, self.packets)


class HwiEvent(Hwi, TimedChange):
    """Other hardware impairments."""

    change: Literal["hwi"]

    def make(self, cell: Cell) -> None:
        """Set what was given, and leave the rest."""
        cell.set_hwi(self.applied_to(cell.hwi))


class CsiEvent(CsiKnobs, TimedChange):
    """Other CSI."""

    change: Literal["csi"]

    def make(self, cell: Cell) -> None:
        """Set what was given, and leave the rest; every user is measured anew."""
        given = {name: value for name in Csi.model_fields if (value := getattr(self, name)) is not None}
        cell.set_csi(Csi.model_validate({**cell.next_csi.model_dump(), **given}))


class SpeedEvent(Mobility, _OfSlice):
    """Another speed."""

    change: Literal["speed"]

    def make(self, cell: Cell) -> None:
        """Set the speed."""
        cell.set_speed(self.slice_id, self.speed_m_s)


class RegimeEvent(Regime, TimedChange):
    """Another regime of load."""

    change: Literal["regime"]

    def check(self, scenario: Scenario) -> None:
        """Whether the scenario has this regime."""
        if scenario.regimes is None:
            raise ValueError(f"index: scenario {scenario.name!r} has no regimes")
        last = len(scenario.regimes.mixes) - 1
        if self.index != "auto" and self.index > last:
            raise ValueError(f"index: must be 0..{last} or auto (given {self.index})")

    def make(self, cell: Cell) -> None:
        """Hold the regime, or let them switch."""
        cell.set_regime(None if self.index == "auto" else self.index)


EVENT_TYPES: dict[str, type[TimedChange]] = {
    "load": LoadEvent,
    "burst": BurstEvent,
    "user_burst": UserBurstEvent,
    "hwi": HwiEvent,
    "csi": CsiEvent,
    "speed": SpeedEvent,
    "regime": RegimeEvent,
}
"""By `change`."""
Event = Annotated[
    LoadEvent | BurstEvent | UserBurstEvent | HwiEvent | CsiEvent | SpeedEvent | RegimeEvent,
    Field(discriminator="change"),
]
EVENT: TypeAdapter[TimedChange] = TypeAdapter(Event)


def _user_ids(scenario: Scenario) -> str:
    """The ids that users of a scenario have; by slice where their numbers are not drawn."""
    allowed = f"0..{scenario.users - 1}"
    if scenario.user_counts == "drawn":
        return allowed
    first, parts = 0, []
    for name, count in zip(SLICE_NAMES, scenario.users_by_slice(np.random.default_rng(0)), strict=True):
        parts.append(f"{name} {first}..{first + count - 1}")
        first += count
    return f"{allowed} ({', '.join(parts)})"
