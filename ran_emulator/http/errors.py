"""How the HTTP API says no: field, what is wrong, what is allowed, what came."""

from __future__ import annotations

import math
import re
import reprlib
from typing import Any, get_origin

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from ran_emulator.command_client import CommandRefusedError, LoopBusyError
from ran_emulator.events import EVENT_TYPES, Body
from ran_emulator.http.timeline import MAX_EVENTS_A_CALL
from service_kit.http_refusals import encodable, ranges_beside, refuse_by_field


def add_error_forms(app: FastAPI) -> None:
    """Have every refusal take one form: 422 with `detail`, a list of complaints; 503 where no slot begins."""
    refuse_by_field(app)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        route = request.scope.get("route")
        body = getattr(route, "body_field", None)
        model = None if body is None else body.field_info.annotation
        sent = request.headers.get("content-type", "")
        if body is not None and isinstance(error.body, bytes) and "json" not in sent:
            complaint = {"field": "content-type", "message": "must be application/json", "given": sent}
            return JSONResponse({"detail": [complaint]}, 422)
        return JSONResponse({"detail": [_complaint(item, model, route) for item in error.errors()]}, 422)

    @app.exception_handler(CommandRefusedError)
    def refused(_request: Request, error: CommandRefusedError) -> JSONResponse:
        found = re.match(r"(?:entry (?P<entry>\d+): )?(?P<field>[a-z0-9_]+):", str(error))
        where = {} if found is None else found.groupdict()
        entry = {"entry": int(where["entry"])} if where.get("entry") else {}
        return JSONResponse({"detail": [{**entry, "field": where.get("field"), "message": str(error)}]}, 422)

    @app.exception_handler(LoopBusyError)
    def busy(_request: Request, error: LoopBusyError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 503)


def _complaint(item: dict[str, Any], model: Any, route: Any) -> dict[str, Any]:
    """One of pydantic's errors: field, what is wrong, what is allowed (where it is one of the body's), what came.

    Where the body is a list of events, `entry` is the event's place in it, counted from 1.
    """
    entry: dict[str, int] = {}
    where = item["loc"][1:]
    if get_origin(model) is list and item["type"] != "json_invalid" and where and isinstance(where[0], int):
        entry = {"entry": where[0] + 1}
        model, where = (EVENT_TYPES.get(where[1]), where[2:]) if len(where) > 1 else (None, ())
    allowed = _allowed_of(model) if item["loc"][0] == "body" else ranges_beside(route)
    if not entry and get_origin(model) is list:
        allowed = {"body": f"1..{MAX_EVENTS_A_CALL} events"}
    if item["type"].startswith("union_tag"):
        where, allowed = ("change",), {"change": ", ".join(EVENT_TYPES)}
    named = [part for part in where[:1] if isinstance(part, str) and part]
    place = named[0] if named else "body"
    of_the_whole = place == "body" or item["type"] == "extra_forbidden"
    known = {place: allowed[place]} if place in allowed else allowed if of_the_whole else {}
    complaint = {**entry, "field": encodable(place), "message": item["msg"]}
    if item["type"] != "json_invalid":  # else there is nothing yet that was given
        complaint["given"] = _plain(item.get("input"))
    return complaint | ({"allowed": known} if known else {})


def _allowed_of(model: Any) -> dict[str, str]:
    """Field -> range of a body."""
    if not (isinstance(model, type) and issubclass(model, Body)):
        return {}
    return {name: _range(schema) for name, schema in model.model_json_schema()["properties"].items()}


def _range(schema: dict[str, Any]) -> str:
    """What a field's JSON schema allows, in words."""
    if "anyOf" in schema:
        return " or ".join(text for text in map(_range, schema["anyOf"]) if text)
    if "enum" in schema:
        return ", ".join(schema["enum"])
    if "items" in schema:
        return f"{schema['minItems']}..{schema['maxItems']} of {_range(schema['items'])}"
    if "maxLength" in schema:
        return f"{schema.get('minLength', 0)}..{schema['maxLength']} characters"
    return f"{schema['minimum']:g}..{schema['maximum']:g}" if "minimum" in schema else str(schema.get("const", ""))


def _plain(value: Any) -> Any:
    """What can stand in JSON: a number or a text as it is, anything else described."""
    if isinstance(value, str):
        return encodable(value)
    if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return reprlib.repr(value)
