"""Geometric means beside the ratios of all cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stats import units
from stats.estimates.analysis import Analysis
from stats.estimates.verdict import MIN_PAIRS
from stats.figures import _plotly, _style
from stats.figures._coverage import Coverage, of_ratios, remembered
from stats.frames import each
from stats.tables.table import mark
from stats.tidy.run import CASE

TITLE = "Geometric mean and the ratio of every case"
CAPTION = """Each small mark is one case: its wall time over the baseline's. The large mark is the
geometric mean of the row, the bar its 95 % interval over workloads; at the right stand its value,
the number of cases in it and how many of them are ahead and behind. A mean close to 1 can hide a case far to the right."""
NEEDS = ("wall_s",)
PLACE = 20
METRIC = "wall_s"
MARKS = True


@remembered
def coverage(analysis: Analysis) -> Coverage:
    """Every ratio with enough pairs."""
    return of_ratios(analysis, METRIC)


@remembered
def _tables(analysis: Analysis) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    rows = analysis.metric_table(METRIC)
    rows = rows[(rows["n"] >= MIN_PAIRS) & rows["ratio"].between(0, np.inf, inclusive="neither")]
    heads = analysis.headline_table(METRIC)
    heads = heads[heads["allocator"].isin(set(rows["allocator"]))]
    return None if rows.empty else (rows, heads)


def _counts(analysis: Analysis, row: Any) -> str:
    mean = f"{units.ratio(row.ratio)} {mark(row.verdict)}".strip()
    used, every = row.cases - row.left_out, row.cases + row.missing
    mean += f" over {used}" + (f" of {every}" if used < every else "")
    contestant = analysis.allocators[row.allocator].is_contestant
    return f"{mean} ({row.ahead:.0f} ahead, {row.behind:.0f} behind)" if contestant else mean


def _bar(row: Any, colour: str) -> dict[str, Any]:
    ends = {"array": [row.workload_high - row.ratio], "arrayminus": [row.ratio - row.workload_low]}
    return {"type": "data", "symmetric": False, "color": colour} | ends


@_style.with_style
def draw(analysis: Analysis) -> Figure | None:
    """A strip of marks per allocator."""
    tables = _tables(analysis)
    if tables is None:
        return None
    rows, summary = tables
    figure, (axis,) = _style.panels(1, 1, 7.2, 0.8 + 0.3 * len(summary))
    for y, row in enumerate(each(summary)):
        allocator = analysis.allocators[row.allocator]
        ratios = rows[rows["allocator"] == row.allocator]["ratio"]
        axis.plot(ratios, [y] * len(ratios), "|", color=allocator.colour, markersize=9, alpha=0.75)
        axis.plot(
            [row.workload_low, row.workload_high], [y, y], color=allocator.colour, linewidth=1.6
        )
        axis.plot(
            [row.ratio], [y], **_style.looks(allocator) | {"markersize": 8, "linestyle": "none"}
        )
        text = _counts(analysis, row)
        axis.annotate(text, (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    axis.set_yticks(range(len(summary)), list(summary["allocator"]))
    axis.set_ylim(len(summary) - 0.5, -0.5)
    axis.grid(axis="y", visible=False)
    _style.ratio_axis(axis, rows["ratio"], f"wall time / {analysis.baseline}")
    return figure


def interactive(analysis: Analysis) -> Any:
    """The same; hovering a mark names its workload."""
    tables = _tables(analysis)
    if tables is None:
        return None
    rows, summary = tables
    figure = _plotly.empty(120 + 30 * len(summary), showlegend=False)
    for row in each(summary):
        allocator = analysis.allocators[row.allocator]
        own = rows[rows["allocator"] == row.allocator]
        labels = [analysis.cases[c] for c in own[CASE].itertuples(index=False, name=None)]
        texts = [
            f"{label}<br><b>{row.allocator}</b> {units.ratio(r)}"
            for label, r in zip(labels, own["ratio"], strict=True)
        ]
        looks = _plotly.looks(allocator, 13)
        figure.add_scatter(
            x=own["ratio"],
            y=[row.allocator] * len(own),
            mode="markers",
            hovertext=texts,
            hoverinfo="text",
            marker={
                "symbol": "line-ns-open",
                "size": 11,
                "color": allocator.colour,
                "line": {"width": 2},
            },
        )
        mean = f"<b>{row.allocator}</b> geometric mean {units.ratio(row.ratio)}"
        mean += f" {units.interval(row.workload_low, row.workload_high)} over workloads"
        mean += f", worst {units.ratio(row.worst)}"
        figure.add_scatter(
            x=[row.ratio],
            y=[row.allocator],
            error_x=_bar(row, allocator.colour),
            mode="markers",
            marker=looks["marker"],
            hovertext=mean,
            hoverinfo="text",
        )
        figure.add_annotation(
            x=1.005,
            xref="paper",
            xanchor="left",
            y=row.allocator,
            text=_counts(analysis, row),
            showarrow=False,
        )
    figure.update_layout(margin_r=190)
    figure.add_vline(1, line_width=1, line_color="#8a8f98")
    figure.update_yaxes(autorange="reversed")
    ends = np.append(rows["ratio"], [0.95, 1.05])
    return figure.update_xaxes(
        _plotly.ratio_axis(ends.min() / 1.06, ends.max() * 1.06),
        title_text=f"wall time / {analysis.baseline}",
    )
