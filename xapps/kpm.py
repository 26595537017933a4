"""A node's KPM measurements as an xApp keeps them: all that are offered, once a second, shown as metrics."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from google.protobuf.message import DecodeError
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_kpm_pb2 as kpm
from hiso_proto.oids import KPM_OID
from prometheus_client.core import GaugeMetricFamily

from service_kit.logs import fields
from xapps.sdk import E2Node, XApp, XAppError, report_action

_LOG = logging.getLogger(__name__)

PERIOD_MS = 1_000
REPORT_STYLE = 1
"""E2 node measurement (E2SM-KPM 7.4.2)."""
CELL = "cell"

Sample = tuple[str, str, float]
"""Measurement, slice (or `CELL`), value."""


def offered(definition: kpm.RanFunctionDefinition) -> list[kpm.MeasurementInfoItem]:
    """Everything that a node can measure by style 1: each measurement of the cell, of each slice, or both."""
    if REPORT_STYLE not in definition.ric_report_style_list:
        return []
    slices = [kpm.MeasurementLabel(slice_id=item.s_nssai) for item in definition.slices]
    wanted = []
    for row in definition.measurements:
        labels = [kpm.MeasurementLabel(no_label=True)] if row.per_cell else []
        labels += slices if row.per_slice else []
        if labels:
            wanted.append(kpm.MeasurementInfoItem(meas_name=row.meas_name, label_info_list=labels))
    return wanted


def samples(definition: kpm.RanFunctionDefinition, message: kpm.IndicationMessage) -> Iterator[Sample]:
    """Values of a report's last period; what was not measured is left out.

    Raises:
        ValueError: no period, records that do not belong to the labels, or a slice that the definition lacks.
    """
    names = {(item.s_nssai.sst, item.s_nssai.sd): item.name for item in definition.slices}
    columns = [(item.meas_name, label) for item in message.meas_info_list for label in item.label_info_list]
    records = message.meas_data[-1].meas_record if message.meas_data else []
    if not records or len(records) != len(columns):
        raise ValueError(f"meas_data: {len(records)} records for {len(columns)} labels")
    for (name, label), record in zip(columns, records, strict=True):
        place = CELL if label.no_label else names.get((label.slice_id.sst, label.slice_id.sd))
        if place is None:
            raise ValueError(f"label_info_list: {name}: slice sst {label.slice_id.sst} sd {label.slice_id.sd:06X}")
        kind = record.WhichOneof("value")
        if kind == "integer":
            yield name, place, record.integer
        elif kind == "real":
            yield name, place, record.real


class KpmReports:
    """The last report of each node; its bytes are kept and only read when metrics are asked for."""

    def __init__(self) -> None:
        """None yet."""
        self._last: dict[str, tuple[E2Node, bytes]] = {}

    def subscribe(self, xapp: XApp, node: E2Node) -> None:
        """Subscribe to everything offered. Without KPM, or where it is refused, nothing is missed but the metric."""
        function = node.functions.get(KPM_OID)
        if function is None:
            return
        try:
            wanted = offered(kpm.RanFunctionDefinition.FromString(function.ran_function_definition))
            if not wanted:
                return
            action = kpm.ActionDefinition(
                ric_style_type=REPORT_STYLE, meas_info_list=wanted, granul_period_ms=PERIOD_MS
            )
            xapp.subscribe(
                node,
                KPM_OID,
                key="kpm",
                trigger=kpm.EventTriggerDefinition(reporting_period_ms=PERIOD_MS),
                actions=[report_action(action)],
                handler=self.keep,
            )
        except (XAppError, DecodeError) as error:
            _LOG.warning("kpm_not_subscribed", extra=fields(node=node.node_id, reason=str(error)))

    def keep(self, node: E2Node, indication: e2ap.RicIndication) -> None:
        """Take a report; nobody waits for an answer."""
        self._last[node.node_id] = node, indication.ric_indication_message

    def metric(self) -> GaugeMetricFamily:
        """The last report of every connected node."""
        family = GaugeMetricFamily(
            "hiso_xapp_kpm", "Last KPM report, in the measurement's own unit", labels=["node", "measurement", "slice"]
        )
        for node_id, (node, raw) in list(self._last.items()):
            function = node.functions.get(KPM_OID)
            if function is None or not node.connected:
                continue
            try:
                definition = kpm.RanFunctionDefinition.FromString(function.ran_function_definition)
                found = list(samples(definition, kpm.IndicationMessage.FromString(raw)))
            except (ValueError, DecodeError) as error:
                _LOG.warning("kpm_report_unusable", extra=fields(node=node_id, reason=str(error)))
                continue
            for measurement, place, value in found:
                family.add_metric([node_id, measurement, place], value)
        return family
