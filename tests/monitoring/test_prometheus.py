"""Prometheus on its configuration and alerts, and every query of the dashboard against a live one."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from . import catalogue, dashboard
from .live_prometheus import Prometheus, prometheus

CONFIG_FILE = dashboard.MONITORING / "prometheus" / "prometheus.yml"
RULES_FILE = dashboard.MONITORING / "prometheus" / "rules.yml"
RATE_INTERVAL = "5s"
SCRAPES_BEFORE_QUERIES = 4
LIMIT_S = 30.0
"""A machine that has stood still for a second has missed every scrape of it."""

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="Prometheus is not installed (.ci/install-services installs Debian's)",
)


def _promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _config_for_one_exporter(port: int) -> str:
    """The product's configuration, each job pointed at the exporter instead of at containers."""
    config = yaml.safe_load(CONFIG_FILE.read_text())
    config["rule_files"] = [str(RULES_FILE)]
    for job in config["scrape_configs"]:
        service = "learner" if job["job_name"].startswith("learner") else job["job_name"]
        hosts = [t.split(":")[0] for part in job.pop("static_configs", []) for t in part["targets"]]
        hosts += [name for part in job.pop("dns_sd_configs", []) for name in part["names"]]
        job["metrics_path"] = f"/{service}/metrics"
        target = f"127.0.0.1:{port}"
        job["static_configs"] = [{"targets": [target], "labels": {"container": host}} for host in hosts]
        job["relabel_configs"] = [{"source_labels": ["container"], "target_label": "instance"}]
    return yaml.safe_dump(config)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    with catalogue.exporter() as port:
        config_file = folder / "prometheus.yml"
        config_file.write_text(_config_for_one_exporter(port))
        with prometheus(config_file, folder) as server:
            server.wait_for(
                f"count_over_time(hiso_simulated_seconds_total[1m]) >= {SCRAPES_BEFORE_QUERIES}", limit_s=LIMIT_S
            )
            yield server


def test_the_configuration_and_its_rules_are_valid() -> None:
    _promtool("check", "config", str(CONFIG_FILE))
    _promtool("check", "rules", str(RULES_FILE))


def test_alerts_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    cases = yaml.safe_load((Path(__file__).parent / "rules_cases.yml").read_text())
    cases["rule_files"] = [str(RULES_FILE)]
    case_file = tmp_path / "cases.yml"
    case_file.write_text(yaml.safe_dump(cases))
    _promtool("test", "rules", str(case_file))


def test_alerts_read_metrics_that_exist() -> None:
    read = set(re.findall(r"\bhiso_[a-z0-9_]+", RULES_FILE.read_text()))
    assert read - catalogue.NAMES == set()


def test_every_container_is_a_target(live: Prometheus) -> None:
    services = yaml.safe_load((dashboard.MONITORING.parent / "docker-compose.yml").read_text())["services"]
    ours = set(services) - {"prometheus", "grafana"}
    live.wait_for(f"count(up == 1) == {len(ours)}", LIMIT_S)
    assert {series["metric"]["instance"] for series in live.query("up")} == ours


@pytest.mark.parametrize("query", dashboard.queries(), ids=str)
def test_a_panel_s_query_returns_data(live: Prometheus, query: dashboard.Query) -> None:
    series = live.wait_for(query.at_rate_interval(RATE_INTERVAL), LIMIT_S)
    assert all(each["value"][1] != "NaN" for each in series)


def test_what_alerts_read_is_there(live: Prometheus) -> None:
    selectors = set(re.findall(r"\bhiso_[a-z0-9_]+(?:\{[^{}]*\})?(?=[\[\s)])", RULES_FILE.read_text()))
    assert any("{" in selector for selector in selectors)
    for selector in selectors:
        live.wait_for(selector, LIMIT_S)


def test_no_alert_is_due_where_all_is_well(live: Prometheus) -> None:
    rules = [rule for group in yaml.safe_load(RULES_FILE.read_text())["groups"] for rule in group["rules"]]
    assert rules
    for rule in rules:
        live.wait_for(f"absent({rule['expr']})", LIMIT_S)
