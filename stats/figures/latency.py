"""Latency percentile curves of single mallocs and frees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from records.record import Record
from stats import units
from stats.estimates.analysis import Analysis
from stats.estimates.histogram import merge
from stats.figures import _plotly, _style
from stats.figures._coverage import Cell, Coverage, all_cells, remembered
from stats.tidy.labels import Case, threads_label

TITLE = "Latency by percentile"
CAPTION = """Time of single operations, sampled at random gaps, over all processes of a cell. The
horizontal axis is logarithmic in the share of slower operations: 90 %, 99 %, 99.9 %. Curves end
where fewer than ten samples are slower; with fewer than 100 samples there is none. In the grey band the
clock cannot tell times from zero; what it shows as 0 is drawn at 1 ns. The A/A copy is left out in print, and on screen until it is chosen
in the legend. Single processes differ far out: the tables have the intervals."""
NEEDS = ("malloc_ns_p50",)
PLACE = 50
EACH = "workload"
_OPERATIONS = {"malloc_ns": "malloc", "free_ns": "free"}
_TICKS = {0.5: "50", 0.9: "90", 0.99: "99", 0.999: "99.9", 0.9999: "99.99", 0.99999: "99.999"}
_FEWEST = 10
_FEWEST_SAMPLES = 100
_LOWEST_NS = 1.0  # a time of less, zero among them, is drawn here
_FROM = 0.25
_STEP = 0.02  # nines between two points of an interactive curve: less than a pixel


def _curve(histograms: list[dict[str, Any]]) -> pd.DataFrame:
    """Columns nines (-log10 of the share above) and ns, to be drawn as steps that lead up to each
    point.
    """
    merged = merge(histograms)
    beyond = merged["count"].sum() - merged["count"].cumsum()
    merged = merged[(merged["share"] >= _FROM) & (beyond >= _FEWEST)]
    shown = merged["upper_ns"].clip(lower=_LOWEST_NS)  # the axis is logarithmic
    curve = pd.DataFrame({"nines": -np.log10(1 - merged["share"]), "ns": shown})
    start = curve.head(1).assign(
        nines=-np.log10(1 - _FROM)
    )  # the first bucket may hold most samples
    return pd.concat([start, curve], ignore_index=True)


@remembered
def _panels(analysis: Analysis) -> dict[tuple[Case, str], dict[str, pd.DataFrame]]:
    """(case, operation) -> allocator -> curve."""
    found: dict[tuple[Case, str], dict[str, pd.DataFrame]] = {}
    for case in analysis.cases:
        records = [r for r in analysis.records("latency", case) if r.get("latency")]
        for kind, operation in _OPERATIONS.items():
            for name in analysis.allocators:
                own = _histograms(records, name, kind)
                if _samples(own) < _FEWEST_SAMPLES:
                    continue
                curve = _curve(own)
                if len(curve) > 1:
                    found.setdefault((case, operation), {})[name] = curve
    return found


def _histograms(records: list[Record], allocator: str, kind: str) -> list[dict[str, Any]]:
    return [
        latency[kind]
        for r in records
        if r["allocator"] == allocator and (latency := r["latency"]) and latency.get(kind)
    ]


def _samples(histograms: list[dict[str, Any]]) -> int:
    return sum(int(h["count"]) for h in histograms)


@remembered
def coverage(analysis: Analysis) -> Coverage:
    """The cells that have a curve of each operation, with their processes; a note on the samples."""
    kinds = {operation: kind for kind, operation in _OPERATIONS.items()}
    panels = _panels(analysis)
    cells: dict[Cell, int] = {}
    why: dict[Cell, str] = {}
    samples: list[int] = []
    for case, name in all_cells(analysis):
        records = [r for r in analysis.records("latency", case) if r.get("latency")]
        for operation, kind in kinds.items():
            own = _histograms(records, name, kind)
            if name in panels.get((case, operation), {}):
                cells[case, name] = len(own)
                samples.append(_samples(own))
            else:
                why[case, name] = f"{operation}: {_samples(own)} samples"
    extra = (f"Samples of a curve: {units.span(samples)}.",) if samples else ()
    drawn = {cell: n for cell, n in cells.items() if cell not in why}
    return Coverage(drawn, ("latency",), metrics=("malloc_ns_p50",), why=why, extra=extra)


def _thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """The first point and the last one of each _STEP, so that no percentile is drawn too low."""
    steps = np.floor(curve["nines"] / _STEP)
    kept = steps != steps.shift(-1)
    kept.iloc[0] = True
    return curve[kept].round({"nines": 4, "ns": 2})


def _title(case: Case, operation: str) -> str:
    return f"{operation}, {threads_label(case[2])}"


def _ticks(
    panels: dict[tuple[Case, str], dict[str, pd.DataFrame]],
) -> tuple[list[float], list[str]]:
    reach = max(curve["nines"].max() for curves in panels.values() for curve in curves.values())
    kept = {q: text for q, text in _TICKS.items() if -np.log10(1 - q) <= reach + 0.01}
    return [float(-np.log10(1 - q)) for q in kept], [f"{text} %" for text in kept.values()]


@_style.with_style
def draw(analysis: Analysis) -> Figure | None:
    """A panel per operation and thread count."""
    panels = _panels(analysis)
    if not panels:
        return None
    figure, axes = _style.panels(len(panels), 2, 3.7, 2.5, sharex=True, sharey=True)
    for axis, ((case, operation), curves) in zip(axes, panels.items(), strict=True):
        for name, curve in curves.items():
            allocator = analysis.allocators[name]
            if not allocator.is_for_selftest:
                every = max(1, len(curve) // 6)
                axis.step(
                    curve["nines"],
                    curve["ns"],
                    where="pre",
                    markevery=every,
                    **_style.looks(allocator) | {"markersize": 4},
                )
        axis.set_title(_title(case, operation))
        axis.set_yscale("log")
        _style.unit_axis(axis.yaxis, "ns")
        axis.set_xticks(*_ticks(panels))
    if step := analysis.clock_step_ns:
        low, high = axes[0].get_ylim()
        for axis in axes:
            axis.axhspan(low, step, color=_style.FAINT, zorder=0)
        axes[0].set_ylim(low, high)
    names = {name for curves in panels.values() for name in curves}
    _style.legend(
        figure,
        [a for a in analysis.allocators.values() if a.name in names and not a.is_for_selftest],
    )
    return figure


def interactive(analysis: Analysis) -> Any:
    """The same; a hover label gives percentile and time."""
    panels = _panels(analysis)
    if not panels:
        return None
    figure, places = _plotly.grid([_title(*key) for key in panels], 2, 300, shared_yaxes=True)
    values, texts = _ticks(panels)
    seen: set[str] = set()
    for place, curves in zip(places, panels.values(), strict=True):
        for name, curve in curves.items():
            allocator = analysis.allocators[name]
            looks = _plotly.looks(allocator)
            shown = _thinned(curve)
            labels = [
                f"{100 * (1 - 10**-n):.4g} %: {units.quantity(v, 'ns')}"
                for n, v in zip(shown["nines"], shown["ns"], strict=True)
            ]
            figure.add_scatter(
                x=list(shown["nines"]),
                y=list(shown["ns"]),
                mode="lines",
                text=labels,
                hovertemplate=f"<b>{name}</b> %{{text}}<extra></extra>",
                name=looks["name"],
                legendgroup=name,
                line=looks["line"] | {"shape": "vh"},
                showlegend=name not in seen,
                visible="legendonly" if allocator.is_for_selftest else True,
                **place,
            )
            seen.add(name)
        if step := analysis.clock_step_ns:
            figure.add_hrect(
                _LOWEST_NS, step, fillcolor="#8a8f98", opacity=0.2, line_width=0, **place
            )
    figure.update_xaxes(tickvals=values, ticktext=texts)
    return figure.update_yaxes(type="log", ticksuffix=" ns", dtick=1, exponentformat="none")
