"""A slot INSERT as the bus brings it, decided and answered in one compiled call, without message objects.

Only what is plainly good is answered. All else is left to who decodes it with protobuf, and can say what is wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_slot_pb2 as slot_pb2
from hiso_proto import xapp_bus_pb2 as bus

from ran_emulator.phy.addresses import array_at
from ran_emulator.phy.beam_reports import BEAM_REPORT
from ran_emulator.phy.jit import state_kernel
from ran_emulator.wire import (
    MALFORMED,
    copy_bytes,
    read_field,
    read_fields,
    tag_of,
    tags_of,
    write_bytes,
    write_number,
    write_varint,
)
from xapps.slicing.features import CANDIDATES, FEATURES_TUNED
from xapps.slicing.intra.decision import COMMON_REST, MAX_GROUP_USERS, IntraParameters, decide
from xapps.slicing.intra.policies import IntraPolicy, WorkingArrays
from xapps.slicing.observation import SlotDecision

FRAME_BYTES = 65_536
"""Longer frames are left."""
_PART_BYTES = 512
_MAX_PROCESS_BYTES = 64
_MAX_FIELDS = 32
_REPORT_BYTES = BEAM_REPORT.itemsize
_UINT32_MAX = 2**32 - 1

_DOWN = tag_of(bus.DownMessage, "indication")
_UP = tag_of(bus.UpMessage, "control_request")

_NUMBER, _HEADER, _MESSAGE, _PROCESS = (
    tag_of(e2ap.RicIndication, name) >> 3
    for name in ("ric_indication_sn", "ric_indication_header", "ric_indication_message", "ric_call_process_id")
)
_INDICATION = tags_of(
    e2ap.RicIndication,
    *("ric_indication_sn", "ric_indication_type", "ric_indication_header", "ric_indication_message"),
    "ric_call_process_id",
)
_CONTROL_PROCESS, _CONTROL_HEADER, _CONTROL_MESSAGE, _ACKNOWLEDGE = (
    tag_of(e2ap.RicControlRequest, name)
    for name in ("ric_call_process_id", "ric_control_header", "ric_control_message", "ric_control_ack_request")
)
_NO_ACKNOWLEDGE = int(e2ap.NO_ACK)

_SLOTS = ("decided_slot", "observed_slot", "slice_id")
_DECIDED_SLOT, _OBSERVED_SLOT, _SLICE = (tag_of(slot_pb2.IndicationHeader, name) >> 3 for name in _SLOTS)
_INDICATION_HEADER = tags_of(slot_pb2.IndicationHeader, *_SLOTS)
_ANSWERED_SLICE, _ANSWERED_SLOT = (tag_of(slot_pb2.ControlHeader, name) for name in ("slice_id", "decided_slot"))

_REALS = ("power_w", "noise_w", "kappa_t", "kappa_r")
_ARRAYS = ("user_ids", "queue_bits", "head_age_us", "ssr", "last_outcome", "beam_gains", "beam_reports")
_OBSERVATION = tags_of(slot_pb2.IndicationMessage, "bandwidth_hz", *_REALS, "hwi_model", *_ARRAYS)
_BANDWIDTH, _HWI_MODEL = (tag_of(slot_pb2.IndicationMessage, name) >> 3 for name in ("bandwidth_hz", "hwi_model"))
_POWER, _NOISE, _KAPPA_T, _KAPPA_R = (tag_of(slot_pb2.IndicationMessage, name) >> 3 for name in _REALS)
_USERS, _QUEUE, _AGE, _SSR, _LAST_OUTCOME, _GAINS, _REPORTS = (
    tag_of(slot_pb2.IndicationMessage, name) >> 3 for name in _ARRAYS
)
_OUTCOMES = tag_of(slot_pb2.IndicationMessage, "outcomes")
_LAST_OUTCOME_FIELD = max(field.number for field in slot_pb2.SlotOutcome.DESCRIPTOR.fields)

_DECIDED_USERS, _BEAMS, _POWERS, _COMMON, _REST = (
    tag_of(slot_pb2.ControlMessage, name) for name in ("user_ids", "beams", "private_power_w", "common_power_w", "rest")
)

_OWN_ARRAYS = {
    "frame": (np.uint8, FRAME_BYTES),
    "spans": (np.int64, 2 * _MAX_FIELDS),
    "reals": (np.float32, 5),  # power_w, noise_w, kappa_t, kappa_r; the common stream's power
    "head": (np.uint8, _PART_BYTES),  # how an indication begins
    "control": (np.uint8, _PART_BYTES),  # how its control begins
    "header": (np.uint8, _PART_BYTES),
    "message": (np.uint8, _PART_BYTES),
    "request": (np.uint8, 3 * _PART_BYTES),
    # Of the frame answered last: header's and message's ends, users, 1 for COMMON_REST, decided and observed slot.
    "answered": (np.int64, 8),
}

LANE = np.dtype(
    [
        ("seed", np.uint64),
        *((name, np.int64) for name in IntraParameters._fields if name != "seed"),
        *((name, np.int64) for name in (*WorkingArrays._fields, *_OWN_ARRAYS, "answer")),
        *((name, np.int64) for name in ("kind", "slice_id", "antennas", "codebook", "weights_size", "widest_layer")),
        *((name, np.int64) for name in ("frame_start", "head_size", "control_size", "answer_start", "hwi_model")),
    ]
)
"""What `_answer` works on: numbers, and addresses of arrays."""


@state_kernel
def _well_formed(data: Any, at: int, end: int) -> bool:
    """Whether bytes are those of an outcome: its fields alone, as far as one sees without decoding them."""
    while at < end:
        tag, _, at = read_field(data, at, end)
        if at == MALFORMED or not 0 < tag >> 3 <= _LAST_OUTCOME_FIELD:
            return False
    return True


@state_kernel
def _read_observation(data: Any, at: int, end: int, spans: Any) -> int:
    """Spans of an observation's fields by their numbers; the group's size, 0 where it is not plainly good."""
    spans[:] = 0
    at = read_fields(data, at, end, _OBSERVATION, spans)
    while at < end:
        tag, value, after = read_field(data, at, end)
        if after == MALFORMED or tag != _OUTCOMES or not _well_formed(data, value, after):
            return 0
        at = read_fields(data, after, end, _OBSERVATION, spans)
    count, odd = divmod(spans[_USERS, 1] - spans[_USERS, 0], 2)
    return 0 if odd or count > MAX_GROUP_USERS or spans[_BANDWIDTH, 0] > _UINT32_MAX else count


@state_kernel
def _copy_array(data: Any, spans: Any, field: int, size: int, out: int) -> bool:
    """Copy an array of the observation to the address `out` (0: nowhere); False where it has not `size` bytes."""
    start = spans[field, 0]
    if spans[field, 1] - start != size:
        return False
    if out != 0:
        copy_bytes(data, start, size, array_at(out, size, np.uint8), 0)
    return True


@state_kernel
def _take_observation(lane: Any, data: Any, spans: Any, count: int) -> bool:
    """Copy what the policy sees of an observation into its arrays; False where an array does not fit the group."""
    reals = array_at(lane.reals, 16, np.uint8)
    reals[:] = 0
    for place, field in enumerate((_POWER, _NOISE, _KAPPA_T, _KAPPA_R)):
        if spans[field, 1] > 0:
            copy_bytes(data, spans[field, 0], 4, reals, 4 * place)
    if lane.compact != 0:
        fits = spans[_GAINS, 1] == 0 and _copy_array(data, spans, _REPORTS, _REPORT_BYTES * count, lane.reports)
    else:
        fits = spans[_REPORTS, 1] == 0 and _copy_array(data, spans, _GAINS, 4 * lane.codebook * count, lane.beam_gains)
    return (
        fits
        and _copy_array(data, spans, _QUEUE, 4 * count, 0)
        and _copy_array(data, spans, _AGE, 4 * count, 0)
        and _copy_array(data, spans, _USERS, 2 * count, lane.user_ids)
        and _copy_array(data, spans, _SSR, 4 * count, 0)
        and _copy_array(data, spans, _LAST_OUTCOME, 28 * count, lane.last_outcome)
    )


@state_kernel
def _decide(lane: Any, slot: int, count: int) -> float:
    """`decide` on the policy's arrays; the common power in W or COMMON_REST."""
    reals = array_at(lane.reals, 5, np.float32)
    group = MAX_GROUP_USERS
    parameters = IntraParameters(
        array_at(lane.weights, lane.weights_size, np.float32),
        array_at(lane.layers, 4, np.int64),
        array_at(lane.epsilon, 1, np.float64),
        lane.seed,
        lane.beam_choice,
        lane.power_levels,
        lane.dbm_levels != 0,
        lane.group_level != 0,
        lane.common_action != 0,
        lane.compact != 0,
        array_at(lane.reports, group, BEAM_REPORT),
        array_at(lane.best, group, np.int16),
        array_at(lane.ranked, (group, CANDIDATES), np.int16),
        array_at(lane.scores, lane.codebook, np.float64),
        array_at(lane.features, (group, FEATURES_TUNED), np.float32),
        array_at(lane.activations, (3, lane.widest_layer), np.float32),
        array_at(lane.level_values, lane.power_levels, np.float32),
        array_at(lane.level_beams, (group, lane.power_levels), np.int16),
    )
    # Reals of one type: `decide` is compiled once for all its callers.
    return float(
        decide(
            lane.kind,
            parameters,
            lane.slice_id,
            slot,
            lane.antennas,
            np.float64(reals[0]),
            np.float64(reals[1]),
            lane.hwi_model,
            np.float64(reals[2]),
            np.float64(reals[3]),
            count,
            array_at(lane.user_ids, group, np.uint16),
            array_at(lane.last_outcome, (group, 7), np.float32),
            array_at(lane.beam_gains, (group, lane.codebook), np.float32),
            array_at(lane.beams, group, np.int16),
            array_at(lane.private_power_w, group, np.float32),
            array_at(lane.actions, group, np.int32),
        )
    )


