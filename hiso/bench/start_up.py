"""How long people wait: from the command to the first KPIs."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from hiso import ports
from hiso.bench.system_run import Interrupted
from hiso.loopback import LoopbackClient, Unreachable
from hiso.monitor import Metrics
from hiso.processes import ProcessFailed
from service_kit.signals import Stop

LIMIT_S = 120.0
_FIRST_KPI = "hiso_cell_utility"
_POLL_S = 0.05
_END_S = 30.0


def start_to_first_kpi_s(port_base: int, stop: Stop) -> float:
    """Seconds from `hiso up` to the KPIs of its first simulated second, in real time, interpreter's start included.

    Raises:
        ProcessFailed: they do not come.
        Interrupted: `stop` was set.
    """
    arguments = ["--scenario", "base", "--port-base", str(port_base), "--no-ui"]
    started_s = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "hiso", "up", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    ) as command:
        client = LoopbackClient(ports.port_of("emulator", port_base))
        try:
            while not _has_kpis(client):
                if command.poll() is not None:
                    raise ProcessFailed(f"hiso up ended with exit code {command.returncode} before it showed a KPI")
                if time.monotonic() - started_s > LIMIT_S:
                    raise ProcessFailed(f"hiso up shows no KPI within {LIMIT_S:g} s")
                if stop.wait(_POLL_S):
                    raise Interrupted
            return time.monotonic() - started_s
        finally:
            client.close()
            command.send_signal(signal.SIGINT)
            try:
                command.wait(_END_S)
            except subprocess.TimeoutExpired:
                command.kill()


def _has_kpis(client: LoopbackClient) -> bool:
    try:
        return Metrics.parse(client.text("/metrics")).total(_FIRST_KPI) is not None
    except (Unreachable, ValueError):
        return False
