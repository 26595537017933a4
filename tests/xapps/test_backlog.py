"""An intra-slice xApp as a process: what it does after a stall, and with what it cannot use."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
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
def embb_xapp(ric: Ric, log: Path, metrics_port: int) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "xapps.intra_slice", "--slice", "embb", "--policy", "greedy"),
                *("--bus", ric.bus, "--metrics-port", str(metrics_port)),
            ],
            stderr=stderr,
        )
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(15) == 0


class Serving(NamedTuple):
    node: Node
    request_id: e2ap.RicRequestId
    xapp: subprocess.Popen[bytes]
    metrics_port: int


@contextmanager
def serving_xapp(log: Path, lockstep: bool) -> Iterator[Serving]:
    """An xApp that has subscribed at a node, its log in `log`."""
    ric = Ric()
    node = Node(ric.target)
    try:
        node.set_up(ran_functions_added=[slot_function(lockstep)])
        metrics_port = free_port()
        with embb_xapp(ric, log, metrics_port) as xapp:
            wait_until(lambda: bool(node.subscribed), 60)
            requestor, instance = next(iter(node.subscribed))
            request_id = e2ap.RicRequestId(ric_requestor_id=requestor, ric_instance_id=instance)
            yield Serving(node, request_id, xapp, metrics_port)
    finally:
        node.close()
        ric.close()


def insert(node: Node, request_id: e2ap.RicRequestId, slot: int, *, number: int = 0, bad: str = "") -> None:
    """An INSERT; `bad`: the array of the observation that lacks a byte, or "header", which does not decode then."""
    header = slot_pb2.IndicationHeader(decided_slot=slot + DELAY_SLOTS, observed_slot=slot, slice_id=1)
    _, message = observation(slot, [20, 30])
    if bad and bad != "header":
        body = slot_pb2.IndicationMessage.FromString(message)
        setattr(body, bad, getattr(body, bad)[:-1])
        message = body.SerializeToString()
    node.indicate(
        request_id,
        SLOT_ID,
        ric_indication_sn=number,
        ric_indication_type=e2ap.INSERT,
        ric_indication_header=b"\xff" if bad == "header" else header.SerializeToString(),
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


@pytest.mark.slow
@pytest.mark.parametrize("lockstep", [False, True])
def test_after_a_stall(lockstep: bool, tmp_path: Path) -> None:
    with serving_xapp(tmp_path / "log", lockstep) as (node, request_id, xapp, _):
        insert(node, request_id, 0)
        assert answered_slots(node, last=0) == [0]
        xapp.send_signal(signal.SIGSTOP)
        for slot in range(1, BACKLOG + 1):
            insert(node, request_id, slot, number=slot)
        time.sleep(STALL_S)
        xapp.send_signal(signal.SIGCONT)
        answered = answered_slots(node, last=BACKLOG)
    if lockstep:
        assert answered == list(range(1, BACKLOG + 1))
    else:
        assert len(answered) < BACKLOG / 2
        assert answered[-2:] != [BACKLOG - 1, BACKLOG]  # the slot of the one before is about to begin


@pytest.mark.slow
def test_a_header_that_does_not_decode_is_refused_by_name_also_in_a_backlog(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serving_xapp(log, lockstep=False) as (node, request_id, xapp, _):
        insert(node, request_id, 0)
        assert answered_slots(node, last=0) == [0]
        xapp.send_signal(signal.SIGSTOP)
        insert(node, request_id, 1, number=1, bad="header")
        insert(node, request_id, 2, number=2, bad="header")
        time.sleep(0.3)
        xapp.send_signal(signal.SIGCONT)
        time.sleep(0.3)  # else what follows overtakes them
        insert(node, request_id, 9, number=3)
        assert answered_slots(node, last=9) == [9]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    refused = [line["reason"] for line in lines if line["event"] == "observation_unusable"]
    assert refused[0].startswith("header: ")


@pytest.mark.slow
def test_what_cannot_be_used_is_refused_by_name_between_others_and_a_gap_is_counted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serving_xapp(log, lockstep=True) as (node, request_id, _, port):
        for slot in range(5):
            insert(node, request_id, slot, number=slot)
        insert(node, request_id, 5, number=5, bad="queue_bits")
        insert(node, request_id, 6, number=6)
        insert(node, request_id, 9, number=9)
        insert(node, request_id, 10, number=10)
        assert answered_slots(node, last=10) == [0, 1, 2, 3, 4, 6, 9, 10]
        metrics = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    assert "hiso_xapp_lost_indications_total 2.0" in metrics
    assert "hiso_xapp_decisions_total 8.0" in metrics
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    refused = [line for line in lines if line["event"] == "observation_unusable"]
    assert [line["reason"] for line in refused] == ["queue_bits: 7 bytes, must be 8"]
