"""xApp of the inter-slice level: `python -m xapps.inter_slice --policy coma2c-tuned --trigger z-ref --bus ENDPOINT`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets_pb2
from hiso_proto.oids import BUDGETS_OID
from prometheus_client.core import Metric

from service_kit.ending import run_and_leave
from xapps import learner_wire as wire
from xapps.agent_flags import add_learning_flags, agent_options, refuse
from xapps.agents import BudgetAgent
from xapps.codec import budget_context, budgets_message, decode_report
from xapps.host import XAppHost
from xapps.host_metrics import HostMetrics, MismatchWatch
from xapps.kpm import KpmReports
from xapps.learner_link import LearnerLink, LearnerLinks, RemoteBudgetLearner
from xapps.sdk import E2Node, answer, insert_action
from xapps.sdk.service import base_parser, parse_flags
from xapps.slicing.inter.base import InterPolicyError, InterWeights
from xapps.slicing.inter.coma2c import COMA2C_CONFIGS, CoMA2C
from xapps.slicing.inter.policies import check_inter_name, make_inter_policy
from xapps.slicing.observation import Budgets
from xapps.slicing.triggers import TRIGGER_NAMES, make_trigger
from xapps.slicing.weights import INTER_OPTION_FIELDS
from xapps.start_weights import load_start_weights
from xapps.trained import inter_weights

PROG = "python -m xapps.inter_slice"
METRICS_PORT = 26_410
NAME = "inter-slice"


class InterSliceMetrics(HostMetrics):
    """A host's metrics and what its nodes last reported."""

    def __init__(self, policy: str, trigger: str, reports: KpmReports) -> None:
        """Names as `hiso_xapp_info` gives them."""
        super().__init__(NAME, policy, trigger)
        self.trigger_evaluations = self.inter_slice_updates = 0
        self._reports = reports

    def collect(self) -> Iterator[Metric]:
        """The metrics now."""
        yield from super().collect()
        yield self._reports.metric()


class InterSliceXApp:
    """Sets slice budgets at every node that offers the budget function."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Ends the process where flags cannot be used."""
        self._arguments = arguments
        try:
            check_inter_name(arguments.policy)
        except InterPolicyError as error:
            refuse(PROG, f"--policy: {error}")
        self._learns = arguments.policy in COMA2C_CONFIGS
        self._options = agent_options(arguments, PROG)
        self._weights = load_start_weights(
            arguments.policy if self._learns else None, "inter", arguments, PROG, self._options, INTER_OPTION_FIELDS
        )
        self._reports = KpmReports()
        self._metrics = InterSliceMetrics(arguments.policy, arguments.trigger, self._reports)
        self._host = XAppHost(NAME, arguments, self._metrics, BUDGETS_OID, unhurried=True)
        self._evaluations = self._updates = 0
        self._links: LearnerLinks[InterWeights] = LearnerLinks()

    def run(self) -> int:
        """Serve until SIGTERM; exit code."""
        return self._host.run(lambda: None, self._attach)

    def _attach(self, node: E2Node) -> None:
        agent, watch = self._make_agent(node)
        trigger = budgets_pb2.EventTriggerDefinition(period_s=1)
        action = insert_action(budgets_pb2.ActionDefinition(), node.time_to_wait(BUDGETS_OID))
        # First, because in lock-step the cell may run, and wait for budgets, as soon as those are subscribed.
        self._reports.subscribe(self._host.xapp, node)
        self._host.xapp.subscribe(
            node,
            BUDGETS_OID,
            key="budgets",
            trigger=trigger,
            actions=[action],
            handler=partial(self._on_indication, agent, watch),
        )
        # Not before: where it cannot subscribe, the agent before goes on with its learner.
        if isinstance(agent.learner, RemoteBudgetLearner):
            self._links.take_over(node.node_id, agent.learner.link)

    def _make_agent(self, node: E2Node) -> tuple[BudgetAgent, MismatchWatch]:
        arguments = self._arguments
        definition = node.budgets_definition()
        context = budget_context(definition.SerializeToString())
        trained = self._weights.choose(context.control_delay_slots)
        start = None if trained is None else inter_weights(trained, self._options)
        step_hz = self._options.bandwidth_step_hz
        policy = make_inter_policy(arguments.policy, context, arguments.seed, start, step_hz=step_hz)
        watch = MismatchWatch(trained, node, self._metrics)
        watch.control_delay(context.control_delay_slots)
        trigger = make_trigger(arguments.trigger)
        if not isinstance(policy, CoMA2C) or arguments.learner is None:
            return BudgetAgent(policy, trigger), watch
        link = LearnerLink(
            arguments.learner,
            f"inter/{node.node_id}",
            wire.encode_hello("inter", arguments.policy, definition.lockstep, asdict(context), self._options),
            wire.encode_inter_weights(policy.weights),
            lambda parts: policy.checked(wire.decode_inter_weights(parts)),
            lockstep=definition.lockstep,
            required=arguments.learn,
            stopping=lambda: self._host.stopping,
            on_learning=partial(setattr, policy, "learning"),
        )
        return BudgetAgent(policy, trigger, RemoteBudgetLearner(link)), watch

    def _on_indication(
        self, agent: BudgetAgent, watch: MismatchWatch, node: E2Node, indication: e2ap.RicIndication
    ) -> None:
        """Always answer: budgets, or keep."""
        started_ns = time.perf_counter_ns()
        budgets: Budgets | None = None
        evaluated = agent.trigger.evaluations
        header, message = indication.ric_indication_header, indication.ric_indication_message
        try:
            report = decode_report(header, message)
            watch.hwi_model(report.hwi_model)
            if isinstance(agent.learner, RemoteBudgetLearner):
                agent.learner.bring(header, message)
            budgets = agent.on_report(report)
        except ValueError as error:
            self._host.complaints.add("report_unusable", str(error))
        # The RIC learns the budgets in force from the acknowledge.
        request = answer(
            indication, budgets_pb2.ControlHeader(), budgets_message(budgets), acknowledge=budgets is not None
        )
        ended_ns = time.perf_counter_ns()
        if self._host.xapp.control(node, request):
            self._metrics.decided(ended_ns - started_ns)
        self._metrics.weights_version = agent.policy.version
        # Added up here: an agent begins anew with its node, and a counter must not fall.
        self._evaluations += agent.trigger.evaluations - evaluated
        self._updates += budgets is not None
        self._metrics.trigger_evaluations, self._metrics.inter_slice_updates = self._evaluations, self._updates


def main(argv: Sequence[str] | None = None) -> int:
    """The process."""
    parser = base_parser(PROG, "xApp that sets slice budgets", metrics_port=METRICS_PORT)
    parser.add_argument("--trigger", required=True, choices=TRIGGER_NAMES)
    add_learning_flags(parser)
    return InterSliceXApp(parse_flags(parser, argv)).run()


if __name__ == "__main__":
    run_and_leave(main)
