"""What people may change of the E2 node over HTTP: reset, RAN functions, components, and to connect again."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path
from pydantic import Field

from ran_emulator.command_client import CommandClient
from ran_emulator.events import Body
from ran_emulator.http.timeline import CHANGES, Applied

FunctionName = Literal["kpm", "budgets", "slot"]
Interface = Literal["ng", "xn", "e1", "f1", "w1", "s1", "x2"]
ComponentId = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$", examples=["xn-2"])]


class Component(Body):
    """A component of the E2 node, as its configuration update states it; nothing runs over it."""

    configuration: Annotated[str, Field(max_length=4_096, description="request part of the component", examples=[""])]


def add_e2_changes(app: FastAPI, client: CommandClient) -> None:
    """The calls under /e2."""

    def applied(command: str, **arguments: Any) -> Applied:
        return Applied(slot=client.ask(command, **arguments)["slot"])

    @app.post("/e2/reset", summary="Reset E2: the RIC has to subscribe again", **CHANGES)
    def e2_reset() -> Applied:
        return applied("e2_reset")

    @app.post("/e2/connect", summary="Connect at once after the RIC has removed this node", **CHANGES)
    def e2_connect() -> Applied:
        return applied("e2_connect")

    @app.delete("/e2/functions/{function}", summary="Withdraw a RAN function", **CHANGES)
    def withdraw(function: FunctionName) -> Applied:
        return applied("e2_withdraw", function=function)

    @app.put("/e2/functions/{function}", summary="Offer a withdrawn RAN function again", **CHANGES)
    def offer(function: FunctionName) -> Applied:
        return applied("e2_offer", function=function)

    @app.put("/e2/components/{interface}/{component_id}", summary="Add or change a component", **CHANGES)
    def set_component(interface: Interface, component_id: ComponentId, body: Component) -> Applied:
        configuration = body.configuration
        return applied("e2_set_component", interface=interface, component_id=component_id, configuration=configuration)

    @app.delete("/e2/components/{interface}/{component_id}", summary="Remove a component", **CHANGES)
    def remove_component(interface: Interface, component_id: ComponentId) -> Applied:
        return applied("e2_remove_component", interface=interface, component_id=component_id)
