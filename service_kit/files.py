"""Files that are written at the end of what may be long: whether they can be is asked at its beginning."""

from __future__ import annotations

import os
from pathlib import Path


def why_unwritable(path: Path, *, replaced: bool = False) -> str:
    """What keeps a file from being written, in words; empty: nothing does.

    `replaced`: another file will take its place, so that its folder must be writable, and what is there a file.
    """
    folder = path.absolute().parent
    other = path.exists() and not path.is_file() if replaced else path.is_dir()
    if other or not folder.is_dir():
        return f"{path} must be a file in a folder that exists"
    if not os.access(folder if replaced or not path.exists() else path, os.W_OK):
        return f"{path} cannot be written"
    return ""
