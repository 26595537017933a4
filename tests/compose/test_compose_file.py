"""The compose file as text: valid for both generations of docker-compose, and what it promises."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
import yaml

from hiso.placement import place
from xapps.learner import parse_arguments

from . import project
from .project import COMPOSE_FILE, ROOT, XAPPS_OVERLAY, compose_programs

LEARNERS = set(project.LEARNERS)
OTHERS = {"prometheus", "grafana"}

PROGRAMS = compose_programs()


def _services() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
    return services


def _ours() -> dict[str, dict[str, Any]]:
    return {name: body for name, body in _services().items() if name not in OTHERS}


def _config(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [program, "--project-directory", str(ROOT), "--file", str(COMPOSE_FILE), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower()
    return done.stdout


@pytest.mark.skipif(not PROGRAMS, reason="no docker-compose here (.ci/install-services installs both generations)")
@pytest.mark.parametrize("version", PROGRAMS)
def test_both_generations_read_the_file(version: str) -> None:
    plain = set(_config(PROGRAMS[version], "config", "--services").split())
    learning = set(_config(PROGRAMS[version], "--profile", "learn", "config", "--services").split())
    assert learning - LEARNERS == set(_services()) - LEARNERS
    assert learning == set(_services())
    resolved = yaml.safe_load(_config(PROGRAMS[version], "config"))["services"]
    assert set(resolved) - LEARNERS == plain - LEARNERS == set(_services()) - LEARNERS


def _settings() -> dict[str, str]:
    lines = [line for line in (ROOT / ".env").read_text().splitlines() if "=" in line and line[0] != "#"]
    return dict(line.split("=", 1) for line in lines)


def test_every_setting_of_the_file_stands_in_env_with_the_same_default() -> None:
    used = dict(re.findall(r"\$\{([A-Z0-9_]+):-([^}]*)\}", COMPOSE_FILE.read_text()))
    given = _settings()
    given.pop("COMPOSE_PROJECT_NAME")
    assert set(used) == set(given)
    assert all(given[name] == default for name, default in used.items() if default)


@pytest.mark.parametrize("agent", sorted(LEARNERS))
def test_a_learner_understands_its_command(agent: str) -> None:
    command = _filled(_services()[agent]["command"])
    assert command[:6] == ["nice", "-n", "19", "python", "-m", "xapps.learner"]
    assert parse_arguments(command[6:]).agent == agent.removeprefix("learner-")


def _filled(command: str) -> list[str]:
    """A command with the settings of `.env`."""
    return re.sub(r"\$\{([A-Z0-9_]+):-[^}]*\}", lambda found: _settings()[found[1]], command).split()


def test_ports_are_published_to_loopback_only() -> None:
    published = [port for body in _services().values() for port in body.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:$") for port in published)


@pytest.mark.parametrize("name", _ours())
def test_a_service_of_ours_is_checked_confined_and_restarted(name: str) -> None:
    body = _ours()[name]
    assert body["restart"] == "unless-stopped"
    assert body["cap_drop"] == ["ALL"]
    assert set(body.get("cap_add", [])) <= {"SYS_NICE"}
    assert "ulimits" not in body
    assert "privileged" not in body
    port = body["environment"]["HISO_HEALTH_PORT"]
    assert re.search(rf"--(http|metrics)-port {port}\b", body["command"])
    assert "/healthz" in body["healthcheck"]["test"][-1]


def test_learners_alone_are_in_the_profile_and_hold_torch() -> None:
    assert {name for name, body in _services().items() if body.get("profiles") == ["learn"]} == LEARNERS
    assert {name for name, body in _services().items() if body["image"].endswith(":learn")} == LEARNERS


def test_each_xapp_and_its_learner_name_the_same_socket() -> None:
    endpoint = re.compile(r"--(?:learner|listen) (ipc://\S+)")
    of_learner = {name.removeprefix("learner-"): endpoint.search(_ours()[name]["command"]) for name in LEARNERS}
    for name, body in _ours().items():
        if name.startswith("xapp-"):
            agent = "inter" if name == "xapp-inter-slice" else name.removeprefix("xapp-intra-")
            match, other = endpoint.search(body["command"]), of_learner[agent]
            assert match is not None
            assert other is not None
            assert match[1] == other[1]


def test_hot_loops_stand_where_hiso_up_puts_them_on_two_cores() -> None:
    services = {"ran-emulator": "emulator", "near-rt-ric": "ric", "xapp-inter-slice": "xapp-inter"}
    services |= {f"xapp-intra-{name}": f"xapp-{name}" for name in ("vonr", "embb", "urllc")}
    found = {}
    for service, loop in services.items():
        (core,) = re.findall(r" --cpu \$\{\w+:-(\d+)\}", _services()[service]["command"])
        found[loop] = int(core)
    assert found == place((0, 1), urgent=True, fifo=True).hot_cores


def test_the_engines_socket_is_in_the_overlay_alone() -> None:
    assert "docker.sock" not in COMPOSE_FILE.read_text()
    overlay: dict[str, dict[str, Any]] = yaml.safe_load(XAPPS_OVERLAY.read_text())["services"]
    assert list(overlay) == ["near-rt-ric"]
    assert overlay["near-rt-ric"]["command"] == _services()["near-rt-ric"]["command"] + " --expose-deploy"


@pytest.mark.skipif(not PROGRAMS, reason="no docker-compose here (.ci/install-services installs both generations)")
@pytest.mark.parametrize("version", PROGRAMS)
def test_both_generations_read_the_overlay_and_want_the_sockets_group(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ["--file", str(XAPPS_OVERLAY), "config"]
    monkeypatch.setenv("HISO_ENGINE_GROUP", "")
    with pytest.raises(AssertionError, match="group of the engine's socket"):
        _config(PROGRAMS[version], *files)
    monkeypatch.setenv("HISO_ENGINE_GROUP", "977")
    ric = yaml.safe_load(_config(PROGRAMS[version], *files))["services"]["near-rt-ric"]
    assert [str(group) for group in ric["group_add"]] == ["977"]
    assert "docker.sock" in str(ric["volumes"])
