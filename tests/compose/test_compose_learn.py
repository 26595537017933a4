"""`docker compose --profile learn up`, really run, where a wheel of PyTorch for the image is at hand.

HISO_TEST_TORCH_WHEEL names the file. Without it nothing is built: PyTorch's CPU build is on no common index.
"""

from __future__ import annotations

from collections.abc import Iterator

import docker
import httpx
import pytest
from monitoring.live_prometheus import Prometheus

from .engine import Engine
from .project import AGENTS, BUILT, LEARNERS, SERVICES, Project, learning_project, needs_wheel

pytestmark = [
    pytest.mark.engine,
    pytest.mark.alone,
    pytest.mark.slow,
    pytest.mark.timeout(1_200),
    needs_wheel,
]

START_LIMIT_S = 180.0
FLOW_LIMIT_S = 120.0
LEARN_LIMIT_S = 300.0


@pytest.fixture(scope="module")
def project(engine: Engine, client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    made = learning_project(engine, client, tmp_path_factory.mktemp("compose"))
    made.compose("build", *BUILT)
    with made.running([*SERVICES, *LEARNERS, "prometheus"]):
        made.wait_healthy([*SERVICES, *LEARNERS], START_LIMIT_S)
        # VoNR alone would take minutes to the 256 decisions at which learning starts.
        url = f"{made.url('HISO_EMULATOR_PORT')}/traffic/vonr/load"
        httpx.put(url, json={"scale": 10}).raise_for_status()
        yield made


@pytest.fixture(scope="module")
def prometheus(project: Project) -> Prometheus:
    server = Prometheus(project.url("PROMETHEUS_PORT"))
    server.wait_ready(FLOW_LIMIT_S)
    return server


def test_learners_are_found_and_scraped(prometheus: Prometheus) -> None:
    prometheus.wait_for(f"count(up == 1) == {len(SERVICES) + len(LEARNERS)}", FLOW_LIMIT_S)


@pytest.mark.parametrize("agent", AGENTS)
def test_loss_and_reward_move_and_weights_arrive(prometheus: Prometheus, agent: str) -> None:
    prometheus.wait_for(f'changes(hiso_learner_loss{{agent="{agent}"}}[2m]) > 1', LEARN_LIMIT_S)
    prometheus.wait_for(f'changes(hiso_learner_reward{{agent="{agent}"}}[2m]) > 1', LEARN_LIMIT_S)
    prometheus.wait_for(f'changes(hiso_xapp_weights_version{{instance=~".*{agent}.*"}}[2m]) > 1', LEARN_LIMIT_S)
