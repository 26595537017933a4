"""The emulator's command line: where the RIC is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ran_emulator.arguments import parse_arguments
from ran_emulator.service import main

RUN = ["--run-dir", "run"]


@pytest.mark.parametrize("target", ["ric:26421", "127.0.0.1:1", "[::1]:65535", "unix:/run/hiso/e2"])
def test_addresses_of_an_e2_termination(target: str) -> None:
    assert parse_arguments([*RUN, "--e2", target]).e2_target == target


@pytest.mark.parametrize("target", ["ric", "ric:", "ric:e2", "ric:0", "ric:65536", "unix:run/e2", ":26421", "a:b:1"])
def test_what_is_no_address_is_named_with_what_is(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse_arguments([*RUN, "--e2", target])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert f"--e2: must be host:port (1..65535) or unix:/path (given '{target}')" in said


def test_a_summary_that_could_not_take_the_place_of_what_is_there_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    assert parse_arguments([*RUN, "--e2", "ric:1", "--summary", str(tmp_path / "file")]).summary == tmp_path / "file"
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "file" / "summary.json"):
        with pytest.raises(SystemExit):
            parse_arguments([*RUN, "--e2", "ric:1", "--summary", str(path)])
        assert f"--summary: {path} must be a file in a folder that exists" in capsys.readouterr().err


def test_a_folder_that_cannot_be_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["--e2", "ric:1", "--run-dir", str(tmp_path / "file" / "run")]) == 2
    assert "run-dir: " in capfd.readouterr().err
