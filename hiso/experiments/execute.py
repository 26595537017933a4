"""Runs made in parallel, a process a core: each result stored once it is there, trainings before what needs them."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from hiso.experiments.run import Run
from hiso.experiments.store import Result, Store

_ERROR_CHARACTERS = 2_000
"""Of a traceback, from its end."""


@dataclass(slots=True)
class Tally:
    """How far the runs are."""

    total: int
    stored: int = 0
    """There before."""
    done: int = 0
    failed: int = 0
    """Of those made now."""


Watch = Callable[[Tally, Run | None], None]
"""Called at the start and after each run."""


def make(run: Run, folder: Path, jobs: int) -> bool:
    """Make one run and store what it gave, or why it failed; whether it went well."""
    store = Store(folder)
    started_s = time.perf_counter()
    try:
        if run.kind == "system":
            from hiso.experiments.whole_system import perform_system

            outcome = perform_system(run)
        else:
            from hiso.experiments.perform import perform

            outcome = perform(run, store.weights)
    except Exception:
        text = traceback.format_exc()[-_ERROR_CHARACTERS:]
        store.put(run, Result(run.content, {}, {}, time.perf_counter() - started_s, jobs, text))
        return False
    wall_s = time.perf_counter() - started_s
    store.put(run, Result(run.content, outcome.measures, outcome.series, wall_s, jobs), outcome.weights)
    return True


def execute(
    runs: dict[str, Run],
    store: Store,
    jobs: int,
    watch: Watch,
    retry_failed: bool = False,
    series: Mapping[str, set[str]] = MappingProxyType({}),
) -> Tally:
    """Make those of the runs that the store does not hold.

    Args:
        runs: by key; those whose weights other runs need come among them.
        store: where results are and go.
        jobs: processes.
        watch: told how far it is.
        retry_failed: make runs again that are stored as failed.
        series: by key, curves without which a training is made again: results taken back from a table lack most.

    Raises:
        StoreError: the folder, or a file in it, cannot be used; what was stored stays.
        KeyboardInterrupt: ended by a person; what was stored stays.
        BrokenProcessPool: a process was killed from outside (memory?); what was stored stays.
    """
    store.prepare()
    missing = _missing(runs, store, retry_failed, series)
    tally = Tally(total=len(runs), stored=len(runs) - len(missing))
    watch(tally, None)
    systems = {key: run for key, run in missing.items() if run.kind == "system"}
    _in_processes({key: run for key, run in missing.items() if key not in systems}, store, jobs, tally, watch)
    for run in systems.values():  # a whole system is many processes
        _count(tally, run, make(run, store.folder, 1), watch)
    return tally


def _missing(runs: dict[str, Run], store: Store, retry_failed: bool, series: Mapping[str, set[str]]) -> dict[str, Run]:
    """Runs that are not stored, or without their curves, and trainings whose lost weights those need."""
    wanted = {key for key in runs if not _settled(store, key, retry_failed, series.get(key, set()))}
    for key in reversed(list(runs)):  # a training comes before what needs it
        if key in wanted:
            wanted |= {name for name in runs[key].needs if name in runs and _weights_are_lost(store, name)}
    return {key: run for key, run in runs.items() if key in wanted}


def _weights_are_lost(store: Store, key: str) -> bool:
    """Whether a training went well and what it left is not there: results taken back from a table have no weights."""
    result = store.get(key)
    return result is not None and result.error is None and not store.has_weights(key)


def _settled(store: Store, key: str, retry_failed: bool, series: set[str]) -> bool:
    result = store.get(key)
    if result is None:
        return False
    return not retry_failed if result.error is not None else series <= result.series.keys()


def _in_processes(missing: dict[str, Run], store: Store, jobs: int, tally: Tally, watch: Watch) -> None:
    if not missing:
        return
    waiting = dict(missing)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(missing)), mp_context=context, initializer=_begin_worker)
    open_runs: dict[Future[bool], tuple[str, Run]] = {}
    try:
        while waiting or open_runs:
            busy = {key for key, _ in open_runs.values()}
            for key in _ready(waiting, busy):
                run = waiting.pop(key)
                open_runs[pool.submit(make, run, store.folder, jobs)] = (key, run)
            finished, _ = wait(open_runs, return_when=FIRST_COMPLETED)
            for future in finished:
                _, run = open_runs.pop(future)
                _count(tally, run, future.result(), watch)
    except BaseException:  # nobody waits for hours for runs that go on after one that cannot be stored
        for child in multiprocessing.active_children():
            child.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ready(waiting: dict[str, Run], busy: set[str]) -> Iterable[str]:
    """Runs that wait for no training."""
    return [key for key, run in waiting.items() if not any(name in waiting or name in busy for name in run.needs)]


def _count(tally: Tally, run: Run, good: bool, watch: Watch) -> None:
    tally.done += 1
    tally.failed += not good
    watch(tally, run)


def _begin_worker() -> None:
    """Ctrl-C is for the parent, whose end is the worker's; one thread of PyTorch a process, of which a core has one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)  # a killed parent cannot say that there is no more work
