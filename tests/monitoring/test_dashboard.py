"""The dashboard file itself: what Grafana would otherwise show as an empty or overlapping panel."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
import yaml

from . import dashboard
from .catalogue import NAMES

GRID_COLUMNS = 24
UNITS = {
    "bps", "hertz", "watt", "ms", "µs", "pps", "ops", "percentunit", "short", "none", "sci", "string",
    "suffix: bit/s/Hz",
}  # fmt: skip
# The queue is shown in packets, and slots are simulated seconds times 2,000.
NOT_SHOWN = {
    "hiso_slice_queued_bits",
    "hiso_slots_total",
    "hiso_xapp_kpm",
}


def _charts() -> list[dict[str, Any]]:
    return [panel for panel in dashboard.panels() if panel["type"] != "row"]


def _title(panel: dict[str, Any]) -> str:
    return str(panel["title"])


def test_the_provisioned_data_source_is_the_one_that_every_panel_asks() -> None:
    file = dashboard.MONITORING / "grafana" / "provisioning" / "datasources" / "prometheus.yml"
    (source,) = yaml.safe_load(file.read_text())["datasources"]
    expected = {"type": source["type"], "uid": source["uid"]}
    asked = [panel["datasource"] for panel in _charts()]
    asked += [target["datasource"] for panel in _charts() for target in panel["targets"]]
    asked += [each["datasource"] for each in dashboard.load()["annotations"]["list"]]
    assert all(each == expected for each in asked)


def test_the_provider_reads_the_folder_that_compose_mounts() -> None:
    provisioning = dashboard.MONITORING / "grafana" / "provisioning" / "dashboards" / "hiso-coma.yml"
    (provider,) = yaml.safe_load(provisioning.read_text())["providers"]
    compose = yaml.safe_load((dashboard.MONITORING.parent / "docker-compose.yml").read_text())
    mounts = dict(volume.split(":")[:2] for volume in compose["services"]["grafana"]["volumes"])
    assert mounts["./monitoring/grafana/dashboards"] == provider["options"]["path"]
    home = compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/{dashboard.DASHBOARD_FILE.name}"


def test_ids_are_unique() -> None:
    ids = [panel["id"] for panel in dashboard.panels()]
    assert len(ids) == len(set(ids))
    for panel in _charts():
        letters = [target["refId"] for target in panel["targets"]]
        assert len(letters) == len(set(letters)), panel["title"]


def test_panels_fill_the_grid_without_overlap() -> None:
    cells = [(panel["title"], panel["gridPos"]) for panel in dashboard.panels()]
    for title, cell in cells:
        assert cell["x"] >= 0, title
        assert cell["x"] + cell["w"] <= GRID_COLUMNS, title
        assert cell["h"] >= 1, title
    for (one, a), (other, b) in combinations(cells, 2):
        apart_x = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        apart_y = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert apart_x or apart_y, f"{one} overlaps {other}"


@pytest.mark.parametrize("panel", _charts(), ids=_title)
def test_a_panel_says_what_it_shows_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["targets"]


def test_a_slice_has_one_colour_throughout() -> None:
    for label in ("VoNR", "eMBB", "uRLLC"):
        colours = {
            prop["value"]["fixedColor"]
            for panel in _charts()
            for override in panel["fieldConfig"]["overrides"]
            if override["matcher"]["options"] == f"/^{label}/"
            for prop in override["properties"]
            if prop["id"] == "color"
        }
        assert len(colours) == 1, label


@pytest.mark.parametrize("query", dashboard.queries(), ids=str)
def test_a_rate_is_one_of_simulated_time_or_a_share(query: dashboard.Query) -> None:
    if "rate(" not in query.expression:
        return
    unit = next(panel["fieldConfig"]["defaults"]["unit"] for panel in _charts() if panel["title"] == query.panel)
    share = unit == "percentunit" and query.expression.count("rate(") == 2
    assert share or "rate(hiso_simulated_seconds_total[" in query.expression


def test_panels_read_metrics_that_exist_and_leave_none_out() -> None:
    read = set().union(*(query.metrics() for query in dashboard.queries()))
    assert read - NAMES == set()
    assert NAMES - read == NOT_SHOWN
