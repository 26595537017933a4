"""Where a process runs: its core, SCHED_FIFO, the garbage collector. Asked for, never needed; refusals are logged."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import sys

from ran_emulator.logs import fields

_LOG = logging.getLogger(__name__)
_PR_SET_TIMERSLACK = 29


def pin(cpu: int | None) -> None:
    """Pin this process, and the threads it starts from now on, to one core."""
    if cpu is None:
        return
    try:
        os.sched_setaffinity(0, {cpu})
    except (AttributeError, OSError) as error:
        _LOG.warning("pinning refused", extra=fields(cpu=cpu, reason=str(error)))


def take_fifo(priority: int | None) -> None:
    """Schedule this process as SCHED_FIFO with a priority of 1..99."""
    if priority is None:
        return
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except (AttributeError, OSError) as error:
        _LOG.warning("SCHED_FIFO refused", extra=fields(priority=priority, reason=str(error)))
    else:
        _LOG.info("SCHED_FIFO in force", extra=fields(priority=priority))


def give_way() -> None:
    """Lower this process's priority below the hot loops'."""
    try:
        os.nice(10)
    except (AttributeError, OSError) as error:
        _LOG.warning("nice refused", extra=fields(reason=str(error)))


def steady_interpreter() -> None:
    """No collector in the path (its owner collects once a second), quick thread switches, exact timers."""
    sys.setswitchinterval(1e-4)  # the default of 5 ms is ten slots
    gc.collect()
    gc.freeze()
    gc.disable()
    if sys.platform == "linux":
        # A normal thread's timers may otherwise come 50 us late.
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(1_000), 0, 0, 0)
