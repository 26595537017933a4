"""`python -m ran_emulator`: see --help."""

import sys

from ran_emulator.service import main

sys.exit(main(sys.argv[1:]))
