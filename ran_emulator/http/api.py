"""HTTP API of the emulator: what it does (read from the snapshot) and what people may change (commands).

Every value has a range; a refused call changes nothing and names field and range (422).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import JSONResponse

from ran_emulator.arguments import Arguments
from ran_emulator.command_client import CommandClient
from ran_emulator.e2.node_configuration import FUNCTION_NAMES, FunctionState
from ran_emulator.e2.traffic import nested
from ran_emulator.events import Burst, CsiKnobs, Hwi, Load, Mobility, Regime, SliceName, UserBurst
from ran_emulator.http import metrics
from ran_emulator.http.e2 import add_e2_changes
from ran_emulator.http.errors import add_error_forms
from ran_emulator.http.kpis_live import add_live_kpis
from ran_emulator.http.timeline import CHANGES, Applied, EventBook, add_timeline
from ran_emulator.phy.codes import HWI_MODELS
from ran_emulator.scenario import SLICE_NAMES, SLOTS_PER_SECOND
from ran_emulator.snapshot import QUANTILES
from service_kit.addresses import is_loopback
from service_kit.http_refusals import own_pages

STALE_S = 5.0
"""A snapshot older than this means that the slot loop stands still."""


def create_app(arguments: Arguments, read: Callable[[], Any | None], client: CommandClient) -> FastAPI:
    """The API over a snapshot's reader and the way to the slot loop."""
    app = FastAPI(
        title="HiSO-CoMA RAN emulator",
        description="State and KPIs of the emulated cell; load, impairments, CSI, speed, regime and E2 can be changed.",
        version="1",
        dependencies=[own_pages(anywhere=not is_loopback(arguments.http_host))],
    )
    book = EventBook(arguments.timeline)
    add_error_forms(app)
    _add_reads(app, arguments, read)
    add_live_kpis(app, read, kpis_of)
    _add_changes(app, client, book)
    add_timeline(app, read, client, book)
    add_e2_changes(app, client)
    return app


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
        return kpis_of(latest())

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


def _add_changes(app: FastAPI, client: CommandClient, book: EventBook) -> None:
    def change(**event: Any) -> Applied:
        slot: int = client.ask("change", **event)["slot"]
        book.made(event, slot)
        return Applied(slot=slot)

    @app.put("/traffic/{slice}/load", summary="Set a slice's load factor", **CHANGES)
    def load(slice: SliceName, body: Load) -> Applied:
        return change(change="load", slice=slice, **body.given())

    @app.post("/traffic/{slice}/burst", summary="A surge of a slice's traffic", **CHANGES)
    def burst(slice: SliceName, body: Burst) -> Applied:
        return change(change="burst", slice=slice, **body.given())

    @app.post("/users/burst", summary="Packets at once for each of some users", **CHANGES)
    def user_burst(body: UserBurst) -> Applied:
        return change(change="user_burst", **body.given())

    @app.put("/hwi", summary="Change the hardware impairments", **CHANGES)
    def hwi(body: Hwi) -> Applied:
        return change(change="hwi", **body.given())

    @app.put("/csi", summary="Change how old, rare and noisy channel knowledge is", **CHANGES)
    def csi(body: CsiKnobs) -> Applied:
        return change(change="csi", **body.given())

    @app.put("/mobility/{slice}", summary="Set a slice's speed", **CHANGES)
    def mobility(slice: SliceName, body: Mobility) -> Applied:
        return change(change="speed", slice=slice, **body.given())

    @app.put("/regime", summary="Hold one regime of load, or let them switch", **CHANGES)
    def regime(body: Regime) -> Applied:
        return change(change="regime", **body.given())


def _state(arguments: Arguments, record: Any) -> dict[str, Any]:
    slices = record["slices"]
    regime = int(record["regime"])
    return {
        "scenario": arguments.scenario.name,
        "seed": arguments.seed,
        "cell": arguments.cell,
        "slot": int(record["slot"]),
        "simulated_s": int(record["slot"]) / SLOTS_PER_SECOND,
        "clock": arguments.clock.name,
        "control_delay_slots": arguments.control_delay_slots,
        "real_time_factor": float(record["real_time_factor"]),
        "late_slots": int(record["late_slots"]),
        "e2_connected": bool(record["connected"]),
        "ran_functions": {
            name: FunctionState(int(state)).name.lower()
            for name, state in zip(FUNCTION_NAMES, record["functions"], strict=True)
        },
        "regime": None if regime < 0 else regime,
        "regime_held": bool(record["regime_fixed"]),
        "load": {name: float(part["load"]) for name, part in zip(SLICE_NAMES, slices, strict=True)},
        "speed_m_s": {name: float(part["speed_m_s"]) for name, part in zip(SLICE_NAMES, slices, strict=True)},
        "hwi": {
            "model": HWI_MODELS[int(record["hwi_model"])],
            "kappa_t": float(record["kappa_t"]),
            "kappa_r": float(record["kappa_r"]),
        },
        "csi": {
            "csi_delay_slots": int(record["csi_delay_slots"]),
            "csi_period_slots": int(record["csi_period_slots"]),
            "csi_noise": float(record["csi_noise"]),
        },
    }


def kpis_of(record: Any) -> dict[str, Any]:
    """`/kpis` and `/kpis/live`: the last simulated second, and totals."""
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
        "bandwidth_hz": int(part["second_bandwidth_hz"]),
        "power_w": float(part["second_power_w"]),
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
