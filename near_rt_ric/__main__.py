"""Entry point of the near-RT RIC service."""

from near_rt_ric.service import main
from service_kit.ending import run_and_leave

run_and_leave(main)
