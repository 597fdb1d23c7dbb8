"""What all interactive figures share. Colours of paper, text and grid are set by the page, which
knows light and dark.
"""

from __future__ import annotations

import math
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from stats.cast import Actor
from stats.figures._style import ratio_ticks

_DASHES = {"-": "solid", "--": "dash", ":": "dot"}


def empty(height: int, **layout: Any) -> go.Figure:
    """A bare figure in the house style, `height` pixels high."""
    return styled(go.Figure(), height, **layout)


def grid(
    titles: list[str], columns: int, row_height: int, **options: Any
) -> tuple[go.Figure, list[dict[str, int]]]:
    """A figure of panels and the row/col arguments of each."""
    columns = min(columns, len(titles))
    rows = -(-len(titles) // columns)
    gap = min(0.3, 70 / (rows * row_height))
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=titles,
        vertical_spacing=gap,
        horizontal_spacing=0.09,
        **options,
    )
    places = [{"row": i // columns + 1, "col": i % columns + 1} for i in range(len(titles))]
    figure.update_annotations(font_size=13)
    return styled(figure, rows * row_height + 110), places


def styled(figure: go.Figure, height: int, **layout: Any) -> go.Figure:
    """`figure` with the house's margins, legend below and transparent ground."""
    figure.update_layout(
        height=height,
        margin={"l": 70, "r": 20, "t": 34, "b": 50},
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="closest",
        font={"size": 12},
        legend={"orientation": "h", "y": -60 / height, "yanchor": "top"},
        **layout,
    )
    figure.update_xaxes(zeroline=False, automargin=True)
    figure.update_yaxes(zeroline=False, automargin=True)
    return figure


def looks(actor: Actor, size: int = 9) -> dict[str, Any]:
    """Name, marker and line of an allocator's trace; its traces share one entry of the legend."""
    open_mark = "" if actor.is_contestant or actor.plotly_marker.endswith("-open") else "-open"
    return {
        "name": actor.name + (" (limit)" if actor.is_limit else ""),
        "legendgroup": actor.name,
        "marker": {
            "color": actor.colour,
            "symbol": actor.plotly_marker + open_mark,
            "size": size,
            "line": {"width": 1.5, "color": actor.colour},
        },
        "line": {"color": actor.colour, "dash": _DASHES[actor.dash], "width": 1.8},
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
