"""How fast it is on this machine, beside a loop of the same processes that does nothing."""
