"""xApps as containers, on a real engine: beside a RIC in compose, and beside one on the host."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import docker
import httpx
import pytest
from e2_test_node import Node, Ric

from near_rt_ric.xapp_manager.containers import NAME_LABEL

from .engine import Engine
from .project import IMAGE, ROOT, XAPPS_OVERLAY, Project

pytestmark = [pytest.mark.engine, pytest.mark.alone, pytest.mark.slow, pytest.mark.timeout(900)]

START_LIMIT_S = 120.0
NAME = "ssr-printer"
EXAMPLE = (ROOT / "docs" / "example_xapp.py").read_text()


def wait_for(condition: Callable[[], Any], what: Callable[[], object]) -> Any:
    deadline_s = time.monotonic() + START_LIMIT_S
    while not (found := condition()):
        assert time.monotonic() < deadline_s, what()
        time.sleep(0.1)
    return found


def deployed(client: docker.DockerClient) -> list[Any]:
    """Containers of all xApp managers, ended ones included."""
    found: list[Any] = client.containers.list(all=True, filters={"label": NAME_LABEL})
    return found


class Manager:
    """The /xapps of one RIC."""

    def __init__(self, url: str, client: docker.DockerClient) -> None:
        self._url = url
        self._client = client

    def ask(self, method: str, path: str = "", body: Any = None) -> httpx.Response:
        answer = httpx.request(method, f"{self._url}/xapps{path}", json=body, timeout=60, trust_env=False)
        assert answer.is_success, answer.text
        return answer

    def deploy(self, **fields: Any) -> None:
        arguments = ["python", "-c", EXAMPLE, "{bus}"]
        self.ask("POST", body={"name": NAME, "image": f"{IMAGE}:runtime", "arguments": arguments, **fields})

    def xapp(self) -> dict[str, Any]:
        found: dict[str, Any] = next((x for x in self.ask("GET").json() if x["name"] == NAME), {})
        return found

    def log(self) -> str:
        return self.ask("GET", f"/{NAME}/logs").text

    def container(self) -> Any:
        (found,) = deployed(self._client)
        return found

    def wait_alive(self) -> None:
        wait_for(lambda: self.xapp()["alive"], lambda: f"{self.xapp()}\n{self.log()}")


@pytest.fixture(scope="module")
def project(engine: Engine, client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    socket = engine.host.removeprefix("unix://")
    settings = {"HISO_ENGINE_SOCKET": socket, "HISO_ENGINE_GROUP": str(os.stat(socket).st_gid)}
    made = Project(
        *(engine, client, tmp_path_factory.mktemp("compose")),
        overlays=(XAPPS_OVERLAY.name,),
        settings=settings,
    )
    for left in deployed(client):  # by a run of the tests that was cut off
        left.remove(force=True)
    made.compose("build", "near-rt-ric")
    services = ["near-rt-ric", "ran-emulator"]
    with made.running(services):
        made.wait_healthy(services, START_LIMIT_S)
        yield made


def subscription(project: Project) -> dict[str, Any]:
    url = f"{project.url('HISO_RIC_PORT')}/subscriptions"
    (found,) = [item for item in httpx.get(url, trust_env=False).json() if item["xapp"] == NAME]
    return {key: found[key] for key in ("state", "ric_requestor_id", "ric_instance_id")}


def test_an_image_beside_a_ric_in_compose(project: Project, client: docker.DockerClient) -> None:
    manager = Manager(project.url("HISO_RIC_PORT"), client)
    manager.deploy()
    manager.wait_alive()
    wait_for(lambda: "vonr" in manager.log(), manager.log)
    container = manager.container()
    assert list(container.attrs["NetworkSettings"]["Networks"]) == [f"{project.name}_loop"]
    assert container.attrs["HostConfig"]["CapDrop"] == ["ALL"]
    assert not container.attrs["HostConfig"]["Binds"]
    held = subscription(project)
    manager.ask("POST", f"/{NAME}/upgrade", {"environment": {"VERSION": "2"}})
    assert manager.container().id != container.id
    assert "VERSION=2" in manager.container().attrs["Config"]["Env"]
    wait_for(lambda: "vonr" in manager.log(), manager.log)
    assert subscription(project) == held
    manager.container().kill()
    wait_for(lambda: manager.xapp()["deployment"]["restarts"] == 1, manager.xapp)
    manager.wait_alive()
    manager.ask("POST", f"/{NAME}/stop")
    assert manager.container().status == "exited"
    manager.ask("POST", f"/{NAME}/start")
    manager.wait_alive()
    project.compose("restart", "near-rt-ric")
    project.wait_healthy(["near-rt-ric"], START_LIMIT_S)
    manager.wait_alive()
    project.compose("stop", "near-rt-ric")
    assert deployed(client) == []


@pytest.mark.usefixtures("project")
def test_an_image_beside_a_ric_on_the_host(
    engine: Engine, client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    ric = Ric()
    try:
        node = Node(ric.target, 1)
        node.set_up()
        manager = Manager(f"http://127.0.0.1:{ric.http_port}", client)
        missing = httpx.post(f"http://127.0.0.1:{ric.http_port}/xapps", json={"name": NAME, "image": "no-such:1"})
        assert missing.status_code == httpx.codes.UNPROCESSABLE_ENTITY
        assert "image: the engine has no image no-such:1" in missing.json()["detail"][0]["message"]
        manager.deploy()
        node.expect("ric_subscription_request", START_LIMIT_S)
        assert manager.container().attrs["HostConfig"]["NetworkMode"] == "none"
        manager.ask("DELETE", f"/{NAME}")
        assert deployed(client) == []
        manager.deploy()
        node.expect("ric_subscription_request", START_LIMIT_S)
        node.close()
    finally:
        ric.close()
    assert deployed(client) == []
