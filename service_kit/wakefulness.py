"""Cores that do not fall asleep between two slots: a core that has to be woken is late by a good part of a slot.

Asked of the kernel through its PM QoS device, as `cyclictest` and low-latency profiles do: whoever holds the device
open, with a number of microseconds in it, forbids every core the idle states from which waking takes longer. A guest
of a virtual machine gives its core back when it idles, and waits to have it again; 0 forbids that.
"""

from __future__ import annotations

import logging
import os
import struct
from pathlib import Path

from service_kit.logs import fields

_LOG = logging.getLogger(__name__)

DEVICE = Path("/dev/cpu_dma_latency")
IDLE_DRIVER = Path("/sys/devices/system/cpu/cpuidle/current_driver")
GUEST_DRIVER = "haltpoll"
LATENCY_US = 2
"""Leaves a core its shallowest sleep, which saves most of the power."""


def keep_cores_awake(device: Path = DEVICE, idle_driver: Path = IDLE_DRIVER) -> bool:
    """Forbid cores to sleep deeply until this process ends; whether that was granted."""
    try:
        guest = idle_driver.read_text(encoding="ascii").strip() == GUEST_DRIVER
        descriptor = os.open(device, os.O_WRONLY | os.O_CLOEXEC)  # the kernel forgets the wish when it is closed
        os.write(descriptor, struct.pack("=i", 0 if guest else LATENCY_US))
    except OSError as error:
        _LOG.info("cores_may_sleep", extra=fields(reason=str(error)))
        return False
    return True


def may_keep_cores_awake() -> bool:
    """Whether this user may."""
    return os.access(DEVICE, os.W_OK) and IDLE_DRIVER.is_file()
