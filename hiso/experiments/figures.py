"""Figures of results as SVG and PNG (matplotlib); equal results give equal files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hiso.experiments.measures import MEASURES, SERIES, Measure
from hiso.experiments.results import Results
from hiso.experiments.statistics import F64, interquartile_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL_INCHES = (5.2, 3.4)
_LEVEL_LABELS = 4
"""More conditions than these have their names upright."""

_SMOOTHED_SHARE = 50
"""A curve is shown as the moving mean over this part of its length."""

_STYLE: Any = {"svg.hashsalt": "hiso", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}


def draw(results: Results, folder: Path) -> Path:
    """Draw an experiment's figure as NAME.svg and NAME.png in a folder; returns the SVG's path."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    plot = results.experiment.plot
    panels = _curve_panels(results) if plot.kind == "curves" else [(name, None) for name in plot.show]
    width, height = _PANEL_INCHES
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    with rc_context(_STYLE):
        figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis, (name, condition) in zip(axes, panels, strict=False):
            _panel(axis, results, name, condition)
        for axis in axes[len(panels) :]:
            axis.set_visible(False)
        handles, labels = axes[0].get_legend_handles_labels()
        if handles:
            figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)), frameon=False)
        title = results.experiment.title + (" (QUICK: few seeds, short runs)" if results.quick else "")
        figure.suptitle(title)
        path = folder / f"{results.experiment.name}.svg"
        figure.savefig(path, metadata={"Date": None})
        figure.savefig(path.with_suffix(".png"), dpi=120, metadata={"Software": None})
    return path


def _curve_panels(results: Results) -> list[tuple[str, str | None]]:
    return [(name, where) for name in results.experiment.plot.show for where in results.experiment.conditions]


def _panel(axis: Axes, results: Results, name: str, condition: str | None) -> None:
    plot = results.experiment.plot
    axis.set_ylabel(_axis_label((SERIES if plot.kind == "curves" else MEASURES)[name]))
    if condition is not None:
        axis.set_title(condition)
        _curves(axis, results, name, condition)
    elif plot.kind == "bars":
        _bars(axis, results, name)
    else:
        _lines(axis, results, name)


def _axis_label(measure: Measure) -> str:
    return f"{measure.label} [{measure.unit}]" if measure.unit else measure.label


def _bars(axis: Axes, results: Results, name: str) -> None:
    conditions, arms = list(results.experiment.conditions), list(results.experiment.arms)
    width = 0.8 / len(arms)
    for index, arm in enumerate(arms):
        places, values, errors = [], [], []
        for place, where in enumerate(conditions):
            found = results.estimate(arm, [where], name)
            if found is not None:
                places.append(place + (index - (len(arms) - 1) / 2) * width)
                values.append(found.value)
                errors.append(_distances(found.value, found.low, found.high))
        if places:
            axis.bar(places, values, width, yerr=np.array(errors).T, capsize=2, label=arm, color=f"C{index % 10}")
    axis.set_xticks(range(len(conditions)), conditions)
    if len(conditions) > _LEVEL_LABELS:
        axis.tick_params(axis="x", rotation=90)


def _lines(axis: Axes, results: Results, name: str) -> None:
    plot, conditions = results.experiment.plot, results.experiment.conditions
    for index, arm in enumerate(results.experiment.arms):
        points = [(item.x, results.estimate(arm, [where], name)) for where, item in conditions.items()]
        known = [(x, found) for x, found in points if x is not None and found is not None]
        if known:
            errors = np.array([_distances(found.value, found.low, found.high) for _, found in known]).T
            axis.errorbar(
                [x for x, _ in known],
                [found.value for _, found in known],
                yerr=errors,
                marker="o",
                markersize=3,
                capsize=2,
                label=arm,
                color=f"C{index % 10}",
            )
    axis.set_xlabel(plot.x_label)
    if plot.x_log:
        axis.set_xscale("log")


def _distances(value: float, low: float, high: float) -> tuple[float, float]:
    """An interquartile mean may lie outside a percentile interval of few values."""
    return max(0.0, value - low), max(0.0, high - value)


def _curves(axis: Axes, results: Results, name: str, condition: str) -> None:
    step_s = 0.5 if name.startswith("intra") else 1.0
    for index, arm in enumerate(results.experiment.arms):
        rows = results.curves(arm, condition, name)
        if rows.size == 0:
            continue
        smooth = _smoothed(rows)
        time_s = (np.arange(smooth.shape[1]) + rows.shape[1] - smooth.shape[1] + 1) * step_s
        colour = f"C{index % 10}"
        axis.plot(time_s, interquartile_mean(smooth.T), color=colour, label=arm)
        axis.fill_between(time_s, smooth.min(axis=0), smooth.max(axis=0), color=colour, alpha=0.15)
    axis.set_xlabel("simulated time of the training [s]")


def _smoothed(rows: F64) -> F64:
    """Moving means [N, T - w + 1] over curves [N, T]; what was not there yet is left out at the beginning."""
    rows = rows[:, np.isfinite(rows).all(axis=0).argmax() :]
    window = max(1, rows.shape[1] // _SMOOTHED_SHARE)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(rows, window, axis=1).mean(axis=-1))
