"""Commands of people (HTTP, command line) to the hot loop: JSON in, JSON out."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from near_rt_ric.failures import Failure, Kind
from near_rt_ric.platform import RicPlatform

Reply = Callable[[dict[str, Any]], None]


class Admin:
    """`{"command": "state" | "functions" | "reset" | "query" | "remove" | "delete_subscription" | "hold", ...}`."""

    def __init__(self, platform: RicPlatform, process: dict[str, Any]) -> None:
        self._platform = platform
        self._process = process

    def handle(self, command: Any, reply: Reply) -> None:
        """Execute one command, an object; `reply` is called once, perhaps later and from another thread."""
        if not isinstance(command, dict):
            reply(answer_of(Failure(Kind.MALFORMED, "command: a JSON object is required")))
            return
        name = command.get("command")
        try:
            if name == "state":
                reply({**self._platform.state(), "process": self._process})
            elif name == "functions":
                reply(self._functions(str(command["node_id"])))
            elif name == "reset":
                self._platform.reset_node(str(command["node_id"]), lambda failure: reply(answer_of(failure)))
            elif name == "query":
                self._platform.query_node(str(command["node_id"]), lambda failure: reply(answer_of(failure)))
            elif name == "remove":
                self._platform.remove_node(str(command["node_id"]), lambda failure: reply(answer_of(failure)))
            elif name == "delete_subscription":
                self._platform.delete_subscription(
                    str(command["node_id"]),
                    int(command["ric_requestor_id"]),
                    int(command["ric_instance_id"]),
                    lambda failure: reply(answer_of(failure)),
                )
            elif name == "hold":
                reply({"held": self._platform.hold(str(command["xapp_name"]), float(command["limit_s"]))})
            else:
                known = "state, functions, reset, query, remove, delete_subscription, hold"
                reply(answer_of(Failure(Kind.MALFORMED, f"command: {name!r} is not one of {known}")))
        except KeyError as error:
            reply(answer_of(Failure(Kind.MALFORMED, f"command {name}: {error.args[0]}: required")))
        except (TypeError, ValueError) as error:
            reply(answer_of(Failure(Kind.MALFORMED, f"command {name}: {error}")))

    def _functions(self, node_id: str) -> dict[str, Any]:
        functions = self._platform.functions(node_id)
        if functions is None:
            return answer_of(Failure(Kind.UNKNOWN, f"node_id: node {node_id!r} is unknown"))
        return {
            "functions": [
                {
                    "ran_function_id": item.ran_function_id,
                    "oid": item.ran_function_oid,
                    "revision": item.ran_function_revision,
                    "definition_base64": base64.b64encode(item.ran_function_definition).decode(),
                }
                for item in functions
            ]
        }


def answer_of(failure: Failure | None) -> dict[str, Any]:
    """What is replied: nothing, or what came in the way."""
    return {} if failure is None else {"error": failure.text, "kind": failure.kind}
