"""Training curves as files: one CSV a training, and TensorBoard's events where it is installed."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self


def tensorboard_is_here() -> bool:
    """Whether events can be written, too (`pip install tensorboard`)."""
    return importlib.util.find_spec("tensorboard") is not None


class Curves:
    """The curves of one training: DIR/NAME.csv, and the folder DIR/NAME of events."""

    def __init__(self, folder: Path, name: str) -> None:
        """Replace what an earlier training of this name has left.

        Raises:
            OSError: the files cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._rows: csv.DictWriter[str] | None = None
        self._events: Any = None
        if tensorboard_is_here():
            from torch.utils.tensorboard.writer import SummaryWriter

            for old in (folder / name).glob("events.out.tfevents.*"):
                old.unlink()
            self._events = SummaryWriter(str(folder / name))
        self._file = (folder / f"{name}.csv").open("w", newline="", encoding="utf-8")

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self._file.close()
        if self._events is not None:
            self._events.close()

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """One point of each curve; the first call says which there are. step: simulated slots or seconds."""
        if self._rows is None:
            self._rows = csv.DictWriter(self._file, ["step", *values])
            self._rows.writeheader()
        self._rows.writerow({"step": step, **values})
        self._file.flush()
        if self._events is not None:
            for name, value in values.items():
                self._events.add_scalar(name, value, step)
