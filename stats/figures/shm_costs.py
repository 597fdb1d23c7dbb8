"""The cost of shared memory: a segment per buffer, shm_arena, and other allocators."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stats import units
from stats.estimates.analysis import Analysis
from stats.figures import _style
from stats.figures._shm import FEWEST_JOINED, WAYS, measurements

TITLE = "Shared memory: cost of a block, a lookup and a batch"
CAPTION = """Medians over processes of what shm-bench measured, all ways in turn in the same
process; bars from the lower to the upper quartile. Untouched blocks are only allocated, touched
ones also written to, reused ones had been written to before. One batch is 16 requests of 4 KiB."""
NEEDS = ("wall_s",)
PLACE = 60

# title, bench, mode, quantity, label of x, unit of x, unit of y
_PANELS = [
    ("allocate, untouched", "allocation", "untouched", "ns", "size of a block", "bytes", "ns"),
    ("allocate and touch", "allocation", "touched", "ns", "size of a block", "bytes", "ns"),
    ("allocate again and touch", "allocation", "reuse", "ns", "size of a block", "bytes", "ns"),
    ("address to offset", "lookup", "", "ns", "segments", "1", "ns"),
    ("allocations, threads", "concurrent", "threads", "ops_per_s", "threads", "1", "1/s"),
    ("allocations, processes", "concurrent", "processes", "ops_per_s", "processes", "1", "1/s"),
    ("processor time, threads", "concurrent", "threads", "cpu_ns", "threads", "1", "ns"),
    ("allocations, blocks held", "concurrent", "window", "ops_per_s", "blocks held", "1", "1/s"),
    ("write a batch", "transfer", "", "ns_write", "buffers", "1", "ns"),
    ("read a batch", "transfer", "", "ns_read", "buffers", "1", "ns"),
]


def _select(table: pd.DataFrame, bench: str, mode: str, what: str) -> pd.DataFrame:
    rows = table[(table["bench"] == bench) & (table["what"] == what)]
    one_thread = (rows["mode"] == "threads") & (rows["x"] == 1) & (mode == "processes")
    return rows[(rows["mode"] == mode) | one_thread]  # one thread is one process


def _line(axes: Axes, way: str, own: pd.DataFrame) -> None:
    by_x = own.groupby("x")["value"]
    middle = by_x.median()
    bars = [middle - by_x.quantile(0.25), by_x.quantile(0.75) - middle]
    _, colour, marker = WAYS[way]
    line = "-" if len(middle) >= FEWEST_JOINED else "none"
    looks: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": line, "markersize": 4}
    axes.errorbar(middle.index, middle, yerr=bars, elinewidth=0.8, **looks)


def notes(analysis: Analysis) -> list[str]:
    """The processes behind the marks."""
    table = measurements(analysis)
    sizes = table.groupby(["bench", "mode", "x", "what", "way"]).size()
    return [f"Processes behind a mark: {units.span(sizes)}."] if len(sizes) else []


@_style.with_style
def draw(analysis: Analysis) -> Figure | None:
    """A panel per kind of work, a line per way."""
    table = measurements(analysis)
    if table.empty:
        return None
    chosen = [(p, _select(table, *p[1:4])) for p in _PANELS]
    chosen = [(p, rows) for p, rows in chosen if not rows.empty]
    figure, axes = _style.panels(len(chosen), 3, 2.6, 2.1)
    for axis, (panel, rows) in zip(axes, chosen, strict=True):
        for way in [w for w in WAYS if w in set(rows["way"])]:
            _line(axis, way, rows[rows["way"] == way])
        _style.log_axis(axis, "x", rows["x"], panel[5])
        _style.log_axis(axis, "y", rows["value"], panel[6])
        axis.set_title(panel[0])
        axis.set_xlabel(panel[4])
        axis.tick_params(labelsize=7)
    ways = [w for w in WAYS if w in set(table["way"])]
    handles = [Line2D([], [], color=WAYS[w][1], marker=WAYS[w][2], label=WAYS[w][0]) for w in ways]
    figure.legend(handles=handles, frameon=False, fontsize=8, ncols=4, loc="outside lower center")
    return figure
