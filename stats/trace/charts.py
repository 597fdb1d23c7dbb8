"""The figures of one trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stats import units
from stats.figures import _style
from stats.trace import summary
from stats.trace.heap_map import HeapMap
from stats.trace.trace_file import ACQUIRES, Trace

FEWEST_JOINED = 3  # points that a line joins
POINTS = 1500  # of a curve; each is the greatest value of its interval
THREADS_SHOWN = 40


@_style.with_style
def sizes(trace: Trace) -> Figure:
    """How often each size is asked for, and which sizes fill the heap at its peak."""
    table = summary.sizes(trace)
    labels = [_style.short(size, "bytes") if size else "0" for size in table["upto"]]
    figure, axes = _style.panels(2, 2, 4.2, 2.8)
    _bars(axes[0], labels, table["objects"], "objects", "1")
    _bars(axes[1], labels, table["live_at_peak"], "live bytes at the peak", "bytes")
    for axis in axes:
        axis.set_xlabel("size up to")
    _style.write_below(figure, _notes(trace, int(table["objects"].sum())))
    return figure


def _notes(trace: Trace, objects: int, *more: str) -> list[str]:
    """What stands behind a figure: events and objects, and what the recording lacks."""
    lacking = [f"{trace.totals[name]} {name}" for name in summary.LACKING if trace.totals[name]]
    return [
        f"{len(trace)} events, {objects} objects of one process.",
        *more,
        *([f"The recording is not whole: {', '.join(lacking)}."] if lacking else []),
    ]


@_style.with_style
def lifetimes(trace: Trace) -> Figure:
    """How long objects live, counted in bytes that the program requests meanwhile."""
    table = summary.lifetimes(trace)
    labels = [_style.short(v, "bytes") if np.isfinite(v) else "never freed" for v in table["upto"]]
    figure, axes = _style.panels(2, 2, 4.2, 2.8)
    _bars(axes[0], labels, table["objects"], "objects", "1")
    _bars(axes[1], labels, table["bytes"], "bytes", "bytes")
    for axis in axes:
        axis.set_xlabel("bytes requested during their life, up to")
    _style.write_below(figure, _notes(trace, int(table["objects"].sum())))
    return figure


def _bars(axis: Axes, labels: list[str], values: object, title: str, unit: str) -> None:
    axis.bar(range(len(labels)), values, color=_style.GOOD, width=0.8)  # type: ignore[arg-type]
    axis.set_xticks(range(len(labels)), labels, rotation=60, ha="right", fontsize=7)
    axis.set_title(title)
    axis.grid(axis="x", visible=False)
    _style.unit_axis(axis.yaxis, unit)


@_style.with_style
def live(trace: Trace) -> Figure:
    """Live bytes over the program's time."""
    figure, (axis,) = _style.panels(1, 1, 7.2, 2.8)
    curve, times = summary.live_bytes(trace), summary.seconds_of(trace)
    starts = np.unique(np.linspace(0, max(len(curve) - 1, 0), POINTS).astype(np.int64))
    if len(curve):
        line: dict[str, Any] = (
            {} if len(starts) >= FEWEST_JOINED else {"linestyle": "none", "marker": "o"}
        )
        axis.plot(times[starts], np.maximum.reduceat(curve, starts), color=_style.GOOD, **line)
    axis.set_ylim(bottom=0)
    axis.set_ylabel("live bytes")
    _style.unit_axis(axis.yaxis, "bytes")
    _time_axis(axis, trace)
    drawn = f"{len(starts)} points, each the largest value since the one before."
    _style.write_below(
        figure, _notes(trace, _made(trace), *([drawn] if len(starts) < len(curve) else []))
    )
    return figure


def _time_axis(axis: Axes, trace: Trace) -> None:
    has_time = len(trace.marks) >= 2
    axis.set_xlabel("time since the program's start" if has_time else "events")
    _style.unit_axis(axis.xaxis, "s" if has_time else "1")


@_style.with_style
def handovers(trace: Trace) -> Figure | None:
    """Which thread frees what which thread made; None for a program with one thread."""
    every = summary.handovers(trace)
    table = every[(every["maker"] < THREADS_SHOWN) & (every["freer"] < THREADS_SHOWN)]
    count = min(trace.totals["threads"], THREADS_SHOWN)
    if count < 2:
        return None
    grid = np.full((count, count), np.nan)
    grid[table["maker"], table["freer"]] = np.log10(table["objects"])
    side = 2.2 + 0.12 * count
    figure, (axis,) = _style.panels(1, 1, side + 1, side)
    image = axis.imshow(grid, cmap="viridis", origin="lower", aspect="equal")
    axis.grid(visible=False)
    axis.set_xlabel("freed by thread")
    axis.set_ylabel("made by thread")
    figure.colorbar(image, ax=axis, format=lambda v, _: units.quantity(10**v, "1"), label="objects")
    objects, left_out = int(every["objects"].sum()), len(every) - len(table)
    passed = int(every["objects"].sum() - table["objects"].sum())
    beyond = f"Threads from number {THREADS_SHOWN} on are not shown: {passed} of the freed objects."
    what = f"{objects} objects were freed; white: none."
    _style.write_below(figure, _notes(trace, _made(trace), what, *([beyond] if left_out else [])))
    return figure


def _made(trace: Trace) -> int:
    return int(np.isin(trace.op, ACQUIRES).sum())


COLOURS: Mapping[str, tuple[str, Callable[[HeapMap], np.ndarray], str]] = {
    "age": ("mean age of the bytes", lambda heap: heap.age, "s"),
    "size": ("mean size of the objects", lambda heap: heap.size, "bytes"),
}


@_style.with_style
def heap(trace: Trace, maps: Mapping[str, HeapMap], colour: str) -> Figure:
    """Address against time under one or more allocators on common scales: white is unused."""
    label, values_of, unit = COLOURS[colour]
    figure, axes = _style.panels(len(maps), 2, 5.2, 3.2)
    values = {name: values_of(heap) for name, heap in maps.items()}
    shown = np.concatenate([np.ravel(v[np.isfinite(v) & (v > 0)]) for v in values.values()])
    low, high = (np.log10(np.percentile(shown, (1, 99.5)))) if shown.size else (0, 1)
    tallest = max(heap.span for heap in maps.values())
    for axis, (name, heap) in zip(axes, maps.items(), strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            picture = np.log10(np.where(heap.bytes > 0, np.maximum(values[name], 1e-12), np.nan))
        image = axis.imshow(
            picture,
            cmap="plasma_r" if colour == "age" else "viridis_r",
            vmin=low,
            vmax=high,
            origin="lower",
            aspect="auto",
            interpolation="nearest",
            extent=(0, heap.seconds, 0, heap.span),
        )
        axis.set_ylim(0, tallest)
        axis.grid(visible=False)
        axis.set_title(name)
        _style.unit_axis(axis.yaxis, "bytes")
        _time_axis(axis, trace)
    figure.colorbar(
        image, ax=axes, format=lambda v, _: units.quantity(10**v, unit), label=label, shrink=0.8
    )
    ends = "Colours end at the 1st and the 99.5th percentile of all maps; one replay per allocator."
    _style.write_below(figure, _notes(trace, _made(trace), ends))
    return figure
