"""Ratios of a segment per buffer to shm_arena, with intervals."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from stats import units
from stats.estimates.analysis import Analysis
from stats.estimates.verdict import MIN_PAIRS
from stats.figures import _style
from stats.figures._shm import gains, measurements
from stats.frames import each

TITLE = "Shared memory: the arena against a segment per buffer"
CAPTION = """The cost before over the cost with shm_arena (for concurrent allocation: the rate with
it over the rate before): geometric mean over processes with its 95 % interval, paired in each
process. Right of 1 the arena is better, grey intervals include 1. Intervals are not adjusted for the
number of rows. A row of fewer than 15 processes is left out. Touching fresh pages costs the same
page faults either way."""
NEEDS = ("wall_s",)
PLACE = 59
_UNDECIDED = "#8a8f98"
_WHAT = {"ns": "", "ns_write": ", write", "ns_read": ", read", "ops_per_s": ""}


def _label(row: Any) -> str:
    """'allocation, untouched, 4 KiB', 'lookup, 100 segments', 'concurrent, 8 processes'."""
    if row.bench == "allocation":
        return f"allocation, {row.mode}, {units.quantity(row.x, 'bytes')}"
    if row.mode == "window":
        return f"concurrent, {row.x} blocks held"
    noun = {"lookup": "segments", "transfer": "buffers"}.get(row.bench, row.mode)
    return f"{row.bench}, {row.x} {noun if row.x != 1 else noun.removesuffix('s')}{_WHAT[row.what]}"


def _compared(analysis: Analysis) -> pd.DataFrame:
    table = gains(measurements(analysis))
    return table[table["processes"] >= MIN_PAIRS]


def notes(analysis: Analysis) -> list[str]:
    """The processes behind the rows."""
    table = _compared(analysis)
    return [f"Processes of a row: {units.span(table['processes'])}."] if len(table) else []


@_style.with_style
def draw(analysis: Analysis) -> Figure | None:
    """A row per case: a mark, its interval, its number."""
    table = _compared(analysis)
    if table.empty:
        return None
    table = table.sort_values(["bench", "mode", "what", "x"]).reset_index(drop=True)
    figure, (axis,) = _style.panels(1, 1, 7.2, 0.9 + 0.2 * len(table))
    for y, row in enumerate(each(table)):
        colour = _style.GOOD if row.low > 1 else _style.BAD if row.high < 1 else _UNDECIDED
        axis.plot([row.low, row.high], [y, y], color=colour, linewidth=1.6)
        axis.plot([row.gain], [y], "o", color=colour, markersize=4)
        text = f"{units.ratio(row.gain)} {units.interval(row.low, row.high)}"
        axis.annotate(text, (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=7)
    axis.set_yticks(range(len(table)), [_label(row) for row in each(table)], fontsize=7)
    axis.set_ylim(len(table) - 0.5, -0.5)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.axvline(1, color=_style.INK, linewidth=0.9)
    axis.grid(axis="y", visible=False)
    axis.set_xlabel("times better than a segment per buffer (lookup: than a scan of an array)")
    return figure
