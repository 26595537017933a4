"""Figures of results as SVG and PNG (matplotlib); equal results give equal files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from hiso.experiments.measures import MEASURES, SERIES, Measure
from hiso.experiments.results import Results
from hiso.experiments.statistics import F64, interquartile_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_PANEL_INCHES = (5.0, 3.4)
_COLUMNS = 2
"""As many as leave letters readable where a page shows the figure at its own width."""

_BARS, _WIDE_BARS = 24, 60
"""What a panel has room for, and one of the whole width; more go into panels below one another."""

_LABEL_LETTERS = 38
"""A panel's height has room for as many; longer names of measures have several lines."""

_LETTER_INCHES, _NAME_INCHES, _MARGIN_INCHES = 0.07, 0.6, 0.8
"""Of a letter, of what stands around a name in the legend, and beside a panel's axis."""

_COLOURS = 10
_HATCHES = ("", "////", "....", "xxxx")
_DASHES = ("-", "--", ":", "-.")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""Arms beyond the tenth have its colours again, with other hatches or dashes."""

_LEAST_SPAN = 0.05
"""Of a scale, as a share of what it shows: less than that is not worth looking at."""

_LINEAR_BELOW = 0.1
"""Of a logarithmic scale of values that may be negative: around 0 it is linear."""

_SHADE = 0.15
_SHADED = "shaded: least to largest of the seeds (moving means)"

_SMOOTHED_SHARE = 50
"""A curve is shown as the moving mean over this part of its length."""

_STYLE: Any = {"svg.hashsalt": "hiso", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}


def draw(results: Results, folder: Path) -> Path:
    """Draw an experiment's figure as NAME.svg and NAME.png in a folder; returns the SVG's path."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    plot = results.experiment.plot
    panels = _curve_panels(results) if plot.kind == "curves" else _panels(results)
    width, height = _PANEL_INCHES
    wide = plot.kind == "bars" and max(len(panel.conditions) for panel in panels) * len(results.experiment.arms) > _BARS
    places, rows, columns = _places(panels, 1 if wide else _COLUMNS)
    if wide:
        width *= _COLUMNS
    upright = plot.kind == "bars" and any(_label_inches(panel) > width - _MARGIN_INCHES for panel in panels)
    if upright:
        height += max(len(label) for panel in panels for label in _tick_labels(panel)) * _LETTER_INCHES
    with rc_context(_STYLE):
        figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False)
        drawn = {panel: axes[place] for panel, place in zip(panels, places, strict=True)}
        for panel, axis in drawn.items():
            _draw_panel(axis, results, panel)
            axis.tick_params(axis="x", rotation=90 if upright else 0)
        for axis in set(axes.ravel()) - set(drawn.values()):
            axis.set_visible(False)
        _share_scales(drawn)
        legend: dict[Any, Any] = {}
        for axis in drawn.values():
            for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
                legend.setdefault(label, handle)
        if plot.kind == "curves" and legend:
            legend[_SHADED] = Patch(color="0.3", alpha=_SHADE)
        if legend:
            names = int(width * columns / (_NAME_INCHES + _LETTER_INCHES * max(map(len, legend))))
            names = max(1, min(5, names, len(legend)))
            figure.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=names, frameon=False)
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
    whole: int = 0
    """Number of the panel that this one is a part of, where it has parts."""


def _curve_panels(results: Results) -> list[_Panel]:
    conditions = results.experiment.conditions
    return [
        _Panel(name, (where,), where, whole)
        for name in results.experiment.plot.show
        for whole, where in enumerate(conditions)
    ]


def _panels(results: Results) -> list[_Panel]:
    by_title: dict[str | None, list[str]] = {}
    for where, condition in results.experiment.conditions.items():
        by_title.setdefault(condition.panel, []).append(where)
    arms = len(results.experiment.arms) if results.experiment.plot.kind == "bars" else 0
    return [
        _Panel(name, part, title, whole)
        for name in results.experiment.plot.show
        for whole, (title, conditions) in enumerate(by_title.items())
        for part in _parts(tuple(conditions), arms)
    ]


