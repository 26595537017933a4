"""Scenarios: presets and files load, and each field refuses what is out of its range, by name."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, get_args

import annotated_types
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pydantic import BaseModel, ValidationError

from ran_emulator.scenario import PRESETS, Scenario, ScenarioError, load_scenario, parse_scenario


def numeric_fields(model: type[BaseModel] = Scenario, prefix: str = "") -> list[tuple[str, float, float]]:
    """Dotted name, lowest and highest value of each field with bounds."""
    found = []
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            found += numeric_fields(info.annotation, f"{prefix}{name}.")
            continue
        marks = list(info.metadata)
        for part in get_args(info.annotation):
            marks += list(getattr(part, "__metadata__", ()))
            for inner in marks[:]:
                marks += list(getattr(inner, "metadata", ()))
        low: list[Any] = [m.ge for m in marks if isinstance(m, annotated_types.Ge)]
        low += [m.gt for m in marks if isinstance(m, annotated_types.Gt)]
        high: list[Any] = [m.le for m in marks if isinstance(m, annotated_types.Le)]
        if low and high:
            found.append((prefix + name, float(low[0]), float(high[0])))
    return found


FIELDS = [field for field in numeric_fields() if field[0] != "ssr_weights"]  # three numbers: a test of its own


def nested(name: str, value: Any) -> dict[str, Any]:
    for part in reversed(name.split(".")):
        value = {part: value}
    return dict(value)


def test_the_fields_with_ranges_were_found() -> None:
    names = {name for name, _, _ in FIELDS}
    assert len(names) > 40
    assert {"users", "hwi.kappa_t", "slices.embb.load_scale", "slices.urllc.interarrival_mean_ms"} <= names
    assert {"control_delay_slots", "default_private_share", "side_m"} <= names


@pytest.mark.parametrize(("name", "low", "high"), FIELDS, ids=[name for name, _, _ in FIELDS])
@settings(deadline=None, max_examples=30)
@given(data=some.data())
def test_a_value_out_of_range_is_refused_by_name_and_range(name: str, low: float, high: float, data: Any) -> None:
    beyond = data.draw(
        some.one_of(
            some.floats(high * (1 + 1e-9) + 1e-9, max(1e15, 2 * high)),
            some.floats(-1e15, low - 1e-9 - abs(low) * 1e-9),
            some.integers(math.floor(high) + 1, 10**15),
            some.integers(-(10**15), math.ceil(low) - 1),
        )
    )
    with pytest.raises(ScenarioError) as error:
        parse_scenario(nested(name, beyond))
    assert name in str(error.value)
    bound = high if beyond > high else low
    ranges = {f"{bound:g}", str(bound), str(int(bound)), "valid integer", "multiple of"}
    assert any(text in str(error.value) for text in ranges)


@pytest.mark.parametrize("name", [name for name, _, _ in FIELDS])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "many", [1], {"a": 1}, b"\xff"], ids=repr)
def test_what_is_no_number_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ScenarioError, match=name.rpartition(".")[2]):
        parse_scenario(nested(name, value))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "No Spaces"),
        ("name", ""),
        ("access", "noma"),
        ("precoder", "mmse"),
        ("access", "rsma_split"),
        ("common_split", "fair"),
        ("common_beam", "mrt"),
        ("codebook", "ge"),
        ("coverage", "circle"),
        ("csi_delay_slots", 2.5),
        ("csi_period_slots", "often"),
        ("fading", "rayleigh"),
        ("user_counts", "many"),
        ("hwi.model", "none"),
        ("slices.vonr.undecided", "drop"),
        ("paths", 5),
        ("queue_packets", 2.5),
        ("antennas", 9),
        ("slices.embb.max_latency_ms", 0.75),
        ("users", 2.5),
        ("control_delay_slots", "soon"),
        ("initial_bandwidth_hz", [1, 2]),
        ("initial_power_share", [0.5, 0.5]),
        ("no_such_field", 1),
        ("slices.embb.no_such_field", 1),
        ("slices.mmtc.load_scale", 1),
        ("regimes", {"mixes": []}),
        ("regimes", {"mixes": [{"embb": 2.0}]}),
        ("regimes", {"mixes": [{"embb": 200.0}, {}]}),
        ("regimes", {"mixes": [{}, {}], "dwell_min_s": 5, "dwell_max_s": 4}),
        ("hwi.kappa", 2),
        ("hwi.kappa", "strong"),
    ],
)
def test_other_wrong_values_are_refused_by_name(field: str, value: Any) -> None:
    names = {"slices.mmtc.load_scale": "slices.mmtc", "hwi.kappa": "hwi.kappa_t"}
    with pytest.raises(ScenarioError) as error:
        parse_scenario(nested(field, value))
    assert names.get(field, field) in str(error.value)


@pytest.mark.parametrize(
    ("data", "constraint"),
    [
        ({"initial_bandwidth_hz": (2_000_000, 5_000_000, 2_000_000)}, "C4"),
        ({"initial_bandwidth_hz": (1_000_000, 7_000_000, 2_000_000)}, "C3"),
        ({"initial_power_share": (0.5, 0.5, 0.5)}, "C2"),
        ({"initial_power_share": (1.2, -0.1, -0.1)}, "C2"),
        ({"initial_power_share": (0.99999, 0.000005, 0.000005)}, "C1"),
        ({"total_power_dbm": 10.0}, "C1"),
        ({"total_bandwidth_hz": 20_000_000}, "C4"),
    ],
)
def test_an_initial_split_must_hold_c1_to_c4(data: dict[str, Any], constraint: str) -> None:
    with pytest.raises(ScenarioError, match=constraint):
        parse_scenario(data)


def test_evm_is_the_root_of_kappa_in_percent() -> None:
    by_side = parse_scenario({"hwi": {"evm_t_percent": 8, "evm_r_percent": 3.5}}).hwi
    assert (by_side.kappa_t, by_side.kappa_r) == pytest.approx((0.0064, 0.001225), rel=1e-12)
    assert parse_scenario({"hwi": {"evm_percent": 10}}).hwi == parse_scenario({"hwi": {"kappa": 0.01}}).hwi
    assert parse_scenario({"hwi": {"evm_percent": 10, "evm_r_percent": 20}}).hwi.kappa_r == pytest.approx(0.04)
    mixed = parse_scenario({"hwi": {"evm_t_percent": 100, "kappa_r": 0.5}}).hwi
    assert (mixed.kappa_t, mixed.kappa_r) == (1.0, 0.5)


@pytest.mark.parametrize(
    "hwi",
    [
        {"kappa_t": 0.01, "evm_t_percent": 10},
        {"kappa": 0.01, "evm_r_percent": 10},
        {"kappa_r": 0.01, "evm_percent": 10},
        {"kappa": 0.01, "evm_percent": 10},
    ],
)
def test_a_side_is_given_as_kappa_or_as_evm(hwi: dict[str, float]) -> None:
    with pytest.raises(ScenarioError, match=r"hwi: .*either kappa_[tr] \(0..1\) or evm_[tr]_percent \(0..100\)"):
        parse_scenario({"hwi": hwi})


@pytest.mark.parametrize("value", [-1, 100.1, math.nan, math.inf, "strong", True, None, [3]], ids=repr)
@pytest.mark.parametrize("name", ["evm_percent", "evm_t_percent", "evm_r_percent"])
def test_evm_has_a_range(name: str, value: Any) -> None:
    with pytest.raises(ScenarioError, match=r"evm_[tr]_percent must be 0..100 \(given"):
        parse_scenario({"hwi": {name: value}})


def test_an_override_in_the_other_unit_takes_the_place_of_the_files() -> None:
    both = load_scenario("ideal", ["hwi.evm_percent=10"]).hwi
    assert (both.kappa_t, both.kappa_r) == pytest.approx((0.01, 0.01))
    one = load_scenario("ideal", ["hwi.evm_t_percent=10"]).hwi
    assert one.kappa_t == pytest.approx(0.01)
    assert one.kappa_r == 0.0
    with pytest.raises(ScenarioError, match="either kappa_t"):
        load_scenario("ideal", ["hwi.evm_t_percent=10", "hwi.kappa=0.1"])


def test_an_override_of_kappa_takes_the_place_of_a_files_evm(tmp_path: Path) -> None:
    path = tmp_path / "by-evm.yaml"
    path.write_text("hwi: {evm_percent: 20}")
    assert load_scenario(str(path)).hwi.kappa_t == pytest.approx(0.04)
    hwi = load_scenario(str(path), ["hwi.kappa_r=0.5"]).hwi
    assert hwi.kappa_t == pytest.approx(0.04)
    assert hwi.kappa_r == 0.5
    assert load_scenario(str(path), ["hwi.kappa=0.3"]).hwi.kappa_t == 0.3


def test_the_disc_lies_in_the_area() -> None:
    assert parse_scenario({"coverage_radius_m": 121}).coverage == "area"
    for coverage in ("disc", "confined"):
        parse_scenario({"coverage": coverage, "coverage_radius_m": 120})
        with pytest.raises(ScenarioError, match="coverage_radius_m must be at most side_m / 2 = 120 m"):
            parse_scenario({"coverage": coverage, "coverage_radius_m": 121})


def test_all_wrong_fields_are_named_at_once() -> None:
    with pytest.raises(ScenarioError) as error:
        parse_scenario({"users": 0, "hwi": {"kappa_t": 3}, "slices": {"embb": {"load_scale": -1}}})
    for name in ("users", "hwi.kappa_t", "slices.embb.load_scale"):
        assert name in str(error.value)


@pytest.mark.parametrize("value", [21, -1, 2.5, "soon"])
def test_a_number_or_a_word_is_told_once_with_what_it_allows(value: Any) -> None:
    with pytest.raises(ScenarioError) as error:
        parse_scenario({"control_delay_slots": value, "users": 0})
    users = "users: must be 3..2000 (given 0)"
    assert str(error.value) == f"{users}; control_delay_slots: must be 0..20 or 'auto' (given {value!r})"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"hwi": {"kappa_t": 2}}, "hwi.kappa_t: must be 0..1 (given 2)"),
        ({"total_bandwidth_hz": 1}, "total_bandwidth_hz: must be 1000000..400000000 (given 1)"),
        ({"default_private_share": -1}, "default_private_share: must be 0..1 (given -1)"),
        ({"ssr_weights": [1, 2, 101]}, "ssr_weights.2: must be 0..100 (given 101)"),
        ({"regimes": {"mixes": [{}, {"embb": -1}]}}, "regimes.mixes.1.embb: must be 0..100 (given -1)"),
        ({"slices": {"embb": {"user_weight": 0}}}, "slices.embb.user_weight: must be above 0, at most 1000 (given 0)"),
        ({"antennas": 9}, "antennas: Input should be a multiple of 8, in 8..512 (given 9)"),
        (
            {"users": "x"},
            "users: Input should be a valid integer, unable to parse string as an integer, in 3..2000 (given 'x')",
        ),
        ({"paths": 3}, "paths: Input should be 4 (given 3)"),
        ({"fading": "x"}, "fading: Input should be 'jakes', 'fixed' or 'iid' (given 'x')"),
    ],
)
def test_a_field_with_two_bounds_is_told_with_both(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError) as error:
        parse_scenario(data)
    assert str(error.value) == message


def test_packet_sizes_must_be_in_order() -> None:
    with pytest.raises(ScenarioError, match=r"slices\.embb.*packet_bytes_min must be at most packet_bytes_max"):
        parse_scenario({"slices": {"embb": {"packet_bytes_min": 900, "packet_bytes_max": 800}}})


@pytest.mark.parametrize("weights", [[-1.0, 2.0, 3.0], [1e300, 2.0, 3.0]])
def test_ssr_weights_have_a_range(weights: list[float]) -> None:
    with pytest.raises(ScenarioError, match="ssr_weights"):
        parse_scenario({"ssr_weights": weights})


@pytest.mark.parametrize("name", PRESETS)
def test_presets_load_under_their_own_name(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    assert scenario.initial_bandwidth_hz == (3_400_000, 3_300_000, 3_300_000)
    assert scenario.initial_power_share == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    kappa = 0.0 if name == "ideal" else 1e-3
    assert (scenario.hwi.kappa_t, scenario.hwi.kappa_r, scenario.hwi.model) == (kappa, kappa, "paper")


def test_what_presets_change() -> None:
    assert load_scenario("high-load").slices.embb.load_scale == 3.0
    regimes = load_scenario("regimes")
    assert regimes.slices.urllc.packet_bytes_min == regimes.slices.urllc.packet_bytes_max == 6_400
    assert regimes.regimes is not None
    assert [mix.in_order() for mix in regimes.regimes.mixes] == [(1, 3, 1), (1, 0.5, 10), (1, 1, 1), (1, 0.3, 15)]
    assert (regimes.regimes.dwell_min_s, regimes.regimes.dwell_max_s) == (10, 30)
    base = load_scenario("base")
    assert base == parse_scenario({"name": "base"})
    assert base.noise_w_per_hz == pytest.approx(10**-20.4)
    assert base.total_power_w == pytest.approx(1_000)
    assert base.power_floor_w == pytest.approx(0.0316228, rel=1e-6)


def test_overrides_reach_into_parts_and_read_numbers() -> None:
    scenario = load_scenario("base", ["hwi.kappa=1e-2", "slices.embb.load_scale=2", "users=60", "access=ofdma"])
    assert (scenario.hwi.kappa_t, scenario.hwi.kappa_r) == (0.01, 0.01)
    assert (scenario.slices.embb.load_scale, scenario.users, scenario.access) == (2.0, 60, "ofdma")
    split = load_scenario("base", ["initial_bandwidth_hz=[2000000, 6000000, 2000000]", "control_delay_slots=auto"])
    assert split.initial_bandwidth_hz == (2_000_000, 6_000_000, 2_000_000)
    later = load_scenario("ideal", ["hwi.kappa_t=0.1", "hwi.kappa=0.2", "hwi.kappa_r=0.3"])
    assert (later.hwi.kappa_t, later.hwi.kappa_r) == (0.2, 0.3)


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("users", "FIELD=VALUE"),
        ("=3", "FIELD=VALUE"),
        ("", "FIELD=VALUE"),
        ("users.count=3", "users"),
        ("users=[", "users"),
        ("users=", "users"),
        ("slices.embb=3", "slices.embb"),
        ("slices.embb.load=3", "slices.embb.load"),
        ("hwi.kappa=1.5", "hwi.kappa"),
        ("hwi.kappa=nan", "hwi.kappa"),
        ("antennas=100000", "antennas"),
        ("regimes.mixes.0.embb=3", "mixes"),
        ("..=1", "scenario"),
    ],
)
def test_wrong_overrides_are_refused_by_name(override: str, named: str) -> None:
    with pytest.raises(ScenarioError) as error:
        load_scenario("regimes" if "regimes" in override else "base", [override])
    if named != "scenario":
        assert named in str(error.value)


def test_an_unknown_scenario_lists_the_presets() -> None:
    with pytest.raises(ScenarioError, match=r"'nowhere' is neither a preset \(base, ideal, .*\) nor a file"):
        load_scenario("nowhere")


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "small-cell.yaml"
    path.write_text("users: 30\nhwi: {kappa: 0.01}\nslices: {embb: {speed_m_s: 14}}\n")
    scenario = load_scenario(str(path), ["users=40"])
    assert (scenario.name, scenario.users, scenario.hwi.kappa_r) == ("small-cell", 40, 0.01)
    assert scenario.slices.embb.speed_m_s == 14


@pytest.mark.parametrize(
    "text", ["[1, 2]", "users: [", "just words", "users: 30\nusers: {a: ", "3", "\x00", "users: !!python/none x"]
)
def test_a_file_that_is_no_scenario_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError):
        load_scenario(str(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("users: 100\nside_m: 200\nusers: 50\n", r"twice.yaml: users: given twice \(lines 1 and 3\)"),
        ("slices:\n  embb:\n    load_scale: 1\n    'load_scale': 2\n", r"load_scale: given twice \(lines 3 and 4\)"),
        ("{hwi: {kappa: 0, kappa: 1}}", r"kappa: given twice"),
    ],
)
def test_a_field_given_twice_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=message):
        load_scenario(str(path))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("0x_", "int"),
        ("0b_", "int"),
        ("!!int abc", "int"),
        ("!!int ''", "int"),
        ("!!float x", "float"),
        (":".join(["9"] * 200) + ".0", "float"),
        ("!!bool maybe", "bool"),
        ("2001-13-45", "timestamp"),
        ("!!timestamp now", "timestamp"),
    ],
)
def test_a_value_that_is_none_of_its_type_is_refused(tmp_path: Path, value: str, kind: str) -> None:
    path = tmp_path / "untrue.yaml"
    path.write_text(f"side_m: 200\nusers: {value}\n")
    with pytest.raises(ScenarioError, match=rf"untrue.yaml: .* \(line 2\) is no {kind}"):
        load_scenario(str(path))
    with pytest.raises(ScenarioError, match=rf"--set users: .* is no {kind}"):
        load_scenario("base", [f"users={value}"])


def test_a_merge_may_be_overridden_and_its_source_used_again(tmp_path: Path) -> None:
    path = tmp_path / "merged.yaml"
    path.write_text(
        "slices:\n"
        "  vonr: &calm {load_scale: 0.5, speed_m_s: 1}\n"
        "  embb: &calmer {<<: *calm, load_scale: 0.25}\n"
        "  urllc: {<<: *calmer, speed_m_s: 2}\n"
    )
    slices = load_scenario(str(path)).slices.in_order()
    assert [(part.load_scale, part.speed_m_s) for part in slices] == [(0.5, 1), (0.25, 1), (0.25, 2)]


def test_a_folder_is_no_scenario(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="neither a preset"):
        load_scenario(str(tmp_path))


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"users: \xff\xfe\x00\x80")
    with pytest.raises(ScenarioError):
        load_scenario(str(path))


def test_a_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(ScenarioError):
        load_scenario("x" * 5_000)


def test_a_scenario_keeps_its_value_where_an_assignment_is_refused() -> None:
    scenario = parse_scenario({})
    with pytest.raises(ValidationError, match="users"):
        scenario.users = 1
    assert scenario.users == 100


def test_a_hundred_users_are_17_33_and_50() -> None:
    assert parse_scenario({}).users_by_slice(np.random.default_rng(1)) == (17, 33, 50)


@settings(deadline=None)
@given(users=some.integers(3, 2_000), weights=some.tuples(*[some.floats(0.1, 10)] * 3))
def test_users_go_by_largest_remainder(users: int, weights: tuple[float, float, float]) -> None:
    slices = {name: {"user_weight": w} for name, w in zip(("vonr", "embb", "urllc"), weights, strict=True)}
    exact = np.array(weights) / sum(weights) * users
    try:
        scenario = parse_scenario({"users": users, "slices": slices})
    except ScenarioError:
        assert min(exact) < 1
        return
    counts = scenario.users_by_slice(np.random.default_rng(1))
    assert min(counts) >= 1
    assert sum(counts) == users
    assert (abs(np.array(counts) - exact) < 1).all()


@settings(deadline=None)
@given(users=some.integers(3, 2_000), seed=some.integers(0, 2**32))
def test_drawn_users_leave_no_slice_empty(users: int, seed: int) -> None:
    scenario = parse_scenario({"users": users, "user_counts": "drawn"})
    counts = scenario.users_by_slice(np.random.default_rng(seed))
    assert sum(counts) == users
    assert min(counts) >= 1


def test_the_default_puts_little_on_private_streams_only_under_paper() -> None:
    assert parse_scenario({}).private_share("paper") == 1e-4
    assert parse_scenario({}).private_share("aggregate") == 1.0
    assert parse_scenario({"access": "sdma"}).private_share("paper") == 1.0
    assert parse_scenario({"default_private_share": 0.3}).private_share("paper") == 0.3
