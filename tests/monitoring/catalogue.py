"""Every metric that our services publish, and an exporter that shows them all with plausible values."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from typing import Literal

from ran_emulator.e2 import traffic as e2_traffic

SLICES = ("vonr", "embb", "urllc")
AGENTS = ("inter", *SLICES)

Labels = dict[str, str]


@dataclass(frozen=True)
class Metric:
    """One metric of one service; a counter grows by `level` a second, a gauge stays at it.

    `after_event`: it has no series before something goes wrong, and the exporter shows none.
    """

    service: Literal["ran-emulator", "near-rt-ric", "xapp", "learner"]
    kind: Literal["counter", "gauge"]
    name: str
    level: float
    labels: tuple[Labels, ...] = ({},)
    after_event: bool = False

    @property
    def label_names(self) -> frozenset[str]:
        """Names of its labels, the same for each series."""
        (names,) = {frozenset(labels) for labels in self.labels}
        return names

    def exposition(self, elapsed_s: float) -> str:
        """The metric in Prometheus' text format."""
        value = self.level * elapsed_s if self.kind == "counter" else self.level
        lines = [f"# TYPE {self.name} {self.kind}"]
        for labels in () if self.after_event else self.labels:
            inner = ",".join(f'{name}="{text}"' for name, text in labels.items())
            lines.append(f"{self.name}{{{inner}}} {value}")
        return "\n".join(lines) + "\n"


def _each(**values: tuple[str, ...]) -> tuple[Labels, ...]:
    return tuple(dict(zip(values, chosen, strict=True)) for chosen in product(*values.values()))


_BY_SLICE = _each(slice=SLICES)
_OF_A_FUNCTION = ("ric_subscription", "ric_subscription_delete", "ric_indication", "ric_control")
_OF_NONE = tuple(name for name in e2_traffic.PROCEDURES if name not in _OF_A_FUNCTION)
_BY_E2 = _each(
    function=tuple(name for name in e2_traffic.FUNCTIONS if name != "e2ap"),
    procedure=_OF_A_FUNCTION,
    direction=e2_traffic.DIRECTIONS,
) + _each(function=("e2ap",), procedure=_OF_NONE, direction=e2_traffic.DIRECTIONS)
_PACKET_RESULTS = ("offered", "delivered", "succeeded", "dropped_queue_full", "dropped_late")
_SCENARIO = {
    "scenario": "regimes", "access": "rsma", "precoder": "codebook", "hwi_model": "paper",
    "clock": "realtime", "control_delay_slots": "2", "cell": "0",
}  # fmt: skip
_MISMATCHES = ("hwi_model", "control_delay", "antennas", "access", "precoder")
_XAPP = {"xapp": "intra-embb", "policy": "madqn-tuned", "trigger": "", "weights_id": "regimes-d2"}

