"""Frames answered in compiled code: byte for byte what the message path answers, and nothing that it would refuse."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_slot_pb2 as slot_pb2
from hiso_proto import xapp_bus_pb2 as bus
from hypothesis import given, settings
from hypothesis import strategies as some
from messages import EMBB, outcome

from ran_emulator.phy.beam_reports import BeamReporter
from xapps.codec import CodecError, decision_header, decision_message, decode_observation
from xapps.sdk import answer
from xapps.slicing.intra.frames import FRAME_BYTES, SlotLane
from xapps.slicing.intra.policies import KINDS, IntraPolicy, make_intra_policy
from xapps.slicing.networks import IntraWeights
from xapps.slicing.options import AgentOptions

NODE, XAPP = "00101-17", "intra-embb"
SAME: dict[str, Any] = {
    "ric_request_id": e2ap.RicRequestId(ric_requestor_id=300, ric_instance_id=4),
    "ran_function_id": 2,
}
OPTIONS = {
    "whole": AgentOptions(),
    "compact": AgentOptions(observation="compact"),
    "common": AgentOptions(action="pc_pp_beam", power_levels=5),
    "own": AgentOptions(action="rest_own_level", power_scale="linear", state="user"),
    "group": AgentOptions(state="group"),
}
POLICIES = [(name, seen) for name in (*KINDS, "equal:random", "random:best") for seen in OPTIONS]
NUMBER = 41


@cache
def policies(name: str, seen: str) -> tuple[IntraPolicy, IntraPolicy]:
    """Two that decide the same, exploring now and then."""
    pair = tuple(make_intra_policy(name, EMBB, 5, options=OPTIONS[seen]) for _ in range(2))
    for policy in pair:
        if policy.learns:
            flat = np.random.default_rng(1).normal(0, 0.3, policy.parameters.weights.shape).astype(np.float32)
            policy.load(IntraWeights(1, 0.3, flat, "drawn"))
    return pair[0], pair[1]


def lane(policy: IntraPolicy, hwi_model: int = 0) -> SlotLane:
    made = SlotLane(policy, NODE, XAPP)
    made.learn(e2ap.RicIndication(**SAME, ric_action_id=1), hwi_model)
    return made


def observation(seed: int, users: list[int], compact: bool, outcomes: int = 0) -> slot_pb2.IndicationMessage:
    rng = np.random.default_rng(seed)
    count = len(users)
    gains = rng.exponential(1e-9, (count, EMBB.beams)).astype("<f4")
    gains[rng.random(gains.shape) < 0.1] = 0.0
    last = rng.exponential(10, (count, 7)).astype("<f4")
    message = slot_pb2.IndicationMessage(
        bandwidth_hz=int(rng.integers(0, 10**7)),
        power_w=rng.exponential(300),
        noise_w=1.3e-14,
        hwi_model=(slot_pb2.PAPER, slot_pb2.AGGREGATE)[rng.integers(2)],
        kappa_t=rng.choice([0.0, 1e-3]),
        kappa_r=rng.choice([0.0, 1e-2]),
        user_ids=np.array(users, "<u2").tobytes(),
        queue_bits=rng.integers(1, 50_000, count).astype("<u4").tobytes(),
        head_age_us=rng.integers(0, 10_000, count).astype("<u4").tobytes(),
        ssr=rng.random(count).astype("<f4").tobytes(),
        last_outcome=last.tobytes(),
        outcomes=[outcome(rng, slot, users, detail=slot == 0) for slot in range(outcomes)],
    )
    if compact:
        message.beam_reports = BeamReporter().reports(count, last, gains).tobytes()
    else:
        message.beam_gains = gains.tobytes()
    return message


def frame(message: bytes, slot: int = 7, number: int = NUMBER, process: bytes = b"process1") -> bytes:
    header = slot_pb2.IndicationHeader(decided_slot=slot, observed_slot=slot, slice_id=1)
    indication = e2ap.RicIndication(
        **SAME,
        ric_action_id=1,
        ric_indication_sn=number,
        ric_indication_type=e2ap.INSERT,
        ric_indication_header=header.SerializeToString(),
        ric_indication_message=message,
        ric_call_process_id=process,
    )
    return bus.DownMessage(node_id=NODE, indication=indication).SerializeToString()


def answered_as_message(policy: IntraPolicy, raw: bytes) -> bytes:
    indication = bus.DownMessage.FromString(raw).indication
    asked = decode_observation(indication.ric_indication_header, indication.ric_indication_message, outcomes=False)
    decision = policy.decide(asked)
    request = answer(indication, decision_header(asked), decision_message(asked, decision), acknowledge=False)
    return bus.UpMessage(xapp_name=XAPP, control_request=request).SerializeToString()


groups = some.lists(some.integers(0, 2**16 - 1), min_size=1, max_size=8, unique=True).map(sorted)


@pytest.mark.parametrize(("name", "seen"), POLICIES)
@settings(max_examples=25, deadline=None)
@given(
    seed=some.integers(0, 2**32),
    users=groups,
    outcomes=some.integers(0, 3),
    slot=some.integers(0, 2**63 - 1),
    number=some.integers(0, 2**16 - 1),
    process=some.binary(max_size=64),
)
def test_a_frame_is_answered_as_its_message_would_be(
    name: str, seen: str, seed: int, users: list[int], outcomes: int, slot: int, number: int, process: bytes
) -> None:
    plain, quick = policies(name, seen)
    message = observation(seed, users, seen == "compact", outcomes)
    raw = frame(message.SerializeToString(), slot, number, process)
    found = lane(quick, message.hwi_model).answer(raw, number)
    assert found is not None
    assert bytes(found) == answered_as_message(plain, raw)


def test_one_lane_answers_group_after_group() -> None:
    plain, quick = policies("madqn-tuned", "whole")
    one = lane(quick)
    for seed in range(100):
        message = observation(seed, list(range(17, 18 + seed % 8)), compact=False)
        message.hwi_model = slot_pb2.PAPER
        raw = frame(message.SerializeToString(), seed, seed)
        found = one.answer(raw, seed)
        assert found is not None
        assert bytes(found) == answered_as_message(plain, raw)


ARRAYS = ("user_ids", "queue_bits", "head_age_us", "ssr", "last_outcome", "beam_gains", "beam_reports")


@pytest.mark.parametrize("seen", ["whole", "compact"])
@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("change", [-1, 1, -4, 4])
def test_an_array_that_does_not_fit_is_left_to_who_refuses_it(seen: str, name: str, change: int) -> None:
    plain, quick = policies("madqn-tuned", seen)
    message = observation(1, [17, 20, 41], seen == "compact")
    value = getattr(message, name)
    setattr(message, name, value[:change] if change < 0 else value + bytes(change))
    raw = frame(message.SerializeToString())
    if getattr(message, name) == value:
        assert lane(quick, message.hwi_model).answer(raw, NUMBER) is not None
        return
    assert lane(quick, message.hwi_model).answer(raw, NUMBER) is None
    with pytest.raises(ValueError, match=name if name != "user_ids" else "user_ids|queue_bits"):
        answered_as_message(plain, raw)


@pytest.mark.parametrize("count", [0, 9])
def test_a_group_of_no_or_too_many_users_is_left(count: int) -> None:
    plain, quick = policies("slnr", "whole")
    message = observation(1, list(range(count)), compact=False)
    raw = frame(message.SerializeToString())
    assert lane(quick, message.hwi_model).answer(raw, NUMBER) is None
    with pytest.raises(ValueError, match="user_ids"):
        answered_as_message(plain, raw)


@settings(max_examples=300, deadline=None)
@given(data=some.data(), compact=some.booleans(), outcomes=some.integers(0, 2))
def test_what_is_damaged_is_left_or_answered_as_its_message_would_be(
    data: some.DataObject, compact: bool, outcomes: int
) -> None:
    plain, quick = policies("madqn-tuned", "compact" if compact else "whole")
    message = observation(3, [17, 20], compact, outcomes)
    raw = bytearray(frame(message.SerializeToString()))
    one = lane(quick, message.hwi_model)
    start = len(one.key)
    at = data.draw(some.integers(start, len(raw) - 1) | some.integers(start, min(120, len(raw) - 1)))
    taken = data.draw(some.integers(0, 8))
    raw[at : at + taken] = data.draw(some.binary(max_size=8))
    found = one.answer(bytes(raw), NUMBER)
    if found is not None:
        assert bytes(found) == answered_as_message(plain, bytes(raw))


def test_every_truncated_frame_is_left() -> None:
    _, quick = policies("slnr", "whole")
    message = observation(3, [17], compact=False, outcomes=1)
    raw, one = frame(message.SerializeToString()), lane(quick, message.hwi_model)
    assert one.answer(raw, NUMBER) is not None
    assert all(one.answer(raw[:size], NUMBER) is None for size in range(len(one.key), len(raw)))


def test_what_is_not_like_the_one_before_is_left() -> None:
    _, quick = policies("slnr", "whole")
    message = observation(3, [17], compact=False)
    message.hwi_model = slot_pb2.PAPER
    raw = frame(message.SerializeToString())
    assert SlotLane(quick, NODE, XAPP).answer(raw, NUMBER) is None
    one = lane(quick)
    assert one.answer(raw, NUMBER) is not None
    assert one.answer(raw, NUMBER + 1) is None
    message.hwi_model = slot_pb2.AGGREGATE
    assert one.answer(frame(message.SerializeToString()), NUMBER) is None
    for field, value in (("ran_function_id", 3), ("ric_action_id", 2), ("ric_request_id", e2ap.RicRequestId())):
        down = bus.DownMessage.FromString(raw)
        down.indication.ClearField(field)
        changed: dict[str, Any] = {field: value}
        down.indication.MergeFrom(e2ap.RicIndication(**changed))
        assert one.answer(down.SerializeToString(), NUMBER) is None
    assert one.answer(frame(bytes(FRAME_BYTES)), NUMBER) is None


def test_an_outcome_that_does_not_decode_is_left() -> None:
    plain, quick = policies("slnr", "whole")
    message = observation(3, [17], compact=False).SerializeToString() + b"\x6a\x02\x2a\x05"
    raw = frame(message)
    assert all(lane(quick, hwi_model).answer(raw, NUMBER) is None for hwi_model in (0, 1))
    with pytest.raises(CodecError, match="message"):
        answered_as_message(plain, raw)
