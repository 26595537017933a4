"""What faces show of nodes, xApps and subscriptions, as JSON values."""

from __future__ import annotations

from typing import Any

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto.e2ap_names import name_of

from near_rt_ric.node_procedures import NodeRecord
from near_rt_ric.records import SubscriptionRecord, XAppRecord, request_id_of

NEVER_HERE: dict[str, Any] = {
    "node_id": "",
    "connected": False,
    "connected_since_unix_s": None,
    "silent_s": None,
    "peer": None,
    "lockstep": None,
    "up_endpoint": None,
    "functions": [],
    "components": [],
}
"""Of a node that has not connected since the RIC started: the store knows its name."""


def node_state(node: NodeRecord, now_s: float) -> dict[str, Any]:
    """A node, connected or not."""
    connection = node.connection
    return {
        "node_id": node.node_id,
        "connected": connection is not None,
        "connected_since_unix_s": None if connection is None else connection.connected_s,
        "silent_s": None if connection is None else round(now_s - connection.last_heard_s, 3),
        "peer": None if connection is None else connection.peer,
        "lockstep": node.setup.lockstep,
        "up_endpoint": node.up.endpoint,
        "functions": [
            {
                "ran_function_id": item.ran_function_id,
                "oid": item.ran_function_oid,
                "revision": item.ran_function_revision,
            }
            for item in node.setup.functions.values()
        ],
        "components": [
            {"interface_type": name_of(e2ap.InterfaceType, item.interface_type), "component_id": item.component_id}
            for item in node.setup.components.values()
        ],
    }


def xapp_state(xapp: XAppRecord, now_s: float, held: bool) -> dict[str, Any]:
    """An xApp; `held`: its subscriptions stand while it is replaced."""
    return {
        "name": xapp.name,
        "ric_requestor_id": xapp.requestor_id,
        "alive": xapp.alive,
        "held": held,
        "silent_s": round(now_s - xapp.last_heard_s, 3) if xapp.alive else None,
        "ran_function_oids": sorted(xapp.oids),
        "slice_ids": sorted(xapp.slice_ids),
        "version": xapp.version,
        "metrics_url": xapp.metrics_url,
        "lost_indications": xapp.lost_indications,
    }


def subscription_state(record: SubscriptionRecord) -> dict[str, Any]:
    """A subscription, standing or stored."""
    return {
        "xapp": record.xapp_name,
        "node_id": record.node_id,
        "key": record.key,
        "oid": record.oid,
        "ric_requestor_id": record.requestor_id,
        "ric_instance_id": record.instance_id,
        "actions": [name_of(e2ap.RicActionType, action.ric_action_type) for action in record.parsed_actions()],
        "carried_by": _carried_by(record) if record.standing else None,
        "state": str(record.state),
        "error": record.error,
    }


def _carried_by(record: SubscriptionRecord) -> str:
    carrier = request_id_of(record.carrier_key)
    return f"{carrier.ric_requestor_id}-{carrier.ric_instance_id}"
