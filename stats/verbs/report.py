"""stats.py report: everything at once."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stats.study import Study

HELP = "write tidy.csv, tables/, figures/ and report.html into RUN_DIR, and print the summary"
FIGURES_UP_TO = 8  # workloads; a run with more has only the figures about all of them in figures/
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
        metavar="LIST",
        help="formats of figures/, of png,svg,pdf (default png, and with more than "
        f"{FIGURES_UP_TO} workloads only the figures about all of them)",
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


def write_everything(study: Study, folder: Path, kinds: str | None) -> Path:
    """Writes tidy.csv, tables/, figures/ and report.html to `folder`; returns the page's path.

    `kinds` None means PNG, and of a run with many workloads only the figures about all of them: the
    page draws the others, and matplotlib takes a third of a second for each.
    """
    from stats.draw import write_figures
    from stats.figures import plots
    from stats.report.build import write_report
    from stats.verbs.plot import formats

    chosen = formats(kinds or "png")
    all_views = bool(kinds) or len(study.cases) <= FIGURES_UP_TO
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    say("tables")
    study.table.to_csv(folder / "tidy.csv", index=False)
    study.judged.to_csv(folder / "tables" / "estimates.csv", index=False)
    write_tables(study, folder / "tables")
    for plot in plots().values():
        if all_views or not plot.per_workload:
            say(f"figures/: {plot.name}")
            write_figures(study, plot, folder / "figures", chosen)
    write_report(study, folder / "report.html", say)
    say("")
    if not all_views:
        print(f"figures/ has no figures of single workloads: ./stats.py plot all {folder}")
    return folder / "report.html"


def write_tables(study: Study, folder: Path) -> None:
    """Writes every table in every form to `folder`."""
    from stats.render import SUFFIX, render
    from stats.tables import all_tables
    from stats.workload_table import workload

    views = [study.only(case) for case in study.cases]
    for table in [*all_tables(study), *map(workload, views)]:
        for form, suffix in SUFFIX.items():
            (folder / f"{table.name}{suffix}").write_text(render(table, form), encoding="utf-8")


def say(text: str) -> None:
    """Shows what is being done, on one line that the next call overwrites; only to people."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text[:100]}", end="", file=sys.stderr, flush=True)


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
