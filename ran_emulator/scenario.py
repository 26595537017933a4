"""What is simulated: every parameter with its unit and range, the presets, and files of users' own.

Defaults are Tables 1 and 2 of the paper; where it is silent, the reason stands in docs/assumptions.md.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ran_emulator.yaml_text import YamlError, parse_yaml
from service_kit.field_errors import describe_errors

SLICE_NAMES = ("vonr", "embb", "urllc")
"""Slice index on every wire and in every array: 0 VoNR, 1 eMBB, 2 uRLLC."""

SLOT_US = 500
"""Length of a slot; the next three follow."""
SLOT_MS = SLOT_US / 1e3
SLOT_S = SLOT_US / 1e6
SLOTS_PER_SECOND = 1_000_000 // SLOT_US
MAX_SLOTS = 10**10
"""Of a run, and the latest slot that an event may name."""
MAX_GROUP_USERS = 8
PATHS: Final = 4
"""Of a user's channel; `Scenario.paths` states them, and takes no other number."""
MAX_CONTROL_DELAY_SLOTS = 20
MAX_CSI_DELAY_SLOTS = 20

UndecidedRule = Literal["wait", "default"]
WholeSlotsMs = Annotated[float, Field(ge=SLOT_MS, le=1_000, multiple_of=SLOT_MS)]
Weight = Annotated[float, Field(ge=0, le=100)]


