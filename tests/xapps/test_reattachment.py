"""What becomes of an agent, and of its way to the learner, where its node changes what it states."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_slot_pb2 as slot_pb2
from hiso_proto.oids import BUDGETS_OID, SLOT_OID
from made_xapps import made
from messages import observation, report

from ran_emulator.cell import Cell
from ran_emulator.e2 import codec
from ran_emulator.scenario import load_scenario
from xapps import inter_slice, intra_slice
from xapps.learner_link import LearnerLink
from xapps.sdk import BusUnavailableError, E2Node


class Bus:
    """In an XApp's place: keeps what is subscribed; a RIC answers, or does not."""

    name = "test"

    def __init__(self) -> None:
        self.handlers: list[Any] = []
        self.answers = True

    def subscribe(self, _node: E2Node, _oid: str, **subscription: Any) -> Any:
        if not self.answers:
            raise BusUnavailableError("no answer")
        self.handlers.append(subscription["handler"])
        return SimpleNamespace(active=True)

    def on_frame(self, _handler: Any) -> None:
        """Everything comes as messages here."""

    def newest_waiting(self, _indication: e2ap.RicIndication) -> None:
        """Nothing waits."""

    def control(self, _node: E2Node, _request: e2ap.RicControlRequest) -> bool:
        return True


def node() -> E2Node:
    cell = Cell(load_scenario("base"), 1, 2)
    definitions = {
        SLOT_OID: codec.slot_definition(cell, lockstep=False),
        BUDGETS_OID: codec.budget_definition(cell, lockstep=False),
    }
    return E2Node(
        "00101-1",
        True,
        {
            oid: e2ap.RanFunctionItem(ran_function_oid=oid, ran_function_definition=definition.SerializeToString())
            for oid, definition in definitions.items()
        },
    )


def an_indication(kind: str) -> e2ap.RicIndication:
    if kind == "InterSliceXApp":
        header, message = report(1)
    else:
        header = slot_pb2.IndicationHeader(decided_slot=2, observed_slot=0, slice_id=1).SerializeToString()
        message = observation(0, [20, 30])[1]
    return e2ap.RicIndication(ric_indication_header=header, ric_indication_message=message)


@pytest.mark.parametrize(
    ("module", "kind", "flags"),
    [
        (intra_slice, "IntraSliceXApp", ("--slice", "embb", "--policy", "madqn-tuned")),
        (inter_slice, "InterSliceXApp", ("--policy", "coma2c-tuned", "--trigger", "always")),
    ],
)
def test_of_the_links_to_a_learner_that_of_the_agent_in_service_is_open(
    module: Any, kind: str, flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links: list[LearnerLink[Any]] = []

    class Link(LearnerLink[Any]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            links.append(self)

    def are_open() -> list[bool]:
        return [hasattr(link, "_socket") and not link._socket.closed for link in links]

    monkeypatch.setattr(module, "LearnerLink", Link)
    xapp = made(monkeypatch, module, kind, *flags, "--from-scratch", "--learner", f"ipc://{tmp_path}/nobody")
    xapp._host.xapp = bus = Bus()
    xapp._attach(node())
    bus.answers = False
    with pytest.raises(BusUnavailableError):
        xapp._attach(node())
    assert are_open() == [True, False]
    bus.handlers[-1](node(), an_indication(kind))  # the agent before still decides, and asks for its learner
    bus.answers = True
    xapp._attach(node())
    assert are_open() == [False, False, True]
    links[-1].close()
