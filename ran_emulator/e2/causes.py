"""Causes of E2AP 9.2.1 that this node gives, and the exception that carries one."""

from __future__ import annotations

from hiso_proto import e2ap_pb2 as e2ap

FUNCTION_ID_INVALID = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_RAN_FUNCTION_ID_INVALID)
ACTION_NOT_SUPPORTED = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_ACTION_NOT_SUPPORTED)
EXCESSIVE_ACTIONS = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_EXCESSIVE_ACTIONS)
DUPLICATE_ACTION = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_DUPLICATE_ACTION)
DUPLICATE_EVENT_TRIGGER = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_DUPLICATE_EVENT_TRIGGER)
FUNCTION_RESOURCE_LIMIT = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_FUNCTION_RESOURCE_LIMIT)
REQUEST_ID_UNKNOWN = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_REQUEST_ID_UNKNOWN)
INCONSISTENT_SUBSEQUENT_ACTION = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_INCONSISTENT_ACTION_SUBSEQUENT_ACTION_SEQUENCE)
CONTROL_MESSAGE_INVALID = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_CONTROL_MESSAGE_INVALID)
CALL_PROCESS_ID_INVALID = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_RIC_CALL_PROCESS_ID_INVALID)
CONTROL_TIMER_EXPIRED = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_CONTROL_TIMER_EXPIRED)
DUPLICATE_REQUEST_ID = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_DUPLICATE_RIC_REQUEST_ID)
EVENT_TRIGGER_NOT_SUPPORTED = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_EVENT_TRIGGER_NOT_SUPPORTED)
INFORMATION_UNAVAILABLE = e2ap.Cause(ric_request=e2ap.RIC_REQUEST_REQUESTED_INFORMATION_UNAVAILABLE)
TRANSFER_SYNTAX_ERROR = e2ap.Cause(protocol=e2ap.PROTOCOL_TRANSFER_SYNTAX_ERROR)
ABSTRACT_SYNTAX_ERROR = e2ap.Cause(protocol=e2ap.PROTOCOL_ABSTRACT_SYNTAX_ERROR_REJECT)
WRONG_STATE = e2ap.Cause(protocol=e2ap.PROTOCOL_MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE)
SEMANTIC_ERROR = e2ap.Cause(protocol=e2ap.PROTOCOL_SEMANTIC_ERROR)
OM_INTERVENTION = e2ap.Cause(misc=e2ap.MISC_OM_INTERVENTION)


class NotAdmitted(Exception):  # noqa: N818 - E2AP's word
    """A request or an action that the node does not admit.

    Attributes:
        cause: of E2AP 9.2.1.
        text: which field, and what is allowed.
    """

    def __init__(self, cause: e2ap.Cause, text: str) -> None:
        """`text` begins with the field."""
        super().__init__(text)
        self.cause = cause
        self.text = text


def not_offered(function: int) -> NotAdmitted:
    """Why nothing is admitted to a RAN function that is not offered now."""
    return NotAdmitted(FUNCTION_ID_INVALID, f"ran_function_id: {function} is not offered")


def diagnostics(procedure_code: int, text: str) -> e2ap.CriticalityDiagnostics:
    """Which procedure failed, and what was wrong, in words."""
    return e2ap.CriticalityDiagnostics(procedure_code=procedure_code, text=text)
