"""The xApp SDK: everything that an xApp author imports, the service models' messages and OIDs included."""

from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_kpm_pb2 as kpm
from hiso_proto import e2sm_slot_pb2 as slot
from hiso_proto.oids import BUDGETS_OID, KPM_OID, SLOT_OID

from xapps.sdk.errors import (
    BusEndpointError,
    BusUnavailableError,
    FunctionNotOfferedError,
    NodeUnavailableError,
    RegistrationError,
    SubscriptionError,
    XAppError,
)
from xapps.sdk.node import E2Node, answer, insert_action, report_action
from xapps.sdk.xapp import Subscription, XApp

__all__ = [
    "BUDGETS_OID",
    "KPM_OID",
    "SLOT_OID",
    "BusEndpointError",
    "BusUnavailableError",
    "E2Node",
    "FunctionNotOfferedError",
    "NodeUnavailableError",
    "RegistrationError",
    "Subscription",
    "SubscriptionError",
    "XApp",
    "XAppError",
    "answer",
    "budgets",
    "insert_action",
    "kpm",
    "report_action",
    "slot",
]
