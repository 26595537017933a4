"""What users, antennas and control delay cost: the whole system in lock-step, point by point."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table

from hiso.bench import core
from hiso.bench.system_run import bench_request, run_system
from hiso.terminal import number
from xapps.slicing.observation import SLICE_NAMES

SCHEDULER = "slnr"
"""It has no weights, so it fits any number of antennas and any D."""
SLOTS, QUICK_SLOTS = 10_000, 1_000
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


AXES: dict[str, tuple[int, ...]] = {
    "users": (50, 100, 200, 400, 800),
    "antennas": (32, 64, 128, 256, 512),
    "control_delay_slots": (0, 1, 2, 4, 8),
}


def points(*, quick: bool) -> list[Point]:
    """Every point; quick: the ends of each axis."""
    axes = {axis: (values[0], values[-1]) if quick else values for axis, values in AXES.items()}
    return [Point(axis, value) for axis, values in axes.items() for value in values]


def measure(point: Point, port_base: int, stop: threading.Event, *, quick: bool) -> dict[str, Any]:
    """Cost and quality at a point; raises as `run_system`."""
    slots = QUICK_SLOTS if quick else SLOTS
    request = bench_request(
        clock="lockstep",
        slots=slots,
        scheduler=SCHEDULER,
        overrides=point.overrides,
        control_delay=point.control_delay,
    )
    run = run_system(request, port_base, stop)
    summary = run.summary
    return {
        "axis": point.axis,
        "value": point.value,
        "core_slots_per_s": core.slots_per_s(slots * _CORE_SLOTS_SHARE, point.overrides),
        "real_time_factor": run.real_time_factor,
        "cpu_us_per_slot": sum(run.cpu_us_per_slot.values()) or None,
        "loop_latency_p50_ms": summary["loop_latency_ms"]["p50"],
        "goodput_bps_hz": summary["goodput_bps_hz"],
        "utility": summary["utility"],
        "ssr": {name: summary["slices"][name]["ssr"] for name in SLICE_NAMES},
    }


def table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """A row a point."""
    columns = ("", "core/s", "x real", "CPU us", "loop ms", "goodput", "utility", "SSR " + "/".join(SLICE_NAMES))
    result = Table(*columns, title=f"lock-step, {SCHEDULER}, base, D = 0 but on its own axis", box=box.SIMPLE)
    axis = None
    for row in rows:
        if axis not in {None, row["axis"]}:
            result.add_section()
        axis = row["axis"]
        result.add_row(
            f"{'D' if axis == 'control_delay_slots' else axis} {row['value']}",
            f"{row['core_slots_per_s']:.0f}",
            f"{row['real_time_factor']:.2f}",
            number(row["cpu_us_per_slot"], 0),
            number(row["loop_latency_p50_ms"]),
            f"{row['goodput_bps_hz']:.2f}",
            f"{row['utility']:.2f}",
            "/".join(f"{row['ssr'][name]:.3f}" for name in SLICE_NAMES),
        )
    return result
