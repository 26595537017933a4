"""What weights a process may be told to start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from xapps.slicing.weights import Weights, WeightsError, save_weights
from xapps.start_weights import StartWeights
from xapps.trained import find_weights


@pytest.mark.parametrize(
    ("variant", "agent", "reference", "of"),
    [
        ("coma2c-tuned", "inter", "madqn-tuned-regimes-d2", "madqn-tuned"),
        ("madqn-tuned", "embb", "coma2c-tuned-regimes-d2", "coma2c-tuned"),
        ("madqn", "embb", "madqn-tuned-regimes-d2", "madqn-tuned"),
    ],
)
def test_weights_of_another_policy_are_refused(variant: str, agent: str, reference: str, of: str) -> None:
    with pytest.raises(WeightsError, match=rf"{reference}.*: must be of {variant} \(--policy\), not of {of}$"):
        StartWeights(variant, agent, reference, from_scratch=False)


def test_weights_without_the_agent_are_refused(tmp_path: Path) -> None:
    whole = find_weights("madqn-regimes-d2")
    one = {name: array for name, array in whole.arrays.items() if name.startswith("vonr.")}
    file = tmp_path / "one-slice.npz"
    save_weights(file, Weights(whole.metadata, one))
    assert StartWeights("madqn", "vonr", str(file), from_scratch=False).choose(2) is not None
    with pytest.raises(WeightsError, match=r"no agent 'embb' \(there are: vonr\)"):
        StartWeights("madqn", "embb", str(file), from_scratch=False)
