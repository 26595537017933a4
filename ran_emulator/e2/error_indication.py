"""Error indication (E2AP 8.3.2): what the node objects to, and what the RIC does."""

from __future__ import annotations

import logging

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto.e2ap_names import describe_cause

from ran_emulator.e2 import traffic as e2_traffic
from ran_emulator.e2.outbox import E2Outbox
from service_kit.logs import fields

_LOG = logging.getLogger(__name__)


class ErrorIndications:
    """Both directions of the procedure."""

    def __init__(self, outbox: E2Outbox) -> None:
        """`outbox`: takes what the node objects to."""
        self._outbox = outbox

    def send(self, cause: e2ap.Cause, text: str) -> None:
        """Tell the RIC that what it sent cannot be taken."""
        _LOG.warning("e2_error", extra=fields(cause=describe_cause(cause), text=text))
        indication = e2ap.ErrorIndication(cause=cause, criticality_diagnostics=e2ap.CriticalityDiagnostics(text=text))
        self._outbox.send(e2ap.E2apPdu(error_indication=indication), e2_traffic.ERROR)

    def on_error(self, error: e2ap.ErrorIndication) -> None:
        """The RIC objects: nothing is repeated or taken back."""
        _LOG.warning(
            "e2_error_from_ric",
            extra=fields(cause=describe_cause(error.cause), text=error.criticality_diagnostics.text),
        )
