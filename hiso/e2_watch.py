"""The tcpdump of E2: every message between the RIC and its nodes in one line, or in full."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import zmq
from google.protobuf import text_format
from google.protobuf.message import DecodeError, Message
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_kpm_pb2 as kpm
from hiso_proto import e2sm_slot_pb2 as slot
from hiso_proto.e2ap_names import describe_cause
from hiso_proto.oids import BUDGETS_OID, KPM_OID, SLOT_OID

from hiso.loopback import LoopbackClient, Unreachable
from xapps.slicing.observation import SLICE_NAMES

FUNCTION_NAMES = {KPM_OID: "kpm", BUDGETS_OID: "budgets", SLOT_OID: "slot"}
PROCEDURES = {
    "e2_setup_request": "setup",
    "e2_setup_response": "setup",
    "e2_setup_failure": "setup",
    "ric_subscription_request": "subscription",
    "ric_subscription_response": "subscription",
    "ric_subscription_failure": "subscription",
    "ric_subscription_delete_request": "subscription-delete",
    "ric_subscription_delete_response": "subscription-delete",
    "ric_subscription_delete_failure": "subscription-delete",
    "ric_indication": "indication",
    "ric_control_request": "control",
    "ric_control_acknowledge": "control",
    "ric_control_failure": "control",
    "error_indication": "error",
    "reset_request": "reset",
    "reset_response": "reset",
    "ric_subscription_delete_required": "subscription-delete-required",
    "ric_service_update": "service-update",
    "ric_service_update_acknowledge": "service-update",
    "ric_service_update_failure": "service-update",
    "ric_service_query": "service-query",
    "e2_node_configuration_update": "configuration-update",
    "e2_node_configuration_update_acknowledge": "configuration-update",
    "e2_node_configuration_update_failure": "configuration-update",
    "e2_removal_request": "removal",
    "e2_removal_response": "removal",
    "e2_removal_failure": "removal",
}
_ARROWS = {"to_ric": "->", "to_node": "<-"}
_POLL_MS = 200
_CONNECT_MS = 1_000


@dataclass(frozen=True, slots=True)
class WatchedMessage:
    """One PDU as it passed the RIC."""

    time_s: float  # Unix
    direction: str  # to_ric, to_node
    node_id: str
    function: str  # kpm, budgets, slot, e2ap
    message: str
    pdu: e2ap.E2apPdu

    @property
    def procedure(self) -> str:
        """The E2AP procedure, as the filter spells it."""
        return PROCEDURES.get(self.message, self.message)


@dataclass(slots=True)
class Filter:
    """What is shown; empty: everything."""

    procedures: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    nodes: set[str] = field(default_factory=set)

    def passes(self, message: WatchedMessage) -> bool:
        """Whether a message is shown."""
        return (
            (not self.procedures or message.procedure in self.procedures)
            and (not self.functions or message.function in self.functions)
            and (not self.nodes or message.node_id in self.nodes)
        )


class FunctionNames:
    """Names of RAN functions by node and number: the number is the node's own choice, the OID is not."""

    def __init__(self, ric: LoopbackClient) -> None:
        """Names that the RIC behind `ric` knows, once loaded."""
        self._ric = ric
        self._names: dict[tuple[str, int], str] = {}

    def load(self) -> list[str]:
        """Ask the RIC for every node's functions; the ids of the nodes that it knows.

        Raises:
            Unreachable: it does not answer.
        """
        nodes = self._ric.json("/nodes")
        for node in nodes:
            for item in node["functions"]:
                name = FUNCTION_NAMES.get(item["oid"], item["oid"])
                self._names[node["node_id"], item["ran_function_id"]] = name
        return [node["node_id"] for node in nodes]

    def learn(self, node_id: str, functions: Iterable[e2ap.RanFunctionItem]) -> None:
        """Take a node's functions from its setup or a service update."""
        for item in functions:
            name = FUNCTION_NAMES.get(item.ran_function_oid, item.ran_function_oid)
            self._names[node_id, item.ran_function_id] = name

    def of(self, node_id: str, number: int) -> str:
        """Name of a function; its number where it is unknown."""
        return self._names.get((node_id, number), str(number))


