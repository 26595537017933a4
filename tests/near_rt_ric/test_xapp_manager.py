"""The xApp manager where the hot loop, the store or an engine fails half-way; without processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from e2_test_node import wait_until
from fake_xapps import FakeBackend, FakeInstance

from near_rt_ric.admin_client import HotLoopUnavailableError
from near_rt_ric.xapp_manager import manager as manager_module
from near_rt_ric.xapp_manager.containers import ContainerBackend
from near_rt_ric.xapp_manager.deployment_store import DeploymentStore
from near_rt_ric.xapp_manager.descriptor import Descriptor, Upgrade
from near_rt_ric.xapp_manager.errors import DescriptorError, NotReadyError, UnknownXAppError, UpgradeFailedError
from near_rt_ric.xapp_manager.manager import XAppManager
from near_rt_ric.xapp_manager.processes import ChildPlacement

OLD = Descriptor(name="x", module="old")
NEW = Upgrade(module="new")


class HotLoop:
    """Whoever runs is registered; `fails` says which commands are not answered, each time they come."""

    def __init__(self, backend: FakeBackend) -> None:
        self.backend = backend
        self.asked: list[str] = []
        self.fails: Callable[[str], bool] = lambda _command: False

    def ask(self, command: str, timeout_s: float = 1.0, **_fields: Any) -> dict[str, Any]:
        self.asked.append(command)
        if self.fails(command):
            raise HotLoopUnavailableError(f"not within {timeout_s} s")
        alive = any(instance.code is None for instance in self.backend.started)
        subscription = {"xapp": "x", "key": "k", "node_id": "n", "ric_requestor_id": 1, "ric_instance_id": 1}
        return {"xapps": [{"name": "x", "alive": alive, "held": False}], "subscriptions": [subscription]}


class Deployed:
    """A manager over fakes, its store and its hot loop; `x` runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.backend = FakeBackend()
        self.containers = FakeBackend()
        self.loop = HotLoop(self.backend)
        self.manager = XAppManager(path, self.backend, self.containers, self.loop.ask)

    @property
    def stored(self) -> list[tuple[str, bool]]:
        return [(each.program, wanted) for each, wanted in DeploymentStore(self.path).load()]

    def runs(self) -> list[str]:
        return [item.descriptor.program for item in self.manager.deployments() if item.state == "running"]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Deployed]:
    deployed = Deployed(tmp_path / "ric.sqlite")
    DeploymentStore(deployed.path).save(OLD, wanted=True)
    yield deployed
    deployed.manager.close()


@pytest.fixture
def running(made: Deployed) -> Deployed:
    made.manager.start()
    wait_until(lambda: made.runs() == ["old"])
    return made


def test_an_upgrade_lives_through_a_hot_loop_that_is_away_for_a_moment(running: Deployed) -> None:
    answers = iter([True, True])
    running.loop.fails = lambda command: command == "state" and next(answers, False)
    running.manager.upgrade("x", NEW)
    assert next(answers, None) is None  # it was away twice
    assert (running.runs(), running.stored) == (["new"], [("new", True)])


def test_an_upgrade_under_a_hot_loop_that_stays_away_is_taken_back(
    running: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager_module, "REGISTER_LIMIT_S", 0.2)
    running.loop.fails = lambda _command: "new" in running.backend.programs
    with pytest.raises(UpgradeFailedError, match="has not registered either"):
        running.manager.upgrade("x", NEW)
    assert (running.runs(), running.stored) == (["old"], [("old", True)])


def test_an_upgrade_that_cannot_be_kept_is_taken_back(running: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_store: DeploymentStore, _descriptor: Descriptor, *, wanted: bool) -> None:
        raise NotReadyError(f"locked ({wanted=})")

    with monkeypatch.context() as patched:
        patched.setattr(DeploymentStore, "save", refuse)
        with pytest.raises(NotReadyError, match="locked"):
            running.manager.upgrade("x", NEW)
    assert (running.runs(), running.stored) == (["old"], [("old", True)])


def test_an_upgrade_that_cannot_be_held_changes_nothing(running: Deployed) -> None:
    running.loop.fails = lambda command: command == "hold"
    with pytest.raises(NotReadyError):
        running.manager.upgrade("x", NEW)
    assert (running.runs(), running.backend.programs) == (["old"], ["old"])


def test_a_removal_that_fails_half_way_can_be_asked_for_again(running: Deployed) -> None:
    running.loop.fails = lambda command: command == "delete_subscription"
    with pytest.raises(NotReadyError):
        running.manager.remove("x")
    assert (running.runs(), running.stored) == ([], [("old", False)])
    running.loop.fails = lambda _command: False
    running.manager.remove("x")
    assert running.stored == []
    assert running.loop.asked[-1] == "delete_subscription"
    with pytest.raises(UnknownXAppError):
        running.manager.remove("x")


def test_one_that_cannot_be_started_at_all_leaves_the_others_and_the_manager_alone(made: Deployed) -> None:
    DeploymentStore(made.path).save(Descriptor(name="a", module="broken"), wanted=True)
    made.backend.breaks = {"a"}
    made.manager.start()
    wait_until(lambda: made.runs() == ["old"])
    made.manager.stop_xapp("x")
    made.manager.start_xapp("x")
    assert sorted(made.backend.programs) == ["broken", "old", "old"]


class SlowInstance(FakeInstance):
    """Of an engine that does not answer until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.let = threading.Event()

    def poll(self) -> int | None:
        self.asked.set()
        self.let.wait(10)
        return super().poll()


class SlowBackend(FakeBackend):
    def start(self, descriptor: Descriptor) -> FakeInstance:
        self.started.append(SlowInstance())
        return self.started[-1]


def test_an_engine_that_does_not_answer_keeps_no_request_for_another_xapp(
    made: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager_module, "_WATCHED_LIMIT_S", 0.1)
    slow = SlowBackend()
    made.manager = XAppManager(made.path, made.backend, slow, made.loop.ask)
    DeploymentStore(made.path).save(Descriptor(name="a", image="i"), wanted=True)
    made.manager.start()
    wait_until(lambda: bool(slow.started))
    (instance,) = slow.started
    assert isinstance(instance, SlowInstance)
    assert instance.asked.wait(10)
    wait_until(lambda: made.runs() == ["i", "old"])
    made.manager.stop_xapp("x")  # while the watcher waits for the engine
    with pytest.raises(NotReadyError, match="a is just being looked at"):
        made.manager.stop_xapp("a")
    assert not instance.let.is_set()
    instance.let.set()
    monkeypatch.setattr(manager_module, "_WATCHED_LIMIT_S", 10.0)
    made.manager.stop_xapp("a")
    assert made.stored == [("i", False), ("old", False)]


def test_a_ric_in_a_container_without_networks_says_so(tmp_path: Path) -> None:
    backend = ContainerBackend(tmp_path, "tcp://0.0.0.0:1", ChildPlacement())
    backend.__dict__["_engine"] = SimpleNamespace(images=SimpleNamespace(get=lambda _name: None))
    backend.__dict__["_own_container"] = SimpleNamespace(id="0" * 64, attrs={"NetworkSettings": {"Networks": {}}})
    with pytest.raises(DescriptorError, match="image: the RIC's container is in no network"):
        backend.check(Descriptor(name="x", image="i"))
