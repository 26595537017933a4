"""`python -m service_kit.child FLAGS -- COMMAND`: ends with its parent, takes its place, becomes COMMAND.

A parent with threads must not run code between fork and exec: that code runs here, in the child's own interpreter.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
from collections.abc import Collection, Sequence

from service_kit import flags
from service_kit.placement import give_way, pin_among, take_precedence

_PR_SET_PDEATHSIG = 1
_CANNOT_RUN = 127
"""What a shell gives for a command that cannot be run."""


def command(
    program: Sequence[str],
    *,
    cores: Collection[int] = (),
    niceness: int = 0,
    hot: bool = False,
    fifo: int | None = None,
) -> list[str]:
    """The command line that runs `program` as a child of this process.

    It gets SIGTERM when the thread that starts it ends (Linux: the thread, not the process). `cores`: where it may
    run, none: as this process. `hot`: it runs soon after it wakes up, by SCHED_FIFO at priority `fifo` or else by
    short turns.
    """
    line = [sys.executable, "-P", "-m", "service_kit.child", "--parent", str(os.getpid())]
    line += ["--cores", ",".join(map(str, cores))] if cores else []
    line += ["--niceness", str(niceness)] if niceness else []
    line += ["--hot"] if hot else []
    line += [] if fifo is None else ["--fifo", str(fifo)]
    return [*line, "--", *program]


def main(arguments: Sequence[str] | None = None) -> int:
    """Become the command; 127 where it cannot be run, 1 where the parent has gone meanwhile."""
    parser = argparse.ArgumentParser(prog="child")
    parser.add_argument("--parent", type=flags.integer_in(1, 2**31 - 1), required=True)
    parser.add_argument("--cores", type=flags.cores, default=())
    parser.add_argument("--niceness", type=flags.niceness, default=0)
    parser.add_argument("--hot", action="store_true")
    parser.add_argument("--fifo", type=flags.fifo_priority)
    parser.add_argument("program", nargs="+")
    options = parser.parse_args(arguments)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != options.parent:
        return 1
    pin_among(options.cores)
    if options.niceness:
        give_way(options.niceness)
    if options.hot:
        take_precedence(options.fifo)
    try:
        os.execvp(options.program[0], options.program)
    except OSError as error:
        sys.stderr.write(f"{options.program[0]}: {error.strerror}\n")
        return _CANNOT_RUN


if __name__ == "__main__":
    sys.exit(main())
