"""Processes that leave: nothing that they said or promised is lost, and nothing holds them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import atexit, logging, sys, threading, time
from service_kit.ending import leave
atexit.register(lambda: print("registered", end=" "))
threading.Thread(target=time.sleep, args=(600,)).start()
logging.basicConfig(stream=sys.stderr, format="%(message)s")
logging.error("logged")
print("printed", end=" ")
leave(3)
print("never")
"""


def test_leaving_runs_and_flushes_all_and_waits_for_no_thread() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (3, "printed registered ", "logged\n")


def test_leaving_needs_nobody_who_reads() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            stdout=theirs,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": ""},  # what is printed leaves with the flush
            check=False,
            timeout=60,
        )
    finally:
        os.close(theirs)
    assert (done.returncode, done.stderr) == (3, b"logged\n")


@pytest.mark.parametrize(
    ("main", "code", "said"),
    [
        ("lambda: 3", 3, ""),
        ("lambda: None", 0, ""),
        ("lambda: sys.exit(2)", 2, ""),
        ("lambda: sys.exit('no')", 1, "no\n"),
    ],
)
def test_a_main_function_ends_its_process_however_it_says_its_code(main: str, code: int, said: str) -> None:
    program = f"import sys\nfrom service_kit.ending import run_and_leave\nrun_and_leave({main})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (code, said)
