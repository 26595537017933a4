"""`python -m ran_emulator`: see --help."""

import sys

from ran_emulator.service import main
from service_kit.ending import leave

leave(main(sys.argv[1:]))
