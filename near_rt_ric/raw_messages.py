"""Messages put around one that is serialised already: no object is made, and nothing copied into it, for that.

The bytes are what protobuf would give.
"""

from __future__ import annotations

from functools import lru_cache

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import xapp_bus_pb2 as bus

_LENGTH_DELIMITED = 2
_HEADS_AT_HAND = 4096


def _tag(message: type[e2ap.E2Frame | e2ap.E2apPdu | bus.DownMessage], field: str) -> int:
    """Of a length-delimited field with a number below 16: one byte."""
    return message.DESCRIPTOR.fields_by_name[field].number << 3 | _LENGTH_DELIMITED


_PDU = _tag(e2ap.E2Frame, "pdus")
_CONTROL = _tag(e2ap.E2apPdu, "ric_control_request")
_INDICATION = _tag(bus.DownMessage, "indication")


def indication_down(node_id: str, indication: bytes) -> bytes:
    """A DownMessage of a serialised RicIndication."""
    return _down_head(node_id, len(indication)) + indication


def control_frame(request: bytes) -> bytes:
    """An E2Frame of one PDU, a serialised RicControlRequest."""
    return _frame_head(len(request)) + request


@lru_cache(_HEADS_AT_HAND)
def _down_head(node_id: str, length: int) -> bytes:
    return bus.DownMessage(node_id=node_id).SerializeToString() + _field_head(_INDICATION, length)


@lru_cache(_HEADS_AT_HAND)
def _frame_head(length: int) -> bytes:
    control_head = _field_head(_CONTROL, length)
    return _field_head(_PDU, len(control_head) + length) + control_head


def _field_head(tag: int, length: int) -> bytes:
    """Tag and length, as a varint."""
    octets = bytearray((tag,))
    while length > 0x7F:
        octets.append(length & 0x7F | 0x80)
        length >>= 7
    octets.append(length)
    return bytes(octets)
