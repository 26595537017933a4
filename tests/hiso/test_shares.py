"""The controls of the shares: networks as they were before their training, and decisions on other snapshots."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hiso.bounds import shares
from hiso.observe import slice_context
from hiso.training.metadata import training_metadata
from ran_emulator.cell import Cell
from ran_emulator.scenario import SLICE_NAMES, load_scenario
from xapps.slicing.intra.policies import untrained_weights
from xapps.slicing.weights import Weights


def shuffled_pairs(sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Places of a served snapshot and of the one that it was served as, for groups of these sizes."""
    snapshots: list[Any] = [
        SimpleNamespace(place=place, observation=SimpleNamespace(place=place, user_ids=np.zeros(size)))
        for place, size in enumerate(sizes)
    ]
    policy: Any = SimpleNamespace(decide=lambda observation: observation.place)
    pairs: list[tuple[int, int]] = []

    def rate(snapshot: Any, other: int) -> float:
        pairs.append((snapshot.place, other))
        return 1.0

    monkeypatch.setattr(shares, "slice_rate", rate)
    assert np.isnan(shares._shuffled_rate(snapshots, policy)) == (not pairs)
    return pairs


def test_a_group_is_paired_half_a_rotation_away_among_those_of_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = shuffled_pairs([1, 2, 1, 2, 1, 3, 1], monkeypatch)
    assert sorted(pairs) == [(0, 4), (1, 3), (2, 6), (3, 1), (4, 0), (6, 2)]


def test_a_group_alone_in_its_size_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shuffled_pairs([1, 2, 3], monkeypatch) == []


def test_nothing_reaches_the_oracle_where_there_is_no_common_stream() -> None:
    scenario = load_scenario("base", ["access=sdma"])
    metadata = training_metadata(scenario, "madqn", 3, 1, 0, "none")
    context = slice_context(Cell(scenario, 1), 1)
    flat = untrained_weights("madqn", context, 3).flat
    agents = [Weights(metadata, {f"{name}.flat": flat for name in SLICE_NAMES})]
    embb = shares.oracle_shares(scenario, agents, [1], 15)[1].shares
    assert embb["slnr"] < 1
    assert max(embb.values()) < 1.01


def test_the_untrained_control_is_what_the_training_began_with() -> None:
    scenario = load_scenario("base")
    context = slice_context(Cell(scenario, 1), 1)
    for seed in (3, 4):
        start = {"embb.flat": untrained_weights("madqn", context, seed).flat}
        start |= {f"{name}.flat": start["embb.flat"] for name in ("vonr", "urllc")}
        metadata = training_metadata(scenario, "madqn", seed, 1, 0, "none")
        embb = shares.oracle_shares(scenario, [Weights(metadata, start)], [1], 20)[1].shares
        (trained,) = (share for label, share in embb.items() if label.startswith("madqn"))
        assert embb[shares.UNTRAINED] == trained
