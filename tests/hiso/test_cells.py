"""Totals of several cells: sums where things add up, one digest, nothing that cannot be known."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from hiso.cells import joint_summary, joint_trace_sha256
from hiso.runner import run
from ran_emulator.scenario import SLICE_NAMES, load_scenario
from xapps.slicing.schedulers import resolve

SCENARIO = load_scenario("high-load")


@pytest.fixture(scope="module")
def cells() -> list[dict[str, Any]]:
    return [run(SCENARIO, resolve("slnr"), 3, slots, cell=cell).summary for cell, slots in enumerate((600, 500, 400))]


def test_cells_of_one_seed_are_different_worlds(cells: list[dict[str, Any]]) -> None:
    assert len({cell["trace_sha256"] for cell in cells}) == 3
    assert run(SCENARIO, resolve("slnr"), 3, 600).summary["trace_sha256"] == cells[0]["trace_sha256"]


def test_the_digest_is_that_of_the_digests_in_order(cells: list[dict[str, Any]]) -> None:
    digests = [cell["trace_sha256"] for cell in cells]
    joint = hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests)).hexdigest()
    assert joint_summary(SCENARIO, cells)["trace_sha256"] == joint == joint_trace_sha256(digests)
    assert joint_trace_sha256(reversed(digests)) != joint


def test_totals_are_those_of_all_packets(cells: list[dict[str, Any]]) -> None:
    total = joint_summary(SCENARIO, cells)
    assert total["slots"] == 600
    assert total["decision_source"]["control"] == sum(cell["decision_source"]["control"] for cell in cells)
    for name in SLICE_NAMES:
        part = total["slices"][name]
        for unit in ("packets", "bits"):
            kinds = ("delivered", "dropped", "queued")
            assert part[f"offered_{unit}"] == sum(part[f"{kind}_{unit}"] for kind in kinds)
        done = [cell["slices"][name]["delivered_packets"] + cell["slices"][name]["dropped_packets"] for cell in cells]
        weighted = sum(n * cell["slices"][name]["ssr"] for n, cell in zip(done, cells, strict=True))
        assert part["ssr"] == pytest.approx(weighted / sum(done))
        assert part["throughput_bps"] == pytest.approx(sum(c["slices"][name]["throughput_bps"] for c in cells))
        assert part["delay_ms"]["p99"] is None
    low, high = (pick(cell["eta_bps_hz"] for cell in cells) for pick in (min, max))
    assert low <= total["eta_bps_hz"] <= high
    json.dumps(total, allow_nan=False)


def test_cells_that_are_alike_give_their_own_figures(cells: list[dict[str, Any]]) -> None:
    total = joint_summary(SCENARIO, [cells[0]] * 2)
    for key in ("eta_bps_hz", "eta_sum_bps_hz", "goodput_bps_hz", "utility", "seed", "hwi_model"):
        assert total[key] == (pytest.approx(cells[0][key]) if isinstance(total[key], float) else cells[0][key])
    for name in SLICE_NAMES:
        for key in ("ssr", "bandwidth_hz", "power_w"):
            assert total["slices"][name][key] == pytest.approx(cells[0]["slices"][name][key])


def test_what_the_loops_measured_adds_up(cells: list[dict[str, Any]]) -> None:
    loop = {
        "late_slots": 4,
        "missed_deadlines": 2,
        "e2_bytes": {"slot": {"ric_indication": {"to_ric": 10}}},
        "e2_messages": {"slot": {"ric_indication": {"to_ric": 1}}},
        "e2_bps": 5.0,
        "loop_latency_ms": {"p50": 0.1, "p99": 0.2, "max": 0.3},
    }
    other = {**loop, "e2_bytes": {"kpm": {"ric_indication": {"to_ric": 7}}, "slot": {"reset": {"to_node": 1}}}}
    none = {**loop, "loop_latency_ms": {"p50": None, "p99": None, "max": None}}
    total = joint_summary(SCENARIO, [{**cell, **own} for cell, own in zip(cells, (loop, other, none), strict=True)])
    assert total["missed_deadlines"] == 6
    assert total["late_slots"] == 12
    assert total["e2_bytes"] == {
        "slot": {"ric_indication": {"to_ric": 20}, "reset": {"to_node": 1}},
        "kpm": {"ric_indication": {"to_ric": 7}},
    }
    assert total["e2_bps"] == 15.0
    assert total["loop_latency_ms"] == {"p50": None, "p99": None, "max": 0.3}
