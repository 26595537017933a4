"""xApp registration: who is there, under which number, and what it may control."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from hiso_proto import xapp_bus_pb2 as bus
from hiso_proto.e2ap_names import MAX_REQUEST_ID

from near_rt_ric.e2_messages import OID
from near_rt_ric.records import XAppRecord
from near_rt_ric.store import Store

MAX_SLICES = 64
NAME_PATTERN = "^[a-z0-9][a-z0-9-]{0,62}$"
_NAME = re.compile(NAME_PATTERN)


class XAppRegistry:
    """All xApps ever registered in this store, by name and by requestor id."""

    def __init__(self, stored: Iterable[XAppRecord], store: Store) -> None:
        self._store = store
        self._by_name = {xapp.name: xapp for xapp in stored}
        self.identities: dict[int, bytes] = {xapp.requestor_id: xapp.name.encode() for xapp in self._by_name.values()}
        """Bus identity by requestor id: how acknowledges and failures find their xApp."""

    def get(self, name: str) -> XAppRecord | None:
        """The xApp of this name."""
        return self._by_name.get(name)

    def all(self) -> list[XAppRecord]:
        """Every xApp, those that are away included."""
        return list(self._by_name.values())

    def alive(self) -> list[XAppRecord]:
        """Those that can be reached."""
        return [xapp for xapp in self._by_name.values() if xapp.alive]

    def register(self, request: bus.RegisterRequest) -> XAppRecord | str:
        """Take a registration, new or renewed; the reason where it is refused: then nothing has changed."""
        refusal = _refusal(request)
        if refusal:
            return refusal
        xapp = self._by_name.get(request.xapp_name)
        if xapp is None:
            requestor_id = 1 + max(self.identities, default=0)  # 0 is the RIC's own
            if requestor_id > MAX_REQUEST_ID:
                return f"xapp_name: this store has no number left in 1..{MAX_REQUEST_ID}"
            xapp = XAppRecord(request.xapp_name, requestor_id, frozenset(), frozenset())
            self._by_name[xapp.name] = xapp
            self.identities[requestor_id] = xapp.name.encode()
        xapp.oids = frozenset(request.ran_function_oids)
        xapp.slice_ids = frozenset(request.slice_ids)
        xapp.version = request.version[:64]
        xapp.metrics_url = request.metrics_url[:256]
        xapp.last_heard_s = time.monotonic()
        self._store.save_xapp(xapp)
        return xapp


def _refusal(request: bus.RegisterRequest) -> str:
    if not _NAME.fullmatch(request.xapp_name):
        return f"xapp_name: {request.xapp_name!r} does not match {NAME_PATTERN}"
    for oid in request.ran_function_oids:
        if not OID.fullmatch(oid):
            return f"ran_function_oids: {oid!r} does not match {OID.pattern}"
    for slice_id in request.slice_ids:
        if slice_id >= MAX_SLICES:
            return f"slice_ids: {slice_id} is not in 0..{MAX_SLICES - 1}"
    return ""
