"""Timelines: every event is made at the start of its slot, the same in every host; a wrong entry is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from driving import RandomDecisions, drive, undecided
from hypothesis import given, settings
from hypothesis import strategies as some

from ran_emulator import state as st
from ran_emulator.cell import Cell
from ran_emulator.events import EVENT, EVENT_TYPES
from ran_emulator.scenario import load_scenario, parse_scenario
from ran_emulator.summary import cell_summary
from ran_emulator.timeline import MAX_WAITING, TimelineError, load_timeline, parse_timeline

REGIMES = load_scenario("regimes")
SWITCHING = load_scenario("regimes", ["regimes.dwell_min_s=0.001", "regimes.dwell_max_s=0.001"])  # every other slot
QUIET = parse_scenario({"slices": {name: {"load_scale": 0} for name in ("vonr", "embb", "urllc")}})


def written(folder: Path, text: str) -> Path:
    path = folder / "timeline.yaml"
    path.write_text(text)
    return path


def scheduled(scenario: Any, events: list[dict[str, Any]], seed: int = 1) -> Cell:
    cell = Cell(scenario, seed)
    cell.schedule(parse_timeline(events, scenario))
    return cell


def offered(cell: Cell) -> Any:
    return (cell.state.window_counts + cell.state.total_counts)[:, st.OFFERED]


def test_packets_are_offered_in_their_slot_and_no_earlier() -> None:
    cell = scheduled(
        QUIET,
        [
            {"at_slot": 5, "change": "burst", "slice": "embb", "packets": 7},
            {"at_s": 0.004, "change": "user_burst", "users": [3, 60], "packets": 2},
        ],
    )
    seen = [offered(drive(cell, 1, undecided)).tolist() for _ in range(10)]
    assert seen[:5] == [[0, 0, 0]] * 5
    assert seen[5:8] == [[0, 7, 0]] * 3
    assert seen[8:] == [[2, 7, 2]] * 2


@pytest.mark.parametrize(
    ("event", "read", "before", "after"),
    [
        ({"change": "load", "slice": "embb", "scale": 3}, lambda cell: cell.loads[1], 1.0, 3.0),
        ({"change": "hwi", "kappa": 0.5}, lambda cell: (cell.hwi.kappa_t, cell.hwi.kappa_r), (1e-3, 1e-3), (0.5, 0.5)),
        ({"change": "csi", "csi_delay_slots": 4}, lambda cell: cell.csi.csi_delay_slots, 0, 4),
        ({"change": "csi", "csi_noise": 0.1}, lambda cell: cell.csi.csi_noise, 0, 0.1),
        ({"change": "hwi", "model": "aggregate"}, lambda cell: cell.hwi.model, "paper", "aggregate"),
        (
            {"change": "speed", "slice": "vonr", "speed_m_s": 0},
            lambda cell: np.hypot(*cell.state.slices[0][["velocity_x_m_s", "velocity_y_m_s"]].tolist()),
            2.0,
            0.0,
        ),
    ],
)
def test_a_change_holds_from_the_start_of_its_slot(event: dict[str, Any], read: Any, before: Any, after: Any) -> None:
    cell = scheduled(load_scenario("base"), [event | {"at_slot": 4}])
    for slot in range(7):
        cell.begin_slot()
        assert read(cell) == pytest.approx(before if slot < 4 else after)
        cell.execute_slot()


def test_csi_events_of_one_slot_add_up() -> None:
    event = {"at_slot": 3, "change": "csi"}
    events = [event | {"csi_delay_slots": 4}, event | {"csi_noise": 0.1}, event | {"at_slot": 6, "csi_period_slots": 9}]
    cell = drive(scheduled(load_scenario("base"), events), 4, undecided)
    assert cell.csi.model_dump() == {"csi_delay_slots": 4, "csi_period_slots": 1, "csi_noise": 0.1}
    drive(cell, 4, undecided)
    assert cell.csi.model_dump() == {"csi_delay_slots": 4, "csi_period_slots": 9, "csi_noise": 0.1}


def test_a_burst_ends_by_itself_and_another_may_begin_in_the_slot_of_its_end() -> None:
    cell = scheduled(
        load_scenario("base"),
        [
            {"at_slot": 2, "change": "burst", "slice": "embb", "factor": 5, "duration_s": 0.002},
            {"at_slot": 6, "change": "burst", "slice": "embb", "factor": 7, "duration_s": 0.001},
        ],
    )
    loads = []
    for _ in range(10):
        cell.begin_slot()
        loads.append(cell.loads[1])
        cell.execute_slot()
    assert loads == [1, 1, 5, 5, 5, 5, 7, 7, 1, 1]


def test_events_of_one_slot_are_made_in_the_order_of_the_file() -> None:
    load = {"at_slot": 3, "change": "load", "slice": "embb"}
    cell = scheduled(
        load_scenario("base"), [load | {"scale": 2}, load | {"scale": 4}, load | {"at_slot": 1, "scale": 3}]
    )
    drive(cell, 5, undecided)
    assert [event["scale"] for event in cell.events] == [3, 2, 4]
    assert cell.loads[1] == 4


def test_a_regime_that_an_event_holds_does_not_switch_until_auto() -> None:
    scenario = load_scenario("regimes", ["regimes.dwell_min_s=0.002", "regimes.dwell_max_s=0.002"])
    cell = scheduled(
        scenario,
        [{"at_slot": 10, "change": "regime", "index": 2}, {"at_slot": 60, "change": "regime", "index": "auto"}],
    )
    seen = []
    for _ in range(100):
        cell.begin_slot()
        seen.append(cell.regime)
        cell.execute_slot()
    assert len(set(seen[:10])) > 1
    assert set(seen[10:64]) == {2}
    assert len(set(seen[64:])) > 1


SLICES = some.sampled_from(["vonr", "embb", "urllc"])
CHANGES = some.one_of(
    some.fixed_dictionaries({"change": some.just("load"), "slice": SLICES, "scale": some.floats(0, 20)}),
    some.fixed_dictionaries({"change": some.just("burst"), "slice": SLICES, "packets": some.integers(1, 200)}),
    some.fixed_dictionaries(
        {
            "change": some.just("burst"),
            "slice": SLICES,
            "factor": some.floats(0, 20),
            "duration_s": some.floats(0.0005, 0.05),
        }
    ),
    some.fixed_dictionaries(
        {
            "change": some.just("user_burst"),
            "users": some.lists(some.integers(0, 99), min_size=1, max_size=9, unique=True),
            "packets": some.integers(1, 9),
        }
    ),
    some.fixed_dictionaries({"change": some.just("hwi"), "kappa_t": some.floats(0, 1)}),
    some.fixed_dictionaries({"change": some.just("csi"), "csi_delay_slots": some.integers(0, 9)}),
    some.fixed_dictionaries({"change": some.just("csi"), "csi_period_slots": some.integers(1, 20)}),
    some.fixed_dictionaries({"change": some.just("csi"), "csi_noise": some.floats(0, 1)}),
    some.fixed_dictionaries({"change": some.just("speed"), "slice": SLICES, "speed_m_s": some.floats(0, 50)}),
    some.fixed_dictionaries({"change": some.just("regime"), "index": some.integers(0, 3) | some.just("auto")}),
)
EVENTS = some.lists(
    some.tuples(some.integers(0, 70), CHANGES).map(lambda pair: {"at_slot": pair[0]} | pair[1]), max_size=12
)


@settings(deadline=None, max_examples=25)
@given(events=EVENTS, seed=some.integers(0, 2**32))
def test_what_was_made_is_a_timeline_that_gives_the_run_again(events: list[dict[str, Any]], seed: int) -> None:
    first = drive(scheduled(REGIMES, events, seed), 60, RandomDecisions(seed))
    made = cell_summary(first)["events"]
    assert sorted(json.dumps(event, sort_keys=True) for event in made) == sorted(
        json.dumps(event, sort_keys=True) for event in events if event["at_slot"] < 60
    )
    again = drive(scheduled(REGIMES, json.loads(json.dumps(made)), seed), 60, RandomDecisions(seed))
    assert cell_summary(again) == cell_summary(first)


@settings(deadline=None, max_examples=25)
@given(events=EVENTS, seed=some.integers(0, 2**32))
def test_by_hand_at_a_slots_start_or_by_timeline_is_the_same(events: list[dict[str, Any]], seed: int) -> None:
    by_timeline = drive(scheduled(SWITCHING, events, seed), 40, RandomDecisions(seed))
    by_hand = Cell(SWITCHING, seed)
    decide = RandomDecisions(seed)
    for slot in range(40):
        for event in events:
            if event["at_slot"] == slot:
                by_hand.make(EVENT.validate_python(event))
        drive(by_hand, 1, decide)
    assert cell_summary(by_hand) == cell_summary(by_timeline)


@pytest.mark.parametrize("slot", [1, 2, 4])
def test_by_hand_a_regime_is_held_from_after_the_switch_of_its_slot(slot: int) -> None:
    event = {"at_slot": slot, "change": "regime", "index": "auto"}
    by_timeline = drive(scheduled(SWITCHING, [event]), slot + 1, undecided)
    by_hand = drive(Cell(SWITCHING, 1), slot, undecided)
    by_hand.make(EVENT.validate_python(event))
    drive(by_hand, 1, undecided)
    assert (by_hand.regime, by_hand.loads) == (by_timeline.regime, by_timeline.loads)


WRONG = [
    ("3", "must be a list of entries, not int"),
    ("", "must be a list of entries, not NoneType"),
    ("{at_s: 1}", "must be a list of entries, not dict"),
    ("- {at_s: 1", "is not YAML"),
    ("- {at_s: 1, at_s: 2}", "at_s: given twice (lines 1 and 1)"),
    ("- hwi", "entry 1: Input should be a valid dictionary"),
    ("- {change: hwi, kappa: 1}", "entry 1: either at_s (0..5e+06) or at_slot (0..10000000000)"),
    ("- {at_s: -1, change: hwi, kappa: 1}", "entry 1: at_s: must be 0..5000000 (given -1)"),
    ("- {at_slot: 1.5, change: hwi, kappa: 1}", "entry 1: at_slot: Input should be a valid integer"),
    ("- {at_s: .nan, change: hwi, kappa: 1}", "entry 1: at_s: Input should be a finite number"),
    ("- {at_s: 1, change: rain}", "entry 1: change: must be one of load, burst, user_burst, hwi, csi, speed, regime"),
    ("- {at_s: 1}", "entry 1: change: must be one of load, burst, user_burst, hwi, csi, speed, regime"),
    (
        "- {at_s: 1, change: hwi, kappa: 1}\n- {at_s: 1, change: hwi, kappa: 1.5}",
        "entry 2: kappa: must be 0..1 (given 1.5)",
    ),
    ("- {at_s: 1, change: csi}", "entry 1: at least one of csi_delay_slots (0..20), csi_period_slots (1..640)"),
    ("- {at_s: 1, change: csi, csi_period_slots: 0}", "entry 1: csi_period_slots: must be 1..640 (given 0)"),
    ("- {at_s: 1, change: load, slice: gold, scale: 1}", "entry 1: slice: Input should be 'vonr', 'embb' or 'urllc'"),
    (
        "- {at_s: 1, change: load, slice: embb, scale: 1, more: 2}",
        "entry 1: more: no such field: one of at_s, at_slot, change, slice, scale (given 2)",
    ),
    (
        "- {at_s: 1, change: burst, slice: embb, factor: 2}",
        "entry 1: either factor (0..100) and",
    ),
    (
        "- {at_s: 1, change: user_burst, users: [7, 100], packets: 1}",
        "(vonr 0..16, embb 17..49, urllc 50..99)",
    ),
    (
        "- {at_s: 1, change: user_burst, users: [7], packets: 65}",
        "entry 1: packets: must be 1..64 (given 65)",
    ),
    ("- {at_s: 1, change: regime, index: 1}", "entry 1: index: scenario 'base' has no regimes"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_wrong_file_is_told_with_entry_field_and_range(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TimelineError) as error:
        load_timeline(written(tmp_path, text), load_scenario("base"))
    assert str(error.value).startswith("timeline: ")
    assert message in str(error.value)


def test_every_wrong_entry_is_told(tmp_path: Path) -> None:
    text = "\n".join(f"- {{at_s: 1, change: hwi, kappa: {kappa}}}" for kappa in (2, 0.5, 3))
    with pytest.raises(TimelineError, match=r"entry 1: kappa: .*; entry 3: kappa: "):
        load_timeline(written(tmp_path, text), REGIMES)


@pytest.mark.parametrize("name", ["nowhere.yaml", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(TimelineError, match=r"timeline: .*cannot be read"):
        load_timeline(tmp_path / name, REGIMES)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "timeline.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(TimelineError, match="cannot be read"):
        load_timeline(path, REGIMES)


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    entries = [{"at_s": 1, "change": "hwi", "kappa": 1e-3}, {"at_slot": 3, "change": "regime", "index": "auto"}]
    as_json = load_timeline(written(tmp_path, json.dumps(entries)), REGIMES)
    as_yaml = load_timeline(written(tmp_path, yaml.safe_dump(entries)), REGIMES)
    by_hand = load_timeline(
        written(tmp_path, "- {at_s: 1, change: hwi, kappa: 1e-3}\n- {at_slot: 3, change: regime, index: auto}"), REGIMES
    )
    assert as_json == as_yaml == by_hand


def test_a_slot_that_has_begun_is_too_late_and_nothing_is_scheduled() -> None:
    cell = drive(Cell(REGIMES, 1), 5, undecided)
    cell.begin_slot()
    events = [{"at_slot": 9, "change": "hwi", "kappa": 1}, {"at_slot": 5, "change": "hwi", "kappa": 1}]
    with pytest.raises(ValueError, match=r"entry 2: at_slot: must be at least 6, the next slot to begin \(given 5\)"):
        cell.schedule(parse_timeline(events, REGIMES))
    cell.execute_slot()
    drive(cell, 10, undecided)
    assert not cell.events


def test_so_many_may_wait_and_no_more() -> None:
    cell = Cell(REGIMES, 1)
    events = parse_timeline([{"at_slot": 9, "change": "hwi", "kappa": 1}] * MAX_WAITING, REGIMES)
    assert cell.schedule(events) == list(range(MAX_WAITING))
    with pytest.raises(TimelineError, match=f"at most {MAX_WAITING} events may wait"):
        cell.schedule(events[:1])
    with pytest.raises(TimelineError, match=f"must have 0..{MAX_WAITING} entries"):
        parse_timeline([{}] * (MAX_WAITING + 1), REGIMES)


def test_every_kind_of_change_is_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs/http.md").read_text()
    for name, model in EVENT_TYPES.items():
        assert f"`{name}`" in text
        assert all(f"`{field}`" in text for field in model.model_fields)
