"""Trained weights that come with the package, and weights files of users' own: found by id or path."""

from __future__ import annotations

from pathlib import Path

from ran_emulator.phy.codes import HWI_AGGREGATE
from xapps.slicing.inter.base import InterWeights
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions
from xapps.slicing.weights import (
    ANY_HWI_MODEL,
    INTER_OPTION_FIELDS,
    Weights,
    WeightsError,
    WeightsMetadata,
    check_trained_options,
    load_weights,
)

TRAINED_DIRECTORY = Path(__file__).parent / "weights"
"""Files <variant>-<preset>-d<D>.npz; D is 0 or 2."""

SLOTS_PER_SECOND = 2_000


def trained_name(variant: str, preset: str, control_delay_slots: int) -> str:
    """Name of the trained weights for a policy, preset and D: agents for any D >= 1 are those trained at 2."""
    return f"{variant}-{preset}-d{0 if control_delay_slots == 0 else 2}"


def is_preset(reference: str) -> bool:
    """Whether a reference is a preset's name (of which there are weights for D = 0 and D = 2), not an id or a file."""
    return "/" not in reference and not reference.endswith(".npz") and "-d" not in reference


def is_shipped(name: str) -> bool:
    """Whether weights of this name (<variant>-<preset>-d<D>) come with the package."""
    return (TRAINED_DIRECTORY / f"{name}.npz").is_file()


def find_weights(reference: str) -> Weights:
    """Weights by the path of a file, by name (<variant>-<preset>-d<D>) or by weights_id (the name and 8 digits).

    Raises:
        WeightsError: nothing of this name, or a file that cannot be used.
    """
    if reference.endswith(".npz"):
        return load_weights(Path(reference))
    for name in (reference, reference.rpartition("-")[0]):
        path = TRAINED_DIRECTORY / f"{name}.npz"
        if name and "/" not in name and path.is_file():
            weights = load_weights(path)
            if reference in (name, weights.weights_id):
                return weights
            raise WeightsError(f"weights: {reference!r} is not shipped, its successor {weights.weights_id!r} is")
    known = ", ".join(sorted(path.stem for path in TRAINED_DIRECTORY.glob("*.npz"))) or "none"
    raise WeightsError(f"weights: {reference!r} is neither a .npz file nor one of those shipped ({known})")


def inter_weights(weights: Weights, options: AgentOptions = DEFAULT_OPTIONS) -> InterWeights:
    """The inter-slice agents out of a weights file.

    Raises:
        WeightsError: it holds none, or they were trained on another grid.
    """
    check_trained_options(weights, options, INTER_OPTION_FIELDS)
    metadata = {
        "variant": weights.metadata.variant,
        "seed": weights.metadata.seed,
        "trained_seconds": weights.metadata.trained_slots // SLOTS_PER_SECOND,
        "weights_id": weights.weights_id,
    }
    return InterWeights(weights.agent("inter"), metadata)


CELL_FIELDS = ("antennas", "access", "precoder")
"""What intra-slice agents are told of a cell; those of the inter-slice level are not."""


def cell_differences(trained: WeightsMetadata, cell: object) -> dict[str, tuple[object, object]]:
    """Those of `CELL_FIELDS` in which a cell (a scenario, or a slice's context) is not the one trained in, as pairs."""
    pairs = {name: (getattr(trained, name), getattr(cell, name)) for name in CELL_FIELDS}
    return {name: (was, now) for name, (was, now) in pairs.items() if was != now}


def hwi_model_differs(trained: WeightsMetadata, hwi_model: int) -> bool:
    """Whether agents run under another hardware impairment model than the one they were trained under."""
    if trained.hwi_model == ANY_HWI_MODEL:
        return False
    return (trained.hwi_model == "aggregate") != (hwi_model == HWI_AGGREGATE)


def control_delay_differs(trained: WeightsMetadata, control_delay_slots: int) -> bool:
    """Whether agents trained without a control delay run with one, or the other way round."""
    return (trained.control_delay_slots == 0) != (control_delay_slots == 0)
