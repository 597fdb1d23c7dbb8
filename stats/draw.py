"""Writes figures to files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stats.figures import Plot
from stats.study import Study

DPI = 160
# No date and no random ids, so that the same records give the same bytes.
_METADATA = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


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
