"""What the HTTP API makes of any JSON: a change inside its range, or 422 with field and range and nothing changed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from ran_emulator.arguments import parse_arguments
from ran_emulator.cell import Cell
from ran_emulator.command_client import CommandRefusedError
from ran_emulator.commands import Command, carry_out
from ran_emulator.events import EVENT, KEPT_EVENTS, TimedChange
from ran_emulator.http.api import create_app
from ran_emulator.http.timeline import EventBook
from ran_emulator.scenario import load_scenario

MUTATING = [
    ("PUT", "/traffic/vonr/load", ("scale",)),
    ("POST", "/traffic/embb/burst", ("factor", "duration_s", "packets")),
    ("PUT", "/hwi", ("model", "kappa", "kappa_t", "kappa_r", "evm_percent", "evm_t_percent", "evm_r_percent")),
    ("PUT", "/mobility/urllc", ("speed_m_s",)),
    ("PUT", "/regime", ("index",)),
    ("POST", "/users/burst", ("users", "packets")),
    ("PUT", "/csi", ("csi_delay_slots", "csi_period_slots", "csi_noise")),
    ("POST", "/timeline", ()),
    ("POST", "/e2/reset", ()),
]


BASE_URL = "http://127.0.0.1:26400"


class Direct:
    """Carries commands out on a cell at once, as the slot loop does at a slot's start."""

    def __init__(self) -> None:
        self.cell = Cell(load_scenario("regimes"), seed=1)
        self.asked = 0

    def ask(self, name: str, **arguments: Any) -> dict[str, Any]:
        self.asked += 1
        node: Any = SimpleNamespace(connected=False)
        answer = carry_out(Command(self.asked, name, json.loads(json.dumps(arguments))), self.cell, node)
        if "error" in answer:
            raise CommandRefusedError(answer["error"])
        return answer

    def run(self, slots: int) -> None:
        """Slots that nobody decides for."""
        for _ in range(slots):
            self.cell.begin_slot()
            self.cell.execute_slot()

    def world(self) -> tuple[Any, ...]:
        """All that a call can change."""
        cell, state = self.cell, self.cell.state
        arrays = (state.cell, state.slices, state.users, state.backlog_bits, state.window_counts)
        timeline = (cell.next_event_slot, len(cell.events))
        return (
            cell.hwi,
            cell.next_csi,
            cell.loads,
            cell.regime,
            cell.regime_fixed,
            timeline,
            *(each.tobytes() for each in arrays),
        )


@pytest.fixture(scope="module")
def loop() -> Direct:
    return Direct()


@pytest.fixture(scope="module")
def http(loop: Direct, tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    folder = str(tmp_path_factory.mktemp("face"))
    arguments = parse_arguments(["--scenario", "regimes", "--e2", "unix:/nobody", "--run-dir", folder])
    client: Any = loop
    return TestClient(create_app(arguments, lambda: None, client), base_url=BASE_URL)


def call(http: TestClient, method: str, path: str, body: bytes) -> Any:
    return http.request(method, path, content=body, headers={"content-type": "application/json"})


def test_a_body_that_is_not_called_json_is_refused_by_its_type(http: TestClient) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}  # curl's own
    answer = http.request("PUT", "/hwi", content=b'{"kappa": 0.01}', headers=form)
    assert answer.status_code == 422
    (complaint,) = answer.json()["detail"]
    assert (complaint["field"], complaint["message"]) == ("content-type", "must be application/json")


