"""stats.py power: what a run like this one would find with other numbers of replicates."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stats.verbs import add_accept_changed, add_baseline

HELP = "print the smallest difference that a run's noise lets through, by number of replicates"
DETAILS = """\
example:
  stats.py power results/reference/suite --size 0.05
Replicates beyond those of the run are reckoned from its noise; docs/method.md has the formula."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    parser.add_argument("--format", choices=("term", "md", "csv", "latex"), default="term")
    parser.add_argument(
        "--metric", nargs="+", metavar="NAME", help="metrics to show (default: the primary ones)"
    )
    parser.add_argument(
        "--size",
        type=float,
        default=0.05,
        metavar="SHARE",
        help="the difference to be found (0.05)",
    )
    add_baseline(parser)
    add_accept_changed(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints a table per metric; 0."""
    from stats.estimates.analysis import open_analysis
    from stats.tables.power import power_table
    from stats.tables.ratios import measured
    from stats.tables.render import render, terminal
    from stats.tables.table import with_marks

    analysis = open_analysis(
        arguments.run_dir, arguments.baseline, accept_changed=arguments.accept_changed
    )
    for name in arguments.metric or [m.name for m in analysis.metrics if m.primary]:
        table = power_table(analysis, measured(analysis, name).name, arguments.size)
        table = with_marks(table, analysis.run.marks)
        form = arguments.format
        colour = sys.stdout.isatty()
        print(terminal(table, colour=colour) if form == "term" else render(table, form))
    return 0
