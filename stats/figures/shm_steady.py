"""Memory of a pool while blocks are freed and allocated many times."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stats.estimates.analysis import Analysis
from stats.figures import _style
from stats.figures._coverage import remembered

TITLE = "Shared memory: memory during many frees and allocations"
CAPTION = """Random frees and allocations of 64 bytes to 64 KiB. Live: in blocks. Reserved: in slots
that are in use. Peak: the most ever reserved. Median over processes. A pool that leaked, or in which
free memory of one size could not serve another, would grow."""
NEEDS = ("wall_s",)
PLACE = 61
_LINES = {
    "live_bytes": ("live", "#8a8f98", "o"),
    "reserved_bytes": ("reserved", "#0072B2", "s"),
    "peak_bytes": ("peak", "#D55E00", "^"),
}


@remembered
def _pools(analysis: Analysis) -> list[list[dict[str, float]]]:
    """The rounds of the processes that kept count of memory."""
    return [
        r["rounds"]
        for r in analysis.records("time")
        if r["rounds"] and set(_LINES) <= set(r["rounds"][0])
    ]


def _rounds(analysis: Analysis) -> pd.DataFrame | None:
    """Medians over processes, one row per round."""
    frames = [pd.DataFrame(rounds) for rounds in _pools(analysis)]
    return pd.concat(frames).groupby("round").median() if frames else None


def notes(analysis: Analysis) -> list[str]:
    """The processes behind the lines."""
    counted = len(_pools(analysis))
    return [f"Processes behind a line: {counted}."] if counted else []


@_style.with_style
def draw(analysis: Analysis) -> Figure | None:
    """Three lines over the rounds."""
    table = _rounds(analysis)
    if table is None:
        return None
    figure, (axis,) = _style.panels(1, 1, 5.0, 2.6)
    for name, (label, colour, marker) in _LINES.items():
        axis.plot(table.index + 1, table[name], label=label, color=colour, marker=marker)
    axis.set_ylim(0, 1.15 * float(table["peak_bytes"].max()))
    _style.unit_axis(axis.yaxis, "bytes")
    axis.set_xlabel("rounds of 10⁶ operations")
    axis.legend(frameon=False)
    return figure
