"""The xApp SDK: everything that an xApp author imports."""

from xapps.sdk.errors import (
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
    "insert_action",
    "report_action",
]