@state_kernel
def _write_message(lane: Any, count: int, common_w: float, out: Any) -> int:
    """The ControlMessage; its size."""
    at = write_bytes(out, 0, _DECIDED_USERS, array_at(lane.user_ids, 2 * count, np.uint8), 0, 2 * count)
    at = write_bytes(out, at, _BEAMS, array_at(lane.beams, 2 * count, np.uint8), 0, 2 * count)
    at = write_bytes(out, at, _POWERS, array_at(lane.private_power_w, 4 * count, np.uint8), 0, 4 * count)
    if common_w == COMMON_REST:
        return int(write_number(out, at, _REST, 1))
    array_at(lane.reals, 5, np.float32)[4] = common_w
    at = write_varint(out, at, _COMMON)  # one of a oneof is written even where it is 0
    return int(copy_bytes(array_at(lane.reals, 20, np.uint8), 16, 4, out, at))


@state_kernel
def _write_answer(lane: Any, data: Any, start: int, end: int, header_size: int, message_size: int) -> int:
    """The UpMessage, around what lies in lane.header and lane.message; data[start:end] is the call process id."""
    request = array_at(lane.request, 3 * _PART_BYTES, np.uint8)
    at = copy_bytes(array_at(lane.control, _PART_BYTES, np.uint8), 0, lane.control_size, request, 0)
    at = write_bytes(request, at, _CONTROL_PROCESS, data, start, end - start)
    at = write_bytes(request, at, _CONTROL_HEADER, array_at(lane.header, _PART_BYTES, np.uint8), 0, header_size)
    at = write_bytes(request, at, _CONTROL_MESSAGE, array_at(lane.message, _PART_BYTES, np.uint8), 0, message_size)
    size = write_number(request, at, _ACKNOWLEDGE, _NO_ACKNOWLEDGE)
    answer = array_at(lane.answer, lane.answer_start + 3 * _PART_BYTES, np.uint8)
    return int(write_bytes(answer, lane.answer_start, _UP, request, 0, size))


