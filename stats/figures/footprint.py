"""Footprint over time against the bytes that the program holds."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stats import units
from stats.estimates.analysis import Study
from stats.estimates.series import busiest_cells, series_by_allocator, thin
from stats.figures import _plotly, _style
from stats.figures._multiples import small_multiples
from stats.tidy.allocators import Actor

TITLE = "Footprint over time"
CAPTION = """Footprint (Rss - LazyFree) as sampled from outside, over the live requested bytes at
the same instant (grey). The gap is what the allocator costs; what stays after the grey has gone is
what it keeps. One process per allocator, the one with the median of the mean footprint, at the
largest number of threads. A limit that never gives back leaves the scale."""
NEEDS = ("footprint_mean_bytes",)
PLACE = 30
EACH = "workload"


def _tables(study: Study) -> dict[str, pd.DataFrame]:
    (cell, *_) = busiest_cells(study)
    series = series_by_allocator(study, "memory", cell, "footprint_mean_bytes")
    tables = {}
    for allocator, table in series.items():
        table = table.ffill().bfill()  # a sample may lack what takes long to read
        footprint = table["rss_bytes"] - table["lazyfree_bytes"].fillna(0)
        if footprint.notna().any():  # a process may end before its first sample
            tables[allocator] = thin(table.assign(footprint=footprint), "footprint")
    return tables


def _top(study: Study, tables: dict[str, pd.DataFrame]) -> float:
    """The largest value of contestants; a limit that never gives back would flatten all others."""
    rivals = [t for name, t in tables.items() if not study.cast[name].is_limit]
    every = pd.concat(rivals or list(tables.values()))
    return float(every[["footprint", "live_bytes"]].max().max())  # programs tell no live bytes


def _panel(axis: Axes, actor: Actor, table: pd.DataFrame) -> None:
    axis.fill_between(table["t_s"], table["live_bytes"], color=_style.FAINT, linewidth=0)
    axis.plot(table["t_s"], table["footprint"], color=actor.colour, linestyle=actor.dash)


@_style.with_style
def draw(study: Study) -> Figure | None:
    """One panel per allocator."""
    tables = _tables(study)
    if not tables:
        return None
    live = Line2D([], [], color=_style.FAINT, linewidth=6, label="live bytes")
    handles = [Line2D([], [], color=_style.INK, label="footprint"), live]
    top = 1.08 * _top(study, tables)
    return small_multiples(study, tables, _panel, handles, lambda axis: axis.set_ylim(0, top))


def interactive(study: Study) -> Any:
    """All allocators in one plot; live bytes as the baseline's process held them."""
    tables = _tables(study)
    if not tables:
        return None
    figure = _plotly.empty(460)
    lived = tables.get(study.baseline, next(iter(tables.values())))
    figure.add_scatter(
        x=lived["t_s"],
        y=lived["live_bytes"],
        name=f"live bytes ({study.baseline})",
        mode="lines",
        fill="tozeroy",
        line={"color": "#8a8f98", "width": 0},
        fillcolor="rgba(138,143,152,0.35)",
        hoverinfo="skip",
    )
    for allocator, table in tables.items():
        actor = study.cast[allocator]
        texts = [
            f"<b>{allocator}</b> {t:.2f} s<br>footprint {units.quantity(f, 'bytes')}"
            f"<br>live {units.quantity(b, 'bytes')}"
            for t, f, b in zip(table["t_s"], table["footprint"], table["live_bytes"], strict=True)
        ]
        looks = _plotly.looks(actor)
        figure.add_scatter(
            x=table["t_s"],
            y=table["footprint"],
            mode="lines",
            hovertext=texts,
            hoverinfo="text",
            visible=True if actor.is_contestant else "legendonly",
            name=looks["name"],
            line=looks["line"],
        )
    figure.update_xaxes(title_text="seconds since the measured region began")
    return figure.update_yaxes(_plotly.byte_axis([_top(study, tables)]))
