"""No service listens beyond this machine unless it is told to; the compose file tells those that must."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from service_kit.exposure import is_local

ROOT = Path(__file__).resolve().parents[2]
RIC = ("near_rt_ric", "--store", "/dev/null/at/all/s", "--run-dir", "/dev/null/at/all")
LOCAL_E2, LOCAL_BUS = ("--e2-listen", "unix:/dev/null/e2"), ("--bus", "ipc:///dev/null/bus")
XAPP = ("--bus", "ipc:///dev/null/bus", "--policy")
LEARNER = ("xapps.learner", "--agent", "embb", "--policy", "madqn")


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("127.0.0.1", True),
        ("localhost:26421", True),
        ("127.0.0.1:26421", True),
        ("::1", True),
        ("[::1]:26421", True),
        ("tcp://127.0.0.1:26430", True),
        ("tcp://[::1]:26430", True),
        ("unix:/run/e2", True),
        ("ipc:///run/bus", True),
        ("0.0.0.0", False),
        ("0.0.0.0:26421", False),
        ("[::]:26421", False),
        (":26421", False),
        ("", False),
        ("unix.example.org:26421", False),
        ("tcp://*:26430", False),
        ("tcp://eth0:26430", False),
        ("tcp://192.0.2.1:26430", False),
        ("127.0.0.1.example.org:1", False),
    ],
)
def test_what_only_this_machine_reaches(endpoint: str, expected: bool) -> None:
    assert is_local(endpoint) is expected


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ((*RIC, *LOCAL_E2, *LOCAL_BUS, "--http-host", "0.0.0.0"), "--http-host"),
        ((*RIC, *LOCAL_E2, "--e2-listen", "0.0.0.0:26421", *LOCAL_BUS), "--e2-listen"),
        ((*RIC, *LOCAL_E2, "--bus", "tcp://0.0.0.0:26430"), "--bus"),
        (("xapps.inter_slice", *XAPP, "static", "--trigger", "always", "--metrics-host", "0.0.0.0"), "--metrics-host"),
        (("xapps.intra_slice", *XAPP, "gga", "--slice", "embb", "--metrics-host", "0.0.0.0"), "--metrics-host"),
        ((*LEARNER, "--listen", "ipc:///dev/null/l", "--metrics-host", "0.0.0.0"), "--metrics-host"),
        ((*LEARNER, "--listen", "tcp://*:5555"), "--listen"),
    ],
)
def test_a_service_refuses_an_address_beyond_loopback(command: tuple[str, ...], named: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert f"argument {named}: " in done.stderr
    assert "add --expose" in done.stderr


@pytest.mark.parametrize("module", ["near_rt_ric", "xapps.inter_slice", "xapps.intra_slice", "xapps.learner"])
def test_help_says_what_is_exposed(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True)
    assert "without credentials" in " ".join(done.stdout.split())


def test_a_service_that_is_told_to_listens() -> None:
    command = [*RIC, *LOCAL_E2, *LOCAL_BUS, "--http-host", "192.0.2.1", "--expose"]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False, timeout=60)
    assert "add --expose" not in done.stderr
    assert "ric_cannot_start" in done.stderr  # there is no such address here


def test_compose_exposes_what_listens_to_other_containers_and_nothing_else() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    commands = {name: body["command"] for name, body in services.items() if isinstance(body.get("command"), str)}
    assert len(commands) == 10
    for name, command in commands.items():
        words = shlex.split(command)
        assert ("--expose" in words) == ("0.0.0.0" in command), name
