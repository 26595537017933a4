"""Slicing policies: they know observations and decisions, and no sockets."""
