"""Writes everything that `stats.py report` makes of a run: tidy table, tables, figures, page."""

from __future__ import annotations

import sys
from pathlib import Path

from stats.estimates.analysis import Analysis
from stats.figures import file_formats, plots, write_figures
from stats.report.page import write_page
from stats.tables import diagnostics, mind_study, ratios
from stats.tables.render import SUFFIX, render
from stats.tables.table import Table, with_marks
from stats.tables.workload import workload

FIGURES_UP_TO = 8  # workloads; of a run with more, figures/ holds only the figures of the whole run


def write_everything(analysis: Analysis, folder: Path, formats: str | None) -> Path:
    """Writes tidy.csv, tables/, figures/ and report.html to `folder`; returns the page's path.

    `formats` None means PNG, and of a run with many workloads only the figures of the whole run:
    the page draws the others, and matplotlib takes a third of a second for each.
    """
    chosen = file_formats(formats or "png")
    all_views = bool(formats) or len(analysis.settings) <= FIGURES_UP_TO
    show_progress("tables")
    write_tables(analysis, folder)
    for plot in plots().values():
        if all_views or not plot.per_workload:
            show_progress(f"figures/: {plot.name}")
            write_figures(analysis, plot, folder / "figures", chosen)
    write_page(analysis, folder / "report.html", show_progress)
    show_progress("")
    if not all_views:
        print(f"figures/ has no figures of single workloads: ./stats.py plot all {folder}")
    return folder / "report.html"


def write_tables(analysis: Analysis, folder: Path) -> None:
    """Writes tidy.csv, and into tables/ all estimates and every table in every format."""
    tables = folder / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    analysis.table.to_csv(folder / "tidy.csv", index=False)
    analysis.estimates.to_csv(tables / "estimates.csv", index=False)
    analysis.headlines.to_csv(tables / "headlines.csv", index=False)
    views = [analysis.only(setting) for setting in analysis.settings]
    for table in [*tables_of_run(analysis), *map(workload, views)]:
        marked = with_marks(table, analysis.run.marks)
        for form, suffix in SUFFIX.items():
            (tables / f"{table.name}{suffix}").write_text(render(marked, form), encoding="utf-8")


def tables_of_run(analysis: Analysis) -> list[Table]:
    """All tables about the whole run that have rows; the one of failures also without."""
    headline = ratios.headline_metrics(analysis)
    made = [
        make(analysis, metric) for make in (ratios.overall, ratios.details) for metric in headline
    ]
    made += [
        mind_study.mind_table(analysis),
        diagnostics.selftest(analysis),
        diagnostics.noise(analysis),
        diagnostics.passes(analysis),
    ]
    made.append(diagnostics.disturbed(analysis))
    return [table for table in made if len(table.frame)] + [diagnostics.status(analysis)]


def show_progress(text: str) -> None:
    """Shows `text` in place of the last one, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text[:100]}", end="", file=sys.stderr, flush=True)
