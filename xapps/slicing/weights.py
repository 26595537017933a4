"""Trained weights as files: .npz without pickle, float32 arrays and a JSON string that says what they were trained for.

An array is named "<agent>.<array>" (agents vonr, embb, urllc, inter), so one file holds all agents of a variant.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from xapps.slicing.observation import F32
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions

_METADATA = "metadata"
_KINDS: Mapping[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float)}


ANY_HWI_MODEL = "any"


class WeightsError(ValueError):
    """A weights file that cannot be used; the message names file and field."""


@dataclass(frozen=True, slots=True)
class WeightsMetadata:
    """What weights were trained for, and how.

    hwi_model "any": both readings, with kappa_t and kappa_r drawn anew all the time, from 0 to those given.
    """

    variant: str
    preset: str
    hwi_model: str
    kappa_t: float
    kappa_r: float
    control_delay_slots: int
    seed: int
    trained_slots: int
    epsilon: float
    command: str
    bandwidth_step_hz: int = DEFAULT_OPTIONS.bandwidth_step_hz
    power_levels: int = DEFAULT_OPTIONS.power_levels
    action: str = DEFAULT_OPTIONS.action
    state: str = DEFAULT_OPTIONS.state
    power_scale: str = DEFAULT_OPTIONS.power_scale
    antennas: int = 128
    access: str = "rsma"
    precoder: str = "codebook"

    @classmethod
    def from_json(cls, text: str) -> WeightsMetadata:
        """Metadata from its JSON.

        Raises:
            WeightsError: not JSON, or a field that is missing, unknown or of the wrong type.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise WeightsError(f"{_METADATA}: not JSON: {error}") from error
        if not isinstance(data, dict):
            raise WeightsError(f"{_METADATA}: expected an object of fields")
        return cls(**_checked(data))


def _checked(data: dict[str, Any]) -> dict[str, Any]:
    """The fields of the metadata, each known, of its type and finite; those without a default are present."""
    known = {field.name: str(field.type) for field in fields(WeightsMetadata)}
    needed = {field.name for field in fields(WeightsMetadata) if field.default is MISSING}
    wrong = sorted((set(data) - set(known)) | (needed - set(data)))
    if wrong:
        raise WeightsError(f"{_METADATA}: missing or unknown fields {', '.join(wrong)}")
    for name, value in data.items():
        kind = known[name]
        if isinstance(value, bool) or not isinstance(value, _KINDS[kind]):
            raise WeightsError(f"{_METADATA}.{name}: expected {kind}, got {value!r}")
        if isinstance(value, float) and not math.isfinite(value):
            raise WeightsError(f"{_METADATA}.{name}: must be finite, got {value!r}")
    return data


@dataclass(frozen=True, slots=True)
class Weights:
    """Arrays of all agents of a variant, with their metadata."""

    metadata: WeightsMetadata
    arrays: Mapping[str, F32]

    @property
    def weights_id(self) -> str:
        """<variant>-<preset>-d<D>-<first 8 hex digits of the SHA-256 of the arrays>."""
        digest = hashlib.sha256()
        for name in sorted(self.arrays):
            array = np.ascontiguousarray(self.arrays[name], "<f4")
            digest.update(f"{name}{array.shape}".encode())
            digest.update(array.tobytes())
        about = self.metadata
        return f"{about.variant}-{about.preset}-d{about.control_delay_slots}-{digest.hexdigest()[:8]}"

    def agent(self, name: str) -> dict[str, F32]:
        """The arrays of one agent, without its prefix.

        Raises:
            WeightsError: it has none.
        """
        prefix = f"{name}."
        found = {key.removeprefix(prefix): array for key, array in self.arrays.items() if key.startswith(prefix)}
        if not found:
            agents = ", ".join(sorted({key.partition(".")[0] for key in self.arrays}))
            raise WeightsError(f"weights {self.weights_id}: no agent {name!r} (there are: {agents})")
        return found


INTRA_OPTION_FIELDS = ("power_levels", "action", "power_scale", "state")
INTER_OPTION_FIELDS = ("bandwidth_step_hz",)


def check_trained_options(weights: Weights, options: AgentOptions, names: Sequence[str] = INTRA_OPTION_FIELDS) -> None:
    """Whether agents were trained to see and choose from what they shall now see and choose from.

    Raises:
        WeightsError: naming the field, what they were trained for, and what is asked for.
    """
    for name in names:
        trained, wanted = getattr(weights.metadata, name), getattr(options, name)
        if trained != wanted:
            raise WeightsError(f"weights {weights.weights_id}: trained for {name} {trained}, not {wanted}")


def save_weights(path: Path, weights: Weights) -> None:
    """Write a weights file; equal weights give equal bytes."""
    buffer = io.BytesIO()
    text = json.dumps(asdict(weights.metadata), sort_keys=True)
    arrays = {name: np.asarray(weights.arrays[name], np.float32) for name in sorted(weights.arrays)}
    np.savez_compressed(buffer, allow_pickle=False, **{_METADATA: np.array(text)}, **arrays)
    path.write_bytes(buffer.getvalue())


def _read_arrays(path: Path) -> dict[str, Any]:
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            return {}  # a bare .npy comes back as an array, not as an archive
        with file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise WeightsError(f"weights: {path}: no such file") from error
    except OSError as error:
        raise WeightsError(f"weights: {path} cannot be read: {error.strerror}") from error
    except Exception as error:  # of damaged bytes numpy, zipfile and zlib raise what each of their steps happens to
        raise WeightsError(f"weights: {path}: not a weights file: no .npz archive of arrays") from error


def load_weights(path: Path) -> Weights:
    """Read a weights file.

    Raises:
        WeightsError: no such file, not a weights file, or values that are not finite float32 numbers.
    """
    arrays = _read_arrays(path)
    text = arrays.pop(_METADATA, None)
    if text is None or text.dtype.kind != "U":
        raise WeightsError(f"weights: {path}: not a weights file: no {_METADATA}")
    for name, array in arrays.items():
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise WeightsError(f"weights: {path}: {name}: expected finite float32 numbers")
    try:
        return Weights(WeightsMetadata.from_json(str(text)), arrays)
    except WeightsError as error:
        raise WeightsError(f"weights: {path}: {error}") from error
