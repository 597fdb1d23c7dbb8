"""The figures: each file here without a leading underscore is one (docs/add-a-figure.md).

A figure's module has
    TITLE, CAPTION       the texts above and below it; the caption says how to read it
    NEEDS                metrics without which it cannot be drawn
    draw(analysis)          a matplotlib Figure, or None when there is nothing to show
    interactive(analysis)   optional: a plotly Figure for the report, or None
    EACH                 optional: "workload" for one figure per workload (and its parameters)
    PLACE                optional: a number; the lower, the higher in the report (default 50)
"""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from stats.errors import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from stats.estimates.analysis import Analysis

DPI = 160
# No date and no random ids, so that the same records give the same bytes.
_METADATA = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


@dataclass(frozen=True)
class Plot:
    """One figure: a module of this folder."""

    name: str
    module: ModuleType

    @property
    def title(self) -> str:
        """The text above the figure."""
        return str(self.module.TITLE)

    @property
    def caption(self) -> str:
        """The text below the figure."""
        return " ".join(self.module.CAPTION.split())

    @property
    def per_workload(self) -> bool:
        """Whether it is drawn once per workload setting, not once per run."""
        return getattr(self.module, "EACH", "run") == "workload"

    @property
    def place(self) -> int:
        """Its place in a report: figures are in ascending order."""
        return int(getattr(self.module, "PLACE", 50))

    def missing(self, analysis: Analysis) -> list[str]:
        """The metrics of NEEDS that `analysis` lacks."""
        return [name for name in self.module.NEEDS if not analysis.has(name)]

    def views(self, analysis: Analysis) -> list[tuple[str, Analysis]]:
        """(file name part, analysis) for each figure it draws of this run; empty when a metric is
        missing.
        """
        from stats.tables.table import file_name

        if not self.per_workload:
            return [] if self.missing(analysis) else [(self.name, analysis)]
        named = [(label, analysis.only(setting)) for setting, label in analysis.settings.items()]
        return [(f"{self.name}-{file_name(k)}", s) for k, s in named if not self.missing(s)]

    def draw(self, analysis: Analysis) -> Figure | None:
        """The matplotlib figure, or None when there is nothing to show."""
        figure: Figure | None = self.module.draw(analysis)
        return figure

    def interactive(self, analysis: Analysis) -> Any:
        """The plotly figure, or None where this figure has none."""
        make = getattr(self.module, "interactive", None)
        return make(analysis) if make else None


def plots() -> dict[str, Plot]:
    """All figures by name."""
    names = [f.name for f in pkgutil.iter_modules(__path__) if not f.name.startswith("_")]
    found = [Plot(name, import_module(f"stats.figures.{name}")) for name in names]
    return {plot.name: plot for plot in sorted(found, key=lambda plot: (plot.place, plot.name))}


def plot(name: str) -> Plot:
    """The figure called `name`. Raises DataError naming those that exist."""
    found = plots()
    if name not in found:
        raise DataError(f"no figure is called '{name}'; help: pick one of all, {', '.join(found)}")
    return found[name]


def write_figures(
    analysis: Analysis, plot: Plot, folder: Path, formats: Sequence[str]
) -> list[Path]:
    """Draws `plot` for every view of `analysis`; returns the files written, in `folder`, one per view
    and format.
    """
    from matplotlib import rc_context

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, view in plot.views(analysis):
        figure = plot.draw(view)
        if figure is None:
            continue
        if plot.per_workload:
            figure.suptitle(
                next(iter(view.settings.values())),
                x=0.01,
                ha="left",
                fontsize=10.5,
                fontweight="bold",
            )
        for form in formats:
            path = folder / f"{name}.{form}"
            with rc_context({"svg.hashsalt": "alloclab", "svg.fonttype": "none"}):
                figure.savefig(path, dpi=DPI, metadata=_METADATA[form])
            written.append(path)
    return written


def file_formats(text: str) -> list[str]:
    """'png,svg' as a list. Raises DataError for a format that cannot be written."""
    chosen = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [part for part in chosen if part not in _METADATA]
    if unknown or not chosen:
        raise DataError(f"no format is called '{','.join(unknown)}'; help: pick of png,svg,pdf")
    return chosen