KINDS = "load, burst, user_burst, hwi, csi, speed, regime"
REFUSED: list[tuple[str, str, bytes, str, str]] = [
    ("PUT", "/regime", b'{"index": [NaN]}', "index", "0..15 or auto"),
    ("PUT", "/regime", b'{"index": {"a": Infinity}}', "index", "0..15 or auto"),
    ("PUT", "/regime", b'{"index": true}', "index", "0..15 or auto"),
    ("POST", "/traffic/embb/burst", b"[NaN]", "body", "0.0005..3600"),
    ("PUT", "/traffic/embb/load", b'{"scale": [[[NaN]]]}', "scale", "0..100"),
    ("PUT", "/traffic/embb/load", b'{"scale": -Infinity}', "scale", "0..100"),
    ("PUT", "/hwi", b'{"model": "\\ud800"}', "model", "paper, aggregate"),
    ("PUT", "/hwi", b'{"\\ud800": 1}', "body", "paper, aggregate"),
    ("PUT", "/hwi", b'{"model": ["\\ud800"]}', "model", "paper, aggregate"),
    ("PUT", "/hwi", b'{"kappa": true}', "kappa", "0..1"),
    ("PUT", "/hwi", b'{"kappa": "0.1"}', "kappa", "0..1"),
    ("PUT", "/hwi", b'{"evm_percent": 101}', "evm_percent", "0..100"),
    ("PUT", "/hwi", b'{"evm_percent": 3, "kappa_t": 0.1}', "body", "0..100"),
    ("PUT", "/hwi", b'{"evm_percent": 3, "evm_r_percent": 3}', "body", "0..100"),
    ("PUT", "/hwi", b'{"kappa": 1' + b"0" * 400 + b"}", "kappa", "0..1"),
    ("PUT", "/mobility/vonr", b'{"speed_m_s": "14"}', "speed_m_s", "0..50"),
    ("PUT", "/hwi", b"[" * 900 + b"]" * 900, "body", "paper, aggregate"),
    ("PUT", "/hwi", b"{", "body", "paper, aggregate"),
    ("PUT", "/hwi", b'{"kapa": 1}', "kapa", "paper, aggregate"),
    ("POST", "/timeline", b'[{"at_s": 1, "change": "hwi", "kapa": 1}]', "kapa", "0..1"),
    ("PUT", "/csi", b'{"csi_delay_slots": 21}', "csi_delay_slots", "0..20"),
    ("PUT", "/csi", b'{"csi_period_slots": 1.0}', "csi_period_slots", "1..640"),
    ("PUT", "/csi", b'{"csi_noise": -0.1}', "csi_noise", "0..1"),
    ("PUT", "/csi", b"{}", "body", "1..640"),
    ("POST", "/users/burst", b'{"users": [], "packets": 1}', "users", "1..2000 of 0..1999"),
    ("POST", "/users/burst", b'{"users": 3, "packets": 1}', "users", "1..2000 of 0..1999"),
    ("POST", "/users/burst", b'{"users": [3], "packets": 65}', "packets", "1..64"),
    ("POST", "/users/burst", b'{"users": [3, 3], "packets": 1}', "body", "1..64"),
    ("POST", "/timeline", b'[{"at_slot": 9, "change": "hwi", "kappa": 2}]', "kappa", "0..1"),
    ("POST", "/timeline", b'[{"at_s": -1, "change": "hwi", "kappa": 1}]', "at_s", "0..5e+06"),
    ("POST", "/timeline", b'[{"at_s": 1, "at_slot": 1, "change": "hwi", "kappa": 1}]', "body", "0..1e+10"),
    (
        "POST",
        "/timeline",
        b'[{"at_s": 1, "change": "weather"}]',
        "change",
        KINDS,
    ),
    ("POST", "/timeline", b'[{"at_s": 1}]', "change", KINDS),
    ("POST", "/timeline", b"[]", "body", "1..100 events"),
    ("POST", "/timeline", b"{}", "body", "1..100 events"),
    ("POST", "/timeline", b"[" + 100 * b"1," + b"1]", "body", "1..100 events"),
    ("PUT", "/e2/components/ng/x", b"{}", "configuration", "0..4096 characters"),
    (
        "POST",
        "/timeline",
        b'[{"at_s": 1, "change": "load", "slice": "gold", "scale": 1}]',
        "slice",
        "vonr, embb, urllc",
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "field", "allowed"), REFUSED)
def test_what_is_no_number_of_the_range_is_refused_with_field_and_range(
    http: TestClient, loop: Direct, method: str, path: str, body: bytes, field: str, allowed: str
) -> None:
    before, asked = loop.world(), loop.asked
    answer = call(http, method, path, body)
    assert answer.status_code == 422, answer.text
    for complaint in answer.json()["detail"]:
        assert complaint["field"] == field
        assert allowed in complaint["allowed"].values()
    assert (loop.world(), loop.asked) == (before, asked)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/hwi", b'{"kappa": 1}'),
        ("PUT", "/hwi", b'{"kappa_t": 0, "kappa_r": 0.5}'),
        ("PUT", "/hwi", b'{"evm_percent": 8}'),
        ("PUT", "/traffic/embb/load", b'{"scale": 3}'),
        ("PUT", "/mobility/vonr", b'{"speed_m_s": 14}'),
        ("POST", "/traffic/embb/burst", b'{"factor": 2, "duration_s": 1}'),
        ("PUT", "/regime", b'{"index": 2}'),
        ("PUT", "/regime", b'{"index": "auto"}'),
        ("POST", "/timeline", b'[{"at_s": 1, "change": "load", "slice": "embb", "scale": 2}]'),
    ],
)
def test_an_integer_is_a_number(http: TestClient, method: str, path: str, body: bytes) -> None:
    assert call(http, method, path, body).status_code == 200