class ScenarioError(ValueError):
    """A scenario, file or override that cannot be used; the message names each field and its range."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True, allow_inf_nan=False)


class Slice(_Model):
    """One network slice: its SLA (Table 1), traffic (Table 2), mobility and place in the loop."""

    min_rate_bps: Annotated[float, Field(ge=0, le=1e10)]
    max_latency_ms: WholeSlotsMs
    ssr_threshold: Annotated[float, Field(ge=0, le=1)] = 0.95
    user_weight: Annotated[float, Field(gt=0, le=1_000)]
    speed_m_s: Annotated[float, Field(ge=0, le=50)]
    packet_bytes_min: Annotated[int, Field(ge=1, le=1_000_000)]
    packet_bytes_max: Annotated[int, Field(ge=1, le=1_000_000)]
    load_scale: Annotated[float, Field(ge=0, le=100)] = 1.0
    undecided: UndecidedRule = "wait"

    @model_validator(mode="after")
    def _packet_range(self) -> Slice:
        if self.packet_bytes_min > self.packet_bytes_max:
            raise ValueError("packet_bytes_min must be at most packet_bytes_max")
        return self


class Vonr(Slice):
    """VoNR: uniform inter-arrival times between 0 and `interarrival_max_ms`."""

    min_rate_bps: Annotated[float, Field(ge=0, le=1e10)] = 51e3
    max_latency_ms: WholeSlotsMs = 10.0
    user_weight: Annotated[float, Field(gt=0, le=1_000)] = 1.0
    speed_m_s: Annotated[float, Field(ge=0, le=50)] = 2.0
    packet_bytes_min: Annotated[int, Field(ge=1, le=1_000_000)] = 40
    packet_bytes_max: Annotated[int, Field(ge=1, le=1_000_000)] = 40
    interarrival_max_ms: Annotated[float, Field(ge=0.1, le=1e5)] = 160.0


class Embb(Slice):
    """eMBB: Pareto inter-arrival times (shape, scale), capped; the defaults have the mean 6.000 ms."""

    min_rate_bps: Annotated[float, Field(ge=0, le=1e10)] = 15e6
    max_latency_ms: WholeSlotsMs = 10.0
    user_weight: Annotated[float, Field(gt=0, le=1_000)] = 2.0
    speed_m_s: Annotated[float, Field(ge=0, le=50)] = 6.0
    packet_bytes_min: Annotated[int, Field(ge=1, le=1_000_000)] = 300
    packet_bytes_max: Annotated[int, Field(ge=1, le=1_000_000)] = 1_500
    pareto_shape: Annotated[float, Field(gt=1, le=10)] = 1.2
    pareto_scale_ms: Annotated[float, Field(ge=0.1, le=1e4)] = 2.536
    interarrival_cap_ms: Annotated[float, Field(ge=0.1, le=1e5)] = 12.5


class Urllc(Slice):
    """uRLLC: exponential inter-arrival times."""

    min_rate_bps: Annotated[float, Field(ge=0, le=1e10)] = 10e6
    max_latency_ms: WholeSlotsMs = 3.0
    user_weight: Annotated[float, Field(gt=0, le=1_000)] = 3.0
    speed_m_s: Annotated[float, Field(ge=0, le=50)] = 10.0
    packet_bytes_min: Annotated[int, Field(ge=1, le=1_000_000)] = 32
    packet_bytes_max: Annotated[int, Field(ge=1, le=1_000_000)] = 32
    undecided: UndecidedRule = "default"
    interarrival_mean_ms: Annotated[float, Field(ge=0.1, le=1e5)] = 180.0


class Slices(_Model):
    """The three slices."""

    vonr: Vonr = Vonr()
    embb: Embb = Embb()
    urllc: Urllc = Urllc()

    def in_order(self) -> tuple[Vonr, Embb, Urllc]:
        """The slices in the order of their index."""
        return self.vonr, self.embb, self.urllc


def _with_short_forms(schema: dict[str, Any]) -> None:
    """Name the ways to give impairments that are no fields."""
    share = {"type": "number", "minimum": 0, "maximum": 1}
    percent = {"type": "number", "minimum": 0, "maximum": 100}
    schema["properties"] |= {"kappa": share} | dict.fromkeys(("evm_percent", "evm_t_percent", "evm_r_percent"), percent)


class Impairments(_Model):
    """Hardware impairments (Eq. 11-14); a side is given as kappa or as EVM in percent, kappa = EVM^2."""

    model_config = ConfigDict(json_schema_extra=_with_short_forms)

    model: Literal["paper", "aggregate"] = "paper"
    kappa_t: Annotated[float, Field(ge=0, le=1)] = 1e-3
    kappa_r: Annotated[float, Field(ge=0, le=1)] = 1e-3

    @model_validator(mode="before")
    @classmethod
    def _sides(cls, data: Any) -> Any:
        """`kappa` and `evm_percent` set both sides; `evm_t_percent`, `evm_r_percent` are kappa_t, kappa_r."""
        if not isinstance(data, dict):
            return data
        data = spread_impairments(data)
        for side in ("t", "r"):
            evm = f"evm_{side}_percent"
            if evm not in data:
                continue
            if f"kappa_{side}" in data:
                raise ValueError(f"either kappa_{side} (0..1) or {evm} (0..100)")
            data[f"kappa_{side}"] = kappa_of_evm(evm, data.pop(evm))
        return data


def kappa_of_evm(field: str, evm_percent: Any) -> float:
    """kappa = EVM^2.

    Raises:
        ValueError: not a number in 0..100; the message names `field`.
    """
    is_number = isinstance(evm_percent, int | float) and not isinstance(evm_percent, bool)
    if not is_number or not 0 <= evm_percent <= 100:
        raise ValueError(f"{field} must be 0..100 (given {evm_percent!r})")
    return float(evm_percent * evm_percent / 1e4)


def spread_impairments(data: dict[str, Any]) -> dict[str, Any]:
    """`hwi` data with `kappa` and `evm_percent` put on each side that has no value of its own."""
    data = dict(data)
    for both, by_side in (("kappa", "kappa_{}"), ("evm_percent", "evm_{}_percent")):
        if both in data:
            value = data.pop(both)
            for side in ("t", "r"):
                data.setdefault(by_side.format(side), value)
    return data


class Csi(_Model):
    """What is known of the channel where beams are decided or formed; rates are reckoned on the channel itself."""

    csi_delay_slots: Annotated[int, Field(ge=0, le=MAX_CSI_DELAY_SLOTS)] = 0
    """Age at which a measurement becomes known."""
    csi_period_slots: Annotated[int, Field(ge=1, le=640)] = 1
    """Slots between two measurements of a user."""
    csi_noise: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Relative error variance E||h_csi - h||^2 / ||h||^2 of a measurement, white over the antennas."""

    @property
    def csi_is_perfect(self) -> bool:
        """Whether CSI is the channel itself."""
        return self.csi_delay_slots == 0 and self.csi_period_slots == 1 and self.csi_noise == 0


