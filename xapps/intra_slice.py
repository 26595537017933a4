"""xApp of one slice: `python -m xapps.intra_slice --slice embb --policy madqn-tuned --bus ENDPOINT`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_slot_pb2 as slot_pb2
from hiso_proto.oids import SLOT_OID

from service_kit.ending import run_and_leave
from xapps import learner_wire as wire
from xapps.agent_flags import add_learning_flags, agent_options, refuse
from xapps.agents import SliceAgent
from xapps.codec import decision_header, decision_message, decode_observation, decode_slots, slice_contexts
from xapps.host import XAppHost
from xapps.host_metrics import HostMetrics, MismatchWatch
from xapps.learner_link import LearnerLink, LearnerLinks, RemoteSlotLearner
from xapps.learning_schedule import EVERY_FRAME, realtime_schedule
from xapps.sdk import E2Node, Subscription, answer, insert_action
from xapps.sdk.service import base_parser, parse_flags
from xapps.sdk.xapp import parse_down
from xapps.slicing.intra.frames import SlotLane
from xapps.slicing.intra.policies import (
    ANY_CONTEXT,
    LEARNING,
    IntraPolicy,
    make_intra_policy,
    parse_name,
    trained_weights,
    untrained_weights,
)
from xapps.slicing.networks import IntraWeights
from xapps.slicing.observation import SLICE_NAMES, SliceContext
from xapps.slicing.weights import INTRA_OPTION_FIELDS
from xapps.start_weights import load_start_weights

PROG = "python -m xapps.intra_slice"
METRICS_PORTS = {"vonr": 26_411, "embb": 26_412, "urllc": 26_413}


class _NodeAgent:
    """The agent of one node's slice."""

    def __init__(
        self,
        node: E2Node,
        policy: IntraPolicy,
        learner: RemoteSlotLearner | None,
        watch: MismatchWatch,
        *,
        lockstep: bool,
    ) -> None:
        self.node = node
        self.lockstep = lockstep
        self.agent = SliceAgent(policy, learner)
        self.learner = learner
        self.watch = watch
        self.lane: SlotLane | None = None
        """Answers what comes like the last indication; none in lock-step with a learner, which has its turn first."""
        self.subscription: Subscription | None = None
        self.action_id = 0

    def answered(self, indication: e2ap.RicIndication, hwi_model: int) -> None:
        """An indication was answered as a message."""
        self.watch.hwi_model(hwi_model)
        self.action_id = indication.ric_action_id
        if self.lane is not None:
            self.lane.learn(indication, hwi_model)

    def learn_from(self, frame: bytes) -> None:
        """The lane has answered a frame: the learner has its turn after it."""
        assert self.lane is not None
        assert self.learner is not None
        decided_slot, observed_slot = self.lane.answered_slots()
        if self.learner.schedule.takes(decided_slot, observed_slot):
            header, message, decision = self.lane.answered(frame)
            self.learner.bring(header, message)
            weights = self.learner.on_brought(decided_slot, self.agent.decided(decision))
        else:
            weights = self.learner.pass_over()
        if weights is not None:
            self.agent.policy.load(weights)