NUMBERS = st.integers() | st.integers(0, 60) | st.floats() | st.floats(0, 1)
TEXTS = st.text(st.characters(exclude_categories=())) | st.sampled_from(["auto", "paper", "aggregate", "\ud800", "1"])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(("method", "path", "names"), MUTATING)
def test_any_json_is_a_change_or_refused_and_changes_nothing(
    http: TestClient, loop: Direct, method: str, path: str, names: tuple[str, ...]
) -> None:
    fitting = st.dictionaries(st.sampled_from(names), NUMBERS | JSON) if names else JSON

    @settings(max_examples=100, deadline=None)
    @given(fitting | JSON)
    def check(body: Any) -> None:
        before = loop.world()
        answer = call(http, method, path, json.dumps(body).encode())
        assert answer.status_code in (200, 422), answer.text
        if answer.status_code == 422:
            assert all(complaint["field"] for complaint in answer.json()["detail"])
            assert loop.world() == before

    check()


@pytest.mark.parametrize("body", [b"\xff", b"[" * 100_000, b'{"kappa": 1' + b"0" * 5_000 + b"}"])
def test_a_body_that_cannot_be_parsed_is_refused(http: TestClient, loop: Direct, body: bytes) -> None:
    before = loop.world()
    answer = call(http, "PUT", "/hwi", body)
    assert answer.status_code == 422
    (complaint,) = answer.json()["detail"]
    assert complaint["field"] == "body"
    assert "must be JSON" in complaint["message"]
    assert loop.world() == before


def test_a_number_beside_the_body_is_refused_with_its_range(http: TestClient) -> None:
    answer = http.get("/events?from_slot=a")
    assert answer.status_code == 422
    (complaint,) = answer.json()["detail"]
    assert (complaint["field"], complaint["allowed"]) == ("from_slot", {"from_slot": "0..10000000000"})


@pytest.fixture
def own(tmp_path: Path) -> tuple[TestClient, Direct, dict[str, Any]]:
    """A face and a cell for one test; the slot in the snapshot is the cell's."""
    loop = Direct()
    snapshot = {"slot": 0}
    arguments = parse_arguments(["--scenario", "regimes", "--e2", "unix:/nobody", "--run-dir", str(tmp_path)])
    client: Any = loop
    return TestClient(create_app(arguments, lambda: snapshot, client), base_url=BASE_URL), loop, snapshot


LOAD = {"at_slot": 3, "change": "load", "slice": "embb", "scale": 2.0}
HWI = {"at_s": 0.001, "change": "hwi", "kappa": 0.5}


def test_evm_over_http_is_the_root_of_kappa(own: tuple[TestClient, Direct, dict[str, Any]]) -> None:
    http, loop, _ = own
    http.put("/hwi", json={"evm_percent": 10, "model": "aggregate"})
    http.put("/hwi", json={"evm_r_percent": 20})
    hwi = loop.cell.hwi
    assert hwi.model == "aggregate"
    assert (hwi.kappa_t, hwi.kappa_r) == pytest.approx((0.01, 0.04))


def test_events_wait_are_made_and_are_told(own: tuple[TestClient, Direct, dict[str, Any]]) -> None:
    http, loop, snapshot = own
    assert http.post("/timeline", json=[LOAD, HWI]).json() == {"ids": [0, 1]}
    waiting = http.get("/timeline").json()
    assert [(event["id"], event["at_slot"]) for event in waiting] == [(1, 2), (0, 3)]
    http.put("/mobility/vonr", json={"speed_m_s": 3})
    loop.run(3)
    snapshot["slot"] = loop.cell.slot
    assert loop.cell.hwi.kappa_t == 0.5
    assert [event["id"] for event in http.get("/timeline").json()] == [0]
    loop.run(1)
    snapshot["slot"] = loop.cell.slot
    assert http.get("/timeline").json() == []
    assert http.get("/events").json() == list(loop.cell.events)
    assert [event["change"] for event in loop.cell.events] == ["speed", "hwi", "load"]
    assert http.get("/events", params={"from_slot": 3}).json() == [LOAD]


def load_at(slot: int) -> TimedChange:
    return EVENT.validate_python(LOAD | {"at_slot": slot})


def test_what_was_made_does_not_wait_for_somebody_who_asks_for_it() -> None:
    book = EventBook([load_at(1)])
    book.scheduled([1], [load_at(5)], next_slot=2)
    assert list(book._scheduled) == [1]
    assert [event["id"] for event in book.waiting(next_slot=3)] == [1]
    assert book.waiting(next_slot=6) == []
    assert not book._scheduled
    assert [event["at_slot"] for event in book.past(next_slot=6, from_slot=0)] == [1, 5]


