"""The E2 node: a gNB with its cell, users, channel and traffic, emulated."""