class IntraSliceXApp:
    """Decides beams and powers of one slice at every node that offers the slot function."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Ends the process where flags cannot be used."""
        self._arguments = arguments
        self._slice_id = SLICE_NAMES.index(arguments.slice)
        try:
            policy = parse_name(arguments.policy).policy
        except ValueError as error:
            refuse(PROG, f"--policy: {error}")
        self._learns = policy in LEARNING
        self._options = agent_options(arguments, PROG)
        self._weights = load_start_weights(
            policy if self._learns else None, arguments.slice, arguments, PROG, self._options, INTRA_OPTION_FIELDS
        )
        self._metrics = HostMetrics(f"intra-{arguments.slice}", arguments.policy)
        self._host = XAppHost(f"intra-{arguments.slice}", arguments, self._metrics, SLOT_OID, slices=(self._slice_id,))
        self._links: LearnerLinks[IntraWeights] = LearnerLinks()
        self._quick_agents: dict[bytes, _NodeAgent] = {}
        """Those with a lane, by how frames of their node begin."""

    def run(self) -> int:
        """Serve until SIGTERM; exit code."""
        return self._host.run(self._warm_up, self._attach)

    def _warm_up(self) -> None:
        policy = make_intra_policy(self._arguments.policy, ANY_CONTEXT, self._arguments.seed, options=self._options)
        SlotLane(policy, "", "")

    def _attach(self, node: E2Node) -> None:
        offered = node.slot_definition()
        contexts = slice_contexts(offered.SerializeToString())
        if self._slice_id not in contexts:
            raise ValueError(f"slice_id: the node has slices {sorted(contexts)}, not {self._slice_id}")
        agent = self._make_agent(node, contexts[self._slice_id], offered.lockstep)
        trigger = slot_pb2.EventTriggerDefinition(slice_id=self._slice_id)
        definition = slot_pb2.ActionDefinition(
            learning_detail=agent.learner is not None,
            compact=self._options.observation == "compact",
            detail_schedule=None if agent.learner is None else agent.learner.schedule.asked(),
        )
        xapp = self._host.xapp
        agent.subscription = xapp.subscribe(
            node,
            SLOT_OID,
            key="slot",
            trigger=trigger,
            actions=[insert_action(definition, node.time_to_wait(SLOT_OID))],
            handler=partial(self._on_indication, agent),
        )
        # Not before: where it cannot subscribe, the agent before goes on with its learner.
        if agent.learner is not None:
            self._links.take_over(node.node_id, agent.learner.link)
        if agent.learner is None or not agent.lockstep:
            agent.lane = SlotLane(agent.agent.policy, node.node_id, xapp.name)
            self._quick_agents[agent.lane.key] = agent
            xapp.on_frame(self._on_frame)

    def _make_agent(self, node: E2Node, context: SliceContext, lockstep: bool) -> _NodeAgent:
        name, seed, options = self._arguments.policy, self._arguments.seed, self._options
        trained = self._weights.choose(context.control_delay_slots)
        start = None if trained is None else trained_weights(name, context, trained, options)
        policy = make_intra_policy(name, context, seed, start, options)
        policy.freeze()
        watch = MismatchWatch(trained, node, self._metrics)
        watch.control_delay(context.control_delay_slots)
        watch.cell(context)
        if not self._learns or self._arguments.learner is None:
            return _NodeAgent(node, policy, None, watch, lockstep=lockstep)
        schedule = EVERY_FRAME if lockstep else realtime_schedule(self._slice_id)
        agent = self._arguments.slice
        link = LearnerLink(
            self._arguments.learner,
            f"{agent}/{node.node_id}",
            wire.encode_hello(agent, name, lockstep, asdict(context), options, schedule.slots_a_frame),
            wire.encode_intra_weights(start or untrained_weights(name, context, seed, options)),
            lambda parts: policy.checked(wire.decode_intra_weights(parts)),
            lockstep=lockstep,
            required=self._arguments.learn,
            stopping=lambda: self._host.stopping,
            on_learning=lambda learning: None if learning else policy.freeze(),
            max_outstanding=2 * schedule.burst_slots,
        )
        return _NodeAgent(node, policy, RemoteSlotLearner(link, schedule), watch, lockstep=lockstep)

    def _on_frame(self, frame: bytes) -> bool:
        """The hot path: an observation comes, a decision goes. What is special is left to `_on_indication`."""
        started_ns = time.perf_counter_ns()
        agent = self._quick_agents.get(frame[: 2 + frame[1]]) if len(frame) > 1 else None
        if agent is None or agent.lane is None or agent.subscription is None or not agent.subscription.active:
            return False
        xapp = self._host.xapp
        if not agent.lockstep and xapp.more_waits() and self._is_overtaken(frame):
            return False
        next_sn, action_id = agent.subscription.next_sn, agent.action_id
        number = next_sn.get(action_id, -1)
        control = agent.lane.answer(frame, number)
        if control is None:
            return False
        ended_ns = time.perf_counter_ns()
        left = xapp.send_frame(agent.node, control)
        next_sn[action_id] = number + 1 & 0xFFFF
        if left:
            self._metrics.decided(ended_ns - started_ns)
        if agent.learner is not None:
            agent.learn_from(frame)
            self._metrics.weights_version = agent.agent.policy.version
        return True

    def _on_indication(self, agent: _NodeAgent, node: E2Node, indication: e2ap.RicIndication) -> None:
        """Decide on an indication that is a message."""
        started_ns = time.perf_counter_ns()
        header, message = indication.ric_indication_header, indication.ric_indication_message
        try:
            if not agent.lockstep and self._overtaken(indication):
                self._host.complaints.add("observation_overtaken", "its slot has passed: no decision is worth making")
                return
            observation = decode_observation(header, message, outcomes=False)  # the learner gets the whole message
            if agent.learner is not None:
                agent.learner.bring(header, message)
            decision = agent.agent.on_observation(observation)
        except ValueError as error:
            self._host.complaints.add("observation_unusable", str(error))
            return
        request = answer(
            indication, decision_header(observation), decision_message(observation, decision), acknowledge=False
        )
        ended_ns = time.perf_counter_ns()
        if self._host.xapp.control(node, request):
            self._metrics.decided(ended_ns - started_ns)
        self._metrics.weights_version = agent.agent.policy.version
        agent.answered(indication, observation.hwi_model)

    def _is_overtaken(self, frame: bytes) -> bool:
        """The same of a frame as it came: what waits behind it may be news of other things, or a slot later only."""
        message = parse_down(frame)
        try:
            return message is not None and self._overtaken(message.indication)
        except ValueError:
            return False  # a header that cannot be used: told where it is answered

    def _overtaken(self, indication: e2ap.RicIndication) -> bool:
        """Whether the slot to be decided has passed, or will have: the node has observed the one before it, or a later.

        Who works through a backlog stays late for ever: a short stall must not become a lasting one.
        """
        newest = self._host.xapp.newest_waiting(indication)
        if newest is None:
            return False
        decided_slot, _ = decode_slots(indication.ric_indication_header)
        _, observed_slot = decode_slots(newest.ric_indication_header)
        return decided_slot <= observed_slot + 1


def main(argv: Sequence[str] | None = None) -> int:
    """The process."""
    parser = base_parser(PROG, "xApp that decides beams and powers of one slice", metrics_port=None)
    parser.add_argument("--slice", required=True, choices=SLICE_NAMES)
    add_learning_flags(parser)
    arguments = parse_flags(parser, argv)
    if arguments.metrics_port is None:
        arguments.metrics_port = METRICS_PORTS[arguments.slice]
    return IntraSliceXApp(arguments).run()


if __name__ == "__main__":
    run_and_leave(main)
