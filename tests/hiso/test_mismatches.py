"""What a run says of agents that were trained for something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from hiso.mismatches import mismatches
from hiso.observe import slice_context
from hiso.run_request import LOCKSTEP, RunRequest
from ran_emulator.cell import Cell
from ran_emulator.scenario import SLICE_NAMES, load_scenario
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


def test_of_what_xapps_see_they_tell_themselves(tmp_path: Path) -> None:
    weights = kept(tmp_path, "paper", 0, 2)
    request = asked(tmp_path, ["access=sdma", "hwi.model=aggregate", "hwi.kappa_r=0.01"], 2)
    told = f"the weights {weights.weights_id} were trained for kappa_r 0.001 (this run: 0.01)"
    assert mismatches(request, seen_by_xapps=False) == [told]
    assert len(mismatches(request)[0].split(" and ")) == 4


def test_csi_is_asked_of_those_that_are_shipped(tmp_path: Path) -> None:
    kept(tmp_path, "any", 0, 0)
    assert mismatches(asked(tmp_path, ["csi_noise=0.01"], 0)) == []
    shipped = RunRequest(load_scenario("base", ["csi_noise=0.01"]), resolve("hiso-coma-tuned"), 1, 10, LOCKSTEP, 0)
    (told,) = mismatches(shipped)
    assert told.endswith("were trained for csi_noise 0 (this run: 0.01)")
