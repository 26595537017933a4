"""The figures of several cells put together: totals over all of them, one digest for their traces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ran_emulator.scenario import SLICE_NAMES, Scenario
from ran_emulator.summary import utility

_COUNTS = (
    "offered_packets",
    "delivered_packets",
    "dropped_packets",
    "queued_packets",
    "offered_bits",
    "delivered_bits",
    "dropped_bits",
    "queued_bits",
)
_OF_THE_RUN = ("hwi_model", "access", "control_delay_slots", "seed")


def joint_trace_sha256(digests: Iterable[str]) -> str:
    """SHA-256 of the cells' digests (32 bytes each) in the order of the cells."""
    return hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests)).hexdigest()


def joint_summary(scenario: Scenario, cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The summary of all cells in the form of one cell's (`ran_emulator.summary.cell_summary`).

    Counts, throughputs and E2 traffic are sums; spectral efficiencies and budgets are means over the cells, each of
    which has the whole band; SSRs are over all packets. A quantile cannot be had from the cells' own: it is None, and
    so are a share of users; a minimum and a maximum can.
    """
    slots = max(cell["slots"] for cell in cells)
    slices = {name: _joint_slice([cell["slices"][name] for cell in cells]) for name in SLICE_NAMES}
    eta = _mean(cell["eta_bps_hz"] for cell in cells)
    ssr = np.array([part["ssr"] for part in slices.values()])
    return {
        **{key: cells[0][key] for key in _OF_THE_RUN},
        "slots": slots,
        "simulated_s": max(cell["simulated_s"] for cell in cells),
        "eta_bps_hz": eta,
        "eta_sum_bps_hz": _mean(cell["eta_sum_bps_hz"] for cell in cells),
        "goodput_bps_hz": _mean(cell["goodput_bps_hz"] for cell in cells),
        "utility": utility(scenario.eta_weight, scenario.ssr_weights, eta, ssr),
        "decision_source": _sum_nested([cell["decision_source"] for cell in cells]),
        "trace_sha256": joint_trace_sha256(cell["trace_sha256"] for cell in cells),
        "slices": slices,
        "events": [{**event, "cell": index} for index, cell in enumerate(cells) for event in cell["events"]],
        **(_joint_loop(cells) if "e2_bytes" in cells[0] else {}),
    }


def _joint_slice(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counts = {name: sum(part[name] for part in parts) for name in _COUNTS}
    resolved = [part["delivered_packets"] + part["dropped_packets"] for part in parts]
    succeeded = sum(round(part["ssr"] * count) for part, count in zip(parts, resolved, strict=True))
    delays = [(part["delay_ms"]["mean"], part["delivered_packets"]) for part in parts if part["delivered_packets"]]
    delivered = sum(count for _, count in delays)
    return {
        "ssr": succeeded / sum(resolved) if sum(resolved) else 1.0,
        "ssr_user": {
            "min": min(part["ssr_user"]["min"] for part in parts),
            "p5": None,
            "share_at_threshold": None,
        },
        "throughput_bps": sum(part["throughput_bps"] for part in parts),
        "delay_ms": {
            "mean": sum(mean * count for mean, count in delays) / delivered if delivered else None,
            "p99": None,
        },
        "mean_active_users": sum(part["mean_active_users"] for part in parts),
        "bandwidth_hz": _mean(part["bandwidth_hz"] for part in parts),
        "power_w": _mean(part["power_w"] for part in parts),
        **counts,
    }


def _joint_loop(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    slowest = [cell["loop_latency_ms"]["max"] for cell in cells if cell["loop_latency_ms"]["max"] is not None]
    return {
        "late_slots": sum(cell["late_slots"] for cell in cells),
        "missed_deadlines": sum(cell["missed_deadlines"] for cell in cells),
        "e2_bytes": _sum_nested([cell["e2_bytes"] for cell in cells]),
        "e2_messages": _sum_nested([cell["e2_messages"] for cell in cells]),
        "e2_bps": sum(cell["e2_bps"] for cell in cells),
        "loop_latency_ms": {"p50": None, "p99": None, "max": max(slowest, default=None)},
    }


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _sum_nested(parts: Sequence[Any]) -> Any:
    """Numbers added up leaf by leaf; a leaf that a part lacks counts nothing there."""
    if not isinstance(parts[0], dict):
        return sum(parts)
    keys = dict.fromkeys(key for part in parts for key in part)
    return {key: _sum_nested([part[key] for part in parts if key in part]) for key in keys}
