"""The compiled step against its numpy twin: floats within 1e-5, integers exactly, after every slot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from driving import RandomDecisions
from numpy_twin import NumpyTwin, TwinOutcome

from ran_emulator import state as st
from ran_emulator.cell import Cell
from ran_emulator.scenario import Csi, Scenario, parse_scenario

pytestmark = pytest.mark.slow

RTOL = 1e-5
LAST_OUTCOME = (
    "common_power_w",
    "common_sdnr",
    "common_share",
    "private_power_w",
    "private_sdnr",
    "beams",
    "private_rate",
)
BUDGETS = {
    100: ((2_000_000, 6_000_000, 2_000_000), (10.0, 980.0, 10.0)),
    200: ((3_000_000, 2_500_000, 4_500_000), (400.0, 100.0, 500.0)),
}
"""By slot: what the inter-slice side sends."""
CHANNEL_NOISE = 3e-7
"""Rounding of a float32 sum over the codebook or the paths, as a part of ||h||."""


def heavy(**fields: Any) -> Scenario:
    """All slices loaded, so that groups are full, packets are late and queues overflow."""
    slices = {
        "vonr": {"load_scale": 8.0, "packet_bytes_min": 2_000, "packet_bytes_max": 9_000},
        "embb": {"load_scale": 3.0},
        "urllc": {"load_scale": 8.0, "packet_bytes_min": 6_400, "packet_bytes_max": 6_400},
    }
    return parse_scenario({"slices": slices} | fields)


def assert_gains(ours: Any, twins: Any, channel_gain: Any) -> None:
    """|h^H w|^2 with the rounding that float32 leaves where the paths cancel: 2 |h^H w| e ||h|| + (e ||h||)^2."""
    total = np.reshape(channel_gain, (-1, 1)) if np.ndim(twins) == 2 else channel_gain
    slack = 2 * np.sqrt(twins * total) * CHANNEL_NOISE + total * CHANNEL_NOISE**2
    assert np.all(np.abs(ours - twins) <= RTOL * twins + slack)


def compare_outcome(cell: Cell, slice_id: int, twin: TwinOutcome | None) -> None:
    ours = cell.state.outcomes[slice_id]
    count = int(ours["count"])
    assert count == (0 if twin is None else len(twin.user_ids))
    if twin is None:
        return
    assert ours["user_ids"][:count].tolist() == twin.user_ids
    assert ours["decision_source"][:count].tolist() == twin.sources
    assert ours["beams"][:count].tolist() == twin.beams
    assert_gains(cell.state.outcome_gains[slice_id, :count], twin.gains, twin.channel_gain)
    assert_gains(ours["common_gain"][:count], twin.common_gain, twin.channel_gain)
    np.testing.assert_allclose(ours["channel_gain"][:count], twin.channel_gain, rtol=RTOL)
    np.testing.assert_allclose(ours["private_power_w"][:count], twin.private_w, rtol=RTOL)
    budget_w = float(ours["power_w"])
    np.testing.assert_allclose(ours["common_power_w"], twin.common_w, rtol=RTOL, atol=2e-7 * budget_w)
    compare_rates(ours, twin, cell.scenario.common_split == "equal")


def compare_rates(ours: Any, twin: TwinOutcome, split_equally: bool) -> None:
    """SDNR, shares and rates: within 1e-5, and what float32 leaves of beams that hit a null of the channel."""
    count = len(twin.user_ids)
    quality = twin.sdnr
    common_rtol = RTOL + CHANNEL_NOISE * quality.common_condition
    private_rtol = RTOL + CHANNEL_NOISE * quality.private_condition
    assert np.all(abs(ours["common_sdnr"][:count] - quality.common) <= common_rtol * quality.common)
    assert np.all(abs(ours["private_sdnr"][:count] - quality.private) <= private_rtol * quality.private)
    # d log2(1 + x) <= (dx / x) min(x, 1) / ln 2
    common_slack = float(np.max(common_rtol)) * min(float(quality.common.min()), 1) / np.log(2) / count
    private_slack = private_rtol * np.minimum(quality.private, 1) / np.log(2)
    if not split_equally:  # a share hangs on all private rates
        common_slack = common_slack * count + float(np.sum(RTOL * twin.private_rate + private_slack))
    assert np.all(abs(ours["common_share"][:count] - twin.common_share) <= RTOL * twin.common_share + common_slack)
    assert np.all(abs(ours["private_rate"][:count] - twin.private_rate) <= RTOL * twin.private_rate + private_slack)
    band_hz = float(ours["bandwidth_hz"]) * (common_slack + private_slack)
    assert np.all(abs(ours["rate_bps"][:count] - twin.rate_bps) <= RTOL * twin.rate_bps + band_hz)


def compare_accounts(cell: Cell, twin: NumpyTwin) -> None:
    counts = cell.state.window_counts + cell.state.total_counts
    sums = cell.state.window_sums + cell.state.total_sums
    for s, account in enumerate(twin.accounts):
        assert counts[s].tolist() == [
            account.offered,
            account.delivered,
            account.succeeded,
            account.dropped_full,
            account.dropped_late,
            account.offered_bits,
            account.delivered_bits,
            account.dropped_bits,
            *account.by_source,
            account.active,
        ]
        np.testing.assert_allclose(sums[s, st.SUM_DELAY], account.delay_ms, rtol=1e-9)


def compare_users(cell: Cell, twin: NumpyTwin) -> None:
    users = cell.state.users
    assert cell.state.backlog_bits.tolist() == [user.bits for user in twin.users]
    assert users["packets"].tolist() == [len(user.queue) for user in twin.users]
    assert users["grants_in_flight"].tolist() == [user.grants_in_flight for user in twin.users]


def step_both(cell: Cell, twin: NumpyTwin, decide: RandomDecisions) -> None:
    """One slot of both, compared on the way."""
    last_outcome = cell.state.users["last_outcome"].copy()
    cell.begin_slot()
    for s, (ids, gains) in enumerate(twin.begin()):
        frame = cell.state.frames[s]
        assert frame["user_ids"][: frame["count"]].tolist() == ids
        assert frame["queue_bits"][: frame["count"]].tolist() == [twin.users[u].bits for u in ids]
        ages = [(twin.slot - twin.users[u].queue[0].slot) * 500 for u in ids]
        assert frame["head_age_us"][: frame["count"]].tolist() == ages
        for place, gain in enumerate(gains):
            assert_gains(cell.state.frame_gains[s, place], gain, gain.sum())
        if ids and (decision := decide(cell, s)) is not None:
            decided_slot = twin.slot + twin.delay
            cell.check(s, decided_slot, *decision)
            cell.submit(s, decided_slot, *decision)
            twin.submit(s, decided_slot, *decision)
    outcomes = twin.execute()
    cell.execute_slot()
    for s, outcome in enumerate(outcomes):
        compare_outcome(cell, s, outcome)
        if outcome is not None:
            ours = cell.state.outcomes[s]
            sent = twin.settle(s, outcome, cell.state.users["rate_bps"][outcome.user_ids])
            assert ours["sent_bits"][: ours["count"]].tolist() == sent
            for place, user_id in enumerate(outcome.user_ids):
                fields = (ours[name] if name == "common_power_w" else ours[name][place] for name in LAST_OUTCOME)
                last_outcome[user_id] = [float(value) for value in fields]
    compare_accounts(cell, twin)
    compare_users(cell, twin)
    np.testing.assert_array_equal(cell.state.users["last_outcome"], last_outcome)
    twin.slot += 1


def compare_run(scenario: Scenario, delay: int, slots: int, csi_changes: dict[int, Csi] | None = None) -> Cell:
    """Both, with random decisions, some of which are missing, and changes of budgets and CSI."""
    cell, twin = Cell(scenario, 7, delay), NumpyTwin(scenario, 7, delay)
    decide = RandomDecisions(11, missing=0.15)
    for slot in range(slots):
        if slot in BUDGETS:
            first = cell.set_budgets(*BUDGETS[slot])
            assert first == slot + delay
            twin.budgets_due[first] = BUDGETS[slot]
        if csi_changes and slot in csi_changes:
            assert cell.set_csi(csi_changes[slot]) == slot
            twin.set_csi(csi_changes[slot])
        step_both(cell, twin, decide)
    counts = cell.state.window_counts.sum(axis=0)
    assert (counts[[st.BY_CONTROL, st.BY_HELD, st.BY_DEFAULT]] > 0).all()
    return cell


@pytest.mark.parametrize(
    ("delay", "model", "access", "precoder"),
    [
        (0, "paper", "rsma", "codebook"),
        (0, "aggregate", "rsma", "codebook"),
        (2, "paper", "rsma", "codebook"),
        (2, "aggregate", "rsma", "codebook"),
        (0, "paper", "sdma", "zf"),
        (2, "paper", "rsma", "zf"),
        (2, "aggregate", "rsma", "zf"),
        (2, "aggregate", "sdma", "codebook"),
        (0, "paper", "ofdma", "codebook"),
        (2, "aggregate", "ofdma", "zf"),
        (0, "paper", "rsma", "mrt"),
        (2, "aggregate", "sdma", "rzf"),
        (0, "aggregate", "rsma-split", "codebook"),
        (2, "paper", "rsma-split", "rzf"),
        (20, "paper", "rsma", "codebook"),
    ],
)
def test_the_compiled_step_is_the_twins(delay: int, model: str, access: str, precoder: str) -> None:
    scenario = heavy(access=access, precoder=precoder, hwi={"model": model, "kappa_t": 2e-3, "kappa_r": 5e-4})
    cell = compare_run(scenario, delay, 300)
    counts = cell.state.window_counts.sum(axis=0)
    if precoder == "codebook":  # the run went through full queues and late packets too
        assert (counts[[st.DROPPED_FULL, st.DROPPED_LATE]] > 0).all()


@pytest.mark.parametrize("queue_packets", [1, 3, 64])
def test_queues_of_any_length_are_the_twins(queue_packets: int) -> None:
    scenario = heavy(queue_packets=queue_packets)
    cell, twin = Cell(scenario, 7, 1), NumpyTwin(scenario, 7, 1)
    decide = RandomDecisions(11, missing=0.5)
    longest = 0
    for _ in range(150):
        step_both(cell, twin, decide)
        longest = max(longest, int(cell.state.users["packets"].max()))
    assert longest == queue_packets if queue_packets < 64 else longest > 5


@pytest.mark.parametrize(
    "fields",
    [
        {"common_split": "deficit"},
        {"common_split": "maxmin", "access": "rsma-split"},
        {"codebook": "phase-quantised"},
        {"common_beam": "sum-mrt", "precoder": "zf"},
        {"common_beam": "best-codebook", "codebook": "phase-quantised", "common_split": "maxmin"},
        {"coverage": "disc", "coverage_radius_m": 90.0},
        {"coverage": "confined", "coverage_radius_m": 5.0},
        {"csi_delay_slots": 4},
        {"csi_period_slots": 7, "common_beam": "sum-mrt"},
        {"csi_noise": 0.1, "common_beam": "best-codebook"},
        {
            "csi_delay_slots": 20,
            "csi_period_slots": 30,
            "csi_noise": 0.01,
            "precoder": "rzf",
            "codebook": "phase-quantised",
        },
        {"csi_delay_slots": 3, "csi_period_slots": 2, "precoder": "zf", "access": "sdma"},
        {"decision_period_slots": 5},
        {"decision_period_slots": 20, "access": "sdma"},
    ],
    ids=lambda fields: "-".join(str(value) for value in fields.values()),
)
def test_each_option_is_the_twins(fields: dict[str, Any]) -> None:
    compare_run(heavy(**fields), 2, 150)


def test_changes_of_csi_are_the_twins() -> None:
    changes = {
        40: Csi(csi_delay_slots=5),
        80: Csi(csi_delay_slots=2, csi_period_slots=40),
        130: Csi(),
        150: Csi(csi_delay_slots=20, csi_noise=0.05),
    }
    compare_run(heavy(), 2, 180, changes)


def test_silent_grants_leave_the_common_stream_to_default_users() -> None:
    # A granted user whose queue is empty is silent, so a slot that serves only undecided users is the node's default:
    # what its private streams leave of P_s is on the common stream.
    scenario = heavy()
    cell, twin = Cell(scenario, 7, 2), NumpyTwin(scenario, 7, 2)
    decide = RandomDecisions(11)
    for _ in range(300):
        step_both(cell, twin, decide)
