"""Results as Parquet (pyarrow): a row a value, and a row a point of a curve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hiso.experiments.results import Results


def write_parquet(results: Results, folder: Path) -> Path:
    """Write NAME.parquet, and NAME-curves.parquet where the figure shows curves; returns the first one's path."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    plot = results.experiment.plot
    shown = plot.show if plot.kind == "curves" else []
    values: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    for (arm, condition), units in results.plan.units.items():
        for seed_index, unit in enumerate(units):
            for key in (*unit.trainings, *unit.episodes):
                result = results.found.get(key)
                if result is None:
                    continue
                place = {"arm": arm, "condition": condition, "seed_index": seed_index, "run": key}
                place |= {"kind": result.run["kind"], "seed": result.run["seed"], "failed": result.error is not None}
                values += [{**place, "measure": name, "value": value} for name, value in result.measures.items()]
                if not result.measures:
                    values.append({**place, "measure": None, "value": None})
                points += [
                    {**place, "curve": name, "step": step, "value": value}
                    for name in shown
                    for step, value in enumerate(result.series.get(name, ()))
                ]
    path = folder / f"{results.experiment.name}.parquet"
    pq.write_table(pa.Table.from_pylist(values), path, compression="zstd")
    if points:
        pq.write_table(
            pa.Table.from_pylist(points), folder / f"{results.experiment.name}-curves.parquet", compression="zstd"
        )
    return path