METRICS = (
    Metric("ran-emulator", "counter", "hiso_simulated_seconds_total", 1.0),
    Metric("ran-emulator", "counter", "hiso_slots_total", 2_000),
    Metric("ran-emulator", "counter", "hiso_late_slots_total", 3),
    Metric("ran-emulator", "gauge", "hiso_real_time_factor", 1.0),
    Metric(
        "ran-emulator", "counter", "hiso_slice_packets_total", 900,
        _each(slice=SLICES, result=_PACKET_RESULTS),
    ),
    Metric(
        "ran-emulator", "counter", "hiso_slice_bits_total", 4e7,
        _each(slice=SLICES, result=("offered", "delivered", "dropped")),
    ),
    Metric("ran-emulator", "gauge", "hiso_slice_queued_packets", 4, _BY_SLICE),
    Metric("ran-emulator", "gauge", "hiso_slice_queued_bits", 40_000, _BY_SLICE),
    Metric("ran-emulator", "gauge", "hiso_slice_ssr", 0.985, _BY_SLICE),
    Metric("ran-emulator", "gauge", "hiso_slice_ssr_threshold", 0.95, _BY_SLICE),
    Metric(
        "ran-emulator", "gauge", "hiso_slice_delay_ms", 1.2,
        _each(slice=SLICES, quantile=("0.5", "0.95", "0.99")),
    ),
    Metric("ran-emulator", "gauge", "hiso_slice_active_users", 2.8, _BY_SLICE),
    Metric("ran-emulator", "gauge", "hiso_slice_bandwidth_hz", 3.3e6, _BY_SLICE),
    Metric("ran-emulator", "gauge", "hiso_slice_power_w", 333.0, _BY_SLICE),
    Metric("ran-emulator", "gauge", "hiso_slice_goodput_bps", 3.9e7, _BY_SLICE),
    Metric("ran-emulator", "gauge", "hiso_cell_eta_bps_hz", 16.8),
    Metric("ran-emulator", "gauge", "hiso_cell_eta_sum_bps_hz", 32.8),
    Metric("ran-emulator", "gauge", "hiso_cell_goodput_bps_hz", 11.7),
    Metric("ran-emulator", "gauge", "hiso_cell_utility", 16.0),
    Metric(
        "ran-emulator", "counter", "hiso_decisions_total", 1_500,
        _each(slice=SLICES, source=("control", "held", "default")),
    ),
    Metric("ran-emulator", "counter", "hiso_missed_deadlines_total", 1, _BY_SLICE),
    Metric("ran-emulator", "gauge", "hiso_loop_latency_ms", 0.3, _each(quantile=("0.5", "0.99", "1"))),
    Metric("ran-emulator", "counter", "hiso_e2_bytes_total", 200_000, _BY_E2),
    Metric("ran-emulator", "counter", "hiso_e2_messages_total", 500, _BY_E2),
    Metric("ran-emulator", "gauge", "hiso_hwi_kappa", 1e-3, _each(side=("t", "r"))),
    Metric("ran-emulator", "gauge", "hiso_scenario_info", 1, (_SCENARIO,)),
    Metric("ran-emulator", "gauge", "hiso_e2_connected", 1),
    Metric("near-rt-ric", "gauge", "hiso_ric_nodes_connected", 1),
    Metric("near-rt-ric", "gauge", "hiso_ric_subscriptions", 4),
    Metric("near-rt-ric", "gauge", "hiso_ric_xapps_alive", 4),
    Metric(
        "near-rt-ric", "counter", "hiso_ric_messages_total", 3_000,
        ({"direction": "to_xapp", "message": "indication"}, {"direction": "to_node", "message": "ric_control_request"}),
    ),
    Metric(
        "near-rt-ric", "counter", "hiso_ric_errors_total", 0.1,
        _each(cause=("control-timer-expired",)), after_event=True,
    ),
    Metric(
        "near-rt-ric", "counter", "hiso_ric_lost_indications_total", 0.1,
        _each(xapp=("inter-slice", *(f"intra-{name}" for name in SLICES))),
    ),
    Metric("xapp", "gauge", "hiso_xapp_info", 1, (_XAPP,)),
    Metric("xapp", "counter", "hiso_xapp_decisions_total", 1_900),
    Metric("xapp", "gauge", "hiso_xapp_decide_us", 24, _each(quantile=("0.5", "0.99"))),
    Metric("xapp", "counter", "hiso_xapp_trigger_evaluations_total", 1),
    Metric("xapp", "counter", "hiso_xapp_inter_slice_updates_total", 0.4),
    Metric("xapp", "gauge", "hiso_xapp_weights_version", 12),
    Metric("xapp", "gauge", "hiso_xapp_weights_mismatch", 0, _each(reason=_MISMATCHES)),
    Metric("xapp", "counter", "hiso_xapp_lost_indications_total", 0.1),
    Metric("xapp", "gauge", "hiso_xapp_connected", 1),
    Metric(
        "xapp", "gauge", "hiso_xapp_kpm", 0.98,
        _each(node=("00101-1",), measurement=("VS.SLA.SatisfactionRateDl",), slice=("cell", *SLICES)),
    ),
    Metric("learner", "counter", "hiso_learner_updates_total", 300, _each(agent=AGENTS)),
    Metric(
        "learner", "gauge", "hiso_learner_loss", 0.02,
        _each(agent=SLICES, loss=("td",)) + _each(agent=("inter",), loss=("actor", "critic")),
    ),
    Metric("learner", "gauge", "hiso_learner_reward", 4.5, _each(agent=AGENTS)),
    Metric("learner", "gauge", "hiso_learner_epsilon", 0.02, _each(agent=SLICES)),
    Metric("learner", "gauge", "hiso_learner_version", 12, _each(agent=AGENTS)),
)  # fmt: skip

NAMES = frozenset(metric.name for metric in METRICS)


@contextmanager
def exporter() -> Iterator[int]:
    """Serve /SERVICE/metrics on a free loopback port, which is yielded."""
    started_s = time.monotonic()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            elapsed_s = time.monotonic() - started_s
            service = self.path.split("/")[1]
            body = "".join(m.exposition(elapsed_s) for m in METRICS if m.service == service).encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes are not worth a line each."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
