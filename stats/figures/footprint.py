"""Footprint over time and the live bytes of the program."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from common.readings import FEWEST, too_few
from stats import units
from stats.estimates.analysis import Analysis
from stats.estimates.series import case_with_most_threads, series_by_allocator, thin
from stats.figures import _plotly, _style
from stats.figures._coverage import Coverage, all_cells, remembered
from stats.figures._multiples import small_multiples
from stats.tidy.allocators import Allocator

TITLE = "Footprint over work"
CAPTION = """Footprint (Rss - LazyFree) over the live requested bytes at the same instant (grey). The
difference is the allocator's overhead. memtest reads both at equal counts of operations, so the same
place is the same work for every allocator; of real programs and in older runs they are samples over
time. One process per allocator, that with the median of the mean footprint, at the largest number of
threads. A process with fewer than 20 readings is not drawn. Live bytes are what the program asked for,
whether it touched them or not. The scale ends above the contestants. On screen live bytes are those
of the baseline's process, and only contestants are shown until others are chosen in the legend."""
NEEDS = ("footprint_mean_bytes",)
PLACE = 30
EACH = "workload"


@remembered
def coverage(analysis: Analysis) -> Coverage:
    """The allocators that have a curve at the largest number of threads."""
    case = case_with_most_threads(analysis)
    curves, tables = _curves(analysis), _tables(analysis)
    asked = all_cells(analysis, [case])
    why = {(case, name): too_few(len(t)) for name, t in curves.items() if name not in tables}
    cells = {(case, name): 1 for name in tables}
    readings = units.span(len(curves[name]) for name in tables)
    extra = [f"Readings of a curve: {readings}."] if tables else []
    extra += _beyond(analysis, tables) if tables else []
    return Coverage(
        cells, ("memory",), "processes", ("footprint_mean_bytes",), why, asked, tuple(extra)
    )


def _beyond(analysis: Analysis, tables: dict[str, pd.DataFrame]) -> list[str]:
    top = _top(analysis, tables)
    peaks = {name: float(table["footprint"].max()) for name, table in tables.items()}
    texts = [f"{name} to {units.quantity(p, 'bytes')}" for name, p in peaks.items() if p > top]
    return [f"Beyond the scale: {', '.join(texts)}."] if texts else []


@remembered
def _tables(analysis: Analysis) -> dict[str, pd.DataFrame]:
    curves = _curves(analysis)
    return {name: thin(c, "footprint") for name, c in curves.items() if len(c) >= FEWEST}


@remembered
def _curves(analysis: Analysis) -> dict[str, pd.DataFrame]:
    case = case_with_most_threads(analysis)
    series = series_by_allocator(analysis, "memory", case, "footprint_mean_bytes")
    curves = {name: _curve(table) for name, table in series.items()}
    return {name: c[c["footprint"].notna()] for name, c in curves.items()}


def _curve(table: pd.DataFrame) -> pd.DataFrame:
    """The readings by operations (column x in per cent); the samples by seconds where there are none."""
    reads = table["ops"].notna() if "ops" in table else pd.Series(False, table.index)
    unread = ["lazyfree_bytes", "live_bytes"]  # a reading may lack values that are slow to read
    table = table.assign(**{name: table[name].ffill().bfill() for name in unread})
    footprint = table["rss_bytes"] - table["lazyfree_bytes"].fillna(0)
    table = table.assign(footprint=footprint, x=table["t_s"])
    if not reads.any():
        return table
    table = table[reads]
    return table.assign(x=100 * table["ops"] / table["ops"].max())


def _x_unit(analysis: Analysis) -> str:
    return "ratio" if analysis.has("footprint_readings") else "s"


def _x_label(analysis: Analysis) -> str:
    over_work = analysis.has("footprint_readings")
    return "operations done, %" if over_work else "seconds"


def _top(analysis: Analysis, tables: dict[str, pd.DataFrame]) -> float:
    """The largest value of contestants; a reference allocator that returns no memory would flatten the others."""
    contestants = [t for name, t in tables.items() if not analysis.allocators[name].is_reference]
    every = pd.concat(contestants or list(tables.values()))
    return float(
        every[["footprint", "live_bytes"]].max().max()
    )  # of real programs live_bytes are unknown


def _panel(axis: Axes, allocator: Allocator, table: pd.DataFrame) -> None:
    axis.fill_between(table["x"], table["live_bytes"], color=_style.FAINT, linewidth=0)
    axis.plot(table["x"], table["footprint"], color=allocator.colour, linestyle=allocator.dash)


@_style.with_style
def draw(analysis: Analysis) -> Figure | None:
    """One panel per allocator."""
    tables = _tables(analysis)
    if not tables:
        return None
    live = Line2D([], [], color=_style.FAINT, linewidth=6, label="live bytes")
    handles = [Line2D([], [], color=_style.INK, label="footprint"), live]
    top = 1.08 * _top(analysis, tables)
    unit, label = _x_unit(analysis), _x_label(analysis)

    def scale(axis: Axes) -> None:
        axis.set_ylim(0, top)

    return small_multiples(analysis, tables, _panel, handles, scale, unit, label)


def interactive(analysis: Analysis) -> Any:
    """All allocators in one plot; live bytes are those of the baseline's process."""
    tables = _tables(analysis)
    if not tables:
        return None
    figure = _plotly.empty(460)
    lived = tables.get(analysis.baseline, next(iter(tables.values())))
    figure.add_scatter(
        x=lived["x"],
        y=lived["live_bytes"],
        name=f"live bytes ({analysis.baseline})",
        mode="lines",
        fill="tozeroy",
        line={"color": "#8a8f98", "width": 0},
        fillcolor="rgba(138,143,152,0.35)",
        hoverinfo="skip",
    )
    for name, table in tables.items():
        allocator = analysis.allocators[name]
        texts = [
            f"<b>{name}</b> {t:.2f} s<br>footprint {units.quantity(f, 'bytes')}"
            f"<br>live {units.quantity(b, 'bytes')}"
            for t, f, b in zip(table["t_s"], table["footprint"], table["live_bytes"], strict=True)
        ]
        looks = _plotly.looks(allocator)
        figure.add_scatter(
            x=table["x"],
            y=table["footprint"],
            mode="lines",
            hovertext=texts,
            hoverinfo="text",
            visible=True if allocator.is_contestant else "legendonly",
            name=looks["name"],
            line=looks["line"],
        )
    figure.update_xaxes(title_text=_x_label(analysis))
    return figure.update_yaxes(_plotly.byte_axis([_top(analysis, tables)]))
