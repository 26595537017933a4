"""`docker-compose up`, really run: on the engine that is there, or on one that the test starts.

By the oldest generation of the program that is here; the other files of this folder take the newest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import docker
import httpx
import pytest
from monitoring.live_prometheus import Prometheus

from .engine import Engine
from .project import SERVICES, XAPPS, Project, oldest_program

pytestmark = [pytest.mark.engine, pytest.mark.alone, pytest.mark.slow, pytest.mark.timeout(900)]

START_LIMIT_S = 120.0
FLOW_LIMIT_S = 60.0
USER_ID = 10001

# kappa = 1 caps a stream at log2(1 + 1/1) = 1 bit/s/Hz; at most 8 users and a common stream are superposed.
LARGEST_KAPPA = 1.0
ETA_CEILING_BPS_HZ = 9.0

KILL_ALL_BUT_INIT = "import os, signal; os.kill(-1, signal.SIGKILL)"


@pytest.fixture(scope="module")
def project(engine: Engine, client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    made = Project(engine, client, tmp_path_factory.mktemp("compose"), program=oldest_program())
    made.compose("build", "near-rt-ric")
    with made.running([*SERVICES, "prometheus"]):
        made.wait_healthy(SERVICES, START_LIMIT_S)
        yield made


@pytest.fixture(scope="module")
def prometheus(project: Project) -> Prometheus:
    server = Prometheus(project.url("PROMETHEUS_PORT"))
    server.wait_ready(FLOW_LIMIT_S)
    return server


def test_prometheus_scrapes_every_service(prometheus: Prometheus) -> None:
    prometheus.wait_for(f"count(up == 1) == {len(SERVICES)}", FLOW_LIMIT_S)
    assert {series["metric"]["instance"] for series in prometheus.query("up")} == set(SERVICES)


def test_kpis_flow_and_agents_decide(prometheus: Prometheus) -> None:
    for slice_name in ("vonr", "embb", "urllc"):
        prometheus.wait_for(f'increase(hiso_decisions_total{{slice="{slice_name}",source="control"}}[10s]) > 0', 60)
        prometheus.wait_for(f'hiso_slice_goodput_bps{{slice="{slice_name}"}} > 0', FLOW_LIMIT_S)
    prometheus.wait_for("rate(hiso_simulated_seconds_total[10s]) > 0", FLOW_LIMIT_S)
    prometheus.wait_for('rate(hiso_e2_bytes_total{function="kpm",direction="to_ric"}[10s]) > 0', FLOW_LIMIT_S)
    prometheus.wait_for("sum(increase(hiso_xapp_trigger_evaluations_total[10s])) > 0", FLOW_LIMIT_S)


def test_http_changes_the_impairments(project: Project, prometheus: Prometheus) -> None:
    url = f"{project.url('HISO_EMULATOR_PORT')}/hwi"
    refused = httpx.put(url, json={"kappa": 2})
    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert "kappa" in refused.text
    assert prometheus.query(f"hiso_hwi_kappa != {LARGEST_KAPPA}")
    httpx.put(url, json={"kappa": LARGEST_KAPPA}).raise_for_status()
    prometheus.wait_for(f"count(hiso_hwi_kappa == {LARGEST_KAPPA}) == 2", FLOW_LIMIT_S)
    prometheus.wait_for(f"max_over_time(hiso_cell_eta_bps_hz[3s]) <= {ETA_CEILING_BPS_HZ}", FLOW_LIMIT_S)


def test_services_run_as_their_own_user_on_loopback_ports(project: Project) -> None:
    for service in SERVICES:
        container = project.container(service)
        code, output = container.exec_run(["id", "-u"])
        assert (code, output.decode().strip()) == (0, str(USER_ID))
        bindings = container.attrs["HostConfig"]["PortBindings"] or {}
        assert {each["HostIp"] for port in bindings.values() for each in port} <= {"127.0.0.1"}


def test_the_image_that_does_not_learn_holds_no_torch(project: Project) -> None:
    script = "import importlib.util as u; print(u.find_spec('torch'), bool(u.find_spec('numba')))"
    code, output = project.container("xapp-intra-embb").exec_run(["python", "-c", script])
    assert (code, output.decode().split()) == (0, ["None", "True"])


@pytest.mark.parametrize("service", ["near-rt-ric", "ran-emulator"])
def test_a_killed_service_comes_back_by_itself(project: Project, prometheus: Prometheus, service: str) -> None:
    before = project.container(service).attrs["RestartCount"]
    project.container(service).exec_run(["python", "-ISc", KILL_ALL_BUT_INIT], user=str(USER_ID))
    deadline_s = time.monotonic() + START_LIMIT_S
    while project.container(service).attrs["RestartCount"] == before:
        assert time.monotonic() < deadline_s, f"{service} was not restarted"
        time.sleep(0.2)
    project.wait_healthy(SERVICES, START_LIMIT_S)
    prometheus.wait_for(f"hiso_e2_connected == 1 and on() sum(hiso_xapp_connected) == {len(XAPPS)}", FLOW_LIMIT_S)


def test_services_end_cleanly(project: Project, prometheus: Prometheus) -> None:
    project.compose("stop", *SERVICES)
    codes = {service: project.container(service).attrs["State"]["ExitCode"] for service in SERVICES}
    assert codes == dict.fromkeys(SERVICES, 0)
