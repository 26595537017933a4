"""Whole runs in one compiled loop give the trace of stepped ones, and the tables that are read off them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hiso.bounds import split_tables as tables
from hiso.observe import budget_context
from hiso.runner import run
from hiso.world import World
from ran_emulator.scenario import load_scenario
from ran_emulator.summary import cell_summary
from xapps.slicing.inter.actions import equal_power
from xapps.slicing.inter.rewards import utility_under_sla
from xapps.slicing.observation import Budgets
from xapps.slicing.schedulers import resolve


@pytest.mark.parametrize("preset", ["base", "regimes"])
@pytest.mark.parametrize("intra", ["slnr", "greedy", "equal", "random"])
@pytest.mark.parametrize("delay", [0, 2])
def test_a_compiled_run_gives_the_trace_of_a_stepped_one(preset: str, intra: str, delay: int) -> None:
    scenario = load_scenario(preset)
    scheduler = resolve("slnr", inter="constant:2,5,3", intra=intra)
    stepped = run(scenario, scheduler, 5, 4_500, delay).summary
    world = World(scenario, 5, intra, delay)
    power_w = float(np.float32(scenario.total_power_w / 3))
    world.second(Budgets((2_000_000, 5_000_000, 3_000_000), (power_w, power_w, power_w)))
    world.run(2_500)
    assert cell_summary(world.cell) == stepped


@pytest.fixture(scope="module")
def regimes() -> tables.SplitTables:
    return tables.split_tables(load_scenario("regimes"), seed=3, seconds=12)


def test_a_table_holds_every_split_and_what_a_constant_split_earns(regimes: tables.SplitTables) -> None:
    assert regimes.splits_hz.shape == (15, 3)
    assert (regimes.splits_hz.sum(axis=1) == 10_000_000).all()
    split = 4
    choice = np.full(12, split)
    scenario = load_scenario("regimes")
    world = World(scenario, 3, "slnr")
    world.cell.fix_budgets(regimes.splits_hz[split].tolist(), equal_power(budget_context(scenario, 0)))
    world.run(12 * 2_000)
    summary = cell_summary(world.cell)
    played = tables.play(regimes, choice)
    # Run with all three slices at once, the world is the same slice by slice: FDD isolates them.
    assert regimes.eta_bps_hz[:, split].mean() == pytest.approx(summary["eta_bps_hz"], rel=1e-12)
    assert played.ssr == pytest.approx([part["ssr"] for part in summary["slices"].values()], abs=1e-12)


def test_clairvoyants_bound_what_they_should(regimes: tables.SplitTables) -> None:
    best = tables.play(regimes, tables.clairvoyant(regimes)).utility
    constant = tables.play(regimes, tables.best_constant(regimes)).utility
    anything = np.random.default_rng(0).integers(15, size=12)
    assert best == pytest.approx(regimes.utility.max(axis=1).mean())
    assert best >= max(constant, tables.play(regimes, anything).utility)
    assert constant == pytest.approx(regimes.utility.mean(axis=0).max())
    # Late it has nothing to go by in the first second.
    rest, late = regimes.after_first(), tables.clairvoyant_late(regimes)
    assert tables.play(rest, late).utility <= tables.play(rest, tables.clairvoyant(rest)).utility
    np.testing.assert_array_equal(late, tables.clairvoyant(regimes)[:-1])
    with pytest.raises(IndexError):
        tables.play(regimes, late)


def test_tables_have_equal_power_wherever_a_scenario_begins(regimes: tables.SplitTables) -> None:
    skewed = tables.split_tables(load_scenario("regimes", ["initial_power_share=[0.8,0.1,0.1]"]), seed=3, seconds=2)
    np.testing.assert_array_equal(skewed.eta_bps_hz, regimes.eta_bps_hz[:2])


def test_the_objective_is_the_agents_own_whatever_the_scenario_weighs(regimes: tables.SplitTables) -> None:
    weighed = replace(regimes, eta_weight=0.0, ssr_weights=(9.0, 0.0, 0.0))
    for second, split in ((0, 0), (5, 7), (11, 14)):
        own = utility_under_sla(regimes.ssr[second, split], float(regimes.eta_bps_hz[second, split]), 2.0)
        assert weighed.objective(2.0)[second, split] == pytest.approx(own)


def test_a_larger_weight_never_lowers_the_sla(regimes: tables.SplitTables) -> None:
    shortfalls = []
    for weight in (0.0, 1.0, 4.0, 16.0):
        choice = tables.clairvoyant(regimes, weight)
        shortfalls.append(np.maximum(0, 0.95 - regimes.ssr[np.arange(12), choice]).sum())
    assert shortfalls == sorted(shortfalls, reverse=True)