def test_of_all_that_was_made_the_latest_are_kept() -> None:
    book = EventBook([load_at(1)])
    for slot in range(2, KEPT_EVENTS + 2):
        book.made({"change": "hwi", "kappa": 0.1}, slot)
    kept = book.past(next_slot=KEPT_EVENTS + 2, from_slot=0)
    assert [event["at_slot"] for event in kept] == list(range(2, KEPT_EVENTS + 2))


def test_an_event_that_waits_can_be_taken_back(own: tuple[TestClient, Direct, dict[str, Any]]) -> None:
    http, loop, _ = own
    http.post("/timeline", json=[LOAD, HWI, HWI])
    assert http.delete("/timeline/1").json() == {"slot": 0}
    refused = http.delete("/timeline/1")
    assert refused.status_code == 422
    assert refused.json()["detail"] == [{"field": "id", "message": "id: no event 1 waits"}]
    assert [event["id"] for event in http.get("/timeline").json()] == [2, 0]
    assert http.delete("/timeline").status_code == 200
    assert http.get("/timeline").json() == []
    loop.run(5)
    assert not loop.cell.events


@pytest.mark.parametrize(
    ("events", "entry", "field", "message"),
    [
        ([HWI, LOAD | {"scale": 101}], 2, "scale", "less than or equal to 100"),
        ([LOAD, {"at_s": 1, "change": "regime", "index": 4}], 2, "index", "0..3 or auto (given 4)"),
        ([{"at_s": 1, "change": "user_burst", "users": [100], "packets": 1}], 1, "users", "embb 17..49"),
        ([HWI, LOAD | {"at_slot": 1}], 2, "at_slot", "at least 2, the next slot to begin (given 1)"),
    ],
)
def test_one_wrong_entry_and_nothing_is_scheduled(
    own: tuple[TestClient, Direct, dict[str, Any]], events: list[Any], entry: int, field: str, message: str
) -> None:
    http, loop, _ = own
    loop.run(2)
    before = loop.world()
    answer = http.post("/timeline", json=events)
    assert answer.status_code == 422
    (complaint,) = answer.json()["detail"]
    assert (complaint["entry"], complaint["field"]) == (entry, field)
    assert message in complaint["message"]
    assert loop.world() == before
    assert http.get("/timeline").json() == []


def test_a_call_schedules_at_most_100_events(own: tuple[TestClient, Direct, dict[str, Any]]) -> None:
    http, _, _ = own
    assert http.post("/timeline", json=[LOAD] * 101).status_code == 422
    assert http.post("/timeline", json=[]).status_code == 422
    assert len(http.post("/timeline", json=[LOAD] * 100).json()["ids"]) == 100


@pytest.mark.parametrize(
    "headers",
    [{"host": "evil.example"}, {"host": "evil.example:26400"}, {"origin": "http://evil.example"}, {"origin": "null"}],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/e2/reset"), ("POST", "/e2/connect"), ("PUT", "/regime")])
def test_pages_of_other_sites_change_nothing(
    http: TestClient, loop: Direct, method: str, path: str, headers: dict[str, str]
) -> None:
    asked = loop.asked
    refused = http.request(method, path, json={"index": 1}, headers=headers)
    assert refused.status_code == 403
    assert str(refused.json()["detail"]).startswith(tuple(headers))
    assert loop.asked == asked
    assert http.get("/scenario", headers=headers).status_code == 200


def test_own_pages_change_what_they_like(http: TestClient) -> None:
    assert http.put("/regime", json={"index": 1}, headers={"origin": BASE_URL}).status_code == 200


def test_who_is_exposed_answers_to_any_name_but_to_no_page_of_another_site(loop: Direct, tmp_path: Path) -> None:
    exposed = ["--expose", "--http-host", "0.0.0.0", "--e2", "unix:/nobody", "--run-dir", str(tmp_path)]
    client: Any = loop
    http = TestClient(create_app(parse_arguments(exposed), lambda: None, client), base_url="http://ran-emulator:26400")
    assert http.put("/hwi", json={"kappa": 0.1}).status_code == 200
    assert http.put("/hwi", json={"kappa": 0.1}, headers={"origin": "http://evil.example"}).status_code == 403


def test_metrics_say_the_threshold_of_each_slice_before_anything_is_measured(tmp_path: Path) -> None:
    changed = ["--set", "slices.embb.ssr_threshold=0.9", "--e2", "unix:/nobody", "--run-dir", str(tmp_path)]
    client: Any = Direct()
    text = TestClient(create_app(parse_arguments(changed), lambda: None, client)).get("/metrics").text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    found = {each.labels["slice"]: each.value for each in samples if each.name == "hiso_slice_ssr_threshold"}
    assert found == {"vonr": 0.95, "embb": 0.9, "urllc": 0.95}


def test_the_face_compiles_nothing() -> None:
    loaded = "import sys, ran_emulator.service; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
