"""One figure per file, found by looking here; a leading underscore marks a helper.
docs/add-a-figure.md shows how.

A figure's module has
    TITLE, CAPTION       what the reader sees above and below it; the caption says how to read it
    NEEDS                metrics without which it cannot be drawn
    draw(study)          a matplotlib Figure, or None when there is nothing to show
    interactive(study)   optional: a plotly Figure for the report, or None
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

    from stats.estimates.analysis import Study

DPI = 160
# No date and no random ids, so that the same records give the same bytes.
_METADATA = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


@dataclass(frozen=True)
class Plot:
    """One figure module, ready to be asked."""

    name: str
    module: ModuleType

    @property
    def title(self) -> str:
        """What stands above it."""
        return str(self.module.TITLE)

    @property
    def caption(self) -> str:
        """What stands below it."""
        return " ".join(self.module.CAPTION.split())

    @property
    def per_workload(self) -> bool:
        """Whether there is one figure per workload."""
        return getattr(self.module, "EACH", "run") == "workload"

    @property
    def place(self) -> int:
        """Where it stands in a report."""
        return int(getattr(self.module, "PLACE", 50))

    def missing(self, study: Study) -> list[str]:
        """The metrics that it needs and `study` lacks."""
        return [name for name in self.module.NEEDS if not study.has(name)]

    def views(self, study: Study) -> list[tuple[str, Study]]:
        """(file name part, study) for each figure it draws of this run; empty when a metric is
        missing.
        """
        from stats.tables.table import file_name

        if not self.per_workload:
            return [] if self.missing(study) else [(self.name, study)]
        named = [(label, study.only(case)) for case, label in study.cases.items()]
        return [(f"{self.name}-{file_name(k)}", s) for k, s in named if not self.missing(s)]

    def draw(self, study: Study) -> Figure | None:
        """The matplotlib figure, or None when there is nothing to show."""
        figure: Figure | None = self.module.draw(study)
        return figure

    def interactive(self, study: Study) -> Any:
        """The plotly figure, or None where this figure has none."""
        make = getattr(self.module, "interactive", None)
        return make(study) if make else None


def plots() -> dict[str, Plot]:
    """All figures by name."""
    names = [f.name for f in pkgutil.iter_modules(__path__) if not f.name.startswith("_")]
    found = [Plot(name, import_module(f"stats.figures.{name}")) for name in names]
    return {plot.name: plot for plot in sorted(found, key=lambda plot: (plot.place, plot.name))}


def plot(name: str) -> Plot:
    """The figure called `name`. Raises DataError naming those that exist."""
    found = plots()
    if name not in found:
        raise DataError(f"no figure is called '{name}'. Cure: pick one of all, {', '.join(found)}")
    return found[name]


def write_figures(study: Study, plot: Plot, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Draws `plot` for every view of `study`; returns the files written, in `folder`, one per view
    and format.
    """
    from matplotlib import rc_context

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, view in plot.views(study):
        figure = plot.draw(view)
        if figure is None:
            continue
        if plot.per_workload:
            figure.suptitle(
                next(iter(view.cases.values())), x=0.01, ha="left", fontsize=10.5, fontweight="bold"
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
        raise DataError(f"no format is called '{','.join(unknown)}'. help: pick of png,svg,pdf")
    return chosen
