"""Where and how a process runs: core, real-time priority, garbage collector. Asked for, never needed."""

from __future__ import annotations

import gc
import logging
import os
import sys

_LOG = logging.getLogger(__name__)

_SWITCH_INTERVAL_S = 1e-4
"""A thread that holds the interpreter's lock gives it up after this: the default of 5 ms is ten slots."""


def pin(cpu: int | None) -> bool:
    """Pin this process (threads started later included) to one core; says so in the log where it cannot."""
    if cpu is None:
        return False
    try:
        os.sched_setaffinity(0, {cpu})
    except (AttributeError, OSError, ValueError) as error:
        _LOG.warning("cpu_pinning_refused", extra={"fields": {"cpu": cpu, "reason": str(error)}})
        return False
    return True


def take_fifo(priority: int | None) -> bool:
    """Take SCHED_FIFO at `priority` (1..99) where the user may; says so in the log where not."""
    if priority is None:
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except (AttributeError, OSError, ValueError) as error:
        _LOG.warning(
            "sched_fifo_refused",
            extra={"fields": {"priority": priority, "reason": str(error), "used": "normal"}},
        )
        return False
    return True


def be_nice() -> None:
    """Give way to the hot loops."""
    try:
        os.nice(10)
    except (AttributeError, OSError) as error:
        _LOG.warning("nice_refused", extra={"fields": {"reason": str(error)}})


def calm_interpreter() -> None:
    """Freeze what lives and switch the collector off: the owner collects at a moment of its own choosing."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()
    gc.disable()
