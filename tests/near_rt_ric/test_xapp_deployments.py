"""xApps that the RIC runs: real processes, the example of the docs, a node of the tests' own."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from e2_test_node import KPM_ID, BusClient, Node, Ric, functions, wait_until
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_kpm_pb2 as kpm
from hiso_proto.oids import SLOT_OID
from ric_fixtures import ConnectNode, ConnectXApp

from near_rt_ric.admin_client import AdminClient

EXAMPLE = Path(__file__).parents[2] / "docs" / "example_xapp.py"
NAME = "ssr-printer"
DESCRIPTOR = {"name": NAME, "file": str(EXAMPLE), "arguments": ["{bus}"]}
CRASHES = {"name": "crasher", "module": "json.tool", "arguments": ["/no/such/file"]}
START_S = 20.0

pytestmark = pytest.mark.timeout(120)


class Manager:
    """The HTTP API of one RIC, as far as it is about deployments."""

    def __init__(self, ric: Ric) -> None:
        self.ric = ric

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        url = f"http://127.0.0.1:{self.ric.http_port}{path}"
        content = {} if body is None else {"json": body}
        return httpx.request(method, url, timeout=40, headers=headers, trust_env=False, **content)

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.call(method, path, body)
        assert answer.is_success, answer.text
        done: dict[str, Any] = answer.json()
        return done

    def deploy(self, **changes: Any) -> None:
        self.ask("POST", "/xapps", DESCRIPTOR | changes)

    def xapp(self, name: str = NAME) -> dict[str, Any]:
        return next((xapp for xapp in self.ric.get("/xapps").json() if xapp["name"] == name), {})

    def deployment(self, name: str = NAME) -> dict[str, Any]:
        found: dict[str, Any] = self.xapp(name).get("deployment") or {}
        return found

    def pid(self, name: str = NAME) -> int:
        return int(self.deployment(name)["where"].removeprefix("pid "))

    def log(self, name: str = NAME) -> str:
        return self.call("GET", f"/xapps/{name}/logs").text


@pytest.fixture(scope="module")
def shared(ric: Ric) -> Manager:
    return Manager(ric)


@pytest.fixture
def manager(shared: Manager) -> Iterator[Manager]:
    """With nothing deployed, before and after."""
    yield shared
    for xapp in shared.ric.get("/xapps").json():
        if xapp["deployment"] is not None:
            shared.ask("DELETE", f"/xapps/{xapp['name']}")


def report(node: Node, request_id: e2ap.RicRequestId, *ssr: float) -> None:
    data = kpm.MeasurementDataItem(meas_record=[kpm.MeasurementRecordItem(real=value) for value in ssr])
    message = kpm.IndicationMessage(meas_data=[data])
    node.indicate(request_id, KPM_ID, ric_indication_message=message.SerializeToString())


def subscribed(node: Node) -> e2ap.RicRequestId:
    return node.expect("ric_subscription_request", START_S).ric_subscription_request.ric_request_id


def is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def seen(node: Node) -> list[str]:
    """Kinds of what the node has received and nobody has taken."""
    return [pdu.WhichOneof("message") or "" for pdu in list(node.received.queue)]


def test_deploy_list_logs_stop_start_remove(manager: Manager, node: ConnectNode) -> None:
    made = node(manager.ric, 40)
    manager.deploy()
    request_id = subscribed(made)
    report(made, request_id, 1.0, 0.5, 0.25)
    wait_until(lambda: manager.log() == "vonr 1.000 embb 0.500 urllc 0.250\n")
    shown = manager.xapp()
    assert (shown["registered"], shown["alive"], shown["deployment"]["state"]) == (True, True, "running")
    assert (shown["deployment"]["file"], shown["deployment"]["arguments"]) == (str(EXAMPLE), ["{bus}"])
    pid = manager.pid()
    manager.ask("POST", f"/xapps/{NAME}/stop")
    assert not is_running(pid)
    assert manager.deployment()["state"] == "stopped"
    assert manager.deployment()["where"] is None
    made.expect("ric_subscription_delete_request")
    manager.ask("POST", f"/xapps/{NAME}/start")
    assert subscribed(made) == request_id
    report(made, request_id, 0.0, 0.0, 0.0)
    wait_until(lambda: manager.log().endswith("vonr 0.000 embb 0.000 urllc 0.000\n"))
    assert len(manager.call("GET", f"/xapps/{NAME}/logs?lines=1").text.splitlines()) == 1
    manager.ask("DELETE", f"/xapps/{NAME}")
    assert manager.xapp()["deployment"] is None
    assert [item for item in manager.ric.get("/subscriptions").json() if item["xapp"] == NAME] == []
    assert manager.call("GET", f"/xapps/{NAME}/logs").status_code == 404


def test_a_killed_one_is_started_again(manager: Manager, node: ConnectNode) -> None:
    made = node(manager.ric, 41)
    manager.deploy()
    subscribed(made)
    first = manager.pid()
    os.kill(first, signal.SIGKILL)
    subscribed(made)
    shown = manager.deployment()
    assert (shown["restarts"], shown["last_exit"], shown["state"]) == (1, "SIGKILL", "running")
    assert manager.pid() != first


def test_an_upgrade_keeps_the_subscription_at_the_node(manager: Manager, node: ConnectNode, tmp_path: Path) -> None:
    made = node(manager.ric, 42)
    manager.deploy()
    request_id = subscribed(made)
    before = manager.pid()
    next_version = tmp_path / "next.py"
    next_version.write_text(EXAMPLE.read_text().replace('*(f"{s.name} ', '"next", *(f"{s.name} '))
    manager.ask("POST", f"/xapps/{NAME}/upgrade", {"file": str(next_version)})
    assert not is_running(before)
    assert manager.deployment()["file"] == str(next_version)

    def next_one_reads() -> bool:
        report(made, request_id, 1.0, 0.5, 0.25)
        return "next vonr 1.000" in manager.log()

    wait_until(next_one_reads, START_S)
    assert seen(made) == []
    (subscription,) = [item for item in manager.ric.get("/subscriptions").json() if item["xapp"] == NAME]
    assert (subscription["state"], subscription["ric_instance_id"]) == ("active", request_id.ric_instance_id)
    assert manager.xapp()["held"] is False


def test_a_version_that_does_not_register_is_taken_back(manager: Manager, node: ConnectNode) -> None:
    made = node(manager.ric, 43)
    manager.deploy()
    request_id = subscribed(made)
    refused = manager.call("POST", f"/xapps/{NAME}/upgrade", {"module": "json.tool", "arguments": ["/no/such/file"]})
    assert refused.status_code == httpx.codes.CONFLICT
    assert "json.tool has not registered as ssr-printer (exit code" in refused.json()["detail"]
    assert "No such file" in refused.json()["detail"]
    assert manager.deployment()["file"] == str(EXAMPLE)

    def old_one_reads() -> bool:
        report(made, request_id, 1.0, 0.5, 0.25)
        return "vonr 1.000" in manager.log()

    wait_until(old_one_reads, START_S)
    assert seen(made) == []


def test_an_upgrade_says_where_neither_version_registers(manager: Manager) -> None:
    manager.ask("POST", "/xapps", CRASHES)
    refused = manager.call("POST", "/xapps/crasher/upgrade", {"arguments": ["/no/other/file"]})
    assert refused.status_code == httpx.codes.CONFLICT
    assert "the version before was started again and has not registered either" in refused.json()["detail"]
    assert manager.deployment("crasher")["arguments"] == CRASHES["arguments"]


def test_a_ric_that_stops_amid_an_upgrade_leaves_nothing_behind(own_ric: Ric, tmp_path: Path) -> None:
    manager = Manager(own_ric)
    manager.deploy()
    wait_until(lambda: manager.xapp().get("alive", False), START_S)
    silent = tmp_path / "silent.py"
    silent.write_text("import time; time.sleep(60)")
    upgrading = threading.Thread(target=lambda: manager.call("POST", f"/xapps/{NAME}/upgrade", {"file": str(silent)}))
    upgrading.start()
    wait_until(lambda: manager.deployment()["file"] == str(silent) and manager.deployment()["where"])
    pid = manager.pid()
    assert own_ric.stop() == 0
    upgrading.join()
    assert not is_running(pid)
    own_ric.start()
    wait_until(lambda: manager.xapp()["alive"], START_S)
    assert manager.deployment()["file"] == str(EXAMPLE)


def test_a_stopped_one_is_upgraded_without_being_started(manager: Manager) -> None:
    manager.deploy()
    manager.ask("POST", f"/xapps/{NAME}/stop")
    manager.ask("POST", f"/xapps/{NAME}/upgrade", {"arguments": ["{bus}", "more"]})
    assert manager.deployment()["state"] == "stopped"
    assert manager.deployment()["arguments"] == ["{bus}", "more"]


def hold(ric: Ric, name: str, limit_s: float) -> bool:
    return bool(AdminClient(f"ipc://{ric.folder}/ric-admin").ask("hold", xapp_name=name, limit_s=limit_s)["held"])


@pytest.mark.parametrize("lockstep", [False, True])
def test_a_held_insert_stands_unless_its_node_would_wait_for_ever(
    ric: Ric, node: ConnectNode, xapp: ConnectXApp, lockstep: bool
) -> None:
    made = node(ric, 44 + lockstep, ran_functions_added=functions(lockstep=lockstep))
    name = f"decider-{lockstep}".lower()
    old = BusClient(ric.bus, name)
    old.register((SLOT_OID,), (1,))
    request_id = old.subscribe_slot(made.node_id, 1).ric_request_id
    subscribed(made)
    assert hold(ric, name, 20.0)
    old.close()
    wait_until(lambda: not Manager(ric).xapp(name)["alive"])
    if lockstep:
        made.expect("ric_subscription_delete_request")
    heir = xapp(ric, name, (SLOT_OID,), (1,))
    assert heir.subscribe_slot(made.node_id, 1).ric_request_id == request_id
    assert seen(made) == (["ric_subscription_request"] if lockstep else [])
    made.indicate(request_id, 4)
    heir.expect("indication")
    assert Manager(ric).xapp(name)["held"] is False


def test_a_hold_that_nobody_takes_over_ends(ric: Ric, node: ConnectNode) -> None:
    made = node(ric, 46)
    client = BusClient(ric.bus, "left")
    client.register((SLOT_OID,), (1,))
    client.subscribe_slot(made.node_id, 1)
    assert hold(ric, "left", 1.0)
    client.close()
    wait_until(lambda: not Manager(ric).xapp("left")["alive"])
    assert Manager(ric).xapp("left")["held"]
    assert "ric_subscription_delete_request" not in seen(made)
    made.expect("ric_subscription_delete_request")
    assert not hold(ric, "nobody", 1.0)


def test_who_was_not_deployed_is_listed_and_left_alone(manager: Manager, xapp: ConnectXApp) -> None:
    xapp(manager.ric, "by-hand")
    wait_until(lambda: manager.xapp("by-hand").get("alive", False))
    assert manager.xapp("by-hand")["deployment"] is None
    taken = manager.call("POST", "/xapps", DESCRIPTOR | {"name": "by-hand"})
    assert taken.status_code == httpx.codes.CONFLICT
    assert "name: an xApp by-hand is running that was not deployed here" in taken.json()["detail"]
    for method, path in (("POST", "/stop"), ("POST", "/start"), ("GET", "/logs"), ("DELETE", "")):
        unknown = manager.call(method, f"/xapps/by-hand{path}")
        assert unknown.status_code == httpx.codes.NOT_FOUND
        assert "name: 'by-hand' was not deployed here" in unknown.json()["detail"]
    assert manager.xapp("by-hand")["alive"]


def test_a_stopped_one_is_not_started_beside_one_of_its_name(manager: Manager, xapp: ConnectXApp) -> None:
    manager.deploy()
    manager.ask("POST", f"/xapps/{NAME}/stop")
    xapp(manager.ric, NAME)
    wait_until(lambda: manager.xapp().get("alive", False))
    refused = manager.call("POST", f"/xapps/{NAME}/start")
    assert refused.status_code == httpx.codes.CONFLICT
    assert f"name: an xApp {NAME} is running that was not deployed here" in refused.json()["detail"]
    assert manager.deployment()["state"] == "stopped"
    assert manager.xapp()["alive"]


def test_a_name_is_deployed_once(manager: Manager) -> None:
    manager.deploy()
    again = manager.call("POST", "/xapps", DESCRIPTOR)
    assert again.status_code == httpx.codes.CONFLICT
    assert "name: ssr-printer is deployed already" in again.json()["detail"]


def test_what_dies_at_once_is_said_with_its_last_words(manager: Manager) -> None:
    manager.ask("POST", "/xapps", CRASHES)
    wait_until(lambda: manager.deployment("crasher")["restarts"] >= 2)
    shown = manager.xapp("crasher")
    assert (shown["registered"], shown["alive"], shown["ric_requestor_id"]) == (False, False, None)
    assert shown["deployment"]["last_exit"].startswith("exit code")
    assert "No such file" in manager.log("crasher")


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({}, "name", "name: Field required"),
        ({"name": "x"}, "body", "module, file, image: exactly one of them is required"),
        ({"name": "x", "module": "no.such.module"}, "module", "no.such.module is no module that the RIC's Python"),
        ({"name": "x", "file": "/no/such.py"}, "file", "file: /no/such.py is no file that the RIC can read"),
        ({"name": "x", "file": "here.py"}, "file", "file: an absolute path that ends in .py is required"),
        ({"name": "x", "module": "a", "restart": "often"}, "restart", "'always', 'on-failure' or 'never'"),
        ({"name": "x", "module": "a", "bogus": 1}, "bogus", "bogus: no such field: one of name, module, file"),
        ([], "body", "valid dictionary"),
        ({"name": "\ud800", "module": "a"}, "name", "unicode"),
        ({"name": "x", "module": "a", "\udfff": 1}, "body", "unicode"),
    ],
)
def test_a_bad_descriptor_is_refused_with_its_field(manager: Manager, body: object, field: str, said: str) -> None:
    url = f"http://127.0.0.1:{manager.ric.http_port}/xapps"
    refused = httpx.post(url, content=json.dumps(body), headers={"content-type": "application/json"}, timeout=20)
    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY, refused.text
    (complaint,) = refused.json()["detail"]
    assert complaint["field"] == field
    assert said in complaint["message"]
    assert manager.xapp("x") == {}


def test_a_refusal_does_not_repeat_all_that_was_given(manager: Manager) -> None:
    for body in ({"name": "x" * 10_000, "module": "json.tool"}, ["x"] * 10_000):
        refused = manager.call("POST", "/xapps", body)
        assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
        assert "..." in refused.json()["detail"][0]["message"]
        assert len(refused.text) < 300
    refused = manager.call("GET", f"/xapps/{NAME}/logs?lines={'x' * 10_000}")
    assert len(refused.text) < 300


def test_a_number_of_lines_out_of_range_is_refused(manager: Manager) -> None:
    refused = manager.call("GET", f"/xapps/{NAME}/logs?lines=0")
    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert refused.json()["detail"][0]["message"] == "lines: must be 1..10000 (given '0')"


@pytest.mark.parametrize(
    "headers", [{"host": "evil.example"}, {"host": "evil.example:80"}, {"origin": "http://evil.example"}]
)
def test_pages_of_other_sites_cannot_deploy(manager: Manager, headers: dict[str, str]) -> None:
    refused = manager.call("POST", "/xapps", DESCRIPTOR, **headers)
    assert refused.status_code == httpx.codes.FORBIDDEN
    assert manager.deployment() == {}
    assert manager.call("GET", f"/xapps/{NAME}/logs", **headers).status_code == httpx.codes.FORBIDDEN


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"origin": "http://evil.example"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/nodes/nobody/reset"),
        ("POST", "/nodes/nobody/service-query"),
        ("DELETE", "/nodes/nobody"),
        ("DELETE", "/subscriptions/nobody/1/1"),
    ],
)
def test_pages_of_other_sites_change_nothing(manager: Manager, method: str, path: str, headers: dict[str, str]) -> None:
    assert manager.call(method, path, **headers).status_code == httpx.codes.FORBIDDEN
    assert manager.call(method, path).status_code == httpx.codes.NOT_FOUND
    assert manager.call("GET", "/nodes", **headers).is_success


def test_a_restarted_ric_starts_again_what_was_to_run(own_ric: Ric, node: ConnectNode) -> None:
    manager = Manager(own_ric)
    manager.deploy()
    manager.ask("POST", "/xapps", DESCRIPTOR | {"name": "idle"})
    manager.ask("POST", "/xapps/idle/stop")
    subscribed(node(own_ric, 1))
    pid = manager.pid()
    assert own_ric.stop() == 0
    assert not is_running(pid)
    own_ric.start()
    subscribed(node(own_ric, 1))
    wait_until(lambda: manager.xapp()["alive"])
    assert manager.deployment("idle")["state"] == "stopped"
    assert manager.pid() != pid


def test_a_killed_ric_takes_its_xapps_with_it(own_ric: Ric) -> None:
    manager = Manager(own_ric)
    manager.deploy()
    wait_until(lambda: manager.xapp().get("alive", False), START_S)
    pid = manager.pid()
    own_ric.process.kill()
    wait_until(lambda: not is_running(pid))


def test_beyond_loopback_nothing_is_deployed_unless_asked_for(tmp_path: Path) -> None:
    closed = Ric("--http-host", "0.0.0.0", "--expose")
    try:
        manager = Manager(closed)
        for method, path in (("POST", ""), ("POST", "/x/stop"), ("GET", "/x/logs"), ("DELETE", "/x")):
            refused = manager.call(method, f"/xapps{path}", DESCRIPTOR)
            assert refused.status_code == httpx.codes.FORBIDDEN
            assert "--expose-deploy" in refused.json()["detail"]
        assert closed.get("/xapps").json() == []
        reset = "POST", "/nodes/nobody/reset", None
        assert manager.call(*reset, host="near-rt-ric:26401").status_code == httpx.codes.NOT_FOUND
        assert manager.call(*reset, origin="http://evil.example").status_code == httpx.codes.FORBIDDEN
    finally:
        closed.close()
    opened = Ric("--http-host", "0.0.0.0", "--expose", "--expose-deploy")
    try:
        assert Manager(opened).call("POST", "/xapps", DESCRIPTOR, host="near-rt-ric:26401").is_success
    finally:
        opened.close()
