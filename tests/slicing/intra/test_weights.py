"""Weights files: what is written comes back, and nothing else is taken."""

from __future__ import annotations

import dataclasses
import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xapps.slicing.intra.policies import make_intra_policy, trained_weights, untrained_weights
from xapps.slicing.networks import IntraWeights
from xapps.slicing.weights import Weights, WeightsError, WeightsMetadata, load_weights, save_weights

from .synthetic import embb_context

CONTEXT = embb_context(antennas=16)
ABOUT = WeightsMetadata(
    variant="madqn-tuned",
    preset="base",
    hwi_model="paper",
    kappa_t=1e-3,
    kappa_r=1e-3,
    control_delay_slots=2,
    seed=5,
    trained_slots=20_000,
    epsilon=0.02,
    command="hiso train --scenario base --seed 5",
)


def some_weights() -> Weights:
    flat = untrained_weights("madqn-tuned", CONTEXT, 5).flat
    return Weights(ABOUT, {"embb.flat": flat, "vonr.flat": flat + 1})


def test_round_trip_keeps_everything(tmp_path: Path) -> None:
    weights = some_weights()
    save_weights(tmp_path / "a.npz", weights)
    save_weights(tmp_path / "b.npz", weights)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded = load_weights(tmp_path / "a.npz")
    assert loaded.metadata == ABOUT
    assert loaded.weights_id == weights.weights_id
    assert weights.weights_id.startswith("madqn-tuned-base-d2-")
    assert all(np.array_equal(loaded.arrays[name], weights.arrays[name]) for name in weights.arrays)


def test_the_id_follows_the_content() -> None:
    weights = some_weights()
    changed = dict(weights.arrays)
    changed["embb.flat"] = np.nextafter(changed["embb.flat"], np.float32(9))
    assert Weights(ABOUT, changed).weights_id != weights.weights_id
    relabelled = Weights(dataclasses.replace(ABOUT, command="else"), weights.arrays)
    assert relabelled.weights_id == weights.weights_id


def test_an_agent_takes_its_own_part() -> None:
    weights = some_weights()
    mine = trained_weights("madqn-tuned", CONTEXT, weights)
    policy = make_intra_policy("madqn-tuned", CONTEXT, 0, mine)
    assert np.array_equal(policy.parameters.weights, weights.arrays["embb.flat"])
    assert policy.parameters.epsilon[0] == 0.02
    assert policy.weights_id == weights.weights_id
    with pytest.raises(WeightsError, match=r"no agent 'urllc'.*embb, vonr"):
        trained_weights("madqn-tuned", dataclasses.replace(CONTEXT, slice_id=2), weights)
    with pytest.raises(WeightsError, match="variant is madqn-tuned, not madqn"):
        trained_weights("madqn", CONTEXT, weights)
    short = Weights(ABOUT, {"embb.flat": np.zeros(4, np.float32)})
    with pytest.raises(WeightsError, match="flat must hold 9256 numbers"):
        trained_weights("madqn-tuned", CONTEXT, short)


def metadata_json(**changes: object) -> str:
    return json.dumps({**dataclasses.asdict(ABOUT), **changes})


def test_metadata_is_checked() -> None:
    assert WeightsMetadata.from_json(metadata_json()) == ABOUT
    with pytest.raises(WeightsError, match=r"metadata\.seed: expected int, got 'five'"):
        WeightsMetadata.from_json(metadata_json(seed="five"))
    with pytest.raises(WeightsError, match=r"metadata\.epsilon: expected float, got True"):
        WeightsMetadata.from_json(metadata_json(epsilon=True))
    with pytest.raises(WeightsError, match=r"metadata\.kappa_t: must be finite"):
        WeightsMetadata.from_json(metadata_json(kappa_t=float("nan")))
    with pytest.raises(WeightsError, match="unknown fields colour"):
        WeightsMetadata.from_json(metadata_json(colour="red"))
    with pytest.raises(WeightsError, match="not JSON"):
        WeightsMetadata.from_json("{")


def test_files_that_are_not_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrong.npz"
    with pytest.raises(WeightsError, match=r"wrong\.npz"):
        load_weights(path)
    path.write_bytes(b"no zip at all")
    with pytest.raises(WeightsError, match="not a weights file"):
        load_weights(path)
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(WeightsError, match="no metadata"):
        load_weights(tmp_path / "array.npy")
    np.savez(path, flat=np.zeros(3, np.float32))
    with pytest.raises(WeightsError, match="no metadata"):
        load_weights(path)
    np.savez(path, metadata=np.array(metadata_json()), flat=np.array([np.inf], np.float32))
    with pytest.raises(WeightsError, match="flat: expected finite float32"):
        load_weights(path)
    np.savez(path, metadata=np.array(metadata_json()), flat=np.array([{}], object))
    with pytest.raises(WeightsError, match="not a weights file"):
        load_weights(path)


DAMAGES = {
    "compressed data (zlib.error)": (b"flat.npy", 40, 0xFF),
    "way of compression (NotImplementedError)": (b"PK\x01\x02", 10, 99),
    "encryption (RuntimeError)": (b"PK\x01\x02", 8, 1),
    "array's header (TokenError)": (b"1000,), }", 8, ord("(")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "damaged.npz"
    save = np.savez if "header" in damage else np.savez_compressed
    save(path, metadata=np.array(metadata_json()), flat=np.arange(1_000, dtype=np.float32))
    content = bytearray(path.read_bytes())
    mark, after, byte = DAMAGES[damage]
    content[content.index(mark) + after] = byte
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"damaged\.npz: not a weights file"):
        load_weights(path)


@given(st.integers(0, 2**31), st.binary(min_size=1, max_size=8))
def test_any_change_of_a_file_loads_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, written: bytes
) -> None:
    path = tmp_path_factory.mktemp("changed") / "changed.npz"
    save_weights(path, Weights(ABOUT, {"embb.flat": np.arange(50, dtype=np.float32)}))
    content = bytearray(path.read_bytes())
    place %= len(content)
    content[place : place + len(written)] = written
    path.write_bytes(content)
    with suppress(WeightsError):
        load_weights(path)


def test_published_versions_survive_the_wire() -> None:
    weights = IntraWeights(12, 0.25, np.arange(5, dtype=np.float32), "madqn-learning")
    back = IntraWeights.from_bytes(weights.to_bytes(), "madqn-learning")
    assert (back.version, back.epsilon, back.weights_id) == (12, 0.25, "madqn-learning")
    assert np.array_equal(back.flat, weights.flat)
    with pytest.raises(ValueError, match="17 bytes"):
        IntraWeights.from_bytes(b"x" * 17, "")
