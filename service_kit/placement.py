"""Where a process runs: its core and its priority. Asked for, never needed: what is refused is logged."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass

from service_kit.logs import fields

_LOG = logging.getLogger(__name__)

FACE_NICENESS = 10
LOWEST_FIFO_PRIORITY = 1


@dataclass(frozen=True, slots=True)
class Placement:
    """What was granted: the core, and whether the process runs under SCHED_FIFO."""

    cpu: int | None
    sched_fifo: bool


def place(cpu: int | None, fifo: int | None) -> Placement:
    """Pin the process and take SCHED_FIFO where asked and allowed; call it before any thread starts."""
    return Placement(cpu if pin(cpu) else None, take_fifo(fifo))


def pin(cpu: int | None) -> bool:
    """Pin this process, and the threads that it starts from now on, to one core; whether that was asked and granted."""
    if cpu is None:
        return False
    try:
        os.sched_setaffinity(0, {cpu})
    except (AttributeError, OSError) as error:
        _LOG.warning("cpu_pinning_refused", extra=fields(cpu=cpu, reason=str(error)))
        return False
    return True


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


def give_way() -> None:
    """Lower this process's priority below the hot loops'."""
    try:
        os.nice(FACE_NICENESS)
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
