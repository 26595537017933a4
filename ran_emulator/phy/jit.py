"""How kernels are compiled: once, into a cache that belongs to exactly these sources."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, NoReturn

_ROOT = Path(__file__).resolve().parents[2]
_KERNEL_FILES = sorted(
    [*_ROOT.glob("ran_emulator/**/*.py"), *_ROOT.glob("xapps/slicing/**/*.py"), *_ROOT.glob("hiso/*_kernel.py")]
)
_ALWAYS = {"jit.py", "addresses.py", "layout.py", "state.py", "codes.py", "scenario.py"}
"""Whether they have kernels or not: kernels are compiled with their constants and types."""


def _cache_directory() -> Path:
    """Cache folder named by the digest of all kernel sources.

    numba's own cache looks only at the file of a function, not at the functions that it calls from other files.
    """
    digest = hashlib.sha256()
    for path in _KERNEL_FILES:
        text = path.read_bytes()
        if b"kernel\ndef " in text or path.name in _ALWAYS:
            digest.update(text)
    base = Path(os.environ.get("HISO_CACHE_DIR") or Path.home() / ".cache" / "hiso-coma")
    return base / f"kernels-{digest.hexdigest()[:16]}"


# numba reads its configuration at import, so the folder is set first.
os.environ.setdefault("NUMBA_CACHE_DIR", str(_cache_directory()))

import numba  # noqa: E402
from numba.core.registry import CPUDispatcher  # noqa: E402

NUMBA: Any = numba

_OPTIONS: Any = {"cache": True, "nogil": True, "error_model": "numpy"}


def kernel(function: Any) -> Any:
    """Compile `function` on its first call: cached, without the GIL, IEEE arithmetic.

    No fastmath and no parallel loops: the same seed must give the same trace in every host.
    """
    return numba.njit(**_OPTIONS)(function)


def state_kernel(function: Any) -> Any:
    """A kernel over the whole state of a cell; it allocates nothing.

    Without reference counts (_nrt): counting those of a tuple of arrays at each call would cost more than the physics.
    """
    compiler: Any = numba.njit
    return compiler(_nrt=False, **_OPTIONS)(function)


def inline_kernel(function: Any) -> Any:
    """A state kernel that is inlined into its callers: even passing the tuple costs more than most steps do.

    They are kernels too: a way in from Python, which takes longer to compile than most of them, is not made.
    """
    compiler: Any = numba.njit
    options = {**_OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    made = compiler(forceinline=True, _nrt=False, **options)(function)
    made.__class__ = _KernelsOnly
    return made


class _KernelsOnly(CPUDispatcher):
    """A kernel that Python has no way into: called from there without this class, it would end the process."""

    def __call__(self, *_arguments: object) -> NoReturn:
        """Refuse."""
        raise TypeError(f"{self.py_func.__name__}: only kernels may call it")
