"""Messages against the records that they are cut from, and back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_slot_pb2 as slots
from hypothesis import given, settings
from hypothesis import strategies as strategy
from slot_messages import SlotEncoder

from ran_emulator.cell import Cell
from ran_emulator.constraints import Refused
from ran_emulator.e2.codec import budget_report, decode_budgets, decode_decision
from ran_emulator.e2.outbox import encode_frame
from ran_emulator.phy.beam_reports import BeamReporter
from ran_emulator.phy.codes import HWI_MODELS
from ran_emulator.scenario import Impairments, load_scenario

USERS = strategy.lists(
    strategy.tuples(
        strategy.integers(0, 2**16 - 1),
        strategy.integers(-(2**15), 2**15 - 1),
        strategy.floats(width=32, allow_nan=False, allow_infinity=False),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(
    USERS, strategy.integers(0, 2), strategy.integers(0, 2**64 - 1), strategy.none() | strategy.floats(0, 1e3, width=32)
)
def test_a_decision_survives_the_wire(
    users: list[tuple[int, int, float]], slice_id: int, decided_slot: int, common_power_w: float | None
) -> None:
    ids, beams, powers = (np.array([user[i] for user in users], kind) for i, kind in enumerate(("<u2", "<i2", "<f4")))
    header = slots.ControlHeader(slice_id=slice_id, decided_slot=decided_slot)
    message = slots.ControlMessage(
        user_ids=ids.tobytes(), beams=beams.tobytes(), private_power_w=powers.tobytes(), rest=True
    )
    if common_power_w is not None:
        message.common_power_w = common_power_w
    decision = decode_decision(
        header.SerializeToString(), message.SerializeToString(), slice_id, decided_slot, ids.tobytes()
    )
    np.testing.assert_array_equal(decision.beams, beams)
    np.testing.assert_array_equal(decision.private_power_w, powers)
    assert decision.common_power_w == common_power_w


@settings(deadline=None)
@given(strategy.binary(max_size=64), strategy.binary(max_size=64))
def test_any_bytes_decode_or_are_refused(header: bytes, message: bytes) -> None:
    for decode in (
        lambda: decode_decision(header, message, 1, 7, b"\x11\x00"),
        lambda: decode_budgets(header, message),
    ):
        refusal = _refusal_of(decode)
        assert refusal is None or (refusal.constraint and refusal.text)


def _refusal_of(decode: Callable[[], object]) -> Refused | None:
    try:
        decode()
    except Refused as refusal:
        return refusal
    return None


@settings(deadline=None)
@given(strategy.permutations([0, 1, 2]))
def test_budgets_come_in_the_order_of_the_slices(order: list[int]) -> None:
    items = [budgets.SliceBudget(slice_id=i, bandwidth_hz=10 + i, power_w=0.5 + i) for i in order]
    message = budgets.ControlMessage(budgets=items).SerializeToString()
    assert decode_budgets(b"", message) == ([10, 11, 12], [0.5, 1.5, 2.5])
    assert decode_budgets(b"", b"") is None


@pytest.mark.parametrize("slices", [[0], [0, 1], [0, 1, 1], [0, 1, 3], [0, 1, 2, 2]])
def test_budgets_for_other_than_each_slice_are_refused(slices: list[int]) -> None:
    items = [budgets.SliceBudget(slice_id=i) for i in slices]
    with pytest.raises(Refused, match="slice_id"):
        decode_budgets(b"", budgets.ControlMessage(budgets=items).SerializeToString())


@settings(deadline=None)
@given(strategy.lists(strategy.binary(max_size=300), max_size=4))
def test_frames_are_those_of_the_contract(messages: list[bytes]) -> None:
    pdus = [
        e2ap.E2apPdu(ric_control_acknowledge=e2ap.RicControlAcknowledge(ric_control_outcome=message))
        for message in messages
    ]
    frame = encode_frame([pdu.SerializeToString() for pdu in pdus])
    assert frame == e2ap.E2Frame(pdus=pdus).SerializeToString()


@pytest.fixture
def busy_cell() -> Cell:
    cell = Cell(load_scenario("high-load"), seed=3, control_delay_slots=0)
    for _ in range(50):
        cell.begin_slot()
        cell.execute_slot()
    cell.inject(1, 40)
    return cell


def test_an_observation_is_the_frame_of_the_cell(busy_cell: Cell) -> None:
    encoder = SlotEncoder(busy_cell)
    busy_cell.begin_slot()
    count = busy_cell.group_size(1)
    assert count == 8
    message, ids = encoder.observation(1, count, [])
    frame = busy_cell.state.frames[1]
    for name, kind in (("queue_bits", "<u4"), ("head_age_us", "<u4"), ("ssr", "<f4"), ("user_ids", "<u2")):
        np.testing.assert_array_equal(np.frombuffer(getattr(message, name), kind), frame[name][:count])
    np.testing.assert_array_equal(
        np.frombuffer(message.last_outcome, "<f4").reshape(-1, 7), frame["last_outcome"][:count]
    )
    np.testing.assert_array_equal(
        np.frombuffer(message.beam_gains, "<f4").reshape(count, -1), busy_cell.state.frame_gains[1, :count]
    )
    assert ids == message.user_ids
    assert message.bandwidth_hz == busy_cell.scenario.initial_bandwidth_hz[1]
    assert message.noise_w == np.float32(busy_cell.scenario.noise_w_per_hz * message.bandwidth_hz)
    header = slots.IndicationHeader.FromString(encoder.header(1, 9, 7))
    assert (header.slice_id, header.decided_slot, header.observed_slot) == (1, 9, 7)


def test_a_compact_observation_has_reports_in_the_place_of_gains(busy_cell: Cell) -> None:
    encoder = SlotEncoder(busy_cell)
    count = busy_cell.group_size(1)
    whole, _ = encoder.observation(1, count, [])
    compact, ids = encoder.observation(1, count, [], compact=True)
    frame = busy_cell.state.frames[1]
    expected = BeamReporter().reports(count, frame["last_outcome"], busy_cell.state.frame_gains[1])
    assert compact.beam_reports == expected.tobytes()
    assert len(ids) == 2 * count
    assert (len(compact.beam_reports), len(compact.beam_gains)) == (120 * count, 0)
    assert (len(whole.beam_reports), len(whole.beam_gains)) == (0, 4 * 128 * count)
    whole.ClearField("beam_gains")
    compact.ClearField("beam_reports")
    assert whole == compact


@pytest.mark.parametrize("learning_detail", [False, True])
def test_an_outcome_is_the_outcome_of_the_cell(busy_cell: Cell, learning_detail: bool) -> None:
    encoder = SlotEncoder(busy_cell)
    busy_cell.begin_slot()
    busy_cell.execute_slot()
    outcome = busy_cell.state.outcomes[1]
    count = int(outcome["count"])
    message = encoder.outcome(1, count, learning_detail)
    assert (message.slot, message.bandwidth_hz) == (50, int(outcome["bandwidth_hz"]))
    assert (message.common_power_w, message.power_w) == (outcome["common_power_w"], outcome["power_w"])
    kinds = {"user_ids": "<u2", "beams": "<i2", "sent_bits": "<u4", "decision_source": "u1"}
    reals = ("private_power_w", "common_sdnr", "common_share", "private_sdnr", "private_rate", "rate_bps")
    for name, kind in (kinds | dict.fromkeys(reals, "<f4")).items():
        np.testing.assert_array_equal(np.frombuffer(getattr(message, name), kind), outcome[name][:count])
    about_the_slot = ("noise_w", "hwi_model", "kappa_t", "kappa_r")
    if learning_detail:
        for name in about_the_slot:
            assert getattr(message, name) == outcome[name]
        gains = np.frombuffer(message.beam_gains, "<f4").reshape(count, -1)
        np.testing.assert_array_equal(gains, busy_cell.state.outcome_gains[1, :count])
        for name in ("common_gain", "channel_gain"):
            np.testing.assert_array_equal(np.frombuffer(getattr(message, name), "<f4"), outcome[name][:count])
    else:
        sent = {field.name for field, _ in message.ListFields()}
        assert sent.isdisjoint({"beam_gains", "common_gain", "channel_gain", *about_the_slot})


@pytest.mark.parametrize("model", HWI_MODELS)
def test_the_contracts_number_hardware_models_as_the_cell_does(model: str) -> None:
    for contract in (slots, budgets):
        assert contract.HwiModel.Value(model.upper()) == HWI_MODELS.index(model)


def test_a_budget_report_states_the_second() -> None:
    cell = Cell(load_scenario("base", ["hwi.model=aggregate", "hwi.kappa_t=0.25", "hwi.kappa_r=0.5"]), seed=1)
    window = None
    while window is None:
        cell.begin_slot()
        window = cell.execute_slot()
    report = budget_report(window, cell.scenario.total_bandwidth_hz)
    assert [part.offered_packets for part in report.slices] == window.counts[:, 0].tolist()
    assert [part.ssr for part in report.slices] == window.ssr().tolist()
    assert sum(part.eta_bps_hz for part in report.slices) == pytest.approx(report.eta_bps_hz)
    assert report.eta_bps_hz > 0
    cell.set_hwi(Impairments())  # after the second
    assert (report.hwi_model, report.kappa_t, report.kappa_r) == (budgets.AGGREGATE, 0.25, 0.5)
