"""The shared snapshot: what is written is what is read, also while it is being written."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from ran_emulator.cell import Cell
from ran_emulator.e2.node import E2Node
from ran_emulator.http.api import kpis_of
from ran_emulator.publisher import Publisher
from ran_emulator.scenario import load_scenario
from ran_emulator.snapshot import QUANTILES, SnapshotFile
from ran_emulator.state import DELAY_BINS
from ran_emulator.summary import delay_quantiles_ms


def test_nothing_is_read_before_something_is_written(tmp_path: Path) -> None:
    assert SnapshotFile.create(tmp_path / "s", 5).read() is None


def test_a_reader_never_sees_half_a_record(tmp_path: Path) -> None:
    writer = SnapshotFile.create(tmp_path / "s", 50)
    reader = SnapshotFile(tmp_path / "s", 50)
    record = np.zeros(1, writer.type)
    done = threading.Event()

    def write() -> None:
        for number in range(1, 2_000):
            record["slot"] = number
            record["users"]["queued_bits"] = number
            writer.write(record)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    last = 0
    while not done.is_set():
        seen = reader.read()
        if seen is not None:
            assert (seen["users"]["queued_bits"] == seen["slot"]).all()
            assert seen["slot"] >= last
            last = int(seen["slot"])
    thread.join()
    seen = reader.read()
    assert seen is not None
    assert seen["slot"] == 1_999


class _NoLink:
    def send(self, stream: int, frame: bytes) -> None:
        raise AssertionError("nothing is sent without a stream")


def test_publishing_changes_nothing_in_the_cell(tmp_path: Path) -> None:
    shown, untouched = (Cell(load_scenario("regimes"), seed=5) for _ in range(2))
    file = SnapshotFile.create(tmp_path / "s", 100)
    publisher = Publisher(shown, E2Node(shown, _NoLink(), 1, True), file)  # type: ignore[arg-type]
    for _ in range(2_100):
        for cell in (shown, untouched):
            cell.begin_slot()
            window = cell.execute_slot()
            if window is not None and cell is shown:
                publisher.second_closed(window, np.array([0.25, 0.5]))
        publisher.publish(3)
    assert shown.trace_sha256() == untouched.trace_sha256()
    record = file.read()
    assert record is not None
    assert (record["slot"], record["seconds"], record["late_slots"]) == (2_100, 1, 3)
    counts = shown.state.total_counts + shown.state.window_counts
    np.testing.assert_array_equal(record["slices"]["offered_packets"], counts[:, 0])
    np.testing.assert_allclose(record["slices"]["speed_m_s"], [2, 6, 10])
    assert record["loop_latency_ms"][2] == 0.5


def test_a_closed_second_is_told_with_the_budgets_under_which_it_went(tmp_path: Path) -> None:
    cell = Cell(load_scenario("base"), seed=5)
    file = SnapshotFile.create(tmp_path / "s", 100)
    publisher = Publisher(cell, E2Node(cell, _NoLink(), 1, True), file)  # type: ignore[arg-type]
    cell.set_budgets([2_000_000, 6_000_000, 2_000_000], [200.0, 600.0, 200.0])
    window = None
    while window is None:
        cell.begin_slot()
        window = cell.execute_slot()
    publisher.second_closed(window, np.array([]))
    cell.set_budgets([5_000_000, 2_500_000, 2_500_000], [300.0, 300.0, 400.0])
    cell.begin_slot()
    publisher.publish(0)
    record = file.read()
    assert record is not None
    second = kpis_of(record)["last_second"]["slices"]
    told = [(part["bandwidth_hz"], part["power_w"]) for part in second.values()]
    assert told == [(2_000_000, 200.0), (6_000_000, 600.0), (2_000_000, 200.0)]
    assert record["slices"]["bandwidth_hz"].tolist() == [5_000_000, 2_500_000, 2_500_000]
    assert record["slices"]["power_w"].tolist() == [300.0, 300.0, 400.0]


def test_delay_quantiles_are_bins_that_hold_them() -> None:
    rng = np.random.default_rng(1)
    histograms = rng.integers(0, 3, (3, DELAY_BINS + 1))
    histograms[2] = 0
    limits_ms = np.array([10.0, 10.0, 3.0])
    shown = delay_quantiles_ms(histograms, limits_ms, QUANTILES)
    for row in range(2):
        bins_ms = (np.arange(DELAY_BINS + 1) + 0.5) * limits_ms[row] / DELAY_BINS
        delays_ms = np.repeat(bins_ms, histograms[row])
        np.testing.assert_allclose(shown[row], np.quantile(delays_ms, QUANTILES, method="inverted_cdf"))
    assert np.isnan(shown[2]).all()
