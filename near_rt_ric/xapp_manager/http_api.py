"""The manager's HTTP routes: what runs, deployed or not; deploy, start, stop, upgrade, remove, logs."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from near_rt_ric.xapp_manager.backend import MAX_LOG_LINES
from near_rt_ric.xapp_manager.deployment import Deployment, State
from near_rt_ric.xapp_manager.descriptor import Descriptor, RestartPolicy, Upgrade
from near_rt_ric.xapp_manager.errors import (
    ConflictError,
    DescriptorError,
    ManagerError,
    NotReadyError,
    UnknownXAppError,
    UpgradeFailedError,
)
from near_rt_ric.xapp_manager.manager import XAppManager
from service_kit.field_errors import field_errors
from service_kit.http_refusals import encodable, own_pages, ranges_beside, refuse_by_field

_STATUS = {
    DescriptorError: 422,
    UnknownXAppError: 404,
    ConflictError: 409,
    UpgradeFailedError: 409,
    NotReadyError: 503,
}


class DeploymentView(BaseModel):
    """A deployment as it stands."""

    state: State
    module: str | None
    file: str | None
    image: str | None
    arguments: list[str]
    restart: RestartPolicy
    hot: bool
    where: str | None = Field(description="process id or container, while it runs")
    health: str | None = Field(description="of the image's health check")
    restarts: int = Field(description="by itself, since it was last started by hand")
    last_exit: str | None


class XAppView(BaseModel):
    """An xApp that has registered, or was deployed, or both."""

    name: str
    registered: bool
    alive: bool
    held: bool = Field(description="its subscriptions wait for the next version (upgrade)")
    ric_requestor_id: int | None
    silent_s: float | None
    ran_function_oids: list[str]
    slice_ids: list[int]
    version: str
    metrics_url: str
    lost_indications: int = Field(description="gaps in ric_indication_sn that it has seen")
    deployment: DeploymentView | None = Field(description="none where it was not started by the RIC")


class Done(BaseModel):
    """A change that was made."""

    status: str


def xapp_routes(manager: XAppManager | None, ask: Callable[[str], dict[str, Any]], *, anywhere: bool) -> APIRouter:
    """Routes under /xapps.

    Args:
        manager: None where deployment is not offered: the changing routes then answer 403.
        ask: the way to the hot loop.
        anywhere: whether calls from other machines are meant to be served.
    """
    router = APIRouter()

    @router.get("/xapps", summary="xApps, registered or deployed")
    def xapps() -> list[XAppView]:
        """Whoever has ever registered, alive or not, and whoever was deployed."""
        registered = {xapp["name"]: xapp for xapp in ask("state")["xapps"]}
        deployed = {item.descriptor.name: item for item in manager.deployments()} if manager else {}
        return [_view(name, registered.get(name), deployed.get(name)) for name in sorted({*registered, *deployed})]

    if manager is None:
        _refuse_changes(router)
    else:
        router.include_router(_changes(manager, anywhere=anywhere))
    return router


def _refuse_changes(router: APIRouter) -> None:
    @router.api_route("/xapps", methods=["POST"], include_in_schema=False)
    @router.api_route("/xapps/{rest:path}", methods=["GET", "POST", "DELETE"], include_in_schema=False)
    def refuse() -> None:
        raise HTTPException(
            403, "deployment is offered on loopback only, or with --expose-deploy (python -m near_rt_ric --help)"
        )


def _changes(manager: XAppManager, *, anywhere: bool) -> APIRouter:
    router = APIRouter(dependencies=[own_pages(anywhere=anywhere, reads=True)])

    @router.post("/xapps", status_code=201, summary="Deploy an xApp")
    def deploy(descriptor: Descriptor) -> Done:
        """Start it as the RIC's user, keep it in the RIC's store, start it again when it dies."""
        manager.deploy(descriptor)
        return Done(status="deployed")

    @router.post("/xapps/{name}/start", summary="Start a stopped xApp")
    def start(name: str) -> Done:
        """Run it again."""
        manager.start_xapp(name)
        return Done(status="started")

    @router.post("/xapps/{name}/stop", summary="Stop an xApp")
    def stop(name: str) -> Done:
        """End it, for the next start of the RIC too; its subscriptions wait in the store."""
        manager.stop_xapp(name)
        return Done(status="stopped")

    @router.post("/xapps/{name}/upgrade", summary="Put another version in its place")
    def upgrade(name: str, changes: Upgrade) -> Done:
        """Its subscriptions stand meanwhile. If the new version has not registered within 10 s, the old one runs on."""
        manager.upgrade(name, changes)
        return Done(status="upgraded")

    @router.delete("/xapps/{name}", summary="Stop and forget an xApp")
    def remove(name: str) -> Done:
        """Its logs and subscriptions are deleted too."""
        manager.remove(name)
        return Done(status="removed")

    @router.get("/xapps/{name}/logs", summary="What an xApp has printed", response_class=Response)
    def logs(name: str, lines: Annotated[int, Query(ge=1, le=MAX_LOG_LINES)] = 100) -> Response:
        """The last lines of its standard output and error, as plain text."""
        text = "".join(f"{line}\n" for line in manager.logs(name, lines))
        return Response(text, media_type="text/plain; charset=utf-8")

    return router


def add_error_forms(app: FastAPI) -> None:
    """Errors name the field; what cannot be encoded is escaped."""
    refuse_by_field(app)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        route = request.scope.get("route")
        return JSONResponse({"detail": [_complaint(item, route) for item in error.errors()]}, 422)

    @app.exception_handler(ManagerError)
    def refused(_request: Request, error: ManagerError) -> JSONResponse:
        detail: Any = str(error)
        if isinstance(error, DescriptorError):
            detail = [{"field": error.field, "message": str(error)}]
        return JSONResponse({"detail": detail}, _STATUS[type(error)])


def _complaint(item: Any, route: Any) -> dict[str, str]:
    """One of pydantic's errors: field, and what is wrong with it, with its range or the fields that there are."""
    source, *place = item["loc"]
    if item["type"] == "json_invalid":  # the place is one in the text
        return {"field": "body", "message": f"body: {item['msg']}"}
    body = getattr(route, "body_field", None)
    if source == "body" and body is not None:
        line = field_errors([(tuple(place), item)], body.field_info.annotation, "body")[0]
    else:
        known = ranges_beside(route).get(str(place[0]))
        complaint = f"must be {known}" if known else item["msg"]
        line = f"{'.'.join(map(str, place))}: {complaint} (given {reprlib.repr(item['input'])})"
    field = ".".join(map(str, place)) or "body"
    return {"field": encodable(field), "message": encodable(line)}


def _view(name: str, registered: dict[str, Any] | None, deployment: Deployment | None) -> XAppView:
    known = registered or {}
    return XAppView(
        name=name,
        registered=registered is not None,
        alive=known.get("alive", False),
        held=known.get("held", False),
        ric_requestor_id=known.get("ric_requestor_id"),
        silent_s=known.get("silent_s"),
        ran_function_oids=known.get("ran_function_oids", []),
        slice_ids=known.get("slice_ids", []),
        version=known.get("version", ""),
        metrics_url=known.get("metrics_url", ""),
        lost_indications=known.get("lost_indications", 0),
        deployment=None if deployment is None else _deployment_view(deployment),
    )


def _deployment_view(deployment: Deployment) -> DeploymentView:
    descriptor, instance = deployment.descriptor, deployment.instance
    return DeploymentView(
        state=deployment.state,
        module=descriptor.module,
        file=descriptor.file,
        image=descriptor.image,
        arguments=descriptor.arguments,
        restart=descriptor.restart,
        hot=descriptor.hot,
        where=None if instance is None else instance.where(),
        health=None if instance is None else instance.health() or None,
        restarts=deployment.restarts,
        last_exit=deployment.last_exit or None,
    )
