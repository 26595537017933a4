"""Results as Parquet (pyarrow), both ways: a row a value, and a row a point of a curve."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from hiso.experiments.results import Results
from hiso.experiments.runs import expand
from hiso.experiments.spec import Experiment
from hiso.experiments.store import Result, Store


class TableError(ValueError):
    """A file that holds no results; the message names it."""


def write_parquet(results: Results, folder: Path) -> Path:
    """Write NAME.parquet and, for a figure of curves, NAME-curves.parquet; returns the first one's path.

    A run that serves several arms or conditions has its values with each, and its curves once.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    shown = results.plan.shown_series
    values: list[dict[str, Any]] = []
    curves: dict[str, list[dict[str, Any]]] = {}
    for (arm, condition), units in results.plan.units.items():
        for seed_index, unit in enumerate(units):
            for key in (*unit.trainings, *unit.episodes):
                result = results.found.get(key)
                if result is None:
                    continue
                place = {"arm": arm, "condition": condition, "seed_index": seed_index, "run": key}
                place |= {"kind": result.run["kind"], "seed": result.run["seed"]}
                made = {"wall_s": result.wall_s, "jobs": result.jobs, "error": result.error}
                # A run that failed has a row, too.
                measures: list[tuple[str | None, float | None]] = [*result.measures.items()] or [(None, None)]
                values += [{**place, **made, "measure": name, "value": value} for name, value in measures]
                curves[key] = [
                    {**place, "curve": name, "step": step, "value": value}
                    for name in shown
                    for step, value in enumerate(result.series.get(name, ()))
                ]
    path, curves_path = folder / f"{results.experiment.name}.parquet", _curves_path(folder, results.experiment)
    pq.write_table(pa.Table.from_pylist(values), path, compression="zstd")
    curves_path.unlink(missing_ok=True)  # an earlier page's may be of other runs
    if points := [point for of_run in curves.values() for point in of_run]:
        pq.write_table(pa.Table.from_pylist(points), curves_path, compression="zstd")
    return path


def restore(experiment: Experiment, folder: Path, store: Store) -> tuple[int, int]:
    """Take runs that `write_parquet` wrote back into the store, without the weights and other curves of trainings.

    Returns:
        How many of the experiment's runs were taken back or were stored already, and how many the file has of other
        code or another experiment, which are left.

    Raises:
        TableError: a file that is not there, or holds something else.
        StoreError: the store cannot be used.
        ExperimentError: an arm that cannot be run.
    """
    runs = expand(experiment, experiment.full).runs | expand(experiment, experiment.quick).runs
    found = _read(folder, experiment)
    store.prepare()
    for key in found.keys() & runs.keys():
        stored, taken = store.get(key), Result(runs[key].content, **found[key])
        if stored is None:
            store.put(runs[key], taken)
        elif not taken.series.keys() <= stored.series.keys():  # the table of another figure had other curves
            store.put(runs[key], replace(stored, series={**taken.series, **stored.series}))
    return len(found.keys() & runs.keys()), len(found.keys() - runs.keys())


def _read(folder: Path, experiment: Experiment) -> dict[str, dict[str, Any]]:
    """Fields of results by key of the run."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, curves_path = folder / f"{experiment.name}.parquet", _curves_path(folder, experiment)
    reading = path
    found: dict[str, dict[str, Any]] = {}
    series: dict[tuple[str, str], dict[int, float | None]] = defaultdict(dict)
    try:
        for row in pq.read_table(path).to_pylist():
            made = {name: row[name] for name in ("wall_s", "jobs", "error")}
            result = found.setdefault(row["run"], {**made, "measures": {}, "series": {}})
            if row["measure"] is not None:
                result["measures"][row["measure"]] = row["value"]
        reading = curves_path
        for row in pq.read_table(curves_path).to_pylist() if curves_path.is_file() else ():
            series[row["run"], row["curve"]][row["step"]] = row["value"]
        for (key, curve), points in series.items():
            found[key]["series"][curve] = [points[step] for step in range(len(points))]
    except OSError as error:
        raise TableError(f"from: {reading} cannot be read: {error.strerror or error}") from error
    except (pa.ArrowException, KeyError) as error:
        raise TableError(f"from: {reading} does not hold results of an experiment: {error}") from error
    return found


def _curves_path(folder: Path, experiment: Experiment) -> Path:
    return folder / f"{experiment.name}-curves.parquet"
