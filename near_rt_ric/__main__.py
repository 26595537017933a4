"""Entry point of the near-RT RIC service."""

import sys

from near_rt_ric.service import main

sys.exit(main())
