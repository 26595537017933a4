"""The budget function at the node: the INSERT of a second, and the CONTROLs that set the slices' budgets."""

from __future__ import annotations

import time

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets

from ran_emulator.cell import Cell, SecondWindow
from ran_emulator.e2 import causes, codec
from ran_emulator.e2.call_processes import BudgetCallProcess, start
from ran_emulator.e2.node_configuration import NodeConfiguration
from ran_emulator.e2.outbox import E2Outbox
from ran_emulator.e2.ric_indication import indicate
from ran_emulator.e2.subscriptions import BUDGETS_FUNCTION, Subscriptions


class BudgetFunction:
    """INSERT and CONTROL of the budget function for one cell."""

    def __init__(
        self, cell: Cell, subscriptions: Subscriptions, configuration: NodeConfiguration, outbox: E2Outbox
    ) -> None:
        """`subscriptions`: who is asked; `configuration`: whether CONTROL is offered where nobody is."""
        self.process = BudgetCallProcess()
        self._cell = cell
        self._subscriptions = subscriptions
        self._configuration = configuration
        self._outbox = outbox

    def insert(self, window: SecondWindow) -> None:
        """Queue the INSERT of a second, where it is subscribed."""
        claim = self._subscriptions.budget_claim
        if claim is None:
            return
        call_process_id = window.second.to_bytes(8, "little")
        header = budgets.IndicationHeader(second=window.second, slot=window.slot).SerializeToString()
        message = codec.budget_report(window, self._cell.scenario.total_bandwidth_hz).SerializeToString()
        indicate(self._outbox, claim, e2ap.INSERT, header, message, call_process_id)
        self.process.begin(start(claim, call_process_id, -1, window.slot, time.monotonic()))

    def control(self, request: e2ap.RicControlRequest, in_slot: bool) -> bytes:
        """Carry out a CONTROL; its ControlOutcome. `in_slot`: the cell's slot has begun.

        Raises:
            NotAdmitted, Refused: it cannot be; nothing has changed in the cell.
        """
        # A withdrawal ends with its last answer.
        if self._subscriptions.budget_claim is None and not self._configuration.offers(BUDGETS_FUNCTION):
            raise causes.not_offered(BUDGETS_FUNCTION)
        process = self.process.find(request, time.monotonic()) if request.ric_call_process_id else None
        if process is not None:
            process.awaited = False
        cell = self._cell
        wanted = codec.decode_budgets(request.ric_control_header, request.ric_control_message)
        kept_from = cell.slot + in_slot + cell.control_delay_slots
        applied_slot = kept_from if wanted is None else cell.set_budgets(*wanted)
        if process is not None:
            process.decided, process.open = True, False
        return budgets.ControlOutcome(applied_slot=applied_slot).SerializeToString()
