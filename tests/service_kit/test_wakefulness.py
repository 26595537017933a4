"""Cores are kept awake by a number in a device that stays open."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from service_kit.wakefulness import LATENCY_US, keep_cores_awake


@pytest.mark.parametrize(("driver", "latency_us"), [("haltpoll", 0), ("intel_idle", LATENCY_US)])
def test_the_device_stays_open_with_the_latency_in_it(tmp_path: Path, driver: str, latency_us: int) -> None:
    device, idle_driver = tmp_path / "cpu_dma_latency", tmp_path / "current_driver"
    device.touch()
    idle_driver.write_text(f"{driver}\n")
    assert keep_cores_awake(device, idle_driver) is True
    assert device.read_bytes() == struct.pack("=i", latency_us)
    opened = [path for path in Path("/proc/self/fd").iterdir() if path.exists() and path.samefile(device)]
    assert len(opened) == 1
    os.close(int(opened[0].name))


def test_where_it_is_refused_the_run_goes_on(tmp_path: Path) -> None:
    idle_driver = tmp_path / "current_driver"
    idle_driver.write_text("none\n")
    assert keep_cores_awake(tmp_path / "nothing", idle_driver) is False
    assert keep_cores_awake(tmp_path / "nothing", tmp_path / "nothing") is False
