"""YAML of people's files: as PyYAML reads it, less three of its surprises."""

from __future__ import annotations

import re
from typing import Any

import yaml


class YamlError(ValueError):
    """A text that cannot be used; the message says what is wrong, and where."""


class _Loader(yaml.SafeLoader):
    """Refuses a field that is given twice, of which YAML would silently take the last; 1e-3 is a number (YAML 1.2).

    A value that only looks like one of its type (0x_, 2001-13-45, !!int abc) is an error of the text.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            return super().construct_object(node, deep)
        try:
            return super().construct_object(node, deep)
        # PyYAML lets out whatever its conversions raise.
        except (ValueError, ArithmeticError, LookupError, AttributeError) as error:
            kind = node.tag.rpartition(":")[2]
            raise YamlError(f"{node.value!r} (line {node.start_mark.line + 1}) is no {kind}") from error

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        # Here, not where values are made: until then, what `<<` merges is not among the keys.
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in lines:
                    first, second = lines[key.value], key.start_mark.line + 1
                    raise YamlError(f"{key.value}: given twice (lines {first} and {second}), may be given once")
                lines[key.value] = key.start_mark.line + 1
        return node


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def parse_yaml(text: str) -> Any:
    """The data of a YAML (or JSON) text.

    Raises:
        YamlError: no YAML, a field that is given twice, or a value that is none of its type.
    """
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise YamlError(f"is not YAML: {error}") from error
