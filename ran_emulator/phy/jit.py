"""How kernels are compiled: once, into a cache that belongs to exactly these sources."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_KERNEL_FILES = sorted(
    [*_ROOT.glob("ran_emulator/**/*.py"), *_ROOT.glob("xapps/slicing/**/*.py"), *_ROOT.glob("hiso/*_kernel.py")]
)


def _cache_directory() -> Path:
    """Cache folder named by the digest of all kernel sources.

    numba's own cache looks only at the file of a function, not at the functions that it calls from other files.
    """
    digest = hashlib.sha256()
    for path in _KERNEL_FILES:
        text = path.read_bytes()
        if b"kernel\ndef " in text or path.name in {"jit.py", "state.py", "codes.py"}:
            digest.update(text)
    base = Path(os.environ.get("HISO_CACHE_DIR") or Path.home() / ".cache" / "hiso-coma")
    return base / f"kernels-{digest.hexdigest()[:16]}"


# numba reads its configuration at import, so the folder is set first.
os.environ.setdefault("NUMBA_CACHE_DIR", str(_cache_directory()))

import numba  # noqa: E402
from numba.core import cgutils, types  # noqa: E402
from numba.core.typing import npydecl  # noqa: E402
from numba.extending import intrinsic  # noqa: E402
from numba.np import arrayobj  # noqa: E402

_OPTIONS: Any = {"cache": True, "nogil": True, "error_model": "numpy"}


def kernel(function: Any) -> Any:
    """Compile `function` on its first call: cached, without the GIL, IEEE arithmetic.

    No fastmath and no parallel loops: the same seed must give the same trace in every host.
    """
    return numba.njit(**_OPTIONS)(function)


def state_kernel(function: Any, inline: bool = False) -> Any:
    """A kernel over the whole state of a cell; it allocates nothing.

    Without reference counts (_nrt): counting those of a tuple of arrays at each call would cost more than the physics.
    """
    compiler: Any = numba.njit
    return compiler(forceinline=inline, _nrt=False, **_OPTIONS)(function)


def inline_kernel(function: Any) -> Any:
    """A state kernel that is inlined into its callers: even passing the tuple costs more than most steps do."""
    return state_kernel(function, inline=True)


def _array_at(_typing: Any, _address: Any, shape: Any, dtype: Any) -> Any:
    """In kernels, array_at(address, shape, dtype): the array that lies at an address; the caller keeps it alive.

    For kernels that Python calls every slot: numba takes each array that it is given apart, which costs more than most
    decisions. `numba.carray` does the same, but not in a `state_kernel`.
    """
    of: Any = types
    dimensions = len(shape) if isinstance(shape, types.BaseTuple) else 1
    array_type = of.Array(npydecl.parse_dtype(dtype), dimensions, "C")
    shape_type = of.UniTuple(types.intp, dimensions) if isinstance(shape, types.BaseTuple) else types.intp

    def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        array = context.make_array(array_type)(context, builder)
        item_size = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(array_type.dtype)))
        sizes = cgutils.unpack_tuple(builder, arguments[1]) if dimensions > 1 else [arguments[1]]
        strides = [item_size]
        for size in sizes[:0:-1]:
            strides.insert(0, builder.mul(strides[0], size))
        data = builder.inttoptr(arguments[0], array.data.type)
        arrayobj.populate_array(array, data=data, shape=sizes, strides=strides, itemsize=item_size, meminfo=None)
        return array._getvalue()

    return array_type(types.intp, shape_type, dtype), generate


array_at: Any = intrinsic(_array_at)
