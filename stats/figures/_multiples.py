"""Small multiples: one panel per allocator with common axes, for curves that would overlap."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from stats.estimates.analysis import Analysis
from stats.figures import _style
from stats.tidy.allocators import Allocator

_COLUMNS = 4


def small_multiples(
    analysis: Analysis,
    tables: dict[str, pd.DataFrame],
    panel: Callable[[Axes, Allocator, pd.DataFrame], None],
    handles: list[Line2D],
    finish: Callable[[Axes], object],
    x_unit: str = "s",
    x_label: str = "",
) -> Figure:
    """A grid of panels titled with the allocators' names.

    `panel` draws one, `handles` explain the lines, `finish` sets the common scales on one panel;
    `x_label` stands below the lowest ones.
    """
    figure, axes = _style.panels(len(tables), _COLUMNS, 2.2, 1.75, sharey=True)
    for axis, (name, table) in zip(axes, tables.items(), strict=True):
        panel(axis, analysis.allocators[name], table)
        axis.set_title(analysis.allocators[name].label)
        axis.tick_params(labelsize=7)
        axis.xaxis.set_major_locator(MaxNLocator(4))
        _style.unit_axis(axis.xaxis, x_unit)  # not shared: a slow process would compress the others
    for axis in axes[(len(axes) - 1) // _COLUMNS * _COLUMNS :]:
        axis.set_xlabel(x_label, fontsize=7)
    _style.unit_axis(axes[0].yaxis, "bytes")
    finish(axes[0])
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return figure
