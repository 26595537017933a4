"""An xApp process of the slicing levels: it registers, takes nodes into service, serves, and ends."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.e2ap_names import describe_cause
from prometheus_client import CollectorRegistry

from service_kit.logs import fields
from service_kit.placement import lower_fifo
from xapps.agent_flags import EXIT_BAD_INPUT
from xapps.host_metrics import HostMetrics
from xapps.sdk import BusEndpointError, E2Node, Subscription, XApp, XAppError
from xapps.sdk.service import (
    MetricsServer,
    ServiceError,
    calm_interpreter,
    configure_logs,
    place,
    stop_on_signals,
)

_LOG = logging.getLogger(__name__)

RETRY_S = 1.0
REPORT_PERIOD_S = 1.0


class Complaints:
    """Log lines of things that may happen every slot: at most one a second of a kind, with how often it happened."""

    def __init__(self) -> None:
        """None yet."""
        self._counts: dict[str, int] = {}
        self._next_s: dict[str, float] = {}

    def add(self, event: str, reason: str) -> None:
        """It happened again."""
        count = self._counts.get(event, 0) + 1
        self._counts[event] = count
        now_s = time.monotonic()
        if now_s >= self._next_s.get(event, 0.0):
            self._next_s[event] = now_s + REPORT_PERIOD_S
            _LOG.warning(event, extra=fields(reason=reason, count=count))


class XAppHost:
    """An xApp process: registers, takes every node that offers its RAN function into service, and runs."""

    def __init__(
        self,
        name: str,
        arguments: argparse.Namespace,
        metrics: HostMetrics,
        oid: str,
        slices: tuple[int, ...] = (),
        unhurried: bool = False,
    ) -> None:
        """`oid`, `slices`: what it may control; `arguments`: the flags of `xapps.sdk.service.base_parser`.

        `unhurried`: nothing that it decides is for a slot, and so it runs below all that does.
        """
        self.metrics = metrics
        self.complaints = Complaints()
        self._name = name
        self._arguments = arguments
        self._oid = oid
        self._slices = slices
        self._unhurried = unhurried
        self._stopping = False
        self._waiting: dict[str, float] = {}
        self._definitions: dict[str, bytes] = {}
        self.xapp: XApp

    @property
    def stopping(self) -> bool:
        """Whether the process was asked to end."""
        return self._stopping

    def run(self, warm_up: Callable[[], None], attach: Callable[[E2Node], None]) -> int:
        """Serve until SIGTERM; exit code. `attach` subscribes at a node, also when what it states has changed."""
        arguments = self._arguments
        stop_on_signals(self._stop)
        configure_logs(f"xapp-{self._name}")
        place(arguments.cpu, arguments.fifo)
        warm_up()
        registry = CollectorRegistry()
        registry.register(self.metrics)
        try:
            server = MetricsServer(arguments.metrics_host, arguments.metrics_port, registry, self._health)
        except ServiceError as error:
            print(f"{self._name}: {error}", file=sys.stderr)
            return EXIT_BAD_INPUT
        url = f"{server.url}/metrics"
        try:
            xapp = XApp(self._name, bus=arguments.bus, oids=[self._oid], slices=self._slices, metrics_url=url)
        except BusEndpointError as error:
            server.stop()
            print(f"{self._name}: {error}", file=sys.stderr)
            return EXIT_BAD_INPUT
        with xapp as self.xapp:
            self.metrics.connected = lambda: self.xapp.connected
            self.metrics.lost_indications = lambda: self.xapp.lost_indications
            if not self._stopping:
                self._serve(attach)
        server.stop()
        return 0

    def _serve(self, attach: Callable[[E2Node], None]) -> None:
        xapp = self.xapp
        xapp.on_node_up(self._node_up)
        xapp.on_node_changed(self._node_up)
        xapp.on_control_failure(self._refused)
        xapp.on_subscription_lost(self._lost)
        xapp.connect()
        if self._unhurried:
            lower_fifo()  # this thread alone: heartbeats, and the bus, keep their priority
        for node in xapp.nodes():
            self._node_up(node)
        with calm_interpreter():
            while not self._stopping:
                if self._waiting:
                    self._attach_waiting(attach)
                xapp.step()

    def _stop(self) -> None:
        self._stopping = True
        if hasattr(self, "xapp"):
            self.xapp.stop()

    def _health(self) -> tuple[bool, dict[str, object]]:
        return self.metrics.connected(), {"nodes": len(self._definitions)}

    def _node_up(self, node: E2Node) -> None:
        self._waiting[node.node_id] = 0.0

    def _attach_waiting(self, attach: Callable[[E2Node], None]) -> None:
        """Take nodes into service; what fails is tried again."""
        now_s = time.monotonic()
        for node in self.xapp.nodes():
            if self._waiting.get(node.node_id, now_s + 1) > now_s:
                continue
            function = node.functions.get(self._oid)
            if function is None or self._definitions.get(node.node_id) == function.ran_function_definition:
                del self._waiting[node.node_id]  # nothing for us, or the subscription stands again by itself
                continue
            try:
                attach(node)
            except (XAppError, ValueError) as error:
                self._waiting[node.node_id] = now_s + RETRY_S
                self.complaints.add("node_not_in_service", f"{node.node_id}: {error}")
                continue
            self._definitions[node.node_id] = function.ran_function_definition
            del self._waiting[node.node_id]
            _LOG.info("node_in_service", extra=fields(node=node.node_id))

    def _lost(self, subscription: Subscription, _reason: str) -> None:
        # Decisions do not depend on what else is subscribed: their agents stay.
        if subscription.oid == self._oid and subscription.end != bus.DELETED_BY_OPERATOR:
            node_id = subscription.node.node_id
            self._definitions.pop(node_id, None)
            self._waiting[node_id] = time.monotonic() + RETRY_S

    def _refused(self, node: E2Node, failure: e2ap.RicControlFailure) -> None:
        self.complaints.add("control_refused", f"{node.node_id}: {describe_cause(failure.cause)}")
