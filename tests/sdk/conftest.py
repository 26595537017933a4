"""The SDK against a real RIC and a node of the tests' own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "near_rt_ric"))

from e2_test_node import Node, Ric


@pytest.fixture(scope="module")
def ric() -> Iterator[Ric]:
    process = Ric()
    yield process
    process.close()


@pytest.fixture
def own_ric() -> Iterator[Ric]:
    process = Ric()
    yield process
    process.close()


@pytest.fixture
def node() -> Iterator[Callable[..., Node]]:
    nodes: list[Node] = []

    def connect(ric: Ric, gnb_id: int = 1, **fields: object) -> Node:
        made = Node(ric.target, gnb_id)
        nodes.append(made)
        made.set_up(**fields)
        return made

    yield connect
    for made in nodes:
        made.close()