def messages(parts: list[bytes], names: FunctionNames) -> Iterator[WatchedMessage]:
    """The messages of one mirrored frame: [direction, node id, time in Unix nanoseconds (u64, LE), frame]."""
    direction, node_id = parts[0].decode(), parts[1].decode()
    frame = e2ap.E2Frame.FromString(parts[3])
    for pdu in frame.pdus:
        name = pdu.WhichOneof("message")
        if name is None:
            continue
        inner = getattr(pdu, name)
        if name == "e2_setup_request":
            # It is mirrored before the RIC has made out whose it is.
            node_id = node_id or f"{inner.global_e2_node_id.plmn_id}-{inner.global_e2_node_id.gnb_id}"
            names.learn(node_id, inner.ran_functions_added)
        if name == "ric_service_update":
            names.learn(node_id, (*inner.ran_functions_added, *inner.ran_functions_modified))
        number = getattr(inner, "ran_function_id", None)
        yield WatchedMessage(
            time_s=int.from_bytes(parts[2], "little") * 1e-9,
            direction=direction,
            node_id=node_id,
            function="e2ap" if not number else names.of(node_id, number),
            message=name,
            pdu=pdu,
        )


def watch(endpoint: str, names: FunctionNames, keep_watching: Callable[[], bool]) -> Iterator[WatchedMessage]:
    """Every message that the RIC mirrors at `endpoint`, until `keep_watching` says no; damaged frames are left out.

    Raises:
        Unreachable: nobody answers at `endpoint`.
    """
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.SUB)
    try:
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        _connect(socket, endpoint)
        while keep_watching():
            if not socket.poll(_POLL_MS):
                continue
            try:
                yield from messages(socket.recv_multipart(), names)
            except (DecodeError, IndexError, UnicodeDecodeError):
                continue
    finally:
        socket.close()
        context.term()


def _connect(socket: zmq.Socket[bytes], endpoint: str) -> None:
    """Connect within a second; raises Unreachable."""
    with socket.get_monitor_socket(zmq.EVENT_CONNECTED) as monitor:
        socket.connect(endpoint)
        if not monitor.poll(_CONNECT_MS):
            raise Unreachable(f"tap {endpoint}: nobody answers there")
    socket.disable_monitor()


def tap_endpoint(ric: LoopbackClient) -> str:
    """Where the RIC mirrors E2.

    Raises:
        Unreachable: no RIC answers, or it mirrors nothing.
    """
    endpoint = ric.json("/healthz").get("tap")
    if not isinstance(endpoint, str):
        raise Unreachable(f"port {ric.port}: this RIC mirrors no E2 messages")
    return endpoint


# One line a message ----------------------------------------------------------------------------------------------


def one_line(message: WatchedMessage) -> str:
    """A message in one line; without details where they cannot be decoded."""
    clock = datetime.fromtimestamp(message.time_s).strftime("%H:%M:%S.%f")
    name = message.message.replace("_", " ").replace("ric ", "RIC ").replace("e2 ", "E2 ")
    function = "" if message.function == "e2ap" else f" {message.function}"
    inner = getattr(message.pdu, message.message)
    try:
        details = _DETAILS.get(message.message, _no_details)(inner, message.function)
    except ValueError:  # an array of half a number, an enumeration's number that has no name
        details = ""
    return f"{clock} {message.node_id} {_ARROWS[message.direction]} {name}{function} {details}".rstrip()


def _request_id(inner: Any) -> str:
    return f"{inner.ric_request_id.ric_requestor_id}-{inner.ric_request_id.ric_instance_id}"


def _no_details(_inner: Any, _function: str) -> str:
    return ""


def _setup_request(inner: e2ap.E2SetupRequest, _function: str) -> str:
    functions = ", ".join(
        f"{item.ran_function_id} {FUNCTION_NAMES.get(item.ran_function_oid, item.ran_function_oid)}"
        for item in inner.ran_functions_added
    )
    return f"transaction {inner.transaction_id} functions [{functions}]"


def _setup_response(inner: e2ap.E2SetupResponse, _function: str) -> str:
    accepted = [item.ran_function_id for item in inner.ran_functions_accepted]
    return f"transaction {inner.transaction_id} {inner.global_ric_id} accepted {accepted}"


