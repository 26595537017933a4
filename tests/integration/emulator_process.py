"""Starts the emulator's real processes for tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from free_ports import free_port
from scripted_ric import ScriptedRic, serve

START_S = 240.0
"""Kernels may have to be compiled first."""


class Emulator:
    """One emulator: its face and, behind it, its hot loop."""

    def __init__(self, folder: Path, *options: str, e2: str = "") -> None:
        self.port = free_port()
        self.summary_path = folder / "summary.json"
        self.log_path = folder / "emulator.log"
        command = [
            *(sys.executable, "-P", "-m", "ran_emulator", "--run-dir", str(folder / "run")),
            *("--http-port", str(self.port), "--e2", e2 or f"unix:{folder}/nobody"),
            *("--summary", str(self.summary_path), *options),
        ]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10.0, trust_env=False)

    def wait_until_healthy(self) -> None:
        end_s = time.monotonic() + START_S
        while time.monotonic() < end_s:
            assert self.process.poll() is None, self.log_path.read_text()
            try:
                if self.http.get("/healthz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not healthy within {START_S} s: {self.log_path.read_text()}")

    def get(self, path: str) -> Any:
        response = self.http.get(path)
        assert response.status_code == 200, response.text
        return response.json()

    def wait_for(self, path: str, condition: Any, timeout_s: float = 20.0) -> Any:
        end_s = time.monotonic() + timeout_s
        while True:
            value = self.get(path)
            if condition(value):
                return value
            assert time.monotonic() < end_s, f"{path}: {value}"
            time.sleep(0.05)

    def hot_loop_pid(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def wait(self, timeout_s: float = START_S) -> int:
        return self.process.wait(timeout_s)

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.wait(20.0)

    def summary(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self.summary_path.read_text())
        return result

    def close(self) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20.0)
            except subprocess.TimeoutExpired:
                os.kill(self.process.pid, signal.SIGKILL)


@contextmanager
def emulator(folder: Path, *options: str, e2: str = "") -> Iterator[Emulator]:
    running = Emulator(folder, *options, e2=e2)
    try:
        yield running
    finally:
        running.close()


@contextmanager
def with_ric(folder: Path, ric: ScriptedRic, *options: str) -> Iterator[Emulator]:
    """An emulator whose E2 termination is `ric`."""
    address = f"unix:{folder}/e2"
    server = serve(ric, address)
    try:
        with emulator(folder, *options, e2=address) as running:
            yield running
    finally:
        server.stop(0)