def _parts(conditions: tuple[str, ...], bars_each: int) -> Iterator[tuple[str, ...]]:
    """Conditions in one panel or, where that would be too wide, in several of about as many."""
    bars = len(conditions) * bars_each
    parts = max(1, min(len(conditions), -(-bars // _WIDE_BARS)))
    size = -(-len(conditions) // parts)
    for first in range(0, len(conditions), size):
        yield conditions[first : first + size]


def _tick_labels(panel: _Panel) -> list[str]:
    """Names of conditions without what the panel's title says: the whole title, or their first words that it has."""
    title = (panel.title or "").split(", ")
    return [
        where.removeprefix(panel.title).strip(" ,")
        if panel.title and where.startswith(panel.title)
        else ", ".join(part for part in where.split(", ") if part not in title)
        for where in panel.conditions
    ]


def _label_inches(panel: _Panel) -> float:
    """What its conditions' names, each with the space of the longest, take side by side."""
    return _LETTER_INCHES * len(panel.conditions) * (1 + max(map(len, _tick_labels(panel))))


def _places(panels: list[_Panel], most_columns: int) -> tuple[list[tuple[int, int]], int, int]:
    """Row and column of each panel, and how many there are: a measure begins a row where it has several panels."""
    each = Counter(panel.name for panel in panels)
    most = max(each.values())
    if most == 1:
        columns = min(most_columns, len(panels))
        return [divmod(number, columns) for number in range(len(panels))], -(-len(panels) // columns), columns
    columns = most_columns
    rows = -(-most // columns)
    places = []
    for number, name in enumerate(each):
        places += [(number * rows + place // columns, place % columns) for place in range(each[name])]
    return places, rows * len(each), columns


def _share_scales(drawn: dict[_Panel, Axes]) -> None:
    """Parts of one panel have one scale."""
    wholes: dict[tuple[str, int], list[Axes]] = {}
    for panel, axis in drawn.items():
        wholes.setdefault((panel.name, panel.whole), []).append(axis)
    for axes in wholes.values():
        if len(axes) > 1:
            low, high = zip(*(axis.get_ylim() for axis in axes), strict=True)
            for axis in axes:
                axis.set_ylim(min(low), max(high))


def _draw_panel(axis: Axes, results: Results, panel: _Panel) -> None:
    plot = results.experiment.plot
    axis.set_ylabel(_axis_label((SERIES if plot.kind == "curves" else MEASURES)[panel.name]))
    if panel.title is not None:
        axis.set_title(panel.title)
    {"curves": _curves, "bars": _bars, "lines": _lines}[plot.kind](axis, results, panel)
    if plot.y_log:
        axis.set_yscale("symlog", linthresh=_LINEAR_BELOW)


def _axis_label(measure: Measure) -> str:
    text = f"{measure.label} [{measure.unit}]" if measure.unit else measure.label
    return "\n".join(wrap(text, _LABEL_LETTERS, break_long_words=False))


def _bars(axis: Axes, results: Results, panel: _Panel) -> None:
    conditions, arms = panel.conditions, list(results.experiment.arms)
    width = 0.8 / len(arms)
    for index, arm in enumerate(arms):
        places, values, errors = [], [], []
        for place, where in enumerate(conditions):
            found = results.estimate(arm, where, panel.name)
            if found is not None:
                places.append(place + (index - (len(arms) - 1) / 2) * width)
                values.append(found.value)
                errors.append(_distances(found.value, found.low, found.high))
        if places:
            axis.bar(
                places,
                values,
                width,
                yerr=np.array(errors).T,
                capsize=2,
                label=arm,
                color=_colour(index),
                hatch=_hatch(index),
                edgecolor="white",
                linewidth=0,
            )
    axis.set_xticks(range(len(conditions)), _tick_labels(panel))


def _lines(axis: Axes, results: Results, panel: _Panel) -> None:
    plot = results.experiment.plot
    places = [(results.experiment.conditions[where].x, where) for where in panel.conditions]
    for index, arm in enumerate(results.experiment.arms):
        points = [(x, results.estimate(arm, where, panel.name)) for x, where in places]
        known = [(x, found) for x, found in points if x is not None and found is not None]
        if known:
            errors = np.array([_distances(found.value, found.low, found.high) for _, found in known]).T
            axis.errorbar(
                [x for x, _ in known],
                [found.value for _, found in known],
                yerr=errors,
                marker=_MARKERS[index % len(_MARKERS)],
                markersize=4,
                capsize=2,
                label=arm,
                color=_colour(index),
                linestyle=_dashes(index),
            )
    low, high = axis.get_ylim()
    if high - low < (span := _LEAST_SPAN * max(abs(low), abs(high))):
        axis.set_ylim((low + high - span) / 2, (low + high + span) / 2)
    axis.set_xlabel(plot.x_label)
    if plot.x_log:
        axis.set_xscale("log")


def _colour(index: int) -> str:
    return f"C{index % _COLOURS}"


def _dashes(index: int) -> str:
    return _DASHES[index // _COLOURS % len(_DASHES)]


def _hatch(index: int) -> str:
    return _HATCHES[index // _COLOURS % len(_HATCHES)]


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
        colour = _colour(index)
        (line,) = axis.plot(time_s, interquartile_mean(smooth.T), color=colour, linestyle=_dashes(index), label=arm)
        drawn.append((rows, line))
        axis.fill_between(time_s, smooth.min(axis=0), smooth.max(axis=0), color=colour, alpha=_SHADE)
    axis.set_xlabel("simulated time of the training [s]")


def _smoothed(rows: F64) -> F64:
    """Moving means [N, T - w + 1] over curves [N, T]; what was not there yet is left out at the beginning."""
    rows = rows[:, np.isfinite(rows).all(axis=0).argmax() :]
    window = max(1, rows.shape[1] // _SMOOTHED_SHARE)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(rows, window, axis=1).mean(axis=-1))
