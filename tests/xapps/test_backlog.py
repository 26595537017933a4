"""An intra-slice xApp after a stall: in real time it leaves out what has passed, in lock-step it answers everything."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from e2_test_node import SLOT_ID, Node, Ric, wait_until
from free_ports import free_port
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_slot_pb2 as slot_pb2
from hiso_proto.oids import SLOT_OID
from messages import observation

DELAY_SLOTS = 2
BACKLOG = 400
STALL_S = 0.3


def slot_function(lockstep: bool) -> e2ap.RanFunctionItem:
    definition = slot_pb2.RanFunctionDefinition(
        slot_us=500,
        control_delay_slots=DELAY_SLOTS,
        lockstep=lockstep,
        max_group_users=8,
        codebook_beams=128,
        antennas=128,
        access="rsma",
        precoder="codebook",
        slices=[
            slot_pb2.SliceItem(
                slice_id=1, name="embb", min_rate_bps=15e6, max_latency_us=10_000, first_user_id=17, users=33
            )
        ],
    )
    return e2ap.RanFunctionItem(
        ran_function_id=SLOT_ID, ran_function_oid=SLOT_OID, ran_function_definition=definition.SerializeToString()
    )


@contextmanager
def embb_xapp(ric: Ric) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "xapps.intra_slice", "--slice", "embb", "--policy", "greedy"),
            *("--bus", ric.bus, "--metrics-port", str(free_port())),
        ]
    )
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(15) == 0


def insert(node: Node, request_id: e2ap.RicRequestId, slot: int) -> None:
    header = slot_pb2.IndicationHeader(decided_slot=slot + DELAY_SLOTS, observed_slot=slot, slice_id=1)
    _, message = observation(slot, [20, 30])
    node.indicate(
        request_id,
        SLOT_ID,
        ric_indication_type=e2ap.INSERT,
        ric_indication_header=header.SerializeToString(),
        ric_indication_message=message,
        ric_call_process_id=slot.to_bytes(8, "little"),
    )


def answered_slots(node: Node, last: int) -> list[int]:
    """Observed slots of the decisions that come, until that on the last one."""
    slots: list[int] = []
    while not slots or slots[-1] != last:
        control = node.expect("ric_control_request").ric_control_request
        slots.append(int.from_bytes(control.ric_call_process_id, "little"))
    return slots


@pytest.mark.parametrize("lockstep", [False, True])
def test_after_a_stall(lockstep: bool) -> None:
    ric = Ric()
    node = Node(ric.target)
    try:
        node.set_up(ran_functions_added=[slot_function(lockstep)])
        with embb_xapp(ric) as xapp:
            wait_until(lambda: bool(node.subscribed), 60)
            requestor, instance = next(iter(node.subscribed))
            request_id = e2ap.RicRequestId(ric_requestor_id=requestor, ric_instance_id=instance)
            insert(node, request_id, 0)
            assert answered_slots(node, last=0) == [0]
            xapp.send_signal(signal.SIGSTOP)
            for slot in range(1, BACKLOG + 1):
                insert(node, request_id, slot)
            time.sleep(STALL_S)
            xapp.send_signal(signal.SIGCONT)
            answered = answered_slots(node, last=BACKLOG)
    finally:
        node.close()
        ric.close()
    if lockstep:
        assert answered == list(range(1, BACKLOG + 1))
    else:
        assert len(answered) < BACKLOG / 2
        assert answered[-DELAY_SLOTS:] == [BACKLOG - 1, BACKLOG]
