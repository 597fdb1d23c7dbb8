"""All wall-time ratios: cases down, allocators across."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from stats import units
from stats.estimates.analysis import Analysis
from stats.estimates.verdict import CONCLUSIVE, MIN_PAIRS
from stats.figures import _plotly, _style
from stats.figures._coverage import Coverage, of_ratios, remembered
from stats.tables.table import mark
from stats.tidy.run import CASE

TITLE = "Every wall-time ratio"
CAPTION = """Wall time over the baseline's; – where there is no ratio. Blue is less time, orange more; ratios with a
verdict (✓ ahead, ✗ behind, = equivalent) have full colour, undecided ones (?) are pale. The columns at
the right (A/A copy, reference allocators) get no verdict. Colour is the same beyond a factor of 3."""
NEEDS = ("wall_s",)
PLACE = 10
METRIC = "wall_s"
MARKS = True
_LIMIT = float(np.log(3))
_FAINT = 0.3  # how much colour a ratio without verdict gets
_SCALE = ["#0072B2", "#7fb8d8", "#f4f4f2", "#f0b27f", "#D55E00"]


@remembered
def coverage(analysis: Analysis) -> Coverage:
    """Every ratio with enough pairs."""
    return of_ratios(analysis, METRIC, log_axis=False)


@remembered
def _grids(analysis: Analysis) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """(effects, texts) with labelled cases as rows and allocators as columns."""
    rows = analysis.metric_table(METRIC)
    rows = rows[rows["n"] >= MIN_PAIRS]
    if rows.empty:
        return None
    labels = [analysis.cases[c] for c in rows[CASE].itertuples(index=False, name=None)]
    texts = [
        f"{units.ratio(r)} {mark(v)}" for r, v in zip(rows["ratio"], rows["verdict"], strict=True)
    ]
    strength = [1.0 if v in CONCLUSIVE else _FAINT for v in rows["verdict"]]
    table = rows.assign(
        label=labels, text=texts, effect=rows["effect"].clip(-_LIMIT, _LIMIT) * strength
    )
    order = [a for a in analysis.allocators if a in set(rows["allocator"])]
    down = list(dict.fromkeys(labels))
    effects = table.pivot(index="label", columns="allocator", values="effect").reindex(
        index=down, columns=order
    )
    shown = table.pivot(index="label", columns="allocator", values="text").reindex(
        index=down, columns=order
    )
    return effects, shown.fillna("–")


@_style.with_style
def draw(analysis: Analysis) -> Figure | None:
    """A heat table with the numbers in it."""
    grids = _grids(analysis)
    if grids is None:
        return None
    effects, texts = grids
    rows, columns = effects.shape
    figure, (axis,) = _style.panels(1, 1, 2.4 + 0.72 * columns, 1.1 + 0.27 * rows)
    scale = LinearSegmentedColormap.from_list("ratio", _SCALE)
    axis.imshow(effects.to_numpy(float), cmap=scale, vmin=-_LIMIT, vmax=_LIMIT, aspect="auto")
    for (y, x), effect in np.ndenumerate(effects.to_numpy(float)):
        colour = "white" if abs(effect) > 0.75 * _LIMIT else _style.INK
        axis.text(x, y, str(texts.iat[y, x]), ha="center", va="center", fontsize=7.5, color=colour)
    axis.set_xticks(range(columns), list(effects.columns), rotation=30, ha="left")
    axis.xaxis.tick_top()
    axis.set_yticks(range(rows), list(effects.index))
    axis.grid(visible=False)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return figure


def interactive(analysis: Analysis) -> Any:
    """The heat table with a hover label per case."""
    grids = _grids(analysis)
    if grids is None:
        return None
    effects, texts = grids
    figure = _plotly.empty(60 + 28 * len(effects))
    stops = [[i / (len(_SCALE) - 1), c] for i, c in enumerate(_SCALE)]
    figure.add_heatmap(
        z=effects.to_numpy(float),
        x=list(effects.columns),
        y=list(effects.index),
        zmin=-_LIMIT,
        zmax=_LIMIT,
        colorscale=stops,
        showscale=False,
        text=texts.to_numpy(),
        texttemplate="%{text}",
        xgap=2,
        ygap=2,
        hovertemplate="%{y}<br><b>%{x}</b>: %{text}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_layout(margin={"t": 40, "b": 10})
    return figure.update_xaxes(side="top", showgrid=False)
