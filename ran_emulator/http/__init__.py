"""The HTTP API, metrics among it: a face of the emulator, in a process of its own."""
