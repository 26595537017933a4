"""HTTP API of the emulator: what it does (read from the snapshot) and what people may change (commands).

Every value has a range; a refused call changes nothing and names field and range (422).
"""

from __future__ import annotations

import math
import reprlib
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ran_emulator import metrics
from ran_emulator.arguments import Arguments
from ran_emulator.command_client import CommandClient, CommandRefusedError, LoopBusyError
from ran_emulator.e2_traffic import nested
from ran_emulator.scenario import SLICE_NAMES, SLOTS_PER_SECOND
from ran_emulator.snapshot import QUANTILES

STALE_S = 5.0
"""A snapshot older than this means that the slot loop stands still."""

SliceName = Literal["vonr", "embb", "urllc"]


class _Body(BaseModel):
    # Strict: true, "0.1" and 1.0 for a count are no numbers of that kind; an integer is a number.
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)


class Load(_Body):
    """A slice's load factor: divides its inter-arrival times."""

    scale: Annotated[float, Field(ge=0, le=100, description="1 is Table 2's load", examples=[3.0])]


class Burst(_Body):
    """A surge: a load factor for some time, or packets at once."""

    factor: Annotated[float, Field(ge=0, le=100, examples=[5.0])] | None = None
    duration_s: Annotated[float, Field(ge=0.0005, le=3_600, examples=[2.0])] | None = None
    packets: Annotated[int, Field(ge=1, le=10_000, examples=[100])] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Burst:
        timed = self.factor is not None and self.duration_s is not None and self.packets is None
        at_once = self.packets is not None and self.factor is None and self.duration_s is None
        if not timed and not at_once:
            raise ValueError("either factor (0..100) and duration_s (0.0005..3600), or packets (1..10000)")
        return self


