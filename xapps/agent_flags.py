"""Flags of processes whose agents may have networks, and the end of one whose flags cannot be used."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from xapps.learner_link import learner_endpoint
from xapps.slicing.options import AgentOptions, OptionsError, parse_options

DEFAULT_WEIGHTS = "regimes"
EXIT_BAD_INPUT = 2


def add_learning_flags(parser: argparse.ArgumentParser) -> None:
    """Flags of hosts whose policies may have networks."""
    parser.add_argument(
        "--set-agents",
        metavar="FIELD=VALUE",
        nargs="+",
        default=[],
        help=f"what the agent sees and chooses from: {', '.join(AgentOptions.model_fields)}",
    )
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--weights",
        metavar="ID|FILE|PRESET",
        default=DEFAULT_WEIGHTS,
        help="trained weights: an id, a .npz file, or a preset (with the set for the node's control delay)",
    )
    start.add_argument("--from-scratch", action="store_true", help="untrained weights")
    parser.add_argument(
        "--learner", type=learner_endpoint, metavar="ENDPOINT", help="the learner's --listen; frozen until it answers"
    )
    parser.add_argument("--learn", action="store_true", help="in lock-step, wait for the learner before deciding")


def agent_options(arguments: argparse.Namespace, prog: str) -> AgentOptions:
    """What the flags say of agents; ends the process where they cannot be used."""
    if arguments.learn and arguments.learner is None:
        refuse(prog, "--learn: needs --learner ENDPOINT: the learner that is waited for")
    try:
        return parse_options(arguments.set_agents)
    except OptionsError as error:
        refuse(prog, f"--{error}")


def refuse(prog: str, message: str) -> NoReturn:
    """End the process for a flag that cannot be used."""
    print(f"{prog}: {message}", file=sys.stderr)
    sys.exit(EXIT_BAD_INPUT)
