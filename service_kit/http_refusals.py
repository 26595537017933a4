"""What the HTTP APIs share in saying no: pages of other sites, bodies that cannot be decoded, ranges, odd texts."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from service_kit.exposure import is_local

_OF_THE_FRAMEWORK = "There was an error parsing the body"
"""FastAPI's whole text where JSON is no UTF-8, nested too deeply, or holds a number of thousands of digits."""


_READS = ("GET", "HEAD", "OPTIONS")


def own_pages(*, anywhere: bool, reads: bool = False) -> Any:
    """A dependency: pages of other sites change nothing through a browser on this machine (403), however they call us.

    `anywhere`: whether other machines are served, by whatever name; `reads`: whether such pages may not read, either.
    """

    async def guard(call: HTTPConnection) -> None:
        if not reads and call.scope.get("method", "GET") in _READS:  # a WebSocket has none
            return
        host, origin = call.headers.get("host", ""), call.headers.get("origin")
        if not anywhere and not is_local(host):
            raise HTTPException(403, f"host: {host!r} is not a loopback address")
        if origin is not None and origin.partition("://")[2] != host:
            raise HTTPException(403, f"origin: pages of {origin!r} may not change what runs here")

    return Depends(guard)


def refuse_by_field(app: FastAPI) -> None:
    """422 that names the body, instead of a 400 that says nothing."""

    @app.exception_handler(HTTPException)
    async def unreadable(request: Request, error: HTTPException) -> Response:
        if error.status_code != 400 or error.detail != _OF_THE_FRAMEWORK:
            return await http_exception_handler(request, error)
        message = "body: must be JSON in UTF-8, nested at most some hundred times, its numbers of at most 4300 digits"
        return JSONResponse({"detail": [{"field": "body", "message": message}]}, 422)


def ranges_beside(route: Any) -> dict[str, str]:
    """Range of each number in a route's path and query that has two bounds, in words."""
    found = {}
    for parameter in (*route.dependant.path_params, *route.dependant.query_params):
        bounds = {type(part).__name__: part for part in parameter.field_info.metadata}
        if {"Ge", "Le"} <= bounds.keys():
            found[parameter.alias] = f"{bounds['Ge'].ge}..{bounds['Le'].le}"
    return found


def encodable(text: str) -> str:
    """A text with lone surrogates, which JSON may bring and UTF-8 cannot carry, escaped."""
    return text.encode("utf-8", "backslashreplace").decode()
