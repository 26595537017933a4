"""The end of a process whose work is done."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn


def run_and_leave(main: Callable[[], object]) -> NoReturn:
    """Run a process's main function and `leave` with the code that it returns or exits with; None: 0."""
    try:
        code = main()
    except SystemExit as end:
        code = end.code
    if isinstance(code, int | None):
        leave(code or 0)
    sys.exit(str(code))


def leave(code: int) -> NoReturn:
    """End this process at once: what was registered for the end is run, what was written is flushed.

    An interpreter that ends by itself first takes apart all that it holds, for which numba, LLVM and gRPC take half
    a second of CPU, and waits for every thread: one that hangs must not keep a stopped process alive.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            with suppress(BrokenPipeError):  # nobody reads any more
                stream.flush()
    os._exit(code)
