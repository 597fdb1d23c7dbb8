"""stats.py report: everything at once."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stats.study import Study

HELP = "write tidy.csv, tables/, figures/ and report.html into RUN_DIR, and print the summary"
DETAILS = """\
example:
  stats.py report results/local/quick-...
Open RUN_DIR/report.html in a browser: one file that needs no network."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write there instead of into RUN_DIR"
    )
    parser.add_argument(
        "--baseline", metavar="NAME", help="denominator of the ratios (default: the experiment's)"
    )
    parser.add_argument(
        "--delta", type=float, metavar="SHARE", help="smallest effect worth a word (default 0.02)"
    )
    parser.add_argument(
        "--figures",
        default="png",
        metavar="LIST",
        help="formats of figures/, of png,svg,pdf (default png)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Writes everything for each run directory; 0."""
    from stats.study import open_study

    for path in arguments.runs:
        study = open_study(path, arguments.baseline, arguments.delta)
        page = write_everything(study, arguments.out or path, arguments.figures)
        print_summary(study)
        print(f"\nreport: {page}")
    return 0


def write_everything(study: Study, folder: Path, kinds: str) -> Path:
    """Writes tidy.csv, tables/, figures/ and report.html to `folder`; returns the page's path."""
    from stats.draw import write_figures
    from stats.figures import plots
    from stats.render import SUFFIX, render
    from stats.report.build import write_report
    from stats.tables import all_tables
    from stats.verbs.plot import formats

    chosen = formats(kinds)
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    study.table.to_csv(folder / "tidy.csv", index=False)
    study.judged.to_csv(folder / "tables" / "estimates.csv", index=False)
    for table in all_tables(study):
        for form, suffix in SUFFIX.items():
            (folder / "tables" / f"{table.name}{suffix}").write_text(
                render(table, form), encoding="utf-8"
            )
    for plot in plots().values():
        write_figures(study, plot, folder / "figures", chosen)
    write_report(study, folder / "report.html")
    return folder / "report.html"


def print_summary(study: Study) -> None:
    """The first headline table and what a reader must know beside it."""
    from stats import sentences, tables
    from stats.render import terminal

    colour = sys.stdout.isatty()
    headline = [m for m in study.metrics.headline() if len(study.metric_table(m.name))]
    for metric in headline[:1]:
        print(terminal(tables.overall(study, metric), colour=colour))
    print(sentences.status_sentence(study))
    failures = tables.status(study)
    if len(failures.frame):
        print(terminal(failures, colour=colour))
