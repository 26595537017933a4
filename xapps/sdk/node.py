"""An E2 node as an xApp sees it, and the E2AP actions that it can be asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from google.protobuf.message import Message
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_slot_pb2 as slot
from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.oids import BUDGETS_OID, SLOT_OID

from xapps.sdk.errors import FunctionNotOfferedError


@dataclass(slots=True)
class E2Node:
    """One E2 node: its id "<plmn>-<gnb id>", whether it is connected, and its RAN functions by OID."""

    node_id: str
    connected: bool = False
    functions: dict[str, e2ap.RanFunctionItem] = field(default_factory=dict)
    up_endpoint: str = ""

    @classmethod
    def from_message(cls, node: bus.Node) -> E2Node:
        """From the bus."""
        functions = {item.ran_function_oid: item for item in node.ran_functions}
        return cls(node.node_id, node.connected, functions, node.up_endpoint)

    def function(self, oid: str) -> e2ap.RanFunctionItem:
        """The RAN function `oid`; raises FunctionNotOfferedError."""
        item = self.functions.get(oid)
        if item is None:
            raise FunctionNotOfferedError(f"oid: node {self.node_id} offers {sorted(self.functions)}, not {oid}")
        return item

    def slot_definition(self) -> slot.RanFunctionDefinition:
        """The slot function's definition; raises FunctionNotOfferedError."""
        return slot.RanFunctionDefinition.FromString(self.function(SLOT_OID).ran_function_definition)

    def budgets_definition(self) -> budgets.RanFunctionDefinition:
        """The budget function's definition; raises FunctionNotOfferedError."""
        return budgets.RanFunctionDefinition.FromString(self.function(BUDGETS_OID).ran_function_definition)

    def time_to_wait(self, oid: str) -> e2ap.RicSubsequentAction:
        """How long the node's clock lets an INSERT of `oid` wait before it goes on by itself.

        Without limit in lock-step; in real time until the decided slot starts (slot function), else one second.
        """
        if oid == SLOT_OID:
            lockstep = self.slot_definition().lockstep
            wait = e2ap.RicSubsequentAction(type=e2ap.CONTINUE, until_decided_slot=True)
        else:
            lockstep = oid == BUDGETS_OID and self.budgets_definition().lockstep
            wait = e2ap.RicSubsequentAction(type=e2ap.CONTINUE, standard=e2ap.W1S)
        return e2ap.RicSubsequentAction(type=e2ap.CONTINUE, no_limit=True) if lockstep else wait


def report_action(definition: Message, action_id: int = 1) -> e2ap.RicAction:
    """A REPORT action with the service model's action definition."""
    return e2ap.RicAction(
        ric_action_id=action_id,
        ric_action_type=e2ap.REPORT,
        ric_action_definition=definition.SerializeToString(),
    )


def insert_action(definition: Message, wait: e2ap.RicSubsequentAction, action_id: int = 1) -> e2ap.RicAction:
    """An INSERT action: the node asks and waits as `wait` says (`E2Node.time_to_wait`)."""
    return e2ap.RicAction(
        ric_action_id=action_id,
        ric_action_type=e2ap.INSERT,
        ric_action_definition=definition.SerializeToString(),
        ric_subsequent_action=wait,
    )


def answer(
    indication: e2ap.RicIndication, header: Message, message: Message, *, acknowledge: bool = True
) -> e2ap.RicControlRequest:
    """The CONTROL that answers an INSERT, with its call process id; a refusal comes back in any case."""
    return e2ap.RicControlRequest(
        ric_request_id=indication.ric_request_id,
        ran_function_id=indication.ran_function_id,
        ric_call_process_id=indication.ric_call_process_id,
        ric_control_header=header.SerializeToString(),
        ric_control_message=message.SerializeToString(),
        ric_control_ack_request=e2ap.ACK if acknowledge else e2ap.NO_ACK,
    )
