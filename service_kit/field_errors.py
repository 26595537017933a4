"""What is wrong with the fields of a pydantic model, in words: each field's name, its whole range, what was given."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

Place = Sequence[int | str]


_GIVEN = reprlib.Repr()
_GIVEN.maxstring = _GIVEN.maxother = 100
"""What was given is told shortened: a request may be megabytes."""


def describe_errors(error: ValidationError, model: type[BaseModel], whole: str) -> str:
    """The complaints of `field_errors` about a model's input, in one line; `whole`: what the model is."""
    return "; ".join(field_errors(((item["loc"], item) for item in error.errors()), model, whole))


def field_errors(items: Iterable[tuple[Place, Any]], model: type[BaseModel], whole: str) -> list[str]:
    """One text a wrong field: its dotted name, what is wrong (with the allowed range), what was given.

    `items`: pydantic's errors, each with its place in `model`; `whole`: stands for the field where none is named.
    """
    lines = {}
    for place, item in items:
        # A union's parts complain one by one, each under a name of pydantic's own: the field is told once.
        location = tuple(place[:1] if " or " in _range_at(model, place[:1]) else place)
        field = ".".join(str(part) for part in location) or whole
        given = f" (given {_GIVEN.repr(item['input'])})" if not isinstance(item["input"], dict) else ""
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            complaint = f"no such field: one of {', '.join(_names_at(model, location[:-1]))}"
        else:
            complaint = _complaint(item["type"], message, _range_at(model, location))
        lines[location] = f"{field}: {complaint}{given}" if field else f"{complaint}{given}"
    return list(lines.values())


def _complaint(kind: str, message: str, allowed: str) -> str:
    """What is wrong with a field; of bounds pydantic names the one alone that is violated."""
    if allowed and (kind.startswith(("greater_than", "less_than")) or " or " in allowed):
        return f"must be {allowed}"
    return message if not allowed or kind in ("missing", "literal_error") else f"{message}, in {allowed}"


def _range_at(model: type[BaseModel], location: Place) -> str:
    """Range of the field at a place in a model, or range and word; empty where it has no two bounds."""
    return " or ".join(text for text in map(_range_text, _schemas_at(model, location)) if text)


def _names_at(model: type[BaseModel], location: Place) -> list[str]:
    """Names of the fields that a place in a model may have."""
    return [name for node in _schemas_at(model, location) for name in node.get("properties", {})]


def _schemas_at(model: type[BaseModel], location: Place) -> list[dict[str, Any]]:
    """The schemas of which a place in a model follows one; none where it has no such place."""
    schema = _schema(model)
    nodes = [schema]
    for part in location:
        nodes = [leaf for node in nodes for leaf in _leaves(_child(node, part), schema.get("$defs", {}))]
    return nodes


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _child(node: dict[str, Any], part: int | str) -> dict[str, Any]:
    """JSON schema of one part of an object, mapping, tuple or list; empty where there is none."""
    if isinstance(part, str):
        of_a_mapping: dict[str, Any] = next(iter(node.get("patternProperties", {}).values()), {})
        return dict(node.get("properties", {}).get(part, of_a_mapping))
    parts = node.get("prefixItems", [])
    return dict(parts[part] if part < len(parts) else node.get("items", {}))


def _leaves(node: dict[str, Any], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas of which a field follows one: those of a union, references followed."""
    if "$ref" in node:
        return [definitions[node["$ref"].rpartition("/")[2]]]
    return [leaf for part in node["anyOf"] for leaf in _leaves(part, definitions)] if "anyOf" in node else [node]


def _range_text(schema: dict[str, Any]) -> str:
    """What a JSON schema allows: its two bounds or its one value, in words; empty where it has neither."""
    if "maximum" not in schema:
        return repr(schema["const"]) if "const" in schema else ""
    if "exclusiveMinimum" in schema:
        return f"above {schema['exclusiveMinimum']:.12g}, at most {schema['maximum']:.12g}"
    return f"{schema['minimum']:.12g}..{schema['maximum']:.12g}"
