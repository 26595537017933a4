"""Results on disk: one small file a run, by its key, and the weights that trainings leave. Written whole or not."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hiso.experiments.run import Run
from xapps.slicing.weights import Weights, load_weights, save_weights


class StoreError(ValueError):
    """A folder or file of results that cannot be used; the message names it."""


@dataclass(frozen=True, slots=True)
class Result:
    """What is stored of a run."""

    run: dict[str, Any]
    measures: Mapping[str, float | None]
    series: Mapping[str, Sequence[float | None]]
    """NaN is stored as None."""
    wall_s: float
    jobs: int
    """Runs that were made at the same time: wall times depend on it."""
    error: str | None = None
    """Why it failed; None: it did not."""


class Store:
    """A folder of results."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read or written yet."""
        self.folder = folder

    def prepare(self) -> None:
        """Make the folder.

        Raises:
            StoreError: it cannot be made or written.
        """
        try:
            for part in (self._runs, self._weights):
                part.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"out: {self.folder} must be a folder, or a place for one: {error.strerror}") from error
        if not all(os.access(part, os.W_OK | os.X_OK) for part in (self._runs, self._weights)):
            raise StoreError(f"out: {self.folder} cannot be written")

    @property
    def _runs(self) -> Path:
        return self.folder / "runs"

    @property
    def _weights(self) -> Path:
        return self.folder / "weights"

    def get(self, key: str) -> Result | None:
        """The result of a run; None: it has not been made.

        Raises:
            StoreError: a file that is no result.
        """
        path = self._runs / f"{key}.json"
        try:
            return Result(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise StoreError(f"{path}: not a stored result, delete it to have it made again: {error}") from error

    def put(self, run: Run, result: Result, weights: Weights | None = None) -> None:
        """Store a result; the weights first, so that a result that is there has them.

        Raises:
            StoreError: it cannot be written.
        """
        text = json.dumps(_finite(asdict(result)), allow_nan=False, sort_keys=True) + "\n"
        try:
            if weights is not None:
                scratch = self._scratch(self._weights)
                save_weights(scratch, weights)
                scratch.replace(self._weights_path(run.key))
            scratch = self._scratch(self._runs)
            scratch.write_text(text, encoding="utf-8")
            scratch.replace(self._runs / f"{run.key}.json")
        except OSError as error:
            raise StoreError(f"out: {self.folder} cannot be written: {error.strerror}") from error

    def has_weights(self, key: str) -> bool:
        """Whether there is what a training has left."""
        return self._weights_path(key).is_file()

    def weights(self, key: str) -> Weights:
        """What a training has left.

        Raises:
            WeightsError: nothing, or nothing that can be used.
        """
        return load_weights(self._weights_path(key))

    def copy_weights(self, key: str, source: Store, source_key: str) -> None:
        """Take what a training has left from another store."""
        shutil.copyfile(source._weights_path(source_key), self._weights_path(key))

    def _weights_path(self, key: str) -> Path:
        return self._weights / f"{key}.npz"

    @staticmethod
    def _scratch(folder: Path) -> Path:
        """In the same folder, so that it can be renamed; its own for each process."""
        return folder / f".{os.getpid()}.part"


def _finite(value: Any) -> Any:
    """Plain data with None for what is not a number."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