def _with_cause(inner: Any, _function: str) -> str:
    named = hasattr(inner, "ric_request_id") and inner.HasField("ric_request_id")
    identity = f"request {_request_id(inner)} " if named else ""
    text = inner.criticality_diagnostics.text if hasattr(inner, "criticality_diagnostics") else ""
    return f"{identity}cause {describe_cause(inner.cause)}" + (f" ({text})" if text else "")


def _delete_required(inner: e2ap.RicSubscriptionDeleteRequired, _function: str) -> str:
    return ", ".join(
        f"request {_request_id(item)} cause {describe_cause(item.cause)}"
        for item in inner.ric_subscription_to_be_removed
    )


def _service_update(inner: e2ap.RicServiceUpdate, _function: str) -> str:
    lists: tuple[tuple[str, Iterable[e2ap.RanFunctionItem | e2ap.RanFunctionIdItem]], ...] = (
        ("added", inner.ran_functions_added),
        ("modified", inner.ran_functions_modified),
        ("deleted", inner.ran_functions_deleted),
    )
    told = [f"{word} {ids}" for word, items in lists if (ids := [item.ran_function_id for item in items])]
    return f"transaction {inner.transaction_id} {' '.join(told) or 'no change'}"


def _subscription_request(inner: e2ap.RicSubscriptionRequest, _function: str) -> str:
    actions = ", ".join(
        f"{item.ric_action_id} {e2ap.RicActionType.Name(item.ric_action_type)}"
        for item in inner.ric_action_to_be_setup_list
    )
    return f"request {_request_id(inner)} actions [{actions}]"


def _subscription_response(inner: e2ap.RicSubscriptionResponse, _function: str) -> str:
    return f"request {_request_id(inner)} admitted {list(inner.ric_actions_admitted)}"


def _request_only(inner: Any, _function: str) -> str:
    return f"request {_request_id(inner)}"


def _indication(inner: e2ap.RicIndication, function: str) -> str:
    kind = e2ap.RicActionType.Name(inner.ric_indication_type)
    call = f" call {inner.ric_call_process_id.hex()}" if inner.ric_call_process_id else ""
    head = f"{kind} request {_request_id(inner)} sn {inner.ric_indication_sn}{call}"
    decoded = _decoded(inner, function)
    if decoded is None:
        return f"{head} {len(inner.ric_indication_message)} bytes"
    return f"{head} {_CONTENT[function](*decoded)}"


def _slot_content(header: slot.IndicationHeader, message: slot.IndicationMessage) -> str:
    users = np.frombuffer(message.user_ids, "<u2").tolist()
    queue = int(np.frombuffer(message.queue_bits, "<u4").sum())
    return (
        f"slot {header.observed_slot} for {header.decided_slot} {_slice(header.slice_id)} users {users} "
        f"queue {queue} bit {message.bandwidth_hz / 1e6:g} MHz {message.power_w:.3g} W "
        f"outcomes {len(message.outcomes)}"
    )


def _budgets_content(header: budgets.IndicationHeader, message: budgets.IndicationMessage) -> str:
    parts = " ".join(
        f"{_slice(item.slice_id)} {item.offered_packets} packets SSR {item.ssr:.3f} {item.bandwidth_hz / 1e6:g} MHz"
        for item in message.slices
    )
    return f"second {header.second} {parts} eta {message.eta_bps_hz:.2f}"


def _kpm_content(header: kpm.IndicationHeader, message: kpm.IndicationMessage) -> str:
    begin_s = header.collet_start_time_ns * 1e-9
    names = [item.meas_name for item in message.meas_info_list]
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"from {begin_s:g} s, {len(message.meas_data)} periods of {len(names)} measurements [{shown}]"


def _control(inner: e2ap.RicControlRequest, function: str) -> str:
    call = f" call {inner.ric_call_process_id.hex()}" if inner.ric_call_process_id else ""
    head = f"request {_request_id(inner)}{call}"
    decoded = _decoded(inner, function)
    if decoded is None:
        return f"{head} {len(inner.ric_control_message)} bytes"
    header, message = decoded
    if function == "budgets":
        wanted = " ".join(
            f"{_slice(item.slice_id)} {item.bandwidth_hz / 1e6:g} MHz {item.power_w:.4g} W" for item in message.budgets
        )
        return f"{head} {wanted or 'keep'}"
    beams = np.frombuffer(message.beams, "<i2").tolist()
    private_w = float(np.frombuffer(message.private_power_w, "<f4").sum())
    common = "rest" if message.WhichOneof("common") == "rest" else f"{message.common_power_w:.3g} W"
    return f"{head} {_slice(header.slice_id)} beams {beams} private {private_w:.3g} W common {common}"


