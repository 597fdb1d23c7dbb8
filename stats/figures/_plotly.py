"""What all interactive figures share. The page sets the colours of background, text and grid, in a
light and a dark theme.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from stats.figures._style import byte_ticks, log_span, log_ticks, ratio_ticks, short
from stats.tidy.allocators import Allocator

_MARGIN = {"l": 70, "r": 20, "t": 30, "b": 50}
_GAP = 90  # pixels between two rows of panels: ticks, axis title, the title below
_DASHES = {"-": "solid", "--": "dash", ":": "dot"}


def empty(height: int, **layout: Any) -> go.Figure:
    """An empty figure in the common style, `height` pixels high."""
    return styled(go.Figure(), height, **layout)


def grid(
    titles: list[str], columns: int, row_height: int, **options: Any
) -> tuple[go.Figure, list[dict[str, int]]]:
    """A figure of panels, `row_height` pixels each with its axis, and the row/col arguments of each
    panel.
    """
    columns = min(columns, len(titles))
    rows = -(-len(titles) // columns)
    height = rows * row_height + _MARGIN["t"] + _MARGIN["b"]
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=titles,
        vertical_spacing=min(0.9 / max(1, rows - 1), _GAP / (rows * row_height)),
        horizontal_spacing=0.06,
        **options,
    )
    places = [{"row": i // columns + 1, "col": i % columns + 1} for i in range(len(titles))]
    figure.update_annotations(font_size=13)
    return styled(figure, height), places


def styled(figure: go.Figure, height: int, **layout: Any) -> go.Figure:
    """`figure` with the common margins, a legend at the right and a transparent background."""
    clear = "rgba(0,0,0,0)"
    figure.update_layout(
        height=height,
        margin=_MARGIN,
        template="none",
        paper_bgcolor=clear,
        plot_bgcolor=clear,
        hovermode="closest",
        font={"size": 12},
        legend={
            "x": 1.01,
            "y": 1,
            "yanchor": "top",
            "bgcolor": clear,
            "font": {"size": 11},
            "tracegroupgap": 0,
        },
        **layout,
    )
    figure.update_xaxes(zeroline=False, automargin=True, title_standoff=8)
    figure.update_yaxes(zeroline=False, automargin=True, title_standoff=10)
    return figure


def byte_axis(values: Iterable[float]) -> dict[str, Any]:
    """A linear axis from 0 over `values` bytes, with ticks at powers of two and their multiples."""
    top = 1.06 * max([1.0, *values])
    ticks = byte_ticks(0, top)
    return {"range": [0, top], "tickvals": ticks, "ticktext": [short(t, "bytes") for t in ticks]}


def log_axis(values: Iterable[float], unit: str) -> dict[str, Any]:
    """A logarithmic axis over `values` with readable ticks."""
    low, high = log_span(values)
    ticks = log_ticks(low, high, unit)
    return {
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickvals": ticks,
        "ticktext": [short(t, unit) for t in ticks],
    }


def looks(allocator: Allocator, size: int = 9) -> dict[str, Any]:
    """Name, marker and line of an allocator's trace; its traces share one entry of the legend."""
    open_mark = (
        "" if allocator.is_contestant or allocator.plotly_marker.endswith("-open") else "-open"
    )
    return {
        "name": allocator.label,
        "legendgroup": allocator.name,
        "marker": {
            "color": allocator.colour,
            "symbol": allocator.plotly_marker + open_mark,
            "size": size,
            "line": {"width": 1.5, "color": allocator.colour},
        },
        "line": {"color": allocator.colour, "dash": _DASHES[allocator.dash], "width": 1.8},
    }


def ratio_axis(low: float, high: float) -> dict[str, Any]:
    """A logarithmic axis for ratios, from `low` to `high`."""
    ticks = ratio_ticks(low, high)
    return {
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickvals": ticks,
        "ticktext": [f"{t:g}" for t in ticks],
        "zeroline": False,
    }
