"""Processes that leave: nothing that they said or promised is lost, and nothing holds them."""

from __future__ import annotations

import subprocess
import sys

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
