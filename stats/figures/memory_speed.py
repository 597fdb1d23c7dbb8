"""Memory against speed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stats import units
from stats.estimates.analysis import Analysis
from stats.figures import _plotly, _style
from stats.figures._coverage import Coverage, hidden, processes_with, remembered
from stats.frames import each
from stats.tidy.labels import Case, threads_label
from stats.tidy.run import CASE

TITLE = "Memory against speed"
CAPTION = """Median peak footprint (of the memory pass) over median wall
time (of the time pass), both on logarithmic axes: lower left is better. The dashed cross is the
baseline. Hollow markers are reference allocators (bump, lifo) and the A/A copy."""
NEEDS = ("wall_s", "footprint_peak_bytes")
PLACE = 60
EACH = "workload"


_NEAR = 0.01  # of an axis: markers closer than this cover each other


@remembered
def coverage(analysis: Analysis) -> Coverage:
    """The cells with both medians above zero, and which markers cover others."""
    counted = processes_with(analysis, "wall_s", "footprint_peak_bytes")
    shown = {
        (case, name) for case, table in _points(analysis).items() for name in table["allocator"]
    }
    cells = {cell: n for cell, n in counted.items() if cell in shown}
    why = {cell: "a value of 0 has no place on these axes" for cell in counted if cell not in shown}
    return Coverage(
        cells,
        ("time", "memory"),
        metrics=("footprint_peak_bytes",),
        why=why,
        extra=_covered(analysis),
    )


def _covered(analysis: Analysis) -> tuple[str, ...]:
    texts = []
    for case, table in _points(analysis).items():
        logs = np.log10(table[["wall", "memory"]].to_numpy(float))
        spans = np.maximum(np.ptp(logs, axis=0), np.log10(4)) if len(logs) else 1.0
        places = dict(zip(table["allocator"], map(tuple, logs / spans), strict=True))
        texts += [f"{a} and {b} ({threads_label(case[2])})" for a, b in hidden(places, _NEAR)]
    return (f"Markers that cover each other: {', '.join(texts)}.",) if texts else ()


@remembered
def _points(analysis: Analysis) -> dict[Case, pd.DataFrame]:
    """Per case: allocators down, columns wall and memory, both above zero."""
    both = {"wall": analysis.medians("wall_s"), "memory": analysis.medians("footprint_peak_bytes")}
    table = pd.DataFrame(both).dropna()
    table = table[(table > 0).all(axis=1)]
    by_case = dict(list(table.reset_index().groupby(CASE, sort=False)))
    return {case: analysis.in_order(by_case[case]) for case in analysis.cases if case in by_case}


def _baseline(analysis: Analysis, table: pd.DataFrame) -> tuple[float, float] | None:
    """Wall time and memory of the baseline."""
    row = table[table["allocator"] == analysis.baseline]
    return (float(row.wall.iloc[0]), float(row.memory.iloc[0])) if len(row) else None


@_style.with_style
def draw(analysis: Analysis) -> Figure | None:
    """A scatter per thread count."""
    points = _points(analysis)
    if not points:
        return None
    figure, axes = _style.panels(len(points), 2, 3.6, 2.9)
    for axis, (case, table) in zip(axes, points.items(), strict=True):
        if cross := _baseline(analysis, table):
            axis.axvline(cross[0], color="#9aa1ad", linewidth=0.8, linestyle="--", zorder=1)
            axis.axhline(cross[1], color="#9aa1ad", linewidth=0.8, linestyle="--", zorder=1)
        for row in each(table):
            looks = _style.looks(analysis.allocators[row.allocator]) | {
                "linestyle": "none",
                "markersize": 8,
            }
            axis.plot([row.wall], [row.memory], **looks)
        axis.set(title=threads_label(case[2]), xlabel="wall time", ylabel="peak footprint")
        _style.log_axis(axis, "x", table["wall"], "s")
        _style.log_axis(axis, "y", table["memory"], "bytes")
    names = {name for table in points.values() for name in table["allocator"]}
    _style.legend(figure, [a for a in analysis.allocators.values() if a.name in names], lines=False)
    return figure


def interactive(analysis: Analysis) -> Any:
    """The same with hover labels."""
    points = _points(analysis)
    if not points:
        return None
    titles = [threads_label(case[2]) for case in points]
    figure, places = _plotly.grid(titles, 3, 330, shared_yaxes=True)
    seen: set[str] = set()
    for place, table in zip(places, points.values(), strict=True):
        for row in each(table):
            looks = _plotly.looks(analysis.allocators[row.allocator], 12)
            wall, memory = units.quantity(row.wall, "s"), units.quantity(row.memory, "bytes")
            label = f"<b>{row.allocator}</b><br>{wall}<br>{memory}"
            figure.add_scatter(
                x=[row.wall],
                y=[row.memory],
                mode="markers",
                hovertext=label,
                hoverinfo="text",
                name=looks["name"],
                legendgroup=looks["legendgroup"],
                marker=looks["marker"],
                showlegend=row.allocator not in seen,
                **place,
            )
            seen.add(row.allocator)
        if cross := _baseline(analysis, table):
            figure.add_vline(
                cross[0], line_width=1, line_dash="dash", line_color="#8a8f98", **place
            )
            figure.add_hline(
                cross[1], line_width=1, line_dash="dash", line_color="#8a8f98", **place
            )
    every = pd.concat(points.values())
    figure.update_xaxes(_plotly.log_axis(every["wall"], "s"), title_text="wall time")
    figure.update_yaxes(_plotly.log_axis(every["memory"], "bytes"))
    return figure.update_yaxes(title_text="peak footprint", col=1)
