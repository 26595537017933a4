"""What a run says of agents that were trained for something else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hiso.mismatches import mismatches
from hiso.observe import slice_context
from hiso.run_request import LOCKSTEP, RunRequest
from ran_emulator.arguments import DEFAULT_SEED
from ran_emulator.cell import Cell
from ran_emulator.scenario import PRESETS, SLICE_NAMES, load_scenario
from xapps.slicing.intra.policies import untrained_weights
from xapps.slicing.schedulers import resolve
from xapps.slicing.weights import Weights, WeightsMetadata, save_weights


def kept(folder: Path, hwi_model: str, trained_delay: int, delay: int) -> Weights:
    """Made-up agents of kappa .001, where a run at `delay` looks for its own."""
    cell = Cell(load_scenario("base"), 1, trained_delay)
    arrays = {
        f"{name}.flat": untrained_weights("madqn-tuned", slice_context(cell, index), 7).flat
        for index, name in enumerate(SLICE_NAMES)
    }
    metadata = WeightsMetadata("madqn-tuned", "base", hwi_model, 1e-3, 1e-3, trained_delay, 7, 0, 0.02, "none")
    weights = Weights(metadata, arrays)
    save_weights(folder / f"madqn-tuned-base-d{2 if delay else 0}.npz", weights)
    return weights


def asked(folder: Path, overrides: list[str], delay: int) -> RunRequest:
    scheduler = resolve("slnr", intra="madqn-tuned")
    return RunRequest(load_scenario("base", overrides), scheduler, 1, 10, LOCKSTEP, delay, weights_folder=folder)


@pytest.mark.parametrize(
    ("overrides", "trained_delay", "delay", "expected"),
[
        ([], 0, 0, []),
        ([], 2, 4, []),
        ([], 0, 1, [["control_delay_slots 0 (this run: 1)"]]),
        (["access=sdma"], 0, 0, [["access rsma (this run: sdma)"]]),
        (
            ["precoder=rzf", "antennas=64"], 0, 0,
            [["antennas 128 (this run: 64)", "precoder codebook (this run: rzf)"]],
        ),
        (["hwi.model=aggregate"], 0, 0, [["hwi_model paper (this run: aggregate)"]]),
        (
            ["hwi.model=aggregate"], 2, 0,
            [["hwi_model paper (this run: aggregate)", "control_delay_slots 2 (this run: 0)"]],
        ),
    ],
)  # fmt: skip
def test_what_a_run_differs_in_is_named(
    tmp_path: Path, overrides: list[str], trained_delay: int, delay: int, expected: list[list[str]]
) -> None:
    weights = kept(tmp_path, "paper", trained_delay, delay)
    found = mismatches(asked(tmp_path, overrides, delay))
    assert found == [f"the weights {weights.weights_id} were trained for {' and '.join(each)}" for each in expected]
    assert mismatches(RunRequest(load_scenario("base", overrides), resolve("slnr"), 1, 10, LOCKSTEP, delay)) == []


def test_loads_that_they_have_not_met_are_named_and_a_world_that_they_know(tmp_path: Path) -> None:
    weights = kept(tmp_path, "any", 0, 0)
    (line,) = mismatches(asked(tmp_path, ["slices.embb.load_scale=3", "users=60"], 0))
    assert line == (
        f"the weights {weights.weights_id} were trained for users 100 (this run: 60) "
        "and slices.embb.load_scale 1.0 (this run: 3.0)"
    )
    known = replace(asked(tmp_path, [], 0), seed=7)
    assert mismatches(known) == [
        f"the weights {weights.weights_id} know this world: they were trained in that of --seed 7"
    ]
    request = replace(asked(tmp_path, [], 0), scenario=load_scenario("regimes"))
    shipped = mismatches(replace(request, weights_folder=None, seed=DEFAULT_SEED))
    assert shipped == []  # those of `regimes`, and no world that any of the shipped agents knows
    own = request.scenario.model_copy(update={"name": "mine", "regimes": None})
    assert (
        "slices.urllc.packet_bytes_min 32 (this run: 6400)"
        in mismatches(replace(request, scenario=own, weights_folder=None))[0]
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_the_default_world_is_none_that_shipped_agents_know(preset: str) -> None:
    scheduler = resolve("hiso-coma-tuned")
    for delay in (0, 2):
        request = RunRequest(load_scenario(preset), scheduler, DEFAULT_SEED, 10, LOCKSTEP, delay)
        assert mismatches(request) == []
        assert any("know this world" in line for line in mismatches(replace(request, seed=1)))


def test_of_what_xapps_see_they_tell_themselves(tmp_path: Path) -> None:
    weights = kept(tmp_path, "paper", 0, 2)
    request = asked(tmp_path, ["access=sdma", "hwi.model=aggregate", "hwi.kappa_r=0.01"], 2)
    told = f"the weights {weights.weights_id} were trained for kappa_r 0.001 (this run: 0.01)"
    assert mismatches(request, seen_by_xapps=False) == [told]
    assert len(mismatches(request)[0].split(" and ")) == 4


def test_csi_is_asked_of_those_that_are_shipped(tmp_path: Path) -> None:
    kept(tmp_path, "any", 0, 0)
    assert mismatches(asked(tmp_path, ["csi_noise=0.01"], 0)) == []
    shipped = RunRequest(load_scenario("base", ["csi_noise=0.01"]), resolve("hiso-coma-tuned"), 5, 10, LOCKSTEP, 0)
    (told,) = mismatches(shipped)
    assert told.endswith("were trained for csi_noise 0 (this run: 0.01)")
