"""What users, antennas, cells and control delay cost: the whole system in lock-step, point by point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table

from hiso.bench import core
from hiso.bench.system_run import bench_request, run_system
from hiso.run_request import RunRequest
from hiso.terminal import number
from service_kit.signals import Stop
from xapps.slicing.observation import SLICE_NAMES

SCHEDULER = "slnr"
"""It has no weights, so it fits any number of antennas and any D."""
SLOTS, QUICK_SLOTS = 10_000, 1_000
CPU_COLUMN = "CPU us: emulators/RIC/xApps"
_CORE_SLOTS_SHARE = 5


@dataclass(frozen=True, slots=True)
class Point:
    """One setting of one axis, everything else as in `base`."""

    axis: str
    value: int

    @property
    def overrides(self) -> list[str]:
        """Of the scenario."""
        return [f"{self.axis}={self.value}"] if self.axis in {"users", "antennas"} else []

    @property
    def control_delay(self) -> str:
        """D; 0 on the other axes."""
        return str(self.value if self.axis == "control_delay_slots" else 0)

    @property
    def cells(self) -> int:
        """Cells; 1 on the other axes."""
        return self.value if self.axis == "cells" else 1

    def request(self, slots: int) -> RunRequest:
        """The run of the whole system."""
        return bench_request(
            clock="lockstep",
            slots=slots,
            scheduler=SCHEDULER,
            overrides=self.overrides,
            control_delay=self.control_delay,
            cells=self.cells,
        )


AXES: dict[str, tuple[int, ...]] = {
    "users": (50, 100, 200, 400, 800),
    "antennas": (32, 64, 128, 256, 512),
    "cells": (1, 2, 3, 4),
    "control_delay_slots": (0, 1, 2, 4, 8),
}


def points(*, quick: bool) -> list[Point]:
    """Every point; quick: the ends of each axis."""
    axes = {axis: (values[0], values[-1]) if quick else values for axis, values in AXES.items()}
    return [Point(axis, value) for axis, values in axes.items() for value in values]


def measure(point: Point, port_base: int, stop: Stop, *, quick: bool) -> dict[str, Any]:
    """Cost and quality at a point, speed and latency those of the slowest cell; raises as `run_system`."""
    slots = QUICK_SLOTS if quick else SLOTS
    run = run_system(point.request(slots), port_base, stop)
    summary = run.summary
    return {
        "axis": point.axis,
        "value": point.value,
        "core_slots_per_s": core.slots_per_s(slots * _CORE_SLOTS_SHARE, point.overrides),
        "real_time_factor": run.real_time_factor,
        "cpu_us_per_slot": run.cpu_us_per_slot,
        "loop_latency_p50_ms": run.loop_latency_p50_ms,
        "goodput_bps_hz": summary["goodput_bps_hz"],
        "utility": summary["utility"],
        "ssr": {name: summary["slices"][name]["ssr"] for name in SLICE_NAMES},
    }


def table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """A row a point."""
    columns = ("", "core/s", "x real", CPU_COLUMN, "loop ms", "goodput", "utility", "SSR " + "/".join(SLICE_NAMES))
    title = f"lock-step, {SCHEDULER}, base, one cell and D = 0 but on their own axes"
    result = Table(*columns, title=title, box=box.SIMPLE)
    axis = None
    for row in rows:
        if axis not in {None, row["axis"]}:
            result.add_section()
        axis = row["axis"]
        result.add_row(
            f"{'D' if axis == 'control_delay_slots' else axis} {row['value']}",
            f"{row['core_slots_per_s']:.0f}",
            f"{row['real_time_factor']:.2f}",
            _cpu(row["cpu_us_per_slot"]),
            number(row["loop_latency_p50_ms"]),
            f"{row['goodput_bps_hz']:.2f}",
            f"{row['utility']:.2f}",
            "/".join(f"{row['ssr'][name]:.3f}" for name in SLICE_NAMES),
        )
    return result


def _cpu(by_process: Mapping[str, float]) -> str:
    """CPU time a slot of every cell: emulators, RIC, xApps, each with its face; dashes where no two samples were."""
    sums = [
        sum(spent for process, spent in by_process.items() if process.startswith(role))
        for role in ("emulator", "ric", "xapp")
    ]
    return "/".join(number(value or None, 0) for value in sums)
