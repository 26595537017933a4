"""The control that decides on other snapshots: which groups it pairs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hiso.bounds import shares


def shuffled_pairs(sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Places of a served snapshot and of the one that it was served as, for groups of these sizes."""
    snapshots: list[Any] = [
        SimpleNamespace(place=place, observation=SimpleNamespace(place=place, user_ids=np.zeros(size)))
        for place, size in enumerate(sizes)
    ]
    policy: Any = SimpleNamespace(context=SimpleNamespace(antennas=128), decide=lambda observation: observation.place)
    pairs: list[tuple[int, int]] = []

    def rate(snapshot: Any, other: int, _antennas: int) -> float:
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
