"""What can go wrong in the SDK, in one hierarchy."""

from __future__ import annotations

from hiso_proto import e2ap_pb2 as e2ap


class XAppError(Exception):
    """Any error of the SDK."""


class BusEndpointError(XAppError):
    """What is no address of a RIC's bus; the message names the allowed forms."""


class BusUnavailableError(XAppError):
    """The RIC does not answer on its bus."""


class RegistrationError(XAppError):
    """The RIC refuses the registration; the message names field and allowed form."""


class NodeUnavailableError(XAppError):
    """No E2 node that offers the RAN function has connected in time."""


class FunctionNotOfferedError(XAppError):
    """The node does not offer the RAN function."""


class SubscriptionError(XAppError):
    """A subscription is refused: by the platform (`failure` is None) or by the node.

    Attributes:
        cause: of E2AP 9.2.1; None where the platform gave none.
        failure: the node's own answer.
    """

    def __init__(
        self, message: str, cause: e2ap.Cause | None = None, failure: e2ap.RicSubscriptionFailure | None = None
    ) -> None:
        """`message` names what is wrong."""
        super().__init__(message)
        self.cause = cause
        self.failure = failure
