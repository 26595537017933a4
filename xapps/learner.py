"""Learner of one agent: `python -m xapps.learner --agent embb --policy madqn-tuned --listen ENDPOINT`.

The only process that imports torch: frames come in, weights go out, each with a version.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import zmq
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service_kit.ending import run_and_leave
from service_kit.exposure import add_expose_flag, require_exposed
from service_kit.flags import port
from service_kit.logs import fields
from xapps import learner_wire as wire
from xapps.agent_flags import refuse
from xapps.learner_sessions import BudgetSession, Session, Sessions, SlotSession
from xapps.sdk.service import (
    MetricsServer,
    ServiceError,
    bus_endpoint,
    configure_logs,
    integer_in,
    stop_on_signals,
)
from xapps.slicing import rewards
from xapps.slicing.inter.base import InterWeights
from xapps.slicing.inter.coma2c import COMA2C_CONFIGS
from xapps.slicing.intra.policies import (
    ANY_CONTEXT,
    LEARNING,
    make_intra_policy,
    trained_weights,
    untrained_weights,
)
from xapps.slicing.networks import IntraWeights
from xapps.slicing.observation import SLICE_NAMES, SliceContext
from xapps.slicing.options import AgentOptions
from xapps.start_weights import StartWeights, load_start_weights
from xapps.trained import inter_weights

_LOG = logging.getLogger(__name__)

PROG = "python -m xapps.learner"
AGENTS = ("inter", *SLICE_NAMES)
METRICS_PORTS = dict(zip(AGENTS, range(26_414, 26_418), strict=True))
DEFAULT_TRAINING_SLOTS = 20_000
_POLL_MS = 100


class LearnerMetrics(Collector):
    """Metrics of the sessions: counts are sums, the rest is that of the session that learned last."""

    def __init__(self, agent: str, sessions: Sessions) -> None:
        """Of the learner's sessions."""
        self._agent = agent
        self._sessions = sessions

    def collect(self) -> Iterator[Metric]:
        """The metrics now."""
        measures = [session.measures() for session in self._sessions.in_use()]
        newest = measures[-1] if measures else {"version": 0.0, "reward": 0.0}
        updates = CounterMetricFamily("hiso_learner_updates", "Gradient steps", labels=["agent"])
        updates.add_metric([self._agent], self._sessions.ended_updates + sum(one["updates"] for one in measures))
        yield updates
        losses = GaugeMetricFamily("hiso_learner_loss", "Of the last update", labels=["agent", "loss"])
        for name, value in newest.items():
            if name.startswith("loss."):
                losses.add_metric([self._agent, name.removeprefix("loss.")], value)
        yield losses
        for name, text in (
            ("reward", "Mean reward of what it learns from"),
            ("epsilon", "Exploration rate of the newest weights"),
            ("version", "Of the newest weights"),
        ):
            if name in newest:
                gauge = GaugeMetricFamily(f"hiso_learner_{name}", text, labels=["agent"])
                gauge.add_metric([self._agent], newest[name])
                yield gauge


