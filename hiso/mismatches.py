"""What a run differs in from what its agents were trained for."""

from __future__ import annotations

from collections.abc import Iterator

from hiso.run_request import RunRequest
from ran_emulator.phy.codes import HWI_MODELS
from ran_emulator.scenario import PRESETS, SLICE_NAMES, Scenario, load_scenario
from xapps.slicing.weights import ANY_HWI_MODEL, WeightsMetadata
from xapps.trained import cell_differences, control_delay_differs, hwi_model_differs

FRESH_CSI = {"csi_delay_slots": 0, "csi_period_slots": 1, "csi_noise": 0}
"""Of a channel that is known as it is: all that those shipped have met (weights do not say on which CSI)."""

_Difference = tuple[str, object, object]
"""A field, what it was in training, and what it is in this run."""


def mismatches(request: RunRequest, *, seen_by_xapps: bool = True) -> list[str]:
    """A line for each set of weights that was trained for something else.

    Args:
        request: the run.
        seen_by_xapps: whether to tell of reading, D and cell, of which xApps warn themselves where they serve.

    Raises:
        WeightsError: weights are missing or unusable.
    """
    weights, scenario, lines = request.weights(), request.scenario, []
    for each in (weights.inter, weights.intra):
        if each is None:
            continue
        trained, found = each.metadata, list[_Difference]()
        if seen_by_xapps:
            found += _of_the_loop(trained, scenario, request.control_delay_slots)
            if each is weights.intra:
                found += ((name, *pair) for name, pair in cell_differences(trained, scenario).items())
        found += _of_kappa(trained, scenario)
        found += _of_the_load(trained, scenario)
        if each is weights.intra and request.weights_folder is None:
            csi = ((name, was, getattr(scenario, name)) for name, was in FRESH_CSI.items())
            found += (difference for difference in csi if difference[1] != difference[2])
        if found:
            reasons = " and ".join(f"{name} {was} (this run: {now})" for name, was, now in found)
            lines.append(f"the weights {each.weights_id} were trained for {reasons}")
        if (trained.preset, trained.seed) == (scenario.name, request.seed):
            lines.append(
                f"the weights {each.weights_id} know this world: they were trained in that of --seed {trained.seed}"
            )
    return lines


def _of_the_loop(trained: WeightsMetadata, scenario: Scenario, control_delay_slots: int) -> Iterator[_Difference]:
    if hwi_model_differs(trained, HWI_MODELS.index(scenario.hwi.model)):
        yield "hwi_model", trained.hwi_model, scenario.hwi.model
    if control_delay_differs(trained, control_delay_slots):
        yield "control_delay_slots", trained.control_delay_slots, control_delay_slots


def _of_kappa(trained: WeightsMetadata, scenario: Scenario) -> Iterator[_Difference]:
    for name in ("kappa_t", "kappa_r"):
        was, now = getattr(trained, name), getattr(scenario.hwi, name)
        if trained.hwi_model == ANY_HWI_MODEL:
            if now > was:
                yield name, f"0-{was:g}", f"{now:g}"
        elif now != was:
            yield name, f"{was:g}", f"{now:g}"


def _of_the_load(trained: WeightsMetadata, scenario: Scenario) -> Iterator[_Difference]:
    if trained.preset not in PRESETS:
        return
    known = load_scenario(trained.preset)
    if known.users != scenario.users:
        yield "users", known.users, scenario.users
    for name in SLICE_NAMES:
        was, now = (getattr(each.slices, name).model_dump() for each in (known, scenario))
        yield from ((f"slices.{name}.{field}", was[field], now[field]) for field in was if was[field] != now[field])
    if known.regimes != scenario.regimes:
        yield "regimes", f"those of {trained.preset}", "others" if scenario.regimes else "none"