class Mix(_Model):
    """One regime of load: a factor a slice, on top of each slice's own `load_scale`."""

    vonr: Annotated[float, Field(ge=0, le=100)] = 1.0
    embb: Annotated[float, Field(ge=0, le=100)] = 1.0
    urllc: Annotated[float, Field(ge=0, le=100)] = 1.0

    def in_order(self) -> tuple[float, float, float]:
        """The factors in the order of the slice index."""
        return self.vonr, self.embb, self.urllc


class Regimes(_Model):
    """Markov-modulated load: uniform dwell, the next mix uniform over the others."""

    mixes: Annotated[list[Mix], Field(min_length=2, max_length=16)]
    dwell_min_s: Annotated[float, Field(ge=0.001, le=3_600)] = 10.0
    dwell_max_s: Annotated[float, Field(ge=0.001, le=3_600)] = 30.0

    @model_validator(mode="after")
    def _dwell(self) -> Regimes:
        if self.dwell_min_s > self.dwell_max_s:
            raise ValueError("dwell_min_s must be at most dwell_max_s")
        return self


class Scenario(Csi):
    """A cell with its users, channel, traffic, impairments and loop."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "base"
    users: Annotated[int, Field(ge=3, le=2_000)] = 100
    user_counts: Literal["fixed", "drawn"] = "fixed"
    side_m: Annotated[float, Field(ge=20, le=10_000)] = 240.0
    coverage: Literal["area", "disc", "confined"] = "area"
    """Who is served: all users; those who are inside the disc just now; or all, who live in the disc."""
    coverage_radius_m: Annotated[float, Field(ge=1, le=5_000)] = 40.0
    """Of the disc around the BS; at most side_m / 2 where `coverage` is not `area`."""
    distance_floor_m: Annotated[float, Field(ge=1, le=100)] = 5.0
    carrier_hz: Annotated[float, Field(ge=1e8, le=1e11)] = 3.5e9
    antennas: Annotated[int, Field(ge=8, le=512, multiple_of=8)] = 128
    paths: Literal[4] = PATHS
    angular_spread_deg: Annotated[float, Field(ge=0, le=180)] = 3.0
    path_loss_at_1km_db: Annotated[float, Field(ge=0, le=300)] = 120.9
    path_loss_slope_db: Annotated[float, Field(ge=0, le=100)] = 37.6
    shadowing_std_db: Annotated[float, Field(ge=0, le=30)] = 8.0
    shadowing_decorrelation_m: Annotated[float, Field(ge=1, le=10_000)] = 50.0
    fading: Literal["jakes", "fixed", "iid"] = "jakes"
    fading_rho: Annotated[float, Field(ge=0, le=1)] = 0.64
    """Correlation a slot where `fading` is `fixed`."""
    total_power_dbm: Annotated[float, Field(ge=0, le=80)] = 60.0
    total_bandwidth_hz: Annotated[int, Field(ge=1_000_000, le=400_000_000)] = 10_000_000
    power_floor_dbm: Annotated[float, Field(ge=-30, le=60)] = 15.0
    bandwidth_floor_hz: Annotated[int, Field(ge=1, le=100_000_000)] = 2_000_000
    noise_dbm_hz: Annotated[float, Field(ge=-250, le=0)] = -174.0
    initial_bandwidth_hz: tuple[int, int, int] = (3_400_000, 3_300_000, 3_300_000)
    initial_power_share: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)
    queue_packets: Annotated[int, Field(ge=1, le=64)] = 5
    access: Literal["rsma", "rsma-split", "sdma", "ofdma"] = "rsma"
    common_split: Literal["equal", "deficit", "maxmin"] = "equal"
    """Who gets how much of the common rate (Eq. 15)."""
    codebook: Literal["dft", "phase-quantised"] = "dft"
    precoder: Literal["codebook", "mrt", "zf", "rzf"] = "codebook"
    common_beam: Literal["random", "sum-mrt", "best-codebook"] = "random"
    hwi: Impairments = Impairments()
    slices: Slices = Slices()
    regimes: Regimes | None = None
    default_private_share: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of P_s on private streams in the node's default; None: 1e-4 with a common stream and `paper`, else 1."""
    control_delay_slots: Annotated[int, Field(ge=0, le=MAX_CONTROL_DELAY_SLOTS)] | Literal["auto"] = "auto"
    decision_period_slots: Annotated[int, Field(ge=1, le=20)] = 1
    """Slots whose number is a multiple of it are decided by the agents; between them users run on what was decided."""
    eta_weight: Weight = 0.6
    ssr_weights: tuple[Weight, Weight, Weight] = (1.0, 2.0, 3.0)

    @model_validator(mode="after")
    def _budgets(self) -> Scenario:
        if sum(self.initial_bandwidth_hz) != self.total_bandwidth_hz:
            raise ValueError("initial_bandwidth_hz must sum to total_bandwidth_hz (C4)")
        if min(self.initial_bandwidth_hz) < self.bandwidth_floor_hz:
            raise ValueError("initial_bandwidth_hz must be at least bandwidth_floor_hz a slice (C3)")
        if abs(sum(self.initial_power_share) - 1) > 1e-9 or min(self.initial_power_share) <= 0:
            raise ValueError("initial_power_share must be positive and sum to 1 (C2)")
        if min(self.initial_power_share) * self.total_power_w < self.power_floor_w:
            raise ValueError("initial_power_share must give each slice power_floor_dbm (C1)")
        if min(self._fixed_counts()) < 1:
            raise ValueError("users and slices.*.user_weight must leave at least 1 user a slice")
        return self

    @model_validator(mode="after")
    def _antennas_and_disc(self) -> Scenario:
        if self.codebook == "phase-quantised" and self.antennas not in (8, 16, 32, 64, 128, 256):
            raise ValueError("antennas must be 8, 16, 32, 64, 128 or 256 where codebook is phase-quantised")
        if self.coverage != "area" and self.coverage_radius_m > self.side_m / 2:
            raise ValueError(f"coverage_radius_m must be at most side_m / 2 = {self.side_m / 2:g} m")
        return self

    @property
    def csi(self) -> Csi:
        """The CSI that the run starts with."""
        return Csi(**{name: getattr(self, name) for name in Csi.model_fields})

    @property
    def has_common_stream(self) -> bool:
        """Whether the access has a common stream."""
        return self.access in ("rsma", "rsma-split")

    @property
    def total_power_w(self) -> float:
        """P^T in watts."""
        return float(10 ** (self.total_power_dbm / 10 - 3))

    @property
    def power_floor_w(self) -> float:
        """Lambda_p in watts (C1)."""
        return float(10 ** (self.power_floor_dbm / 10 - 3))

    @property
    def noise_w_per_hz(self) -> float:
        """Noise density in W/Hz."""
        return float(10 ** (self.noise_dbm_hz / 10 - 3))

    def private_share(self, hwi_model: str) -> float:
        """Share of the slice's power that the node's default puts on private streams."""
        if self.default_private_share is not None:
            return self.default_private_share
        return 1e-4 if self.has_common_stream and hwi_model == "paper" else 1.0

    def users_by_slice(self, rng: np.random.Generator) -> tuple[int, int, int]:
        """Numbers of users a slice: largest remainder of the weights, or drawn (at least one each)."""
        if self.user_counts == "fixed":
            return self._fixed_counts()
        weights = np.array([part.user_weight for part in self.slices.in_order()])
        drawn = 1 + rng.multinomial(self.users - len(weights), weights / weights.sum())
        return int(drawn[0]), int(drawn[1]), int(drawn[2])

    def _fixed_counts(self) -> tuple[int, int, int]:
        weights = np.array([part.user_weight for part in self.slices.in_order()])
        exact = weights / weights.sum() * self.users
        counts = np.floor(exact).astype(int)
        for index in np.argsort(-(exact - counts), kind="stable")[: self.users - counts.sum()]:
            counts[index] += 1
        return int(counts[0]), int(counts[1]), int(counts[2])


