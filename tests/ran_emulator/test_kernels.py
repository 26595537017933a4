"""How kernels are compiled."""

from __future__ import annotations

import pytest

from ran_emulator.traffic.arrivals import packet_bits


def test_python_cannot_call_what_has_no_way_in_from_it() -> None:
    with pytest.raises(TypeError, match=r"packet_bits: only kernels may call it"):
        packet_bits(0, 0, 0, 1, 1)
    assert packet_bits.py_func(0, 0, 0, 7, 7) == 56
