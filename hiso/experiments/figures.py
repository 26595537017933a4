"""Figures of results as SVG and PNG (matplotlib); equal results give equal files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hiso.experiments.measures import MEASURES, SERIES, Measure
from hiso.experiments.results import Results
from hiso.experiments.statistics import F64, interquartile_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_PANEL_INCHES = (5.2, 3.4)
_COLUMNS = 3
_LEVEL_LABELS = 4
"""More conditions in a panel than these have their names upright."""

_BARS = 40
"""What a panel of usual width has room for."""

_SMOOTHED_SHARE = 50
"""A curve is shown as the moving mean over this part of its length."""

_STYLE: Any = {"svg.hashsalt": "hiso", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}


def draw(results: Results, folder: Path) -> Path:
    """Draw an experiment's figure as NAME.svg and NAME.png in a folder; returns the SVG's path."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    plot = results.experiment.plot
    panels = _curve_panels(results) if plot.kind == "curves" else _panels(results)
    width, height = _PANEL_INCHES
    if plot.kind == "bars":
        width *= max(1.0, max(len(panel.conditions) for panel in panels) * len(results.experiment.arms) / _BARS)
    titles = len({panel.title for panel in panels})
    columns = min(_COLUMNS, titles if titles > 1 else len(panels))  # a measure a row, where there are titles
    rows = -(-len(panels) // columns)
    with rc_context(_STYLE):
        figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis, panel in zip(axes, panels, strict=False):
            _draw_panel(axis, results, panel)
        for axis in axes[len(panels) :]:
            axis.set_visible(False)
        handles, labels = axes[0].get_legend_handles_labels()
        if handles:
            names = min(5 if columns > 1 else 3, len(labels))
            figure.legend(handles, labels, loc="outside lower center", ncols=names, frameon=False)
        title = results.experiment.title + (" (QUICK: few seeds, short runs)" if results.quick else "")
        figure.suptitle(title)
        path = folder / f"{results.experiment.name}.svg"
        figure.savefig(path, metadata={"Date": None})
        figure.savefig(path.with_suffix(".png"), dpi=120, metadata={"Software": None})
    return path


@dataclass(frozen=True, slots=True)
class _Panel:
    """One measure or curve in some of the conditions."""

    name: str
    conditions: tuple[str, ...]
    title: str | None = None


def _curve_panels(results: Results) -> list[_Panel]:
    conditions = results.experiment.conditions
    return [_Panel(name, (where,), where) for name in results.experiment.plot.show for where in conditions]


def _panels(results: Results) -> list[_Panel]:
    by_title: dict[str | None, list[str]] = {}
    for where, condition in results.experiment.conditions.items():
        by_title.setdefault(condition.panel, []).append(where)
    return [
        _Panel(name, tuple(conditions), title)
        for name in results.experiment.plot.show
        for title, conditions in by_title.items()
    ]


def _draw_panel(axis: Axes, results: Results, panel: _Panel) -> None:
    plot = results.experiment.plot
    axis.set_ylabel(_axis_label((SERIES if plot.kind == "curves" else MEASURES)[panel.name]))
    if panel.title is not None:
        axis.set_title(panel.title)
    {"curves": _curves, "bars": _bars, "lines": _lines}[plot.kind](axis, results, panel)


def _axis_label(measure: Measure) -> str:
    return f"{measure.label} [{measure.unit}]" if measure.unit else measure.label


def _bars(axis: Axes, results: Results, panel: _Panel) -> None:
    conditions, arms = panel.conditions, list(results.experiment.arms)
    width = 0.8 / len(arms)
    for index, arm in enumerate(arms):
        places, values, errors = [], [], []
        for place, where in enumerate(conditions):
            found = results.estimate(arm, [where], panel.name)
            if found is not None:
                places.append(place + (index - (len(arms) - 1) / 2) * width)
                values.append(found.value)
                errors.append(_distances(found.value, found.low, found.high))
        if places:
            axis.bar(places, values, width, yerr=np.array(errors).T, capsize=2, label=arm, color=f"C{index % 10}")
    # A condition that begins as its panel is called has the rest for its name there.
    axis.set_xticks(range(len(conditions)), [where.removeprefix(panel.title or "").strip(" ,") for where in conditions])
    if len(conditions) > _LEVEL_LABELS:
        axis.tick_params(axis="x", rotation=90)


def _lines(axis: Axes, results: Results, panel: _Panel) -> None:
    plot = results.experiment.plot
    places = [(results.experiment.conditions[where].x, where) for where in panel.conditions]
    for index, arm in enumerate(results.experiment.arms):
        points = [(x, results.estimate(arm, [where], panel.name)) for x, where in places]
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


def _curves(axis: Axes, results: Results, panel: _Panel) -> None:
    """A curve an arm; arms that share a training share one, which has all their names."""
    (where,) = panel.conditions
    drawn: list[tuple[F64, Line2D]] = []
    step_s = 0.5 if panel.name.startswith("intra") else 1.0
    for index, arm in enumerate(results.experiment.arms):
        rows = results.curves(arm, where, panel.name)
        if rows.size == 0:
            continue
        same = next((line for other, line in drawn if np.array_equal(rows, other, equal_nan=True)), None)
        if same is not None:
            same.set_label(f"{same.get_label()} = {arm}")
            continue
        smooth = _smoothed(rows)
        time_s = (np.arange(smooth.shape[1]) + rows.shape[1] - smooth.shape[1] + 1) * step_s
        colour = f"C{index % 10}"
        (line,) = axis.plot(time_s, interquartile_mean(smooth.T), color=colour, label=arm)
        drawn.append((rows, line))
        axis.fill_between(time_s, smooth.min(axis=0), smooth.max(axis=0), color=colour, alpha=0.15)
    axis.set_xlabel("simulated time of the training [s]")


def _smoothed(rows: F64) -> F64:
    """Moving means [N, T - w + 1] over curves [N, T]; what was not there yet is left out at the beginning."""
    rows = rows[:, np.isfinite(rows).all(axis=0).argmax() :]
    window = max(1, rows.shape[1] // _SMOOTHED_SHARE)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(rows, window, axis=1).mean(axis=-1))
