"""A real Prometheus for a test: started on a free port in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from free_ports import free_port

STARTUP_LIMIT_S = 30.0


@dataclass(frozen=True)
class Prometheus:
    """The HTTP API of a running Prometheus."""

    url: str

    def wait_ready(self, limit_s: float) -> None:
        """Wait until it answers queries.

        Raises:
            AssertionError: not within `limit_s` seconds.
        """
        deadline_s = time.monotonic() + limit_s
        while time.monotonic() < deadline_s:
            try:
                if httpx.get(f"{self.url}/-/ready").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"{self.url} is not ready within {limit_s} s")

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Series of an instant query; a scalar counts as one series.

        Raises:
            AssertionError: the query was refused.
        """
        reply = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}).json()
        assert reply["status"] == "success", f"{expression}: {reply.get('error')}"
        result = reply["data"]["result"]
        return [{"value": result}] if reply["data"]["resultType"] == "scalar" else result

    def wait_for(self, expression: str, limit_s: float) -> list[dict[str, Any]]:
        """Series of `expression` as soon as there are any.

        Raises:
            AssertionError: none within `limit_s` seconds.
        """
        deadline_s = time.monotonic() + limit_s
        while time.monotonic() < deadline_s:
            if series := self.query(expression):
                return series
            time.sleep(0.2)
        raise AssertionError(f"no data within {limit_s} s: {expression}")


@contextmanager
def prometheus(config_file: Path, folder: Path) -> Iterator[Prometheus]:
    """Run Prometheus with `config_file`, its data and log in `folder`.

    Raises:
        AssertionError: it is not ready within 30 s; the message holds its log.
    """
    program = shutil.which("prometheus")
    assert program is not None, "prometheus is not installed"
    port = free_port()
    log_file = folder / "prometheus.log"
    with log_file.open("w") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={config_file}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        server = Prometheus(f"http://127.0.0.1:{port}")
        try:
            server.wait_ready(STARTUP_LIMIT_S)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{log_file.read_text()}") from error
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)
