"""The model's reference values: eta, eta_sum, SSR and utility of two hand-made policies over impairments and load."""

from __future__ import annotations

import numpy as np
import pytest
from driving import drive
from reference_policy import POLICIES

from ran_emulator.cell import Cell
from ran_emulator.scenario import parse_scenario
from ran_emulator.summary import cell_summary

MHZ = 1_000_000
WORLDS = 6
SLOTS = 5_000

BASE = [  # kappa, policy, eta, eta_sum, SSR of eMBB
    (0.0, "greedy", 19.4, 40.0, 0.957),
    (1e-4, "greedy", 16.0, 30.9, 0.956),
    (1e-3, "greedy", 13.6, 26.1, 0.956),
    (1e-2, "greedy", 9.8, 18.9, 0.955),
    (5e-2, "greedy", 6.9, 13.2, 0.948),
    (0.0, "slnr", 21.2, 42.3, 0.993),
    (1e-4, "slnr", 19.4, 38.0, 0.994),
    (1e-3, "slnr", 16.8, 32.8, 0.993),
    (1e-2, "slnr", 12.1, 23.4, 0.991),
    (5e-2, "slnr", 8.1, 15.7, 0.987),
]

HIGH = [  # kappa, policy, eta, SSR of eMBB, utility
    (0.0, "greedy", 34.4, 0.923, 26.5),
    (1e-4, "greedy", 32.6, 0.922, 25.4),
    (1e-3, "greedy", 29.9, 0.921, 23.7),
    (1e-2, "greedy", 23.5, 0.915, 19.9),
    (5e-2, "greedy", 17.1, 0.892, 13.0),
    (0.0, "slnr", 39.6, 0.968, 29.7),
    (1e-4, "slnr", 38.4, 0.968, 29.0),
    (1e-3, "slnr", 35.2, 0.967, 27.1),
    (1e-2, "slnr", 27.1, 0.962, 22.2),
    (5e-2, "slnr", 18.9, 0.945, 17.1),
]


def means(kappa: float, policy: str, embb_load: float, bandwidth_hz: tuple[int, int, int]) -> dict[str, float]:
    """Figures of merit, averaged over worlds."""
    scenario = parse_scenario(
        {
            "hwi": {"kappa": kappa},
            "slices": {"embb": {"load_scale": embb_load}},
            "initial_bandwidth_hz": bandwidth_hz,
        }
    )
    rows = []
    for seed in range(100, 100 + WORLDS):
        summary = cell_summary(drive(Cell(scenario, seed), SLOTS, POLICIES[policy]))
        row = {name: summary[name] for name in ("eta_bps_hz", "eta_sum_bps_hz", "utility")}
        rows.append(row | {name: part["ssr"] for name, part in summary["slices"].items()})
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kappa", "policy", "eta", "eta_sum", "ssr"), BASE)
def test_base_load(kappa: float, policy: str, eta: float, eta_sum: float, ssr: float) -> None:
    found = means(kappa, policy, 1.0, (2 * MHZ, 5_500_000, 2_500_000))
    assert found["eta_bps_hz"] == pytest.approx(eta, rel=0.03)
    assert found["eta_sum_bps_hz"] == pytest.approx(eta_sum, rel=0.04)
    assert found["embb"] == pytest.approx(ssr, abs=0.02)
    assert found["vonr"] > 0.99
    assert found["urllc"] > 0.98


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kappa", "policy", "eta", "ssr", "utility"), HIGH)
def test_high_load(kappa: float, policy: str, eta: float, ssr: float, utility: float) -> None:
    found = means(kappa, policy, 3.0, (2 * MHZ, 6 * MHZ, 2 * MHZ))
    assert found["eta_bps_hz"] == pytest.approx(eta, rel=0.05)
    assert found["embb"] == pytest.approx(ssr, abs=0.03)
    assert found["utility"] == pytest.approx(utility, rel=0.05)
    # 2 MHz and kappa 5e-2 leave a lone greedy uRLLC user below its 10 Mbit/s: 4.39 bit/s/Hz
    if kappa == 5e-2:
        assert found["urllc"] == pytest.approx(0.0 if policy == "greedy" else 0.95, abs=0.03)


@pytest.mark.slow
def test_a_heavy_common_stream_has_nothing_to_win_where_distortion_adds_up() -> None:
    found = {}
    for policy, decide in POLICIES.items():
        scenario = parse_scenario({"hwi": {"kappa": 1e-3, "model": "aggregate"}})
        found[policy] = cell_summary(drive(Cell(scenario, 100), SLOTS, decide))["eta_bps_hz"]
    assert found["slnr"] < 0.6 * found["greedy"]
