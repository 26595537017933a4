"""Names and numbers of E2AP that its messages carry as enumerations and integers."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from hiso_proto import e2ap_pb2 as e2ap


class ProcedureCode(IntEnum):
    """ProcedureCode of E2AP (9.4), as criticality diagnostics give it."""

    E2_SETUP = 1
    ERROR_INDICATION = 2
    RESET = 3
    RIC_CONTROL = 4
    RIC_INDICATION = 5
    RIC_SERVICE_QUERY = 6
    RIC_SERVICE_UPDATE = 7
    RIC_SUBSCRIPTION = 8
    RIC_SUBSCRIPTION_DELETE = 9
    E2_NODE_CONFIGURATION_UPDATE = 10
    RIC_SUBSCRIPTION_DELETE_REQUIRED = 12
    E2_REMOVAL = 13


MAX_TRANSACTION_ID = 255
"""E2AP 9.2.33."""

MAX_REQUEST_ID = 65_535
"""RIC Requestor ID and RIC Instance ID, each (E2AP 9.2.7)."""

MAX_ACTIONS = 16
"""Of one subscription (E2AP: maxofRICactionID)."""

MAX_ACTION_ID = 255
"""RIC Action ID (E2AP 9.2.10)."""


def transaction_id_error(transaction_id: int) -> str:
    """What is wrong with a transaction id, in words; empty where nothing is."""
    in_range = transaction_id <= MAX_TRANSACTION_ID
    return "" if in_range else f"transaction_id: {transaction_id} is not in 0..{MAX_TRANSACTION_ID}"


def name_of(enumeration: Any, number: int) -> str:
    """The name of a number of an enumeration, as `e2ap.RicActionType`; the number where only a newer peer has one."""
    value = enumeration.DESCRIPTOR.values_by_number.get(number)
    return str(number) if value is None else str(value.name)


def describe_cause(cause: e2ap.Cause) -> str:
    """A cause in the words of E2AP 9.2.1, as "control-timer-expired"; "absent" where there is none."""
    group = cause.WhichOneof("group")
    if group is None:
        return "absent"
    value = getattr(cause, group)
    names = e2ap.Cause.DESCRIPTOR.fields_by_name[group].enum_type.values_by_number
    if value not in names:
        return f"{group} {value}"
    return str(names[value].name).removeprefix(f"{group.upper()}_").lower().replace("_", "-")
