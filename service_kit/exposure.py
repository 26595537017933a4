"""`--expose`: without it a service listens only where this machine alone reaches it: nothing asks for credentials."""

from __future__ import annotations

import argparse

from service_kit.addresses import is_loopback

_LOCAL = ("unix:", "unix-abstract:", "ipc://", "inproc://")


def add_expose_flag(parser: argparse.ArgumentParser, exposes: str) -> None:
    """Add `--expose`; `exposes`: what whoever reaches a service's address may do."""
    parser.add_argument(
        "--expose",
        action="store_true",
        help=f"allow addresses beyond loopback: whoever reaches them may {exposes}, without credentials",
    )


def is_local(endpoint: str) -> bool:
    """Whether only this machine reaches an endpoint: unix:/path, ipc:///path, host, host:port or tcp://host:port."""
    if endpoint.startswith(_LOCAL):
        return True
    address = endpoint.removeprefix("tcp://")
    if is_loopback(address):
        return True
    return is_loopback(address.rpartition(":")[0].removeprefix("[").removesuffix("]"))


def require_exposed(parser: argparse.ArgumentParser, expose: bool, **endpoints: str) -> None:
    """End the process (2) where an endpoint is reached from elsewhere and `expose` is not set.

    `endpoints`: by the flag that gave it, as http_host for --http-host.
    """
    for name, endpoint in endpoints.items():
        if not expose and not is_local(endpoint):
            flag = "--" + name.replace("_", "-")
            parser.error(f"argument {flag}: {endpoint} is not a loopback address: add --expose (see --help)")
