"""What the node states of itself and may change while it runs: RAN functions (E2AP 8.3.4) and components (8.3.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

from google.protobuf.message import Message
from hiso_proto import e2ap_pb2 as e2ap

FUNCTION_NAMES = ("kpm", "budgets", "slot")
MAX_REVISION = 4_095
MAX_COMPONENTS = 16


class FunctionState(IntEnum):
    """Whether a RAN function is offered."""

    WITHDRAWN = 0
    WITHDRAWING = 1
    """The RIC was asked to delete its subscriptions; nothing new is admitted."""
    OFFERED = 2


@dataclass(slots=True)
class RanFunction:
    """One RAN function of the node."""

    name: str
    number: int
    oid: str
    definition: Callable[[], Message]
    revision: int = 1
    state: FunctionState = FunctionState.OFFERED

    def item(self) -> e2ap.RanFunctionItem:
        """As setup and service updates state it."""
        return e2ap.RanFunctionItem(
            ran_function_id=self.number,
            ran_function_definition=self.definition().SerializeToString(),
            ran_function_revision=self.revision,
            ran_function_oid=self.oid,
        )

    def deletion(self) -> e2ap.RanFunctionIdItem:
        """As a service update that takes it back states it."""
        return e2ap.RanFunctionIdItem(ran_function_id=self.number, ran_function_revision=self.revision)


ComponentKey = tuple["e2ap.InterfaceType", str]


class NodeConfiguration:
    """RAN functions and components as the next E2 setup would state them. Raises ValueError where people ask amiss."""

    def __init__(self, functions: Iterable[RanFunction], component: ComponentKey) -> None:
        """All functions are offered; there is one component."""
        self.functions = tuple(functions)
        self._components: dict[ComponentKey, bytes] = {component: b""}

    # RAN functions

    def offers(self, number: int) -> bool:
        """Whether new subscriptions to a function may be admitted."""
        return any(item.number == number and item.state is FunctionState.OFFERED for item in self.functions)

    def stated(self) -> list[e2ap.RanFunctionItem]:
        """The functions that the RIC should know."""
        return [item.item() for item in self.functions if item.state is not FunctionState.WITHDRAWN]

    def withdraw(self, name: str) -> RanFunction:
        """Offer a function no longer; it is withdrawn when `settle` says so."""
        function = self._function(name)
        if function.state is not FunctionState.OFFERED:
            raise ValueError(f"function: {name} is not offered ({function.state.name.lower()})")
        function.state = FunctionState.WITHDRAWING
        return function

    def offer(self, name: str) -> RanFunction:
        """Offer a withdrawn function again, as a new revision."""
        function = self._function(name)
        if function.state is not FunctionState.WITHDRAWN:
            raise ValueError(f"function: {name} is not withdrawn ({function.state.name.lower()})")
        function.state = FunctionState.OFFERED
        function.revision = function.revision % MAX_REVISION + 1
        return function

    def settle(self, subscribed: Callable[[int], bool]) -> list[RanFunction]:
        """Functions whose withdrawal is complete now, since nothing is `subscribed` to them any more."""
        settled = [
            item for item in self.functions if item.state is FunctionState.WITHDRAWING and not subscribed(item.number)
        ]
        for function in settled:
            function.state = FunctionState.WITHDRAWN
        return settled

    def difference(self, known: Iterable[e2ap.RanFunctionIdItem]) -> e2ap.RicServiceUpdate:
        """The service update that makes up for what a RIC that knows these functions does not know (E2AP 8.3.5)."""
        revisions = {item.ran_function_id: item.ran_function_revision for item in known}
        stated = {item.ran_function_id: item for item in self.stated()}
        return e2ap.RicServiceUpdate(
            ran_functions_added=[item for number, item in stated.items() if number not in revisions],
            ran_functions_modified=[
                item
                for number, item in stated.items()
                if number in revisions and revisions[number] != item.ran_function_revision
            ],
            ran_functions_deleted=[
                e2ap.RanFunctionIdItem(ran_function_id=number, ran_function_revision=revision)
                for number, revision in revisions.items()
                if number not in stated
            ],
        )

    def _function(self, name: str) -> RanFunction:
        for function in self.functions:
            if function.name == name:
                return function
        raise ValueError(f"function: {name!r} is none of {', '.join(item.name for item in self.functions)}")

    # Components

    def components(self) -> list[e2ap.E2NodeComponentConfigItem]:
        """The components, as setup states them."""
        return [_item(key, part) for key, part in self._components.items()]

    def set_component(self, key: ComponentKey, configuration: str) -> e2ap.E2NodeConfigurationUpdate:
        """Add a component, or give it another configuration; the update that says so."""
        part = configuration.encode()
        known = key in self._components
        if not known and len(self._components) >= MAX_COMPONENTS:
            raise ValueError(f"component_id: there are {MAX_COMPONENTS} components already")
        self._components[key] = part
        item = [_item(key, part)]
        if known:
            return e2ap.E2NodeConfigurationUpdate(e2_node_component_config_update=item)
        return e2ap.E2NodeConfigurationUpdate(e2_node_component_config_addition=item)

    def remove_component(self, key: ComponentKey) -> e2ap.E2NodeConfigurationUpdate:
        """Remove a component; the update that says so."""
        interface, component_id = key
        if key not in self._components:
            raise ValueError(f"component_id: there is no component {component_id!r} of this interface")
        if len(self._components) == 1:
            raise ValueError("component_id: at least one component must stay")
        del self._components[key]
        item = e2ap.E2NodeComponentConfigRemovalItem(interface_type=interface, component_id=component_id)
        return e2ap.E2NodeConfigurationUpdate(e2_node_component_config_removal=[item])


def _item(key: ComponentKey, request_part: bytes) -> e2ap.E2NodeComponentConfigItem:
    interface, component_id = key
    return e2ap.E2NodeComponentConfigItem(
        interface_type=interface, component_id=component_id, request_part=request_part
    )
