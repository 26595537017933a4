"""What every xApp process needs around its loop: flags, logs, placement, health and metrics, a clean stop."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from service_kit.exposure import add_expose_flag, require_exposed
from service_kit.flags import MAX_PORT, core, fifo_priority, integer_in, is_address, port
from service_kit.interpreter import calm_interpreter
from service_kit.logs import configure_logs, fields
from service_kit.metrics_server import MetricsServer, ServiceError
from service_kit.placement import place
from service_kit.signals import stop_on_signals

__all__ = [
    "MetricsServer",
    "ServiceError",
    "base_parser",
    "bus_endpoint",
    "calm_interpreter",
    "configure_logs",
    "fields",
    "integer_in",
    "parse_flags",
    "place",
    "stop_on_signals",
]


def bus_endpoint(text: str) -> str:
    """A flag's ZeroMQ endpoint; raises ArgumentTypeError."""
    if not is_address(text, unix="ipc://", tcp="tcp://"):
        raise argparse.ArgumentTypeError(f"must be ipc:///path or tcp://host:port (1..{MAX_PORT}), not {text!r}")
    return text


def base_parser(prog: str, description: str, *, metrics_port: int | None) -> argparse.ArgumentParser:
    """A parser with the flags that every host has; `metrics_port`: the default of --metrics-port."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument(
        "--bus", required=True, type=bus_endpoint, metavar="ENDPOINT", help="the RIC's: ipc:///path or tcp://host:port"
    )
    parser.add_argument("--policy", required=True, metavar="NAME")
    parser.add_argument("--seed", type=integer_in(0, 2**63 - 1), default=0)
    parser.add_argument("--metrics-host", default="127.0.0.1")
    parser.add_argument("--metrics-port", type=port, default=metrics_port)
    add_expose_flag(parser, "read metrics and health (--metrics-host)")
    parser.add_argument("--cpu", type=core, metavar="N", help="core of this process")
    parser.add_argument("--fifo", type=fifo_priority, metavar="PRIORITY", help="SCHED_FIFO priority, 1..99")
    return parser


def parse_flags(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """The flags of a `base_parser`; ends the process (2) where they cannot be used."""
    arguments = parser.parse_args(argv)
    require_exposed(parser, arguments.expose, metrics_host=arguments.metrics_host)
    return arguments
