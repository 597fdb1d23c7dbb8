"""What all printed figures share: grids of panels, allocator looks, axes in readable units."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, Locator, NullFormatter, NullLocator

from stats import units
from stats.tidy.allocators import Allocator

INK = "#1f2430"
_NOTE_POINTS = 6.5
FAINT = "#d7dbe2"
GOOD, BAD = "#0072B2", "#D55E00"
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.edgecolor": "#9aa1ad",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.4,
    "lines.markersize": 5,
}
_RATIO_TICKS = (
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.33,
    0.5,
    0.67,
    0.8,
    0.9,
    1,
    1.1,
    1.25,
    1.5,
    2,
    3,
    5,
    10,
    20,
    50,
    100,
)


def panels(
    count: int, columns: int, width: float, height: float, **shared: Any
) -> tuple[Figure, list[Axes]]:
    """A figure of `count` panels, each `width` x `height` inches, at most `columns` side by side."""
    columns = min(columns, count)
    rows = -(-count // columns)
    with rc_context(_STYLE):
        figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, **shared)
    axes = list(grid.flat)
    for spare in axes[count:]:
        spare.set_visible(False)
    return figure, axes[:count]


def write_below(figure: Figure, notes: Iterable[str]) -> None:
    """Makes `figure` higher and writes the notes below everything else."""
    width, height = figure.get_size_inches()
    characters = int(width * 72 / (0.55 * _NOTE_POINTS))
    lines = [line for note in notes for line in wrap(note, characters)]
    if not lines:
        return
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)  # once; then it is kept, above the notes
    figure.set_layout_engine("none")
    added = (1.3 * _NOTE_POINTS * len(lines) + 6) / 72
    figure.set_size_inches(width, height + added)
    share = added / (height + added)
    for axes in figure.axes:
        place = axes.get_position()
        axes.set_position(
            (place.x0, _raised(place.y0, share), place.width, place.height * (1 - share))
        )
    for text in figure.texts:
        text.set_y(_raised(text.get_position()[1], share))
    for shown in figure.legends:
        shown.set_bbox_to_anchor((0, share, 1, 1 - share), transform=figure.transFigure)
    below = 4 / 72 / (height + added)
    style: dict[str, Any] = {"va": "bottom", "color": "#4b5260", "fontsize": _NOTE_POINTS}
    figure.text(0.01, below, "\n".join(lines), **style)


def _raised(y: float, share: float) -> float:
    return share + y * (1 - share)


def looks(allocator: Allocator) -> dict[str, Any]:
    """How `allocator`'s line and marker are drawn: hollow for reference allocators and the A/A copy."""
    face = "white" if allocator.hollow else allocator.colour
    return {
        "color": allocator.colour,
        "marker": allocator.marker,
        "linestyle": allocator.dash,
        "markerfacecolor": face,
        "markeredgecolor": allocator.colour,
    }


def legend(figure: Figure, allocators: Iterable[Allocator], lines: bool = True) -> None:
    """One legend below all panels, in as many columns as the figure's width allows."""
    without = {} if lines else {"linestyle": "none"}
    handles = [
        Line2D([], [], label=allocator.label, **looks(allocator) | without)
        for allocator in allocators
    ]
    columns = min(len(handles), max(2, int(figure.get_figwidth() / 1.4)))
    figure.legend(
        handles=handles, frameon=False, fontsize=8, ncols=columns, loc="outside lower center"
    )


def byte_ticks(low: float, high: float) -> list[float]:
    """Four to eight multiples of a power of two, so that labels read 64 MiB and not 61.3 MiB."""
    step = 2.0 ** np.ceil(np.log2(max(high - low, 1) / 6))
    return list(np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step)


class _ByteTicks(Locator):
    """`byte_ticks` for a matplotlib axis."""

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Tick places between two ends."""
        return byte_ticks(vmin, vmax)

    def __call__(self) -> list[float]:
        """Tick places of the axis as it is."""
        assert self.axis is not None
        return byte_ticks(*self.axis.get_view_interval())


def unit_axis(axis: Any, unit: str) -> None:
    """Tick labels of a matplotlib axis in a fitting unit: '12 MiB', '3 ms'."""
    if unit == "bytes" and axis.get_scale() == "linear":
        axis.set_major_locator(_ByteTicks())
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value, unit)))
    axis.set_minor_formatter(NullFormatter())


def short(value: float, unit: str) -> str:
    """A tick label: units.quantity without trailing zeros."""
    number, _, rest = units.quantity(value, unit).partition(" ")
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return f"{number} {rest}".strip()


def log_span(values: Iterable[float]) -> tuple[float, float]:
    """Ends of a logarithmic axis around `values`, at least a factor of 4 apart so that ticks fall
    inside.
    """
    seen = [v for v in values if v > 0] or [1.0]
    low, high = min(seen) / 1.2, max(seen) * 1.2
    widen = max(1.0, np.sqrt(4 * low / high))
    return low / widen, high * widen


def log_ticks(low: float, high: float, unit: str, most: int = 5) -> list[float]:
    """Powers of two for bytes, else 1-2-5 steps, thinned to `most`, between two ends."""
    if unit == "bytes":
        powers = np.arange(np.ceil(np.log2(low)), np.floor(np.log2(high)) + 1)
        ticks = [2.0 ** float(p) for p in powers]
    else:
        decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        ticks = [m * 10.0**d for d in decades for m in (1, 2, 5) if low <= m * 10.0**d <= high]
    return ticks[:: -(-len(ticks) // most)]


def log_axis(axes: Axes, which: str, values: Iterable[float], unit: str) -> None:
    """Makes the x or y axis of `axes` logarithmic over `values`."""
    low, high = log_span(values)
    axes.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_minor_locator(NullLocator())
    axis.set_major_locator(FixedLocator(log_ticks(low, high, unit)))
    unit_axis(axis, unit)


def ratio_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """At most `most` round ratios between `low` and `high`, among them 1, none so close to another
    that their labels touch.
    """
    gap = np.log(high / low) / (most + 1)
    kept: list[float] = []
    for tick in sorted(_RATIO_TICKS, key=lambda t: abs(np.log(t))):  # 1 first
        if low <= tick <= high and all(abs(np.log(tick / t)) >= gap for t in kept):
            kept.append(tick)
    return sorted(kept)


def ratio_axis(axes: Axes, values: Iterable[float], label: str) -> None:
    """A logarithmic x axis for ratios that covers `values` and 1, with a line at 1."""
    seen = [v for v in values if v == v and 0 < v < float("inf")] + [0.95, 1.05]
    low, high = min(seen) / 1.06, max(seen) * 1.06
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(ratio_ticks(low, high))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axes.axvline(1, color=INK, linewidth=0.9, zorder=1)
    axes.set_xlabel(label)


def with_style(draw: Callable[..., Figure | None]) -> Callable[..., Figure | None]:
    """Decorates a draw function so that its text and lines have the common style."""

    def styled(*arguments: Any) -> Figure | None:
        with rc_context(_STYLE):
            return draw(*arguments)

    return styled
