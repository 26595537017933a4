"""Training of both levels, and the files that it leaves."""
