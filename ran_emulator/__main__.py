"""`python -m ran_emulator`: see --help."""

import sys

from ran_emulator.service import main
from service_kit.ending import run_and_leave

run_and_leave(lambda: main(sys.argv[1:]))
