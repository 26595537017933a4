"""The E2 node: puts its procedures (E2AP 8.2, 8.3) together and gives each what comes for it.

Runs in the hot loop's thread. `E2Link` brings events; the loop hands them to `handle` and calls, a slot:
`ask` after the cell has begun it, `executed` after it was executed; at the end of a second `close_second`, and then,
or soon, `report_second`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto.oids import BUDGETS_OID, KPM_OID, SLOT_OID

from ran_emulator import kpm
from ran_emulator.cell import Cell, SecondWindow
from ran_emulator.e2 import causes, codec
from ran_emulator.e2 import traffic as e2_traffic
from ran_emulator.e2.association import E2Association
from ran_emulator.e2.budget_function import BudgetFunction
from ran_emulator.e2.error_indication import ErrorIndications
from ran_emulator.e2.kpm_function import KpmFunction
from ran_emulator.e2.link import E2Link, Lost, Opened, Received
from ran_emulator.e2.node_configuration import FUNCTION_NAMES, NodeConfiguration, RanFunction
from ran_emulator.e2.node_updates import NodeUpdates
from ran_emulator.e2.outbox import TRAFFIC_OF, E2Outbox
from ran_emulator.e2.ric_control import RicControl
from ran_emulator.e2.ric_subscription import RicSubscription
from ran_emulator.e2.slot_function import SlotFunction
from ran_emulator.e2.subscriptions import BUDGETS_FUNCTION, KPM_FUNCTION, SLOT_FUNCTION, Subscriptions
from ran_emulator.e2.traffic import E2Traffic
from ran_emulator.kpm import KpmWindow

PLMN_ID = "00101"

_OF_A_FUNCTION = (e2_traffic.SUBSCRIPTION, e2_traffic.SUBSCRIPTION_DELETE, e2_traffic.CONTROL)
"""Procedures whose messages name the RAN function that they concern."""


class E2Node:
    """One node's end of E2."""

    def __init__(self, cell: Cell, link: E2Link, gnb_id: int, lockstep: bool) -> None:
        """`lockstep`: the node waits for decisions (it states so in its functions' definitions)."""
        self.subscriptions = Subscriptions()
        self.traffic = E2Traffic()
        self._link = link
        self._outbox = E2Outbox(link, self.traffic)
        self._errors = ErrorIndications(self._outbox)
        configuration = NodeConfiguration(_ran_functions(cell, lockstep), (e2ap.NG, f"ng-{gnb_id}"))
        self.updates = NodeUpdates(
            configuration,
            self.subscriptions,
            send=self._outbox.send,
            object_to=self._errors.send,
            connected=lambda: self.connected,
        )
        self._slots = SlotFunction(cell, self.subscriptions, self.traffic)
        self._budgets = BudgetFunction(cell, self.subscriptions, configuration, self._outbox)
        self._kpm = KpmFunction(cell, self.subscriptions, self._outbox, f"{PLMN_ID}-{gnb_id}")
        subscription = RicSubscription(
            self.subscriptions, self._slots.processes, self._budgets.process, self.updates, self._outbox
        )
        self._association = E2Association(
            e2ap.GlobalE2NodeId(plmn_id=PLMN_ID, gnb_id=gnb_id),
            link,
            self._outbox,
            self._errors,
            self.updates,
            subscription,
        )
        control = RicControl(
            self._slots, self._budgets, self.subscriptions, configuration, self._outbox, lockstep=lockstep
        )
        self._procedures = _procedures(self._association, self._errors, self.updates, subscription, control)
        # Bound, not wrapped: the loop calls them every slot.
        self.waiting_for = self._slots.processes.waiting_for
        """Whether an INSERT for a slot awaits its answer."""
        self.executed = self._slots.executed
        """Step 6, of a slot: outcomes are kept for the slices' next frames; what was not decided was missed."""
        self.flush = self._outbox.flush
        """Send acknowledges that wait for company."""

    # What the loop asks

    @property
    def connected(self) -> bool:
        """Whether the E2 setup with a RIC is complete."""
        return self._association.connected

    @property
    def waiting_for_budgets(self) -> bool:
        """Whether the budget INSERT awaits its answer."""
        return self._budgets.process.awaited

    @property
    def missed_deadlines(self) -> list[int]:
        """A slice: INSERTs whose slot ran without the decision asked for."""
        return self._slots.processes.missed

    @property
    def latencies_s(self) -> list[float]:
        """Of slot decisions carried out, INSERT sent to CONTROL here; emptied by its reader."""
        return self._slots.latencies_s

    def end_waits(self, slot: int, now_s: float) -> float:
        """End waits for this slot's decisions and for budgets whose time is over; when the next one is (or inf)."""
        return min(self._slots.processes.end_waits(slot, now_s), self._budgets.process.end_wait(now_s))

    # A slot

    def ask(self) -> None:
        """Step 4: one frame with an INSERT for each slice that has a group and a subscription."""
        frame = self._slots.inserts()
        outbox = self._outbox
        if outbox.queued or outbox.unhurried:
            frame = outbox.take() + frame
        if frame:
            self._link.send(outbox.stream, frame)

    def close_second(self, window: SecondWindow) -> KpmWindow:
        """A second as it is when it closes, for `report_second`."""
        return self._kpm.close_second(window, self.missed_deadlines)

    def report_second(self, closed: KpmWindow) -> None:
        """Step 7: KPM reports and the budget INSERT of a closed second leave in one frame."""
        self._kpm.report(closed)
        self.ask_budgets(closed.window)

    def ask_budgets(self, window: SecondWindow) -> None:
        """The budget INSERT of a second; with an empty window (second 0) before slot 0."""
        self._budgets.insert(window)
        self.flush()

    # What people ask

    def reset(self) -> None:
        """Reset by the node (E2AP 8.3.3): subscriptions and call processes end, the setup stays."""
        self._association.reset()

    def connect(self) -> None:
        """Connect at once after a removal; raises ValueError where a RIC is connected."""
        self._association.connect()

    def leave(self) -> bool:
        """Ask the RIC to remove this node (E2AP 8.3.7); whether there is one to be asked."""
        return self._association.leave()

    # What comes

    def handle(self, event: Opened | Received | Lost) -> None:
        """Carry out what an event of the link asks for."""
        if isinstance(event, Received):
            if event.stream == self._outbox.stream:
                self._slots.frame_came_s = event.at_s
                self._handle_frame(event.frame)
        elif isinstance(event, Opened):
            self._association.opened(event.stream)
        elif event.stream == self._outbox.stream:
            self._association.lost(event.reason)

    def _handle_frame(self, data: bytes) -> None:
        if self._association.connected:
            taken = self._slots.take_plain(data)
            if taken == len(data):
                return
            data = data[taken:]
        try:
            frame = e2ap.E2Frame.FromString(data)
        except DecodeError:
            self._errors.send(causes.TRANSFER_SYNTAX_ERROR, "the frame is not an E2Frame")
            return
        alone = len(frame.pdus) == 1
        for pdu in frame.pdus:
            # A PDU that stands alone is the frame less its tag and length.
            size = len(data) - (2 if len(data) < 130 else 3 if len(data) < 16_387 else 4) if alone else pdu.ByteSize()
            self._handle_pdu(pdu, size)

    def _handle_pdu(self, pdu: e2ap.E2apPdu, size: int) -> None:
        kind = pdu.WhichOneof("message")
        if kind is None:
            self._errors.send(causes.ABSTRACT_SYNTAX_ERROR, "the PDU carries no message that this node knows")
            return
        message = getattr(pdu, kind)
        if kind not in self._procedures:
            self._errors.send(causes.WRONG_STATE, f"{kind} is not for an E2 node")
            return
        procedure, carry_out = self._procedures[kind]
        function = e2_traffic.E2AP
        if procedure in _OF_A_FUNCTION:
            function = TRAFFIC_OF.get(message.ran_function_id, e2_traffic.E2AP)
        self.traffic.count(function, procedure, e2_traffic.TO_NODE, size)
        if not self._association.connected and procedure not in (e2_traffic.SETUP, e2_traffic.ERROR):
            self._errors.send(causes.WRONG_STATE, f"{kind} before the E2 setup is complete")
            return
        carry_out(message)


