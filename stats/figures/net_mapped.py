"""Net mapped bytes over time: the seed study's picture, and the same with brk."""

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

TITLE = "Net mapped bytes over time"
CAPTION = """Bytes mapped by mmap less those unmapped by munmap since the process began (solid):
what the seed study plotted, here on a logarithmic axis. The dashed line adds what brk moved, which
the study left out. Time is that of a process under strace. Mapped is not used: a reservation that
is never touched counts in full."""
NEEDS = ("mmap_calls",)
PLACE = 80
EACH = "workload"


def _tables(study: Study) -> dict[str, pd.DataFrame]:
    (cell, *_) = busiest_cells(study)
    series = series_by_allocator(study, "syscalls", cell, "mmap_calls")
    return {a: thin(t, "mapped_brk_bytes") for a, t in series.items() if "mapped_bytes" in t}


def _visible(tables: dict[str, pd.DataFrame]) -> pd.Series:
    """The values that the logarithmic axis covers: a process starts from nothing, which it cannot."""
    every = pd.concat(tables.values())["mapped_brk_bytes"]
    return every[every >= 2**20]


def _panel(axis: Axes, actor: Actor, table: pd.DataFrame) -> None:
    axis.step(table["t_s"], table["mapped_bytes"], color=actor.colour, where="post")
    axis.step(
        table["t_s"],
        table["mapped_brk_bytes"],
        color=actor.colour,
        linestyle="--",
        linewidth=1,
        where="post",
    )


@_style.with_style
def draw(study: Study) -> Figure | None:
    """One panel per allocator."""
    tables = _tables(study)
    if not tables:
        return None
    handles = [
        Line2D([], [], color=_style.INK, label="mmap - munmap"),
        Line2D([], [], color=_style.INK, linestyle="--", linewidth=1, label="with brk"),
    ]

    def scale(axis: Axes) -> None:
        _style.log_axis(axis, "y", _visible(tables), "bytes")

    return small_multiples(study, tables, _panel, handles, scale)


def interactive(study: Study) -> Any:
    """All allocators in one plot."""
    tables = _tables(study)
    if not tables:
        return None
    figure = _plotly.empty(460)
    for allocator, table in tables.items():
        actor = study.cast[allocator]
        looks = _plotly.looks(actor)
        for column, name, dash in (
            ("mapped_bytes", "", "solid"),
            ("mapped_brk_bytes", " with brk", "dash"),
        ):
            texts = [
                f"<b>{allocator}</b>{name} {t:.3f} s: {units.quantity(v, 'bytes')}"
                for t, v in zip(table["t_s"], table[column], strict=True)
            ]
            figure.add_scatter(
                x=table["t_s"],
                y=table[column],
                mode="lines",
                hovertext=texts,
                hoverinfo="text",
                name=looks["name"],
                legendgroup=allocator,
                showlegend=not name,
                visible="legendonly" if actor.role == "twin" else True,
                line={
                    "color": actor.colour,
                    "dash": dash,
                    "width": 1.8 if not name else 1,
                    "shape": "hv",
                },
            )
    figure.update_xaxes(title_text="seconds since the process began, under strace")
    return figure.update_yaxes(_plotly.log_axis(_visible(tables), "bytes"))