PRESETS = ("base", "ideal", "high-load", "regimes")


def load_scenario(name_or_path: str, overrides: list[str] | None = None) -> Scenario:
    """Scenario from a preset's name or a YAML file, with `FIELD=VALUE` overrides (dots reach into parts).

    Raises:
        ScenarioError: unknown name, unreadable file, unknown field or value out of range.
    """
    if name_or_path in PRESETS:
        text = resources.files("ran_emulator.presets").joinpath(f"{name_or_path}.yaml").read_text()
        fallback_name = name_or_path
    else:
        text = _read(name_or_path)
        stem = re.sub(r"[^a-z0-9]+", "-", Path(name_or_path).stem.lower()).strip("-")
        fallback_name = stem[:63].strip("-") or "scenario"
    try:
        data = parse_yaml(text) or {}
    except YamlError as error:
        raise ScenarioError(f"scenario: {name_or_path}: {error}") from error
    if not isinstance(data, dict):
        raise ScenarioError(f"scenario: {name_or_path} must hold fields, not a {type(data).__name__}")
    data.setdefault("name", fallback_name)
    _make_way_for_impairments(data, overrides or [])
    for override in overrides or []:
        _apply_override(data, override)
    return parse_scenario(data)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ScenarioError(f"scenario: {path!r} is neither a preset ({', '.join(PRESETS)}) nor a file") from error
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a name that no file can have
        raise ScenarioError(f"scenario: {path!r} cannot be read: {error}") from error


