"""Arrays that cross from Python into compiled code as addresses.

Unboxing a tuple of thirty arrays costs more than a slot's physics or a decision, and is paid at each call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ran_emulator.phy.jit import NUMBA  # before anything of numba: it sets the cache's folder

from numba.core import cgutils, types  # isort: skip
from numba.core.typing import npydecl  # isort: skip
from numba.extending import intrinsic  # isort: skip
from numba.np import arrayobj  # isort: skip

_ARRAYOBJ: Any = arrayobj
_TYPES: Any = types


def addresses_of(arrays: tuple[Any, ...]) -> npt.NDArray[np.int64]:
    """Address and shape of each array: what `rebuild_like` makes the tuple of again.

    Whoever holds the addresses must keep the arrays. They must be writable, aligned and C-contiguous.
    """
    numbers: list[int] = []
    for array in arrays:
        assert array.flags.carray, "an address and a shape say nothing of strides"
        numbers += [array.ctypes.data, *array.shape]
    return np.array(numbers, np.int64)


def _array(context: Any, builder: Any, of: Any, address: Any, shape: Sequence[Any]) -> Any:
    """Code that makes a C-contiguous array of type `of` at an address."""
    array = context.make_array(of)(context, builder)
    size = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(of.dtype)))
    strides = [size]
    for extent in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], extent))
    data = builder.inttoptr(address, array.data.type)
    _ARRAYOBJ.populate_array(array, data=data, shape=shape, strides=strides, itemsize=size, meminfo=None)
    return array._getvalue()


def rebuild_like(example: tuple[Any, ...]) -> Any:
    """A function of compiled code: `addresses_of` such a tuple -> the tuple.

    `example` gives the arrays' types and numbers of dimensions; sizes are those of the addresses.
    """
    kind: Any = NUMBA.typeof(example)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        numbers = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = 0

        def next_number() -> Any:
            nonlocal place
            pointer = builder.gep(numbers.data, [context.get_constant(types.intp, place)])
            place += 1
            return builder.load(pointer)

        parts = []
        for of in kind.types:
            address = next_number()
            parts.append(_array(context, builder, of, address, [next_number() for _ in range(of.ndim)]))
        return context.make_tuple(builder, kind, parts)

    @intrinsic
    def rebuild(_context: Any, addresses: Any) -> Any:
        return kind(addresses), generate

    return rebuild


def _array_at(_typing: Any, _address: Any, shape: Any, dtype: Any) -> Any:
    """In kernels, array_at(address, shape, dtype): the array that lies at an address; the caller keeps it alive.

    `numba.carray` does the same, but not in a `state_kernel`.
    """
    dimensions = len(shape) if isinstance(shape, types.BaseTuple) else 1
    array_type = _TYPES.Array(npydecl.parse_dtype(dtype), dimensions, "C")
    shape_type = _TYPES.UniTuple(types.intp, dimensions) if isinstance(shape, types.BaseTuple) else types.intp

    def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        sizes = cgutils.unpack_tuple(builder, arguments[1]) if dimensions > 1 else [arguments[1]]
        return _array(context, builder, array_type, arguments[0], sizes)

    return array_type(types.intp, shape_type, dtype), generate


array_at: Any = intrinsic(_array_at)
