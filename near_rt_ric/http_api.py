"""The platform's HTTP API: nodes, functions, subscriptions, xApps, budgets, reset, health and metrics.

It asks the hot loop over its admin socket, and holds no state of its own but the xApps that it runs.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Response
from fastapi import Path as PathParameter
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_kpm_pb2 as kpm
from hiso_proto import e2sm_slot_pb2 as slot
from hiso_proto.e2ap_names import MAX_REQUEST_ID
from hiso_proto.oids import BUDGETS_OID, KPM_OID, SLOT_OID
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from near_rt_ric.admin_client import PROCEDURE_TIMEOUT_S, STATE_TIMEOUT_S, AdminClient, HotLoopUnavailableError
from near_rt_ric.failures import Kind
from near_rt_ric.xapp_manager.http_api import add_error_forms, xapp_routes
from near_rt_ric.xapp_manager.manager import XAppManager
from service_kit.http_refusals import own_pages

RequestIdPart = Annotated[int, PathParameter(ge=0, le=MAX_REQUEST_ID)]

_DEFINITIONS: dict[str, type[Message]] = {
    KPM_OID: kpm.RanFunctionDefinition,
    BUDGETS_OID: budgets.RanFunctionDefinition,
    SLOT_OID: slot.RanFunctionDefinition,
}


class _Collector:
    """hiso_ric_… metrics from one state of the hot loop."""

    def __init__(self, state: dict[str, Any]) -> None:
        self._state = state

    def collect(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        """The metric families (Prometheus client protocol)."""
        state = self._state
        messages = CounterMetricFamily(
            "hiso_ric_messages", "Messages passed on or sent", labels=["direction", "message"]
        )
        for item in state["messages"]:
            messages.add_metric([item["direction"], item["message"]], item["count"])
        errors = CounterMetricFamily("hiso_ric_errors", "Refused or undeliverable messages", labels=["cause"])
        for cause, count in sorted(state["errors"].items()):
            errors.add_metric([cause], count)
        lost = CounterMetricFamily(
            "hiso_ric_lost_indications", "Gaps in ric_indication_sn that xApps have seen", labels=["xapp"]
        )
        for xapp in state["xapps"]:
            lost.add_metric([xapp["name"]], xapp["lost_indications"])
        return [
            GaugeMetricFamily(
                "hiso_ric_nodes_connected",
                "E2 nodes connected",
                value=sum(node["connected"] for node in state["nodes"]),
            ),
            GaugeMetricFamily(
                "hiso_ric_subscriptions",
                "RIC subscriptions in force",
                value=sum(item["state"] == "active" for item in state["subscriptions"]),
            ),
            GaugeMetricFamily(
                "hiso_ric_xapps_alive", "xApps alive", value=sum(xapp["alive"] for xapp in state["xapps"])
            ),
            messages,
            errors,
            lost,
        ]


Ask = Callable[..., dict[str, Any]]

_STATUS = {Kind.UNKNOWN: 404, Kind.NO_ANSWER: 504, Kind.REFUSED: 409, Kind.MALFORMED: 400}


def create_app(client: AdminClient, manager: XAppManager | None, *, anywhere: bool = False) -> FastAPI:
    """The API over one hot loop.

    Args:
        client: the way to the hot loop.
        manager: None where xApps are not deployed here.
        anywhere: whether other machines are served.
    """

    def ask(command: str, timeout_s: float = STATE_TIMEOUT_S, **fields: Any) -> dict[str, Any]:
        try:
            answer = client.ask(command, timeout_s, **fields)
        except HotLoopUnavailableError as error:
            raise HTTPException(503, str(error)) from error
        if "error" in answer:
            raise HTTPException(_STATUS[answer["kind"]], answer["error"])
        return answer

    app = FastAPI(
        title="near-RT RIC",
        description="E2 nodes, RIC subscriptions, xApps and slice budgets",
        dependencies=[own_pages(anywhere=anywhere)],
    )
    _add_status(app, ask)
    _add_state(app, ask)
    _add_procedures(app, ask)
    add_error_forms(app)
    app.include_router(xapp_routes(manager, ask, anywhere=anywhere))
    return app


def _add_status(app: FastAPI, ask: Ask) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, Any]:
        """Whether the hot loop answers."""
        state = ask("state")
        return {
            "status": "ok",
            "nodes_connected": sum(node["connected"] for node in state["nodes"]),
            "xapps_alive": sum(xapp["alive"] for xapp in state["xapps"]),
            **state["process"],
        }

    @app.get("/metrics")
    def metrics() -> Response:
        """Prometheus text format."""
        registry = CollectorRegistry()
        registry.register(_Collector(ask("state")))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _add_state(app: FastAPI, ask: Ask) -> None:
    @app.get("/nodes")
    def nodes() -> Any:
        """E2 nodes, connected or not."""
        return ask("state")["nodes"]

    @app.get("/nodes/{node_id}/functions")
    def functions(node_id: str) -> list[dict[str, Any]]:
        """A node's RAN functions with their definitions decoded."""
        return [_decoded(item) for item in ask("functions", node_id=node_id)["functions"]]

    @app.get("/subscriptions")
    def subscriptions() -> Any:
        """RIC subscriptions, those that wait for their node or xApp included."""
        return ask("state")["subscriptions"]

    @app.get("/budgets")
    def last_budgets() -> Any:
        """The last valid slice budgets by node (Hz, W)."""
        return ask("state")["budgets"]


def _add_procedures(app: FastAPI, ask: Ask) -> None:
    @app.post("/nodes/{node_id}/reset")
    def reset(node_id: str) -> dict[str, str]:
        """E2 reset: the node drops its subscriptions, then the RIC subscribes again from its store."""
        ask("reset", PROCEDURE_TIMEOUT_S, node_id=node_id)
        return {"status": "reset"}

    @app.post("/nodes/{node_id}/service-query")
    def service_query(node_id: str) -> list[dict[str, Any]]:
        """RIC Service Query: the node says which RAN functions it offers; they are returned as they stand then."""
        ask("query", PROCEDURE_TIMEOUT_S, node_id=node_id)
        return [_decoded(item) for item in ask("functions", node_id=node_id)["functions"]]

    @app.delete("/nodes/{node_id}")
    def remove_node(node_id: str) -> dict[str, str]:
        """E2 removal: the node's stream ends and its subscriptions are forgotten; at once where it is away."""
        ask("remove", PROCEDURE_TIMEOUT_S, node_id=node_id)
        return {"status": "removed"}

    @app.delete("/subscriptions/{node_id}/{ric_requestor_id}/{ric_instance_id}")
    def delete_subscription(
        node_id: str, ric_requestor_id: RequestIdPart, ric_instance_id: RequestIdPart
    ) -> dict[str, str]:
        """Delete a subscription at its node and in the store; its xApp is told."""
        ask(
            "delete_subscription",
            PROCEDURE_TIMEOUT_S,
            node_id=node_id,
            ric_requestor_id=ric_requestor_id,
            ric_instance_id=ric_instance_id,
        )
        return {"status": "deleted"}


def _decoded(item: dict[str, Any]) -> dict[str, Any]:
    raw = base64.b64decode(item["definition_base64"])
    message = _DEFINITIONS.get(item["oid"])
    try:
        definition = (
            None
            if message is None
            else MessageToDict(
                message.FromString(raw),
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
        )
    except DecodeError:
        definition = None
    return {
        "ran_function_id": item["ran_function_id"],
        "oid": item["oid"],
        "revision": item["revision"],
        "definition": definition,
        "definition_base64": item["definition_base64"],
    }
