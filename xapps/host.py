"""What the xApp processes of the slicing levels share: flags, metrics, and a node's way into service."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

import numpy as np
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.e2ap_names import describe_cause
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service_kit.logs import fields
from service_kit.placement import lower_fifo
from xapps.learner_link import learner_endpoint
from xapps.sdk import E2Node, Subscription, XApp, XAppError
from xapps.sdk.errors import BusEndpointError
from xapps.sdk.service import (
    MetricsServer,
    ServiceError,
    calm_interpreter,
    configure_logs,
    place,
    stop_on_signals,
)
from xapps.slicing.observation import SliceContext
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions, OptionsError, parse_options
from xapps.slicing.weights import Weights, WeightsError, check_trained_options
from xapps.trained import (
    CELL_FIELDS,
    cell_differences,
    control_delay_differs,
    find_weights,
    hwi_model_differs,
    is_preset,
    trained_name,
)

_LOG = logging.getLogger(__name__)

DEFAULT_WEIGHTS = "regimes"
DURATIONS = 2_048
RETRY_S = 1.0
REPORT_PERIOD_S = 1.0

EXIT_BAD_INPUT = 2


def add_learning_flags(parser: argparse.ArgumentParser) -> None:
    """Flags of hosts whose policies may have networks."""
    parser.add_argument(
        "--set-agents",
        metavar="FIELD=VALUE",
        nargs="+",
        default=[],
        help=f"what the agent sees and chooses from: {', '.join(AgentOptions.model_fields)}",
    )
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--weights",
        metavar="ID|FILE|PRESET",
        default=DEFAULT_WEIGHTS,
        help="trained weights: an id, a .npz file, or a preset (with the set for the node's control delay)",
    )
    start.add_argument("--from-scratch", action="store_true", help="untrained weights")
    parser.add_argument(
        "--learner", type=learner_endpoint, metavar="ENDPOINT", help="the learner's --listen; frozen until it answers"
    )
    parser.add_argument("--learn", action="store_true", help="in lock-step, wait for the learner before deciding")


class StartWeights:
    """The weights that a host's flags name: checked at once, chosen when a node's control delay is known."""

    def __init__(
        self,
        variant: str | None,
        reference: str,
        from_scratch: bool,
        options: AgentOptions = DEFAULT_OPTIONS,
        action_fields: Sequence[str] = (),
    ) -> None:
        """`variant`: a policy that has networks, or None; `action_fields`: those of `options` that they must be of.

        Raises:
            WeightsError: they are missing, unusable, or trained for other actions.
        """
        self._by_delay: dict[bool, Weights] = {}
        if variant is None or from_scratch:
            return
        for delayed in (False, True):
            name = trained_name(variant, reference, int(delayed)) if is_preset(reference) else reference
            self._by_delay[delayed] = find_weights(name)
            check_trained_options(self._by_delay[delayed], options, action_fields)

    def choose(self, control_delay_slots: int) -> Weights | None:
        """The weights for a node; None: there are none, or untrained ones."""
        return self._by_delay.get(control_delay_slots > 0)


MISMATCHES = ("hwi_model", "control_delay", *CELL_FIELDS)


class HostMetrics(Collector):
    """What an xApp shows of itself; the deciding thread only adds to plain numbers."""

    def __init__(self, xapp: str, policy: str, trigger: str = "") -> None:
        """Names as `hiso_xapp_info` gives them; nothing is decided yet."""
        self._names = {"xapp": xapp, "policy": policy, "trigger": trigger}
        self.decisions = 0
        self.trigger_evaluations: int | None = None
        self.inter_slice_updates: int | None = None
        self.weights_version = 0
        self.watches: dict[str, MismatchWatch] = {}
        """By node, what its agent was trained for."""
        self.connected: Callable[[], bool] = lambda: False
        self.lost_indications: Callable[[], int] = lambda: 0
        self._durations_ns = np.zeros(DURATIONS, np.int64)

    def decided(self, duration_ns: int) -> None:
        """Count a decision that has left; `duration_ns`: from the indication's bytes to the control's message."""
        self._durations_ns[self.decisions % DURATIONS] = duration_ns
        self.decisions += 1

    def collect(self) -> Iterator[Metric]:
        """The metrics now."""
        watches = list(self.watches.values())
        connected = [watch for watch in watches if watch.node.connected]
        ids = sorted({watch.weights_id for watch in connected or watches} - {""})
        labels = {**self._names, "weights_id": ", ".join(ids)}
        info = GaugeMetricFamily("hiso_xapp_info", "Who decides, with which weights", labels=list(labels))
        info.add_metric(list(labels.values()), 1)
        yield info
        yield CounterMetricFamily("hiso_xapp_decisions", "Indications answered", value=self.decisions)
        durations = GaugeMetricFamily("hiso_xapp_decide_us", "Time of the last decisions", labels=["quantile"])
        if self.decisions:
            known = self._durations_ns[: min(self.decisions, DURATIONS)]
            for quantile in (0.5, 0.99):
                durations.add_metric([f"{quantile:g}"], float(np.quantile(known, quantile)) / 1e3)
        yield durations
        if self.trigger_evaluations is not None and self.inter_slice_updates is not None:
            yield CounterMetricFamily(
                "hiso_xapp_trigger_evaluations", "Seconds evaluated by the trigger", value=self.trigger_evaluations
            )
            yield CounterMetricFamily(
                "hiso_xapp_inter_slice_updates", "Seconds answered with budgets", value=self.inter_slice_updates
            )
        yield GaugeMetricFamily("hiso_xapp_weights_version", "Updates since the start", value=self.weights_version)
        mismatch = GaugeMetricFamily("hiso_xapp_weights_mismatch", "1: trained for something else", labels=["reason"])
        for reason in MISMATCHES:
            mismatch.add_metric([reason], float(any(watch.differs[reason] for watch in connected)))
        yield mismatch
        yield CounterMetricFamily(
            "hiso_xapp_lost_indications", "Gaps in ric_indication_sn", value=self.lost_indications()
        )
        yield GaugeMetricFamily("hiso_xapp_connected", "Registered at the RIC", value=float(self.connected()))


class MismatchWatch:
    """Warns, in log and metric, where weights were trained for something else than what they now meet."""

    def __init__(self, weights: Weights | None, node: E2Node, metrics: HostMetrics) -> None:
        """Of the agent at a node; `weights` None: there is nothing to compare."""
        self.node = node
        self.weights_id = "" if weights is None else weights.weights_id
        self.differs = dict.fromkeys(MISMATCHES, False)
        self._trained = None if weights is None else weights.metadata
        self._hwi_model: int | None = None
        metrics.watches[node.node_id] = self

    def control_delay(self, slots: int) -> None:
        """Look at the node's control delay."""
        if self._trained is not None:
            differs = control_delay_differs(self._trained, slots)
            self._set("control_delay", differs, self._trained.control_delay_slots, slots)

    def cell(self, context: SliceContext) -> None:
        """Look at the node's antennas, access and precoder."""
        if self._trained is not None:
            differences = cell_differences(self._trained, context)
            for name in CELL_FIELDS:
                self._set(name, name in differences, *differences.get(name, (None, None)))

    def hwi_model(self, model: int) -> None:
        """Look at an observation's impairment model; cheap where it is the one of the observation before."""
        if model == self._hwi_model:
            return
        self._hwi_model = model
        if self._trained is not None:
            differs = hwi_model_differs(self._trained, model)
            self._set("hwi_model", differs, self._trained.hwi_model, ("paper", "aggregate")[model == 1])

    def _set(self, reason: str, differs: bool, trained: object, met: object) -> None:
        self.differs[reason] = differs
        if differs:
            _LOG.warning("weights_mismatch", extra=fields(reason=reason, trained=trained, met=met))


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


def agent_options(arguments: argparse.Namespace, prog: str) -> AgentOptions:
    """What the flags say of agents; ends the process where they cannot be used."""
    try:
        return parse_options(arguments.set_agents)
    except OptionsError as error:
        refuse(prog, f"--{error}")


def load_start_weights(
    variant: str | None,
    arguments: argparse.Namespace,
    prog: str,
    options: AgentOptions = DEFAULT_OPTIONS,
    action_fields: Sequence[str] = (),
) -> StartWeights:
    """The weights that the flags name; ends the process where they cannot be used. Arguments as of `StartWeights`."""
    try:
        return StartWeights(variant, arguments.weights, arguments.from_scratch, options, action_fields)
    except WeightsError as error:
        refuse(prog, str(error))


def refuse(prog: str, message: str) -> NoReturn:
    """End the process for a flag that cannot be used."""
    print(f"{prog}: {message}", file=sys.stderr)
    sys.exit(EXIT_BAD_INPUT)
