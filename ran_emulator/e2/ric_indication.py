"""RIC indication (E2AP 8.2.3): one message of an admitted action."""

from __future__ import annotations

from hiso_proto import e2ap_pb2 as e2ap

from ran_emulator.e2 import traffic as e2_traffic
from ran_emulator.e2.outbox import E2Outbox
from ran_emulator.e2.subscriptions import KPM_FUNCTION, Claim, Report


def indicate(
    outbox: E2Outbox,
    source: Claim | Report,
    kind: e2ap.RicActionType,
    header: bytes,
    message: bytes,
    call_process_id: bytes = b"",
) -> None:
    """Queue the next indication of a claim or a report: it goes with the others of its second."""
    function_id = source.function_id if isinstance(source, Claim) else KPM_FUNCTION
    pdu = e2ap.E2apPdu()
    indication = pdu.ric_indication
    indication.ric_request_id.ric_requestor_id, indication.ric_request_id.ric_instance_id = source.request_key
    indication.ran_function_id = function_id
    indication.ric_action_id = source.action_id
    indication.ric_indication_sn = source.sequence_number
    indication.ric_indication_type = kind
    indication.ric_indication_header = header
    indication.ric_indication_message = message
    indication.ric_call_process_id = call_process_id
    source.sequence_number = source.sequence_number + 1 & 0xFFFF
    outbox.queue(pdu, e2_traffic.INDICATION, function_id)
