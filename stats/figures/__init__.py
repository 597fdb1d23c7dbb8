"""The figures: each file here without a leading underscore is one (docs/add-a-figure.md).

A figure's module has
    TITLE, CAPTION       the texts above and below it; the caption says how to read it
    NEEDS                metrics without which it cannot be drawn
    draw(analysis)          a matplotlib Figure, or None when there is nothing to show
    interactive(analysis)   optional: a plotly Figure for the report, or None
    EACH                 optional: "workload" for one figure per workload (and its parameters)
    PLACE                optional: a number; the lower, the higher in the report (default 50)
    MARKS                optional: True where the marks of verdicts (✓ = ✗) are printed
    notes(analysis)      optional: sentences for the notes below it
    coverage(analysis)   optional: what it shows (_coverage.py), of which the notes below it are made
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
    from stats.figures._coverage import Coverage

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

    def all_views(self, analysis: Analysis) -> list[tuple[str, Analysis]]:
        """(file name part, analysis) for each figure that it draws of a run with all its metrics."""
        from stats.tables.table import file_name

        if not self.per_workload:
            return [(self.name, analysis)]
        return [
            (f"{self.name}-{file_name(label)}", analysis.only(setting))
            for setting, label in analysis.settings.items()
        ]

    def views(self, analysis: Analysis) -> list[tuple[str, Analysis]]:
        """Those of `all_views` that lack no metric."""
        return [(name, view) for name, view in self.all_views(analysis) if not self.missing(view)]

    def notes(self, analysis: Analysis) -> list[str]:
        """What stands behind the marks, which allocators are missing and why, and the legend of
        verdicts.
        """
        from stats.figures._coverage import sentences
        from stats.tables.table import legend

        covered = self._coverage(analysis)
        told = sentences(analysis, covered) if covered else []
        more = getattr(self.module, "notes", None)
        told += more(analysis) if more else []
        return told + ([legend(analysis.limits)] if getattr(self.module, "MARKS", False) else [])

    def why_not(self, analysis: Analysis) -> str:
        """Why it is not drawn of this view, where its processes were to be measured; else ""."""
        from stats.figures._coverage import sentences
        from stats.tidy.reasons import merged

        if missing := self.missing(analysis):
            told = [
                f"{name}: {reasons[name]}"
                for record in analysis.run.records
                for name in missing
                if name in (reasons := record.get("unavailable") or {})
            ]
            return "; ".join(merged(told))
        covered = self._coverage(analysis)
        if covered is None or covered.cells:
            return ""
        told = sentences(analysis, covered)
        return told[0].removeprefix("Not drawn: ") if told else ""

    def _coverage(self, analysis: Analysis) -> Coverage | None:
        make = getattr(self.module, "coverage", None)
        covered: Coverage | None = make(analysis) if make else None
        return covered

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

    from stats.figures._style import write_below

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
        write_below(figure, plot.notes(view))
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
