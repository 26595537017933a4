"""The last valid slice budgets of each node: learnt from acknowledged controls, sent after a reconnect."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from threading import Lock
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets

from near_rt_ric.store import Store

_MAX_IN_FLIGHT = 256
"""Of one node."""

_RIC = 0
"""Its own requestor id, of no xApp."""

_Key = tuple[int, int, bytes]


@dataclass(slots=True)
class _Sent:
    key: _Key
    message: bytes | None
    """None: it changes nothing, or other budgets were sent after it."""


class BudgetMemory:
    """Budgets in force by node, as far as acknowledges tell.

    Nothing is remembered of a node that may have taken others since: those asked for no acknowledge, or its stream
    ended before it gave one. Older budgets than those in force are never sent to a node that kept its cell.
    """

    def __init__(self, stored: dict[str, bytes], store: Store) -> None:
        self._last = dict(stored)
        self._store = store
        self._in_flight: defaultdict[str, deque[_Sent]] = defaultdict(lambda: deque(maxlen=_MAX_IN_FLIGHT))
        """Unanswered, in the order in which they were sent: unasked controls of an xApp share their key."""
        self._lock = Lock()  # controls come from the thread of each node's up socket, answers from that of the streams

    def on_request(self, node_id: str, request: e2ap.RicControlRequest) -> None:
        """A budget control is on its way to the node."""
        try:
            changes = bool(budgets.ControlMessage.FromString(request.ric_control_message).budgets)
        except DecodeError:
            changes = False  # the node refuses it
        with self._lock:
            if request.ric_control_ack_request != e2ap.NO_ACK:
                sent = _Sent(_key(request), request.ric_control_message if changes else None)
                self._in_flight[node_id].append(sent)
            elif changes:
                self._forget(node_id)

    def on_acknowledge(self, node_id: str, acknowledge: e2ap.RicControlAcknowledge) -> None:
        """The node took it: these are its budgets now."""
        with self._lock:
            message = self._answered(node_id, _key(acknowledge))
            if message is not None and message != self._last.get(node_id):
                self._last[node_id] = message
                self._store.save_budgets(node_id, message)

    def on_failure(self, node_id: str, failure: e2ap.RicControlFailure) -> None:
        """The node refused it: nothing changed. What it refuses of a replay is not sent to it again."""
        with self._lock:
            if failure.ric_request_id.ric_requestor_id == _RIC:
                self._drop(node_id)
            else:
                self._answered(node_id, _key(failure))

    def node_lost(self, node_id: str) -> None:
        """Nothing that was on its way is answered any more: whether the node took it is unknown."""
        with self._lock:
            if self._changing(node_id):
                self._forget(node_id)
            self._in_flight.pop(node_id, None)

    def _answered(self, node_id: str, key: _Key) -> bytes | None:
        """What the oldest control of this key asked for."""
        in_flight = self._in_flight[node_id]
        for index, sent in enumerate(in_flight):
            if sent.key == key:
                del in_flight[index]
                return sent.message
        return None

    def _changing(self, node_id: str) -> bool:
        return any(sent.message is not None for sent in self._in_flight[node_id])

    def _forget(self, node_id: str) -> None:
        """What the node has in force is unknown until it acknowledges what is sent from now on."""
        for sent in self._in_flight[node_id]:
            sent.message = None
        self._drop(node_id)

    def _drop(self, node_id: str) -> None:
        if self._last.pop(node_id, None) is not None:
            self._store.delete_budgets(node_id)

    def replay(self, node_id: str, ran_function_id: int) -> e2ap.RicControlRequest | None:
        """An unasked control with a node's last budgets, under the RIC's own requestor id; None where unknown."""
        with self._lock:
            message = None if self._changing(node_id) else self._last.get(node_id)
        if message is None:
            return None
        return e2ap.RicControlRequest(
            ric_request_id=e2ap.RicRequestId(ric_requestor_id=_RIC),
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


def _key(message: e2ap.RicControlRequest | e2ap.RicControlAcknowledge | e2ap.RicControlFailure) -> _Key:
    request_id = message.ric_request_id
    return request_id.ric_requestor_id, request_id.ric_instance_id, message.ric_call_process_id
