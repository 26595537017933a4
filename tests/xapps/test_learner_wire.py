"""What xApp and learner say to each other survives the way, bit for bit."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from xapps import learner_wire as wire
from xapps.slicing.inter.base import InterWeights
from xapps.slicing.inter.coma2c import COMA2C_CONFIGS, initial_weights
from xapps.slicing.networks import IntraWeights
from xapps.slicing.observation import SlotDecision


def test_intra_weights_survive() -> None:
    sent = IntraWeights(3, 0.125, np.random.default_rng(1).normal(size=100).astype(np.float32), "some-id")
    found = wire.decode_intra_weights(wire.encode_intra_weights(sent))
    assert (found.version, found.epsilon, found.weights_id) == (3, 0.125, "some-id")
    assert found.flat.tobytes() == sent.flat.tobytes()


@pytest.mark.parametrize("variant", COMA2C_CONFIGS)
def test_inter_weights_survive(variant: str) -> None:
    drawn = initial_weights(COMA2C_CONFIGS[variant], (10, 15), 1)
    sent = InterWeights(drawn.arrays, drawn.metadata, 7)
    found = wire.decode_inter_weights(wire.encode_inter_weights(sent))
    assert (found.version, found.metadata) == (7, drawn.metadata)
    assert found.arrays.keys() == sent.arrays.keys()
    for name, array in sent.arrays.items():
        assert found.arrays[name].shape == array.shape
        assert found.arrays[name].tobytes() == array.tobytes()


@given(some.integers(1, 8), some.none() | some.floats(0, 1e3, width=32))
def test_decisions_survive(count: int, common: float | None) -> None:
    rng = np.random.default_rng(count)
    sent = SlotDecision(
        rng.integers(0, 128, count).astype(np.int16),
        rng.random(count).astype(np.float32),
        common,
        rng.integers(0, 640, count).astype(np.int32),
    )
    found = wire.decode_decision(wire.encode_decision(sent))
    assert found is not None
    assert found.common_power_w == common
    for name in ("beams", "private_power_w", "actions"):
        assert getattr(found, name).tolist() == getattr(sent, name).tolist()


def test_unknown_decisions_and_actions_survive() -> None:
    assert wire.decode_decision(wire.encode_decision(None)) is None
    assert wire.decode_actions(wire.encode_actions(None)) is None
    assert wire.decode_actions(wire.encode_actions((3, 14))) == (3, 14)
    assert wire.decode_number(wire.encode_number(1 << 40)) == 1 << 40


@pytest.mark.parametrize(
    "decode",
    [wire.decode_decision, wire.decode_actions, wire.decode_number],
)
def test_a_wrong_length_is_refused(decode: object) -> None:
    with pytest.raises(ValueError, match="bytes"):
        decode(b"123")  # type: ignore[operator]


_SIZES = some.integers() | some.floats() | some.text(max_size=3) | some.none()
_HEADS = some.fixed_dictionaries(
    {
        "version": _SIZES,
        "metadata": some.dictionaries(some.text(max_size=3), _SIZES, max_size=2) | _SIZES,
        "shapes": some.dictionaries(some.text(max_size=3), some.lists(_SIZES, max_size=3) | _SIZES, max_size=2)
        | _SIZES,
    }
).map(lambda head: json.dumps(head).encode())


@given(some.binary(max_size=50) | _HEADS, some.binary(max_size=50))
def test_any_weights_decode_or_are_refused(head: bytes, body: bytes) -> None:
    for decode in (wire.decode_intra_weights, wire.decode_inter_weights):
        with contextlib.suppress(ValueError):
            decode((head, body))


def test_a_decision_without_actions_is_not_sent() -> None:
    with pytest.raises(ValueError, match="actions"):
        wire.encode_decision(SlotDecision(np.zeros(1, np.int16), np.zeros(1, np.float32), None))
