"""The last valid slice budgets of each node: learnt from acknowledged controls, sent after a reconnect."""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets

from near_rt_ric.store import Store

_MAX_IN_FLIGHT = 256

_Key = tuple[str, int, int, bytes]


class BudgetMemory:
    """Budgets in force by node, as far as controls that asked for an acknowledge tell."""

    def __init__(self, stored: dict[str, bytes], store: Store) -> None:
        self._last = dict(stored)
        self._store = store
        self._in_flight: deque[tuple[_Key, bytes | None]] = deque(maxlen=_MAX_IN_FLIGHT)
        """Unanswered, in the order in which they were sent: unasked controls of an xApp share their key. None: one that
        changes nothing."""
        self._lock = Lock()  # controls come from the thread of each node's up socket, answers from that of the streams

    def on_request(self, node_id: str, request: e2ap.RicControlRequest) -> None:
        """A budget control is on its way to the node."""
        if request.ric_control_ack_request == e2ap.NO_ACK:
            return  # nothing will tell whether the node took it
        try:
            changes = bool(budgets.ControlMessage.FromString(request.ric_control_message).budgets)
        except DecodeError:
            changes = False  # the node refuses it
        with self._lock:
            self._in_flight.append((_key(node_id, request), request.ric_control_message if changes else None))

    def on_acknowledge(self, node_id: str, acknowledge: e2ap.RicControlAcknowledge) -> None:
        """The node took it: these are its budgets now."""
        with self._lock:
            message = self._answered(_key(node_id, acknowledge))
            if message is not None and message != self._last.get(node_id):
                self._last[node_id] = message
                self._store.save_budgets(node_id, message)

    def on_failure(self, node_id: str, failure: e2ap.RicControlFailure) -> None:
        """The node refused it: nothing changed."""
        with self._lock:
            self._answered(_key(node_id, failure))

    def node_lost(self, node_id: str) -> None:
        """Nothing that was on its way is answered any more."""
        with self._lock:
            left = [item for item in self._in_flight if item[0][0] != node_id]
            self._in_flight = deque(left, _MAX_IN_FLIGHT)

    def _answered(self, key: _Key) -> bytes | None:
        """What the oldest control of this key asked for."""
        for index, (other, message) in enumerate(self._in_flight):
            if other == key:
                del self._in_flight[index]
                return message
        return None

    def replay(self, node_id: str, ran_function_id: int) -> e2ap.RicControlRequest | None:
        """An unasked control with a node's last budgets, under the RIC's requestor id 0; None where none."""
        message = self._last.get(node_id)
        if message is None:
            return None
        return e2ap.RicControlRequest(
            ric_request_id=e2ap.RicRequestId(),
            ran_function_id=ran_function_id,
            ric_control_header=budgets.ControlHeader().SerializeToString(),
            ric_control_message=message,
        )

    def describe(self) -> dict[str, Any]:
        """Budgets by node id, as JSON values (Hz, W)."""
        with self._lock:
            last = dict(self._last)
        return {
            node_id: MessageToDict(
                budgets.ControlMessage.FromString(message),
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )["budgets"]
            for node_id, message in last.items()
        }


def _key(node_id: str, message: e2ap.RicControlRequest | e2ap.RicControlAcknowledge | e2ap.RicControlFailure) -> _Key:
    request_id = message.ric_request_id
    return node_id, request_id.ric_requestor_id, request_id.ric_instance_id, message.ric_call_process_id
