"""Messages become observations, decisions become messages: nothing is lost, nothing malformed passes."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hiso_proto import e2sm_budgets_pb2 as budgets_pb2
from hiso_proto import e2sm_slot_pb2 as slot_pb2
from hypothesis import given
from hypothesis import strategies as some
from messages import BEAMS, observation, outcome, report

from ran_emulator.cell import Cell
from ran_emulator.e2 import codec
from ran_emulator.phy.beam_reports import BeamReporter
from ran_emulator.phy.codes import HWI_AGGREGATE
from ran_emulator.scenario import load_scenario
from xapps.codec import (
    CodecError,
    budget_context,
    budgets_message,
    decision_header,
    decision_message,
    decode_observation,
    decode_report,
    slice_contexts,
)
from xapps.slicing.observation import Budgets, SlotDecision

USERS = [17, 20, 41]


def test_an_observation_holds_what_was_sent() -> None:
    rng = np.random.default_rng(1)
    sent = [outcome(rng, 7, USERS), outcome(rng, 8, USERS[:1], detail=False)]
    header, message = observation(9, USERS, sent)
    body = slot_pb2.IndicationMessage.FromString(message)
    found = decode_observation(header, message)
    assert (found.slice_id, found.decided_slot, found.observed_slot) == (1, 9, 9)
    assert (found.bandwidth_hz, found.power_w, found.hwi_model) == (3_300_000, 333.0, 0)
    assert found.noise_w == float(np.float32(1.3e-14))
    assert found.user_ids.tolist() == USERS
    for name in ("queue_bits", "head_age_us", "ssr", "last_outcome", "beam_gains"):
        assert getattr(found, name).tobytes() == getattr(body, name)
    assert found.last_outcome.shape == (3, 7)
    assert found.beam_gains.shape == (3, BEAMS)
    assert [each.slot for each in found.outcomes] == [7, 8]
    detail = found.outcomes[0].learning_detail
    assert detail is not None
    for name in ("noise_w", "hwi_model", "kappa_t", "kappa_r"):
        assert getattr(detail, name) == getattr(sent[0], name) != getattr(found, name)
    for name in ("beam_gains", "common_gain", "channel_gain"):
        assert getattr(detail, name).tobytes() == getattr(sent[0], name)
    assert detail.beam_gains.shape == (3, BEAMS)
    assert found.outcomes[1].learning_detail is None
    for name in ("beams", "private_power_w", "rate_bps", "sent_bits", "decision_source"):
        assert getattr(found.outcomes[0], name).tobytes() == getattr(sent[0], name)
    assert decode_observation(header, message, outcomes=False).outcomes == []


def test_a_compact_observation_holds_the_reports_that_were_sent() -> None:
    header, message = observation(9, USERS)
    body = slot_pb2.IndicationMessage.FromString(message)
    reports = BeamReporter().reports(3, np.zeros((3, 7), np.float32), np.random.default_rng(1).random((3, 128), "f4"))
    body.ClearField("beam_gains")
    body.beam_reports = reports.tobytes()
    found = decode_observation(header, body.SerializeToString())
    assert found.beam_gains.shape == (3, 0)
    np.testing.assert_array_equal(found.beam_reports, reports)
    body.beam_reports = reports.tobytes()[:-1]
    with pytest.raises(CodecError, match="beam_reports: 359 bytes, must be 360"):
        decode_observation(header, body.SerializeToString())


ARRAYS = ("user_ids", "queue_bits", "head_age_us", "ssr", "last_outcome", "beam_gains")
OUTCOME_ARRAYS = ("user_ids", "beams", "private_power_w", "rate_bps", "sent_bits", "decision_source", "common_gain")


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_that_does_not_fit_the_group_is_refused_by_name(name: str) -> None:
    header, message = observation(9, USERS)
    body = slot_pb2.IndicationMessage.FromString(message)
    setattr(body, name, getattr(body, name)[:-1])
    with pytest.raises(CodecError, match=name):
        decode_observation(header, body.SerializeToString())


@pytest.mark.parametrize("name", OUTCOME_ARRAYS)
def test_an_outcome_that_does_not_fit_is_refused_by_name(name: str) -> None:
    bad = outcome(np.random.default_rng(1), 7, USERS)
    setattr(bad, name, getattr(bad, name) + b"\0")
    with pytest.raises(CodecError, match="user_ids|" + name):
        decode_observation(*observation(9, USERS, [bad]))


@given(some.binary(max_size=64), some.binary(max_size=256))
def test_any_bytes_decode_or_are_refused(header: bytes, message: bytes) -> None:
    for decode in (decode_observation, decode_report):
        with contextlib.suppress(CodecError):
            decode(header, message)


@given(
    beams=some.lists(some.integers(0, BEAMS - 1), min_size=3, max_size=3),
    powers=some.lists(some.floats(0, 100, width=32), min_size=3, max_size=3),
    common=some.none() | some.floats(0, 100, width=32),
)
def test_a_decision_arrives_as_it_was_taken(beams: list[int], powers: list[float], common: float | None) -> None:
    taken = SlotDecision(np.array(beams, np.int16), np.array(powers, np.float32), common)
    asked = decode_observation(*observation(9, USERS))
    header = decision_header(asked).SerializeToString()
    message = decision_message(asked, taken).SerializeToString()
    ids = np.array(USERS, np.uint16).tobytes()
    found = codec.decode_decision(header, message, 1, 9, ids)
    assert found.beams.tolist() == beams
    assert found.private_power_w.tolist() == powers
    assert found.common_power_w == common


def test_budgets_arrive_as_they_were_set_and_none_keeps() -> None:
    budgets = Budgets((2_000_000, 6_000_000, 2_000_000), (float(np.float32(333.4)), 333.25, 333.0))
    header = budgets_pb2.ControlHeader().SerializeToString()
    sent = budgets_message(budgets).SerializeToString()
    assert codec.decode_budgets(header, sent) == (list(budgets.bandwidth_hz), list(budgets.power_w))
    assert codec.decode_budgets(header, budgets_message(None).SerializeToString()) is None


def test_a_report_holds_what_was_sent_in_the_order_of_slices() -> None:
    header, message = report(3, (1, 2, 3), hwi_model=budgets_pb2.AGGREGATE, kappa_t=0.25, kappa_r=0.5)
    body = budgets_pb2.IndicationMessage.FromString(message)
    slices = [*body.slices]
    del body.slices[:]
    body.slices.extend(reversed(slices))
    found = decode_report(header, body.SerializeToString())
    assert (found.second, found.slot) == (3, 6_000)
    assert found.offered_packets.tolist() == [1, 2, 3]
    assert found.bandwidth_hz.tolist() == [3_300_000, 3_300_001, 3_300_002]
    assert found.ssr.tolist() == [float(np.float32(0.99))] * 3
    assert found.eta_bps_hz == 16.5
    assert (found.hwi_model, found.kappa_t, found.kappa_r) == (HWI_AGGREGATE, 0.25, 0.5)


@pytest.mark.parametrize("ids", [[0, 1], [0, 1, 1], [0, 1, 3]])
def test_a_report_without_each_slice_once_is_refused(ids: list[int]) -> None:
    header, message = report(1)
    body = budgets_pb2.IndicationMessage(slices=[budgets_pb2.SliceReport(slice_id=index) for index in ids])
    with pytest.raises(CodecError, match="slices"):
        decode_report(header, body.SerializeToString())
    decode_report(header, message)


def test_contexts_are_those_that_the_node_states() -> None:
    cell = Cell(load_scenario("base", ["access=ofdma", "precoder=zf"]), 1, 2)
    contexts = slice_contexts(codec.slot_definition(cell, lockstep=True).SerializeToString())
    assert sorted(contexts) == [0, 1, 2]
    embb = contexts[1]
    assert (embb.min_rate_bps, embb.ssr_threshold) == (15e6, float(np.float32(0.95)))
    assert (embb.beams, embb.antennas, embb.control_delay_slots) == (128, 128, 2)
    assert (embb.access, embb.precoder) == ("ofdma", "zf")
    budgets = budget_context(codec.budget_definition(cell, lockstep=True).SerializeToString())
    assert (budgets.total_bandwidth_hz, budgets.bandwidth_floor_hz, budgets.control_delay_slots) == (
        10_000_000,
        2_000_000,
        2,
    )
    with pytest.raises(CodecError, match="definition"):
        slice_contexts(b"\xff")
