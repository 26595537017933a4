"""What an xApp shows of itself: its decisions, its weights, and where these were trained for something else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import numpy as np
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ran_emulator.phy.codes import HWI_AGGREGATE, HWI_MODELS
from service_kit.logs import fields
from xapps.sdk import E2Node
from xapps.slicing.observation import SliceContext
from xapps.slicing.weights import Weights
from xapps.trained import CELL_FIELDS, cell_differences, control_delay_differs, hwi_model_differs

_LOG = logging.getLogger(__name__)

DURATIONS = 2_048
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
        yield self._info(connected or watches)
        yield CounterMetricFamily("hiso_xapp_decisions", "Indications answered", value=self.decisions)
        yield self._decide_us()
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

    def _info(self, watches: list[MismatchWatch]) -> Metric:
        weights_ids = sorted({watch.weights_id for watch in watches} - {""})
        labels = {**self._names, "weights_id": ", ".join(weights_ids)}
        info = GaugeMetricFamily("hiso_xapp_info", "Who decides, with which weights", labels=list(labels))
        info.add_metric(list(labels.values()), 1)
        return info

    def _decide_us(self) -> Metric:
        durations = GaugeMetricFamily("hiso_xapp_decide_us", "Time of the last decisions", labels=["quantile"])
        if self.decisions:
            known = self._durations_ns[: min(self.decisions, DURATIONS)]
            for quantile in (0.5, 0.99):
                durations.add_metric([f"{quantile:g}"], float(np.quantile(known, quantile)) / 1e3)
        return durations


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
            self._set("hwi_model", differs, self._trained.hwi_model, HWI_MODELS[model == HWI_AGGREGATE])

    def _set(self, reason: str, differs: bool, trained: object, met: object) -> None:
        self.differs[reason] = differs
        if differs:
            _LOG.warning("weights_mismatch", extra=fields(reason=reason, trained=trained, met=met))