@state_kernel
def _begins_as(data: Any, at: int, end: int, head: Any, size: int) -> bool:
    same = size <= end - at
    for i in range(size):
        same = same and data[at + i] == head[i]
    return same


@state_kernel
def _read_indication(lane: Any, data: Any, end: int, number: int, spans: Any) -> bool:
    """Spans of the fields of the frame's indication; whether it is the lane's, has this number and is plainly good."""
    tag, at, after = read_field(data, lane.frame_start, end)
    if tag != _DOWN or after != end:
        return False
    if not _begins_as(data, at, end, array_at(lane.head, _PART_BYTES, np.uint8), lane.head_size):
        return False
    spans[:] = 0
    at = read_fields(data, at + lane.head_size, end, _INDICATION, spans)
    return at == end and spans[_NUMBER, 0] == number and spans[_PROCESS, 1] - spans[_PROCESS, 0] <= _MAX_PROCESS_BYTES


@state_kernel
def _answer(address: int, frame_size: int, number: int) -> int:
    """Decide the frame of a LANE at `address` and write the UpMessage; its size, 0 where the frame is left.

    `number`: the ric_indication_sn that must come next.
    """
    lane = array_at(address, 1, LANE)[0]
    data = array_at(lane.frame, FRAME_BYTES, np.uint8)
    spans = array_at(lane.spans, (_MAX_FIELDS, 2), np.int64)
    if not _read_indication(lane, data, frame_size, number, spans):
        return 0
    header_at, header_end = spans[_HEADER, 0], spans[_HEADER, 1]
    message_at, message_end = spans[_MESSAGE, 0], spans[_MESSAGE, 1]
    process_at, process_end = spans[_PROCESS, 0], spans[_PROCESS, 1]
    spans[:] = 0
    if read_fields(data, header_at, header_end, _INDICATION_HEADER, spans) != header_end:
        return 0
    slice_id, slot, observed_slot = spans[_SLICE, 0], spans[_DECIDED_SLOT, 0], spans[_OBSERVED_SLOT, 0]
    count = _read_observation(data, message_at, message_end, spans)
    if count == 0 or slice_id > _UINT32_MAX or spans[_HWI_MODEL, 0] != lane.hwi_model:
        return 0
    if not _take_observation(lane, data, spans, count):
        return 0
    common_w = _decide(lane, slot, count)
    answered = array_at(lane.answered, 8, np.int64)
    answered[0], answered[1], answered[2], answered[3] = header_at, header_end, message_at, message_end
    answered[4], answered[5], answered[6], answered[7] = count, common_w == COMMON_REST, slot, observed_slot
    header = array_at(lane.header, _PART_BYTES, np.uint8)
    header_size = write_number(header, write_number(header, 0, _ANSWERED_SLICE, slice_id), _ANSWERED_SLOT, slot)
    message_size = _write_message(lane, count, common_w, array_at(lane.message, _PART_BYTES, np.uint8))
    return _write_answer(lane, data, process_at, process_end, header_size, message_size)