def _control_acknowledge(inner: e2ap.RicControlAcknowledge, function: str) -> str:
    outcome = ""
    if function == "budgets":
        try:
            applied = budgets.ControlOutcome.FromString(inner.ric_control_outcome).applied_slot
            outcome = f" from slot {applied}"
        except DecodeError:
            outcome = " outcome undecodable"
    return f"request {_request_id(inner)}{outcome}"


def _control_failure(inner: e2ap.RicControlFailure, function: str) -> str:
    reason = ""
    kind: Any = {"slot": slot.ControlOutcome, "budgets": budgets.ControlOutcome}.get(function)
    if kind is not None:
        try:
            outcome = kind.FromString(inner.ric_control_outcome)
            reason = f" {outcome.constraint} {outcome.text}".rstrip()
        except DecodeError:
            reason = " outcome undecodable"
    return f"{_with_cause(inner, function)}{reason}"


def _slice(slice_id: int) -> str:
    return SLICE_NAMES[slice_id] if slice_id < len(SLICE_NAMES) else f"slice {slice_id}"


_DETAILS: dict[str, Callable[[Any, str], str]] = {
    "e2_setup_request": _setup_request,
    "e2_setup_response": _setup_response,
    "e2_setup_failure": _with_cause,
    "ric_subscription_request": _subscription_request,
    "ric_subscription_response": _subscription_response,
    "ric_subscription_failure": _with_cause,
    "ric_subscription_delete_request": _request_only,
    "ric_subscription_delete_response": _request_only,
    "ric_subscription_delete_failure": _with_cause,
    "ric_indication": _indication,
    "ric_control_request": _control,
    "ric_control_acknowledge": _control_acknowledge,
    "ric_control_failure": _control_failure,
    "error_indication": _with_cause,
    "reset_request": _with_cause,
    "ric_subscription_delete_required": _delete_required,
    "ric_service_update": _service_update,
    "ric_service_update_failure": _with_cause,
    "e2_node_configuration_update_failure": _with_cause,
    "e2_removal_failure": _with_cause,
}

_CONTENT: dict[str, Callable[[Any, Any], str]] = {
    "slot": _slot_content,
    "budgets": _budgets_content,
    "kpm": _kpm_content,
}

_INNER: dict[tuple[str, str], tuple[Any, Any]] = {
    ("kpm", "ric_indication"): (kpm.IndicationHeader, kpm.IndicationMessage),
    ("budgets", "ric_indication"): (budgets.IndicationHeader, budgets.IndicationMessage),
    ("slot", "ric_indication"): (slot.IndicationHeader, slot.IndicationMessage),
    ("budgets", "ric_control"): (budgets.ControlHeader, budgets.ControlMessage),
    ("slot", "ric_control"): (slot.ControlHeader, slot.ControlMessage),
}


def _decoded(inner: Any, function: str) -> tuple[Any, Any] | None:
    """Header and message of an indication or control request; None where they are not of a known service model."""
    prefix = "ric_indication" if isinstance(inner, e2ap.RicIndication) else "ric_control"
    kinds = _INNER.get((function, prefix))
    if kinds is None:
        return None
    try:
        return (
            kinds[0].FromString(getattr(inner, f"{prefix}_header")),
            kinds[1].FromString(getattr(inner, f"{prefix}_message")),
        )
    except DecodeError:
        return None


# In full ---------------------------------------------------------------------------------------------------------


def full_text(message: WatchedMessage) -> str:
    """A message in full: its line, the PDU, and header and message of its service model decoded."""
    inner = getattr(message.pdu, message.message)
    parts = [one_line(message), _text(message.pdu)]
    if message.message in ("ric_indication", "ric_control_request"):
        decoded = _decoded(inner, message.function)
        if decoded is not None:
            parts += [f"  {type(item).__name__} {{\n{_text(item, 4)}  }}" for item in decoded]
    return "\n".join(part.rstrip() for part in parts)


def _text(message: Message, indent: int = 2) -> str:
    return str(text_format.MessageToString(message, indent=indent))