class Learner:
    """Serves the xApps that greet it."""

    def __init__(self, arguments: argparse.Namespace, start: StartWeights | None) -> None:
        """`start`: where to start instead of the xApp's own weights; None: from those."""
        self.sessions = Sessions()
        self._arguments = arguments
        self._start = start
        self._stopping = False
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.IPV6, int("[" in arguments.listen))
        self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)  # an xApp that comes back has the same name
        self._socket.bind(arguments.listen)

    def stop(self) -> None:
        """End `run`."""
        self._stopping = True

    def run(self) -> None:
        """Serve until `stop`."""
        while not self._stopping:
            if self._socket.poll(_POLL_MS):
                identity, *parts = self._socket.recv_multipart()
                try:
                    answer = self._answer(identity, parts)
                except (ValueError, TypeError, KeyError, OverflowError) as error:
                    _LOG.warning("message_unusable", extra=fields(reason=str(error)))
                    answer = (wire.REFUSED, str(error).encode())
                self._socket.send_multipart((identity, *answer))
        self._socket.close()

    def _answer(self, identity: bytes, parts: list[bytes]) -> tuple[bytes, ...]:
        kind = parts[0] if parts else b""
        if kind == wire.HELLO and len(parts) == 4:
            return wire.WELCOME, *self._greeted(identity, json.loads(parts[1]), (parts[2], parts[3]))
        if kind != wire.FRAME or len(parts) != 5:
            raise ValueError(f"{len(parts)} parts of kind {kind[:20]!r}")
        session = self.sessions.get(identity)
        if session is None:
            return (wire.UNKNOWN,)
        self.sessions.keep(identity, session)
        session.news = session.learn(parts[2], parts[3], parts[4]) or session.news
        # Weights that the next frame makes old are not sent: taking them over costs who decides in every slot.
        if not session.news or (not session.lockstep and self._socket.poll(0)):
            return wire.LEARNED, parts[1], b"", b""
        session.news = False
        return wire.LEARNED, parts[1], *session.weights()

    def _greeted(self, identity: bytes, hello: dict[str, Any], weights: wire.WeightsParts) -> wire.WeightsParts:
        arguments = self._arguments
        for name in ("agent", "policy"):
            if hello[name] != getattr(arguments, name):
                raise ValueError(f"{name}: this learner is for {getattr(arguments, name)}, not {hello[name]}")
        brought = self._decode(weights)
        session = self.sessions.get(identity)
        if session is None or not session.fits(hello) or session.version < brought.version:
            session = self._new_session(hello, brought)
            _LOG.info("session_begins", extra=fields(xapp=identity.decode(errors="replace")))
        self.sessions.keep(identity, session)  # not before: a greeting that is refused must not cost what was learned
        return session.weights()

    def _decode(self, weights: wire.WeightsParts) -> IntraWeights | InterWeights:
        if self._arguments.agent == "inter":
            return wire.decode_inter_weights(weights)
        return wire.decode_intra_weights(weights)

    def _new_session(self, hello: dict[str, Any], brought: IntraWeights | InterWeights) -> Session:
        """A session that goes on from what the xApp has learned so far, else from our own start or the xApp's."""
        arguments = self._arguments
        own = self._start if brought.version == 0 else None
        options = AgentOptions.model_validate(hello["options"])
        if isinstance(brought, InterWeights):
            if own is not None:
                trained = own.choose(int(hello["context"]["control_delay_slots"]))
                brought = brought if trained is None else inter_weights(trained, options)
            return BudgetSession(hello, arguments.policy, arguments.seed, brought)
        if own is not None:
            context = SliceContext(**hello["context"])
            trained = own.choose(context.control_delay_slots)
            if trained is None:
                brought = untrained_weights(arguments.policy, context, arguments.seed, options)
            else:
                brought = trained_weights(arguments.policy, context, trained, options)
        return SlotSession(hello, arguments.policy, arguments.seed, arguments.training_slots, brought)


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Flags; ends the process where they cannot be used."""
    parser = argparse.ArgumentParser(prog=PROG, description="learner of one agent")
    parser.add_argument("--agent", required=True, choices=AGENTS)
    parser.add_argument("--policy", required=True, metavar="NAME")
    parser.add_argument("--seed", type=integer_in(0, 2**63 - 1), default=0)
    parser.add_argument(
        "--listen", required=True, type=bus_endpoint, metavar="ENDPOINT", help="ipc:///path or tcp://host:port"
    )
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--weights", metavar="ID|FILE|PRESET", help="start here instead of from the xApp's weights")
    start.add_argument("--from-scratch", action="store_true", help="start from untrained weights")
    parser.add_argument(
        "--training-slots",
        type=integer_in(1, 2**40),
        default=DEFAULT_TRAINING_SLOTS,
        help="slots learned from over which exploration fades",
    )
    parser.add_argument("--metrics-host", default="127.0.0.1")
    parser.add_argument("--metrics-port", type=port)
    add_expose_flag(parser, "train the agent and read its weights (--listen), read metrics and health (--metrics-host)")
    arguments = parser.parse_args(argv)
    require_exposed(parser, arguments.expose, listen=arguments.listen, metrics_host=arguments.metrics_host)
    known = tuple(COMA2C_CONFIGS) if arguments.agent == "inter" else LEARNING
    if arguments.policy not in known:
        parser.error(f"--policy: agent {arguments.agent} learns {', '.join(known)}, not {arguments.policy}")
    if arguments.metrics_port is None:
        arguments.metrics_port = METRICS_PORTS[arguments.agent]
    return arguments


def warm_up(agent: str, policy: str) -> None:
    """Load what the first update needs: who is healthy then learns at once. torch on one thread."""
    import torch

    torch.set_num_threads(1)
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([parameter])  # the first of any kind loads for a second
    parameter.grad = torch.ones(1)
    optimizer.step()
    if agent != "inter":
        make_intra_policy(policy, ANY_CONTEXT, seed=0)
        rewards.warm_up()


def main(argv: Sequence[str] | None = None) -> int:
    """The process."""
    arguments = parse_arguments(argv)
    if importlib.util.find_spec("torch") is None:
        refuse(PROG, "learning needs PyTorch: pip install torch")
    own = arguments.weights is not None or arguments.from_scratch
    start = load_start_weights(arguments.policy, arguments.agent, arguments, PROG) if own else None
    configure_logs(f"learner-{arguments.agent}")
    stop_on_signals(lambda: sys.exit(0))
    warm_up(arguments.agent, arguments.policy)
    try:
        learner = Learner(arguments, start)
    except zmq.ZMQError as error:
        refuse(PROG, f"--listen: {arguments.listen}: {error}")
    registry = CollectorRegistry()
    registry.register(LearnerMetrics(arguments.agent, learner.sessions))
    try:
        server = MetricsServer(
            arguments.metrics_host, arguments.metrics_port, registry, lambda: (True, {"agent": arguments.agent})
        )
    except ServiceError as error:
        refuse(PROG, str(error))
    stop_on_signals(learner.stop)
    learner.run()
    server.stop()
    return 0


if __name__ == "__main__":
    run_and_leave(main)
