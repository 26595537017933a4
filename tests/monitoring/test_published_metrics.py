"""The catalogue that dashboards and alerts are tested on, against what a running system publishes."""

from __future__ import annotations

import importlib.util
import time
from collections import defaultdict
from collections.abc import Iterator

import httpx
import pytest
from free_ports import free_port_base
from prometheus_client.parser import text_string_to_metric_families

from hiso.launcher import LocalSystem, Plan, discard_run_dir, make_run_dir
from hiso.placement import allowed_cores, place
from hiso.run_request import make_request

from .catalogue import METRICS

LEARN = importlib.util.find_spec("torch") is not None
LIMIT_S = 150.0
SERVICES = (
    *("ran-emulator", "near-rt-ric", "xapp"),
    pytest.param("learner", marks=pytest.mark.skipif(not LEARN, reason="learners need PyTorch")),
)
# Their values are open: names of runs and nodes, and of messages and causes as they happen.
INFOS = {"hiso_scenario_info", "hiso_xapp_info"}
OPEN = {"message", "cause", "node", "measurement"}

Series = dict[str, set[tuple[tuple[str, str], ...]]]
"""Labels of each series, by metric."""


def _service_of(process: str) -> str:
    if process == "emulator":
        return "ran-emulator"
    return "near-rt-ric" if process == "ric" else process.partition("-")[0]


@pytest.fixture(scope="module")
def system() -> Iterator[LocalSystem]:
    base = free_port_base()
    request = make_request(
        scenario="base", scheduler="hiso-coma-tuned", seed=1, clock="lockstep", learn=LEARN, from_scratch=True
    )
    placement = place(allowed_cores(), urgent=False, fifo=False)
    run_dir = make_run_dir()
    running = LocalSystem(Plan(request, placement, base, run_dir))
    try:
        assert running.start(lambda: True)
        yield running
    finally:
        running.stop()
        discard_run_dir(run_dir)


def _scrape(system: LocalSystem, service: str) -> Series:
    """What all processes of a service publish."""
    series: Series = defaultdict(set)
    for child in system.children:
        if _service_of(child.spec.name) == service:
            text = httpx.get(f"http://127.0.0.1:{child.spec.http_port}/metrics", trust_env=False).text
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    series[sample.name].add(tuple(sorted(sample.labels.items())))
    return series


def _wait_for_all(system: LocalSystem, service: str) -> Series:
    """What a service publishes once everything that needs no event is there."""
    expected = {metric.name for metric in METRICS if metric.service == service and not metric.after_event}
    deadline_s = time.monotonic() + LIMIT_S
    while True:
        series = _scrape(system, service)
        missing = expected - set(series)
        if not missing:
            return series
        assert time.monotonic() < deadline_s, f"{service} does not publish {sorted(missing)}"
        time.sleep(0.5)


@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES)
def test_the_catalogue_is_what_a_system_publishes(system: LocalSystem, service: str) -> None:
    series = _wait_for_all(system, service)
    catalogue = {metric.name: metric for metric in METRICS if metric.service == service}
    assert set(series) - set(catalogue) == set()
    for name, published in series.items():
        assert {frozenset(dict(labels)) for labels in published} == {catalogue[name].label_names}, name
        if name not in INFOS:
            known = {label for labels in catalogue[name].labels for label in labels.items()}
            closed = {label for labels in published for label in labels if label[0] not in OPEN}
            assert closed - known == set(), name
