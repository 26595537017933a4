"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from hiso.placement import allowed_cores, fifo_allowed


def machine_facts() -> dict[str, str | int | bool]:
    """Cores that may be used, CPU model, kernel, versions, and whether SCHED_FIFO is allowed."""
    return {
        "cores": len(allowed_cores()) or os.cpu_count() or 1,
        "cpu_model": _cpu_model(),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "grpcio": version("grpcio"),
        "numba": version("numba"),
        "sched_fifo": fifo_allowed(),
    }


def _cpu_model() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
