"""/metrics: the snapshot in Prometheus' words. Counters run since slot 0; gauges hold the last simulated second."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from ran_emulator.arguments import Arguments
from ran_emulator.e2 import traffic as e2_traffic
from ran_emulator.phy.codes import HWI_MODELS
from ran_emulator.scenario import SLICE_NAMES, SLOTS_PER_SECOND
from ran_emulator.snapshot import QUANTILES


def _counter(name: str, text: str, labels: Iterable[str], rows: Iterable[tuple[list[str], float]]) -> Metric:
    family = CounterMetricFamily(name, text, labels=list(labels))
    for values, value in rows:
        family.add_metric(values, float(value))
    return family


def _gauge(name: str, text: str, labels: Iterable[str], rows: Iterable[tuple[list[str], float]]) -> Metric:
    """Values that are not there (NaN) are left out."""
    family = GaugeMetricFamily(name, text, labels=list(labels))
    for values, value in rows:
        if not math.isnan(value):
            family.add_metric(values, float(value))
    return family


def _per_slice(record: Any, field: str) -> list[tuple[list[str], float]]:
    return [([name], record["slices"][index][field]) for index, name in enumerate(SLICE_NAMES)]


def _by_result(record: Any, columns: dict[str, str]) -> list[tuple[list[str], float]]:
    return [
        ([name, result], record["slices"][index][field])
        for index, name in enumerate(SLICE_NAMES)
        for result, field in columns.items()
    ]


def _since_start(record: Any) -> Iterator[Metric]:
    slots = int(record["slot"])
    yield _counter("hiso_simulated_seconds", "Simulated time.", [], [([], slots / SLOTS_PER_SECOND)])
    yield _counter("hiso_slots", "Slots executed.", [], [([], slots)])
    yield _counter("hiso_late_slots", "Slots that ended after their scheduled end.", [], [([], record["late_slots"])])
    packets = {
        "offered": "offered_packets",
        "delivered": "delivered_packets",
        "succeeded": "succeeded_packets",
        "dropped_queue_full": "dropped_full_packets",
        "dropped_late": "dropped_late_packets",
    }
    yield _counter("hiso_slice_packets", "Packets by result.", ["slice", "result"], _by_result(record, packets))
    bits = {"offered": "offered_bits", "delivered": "delivered_bits", "dropped": "dropped_bits"}
    yield _counter("hiso_slice_bits", "Bits by result.", ["slice", "result"], _by_result(record, bits))
    sources = {"control": "decisions_control", "held": "decisions_held", "default": "decisions_default"}
    yield _counter(
        "hiso_decisions", "Users served, by whose decision.", ["slice", "source"], _by_result(record, sources)
    )
    yield _counter(
        "hiso_missed_deadlines",
        "Slot INSERTs whose slot ran without the decision asked for.",
        ["slice"],
        _per_slice(record, "missed_deadlines"),
    )
    for name, field, text in (
        ("hiso_e2_bytes", "e2_bytes", "Bytes of encoded E2AP PDUs."),
        ("hiso_e2_messages", "e2_messages", "E2AP PDUs."),
    ):
        rows = [(list(where), value) for where, value in zip(e2_traffic.labels(), record[field], strict=True) if value]
        yield _counter(name, text, ["function", "procedure", "direction"], rows)


def _now(record: Any) -> Iterator[Metric]:
    yield _gauge(
        "hiso_real_time_factor", "Simulated time over wall time, about the last second.", [],
        [([], record["real_time_factor"])],
    )  # fmt: skip
    yield _gauge("hiso_e2_connected", "Whether the E2 setup with a RIC is complete.", [], [([], record["connected"])])
    yield _gauge(
        "hiso_hwi_kappa", "Hardware impairments (Eq. 11, 12).", ["side"],
        [(["t"], record["kappa_t"]), (["r"], record["kappa_r"])],
    )  # fmt: skip
    for name, field, text in (
        ("hiso_slice_queued_packets", "queued_packets", "Packets queued."),
        ("hiso_slice_queued_bits", "queued_bits", "Bits queued."),
        ("hiso_slice_bandwidth_hz", "bandwidth_hz", "Bandwidth budget in force."),
        ("hiso_slice_power_w", "power_w", "Power budget in force."),
    ):
        yield _gauge(name, text, ["slice"], _per_slice(record, field))


def _last_second(record: Any) -> Iterator[Metric]:
    for name, field, text in (
        ("hiso_slice_ssr", "ssr", "SLA satisfaction ratio (Eq. 4)."),
        ("hiso_slice_active_users", "active_users", "Users with data queued, mean over slots."),
        ("hiso_slice_goodput_bps", "goodput_bps", "Bits delivered a second."),
    ):
        yield _gauge(name, text, ["slice"], _per_slice(record, field))
    delays = [
        ([name, f"{quantile:g}"], record["slices"][index]["delay_ms"][place])
        for index, name in enumerate(SLICE_NAMES)
        for place, quantile in enumerate(QUANTILES)
    ]
    yield _gauge("hiso_slice_delay_ms", "Delay of delivered packets.", ["slice", "quantile"], delays)
    for name, field, text in (
        ("hiso_cell_eta_bps_hz", "eta_bps_hz", "Spectral efficiency (Eq. 17): rates granted over the bandwidth."),
        ("hiso_cell_eta_sum_bps_hz", "eta_sum_bps_hz", "Sum of served users' bit/s/Hz in their own band."),
        ("hiso_cell_goodput_bps_hz", "goodput_bps_hz", "Bits delivered a second over the cell's bandwidth."),
        ("hiso_cell_utility", "utility", "Utility (Eq. 17)."),
    ):
        yield _gauge(name, text, [], [([], record[field])])
    latencies = [([quantile], record["loop_latency_ms"][place]) for place, quantile in enumerate(("0.5", "0.99", "1"))]
    yield _gauge("hiso_loop_latency_ms", "INSERT sent to CONTROL taken.", ["quantile"], latencies)


class SnapshotCollector(Collector):
    """Prometheus collector over the latest snapshot; nothing but the scenario where there is none yet."""

    def __init__(self, arguments: Arguments, read: Callable[[], Any | None]) -> None:
        """`read` gives the latest snapshot, or None."""
        self._arguments = arguments
        self._read = read
        self._thresholds = [
            ([name], part.ssr_threshold)
            for name, part in zip(SLICE_NAMES, arguments.scenario.slices.in_order(), strict=True)
        ]

    def collect(self) -> Iterator[Metric]:
        """All families."""
        arguments = self._arguments
        record = self._read()
        model = arguments.scenario.hwi.model if record is None else HWI_MODELS[int(record["hwi_model"])]
        info = {
            "scenario": arguments.scenario.name,
            "access": arguments.scenario.access,
            "precoder": arguments.scenario.precoder,
            "hwi_model": model,
            "clock": arguments.clock.name,
            "control_delay_slots": str(arguments.control_delay_slots),
            "cell": str(arguments.cell),
        }
        yield InfoMetricFamily("hiso_scenario", "What is simulated.", value=info)
        yield _gauge("hiso_slice_ssr_threshold", "SSR that the slice's SLA asks for (C6).", ["slice"], self._thresholds)
        if record is not None:
            yield from _since_start(record)
            yield from _now(record)
            if record["seconds"]:
                yield from _last_second(record)


def renderer(arguments: Arguments, read: Callable[[], Any | None]) -> Callable[[], bytes]:
    """A function that gives the exposition of the latest snapshot."""
    registry = CollectorRegistry()
    registry.register(SnapshotCollector(arguments, read))
    return lambda: generate_latest(registry)
