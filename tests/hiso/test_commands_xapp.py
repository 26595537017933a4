"""`hiso xapp`: the README's way from a file to its output, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2_test_node import BusClient, Node, Ric, wait_until
from free_ports import free_port_base
from typer.testing import CliRunner, Result

from hiso.commands import app
from hiso.loopback import LoopbackClient

EXAMPLE = Path(__file__).parents[2] / "docs" / "example_xapp.py"
NAME = "ssr-printer"


class Command:
    """`hiso xapp` on one RIC."""

    def __init__(self, ric: Ric) -> None:
        self.ric = ric

    def run(self, *arguments: str) -> Result:
        name, *rest = arguments
        line = ["xapp", name, "--port-base", str(self.ric.http_port - 1), *rest]
        return CliRunner().invoke(app, line, env={"COLUMNS": "250"})

    def done(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    def listed(self, name: str = NAME) -> dict[str, Any]:
        found: dict[str, Any] = next(x for x in json.loads(self.done("list", "--json")) if x["name"] == name)
        return found


@pytest.fixture(scope="module")
def ric() -> Iterator[Ric]:
    process = Ric()
    yield process
    process.close()


@pytest.fixture
def command(ric: Ric) -> Iterator[Command]:
    made = Command(ric)
    yield made
    for xapp in json.loads(made.done("list", "--json")):
        if xapp["deployment"] is not None:
            made.done("remove", xapp["name"])


def test_from_a_file_to_its_output_and_away(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(command.ric.target, 1)
    node.set_up()
    monkeypatch.chdir(EXAMPLE.parent)
    assert command.done("deploy", NAME, "--file", EXAMPLE.name, "--", "{bus}").startswith(f"{NAME}: running, pid ")
    node.expect("ric_subscription_request")
    assert command.listed()["deployment"]["file"] == str(EXAMPLE)
    shown = command.done("list").splitlines()
    assert shown[1].split()[:3] == [NAME, "alive", "running"]
    assert command.done("upgrade", NAME, "--env", "COLOUR=a=b", "--restart", "on-failure") == f"{NAME}: upgraded\n"
    assert command.listed()["deployment"]["restart"] == "on-failure"
    assert command.listed()["deployment"]["arguments"] == ["{bus}"]
    assert "ric_subscription_delete_request" not in [pdu.WhichOneof("message") for pdu in node.received.queue]
    assert command.done("stop", NAME) == f"{NAME}: stopped\n"
    assert command.listed()["deployment"]["state"] == "stopped"
    assert command.done("start", NAME).startswith(f"{NAME}: running, pid ")
    assert command.done("remove", NAME) == f"{NAME}: removed\n"
    assert command.listed()["deployment"] is None
    node.close()


def test_what_dies_is_said_and_its_last_lines_are_shown(command: Command) -> None:
    result = command.run("deploy", "crasher", "--module", "json.tool", "--", "/no/such/file")
    assert result.exit_code == 1
    assert "crasher: restarting (exit code" in result.stderr
    assert "No such file" in command.done("logs", "crasher", "--lines", "1")


def test_who_runs_by_hand_is_listed_as_not_deployed(command: Command) -> None:
    client = BusClient(command.ric.bus, "by-hand")
    client.register()
    wait_until(lambda: command.listed("by-hand")["alive"])
    (row,) = [line for line in command.done("list").splitlines() if line.startswith("by-hand")]
    assert row.split() == ["by-hand", "alive", "not", "deployed", "here"]
    refused = command.run("stop", "by-hand")
    assert refused.exit_code == 2
    assert "'by-hand' was not deployed here" in refused.stderr
    client.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["deploy", "Mine", "--module", "a"], "'Mine' does not match ^[a-z0-9]"),
        (["deploy", "mine"], "module, file, image: exactly one of them is required"),
        (["deploy", "mine", "--module", "a", "--image", "b"], "module, file, image: exactly one"),
        (["deploy", "mine", "--module", "no.such"], "module: no.such is no module"),
        (["deploy", "mine", "--file", "no-such.py"], "no-such.py is no file that the RIC can read"),
        (["deploy", "mine", "--file", "/bin/sh"], "file: an absolute path that ends in .py is required"),
        (["deploy", "mine", "--module", "json.tool", "--env", "COLOUR"], "env: 'COLOUR': expected NAME=VALUE"),
        (["deploy", "mine", "--module", "json.tool", "--env", "A B=c"], "environment.A B"),
        (["deploy", "mine", "--module", "json.tool", "--restart", "often"], "'always', 'on-failure', 'never'"),
        (["logs", "mine", "--lines", "0"], "must be 1..10000 (given 0)"),
        (["start", "mine"], "name: 'mine' was not deployed here"),
        (["upgrade", "mine"], "name: 'mine' was not deployed here"),
        (["remove", ""], "'' does not match"),
        (["remove", "a/../b"], "does not match"),
    ],
)
def test_wrong_input_is_named_and_changes_nothing(command: Command, arguments: list[str], said: str) -> None:
    before = command.done("list", "--json")
    result = command.run(*arguments)
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.stderr.split())
    assert [xapp["name"] for xapp in json.loads(command.done("list", "--json"))] == [
        xapp["name"] for xapp in json.loads(before)
    ]


@pytest.mark.parametrize("command", [["start", "mine"], ["deploy", "mine", "--module", "json.tool"]])
def test_one_that_is_removed_meanwhile_is_said(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def removed_at_once(_ric: LoopbackClient, method: str, *_rest: object, **_given: object) -> tuple[int, str]:
        return 200, "[]" if method == "GET" else "{}"

    monkeypatch.setattr(LoopbackClient, "ask", removed_at_once)
    result = CliRunner().invoke(app, ["xapp", *command])
    assert result.exit_code == 1
    assert result.stderr == "hiso: mine: it was removed meanwhile\n"


@pytest.mark.parametrize("arguments", [["list"], ["stop", "mine"], ["deploy", "mine", "--module", "json.tool"]])
def test_without_a_ric_it_says_so(arguments: list[str]) -> None:
    name, *rest = arguments
    result = CliRunner().invoke(app, ["xapp", name, "--port-base", str(free_port_base()), *rest])
    assert result.exit_code == 1
    assert "no RIC answers" in result.stderr
