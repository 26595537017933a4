"""What an xApp and its learner say to each other over ZeroMQ (xApp DEALER, learner ROUTER): parts of one message.

xApp:     HELLO, hello (JSON), weights | FRAME, number u64, indication header, indication message, previous
Learner:  WELCOME, weights | LEARNED, number u64, weights or two empty parts | UNKNOWN | REFUSED, text
Weights are two parts (what they are, arrays). `previous` is what was decided on the frame before; empty: unknown.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from xapps.slicing.inter.base import InterWeights
from xapps.slicing.networks import IntraWeights
from xapps.slicing.observation import SlotDecision
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions

HELLO, FRAME = b"hello", b"frame"
WELCOME, LEARNED, UNKNOWN, REFUSED = b"welcome", b"learned", b"unknown", b"refused"

WeightsParts = tuple[bytes, bytes]

_NUMBER = struct.Struct("<Q")
_COMMON = struct.Struct("<f")
_ACTIONS = struct.Struct("<2i")
_BYTES_PER_USER = 2 + 4 + 4


def encode_number(number: int) -> bytes:
    """A frame's number."""
    return _NUMBER.pack(number)


def decode_number(data: bytes) -> int:
    """Inverse of `encode_number`.

    Raises:
        ValueError: not eight bytes.
    """
    if len(data) != _NUMBER.size:
        raise ValueError(f"number: {len(data)} bytes, must be {_NUMBER.size}")
    return int(_NUMBER.unpack(data)[0])


def encode_intra_weights(weights: IntraWeights) -> WeightsParts:
    """One slice's agent."""
    return weights.weights_id.encode(), weights.to_bytes()


def decode_intra_weights(parts: WeightsParts) -> IntraWeights:
    """Inverse of `encode_intra_weights`.

    Raises:
        ValueError: they do not decode.
    """
    return IntraWeights.from_bytes(parts[1], parts[0].decode())


def encode_inter_weights(weights: InterWeights) -> WeightsParts:
    """The inter-slice agents: version, metadata and shapes, then all arrays one after the other, float32."""
    head = {
        "version": weights.version,
        "metadata": weights.metadata,
        "shapes": {name: array.shape for name, array in weights.arrays.items()},
    }
    return json.dumps(head).encode(), b"".join(array.astype("<f4").tobytes() for array in weights.arrays.values())


def decode_inter_weights(parts: WeightsParts) -> InterWeights:
    """Inverse of `encode_inter_weights`.

    Raises:
        ValueError: they do not decode.
    """
    try:
        head = json.loads(parts[0])
        version, metadata = int(head["version"]), dict(head["metadata"])
        shapes = {str(name): tuple(int(size) for size in shape) for name, shape in head["shapes"].items()}
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"weights: their head lacks or misstates {error}") from error
    values = np.frombuffer(parts[1], "<f4").astype(np.float32)
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
    if len(ends) == 0 or ends[-1] != len(values):
        raise ValueError(f"weights: {len(values)} numbers do not fill their {len(shapes)} arrays")
    pieces = np.split(values, ends[:-1])
    arrays = {name: piece.reshape(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}
    return InterWeights(arrays, metadata, version)


def encode_decision(decision: SlotDecision | None) -> bytes:
    """A learning policy's decision with its actions; None: unknown."""
    if decision is None:
        return b""
    if decision.actions is None:
        raise ValueError("actions: a decision without actions teaches nothing")
    common = float("nan") if decision.common_power_w is None else decision.common_power_w
    arrays = (decision.beams, decision.private_power_w, decision.actions)
    return _COMMON.pack(common) + b"".join(array.tobytes() for array in arrays)


def decode_decision(data: bytes) -> SlotDecision | None:
    """Inverse of `encode_decision`.

    Raises:
        ValueError: not a decision's length.
    """
    if not data:
        return None
    count, rest = divmod(len(data) - _COMMON.size, _BYTES_PER_USER)
    if count < 0 or rest:
        raise ValueError(f"previous: {len(data)} bytes, must be {_COMMON.size} and {_BYTES_PER_USER} a user")
    common = float(_COMMON.unpack_from(data)[0])
    first, second = _COMMON.size + 2 * count, _COMMON.size + 6 * count
    return SlotDecision(
        beams=np.frombuffer(data, "<i2", count, _COMMON.size),
        private_power_w=np.frombuffer(data, "<f4", count, first),
        common_power_w=None if np.isnan(common) else common,
        actions=np.frombuffer(data, "<i4", count, second),
    )


def encode_actions(actions: tuple[int, int] | None) -> bytes:
    """Power and bandwidth action; None: unknown."""
    return b"" if actions is None else _ACTIONS.pack(*actions)


def decode_actions(data: bytes) -> tuple[int, int] | None:
    """Inverse of `encode_actions`.

    Raises:
        ValueError: not two integers.
    """
    if not data:
        return None
    if len(data) != _ACTIONS.size:
        raise ValueError(f"previous: {len(data)} bytes, must be {_ACTIONS.size}")
    power, bandwidth = _ACTIONS.unpack(data)
    return power, bandwidth


def encode_hello(
    agent: str,
    policy: str,
    lockstep: bool,
    context: dict[str, Any],
    options: AgentOptions = DEFAULT_OPTIONS,
    slots_a_frame: int = 1,
) -> bytes:
    """Who greets: agent (inter, vonr, embb, urllc), policy, whether its node runs in lock-step, context, options.

    `slots_a_frame`: of so many slots the learner gets one.
    """
    hello = {"agent": agent, "policy": policy, "lockstep": lockstep, "context": context, "slots_a_frame": slots_a_frame}
    return json.dumps({**hello, "options": options.model_dump()}).encode()
