"""How kernels are compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from ran_emulator.phy import jit
from ran_emulator.traffic.arrivals import packet_bits


def test_python_cannot_call_what_has_no_way_in_from_it() -> None:
    with pytest.raises(TypeError, match=r"packet_bits: only kernels may call it"):
        packet_bits(0, 0, 0, 1, 1)
    assert packet_bits.py_func(0, 0, 0, 7, 7) == 56


def test_a_slot_of_another_length_has_kernels_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "_KERNEL_FILES", [tmp_path / "scenario.py"])
    folders = set()
    for slot_us in (500, 250):
        (tmp_path / "scenario.py").write_text(f"SLOT_US = {slot_us}\n")
        folders.add(jit._cache_directory())
    assert len(folders) == 2