class Hwi(_Body):
    """Hardware impairments: what is left out stays as it is; `kappa` sets both sides."""

    model: Literal["paper", "aggregate"] | None = None
    kappa: Annotated[float, Field(ge=0, le=1, examples=[0.01])] | None = None
    kappa_t: Annotated[float, Field(ge=0, le=1)] | None = None
    kappa_r: Annotated[float, Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Hwi:
        if not self.model_fields_set or all(getattr(self, name) is None for name in self.model_fields_set):
            raise ValueError("at least one of model (paper, aggregate), kappa, kappa_t, kappa_r (0..1)")
        if self.kappa is not None and (self.kappa_t is not None or self.kappa_r is not None):
            raise ValueError("either kappa (0..1) for both sides, or kappa_t and kappa_r (0..1)")
        return self

    def changes(self) -> dict[str, Any]:
        """The fields of the scenario's `hwi` that change."""
        given = self.model_dump(exclude_none=True)
        if "kappa" in given:
            kappa = given.pop("kappa")
            given.update(kappa_t=kappa, kappa_r=kappa)
        return given


class Mobility(_Body):
    """A slice's speed; its users go on from where they are."""

    speed_m_s: Annotated[float, Field(ge=0, le=50, examples=[14.0])]


class Regime(_Body):
    """The regime held from now on, or `auto` to let them switch again."""

    index: Annotated[int, Field(ge=0, le=15)] | Literal["auto"] = Field(examples=[2, "auto"])


class Applied(BaseModel):
    """A change that was made."""

    slot: int = Field(description="the slot from whose start it holds")


def create_app(arguments: Arguments, read: Callable[[], Any | None], client: CommandClient) -> FastAPI:
    """The API over a snapshot's reader and the way to the slot loop."""
    app = FastAPI(
        title="HiSO-CoMA RAN emulator",
        description="State and KPIs of the emulated cell; load, bursts, impairments, speed and regime can be changed.",
        version="1",
    )
    _add_error_forms(app)
    _add_reads(app, arguments, read)
    _add_changes(app, client)
    return app


def _add_error_forms(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        allowed = _allowed_of(request)
        return JSONResponse({"detail": [_complaint(item, allowed) for item in error.errors()]}, 422)

    @app.exception_handler(CommandRefusedError)
    def refused(_request: Request, error: CommandRefusedError) -> JSONResponse:
        field = str(error).partition(":")[0]
        return JSONResponse({"detail": [{"field": field, "message": str(error)}]}, 422)

    @app.exception_handler(LoopBusyError)
    def busy(_request: Request, error: LoopBusyError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 503)


def _complaint(item: dict[str, Any], allowed: dict[str, str]) -> dict[str, Any]:
    """One of pydantic's errors: field, what is wrong, what is allowed (where it is one of the body's), what came."""
    named = [part for part in item["loc"][1:2] if isinstance(part, str) and part]
    place = named[0] if named else "body"
    known = {place: allowed[place]} if place in allowed else allowed if place == "body" else {}
    complaint = {"field": _encodable(place), "message": item["msg"], "given": _plain(item.get("input"))}
    return complaint | ({"allowed": known} if known else {})


def _allowed_of(request: Request) -> dict[str, str]:
    """Field -> range of the body that a call should have brought."""
    body = getattr(request.scope.get("route"), "body_field", None)
    model = None if body is None else body.field_info.annotation
    if not (isinstance(model, type) and issubclass(model, _Body)):
        return {}
    return {name: _range(schema) for name, schema in model.model_json_schema()["properties"].items()}


def _range(schema: dict[str, Any]) -> str:
    """What a field's JSON schema allows, in words."""
    if "anyOf" in schema:
        return " or ".join(text for text in map(_range, schema["anyOf"]) if text)
    if "enum" in schema:
        return ", ".join(schema["enum"])
    return f"{schema['minimum']:g}..{schema['maximum']:g}" if "minimum" in schema else str(schema.get("const", ""))


def _plain(value: Any) -> Any:
    """What can stand in JSON: a number or a text as it is, anything else described."""
    if isinstance(value, str):
        return _encodable(value)
    if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return reprlib.repr(value)


def _encodable(text: str) -> str:
    """A text with lone surrogates, which JSON may bring and UTF-8 cannot carry, escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def _number(value: Any) -> float | None:
    """A float of the record; None for NaN."""
    number = float(value)
    return None if math.isnan(number) else number


def _add_reads(app: FastAPI, arguments: Arguments, read: Callable[[], Any | None]) -> None:
    render = metrics.renderer(arguments, read)

    def latest() -> Any:
        record = read()
        if record is None:
            raise HTTPException(503, "the slot loop is starting")
        return record

    @app.get("/healthz", tags=["read"], summary="Whether slots are running")
    def healthz() -> JSONResponse:
        record = read()
        status = "starting"
        if record is not None:
            status = "ok" if time.time() - record["wall_time_s"] < STALE_S else "stalled"
        body = {"status": status, "e2_connected": bool(record is not None and record["connected"])}
        return JSONResponse(body, 200 if status == "ok" else 503)

    @app.get("/metrics", tags=["read"], summary="Prometheus metrics")
    def prometheus() -> Response:
        return Response(render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/state", tags=["read"], summary="Where the emulation stands")
    def state() -> dict[str, Any]:
        return _state(arguments, latest())

    @app.get("/kpis", tags=["read"], summary="The last simulated second, and totals")
    def kpis() -> dict[str, Any]:
        return _kpis(latest())

    @app.get("/users", tags=["read"], summary="Users: slice, position, queue, SSR of the last second")
    def users() -> list[dict[str, Any]]:
        return _users(latest())

    @app.get("/budgets", tags=["read"], summary="Budgets in force")
    def budgets() -> dict[str, dict[str, float]]:
        record = latest()
        return {
            name: {"bandwidth_hz": int(part["bandwidth_hz"]), "power_w": float(part["power_w"])}
            for name, part in zip(SLICE_NAMES, record["slices"], strict=True)
        }

    @app.get("/scenario", tags=["read"], summary="The scenario at the start, resolved")
    def scenario() -> dict[str, Any]:
        return arguments.scenario.model_dump(mode="json")


def _add_changes(app: FastAPI, client: CommandClient) -> None:
    options: dict[str, Any] = {
        "tags": ["change"],
        "responses": {422: {"description": "field and range of what is wrong; nothing has changed"}},
    }

    @app.put("/traffic/{slice}/load", summary="Set a slice's load factor", **options)
    def load(slice: SliceName, body: Load) -> Applied:
        return Applied(slot=client.ask("load", slice_id=SLICE_NAMES.index(slice), scale=body.scale))

    @app.post("/traffic/{slice}/burst", summary="A surge of a slice's traffic", **options)
    def burst(slice: SliceName, body: Burst) -> Applied:
        slice_id = SLICE_NAMES.index(slice)
        if body.packets is not None:
            return Applied(slot=client.ask("inject", slice_id=slice_id, packets=body.packets))
        return Applied(slot=client.ask("burst", slice_id=slice_id, factor=body.factor, duration_s=body.duration_s))

    @app.put("/hwi", summary="Change the hardware impairments", **options)
    def hwi(body: Hwi) -> Applied:
        return Applied(slot=client.ask("hwi", **body.changes()))

    @app.put("/mobility/{slice}", summary="Set a slice's speed", **options)
    def mobility(slice: SliceName, body: Mobility) -> Applied:
        return Applied(slot=client.ask("speed", slice_id=SLICE_NAMES.index(slice), speed_m_s=body.speed_m_s))

    @app.put("/regime", summary="Hold one regime of load, or let them switch", **options)
    def regime(body: Regime) -> Applied:
        return Applied(slot=client.ask("regime", index=None if body.index == "auto" else body.index))

    @app.post("/e2/reset", summary="Reset E2: the RIC has to subscribe again", **options)
    def e2_reset() -> Applied:
        return Applied(slot=client.ask("e2_reset"))


def _state(arguments: Arguments, record: Any) -> dict[str, Any]:
    slices = record["slices"]
    regime = int(record["regime"])
    return {
        "scenario": arguments.scenario.name,
        "seed": arguments.seed,
        "slot": int(record["slot"]),
        "simulated_s": int(record["slot"]) / SLOTS_PER_SECOND,
        "clock": arguments.clock.name,
        "control_delay_slots": arguments.control_delay_slots,
        "real_time_factor": float(record["real_time_factor"]),
        "late_slots": int(record["late_slots"]),
        "e2_connected": bool(record["connected"]),
        "regime": None if regime < 0 else regime,
        "regime_held": bool(record["regime_fixed"]),
        "load": {name: float(part["load"]) for name, part in zip(SLICE_NAMES, slices, strict=True)},
        "speed_m_s": {name: float(part["speed_m_s"]) for name, part in zip(SLICE_NAMES, slices, strict=True)},
        "hwi": {
            "model": metrics.HWI_MODELS[int(record["hwi_model"])],
            "kappa_t": float(record["kappa_t"]),
            "kappa_r": float(record["kappa_r"]),
        },
    }


def _kpis(record: Any) -> dict[str, Any]:
    second = None
    if record["seconds"]:
        second = {
            "second": int(record["seconds"]),
            **{name: float(record[name]) for name in ("eta_bps_hz", "eta_sum_bps_hz", "goodput_bps_hz", "utility")},
            "loop_latency_ms": {
                name: _number(record["loop_latency_ms"][place]) for place, name in enumerate(("p50", "p99", "max"))
            },
            "slices": {name: _second_of(part) for name, part in zip(SLICE_NAMES, record["slices"], strict=True)},
        }
    totals = {
        name: {
            field: int(part[field])
            for field in (
                "offered_packets", "delivered_packets", "succeeded_packets", "dropped_full_packets",
                "dropped_late_packets", "queued_packets", "offered_bits", "delivered_bits", "dropped_bits",
                "queued_bits", "decisions_control", "decisions_held", "decisions_default", "missed_deadlines",
            )
        }
        for name, part in zip(SLICE_NAMES, record["slices"], strict=True)
    }  # fmt: skip
    return {
        "last_second": second,
        "totals": {
            "slots": int(record["slot"]),
            "slices": totals,
            "e2_bytes": nested(record["e2_bytes"].tolist()),
            "e2_messages": nested(record["e2_messages"].tolist()),
        },
    }


def _second_of(part: Any) -> dict[str, Any]:
    return {
        "ssr": float(part["ssr"]),
        "delay_ms": {f"p{quantile * 100:g}": _number(part["delay_ms"][i]) for i, quantile in enumerate(QUANTILES)},
        "active_users": float(part["active_users"]),
        "goodput_bps": float(part["goodput_bps"]),
        "eta_bps_hz": float(part["eta_bps_hz"]),
        "offered_packets": int(part["second_offered_packets"]),
        "dropped_packets": int(part["second_dropped_packets"]),
        "bandwidth_hz": int(part["bandwidth_hz"]),
        "power_w": float(part["power_w"]),
    }


def _users(record: Any) -> list[dict[str, Any]]:
    counts = [int(record["slices"][index]["users"]) for index in range(len(SLICE_NAMES))]
    names = [name for name, count in zip(SLICE_NAMES, counts, strict=True) for _ in range(count)]
    return [
        {
            "id": user,
            "slice": name,
            "x_m": round(float(row["x_m"]), 3),
            "y_m": round(float(row["y_m"]), 3),
            "queued_packets": int(row["queued_packets"]),
            "queued_bits": int(row["queued_bits"]),
            "ssr": float(row["ssr"]),
        }
        for user, (name, row) in enumerate(zip(names, record["users"], strict=True))
    ]
