"""Protobuf's wire format in compiled code, for the messages that cross E2 in every slot.

Kernels over plain bytes (u8 arrays): no message objects, no allocation. A field of type BYTES is data[value:next].
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ran_emulator.phy.jit import inline_kernel

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MALFORMED = -1


def tag_of(message: Any, field: str) -> np.int64:
    """Tag (number and wire type) of a field, from its message's descriptor.

    Not an int: kernels would be compiled anew for each constant of that type.
    """
    descriptor = message.DESCRIPTOR.fields_by_name[field]
    kind = descriptor.type
    if kind in (descriptor.TYPE_FLOAT, descriptor.TYPE_FIXED32, descriptor.TYPE_SFIXED32):
        wire_type = FIXED32
    elif kind in (descriptor.TYPE_DOUBLE, descriptor.TYPE_FIXED64, descriptor.TYPE_SFIXED64):
        wire_type = FIXED64
    elif kind in (descriptor.TYPE_BYTES, descriptor.TYPE_STRING, descriptor.TYPE_MESSAGE):
        wire_type = BYTES
    else:
        wire_type = VARINT
    return np.int64(descriptor.number << 3 | wire_type)


def tags_of(message: Any, *fields: str) -> npt.NDArray[np.int64]:
    """Tags of a message's fields by their numbers, [F + 1]; 0 where `fields` does not name one."""
    tags = np.zeros(max(field.number for field in message.DESCRIPTOR.fields) + 1, np.int64)
    for field in fields:
        tags[tag_of(message, field) >> 3] = tag_of(message, field)
    return tags


@inline_kernel
def read_varint(data: Any, at: int, end: int) -> tuple[int, int]:
    """A varint (of at most 63 bits) at `at`: its value and where it ends; MALFORMED where it does not before `end`."""
    value = 0
    shift = 0
    while at < end and shift < 63:
        byte = int(np.int64(data[at]))
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return 0, MALFORMED


@inline_kernel
def read_field(data: Any, at: int, end: int) -> tuple[int, int, int]:
    """The field at `at`: tag, value (of a VARINT) or start of its bytes, and where it ends.

    The end is MALFORMED where the field does not end before `end`, or is of a group or of no wire type.
    """
    tag, at = read_varint(data, at, end)
    if at == MALFORMED:
        return 0, 0, MALFORMED
    wire_type = tag & 7
    if wire_type == VARINT:
        value, at = read_varint(data, at, end)
        return tag, value, at
    size = 0
    if wire_type == BYTES:
        size, at = read_varint(data, at, end)
        if at == MALFORMED:
            return 0, 0, MALFORMED
    elif wire_type == FIXED32:
        size = 4
    elif wire_type == FIXED64:
        size = 8
    else:
        return 0, 0, MALFORMED
    if size > end - at:
        return 0, 0, MALFORMED
    return tag, at, at + size


@inline_kernel
def read_fields(data: Any, at: int, end: int, tags: Any, spans: Any) -> int:
    """Value or start, and end, of each of a message's fields into spans [F, 2]; where it stopped, `end` if nowhere.

    It stops at the first field that is not of `tags` (`tags_of`), does not end before `end`, or has a span already: one
    with an end above 0.
    """
    while at < end:
        tag, value, after = read_field(data, at, end)
        number = tag >> 3
        if after == MALFORMED or not 0 < number < tags.shape[0] or tag != tags[number] or spans[number, 1] > 0:
            return at
        spans[number, 0] = value
        spans[number, 1] = after
        at = after
    return at


@inline_kernel
def copy_bytes(data: Any, start: int, size: int, out: Any, at: int) -> int:
    """Copy data[start:start + size] to out[at:]; where it ends there."""
    for i in range(size):
        out[at + i] = data[start + i]
    return at + size


@inline_kernel
def write_varint(out: Any, at: int, value: int) -> int:
    """Write a varint (value not negative); where it ends."""
    while value > 0x7F:
        out[at] = value & 0x7F | 0x80
        value >>= 7
        at += 1
    out[at] = value
    return at + 1


@inline_kernel
def write_number(out: Any, at: int, tag: int, value: int) -> int:
    """Write a VARINT field; nothing for 0, proto3's default."""
    if value == 0:
        return at
    return write_varint(out, write_varint(out, at, tag), value)


@inline_kernel
def write_fixed32(out: Any, at: int, tag: int, data: Any, start: int) -> int:
    """Write a FIXED32 field out of data[start:start + 4]; nothing for +0."""
    if data[start] == 0 and data[start + 1] == 0 and data[start + 2] == 0 and data[start + 3] == 0:
        return at
    return copy_bytes(data, start, 4, out, write_varint(out, at, tag))


@inline_kernel
def write_message(out: Any, at: int, tag: int, data: Any, start: int, size: int) -> int:
    """Write an embedded message, which may be empty, out of data[start:start + size]; where it ends."""
    at = write_varint(out, write_varint(out, at, tag), size)
    return copy_bytes(data, start, size, out, at)


@inline_kernel
def write_bytes(out: Any, at: int, tag: int, data: Any, start: int, size: int) -> int:
    """Write a BYTES field out of data[start:start + size]; nothing where that is empty."""
    if size == 0:
        return at
    return write_message(out, at, tag, data, start, size)
