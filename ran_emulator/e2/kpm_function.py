"""The KPM function at the node: REPORTs of closed seconds."""

from __future__ import annotations

from collections.abc import Sequence

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_kpm_pb2 as kpm_pb

from ran_emulator import kpm
from ran_emulator.cell import Cell, SecondWindow
from ran_emulator.e2.outbox import E2Outbox
from ran_emulator.e2.ric_indication import indicate
from ran_emulator.e2.subscriptions import Report, Subscriptions
from ran_emulator.scenario import SLICE_NAMES


class KpmFunction:
    """REPORT of the KPM function for one cell."""

    def __init__(
        self,
        cell: Cell,
        subscriptions: Subscriptions,
        outbox: E2Outbox,
        sender_name: str,
    ) -> None:
        """`sender_name` stands in each report's header."""
        self._cell = cell
        self._subscriptions = subscriptions
        self._outbox = outbox
        self._sender_name = sender_name
        self._missed_before = [0] * len(SLICE_NAMES)

    def close_second(self, window: SecondWindow, missed_deadlines: Sequence[int]) -> kpm.KpmWindow:
        """A second as it is when it closes."""
        missed = [now - before for now, before in zip(missed_deadlines, self._missed_before, strict=True)]
        self._missed_before = list(missed_deadlines)
        return kpm.KpmWindow(
            window,
            (missed[0], missed[1], missed[2]),
            self._cell.scenario.total_bandwidth_hz,
        )

    def report(self, closed: kpm.KpmWindow) -> None:
        """Step 7: measure a closed second for each report, and queue those that are complete."""
        for report in self._subscriptions.reports:
            self._report(report, closed)

    def _report(self, report: Report, window: kpm.KpmWindow) -> None:
        if not report.items:
            report.first_second = window.window.second - 1
        report.items.append(kpm.data_item(report.columns, window))
        if len(report.items) < report.seconds:
            return
        header = kpm_pb.IndicationHeader(
            collet_start_time_ns=report.first_second * 10**9, sender_name=self._sender_name
        )
        message = kpm_pb.IndicationMessage(
            meas_data=report.items, meas_info_list=report.info, granul_period_ms=kpm.GRANULARITY_MS
        )
        report.items = []
        indicate(self._outbox, report, e2ap.REPORT, header.SerializeToString(), message.SerializeToString())
