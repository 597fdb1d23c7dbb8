"""Throughput by number of threads."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from stats import units
from stats.estimates.analysis import Analysis
from stats.figures import _plotly, _style
from stats.figures._coverage import Coverage, processes_with, remembered

TITLE = "Throughput by threads"
CAPTION = """Operations per second: median over replicates, bars from the lower to the upper
quartile where there are at least 5 values. Two numbers of threads are no curve and stay unconnected.
The A/A copy and the positive control are left out in print, and on screen until they are chosen in
the legend. Dotted lines with open markers are reference allocators."""
NEEDS = ("ops_per_s",)
PLACE = 20
EACH = "workload"
_FEWEST_FOR_QUARTILES = 5
_FEWEST_JOINED = 3


def coverage(analysis: Analysis) -> Coverage | None:
    """Every cell with a throughput; None where only one number of threads ran."""
    if len({case[2] for case in analysis.cases}) < 2:
        return None
    return Coverage(processes_with(analysis, "ops_per_s"), ("time",), metrics=("ops_per_s",))


@remembered
def _quartiles(analysis: Analysis) -> pd.DataFrame | None:
    """Columns allocator, threads, low, mid, high; None where only one number of threads ran."""
    rows = analysis.work[analysis.work["metric"] == "ops_per_s"]
    if rows["threads"].nunique() < 2:
        return None
    grouped = rows.groupby(["allocator", "threads"])["value"]
    quartiles = {"low": 0.25, "mid": 0.5, "high": 0.75}
    table = pd.DataFrame({k: grouped.quantile(q) for k, q in quartiles.items()})
    few = grouped.size() < _FEWEST_FOR_QUARTILES
    ends = {name: table[name].where(~few, table["mid"]) for name in ("low", "high")}
    return table.assign(**ends).reset_index()


def _is_joined(own: pd.DataFrame) -> bool:
    return len(own) >= _FEWEST_JOINED


@_style.with_style
def draw(analysis: Analysis) -> Figure | None:
    """One line per allocator."""
    table = _quartiles(analysis)
    if table is None:
        return None
    figure, (axis,) = _style.panels(1, 1, 6.2, 3.6)
    allocators = [
        a
        for a in analysis.allocators.values()
        if a.name in set(table["allocator"]) and not a.is_for_selftest
    ]
    for allocator in allocators:
        own = table[table["allocator"] == allocator.name]
        spread = [own["mid"] - own["low"], own["high"] - own["mid"]]
        looks = _style.looks(allocator) | ({} if _is_joined(own) else {"linestyle": "none"})
        axis.errorbar(own["threads"], own["mid"], yerr=spread, elinewidth=0.8, **looks)
    axis.set_xscale("log", base=2)
    counts = sorted(table["threads"].unique())
    axis.set_xticks(counts, [str(c) for c in counts])
    axis.minorticks_off()
    axis.set_xlabel("threads")
    axis.set_ylabel("operations per second")
    axis.set_ylim(bottom=0)
    _style.unit_axis(axis.yaxis, "1/s")
    _style.legend(figure, allocators)
    return figure


def interactive(analysis: Analysis) -> Any:
    """The same with hover labels."""
    table = _quartiles(analysis)
    if table is None:
        return None
    figure = _plotly.empty(430)
    for allocator in analysis.allocators.values():
        own = table[table["allocator"] == allocator.name]
        texts = [
            f"<b>{allocator.name}</b> {t} threads: {units.quantity(v, '1/s')}"
            for t, v in zip(own["threads"], own["mid"], strict=True)
        ]
        bars = {
            "type": "data",
            "symmetric": False,
            "array": own["high"] - own["mid"],
            "arrayminus": own["mid"] - own["low"],
            "thickness": 1,
        }
        figure.add_scatter(
            x=own["threads"],
            y=own["mid"],
            error_y=bars,
            mode="lines+markers" if _is_joined(own) else "markers",
            hovertext=texts,
            hoverinfo="text",
            visible="legendonly" if allocator.is_for_selftest else True,
            **_plotly.looks(allocator),
        )
    counts = sorted(table["threads"].unique())
    figure.update_xaxes(
        type="log", tickvals=counts, ticktext=[str(c) for c in counts], title_text="threads"
    )
    return figure.update_yaxes(rangemode="tozero", title_text="operations per second")
