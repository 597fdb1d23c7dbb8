"""Kernel memory calls by type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stats.estimates.analysis import Analysis
from stats.figures import _plotly, _style
from stats.figures._coverage import Coverage, processes_with, remembered
from stats.tidy.labels import Case, threads_label
from stats.tidy.run import CASE
from stats.units import quantity

TITLE = "Kernel memory calls by type"
CAPTION = """Calls of the whole process less those of an empty program under the same allocator (raw
counts where that was not measured), median over processes, 0 where the difference is below; colour shows the logarithm. On disaggregated memory mmap,
munmap and brk are messages to the switch."""
NEEDS = ("mmap_calls",)
PLACE = 70
EACH = "workload"
_CALLS = ("mmap", "munmap", "mremap", "brk", "madvise", "mprotect")
_SCALE = ["#f4f4f2", "#f0b27f", "#D55E00"]


def coverage(analysis: Analysis) -> Coverage:
    """Every cell of which calls were counted."""
    suffix = "_net" if analysis.has("mmap_calls_net") else ""
    counted = processes_with(analysis, f"mmap_calls{suffix}")
    return Coverage(counted, ("syscalls",), metrics=("mmap_calls",))


@remembered
def _counts(analysis: Analysis) -> dict[Case, pd.DataFrame]:
    """Per case the median counts: allocators down, calls across, and their sum."""
    suffix = "_net" if analysis.has("mmap_calls_net") else ""
    metrics = [f"{call}_calls{suffix}" for call in _CALLS]
    rows = analysis.work[analysis.work["metric"].isin(metrics)]
    wide = rows.pivot_table(
        index=[*CASE, "allocator"], columns="metric", values="value", aggfunc="median"
    )
    wide = wide.reindex(columns=metrics).set_axis([*_CALLS], axis="columns").clip(lower=0)
    by_case = dict(list(wide.assign(sum=wide.sum(axis=1)).reset_index().groupby(CASE, sort=False)))
    shown = {case: analysis.in_order(by_case[case]) for case in analysis.cases if case in by_case}
    return {case: t.set_index("allocator")[[*_CALLS, "sum"]] for case, t in shown.items()}


def _texts(table: pd.DataFrame) -> list[list[str]]:
    return [
        [quantity(round(v), "calls") if v == v else "–" for v in row] for row in table.to_numpy()
    ]


@_style.with_style
def draw(analysis: Analysis) -> Figure | None:
    """A heat table per thread count."""
    from matplotlib.colors import LinearSegmentedColormap

    counts = _counts(analysis)
    if not counts:
        return None
    most = max(map(len, counts.values()))
    top = max(1.0, max(np.log10(1 + t.to_numpy()).max() for t in counts.values()))
    figure, axes = _style.panels(len(counts), 2, 4.8, 0.8 + 0.25 * most)
    scale = LinearSegmentedColormap.from_list("calls", _SCALE)
    for axis, (case, table) in zip(axes, counts.items(), strict=True):
        axis.imshow(np.log10(1 + table.to_numpy()), cmap=scale, vmin=0, vmax=top, aspect="auto")
        for y, row in enumerate(_texts(table)):
            for x, text in enumerate(row):
                axis.text(x, y, text, ha="center", va="center", fontsize=7.5)
        axis.set_xticks(range(len(table.columns)), list(table.columns), fontsize=7)
        axis.set_yticks(range(len(table)), list(table.index))
        axis.set_title(threads_label(case[2]))
        axis.grid(visible=False)
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    return figure


def interactive(analysis: Analysis) -> Any:
    """The heat tables with hover labels."""
    counts = _counts(analysis)
    if not counts:
        return None
    most = max(map(len, counts.values()))
    titles = [threads_label(case[2]) for case in counts]
    figure, places = _plotly.grid(titles, 2, 90 + 24 * most, shared_yaxes=True)
    top = max(1.0, max(np.log10(1 + t.to_numpy()).max() for t in counts.values()))
    stops = [[i / (len(_SCALE) - 1), c] for i, c in enumerate(_SCALE)]
    for place, table in zip(places, counts.values(), strict=True):
        figure.add_heatmap(
            z=np.log10(1 + table.to_numpy()),
            x=list(table.columns),
            y=list(table.index),
            text=_texts(table),
            texttemplate="%{text}",
            textfont={"color": "#1f2430"},
            colorscale=stops,
            zmin=0,
            zmax=top,
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate="<b>%{y}</b> %{x}: %{text} calls<extra></extra>",
            **place,
        )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure.update_xaxes(showgrid=False)
