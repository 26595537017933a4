"""A RIC process for each module, nodes and xApps of the tests' own: what tests of RIC and SDK share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import pytest
from e2_test_node import BusClient, Node, Ric


class ConnectNode(Protocol):
    """Connects a node, and sets it up with `fields` unless told not to."""

    def __call__(self, ric: Ric, gnb_id: int = 1, *, set_up: bool = True, **fields: object) -> Node: ...


class ConnectXApp(Protocol):
    """Connects an xApp, and registers it unless told not to."""

    def __call__(
        self, ric: Ric, name: str, oids: tuple[str, ...] = (), slices: tuple[int, ...] = (), *, register: bool = True
    ) -> BusClient: ...


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
def node() -> Iterator[ConnectNode]:
    nodes: list[Node] = []

    def connect(ric: Ric, gnb_id: int = 1, *, set_up: bool = True, **fields: object) -> Node:
        made = Node(ric.target, gnb_id)
        nodes.append(made)
        if set_up:
            made.set_up(**fields)
        return made

    yield connect
    for made in nodes:
        made.close()


@pytest.fixture
def xapp() -> Iterator[ConnectXApp]:
    clients: list[BusClient] = []

    def connect(
        ric: Ric, name: str, oids: tuple[str, ...] = (), slices: tuple[int, ...] = (), *, register: bool = True
    ) -> BusClient:
        client = BusClient(ric.bus, name)
        clients.append(client)
        if register:
            assert client.register(oids, slices).error == ""
        return client

    yield connect
    for client in clients:
        client.close()
