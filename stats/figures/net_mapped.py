"""Net mapped bytes over time: the MIND study's picture, and the same with brk."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stats import units
from stats.estimates.analysis import Analysis
from stats.estimates.series import case_with_most_threads, series_by_allocator, thin
from stats.figures import _plotly, _style
from stats.figures._coverage import Coverage, all_cells, remembered
from stats.figures._multiples import small_multiples
from stats.tidy.allocators import Allocator

TITLE = "Net mapped bytes over time"
CAPTION = """Bytes mapped by mmap less those unmapped by munmap since the process began (solid):
what the MIND study plotted, here on a logarithmic axis. The dashed line adds the bytes that brk moved, which
the study left out. Time is that of a process under strace. Mapped bytes need not be
in use: a reservation that is never touched counts in full. Each step is one call, none is sampled.
Bytes below 1 MiB are below the axis. On screen the A/A copy is left out until it is chosen in the legend."""
NEEDS = ("mmap_calls",)
PLACE = 80
EACH = "workload"


_FLOOR = 2**20  # where the axis begins, since a process starts from 0


@remembered
def coverage(analysis: Analysis) -> Coverage:
    """The allocators that have a series at the largest number of threads."""
    case = case_with_most_threads(analysis)
    asked = all_cells(analysis, [case])
    why = dict.fromkeys(asked, "no series that reaches the axis")
    cells = {(case, name): 1 for name in _tables(analysis)}
    return Coverage(cells, ("syscalls",), "processes", ("mmap_calls",), why, asked)


@remembered
def _tables(analysis: Analysis) -> dict[str, pd.DataFrame]:
    case = case_with_most_threads(analysis)
    series = series_by_allocator(analysis, "syscalls", case, "mmap_calls")
    known = {a: t for a, t in series.items() if "mapped_bytes" in t}
    reach = {a: t for a, t in known.items() if t["mapped_brk_bytes"].max() >= _FLOOR}
    return {a: thin(t, "mapped_brk_bytes") for a, t in reach.items()}


def _visible(tables: dict[str, pd.DataFrame]) -> pd.Series:
    """The values that the logarithmic axis covers."""
    every = pd.concat(tables.values())["mapped_brk_bytes"]
    return every[every >= _FLOOR]


def _panel(axis: Axes, allocator: Allocator, table: pd.DataFrame) -> None:
    axis.step(table["t_s"], table["mapped_bytes"], color=allocator.colour, where="post")
    axis.step(
        table["t_s"],
        table["mapped_brk_bytes"],
        color=allocator.colour,
        linestyle="--",
        linewidth=1,
        where="post",
    )


@_style.with_style
def draw(analysis: Analysis) -> Figure | None:
    """One panel per allocator."""
    tables = _tables(analysis)
    if not tables:
        return None
    handles = [
        Line2D([], [], color=_style.INK, label="mmap - munmap"),
        Line2D([], [], color=_style.INK, linestyle="--", linewidth=1, label="with brk"),
    ]

    def scale(axis: Axes) -> None:
        _style.log_axis(axis, "y", _visible(tables), "bytes")

    return small_multiples(analysis, tables, _panel, handles, scale, x_label="time under strace")


def interactive(analysis: Analysis) -> Any:
    """All allocators in one plot."""
    tables = _tables(analysis)
    if not tables:
        return None
    figure = _plotly.empty(460)
    for name, table in tables.items():
        allocator = analysis.allocators[name]
        looks = _plotly.looks(allocator)
        for column, suffix, dash in (
            ("mapped_bytes", "", "solid"),
            ("mapped_brk_bytes", " with brk", "dash"),
        ):
            texts = [
                f"<b>{name}</b>{suffix} {t:.3f} s: {units.quantity(v, 'bytes')}"
                for t, v in zip(table["t_s"], table[column], strict=True)
            ]
            figure.add_scatter(
                x=table["t_s"],
                y=table[column],
                mode="lines",
                hovertext=texts,
                hoverinfo="text",
                name=looks["name"],
                legendgroup=name,
                showlegend=not suffix,
                visible="legendonly" if allocator.is_for_selftest else True,
                line={
                    "color": allocator.colour,
                    "dash": dash,
                    "width": 1.8 if not suffix else 1,
                    "shape": "hv",
                },
            )
    figure.update_xaxes(title_text="seconds since the process began, under strace")
    return figure.update_yaxes(_plotly.log_axis(_visible(tables), "bytes"))
