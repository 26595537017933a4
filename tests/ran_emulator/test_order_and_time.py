"""When things take effect: budgets, events, regimes, seconds, late decisions; and the seed that decides all."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from driving import RandomDecisions, drive, drive_slot, greedy, heavy_common, undecided

from ran_emulator import state as st
from ran_emulator.cell import Cell
from ran_emulator.scenario import Impairments, Scenario, load_scenario, parse_scenario

MHZ = 1_000_000
EMBB, URLLC = 1, 2
NEW_HZ, NEW_W = (2 * MHZ, 6 * MHZ, 2 * MHZ), (100.0, 800.0, 100.0)


def loaded(**fields: Any) -> Scenario:
    slices = {"vonr": {"load_scale": 10.0}, "embb": {"load_scale": 3.0}, "urllc": {"load_scale": 10.0}}
    return parse_scenario({"slices": slices} | fields)


@pytest.mark.parametrize("delay", [0, 1, 2, 7, 12])
def test_budgets_hold_from_the_next_slot_start_and_d_slots_and_are_decided_under(delay: int) -> None:
    cell = drive(Cell(loaded(), 1, delay), 30, greedy)
    first = cell.set_budgets(NEW_HZ, NEW_W)
    assert first == 30 + delay
    for _ in range(2 * delay + 4):
        slot = cell.slot
        cell.begin_slot()
        part = cell.state.slices[EMBB]
        assert part["bandwidth_hz"] == (6 * MHZ if slot >= first else 3_300_000)
        # what an observation says is what holds in the slot that it decides
        assert cell.state.frames[EMBB]["decided_slot"] == slot + delay
        assert part["decided_bandwidth_hz"] == (6 * MHZ if slot + delay >= first else 3_300_000)
        assert part["decided_power_w"] == pytest.approx(800.0 if slot + delay >= first else 1000 / 3)
        cell.execute_slot()
        outcome = cell.state.outcomes[EMBB]
        if outcome["count"]:
            assert outcome["bandwidth_hz"] == (6 * MHZ if slot >= first else 3_300_000)
            assert outcome["power_w"] == pytest.approx(800.0 if slot >= first else 1000 / 3)


def test_the_later_of_two_budgets_wins_and_the_earlier_holds_until_then() -> None:
    cell = drive(Cell(loaded(), 1, 3), 10, greedy)
    assert cell.set_budgets(NEW_HZ, NEW_W) == 13
    drive(cell, 1, greedy)
    assert cell.set_budgets((6 * MHZ, 2 * MHZ, 2 * MHZ), NEW_W) == 14
    seen = []
    for _ in range(4):
        drive(cell, 1, greedy)
        seen.append(int(cell.state.slices[EMBB]["bandwidth_hz"]))
    assert seen == [3_300_000, 3_300_000, 6 * MHZ, 2 * MHZ]


def test_budgets_that_come_within_a_slot_hold_from_the_next_slot_start_on() -> None:
    cell = drive(Cell(loaded(), 1, 2), 10, greedy)
    cell.begin_slot()
    assert cell.set_budgets(NEW_HZ, NEW_W) == 13
    cell.execute_slot()
    assert cell.set_budgets(NEW_HZ, NEW_W) == 13


def test_a_second_window_closes_after_2000_slots_and_totals_add_up() -> None:
    cell = Cell(loaded(), 1)
    windows = [window for _ in range(4_100) if (window := drive_slot(cell, greedy)) is not None]
    assert [window.slot for window in windows] == [2_000, 4_000]
    assert [window.second for window in windows] == [1, 2]
    np.testing.assert_array_equal(cell.state.total_counts, windows[0].counts + windows[1].counts)
    # an active user is granted, and in a slot of D = 0 served, or it waits beyond the eighth
    assert (windows[0].counts[:, st.ACTIVE] >= windows[0].counts[:, st.BY_CONTROL]).all()


def test_impairments_change_at_the_next_slot() -> None:
    cell = drive(Cell(loaded(hwi={"kappa": 0.0}), 1), 50, greedy)
    assert cell.state.outcomes[EMBB]["private_sdnr"][: cell.state.outcomes[EMBB]["count"]].max() > 200
    cell.set_hwi(Impairments(model="aggregate", kappa_t=0.0, kappa_r=0.01))
    drive(cell, 1, greedy)
    outcome = cell.state.outcomes[EMBB]
    assert outcome["private_sdnr"][: outcome["count"]].max() <= 100.0001
    assert cell.state.cell[0]["default_private_share"] == 1.0


def test_a_burst_lasts_its_slots_on_top_of_the_load() -> None:
    cell = drive(Cell(loaded(), 1), 10, greedy)
    cell.burst(EMBB, 5.0, 4)
    loads = [drive(cell, 1, greedy).loads[EMBB] for _ in range(6)]
    assert loads == [15.0] * 4 + [3.0] * 2
    cell.burst(EMBB, 2.0, 100)
    cell.set_load_scale(EMBB, 1.0)
    assert cell.loads[EMBB] == 2.0


def test_regimes_dwell_within_their_range_and_go_to_another_uniformly() -> None:
    scenario = load_scenario("regimes", ["regimes.dwell_min_s=0.01", "regimes.dwell_max_s=0.03"])
    cell = Cell(scenario, 5)
    changes: list[tuple[int, int]] = [(0, cell.regime or 0)]
    for _ in range(40_000):
        # only the timeline is of interest
        cell.apply_due()
        if cell.regime != changes[-1][1]:
            changes.append((cell.slot, int(cell.regime or 0)))
        cell.state.cell["slot"] += 1
    dwell = np.diff([slot for slot, _ in changes])
    assert dwell.min() >= 20
    assert dwell.max() <= 60
    assert dwell.mean() == pytest.approx(40, rel=0.05)
    moves = np.zeros((4, 4))
    for (_, before), (_, after) in itertools.pairwise(changes):
        moves[before, after] += 1
    assert (np.diag(moves) == 0).all()
    share = moves / moves.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(share[~np.eye(4, dtype=bool)], 1 / 3, atol=0.09)


def test_regimes_set_the_mix_and_can_be_held() -> None:
    cell = Cell(load_scenario("regimes"), 5)
    mixes = {0: (1, 3, 1), 1: (1, 0.5, 10), 2: (1, 1, 1), 3: (1, 0.3, 15)}
    assert cell.regime is not None
    assert cell.loads == mixes[cell.regime]
    for index in (3, 0, 1, 2):
        cell.set_regime(index)
        drive(cell, 1, undecided)
        assert (cell.regime, cell.loads) == (index, mixes[index])
    cell.state.cell["slot"] = 10**7
    cell.apply_due()
    assert cell.regime == 2
    cell.set_regime(None)
    cell.state.cell["slot"] += 60_000
    cell.apply_due()
    assert cell.regime != 2
    with pytest.raises(ValueError, match=r"regime: must be 0\.\.3 \(given 4\)"):
        cell.set_regime(4)
    with pytest.raises(ValueError, match="has no regimes"):
        Cell(parse_scenario({}), 1).set_regime(0)


@pytest.mark.parametrize("preset", ["base", "regimes"])
@pytest.mark.parametrize("delay", [0, 2])
def test_the_seed_decides_the_trace(preset: str, delay: int) -> None:
    def trace(seed: int, decide: Any = heavy_common, name: str = "") -> str:
        return drive(Cell(load_scenario(preset), seed, delay, name), 400, decide).trace_sha256()

    assert trace(1) == trace(1)
    assert trace(1) != trace(2)
    assert trace(1) != trace(1, name="cell 1/")
    assert trace(1) != trace(1, greedy)


def test_the_trace_is_as_documented() -> None:
    cell = Cell(loaded(), 1)
    cell.inject(EMBB, 40)
    drive(cell, 1, greedy)
    line = bytes(cell.state.trace[: int(cell.state.cell[0]["trace_length"])])
    expected = np.int64(0).tobytes()
    for part in cell.state.slices:
        expected += np.uint32(part["bandwidth_hz"]).tobytes() + np.float32(part["power_w"]).tobytes()
    served = 0
    for outcome in cell.state.outcomes:
        for place in range(outcome["count"]):
            served += 1
            for name in ("user_ids", "beams", "private_power_w", "decision_source", "sent_bits"):
                expected += outcome[name][place].tobytes()
    for outcome in cell.state.outcomes:
        expected += np.uint32(outcome["delivered_packets"]).tobytes()
        expected += np.uint32(outcome["dropped_packets"]).tobytes()
    assert served >= 8
    assert line == expected


def test_a_digest_on_the_way_does_not_change_the_next_one() -> None:
    whole, parts = Cell(loaded(), 1), Cell(loaded(), 1)
    drive(whole, 300, greedy)
    for _ in range(3):
        drive(parts, 100, greedy)
        parts.trace_sha256()
    assert whole.trace_sha256() == parts.trace_sha256()


def quiet_urllc(rule: str, delay: int) -> Cell:
    quiet = {"load_scale": 0.0}
    slices = {"vonr": quiet, "embb": quiet, "urllc": quiet | {"undecided": rule}}
    return Cell(parse_scenario({"slices": slices}), 1, delay)


def test_in_the_first_d_slots_the_rule_for_undecided_users_holds() -> None:
    for rule, served in (("wait", [0, 0, 1]), ("default", [1, 0, 0])):
        cell = quiet_urllc(rule, 2)
        cell.inject(URLLC, 1)
        counts = [int(drive(cell, 1, heavy_common).state.outcomes[URLLC]["count"]) for _ in range(3)]
        assert counts == served


def test_the_nodes_default_is_the_best_beam_and_a_heavy_common_stream_under_paper() -> None:
    for model, share in (("paper", 1e-4), ("aggregate", 1.0)):
        cell = quiet_urllc("default", 2)
        cell.set_hwi(Impairments(model=model))
        cell.inject(URLLC, 2)
        drive(cell, 1, heavy_common)
        outcome = cell.state.outcomes[URLLC]
        budget_w = 1000 / 3
        assert outcome["count"] == 2
        assert outcome["decision_source"][:2].tolist() == [st.SOURCE_DEFAULT] * 2
        np.testing.assert_allclose(outcome["private_power_w"][:2], share * budget_w / 2, rtol=1e-6)
        assert outcome["common_power_w"] == pytest.approx((1 - share) * budget_w, rel=1e-6, abs=1e-4)
        best = np.argmax(cell.state.outcome_gains[URLLC, :2], axis=1)
        assert outcome["beams"][:2].tolist() == best.tolist()


@pytest.mark.parametrize(("age", "source"), [(1, st.SOURCE_HELD), (20, st.SOURCE_HELD), (21, st.SOURCE_DEFAULT)])
def test_a_late_user_runs_on_its_last_decision_for_20_slots_then_on_the_default(age: int, source: int) -> None:
    cell = quiet_urllc("wait", 0)
    cell.inject(URLLC, 1)
    drive(cell, 1, greedy)
    drive(cell, age - 1, greedy)
    cell.state.slices[URLLC]["inject_next"] = 0
    cell.inject(URLLC, 1)
    drive(cell, 1, undecided)
    outcome = cell.state.outcomes[URLLC]
    assert outcome["count"] == 1
    assert outcome["decision_source"][0] == source
    if source == st.SOURCE_HELD:
        assert outcome["common_power_w"] == 0
        assert outcome["private_power_w"][0] == pytest.approx(1000 / 3)


def test_a_held_decision_is_clipped_to_a_smaller_budget() -> None:
    cell = quiet_urllc("wait", 0)
    cell.inject(URLLC, 1)
    drive(cell, 1, greedy)
    cell.set_budgets(NEW_HZ, NEW_W)
    cell.state.slices[URLLC]["inject_next"] = 0
    cell.inject(URLLC, 1)
    drive(cell, 1, undecided)
    outcome = cell.state.outcomes[URLLC]
    assert outcome["decision_source"][0] == st.SOURCE_HELD
    assert outcome["private_power_w"][0] == pytest.approx(100.0, rel=1e-6)
    assert outcome["common_power_w"] == pytest.approx(0.0, abs=1e-4)


def test_a_default_user_in_a_mixed_slot_gets_the_smallest_decided_power() -> None:
    cell = quiet_urllc("default", 1)
    cell.state.slices[URLLC]["inject_next"] = 0
    size = {"packet_bytes_min": 60_000, "packet_bytes_max": 60_000}
    cell.state.slices[URLLC]["bytes_min"] = size["packet_bytes_min"]
    cell.state.slices[URLLC]["bytes_max"] = size["packet_bytes_max"]
    cell.inject(URLLC, 2)
    drive(cell, 1, heavy_common)  # two users decided for slot 1
    cell.inject(URLLC, 1)  # and a third that nobody has decided for
    drive(cell, 1, heavy_common)
    outcome = cell.state.outcomes[URLLC]
    assert outcome["decision_source"][:3].tolist() == [st.SOURCE_CONTROL, st.SOURCE_CONTROL, st.SOURCE_DEFAULT]
    private_w = outcome["private_power_w"][:3]
    assert private_w[2] == private_w[:2].min()
    assert private_w.sum(dtype=np.float64) + outcome["common_power_w"] == pytest.approx(1000 / 3, rel=1e-6)


def test_powers_of_a_mixed_slot_are_scaled_down_together() -> None:
    cell = quiet_urllc("default", 1)
    cell.state.slices[URLLC]["bytes_min"] = cell.state.slices[URLLC]["bytes_max"] = 60_000
    cell.inject(URLLC, 2)
    drive(cell, 1, greedy)
    cell.inject(URLLC, 1)
    drive(cell, 1, greedy)
    outcome = cell.state.outcomes[URLLC]
    assert outcome["count"] == 3
    np.testing.assert_allclose(outcome["private_power_w"][:3], 1000 / 9, rtol=1e-5)


def test_a_read_changes_nothing() -> None:
    ours, theirs = (Cell(loaded(), 1, 2) for _ in range(2))
    decide = RandomDecisions(1, 0.2), RandomDecisions(1, 0.2)
    for _ in range(100):
        drive(ours, 1, decide[0])
        ours.window()
        assert ours.slot == ours.window().slot
        drive(theirs, 1, decide[1])
    assert ours.trace_sha256() == theirs.trace_sha256()
