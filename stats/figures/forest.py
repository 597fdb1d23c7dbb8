"""Ratio forest plot: each allocator's wall time against the baseline's, with its interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stats import units
from stats.estimates.analysis import Analysis
from stats.estimates.verdict import MIN_PAIRS, Limits
from stats.figures import _plotly, _style
from stats.figures._coverage import Coverage, of_ratios, remembered
from stats.frames import each
from stats.tables.table import mark
from stats.tidy.labels import Case, threads_label
from stats.tidy.run import CASE

TITLE = "Wall time against the baseline"
CAPTION = """Ratio of wall times, paired inside replicates: left of 1 is faster than the baseline.
Bars are 95 % intervals, not adjusted for their number. No verdict claims an estimate inside the grey band (delta); an allocator
whose difference is surely inside the dotted lines (the margin) is equivalent (=). Filled markers
are contestants, hollow ones reference allocators and the A/A copy."""
NEEDS = ("wall_s",)
PLACE = 10
EACH = "workload"
METRIC = "wall_s"
MARKS = True


@remembered
def coverage(analysis: Analysis) -> Coverage:
    """Every ratio with enough pairs."""
    return of_ratios(analysis, METRIC)


@remembered
def _panels(analysis: Analysis) -> list[tuple[Case, pd.DataFrame]]:
    rows = analysis.metric_table(METRIC)
    rows = rows[(rows["n"] >= MIN_PAIRS) & rows["ratio"].between(0, np.inf, inclusive="neither")]
    by_case = dict(list(rows.groupby(CASE, sort=False)))
    return [(case, by_case[case]) for case in analysis.cases if case in by_case]


@_style.with_style
def draw(analysis: Analysis) -> Figure | None:
    """One panel per thread count, one line per allocator."""
    cases = _panels(analysis)
    if not cases:
        return None
    most = max(len(rows) for _, rows in cases)
    figure, axes = _style.panels(len(cases), 2, 4.6, 0.7 + 0.24 * most)
    ends = pd.concat([rows[["low", "high", "ratio"]] for _, rows in cases]).to_numpy().ravel()
    for axis, (case, rows) in zip(axes, cases, strict=True):
        _panel(axis, analysis, rows, analysis.limits)
        _style.ratio_axis(axis, ends, f"wall time / {analysis.baseline}")
        axis.set_title(threads_label(case[2]))
    return figure


def _panel(axis: Axes, analysis: Analysis, rows: pd.DataFrame, limits: Limits) -> None:
    low, high = 1 / (1 + limits.delta), 1 + limits.delta
    axis.axvspan(low, high, color=_style.FAINT, alpha=0.7, linewidth=0, zorder=0)
    for end in (1 / (1 + limits.margin), 1 + limits.margin):
        axis.axvline(end, color=_style.INK, linewidth=0.6, linestyle=":", alpha=0.6, zorder=1)
    for y, row in enumerate(each(rows)):
        allocator = analysis.allocators[row.allocator]
        looks = _style.looks(allocator) | {"linestyle": "none"}
        axis.plot([row.low, row.high], [y, y], color=allocator.colour, linewidth=1.6, zorder=2)
        axis.plot([row.ratio], [y], zorder=3, **looks)
        text = f"{units.ratio(row.ratio)} {mark(row.verdict)}"
        axis.annotate(text, (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    axis.set_yticks(range(len(rows)), list(rows["allocator"]))
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.grid(axis="y", visible=False)


def interactive(analysis: Analysis) -> Any:
    """The same with a hover label per allocator."""
    cases = _panels(analysis)
    if not cases:
        return None
    most = max(len(rows) for _, rows in cases)
    titles = [threads_label(case[2]) for case, _ in cases]
    figure, places = _plotly.grid(titles, 3, 100 + 24 * most, shared_yaxes=True)
    every = pd.concat([rows for _, rows in cases])
    ends = np.append(every[["low", "high", "ratio"]].to_numpy().ravel(), [0.95, 1.05])
    axis = _plotly.ratio_axis(float(np.nanmin(ends)) / 1.06, float(np.nanmax(ends)) * 1.06)
    for place, (_, rows) in zip(places, cases, strict=True):
        for row in each(rows):
            figure.add_scatter(**_point(analysis, row), **place)
        low, high = 1 / (1 + analysis.limits.delta), 1 + analysis.limits.delta
        figure.add_vrect(low, high, fillcolor="#8a8f98", opacity=0.2, line_width=0, **place)
        for end in (1 / (1 + analysis.limits.margin), 1 + analysis.limits.margin):
            dotted = {"line_width": 1, "line_dash": "dot", "line_color": "#8a8f98"}
            figure.add_vline(end, **dotted, **place)
        figure.add_vline(1, line_width=1, line_color="#8a8f98", **place)
        figure.update_yaxes(autorange="reversed", **place)
        figure.update_xaxes(axis, title_text=f"wall time / {analysis.baseline}", **place)
    return figure.update_layout(showlegend=False)


def _point(analysis: Analysis, row: Any) -> dict[str, Any]:
    looks = _plotly.looks(analysis.allocators[row.allocator], 10)
    label = (
        f"<b>{row.allocator}</b> {units.ratio(row.ratio)} {units.interval(row.low, row.high)}<br>"
        f"{units.quantity(row.value, 's')} against {units.quantity(row.base, 's')}<br>"
        f"{row.n} pairs, p (BH) {units.p_value(row.p_adj)}: {row.verdict}"
    )
    bars = {
        "type": "data",
        "symmetric": False,
        "color": analysis.allocators[row.allocator].colour,
        "array": [row.high - row.ratio],
        "arrayminus": [row.ratio - row.low],
    }
    return {
        "x": [row.ratio],
        "y": [row.allocator],
        "error_x": bars,
        "mode": "markers",
        "hovertext": label,
        "hoverinfo": "text",
        "name": looks["name"],
        "marker": looks["marker"],
    }
