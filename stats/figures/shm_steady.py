"""Whether a pool grows while blocks are freed and allocated again."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stats.estimates.analysis import Study
from stats.figures import _style

TITLE = "Shared memory: a long time of free and reuse"
CAPTION = """Random frees and allocations of 64 bytes to 64 KiB. Live: in blocks. Reserved: in slots
that are in use. Peak: the most ever reserved. Median over processes. A pool that lost memory, or that
one size took away from another, would climb."""
NEEDS = ("wall_s",)
PLACE = 61
_LINES = {
    "live_bytes": ("live", "#8a8f98", "o"),
    "reserved_bytes": ("reserved", "#0072B2", "s"),
    "peak_bytes": ("peak", "#D55E00", "^"),
}


def _rounds(study: Study) -> pd.DataFrame | None:
    """Medians over processes, one row per round, of the cells that kept count of memory."""
    frames = [pd.DataFrame(r["rounds"]) for r in study.records("time") if r["rounds"]]
    frames = [f for f in frames if set(_LINES) <= set(f.columns)]
    return pd.concat(frames).groupby("round").median() if frames else None


@_style.with_style
def draw(study: Study) -> Figure | None:
    """Three lines over the rounds."""
    table = _rounds(study)
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