def parse_scenario(data: dict[str, Any]) -> Scenario:
    """Scenario from plain data.

    Raises:
        ScenarioError: each wrong field with its range.
    """
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(describe_errors(error, Scenario, whole="scenario")) from error


def _apply_override(data: dict[str, Any], override: str) -> None:
    name, separator, value = override.partition("=")
    if not separator or not name:
        raise ScenarioError(f"--set {override!r}: expected FIELD=VALUE, e.g. hwi.kappa=0.01")
    *parents, leaf = name.split(".")
    target = data
    for part in parents:
        child = target.setdefault(part, {})
        if not isinstance(child, dict):
            raise ScenarioError(f"--set {name}: {part} has no fields")
        target = child
    try:
        parsed = parse_yaml(value)
    except YamlError as error:
        raise ScenarioError(f"--set {name}: {value!r} is not a value: {error}") from error
    if leaf == "kappa":
        target.pop("kappa_t", None)
        target.pop("kappa_r", None)
    if leaf == "evm_percent":
        target.pop("evm_t_percent", None)
        target.pop("evm_r_percent", None)
    target[leaf] = parsed


_OTHER_UNIT = {
    "hwi.kappa": ("evm_t_percent", "evm_r_percent"),
    "hwi.kappa_t": ("evm_t_percent",),
    "hwi.kappa_r": ("evm_r_percent",),
    "hwi.evm_percent": ("kappa_t", "kappa_r"),
    "hwi.evm_t_percent": ("kappa_t",),
    "hwi.evm_r_percent": ("kappa_r",),
}


def _make_way_for_impairments(data: dict[str, Any], overrides: list[str]) -> None:
    """Take out of a file's `hwi` what an override gives in the other unit; two overrides of one side still clash."""
    names = [override.partition("=")[0] for override in overrides]
    if not isinstance(data.get("hwi"), dict) or not any(name in _OTHER_UNIT for name in names):
        return
    data["hwi"] = spread_impairments(data["hwi"])
    for name in names:
        for other in _OTHER_UNIT.get(name, ()):
            data["hwi"].pop(other, None)
