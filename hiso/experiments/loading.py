"""Experiments from YAML: the catalogue, and files of one's own."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hiso.experiments.spec import Experiment, ExperimentError
from ran_emulator.yaml_text import YamlError, parse_yaml
from service_kit.field_errors import describe_errors

_SHARED = ("headline", "host", "arms", "conditions", "trained_in", "reference", "full", "quick")
"""What an experiment may take from another."""


def parse_experiment(data: Any, name: str) -> Experiment:
    """An experiment from plain data; all its runs can be made.

    Args:
        data: fields of an Experiment; with `like`, the name of one in the catalogue, those of `_SHARED` that are left
            out are that one's.
        name: the experiment's.

    Raises:
        ExperimentError: each wrong field with its range.
    """
    if not isinstance(data, dict):
        raise ExperimentError(f"experiment {name}: must hold fields, not a {type(data).__name__}")
    if "like" in data:
        other = _like(data["like"], name)
        data = {**{field: other[field] for field in _SHARED if field in other}, **data}
        del data["like"]
    try:
        experiment = Experiment.model_validate({"name": name, **data})
    except ValidationError as error:
        raise ExperimentError(f"experiment {name}: {describe_errors(error, Experiment, whole='experiment')}") from error
    _ = experiment.requests  # raises where one cannot be made
    return experiment


def catalogue_names() -> list[str]:
    """Names of the experiments that come with the package, figures first."""
    files = resources.files("hiso.experiments").joinpath("catalogue").iterdir()
    names = [file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")]
    return sorted(names, key=lambda name: (not name.startswith("fig"), name))


def load_experiment(name_or_path: str) -> Experiment:
    """An experiment by its name in the catalogue, or from a YAML file.

    Raises:
        ExperimentError: neither, or it cannot be used.
    """
    if name_or_path in catalogue_names():
        return _parse_text(_catalogue_text(name_or_path), name_or_path)
    if not name_or_path.endswith((".yaml", ".yml")):
        known = ", ".join(catalogue_names())
        raise ExperimentError(f"experiment: {name_or_path!r} is neither a YAML file nor one of {known}")
    try:
        text = Path(name_or_path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ExperimentError(f"experiment: {name_or_path} cannot be read: {error}") from error
    return _parse_text(text, Path(name_or_path).stem)


def _catalogue_text(name: str) -> str:
    return resources.files("hiso.experiments").joinpath("catalogue", f"{name}.yaml").read_text(encoding="utf-8")


def _like(other: Any, name: str) -> dict[str, Any]:
    """The fields of an experiment of the catalogue that is like no other itself."""
    if other not in catalogue_names():
        raise ExperimentError(f"experiment {name}: like: {other!r} is none of {', '.join(catalogue_names())}")
    fields: dict[str, Any] = parse_yaml(_catalogue_text(other))
    if "like" in fields:
        raise ExperimentError(f"experiment {name}: like: {other!r} is like another itself, name that one")
    return fields


def _parse_text(text: str, name: str) -> Experiment:
    try:
        data = parse_yaml(text)
    except YamlError as error:
        raise ExperimentError(f"experiment {name}: {error}") from error
    return parse_experiment(data, name)