class SlotLane:
    """Answers frames of one subscription that are like one before, which was answered without it."""

    def __init__(self, policy: IntraPolicy, node_id: str, xapp_name: str) -> None:
        """Decides with `policy` and its arrays, compiled when made; it answers nothing before `learn`."""
        self._policy = policy  # kept, as it owns what the addresses point at
        prefix = np.frombuffer(bus.UpMessage(xapp_name=xapp_name).SerializeToString(), np.uint8)
        self._own = {name: np.zeros(size, kind) for name, (kind, size) in _OWN_ARRAYS.items()}
        self._own["answer"] = np.concatenate((prefix, np.zeros(3 * _PART_BYTES, np.uint8)))
        self._lane = np.zeros(1, LANE)
        self._address = int(self._lane.ctypes.data)
        self._frame = self._own["frame"].data
        self._answer = self._own["answer"].data
        self.key = bus.DownMessage(node_id=node_id).SerializeToString()
        """How frames of the node begin."""
        self._fill(len(prefix))
        _answer(self._address, 0, 0)

    def learn(self, indication: e2ap.RicIndication, hwi_model: int) -> None:
        """Answer from now on what comes like this indication: same request, function, action and impairment model."""
        request_id, function_id = indication.ric_request_id, indication.ran_function_id
        head = e2ap.RicIndication(
            ric_request_id=request_id, ran_function_id=function_id, ric_action_id=indication.ric_action_id
        ).SerializeToString()
        control = e2ap.RicControlRequest(ric_request_id=request_id, ran_function_id=function_id).SerializeToString()
        self._put("head", head)
        self._put("control", control)
        lane = self._lane[0]
        lane["head_size"], lane["control_size"], lane["hwi_model"] = len(head), len(control), hwi_model

    def answer(self, frame: bytes, number: int) -> memoryview | None:
        """The UpMessage for a DownMessage of the node, valid until the next call; None: left to others.

        `number`: the ric_indication_sn that must come next.
        """
        size = len(frame)
        if size > FRAME_BYTES:
            return None
        self._frame[:size] = frame
        end = _answer(self._address, size, number)
        return self._answer[:end] if end else None

    def answered(self, frame: bytes) -> tuple[bytes, bytes, SlotDecision]:
        """Header and message of the indication in the frame answered last, and what was decided on it."""
        header_at, header_end, message_at, message_end, count, rest, _, _ = self._own["answered"].tolist()
        common_w = None if rest else float(self._own["reals"][4])
        return frame[header_at:header_end], frame[message_at:message_end], self._policy.decision(count, common_w)

    def answered_slots(self) -> tuple[int, int]:
        """Decided and observed slot of the frame answered last."""
        decided_slot, observed_slot = self._own["answered"][6:].tolist()
        return decided_slot, observed_slot

    def _fill(self, answer_start: int) -> None:
        policy, parameters, lane = self._policy, self._policy.parameters, self._lane[0]
        for name, value in {**parameters._asdict(), **policy.arrays._asdict(), **self._own}.items():
            lane[name] = value.ctypes.data if isinstance(value, np.ndarray) else value
        lane["kind"], lane["slice_id"] = policy.kind, policy.context.slice_id
        lane["antennas"], lane["codebook"] = policy.context.antennas, policy.context.beams
        lane["weights_size"], lane["widest_layer"] = len(parameters.weights), parameters.activations.shape[1]
        lane["frame_start"], lane["answer_start"] = len(self.key), answer_start
        lane["hwi_model"] = -1  # none: nothing is answered yet

    def _put(self, name: str, data: bytes) -> None:
        self._own[name][: len(data)] = np.frombuffer(data, np.uint8)
