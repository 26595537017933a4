"""`python -m service_kit.child FLAGS -- COMMAND`: ends with its parent, takes its place, becomes COMMAND.

A parent with threads must not run code between fork and exec: that code runs here, in the child's own interpreter.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
from collections.abc import Sequence

from service_kit import flags
from service_kit.placement import give_way, pin, place

_PR_SET_PDEATHSIG = 1
_CANNOT_RUN = 127
"""What a shell gives for a command that cannot be run."""


def command(
    program: Sequence[str], *, cpu: int | None = None, fifo: int | None = None, lowered: bool = False
) -> list[str]:
    """The command line that runs `program` as a child of this process.

    It gets SIGTERM when the thread that starts it ends (Linux: the thread, not the process).
    """
    line = [sys.executable, "-P", "-m", "service_kit.child", "--parent", str(os.getpid())]
    line += [] if cpu is None else ["--cpu", str(cpu)]
    line += [] if fifo is None else ["--fifo", str(fifo)]
    line += ["--give-way"] if lowered else []
    return [*line, "--", *program]


def main(arguments: Sequence[str] | None = None) -> int:
    """Become the command; 127 where it cannot be run, 1 where the parent has gone meanwhile."""
    parser = argparse.ArgumentParser(prog="child")
    parser.add_argument("--parent", type=flags.integer_in(1, 2**31 - 1), required=True)
    parser.add_argument("--cpu", type=flags.core)
    parser.add_argument("--fifo", type=flags.fifo_priority)
    parser.add_argument("--give-way", action="store_true")
    parser.add_argument("program", nargs="+")
    options = parser.parse_args(arguments)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != options.parent:
        return 1
    if options.give_way:
        pin(options.cpu)
        give_way()
    else:
        place(options.cpu, options.fifo)
    try:
        os.execvp(options.program[0], options.program)
    except OSError as error:
        sys.stderr.write(f"{options.program[0]}: {error.strerror}\n")
        return _CANNOT_RUN


if __name__ == "__main__":
    sys.exit(main())