def _ran_functions(cell: Cell, lockstep: bool) -> list[RanFunction]:
    rows = (
        (KPM_FUNCTION, KPM_OID, kpm.definition),
        (BUDGETS_FUNCTION, BUDGETS_OID, lambda: codec.budget_definition(cell, lockstep)),
        (SLOT_FUNCTION, SLOT_OID, lambda: codec.slot_definition(cell, lockstep)),
    )
    return [RanFunction(name, *row) for name, row in zip(FUNCTION_NAMES, rows, strict=True)]


def _procedures(
    association: E2Association,
    errors: ErrorIndications,
    updates: NodeUpdates,
    subscription: RicSubscription,
    control: RicControl,
) -> dict[str, tuple[int, Callable[[Any], None]]]:
    """A message that an E2 node takes: the procedure that it is counted as, and who carries it out."""
    return {
        "e2_setup_response": (e2_traffic.SETUP, association.on_setup_response),
        "e2_setup_failure": (e2_traffic.SETUP, association.on_setup_failure),
        "ric_subscription_request": (e2_traffic.SUBSCRIPTION, subscription.on_request),
        "ric_subscription_delete_request": (e2_traffic.SUBSCRIPTION_DELETE, subscription.on_delete_request),
        "ric_control_request": (e2_traffic.CONTROL, control.on_request),
        "error_indication": (e2_traffic.ERROR, errors.on_error),
        "reset_request": (e2_traffic.RESET, association.on_reset),
        "reset_response": (e2_traffic.RESET, association.on_reset_response),
        "ric_service_query": (e2_traffic.SERVICE_QUERY, updates.on_service_query),
        "ric_service_update_acknowledge": (e2_traffic.SERVICE_UPDATE, updates.on_service_acknowledge),
        "ric_service_update_failure": (e2_traffic.SERVICE_UPDATE, updates.on_failure),
        "e2_node_configuration_update_acknowledge": (
            e2_traffic.CONFIGURATION_UPDATE,
            updates.on_configuration_acknowledge,
        ),
        "e2_node_configuration_update_failure": (e2_traffic.CONFIGURATION_UPDATE, updates.on_failure),
        "e2_removal_request": (e2_traffic.REMOVAL, association.on_removal),
        "e2_removal_response": (e2_traffic.REMOVAL, association.on_removal_response),
        "e2_removal_failure": (e2_traffic.REMOVAL, association.on_removal_failure),
    }
