"""YAML of people's files: as PyYAML reads it, less two of its surprises."""

from __future__ import annotations

import re
from typing import Any

import yaml


class YamlError(ValueError):
    """A text that cannot be used; the message says what is wrong, and where."""


class _Loader(yaml.SafeLoader):
    """Refuses a field that is given twice, of which YAML would silently take the last; 1e-3 is a number (YAML 1.2)."""

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
        YamlError: no YAML, or a field that is given twice.
    """
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise YamlError(f"is not YAML: {error}") from error
