"""Children that end with their parent and run where they were told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path

from service_kit import child
from service_kit.placement import FACE_NICENESS

SAYS = "import os, sys; print(sorted(os.sched_getaffinity(0)), os.nice(0), sys.argv[1:])"


def run(*arguments: str, cores: Collection[int] = (), niceness: int = 0) -> str:
    line = child.command([sys.executable, "-c", SAYS, *arguments], cores=cores, niceness=niceness)
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()


def test_a_child_becomes_the_command_with_its_arguments() -> None:
    here = sorted(os.sched_getaffinity(0))
    assert run("--cores", "7", "--", "-x") == f"{here} {os.nice(0)} ['--cores', '7', '--', '-x']"


def test_a_child_takes_its_place() -> None:
    cores = sorted(os.sched_getaffinity(0))
    niceness = min(os.nice(0) + FACE_NICENESS, 19)
    for some in (cores[-1:], cores[:2]):
        assert run(cores=some, niceness=FACE_NICENESS) == f"{some} {niceness} []"


def test_a_command_that_cannot_be_run_is_named() -> None:
    done = subprocess.run(child.command(["/no/such/program"]), capture_output=True, text=True, check=False)
    assert done.returncode == 127
    assert done.stderr == "/no/such/program: No such file or directory\n"


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    source = (
        "import subprocess, sys, time\nfrom service_kit import child\n"
        f"sleeper = [sys.executable, '-c', 'import os, time; print(os.getpid(), flush=True); time.sleep(60)']\n"
        f"subprocess.Popen(child.command(sleeper), stdout=open({str(told)!r}, 'w'))\ntime.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", source])
    try:
        wait_until(lambda: told.exists() and told.read_text().endswith("\n"))
    finally:
        parent.kill()
        parent.wait()
    sleeper = int(told.read_text())
    wait_until(lambda: not is_running(sleeper))


def test_a_child_whose_parent_has_gone_does_not_start() -> None:
    line = child.command([sys.executable, "-c", "print('started')"])
    line[line.index("--parent") + 1] = "1"
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIG_DFL)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 15.0
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
