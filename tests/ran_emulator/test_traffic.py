"""Arrivals, queues and service (Eq. 1-5, Table 2): closed forms, and accounts that balance after every slot."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from driving import RandomDecisions, drive, drive_slot, greedy, heavy_common, powerless, undecided
from hypothesis import given, settings
from hypothesis import strategies as some
from ways_in import interarrival_ms, packet_bits

from ran_emulator import state as st
from ran_emulator.cell import Cell, ssr_of
from ran_emulator.scenario import Scenario, ScenarioError, parse_scenario
from ran_emulator.summary import cell_summary

VONR, EMBB, URLLC = 0, 1, 2
MEANS_MS = (80.0, 6.0, 180.0)


def quiet(**slices: Any) -> Scenario:
    """No traffic but what is injected, and no slice that is served by default."""
    fields: dict[str, dict[str, Any]] = {
        name: {"load_scale": 0.0, "undecided": "wait"} | slices.get(name, {}) for name in ("vonr", "embb", "urllc")
    }
    return parse_scenario({"slices": fields})


def counts(cell: Cell) -> Any:
    return cell.state.window_counts + cell.state.total_counts


@pytest.mark.parametrize("slice_id", [VONR, EMBB, URLLC])
def test_interarrival_means_are_table_2s(slice_id: int) -> None:
    parameters = np.array([(160.0, 0, 0), (1.2, 2.536, 12.5), (180.0, 0, 0)][slice_id])
    u = (np.arange(200_000) + 0.5) / 200_000
    gaps = np.array([interarrival_ms(slice_id, parameters, x) for x in u])
    assert gaps.mean() == pytest.approx(MEANS_MS[slice_id], rel=1e-3)
    assert gaps.min() >= (2.536 if slice_id == EMBB else 0)
    assert gaps.max() <= {VONR: 160, EMBB: 12.5, URLLC: math.inf}[slice_id]


def test_the_capped_pareto_has_the_closed_forms_mean() -> None:
    # E[min(X, c)] = x_m (a - (x_m / c)^(a - 1)) / (a - 1)
    shape, scale_ms, cap_ms = 1.2, 2.536, 12.5
    mean_ms = scale_ms * (shape - (scale_ms / cap_ms) ** (shape - 1)) / (shape - 1)
    assert mean_ms == pytest.approx(6.0, abs=1e-3)


@pytest.mark.parametrize("load", [0.5, 1.0, 3.0])
def test_offered_load_is_within_1_percent_of_the_closed_form(load: float) -> None:
    wait = {"load_scale": load, "undecided": "wait"}
    scenario = parse_scenario({"users": 2_000, "slices": {"vonr": wait, "embb": wait, "urllc": wait}})
    cell = Cell(scenario, 12, control_delay_slots=12)
    slots = round(40_000 / load)
    for slot in range(slots):
        cell.begin_slot()
        # the channel is of no interest here: nobody is served
        cell.state.cell["slot"] = slot + 1
        cell.state.grants["count"] = 0
    for s in range(3):
        users = cell.users_by_slice[s]
        expected = users * load * slots * 0.5 / MEANS_MS[s]
        # a renewal process that starts with an arrival's gap is short of (mean^2 - variance) / (2 mean^2) events
        assert counts(cell)[s, st.OFFERED] == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(("low", "high"), [(300, 1_500), (1, 8), (32, 32)])
def test_packet_sizes_are_uniform_over_their_range(low: int, high: int) -> None:
    sizes = np.array([packet_bits(np.uint64(5), user, k, low, high) for user in range(40) for k in range(500)]) / 8
    assert sizes.min() == low
    assert sizes.max() == high
    assert sizes.mean() == pytest.approx((low + high) / 2, rel=0.01)


def test_load_0_stops_and_a_change_acts_at_once_on_the_same_draws() -> None:
    plain = Cell(parse_scenario({}), 3)
    paused = Cell(parse_scenario({}), 3)
    drive(plain, 300, undecided)
    drive(paused, 300, undecided)
    for s in range(3):
        paused.set_load_scale(s, 0.0)
    before = counts(paused)[:, st.OFFERED].copy()
    drive(paused, 500, undecided)
    np.testing.assert_array_equal(counts(paused)[:, st.OFFERED], before)
    for s in range(3):
        paused.set_load_scale(s, 4.0)
    drive(paused, 100, undecided)
    drive(plain, 400, undecided)
    np.testing.assert_array_equal(counts(paused)[:, st.OFFERED], counts(plain)[:, st.OFFERED])
    np.testing.assert_array_equal(counts(paused)[:, st.OFFERED_BITS], counts(plain)[:, st.OFFERED_BITS])


def test_traffic_is_the_same_under_any_policy_and_delay() -> None:
    scenario = parse_scenario({"slices": {"embb": {"load_scale": 3.0}}})
    offered = [
        counts(drive(Cell(scenario, 8, delay), 600, decide))[:, [st.OFFERED, st.OFFERED_BITS]]
        for decide, delay in ((greedy, 0), (powerless, 0), (heavy_common, 3), (RandomDecisions(1, 0.3), 2))
    ]
    for other in offered[1:]:
        np.testing.assert_array_equal(other, offered[0])


def test_a_full_queue_drops_what_arrives() -> None:
    cell = Cell(quiet(), 1)
    cell.inject(VONR, 17 * 5)
    assert counts(cell)[VONR, st.DROPPED_FULL] == 0
    cell.inject(VONR, 17 + 3)
    assert counts(cell)[VONR, st.OFFERED] == 17 * 5 + 20
    assert counts(cell)[VONR, st.DROPPED_FULL] == 20
    assert counts(cell)[VONR, st.DROPPED_BITS] == 20 * 320
    assert (cell.state.users["packets"][cell.slice_users(VONR)] == 5).all()


@pytest.mark.parametrize(("slice_id", "slots"), [(VONR, 20), (EMBB, 20), (URLLC, 6)])
def test_a_packet_that_has_waited_l_max_is_dropped(slice_id: int, slots: int) -> None:
    cell = Cell(quiet(), 1)
    drive(cell, 7, powerless)
    cell.inject(slice_id, 2)
    drive(cell, slots, powerless)
    assert counts(cell)[slice_id, st.DROPPED_LATE] == 0
    drive(cell, 1, powerless)
    assert counts(cell)[slice_id, st.DROPPED_LATE] == 2
    assert cell.state.backlog_bits.sum() == 0
    assert cell.state.outcomes[slice_id]["dropped_packets"] == 2
    assert ssr_of(counts(cell))[slice_id] == 0


def test_injected_packets_go_round_robin() -> None:
    cell = Cell(quiet(), 1)
    cell.inject(EMBB, 40)
    packets = cell.state.users["packets"][cell.slice_users(EMBB)]
    assert packets.tolist() == [2] * 7 + [1] * 26
    cell.inject(EMBB, 26)
    assert (cell.state.users["packets"][cell.slice_users(EMBB)] == 2).all()


@pytest.mark.parametrize(
    ("user", "slice_id"), [(0, VONR), (16, VONR), (17, EMBB), (49, EMBB), (50, URLLC), (99, URLLC)]
)
def test_a_users_packets_are_offered_to_it_alone_and_the_queue_holds_five(user: int, slice_id: int) -> None:
    cell = Cell(quiet(), 1)
    cell.inject_users([user], 7)
    assert cell.state.users["packets"].tolist() == [5 if each == user else 0 for each in range(100)]
    total = counts(cell)
    assert total[:, st.OFFERED].tolist() == [7 if each == slice_id else 0 for each in range(3)]
    assert total[slice_id, st.DROPPED_FULL] == 2
    bits = int(cell.state.backlog_bits.sum())
    assert total[slice_id, st.OFFERED_BITS] == bits + total[slice_id, st.DROPPED_BITS]
    part = cell.scenario.slices.in_order()[slice_id]
    assert 5 * 8 * part.packet_bytes_min <= bits <= 5 * 8 * part.packet_bytes_max
    drive(cell, 1, powerless)
    assert cell.state.outcomes[slice_id]["dropped_packets"] == 2


def test_what_an_injection_drops_is_in_the_slots_outcome() -> None:
    cell = Cell(quiet(), 1)
    cell.inject(VONR, 17 * 6)
    drive(cell, 1, powerless)
    assert cell.state.outcomes[VONR]["dropped_packets"] == 17


def test_every_slice_has_a_user() -> None:
    weights = {"vonr": {"user_weight": 0.001}, "embb": {"user_weight": 1.0}, "urllc": {"user_weight": 1000.0}}
    with pytest.raises(ScenarioError, match="at least 1 user a slice"):
        parse_scenario({"users": 3, "slices": weights})


def first_delay_ms(slots_late: int, **slices: Any) -> tuple[Cell, float]:
    """One uRLLC packet that is decided `slots_late` slots after its arrival; its delay."""
    cell = Cell(quiet(**slices), 4)
    cell.inject(URLLC, 1)
    drive(cell, slots_late, powerless)
    drive(cell, 1, heavy_common)
    return cell, float(cell.state.window_sums[URLLC, st.SUM_DELAY])


@pytest.mark.parametrize("slots_late", [0, 1, 5])
def test_delay_is_waiting_slots_and_bits_over_rate(slots_late: int) -> None:
    cell, delay_ms = first_delay_ms(slots_late)
    outcome = cell.state.outcomes[URLLC]
    assert outcome["sent_bits"][0] == 256
    rate_bps = float(cell.state.users["rate_bps"][outcome["user_ids"][0]])
    assert delay_ms == pytest.approx(0.5 * slots_late + 256 / rate_bps * 1e3, rel=1e-9)
    assert counts(cell)[URLLC, st.SUCCEEDED] == 1
    assert cell.state.delays[0, URLLC].sum() == 1


def test_success_needs_r_min() -> None:
    cell, _ = first_delay_ms(0)
    rate_bps = float(cell.state.users["rate_bps"][cell.state.outcomes[URLLC]["user_ids"][0]])
    for factor, succeeded in ((0.999, 1), (1.001, 0)):
        cell, _ = first_delay_ms(0, urllc={"min_rate_bps": rate_bps * factor})
        assert counts(cell)[URLLC, st.DELIVERED] == 1
        assert counts(cell)[URLLC, st.SUCCEEDED] == succeeded
        assert ssr_of(counts(cell))[URLLC] == succeeded


def test_a_packet_sent_over_slots_counts_from_its_arrival_to_its_last_bit() -> None:
    size = {"packet_bytes_min": 25_000, "packet_bytes_max": 25_000}
    cell = Cell(quiet(embb=size), 4)
    cell.inject(EMBB, 1)
    sent, slots = 0, 0
    while counts(cell)[EMBB, st.DELIVERED] == 0:
        before = sent
        drive(cell, 1, heavy_common)
        outcome = cell.state.outcomes[EMBB]
        rate_bps = float(cell.state.users["rate_bps"][outcome["user_ids"][0]])
        sent += int(outcome["sent_bits"][0])
        slots += 1
        if sent < 200_000:
            assert outcome["sent_bits"][0] == math.floor(rate_bps * 5e-4)
    assert slots > 1
    assert sent == 200_000
    delay_ms = (slots - 1) * 0.5 + (sent - before) / rate_bps * 1e3
    assert cell.state.window_sums[EMBB, st.SUM_DELAY] == pytest.approx(delay_ms, rel=1e-9)


def test_an_empty_window_counts_as_1() -> None:
    cell = Cell(quiet(), 1)
    window = drive(cell, 1_999, greedy).execute_slot()
    assert window is not None
    assert window.ssr().tolist() == [1, 1, 1]
    assert (cell.state.users["ssr"] == 1).all()


def test_ssr_is_successes_over_resolved_per_slice_and_user() -> None:
    scenario = parse_scenario({"slices": {"embb": {"load_scale": 4.0}}})
    cell = Cell(scenario, 2)
    window = None
    for _ in range(2_000):
        window = drive_slot(cell, RandomDecisions(1))
    assert window is not None
    total = window.counts
    resolved = total[:, st.DELIVERED] + total[:, st.DROPPED_FULL] + total[:, st.DROPPED_LATE]
    np.testing.assert_allclose(window.ssr(), total[:, st.SUCCEEDED] / resolved, rtol=1e-6)
    users = cell.state.users[cell.slice_users(EMBB)]
    assert users["total_successes"].sum() == total[EMBB, st.SUCCEEDED]
    assert users["total_resolved"].sum() == resolved[EMBB]
    np.testing.assert_allclose(users["ssr"], users["total_successes"] / users["total_resolved"], rtol=1e-6)


@settings(deadline=None, max_examples=30)
@given(
    seed=some.integers(0, 2**32),
    delay=some.integers(0, 12),
    loads=some.tuples(*[some.floats(0, 40)] * 3),
    sizes=some.tuples(*[some.integers(1, 30_000)] * 2),
    missing=some.floats(0, 1),
    access=some.sampled_from(["rsma", "sdma", "ofdma"]),
    injected=some.integers(0, 300),
    queue_packets=some.integers(1, 64),
)
def test_offered_is_delivered_dropped_and_queued_after_every_slot(
    seed: int,
    delay: int,
    loads: tuple[float, float, float],
    sizes: tuple[int, int],
    missing: float,
    access: str,
    injected: int,
    queue_packets: int,
) -> None:
    size = {"packet_bytes_min": min(sizes), "packet_bytes_max": max(sizes)}
    slices = {name: {"load_scale": load} | size for name, load in zip(("vonr", "embb", "urllc"), loads, strict=True)}
    scenario = parse_scenario({"access": access, "queue_packets": queue_packets, "slices": slices})
    cell = Cell(scenario, seed, delay)
    decide = RandomDecisions(seed, missing)
    for slot in range(60):
        if slot == 20:
            cell.inject(seed % 3, injected)
            cell.inject_users([seed % 100], injected)
        drive_slot(cell, decide)
        total = counts(cell)
        window = cell.window()
        dropped = total[:, st.DROPPED_FULL] + total[:, st.DROPPED_LATE]
        np.testing.assert_array_equal(total[:, st.OFFERED], total[:, st.DELIVERED] + dropped + window.queued_packets)
        np.testing.assert_array_equal(
            total[:, st.OFFERED_BITS], total[:, st.DELIVERED_BITS] + total[:, st.DROPPED_BITS] + window.queued_bits
        )
        assert (cell.state.users["grants_in_flight"] >= 0).all()
        assert (cell.state.users["grants_in_flight"] <= max(delay, 0)).all()
        assert (cell.state.users["packets"] <= queue_packets).all()
    assert (total[:, st.SUCCEEDED] <= total[:, st.DELIVERED]).all()


def test_round_robin_serves_everybody_alike_at_most_eight_at_once() -> None:
    size = {"packet_bytes_min": 1_000_000, "packet_bytes_max": 1_000_000, "max_latency_ms": 1_000.0}
    cell = Cell(quiet(embb=size), 1)
    cell.inject(EMBB, 33 * 5)
    served = np.zeros(100, int)
    order: list[int] = []
    for slot in range(165):
        drive(cell, 1, powerless)
        outcome = cell.state.outcomes[EMBB]
        ids = outcome["user_ids"][: outcome["count"]]
        assert outcome["count"] == 8
        assert (np.diff(ids.astype(int)) > 0).all()
        served[ids] += 1
        # the eight that follow the last group, around the circle
        assert set(ids.tolist()) == {17 + (slot * 8 + k) % 33 for k in range(8)}
        order.extend(ids)
    assert served[17:50].tolist() == [40] * 33


def test_a_grant_in_flight_covers_the_whole_queue_of_a_user_without_a_rate() -> None:
    cell = Cell(quiet(), 1, control_delay_slots=4)
    cell.inject(EMBB, 1)
    sizes = []
    for _ in range(5):
        cell.begin_slot()
        sizes.append(cell.group_size(EMBB))
        cell.execute_slot()
    assert sizes == [1, 0, 0, 0, 0]
    assert cell.state.outcomes[EMBB]["count"] == 1


def test_grants_in_flight_cover_what_the_last_rate_carries() -> None:
    size = {"packet_bytes_min": 15_000, "packet_bytes_max": 15_000, "max_latency_ms": 100.0}
    cell = Cell(quiet(embb=size), 1, control_delay_slots=6)
    cell.inject(EMBB, 1)
    drive(cell, 7, heavy_common)  # executed once: it has a rate now
    user = int(cell.state.outcomes[EMBB]["user_ids"][0])
    per_slot = math.floor(float(cell.state.users[user]["rate_bps"]) * 5e-4)
    backlog = int(cell.state.backlog_bits[user])
    expected = math.ceil(backlog / per_slot)
    assert 1 < expected <= 6
    sizes = []
    for _ in range(6):
        cell.begin_slot()
        sizes.append(cell.group_size(EMBB))
        cell.execute_slot()
    assert sizes == [1] * expected + [0] * (6 - expected)


def test_a_granted_user_with_an_empty_queue_is_silent() -> None:
    cell = Cell(quiet(urllc={"undecided": "default"}), 1, control_delay_slots=2)
    cell.inject(URLLC, 1)
    drive(cell, 1, heavy_common)  # served by default at once, granted for two slots later
    assert counts(cell)[URLLC, st.DELIVERED] == 1
    assert counts(cell)[URLLC, st.BY_DEFAULT] == 1
    rate = cell.state.window_sums[URLLC, st.SUM_RATE]
    drive(cell, 2, heavy_common)
    assert cell.state.outcomes[URLLC]["count"] == 0
    assert cell.state.window_sums[URLLC, st.SUM_RATE] == rate
    assert counts(cell)[URLLC, st.BY_CONTROL] == 0


@pytest.mark.parametrize(("slots", "simulated_s"), [(1, 0.0005), (3, 0.0015), (7, 0.0035), (1_400, 0.7)])
def test_simulated_seconds_are_no_product_of_rounded_ones(slots: int, simulated_s: float) -> None:
    cell = drive(Cell(parse_scenario({"users": 3}), 1), slots, undecided)
    assert cell_summary(cell)["simulated_s"] == simulated_s


def test_the_summary_balances_and_divides_by_all_slots() -> None:
    cell = drive(Cell(parse_scenario({"slices": {"embb": {"load_scale": 3.0}}}), 5), 2_500, greedy)
    summary = cell_summary(cell)
    assert summary["slots"] == 2_500
    assert summary["simulated_s"] == 1.25
    sums = cell.state.window_sums + cell.state.total_sums
    assert summary["eta_bps_hz"] == pytest.approx(sums[:, st.SUM_RATE].sum() / 2_500 / 10e6)
    delivered = 0
    for s, name in enumerate(("vonr", "embb", "urllc")):
        part = summary["slices"][name]
        for unit in ("packets", "bits"):
            balance = part[f"delivered_{unit}"] + part[f"dropped_{unit}"] + part[f"queued_{unit}"]
            assert part[f"offered_{unit}"] == balance
        assert part["throughput_bps"] == pytest.approx(part["delivered_bits"] / 1.25)
        assert part["bandwidth_hz"] == pytest.approx(cell.scenario.initial_bandwidth_hz[s])
        assert part["power_w"] == pytest.approx(1000 / 3, rel=1e-6)
        assert 0 <= part["delay_ms"]["mean"] <= part["delay_ms"]["p99"] <= 10
        delivered += part["delivered_bits"]
    assert summary["goodput_bps_hz"] == pytest.approx(delivered / 1.25 / 10e6)
    ssr = [summary["slices"][name]["ssr"] for name in ("vonr", "embb", "urllc")]
    assert summary["utility"] == pytest.approx(0.6 * summary["eta_bps_hz"] + np.dot([1, 2, 3], ssr))
