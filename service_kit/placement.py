"""Where a process runs: its core and its priority. Asked for, never needed: what is refused is logged."""

from __future__ import annotations

import ctypes
import logging
import os
import platform
import struct
import sys
from collections.abc import Collection
from dataclasses import dataclass

from service_kit.logs import fields

_LOG = logging.getLogger(__name__)

FACE_NICENESS = 10
LOWEST_FIFO_PRIORITY = 1
TURN_NS = 100_000
"""Linux's least; its own are ten and more times as long."""

_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
"""Number of the system call, which neither Python nor older C libraries offer."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What was granted: the core, and whether the process runs under SCHED_FIFO."""

    cpu: int | None
    sched_fifo: bool


def place(cpu: int | None, fifo: int | None) -> Placement:
    """Pin the process and let it run when it wakes up (`take_precedence`); call it before any thread starts."""
    return Placement(cpu if pin(cpu) else None, take_precedence(fifo))


def pin(cpu: int | None) -> bool:
    """Pin this process, and the threads that it starts from now on, to one core; whether that was asked and granted."""
    return pin_among(() if cpu is None else (cpu,))


def pin_among(cores: Collection[int]) -> bool:
    """As `pin`, to any of some cores; without any nothing is asked."""
    if not cores:
        return False
    try:
        os.sched_setaffinity(0, cores)
    except (AttributeError, OSError) as error:
        _LOG.warning("cpu_pinning_refused", extra=fields(cores=sorted(cores), reason=str(error)))
        return False
    return True


def take_precedence(fifo_priority: int | None) -> bool:
    """Have this process run soon after it wakes up; whether under SCHED_FIFO, where that is asked and granted.

    Else its turns at normal priority are short, so that it takes the core from whoever has longer ones.
    """
    if take_fifo(fifo_priority):
        return True
    _take_short_turns()
    return False


def take_fifo(priority: int | None) -> bool:
    """Take SCHED_FIFO at `priority` (1..99); whether that was asked and granted."""
    if priority is None:
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except (AttributeError, OSError) as error:
        _LOG.warning("sched_fifo_refused", extra=fields(priority=priority, reason=str(error)))
        return False
    return True


def _take_short_turns() -> None:
    """Ask Linux's scheduler (EEVDF) for turns of `TURN_NS`; kernels before 6.12 take no notice, others have none."""
    number = _SCHED_SETATTR.get(platform.machine())
    if sys.platform != "linux" or number is None:
        return
    # struct sched_attr: size, policy, flags, niceness, priority, runtime, deadline, period.
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    attributes = struct.pack("=IIQiIQQQ", 48, os.SCHED_OTHER, 0, niceness, 0, TURN_NS, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ctypes.c_long(number), 0, ctypes.c_char_p(attributes), 0) != 0:
        _LOG.warning("short_turns_refused", extra=fields(reason=os.strerror(ctypes.get_errno())))


def give_way(niceness: int = FACE_NICENESS) -> None:
    """Lower this process's priority below the hot loops'."""
    try:
        os.nice(niceness)
    except (AttributeError, OSError) as error:
        _LOG.warning("nice_refused", extra=fields(reason=str(error)))


def lower_fifo() -> None:
    """Put the calling thread, and those that it starts, below every hot loop; nothing changes without SCHED_FIFO.

    It stays under SCHED_FIFO: at normal priority any other process would take the core from it, and the loop of its
    own process would wait so long for the interpreter's lock.
    """
    try:
        if os.sched_getscheduler(0) == os.SCHED_FIFO:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(LOWEST_FIFO_PRIORITY))
    except (AttributeError, OSError):
        return  # it runs as it was started
