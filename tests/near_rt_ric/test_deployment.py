"""When a deployment is started again; descriptors, their store, programs that can be run, output files."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_xapps import FakeBackend
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from near_rt_ric.store import Store
from near_rt_ric.xapp_manager.deployment import (
    CRASH_LOOP_DEATHS,
    FIRST_DELAY_S,
    LONGEST_DELAY_S,
    STEADY_S,
    Deployment,
)
from near_rt_ric.xapp_manager.deployment_store import DeploymentStore
from near_rt_ric.xapp_manager.descriptor import MAX_ARGUMENTS, Descriptor, RestartPolicy, Upgrade
from near_rt_ric.xapp_manager.errors import DescriptorError, NotReadyError
from near_rt_ric.xapp_manager.processes import MAX_LOG_BYTES, ChildPlacement, ProcessBackend
from service_kit.placement import FACE_NICENESS


def deployed(restart: RestartPolicy = RestartPolicy.ALWAYS) -> tuple[Deployment, FakeBackend]:
    backend = FakeBackend()
    return Deployment(Descriptor(name="x", module="m", restart=restart), backend, wanted=True), backend


def die_at(deployment: Deployment, backend: FakeBackend, now_s: float, code: int = 1) -> None:
    backend.started[-1].code = code
    deployment.watch(now_s)


def first_start_after(deployment: Deployment, backend: FakeBackend, died_s: float, delay_s: float) -> bool:
    """Whether it is started again `delay_s` after its death, and no millisecond before."""
    count = len(backend.started)
    deployment.watch(died_s + delay_s - 1e-3)
    early = len(backend.started) != count
    deployment.watch(died_s + delay_s)
    return not early and len(backend.started) == count + 1


def test_delays_double_up_to_the_longest_and_a_crash_loop_is_said(caplog: pytest.LogCaptureFixture) -> None:
    deployment, backend = deployed()
    deployment.watch(0.0)
    now_s, delays = 0.0, []
    for death in range(1, 12):
        die_at(deployment, backend, now_s)
        assert backend.started[-1].killed
        after_death = "crash-loop" if death >= CRASH_LOOP_DEATHS else "restarting"
        assert deployment.state == after_death
        delays.append(min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** (death - 1)))
        assert first_start_after(deployment, backend, now_s, delays[-1])
        assert deployment.state == "running"
        now_s += delays[-1]
    assert delays[-1] == LONGEST_DELAY_S
    assert [record.message for record in caplog.records].count("xapp_crash_loop") == 1
    assert deployment.last_words() == "exit code 1: last"


def test_who_has_lived_long_begins_with_the_shortest_delay() -> None:
    deployment, backend = deployed()
    deployment.watch(0.0)
    for now_s in (0.0, 10.0, 20.0):
        die_at(deployment, backend, now_s)
        deployment.watch(now_s + 5.0)
    die_at(deployment, backend, 25.0 + STEADY_S)
    assert first_start_after(deployment, backend, 25.0 + STEADY_S, FIRST_DELAY_S)


@pytest.mark.parametrize(
    ("restart", "code", "again"),
    [
        (RestartPolicy.ALWAYS, 0, True),
        (RestartPolicy.ALWAYS, -9, True),
        (RestartPolicy.ON_FAILURE, 0, False),
        (RestartPolicy.ON_FAILURE, 1, True),
        (RestartPolicy.NEVER, 0, False),
        (RestartPolicy.NEVER, -9, False),
    ],
)
def test_the_policy_decides_who_is_started_again(restart: RestartPolicy, code: int, again: bool) -> None:
    deployment, backend = deployed(restart)
    deployment.watch(0.0)
    die_at(deployment, backend, 0.0, code)
    deployment.watch(1_000.0)
    assert len(backend.started) == (2 if again else 1)
    assert deployment.state == ("running" if again else "ended")
    assert deployment.last_exit == ("SIGKILL" if code < 0 else f"exit code {code}")


def test_what_cannot_be_started_is_tried_again() -> None:
    deployment, backend = deployed()
    backend.refuses = True
    deployment.watch(0.0)
    assert (deployment.state, deployment.last_exit) == ("restarting", "cannot start: no room")
    backend.refuses = False
    assert first_start_after(deployment, backend, 0.0, FIRST_DELAY_S)


def test_one_that_costs_to_ask_is_asked_as_often_as_its_backend_says() -> None:
    backend = FakeBackend(poll_s=1.0)
    deployment = Deployment(Descriptor(name="x", image="i"), backend, wanted=True)
    for tick in range(31):
        deployment.watch(tick / 8)
    assert backend.started[0].polls == 3
    assert deployment.restarts == 0


def test_a_start_that_nobody_has_foreseen_is_not_repeated_at_once() -> None:
    deployment, backend = deployed()
    backend.breaks = {"x"}
    with pytest.raises(RuntimeError):
        deployment.watch(0.0)
    deployment.watch(LONGEST_DELAY_S - 1e-3)
    backend.breaks = set()
    deployment.watch(LONGEST_DELAY_S)
    assert (deployment.state, len(backend.programs)) == ("running", 2)


def test_a_stopped_one_stays_stopped_until_it_is_started_with_a_clean_record() -> None:
    deployment, backend = deployed()
    deployment.watch(0.0)
    die_at(deployment, backend, 0.0)
    deployment.watch(1.0)
    deployment.stop()
    assert backend.started[-1].killed
    deployment.watch(1e9)
    assert (deployment.state, len(backend.started)) == ("stopped", 2)
    deployment.start()
    assert (deployment.state, deployment.restarts, deployment.last_exit) == ("running", 0, "")


WRONG = [
    ({}, "name: Field required"),
    ({"name": "x"}, "module, file, image: exactly one of them is required"),
    ({"name": "x", "module": "a", "image": "b"}, "module, file, image: exactly one of them is required"),
    ({"name": "X", "module": "a"}, "name: String should match pattern"),
    ({"name": "x" * 64, "module": "a"}, "name: String should match pattern"),
    ({"name": "x\n", "module": "a"}, "name: String should match pattern"),
    ({"name": "x", "module": "a/b"}, "module: String should match pattern"),
    ({"name": "x", "module": "-c"}, "module: String should match pattern"),
    ({"name": "x", "image": "-v"}, "image: String should match pattern"),
    ({"name": "x", "file": "mine.py"}, "file: Value error, an absolute path that ends in .py is required"),
    ({"name": "x", "file": "/bin/sh"}, "file: Value error, an absolute path that ends in .py is required"),
    ({"name": "x", "module": "a", "arguments": ["\0"]}, "arguments.0: String should match pattern"),
    ({"name": "x", "module": "a", "arguments": "b"}, "arguments: Input should be a valid list"),
    ({"name": "x", "module": "a", "arguments": [""] * (MAX_ARGUMENTS + 1)}, "arguments: List should have at most 64"),
    ({"name": "x", "module": "a", "environment": {"A B": "c"}}, "environment.A B"),
    ({"name": "x", "module": "a", "environment": {"A": 1}}, "environment.A: Input should be a valid string"),
    ({"name": "x", "module": "a", "restart": "often"}, "restart: Input should be 'always', 'on-failure' or 'never'"),
    ({"name": "x", "module": "a", "hot": "yes"}, "hot: Input should be a valid boolean"),
    ({"name": "x", "module": "a", "cpu": 1}, "cpu: Extra inputs are not permitted"),
]


@pytest.mark.parametrize(("body", "said"), WRONG)
def test_a_wrong_descriptor_is_refused_with_its_field(body: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Descriptor.model_validate(body)
    complaints = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in caught.value.errors()]
    assert any(said in complaint for complaint in complaints), complaints


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@settings(deadline=None, max_examples=20)  # it writes files
@given(
    arguments=st.lists(text, max_size=4),
    environment=st.dictionaries(st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,5}\Z"), text, max_size=3),
    restart=st.sampled_from(RestartPolicy),
    hot=st.booleans(),
)
def test_the_store_gives_back_what_was_deployed(
    tmp_path_factory: pytest.TempPathFactory,
    arguments: list[str],
    environment: dict[str, str],
    restart: RestartPolicy,
    hot: bool,
) -> None:
    path = tmp_path_factory.mktemp("store") / "ric.sqlite"
    descriptor = Descriptor(
        name="x", image="i:1", arguments=arguments, environment=environment, restart=restart, hot=hot
    )
    store = DeploymentStore(path)
    store.save(Descriptor(name="x", module="before"), wanted=True)
    store.save(descriptor, wanted=False)
    store.save(Descriptor(name="gone", module="m"), wanted=True)
    store.delete("gone")
    assert DeploymentStore(path).load() == [(descriptor, False)]


def test_deployments_live_beside_the_hot_loops_tables(tmp_path: Path) -> None:
    path = tmp_path / "ric.sqlite"
    store = Store(path)
    store.save_node_number("00101-1", 4)
    DeploymentStore(path).save(Descriptor(name="x", module="m"), wanted=True)
    store.save_node_number("00101-2", 5)
    store.close()
    again = Store(path)
    assert again.load().node_numbers == {"00101-1": 4, "00101-2": 5}
    again.close()
    assert [item.name for item, _ in DeploymentStore(path).load()] == ["x"]


def test_what_a_later_release_deployed_is_left_alone_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = DeploymentStore(tmp_path / "ric.sqlite")
    store._execute('INSERT INTO deployments VALUES (\'x\', \'{"name": "x", "wasm": "y"}\', 1)')
    assert store.load() == []
    assert "deployment_unreadable" in caplog.text
    assert len(store._execute("SELECT * FROM deployments")) == 1


def test_a_store_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "ric.sqlite").write_bytes(b"no database" * 1_000)
    with pytest.raises(NotReadyError, match=r"ric\.sqlite"):
        DeploymentStore(tmp_path / "ric.sqlite")


@pytest.mark.parametrize(
    ("upgrade", "expected"),
    [
        ({}, {}),
        ({"image": "i"}, {"file": None, "image": "i"}),
        ({"arguments": []}, {"arguments": []}),
        ({"hot": True, "restart": "never"}, {"hot": True, "restart": RestartPolicy.NEVER}),
    ],
)
def test_an_upgrade_changes_what_it_names_and_nothing_else(
    upgrade: dict[str, object], expected: dict[str, object]
) -> None:
    before = Descriptor(name="x", file="/a.py", arguments=["{bus}"], environment={"A": "b"})
    after = Upgrade.model_validate(upgrade).applied_to(before)
    assert after.model_dump() == {**before.model_dump(), **expected}


def test_the_bus_stands_where_it_is_asked_for() -> None:
    descriptor = Descriptor(name="x", module="m", arguments=["--bus={bus}", "{}"], environment={"BUS": "{bus}"})
    assert descriptor.resolved_arguments("ipc:///b") == ["--bus=ipc:///b", "{}"]
    assert descriptor.resolved_environment("ipc:///b") == {"BUS": "ipc:///b"}


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[ProcessBackend]:
    backend = ProcessBackend(tmp_path / "logs", "ipc:///b", ChildPlacement())
    yield backend
    backend.close()


def test_programs_are_looked_for_without_being_imported(
    processes: ProcessBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, source in {"part": "", "part/inside.py": "", "part/whole": "", "part/whole/__main__.py": ""}.items():
        path = tmp_path / place
        if path.suffix:
            path.write_text(source)
        else:
            path.mkdir()
            (path / "__init__.py").write_text("raise SystemExit('imported')")
    (tmp_path / "no_package" / "either").mkdir(parents=True)
    (tmp_path / "no_package" / "either" / "inside.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    for runnable in ("part.inside", "part.whole", "no_package.either.inside", "json.tool", "pytest"):
        processes.check(Descriptor(name="x", module=runnable))
    for module in (
        "part",
        "part.nothing",
        "part.inside.deeper",
        "no_package.either",
        "no_package.part",
        "no_such_module",
        "sys",
        "os.this",
        "_ctypes",
    ):
        with pytest.raises(DescriptorError, match=f"module: {module} is no module"):
            processes.check(Descriptor(name="x", module=module))
    with pytest.raises(DescriptorError, match="is no file"):
        processes.check(Descriptor(name="x", file=f"{tmp_path}/missing.py"))


def test_a_module_of_the_current_folder_is_one_only_where_the_path_names_it(
    processes: ProcessBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "of_the_folder.py").touch()
    monkeypatch.chdir(tmp_path)
    descriptor = Descriptor(name="x", module="of_the_folder")
    for place in ("", str(tmp_path)):  # as `python -m` puts the current folder first
        monkeypatch.setattr("sys.path", [place, *sys.path])
        with pytest.raises(DescriptorError, match="of_the_folder is no module"):
            processes.check(descriptor)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["proto", "."]))
    processes.check(descriptor)


def test_a_process_gets_arguments_environment_and_leaves_its_output(processes: ProcessBackend, tmp_path: Path) -> None:
    script = tmp_path / "said.py"
    script.write_text("import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['MINE']])); sys.exit(3)")
    descriptor = Descriptor(name="x", file=str(script), arguments=["{bus}", "-h", "--"], environment={"MINE": "a b"})
    for _ in range(2):
        instance = processes.start(descriptor)
        instance._process.wait()
        assert instance.poll() == 3
    assert [json.loads(line) for line in processes.logs("x", 10)] == [[["ipc:///b", "-h", "--"], "a b"]] * 2
    assert len(processes.logs("x", 1)) == 1
    processes.forget("x")
    assert processes.logs("x", 10) == []


@pytest.mark.parametrize("hot", [True, False])
def test_hot_ones_run_as_the_hot_loop_and_others_as_the_face(tmp_path: Path, hot: bool) -> None:
    cores = sorted(os.sched_getaffinity(0))
    script = tmp_path / "where.py"
    script.write_text("import os; print(os.sched_getaffinity(0), os.nice(0))")
    backend = ProcessBackend(tmp_path, "ipc:///b", ChildPlacement(hot_cpu=cores[0], face_cpu=cores[-1]))
    backend.start(Descriptor(name="x", file=str(script), hot=hot))._process.wait()
    niceness = os.nice(0) if hot else min(os.nice(0) + FACE_NICENESS, 19)
    assert backend.logs("x", 1) == [f"{ {cores[0 if hot else -1]} } {niceness}"]
    backend.close()


def test_an_output_file_does_not_grow_for_ever(processes: ProcessBackend, tmp_path: Path) -> None:
    script = tmp_path / "chatty.py"
    script.write_text("print('x' * 1023)")
    log = tmp_path / "logs" / "x.log"
    log.parent.mkdir()
    log.write_bytes(b"y" * MAX_LOG_BYTES)
    instance = processes.start(Descriptor(name="x", file=str(script), restart=RestartPolicy.NEVER))
    instance._process.wait()
    instance.poll()
    assert log.stat().st_size < MAX_LOG_BYTES / 8
    assert any("x" * 1023 in line for line in processes.logs("x", 100))
