"""What waits to be sent to the RIC: encoded PDUs, counted, that share the next frame."""

from __future__ import annotations

from hiso_proto import e2ap_pb2 as e2ap

from ran_emulator.e2 import traffic as e2_traffic
from ran_emulator.e2.link import E2Link
from ran_emulator.e2.subscriptions import BUDGETS_FUNCTION, KPM_FUNCTION, SLOT_FUNCTION
from ran_emulator.e2.traffic import E2Traffic

TRAFFIC_OF: dict[int | None, int] = {
    KPM_FUNCTION: e2_traffic.KPM,
    BUDGETS_FUNCTION: e2_traffic.BUDGETS,
    SLOT_FUNCTION: e2_traffic.SLOT,
}
"""As whose a RAN function's PDUs are counted; those of any other id are E2AP's own."""


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_frame(pdus: list[bytes]) -> bytes:
    """An E2Frame of encoded PDUs (its field 1)."""
    return b"".join([b"\x0a" + _varint(len(pdu)) + pdu for pdu in pdus])


class E2Outbox:
    """PDUs on their way to the stream in force."""

    def __init__(self, link: E2Link, traffic: E2Traffic) -> None:
        """Empty. Counts in `traffic` what is to be sent, as it comes."""
        self.stream = 0
        """Number of the stream in force."""
        self.queued: list[bytes] = []
        """PDUs that wait for company, until the next flush or slot."""
        self.unhurried: list[bytes] = []
        """PDUs for the next slot's frame."""
        self._link = link
        self._traffic = traffic

    def open(self, stream: int) -> None:
        """A new stream: what waited was for the one before."""
        self.stream = stream
        self.clear()

    def clear(self) -> None:
        """Drop what waits."""
        self.queued, self.unhurried = [], []

    def queue(self, pdu: e2ap.E2apPdu, procedure: int, function_id: int | None = None) -> None:
        """Let a PDU wait for company. `procedure`: of `e2_traffic`; `function_id`: the RAN function that it names."""
        data = pdu.SerializeToString()
        function = TRAFFIC_OF.get(function_id, e2_traffic.E2AP)
        self._traffic.count(function, procedure, e2_traffic.TO_RIC, len(data))
        self.queued.append(data)

    def send(self, pdu: e2ap.E2apPdu, procedure: int, function_id: int | None = None) -> None:
        """Send a PDU at once, with what waits for company."""
        self.queue(pdu, procedure, function_id)
        self.flush()

    def flush(self) -> None:
        """Send what waits for company."""
        if self.queued:
            self._link.send(self.stream, encode_frame(self.queued))
            self.queued = []

    def defer(self) -> None:
        """Let what waits for company go with the next slot's frame, and not before."""
        self.unhurried += self.queued
        self.queued = []

    def take(self) -> bytes:
        """All that waits, as the front of the slot's frame; it waits no more."""
        frame = encode_frame(self.unhurried + self.queued)
        self.clear()
        return frame
