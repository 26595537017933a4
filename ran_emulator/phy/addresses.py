"""Tuples of arrays that cross from Python into compiled code as one array of addresses.

Unboxing a tuple of thirty arrays costs more than a slot's physics, and is paid at each call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ran_emulator.phy.jit import NUMBA  # before anything of numba: it sets the cache's folder

from numba.core import types  # isort: skip
from numba.extending import intrinsic  # isort: skip
from numba.np import arrayobj  # isort: skip

_ARRAYOBJ: Any = arrayobj


def addresses_of(arrays: tuple[Any, ...]) -> npt.NDArray[np.int64]:
    """Address and shape of each array: what `rebuild_like` makes the tuple of again.

    Whoever holds the addresses must keep the arrays. They must be writable, aligned and C-contiguous.
    """
    numbers: list[int] = []
    for array in arrays:
        assert array.flags.carray, "an address and a shape say nothing of strides"
        numbers += [array.ctypes.data, *array.shape]
    return np.array(numbers, np.int64)


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

        def next_array(of: Any) -> Any:
            array = context.make_array(of)(context, builder)
            size = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(of.dtype)))
            data = builder.inttoptr(next_number(), array.data.type)
            shape = [next_number() for _ in range(of.ndim)]
            strides = [size]
            for extent in reversed(shape[1:]):
                strides.insert(0, builder.mul(strides[0], extent))
            _ARRAYOBJ.populate_array(array, data=data, shape=shape, strides=strides, itemsize=size, meminfo=None)
            return array._getvalue()

        return context.make_tuple(builder, kind, [next_array(of) for of in kind.types])

    @intrinsic
    def rebuild(_context: Any, addresses: Any) -> Any:
        return kind(addresses), generate

    return rebuild
