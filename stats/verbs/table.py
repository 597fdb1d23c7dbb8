"""stats.py table: metrics of a run as tables."""

from __future__ import annotations

import argparse
import sys
from argparse import SUPPRESS
from pathlib import Path
from typing import TYPE_CHECKING

from stats.verbs import add_accept_changed, add_baseline, add_delta

if TYPE_CHECKING:
    from stats.estimates.analysis import Analysis
    from stats.tables.table import Table

HELP = "print tables of a run: ratios to the baseline with verdicts, or every estimate"
DETAILS = """\
examples:
  stats.py table results/local/quick-...                      the headline metrics
  stats.py table RUN --metric wall_s minor_faults --rows      every interval and p value
  stats.py table RUN --metric malloc_ns_p99 --format latex
  stats.py table RUN --against-best slotmalloc                its wins and losses against the best other
  stats.py table RUN --mind-study                             the MIND study's measures
CSV holds raw numbers; the other formats round. stats/metrics.toml explains every metric."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    parser.add_argument("--format", choices=("term", "md", "csv", "latex"), default="term")
    parser.add_argument(
        "--metric", nargs="+", metavar="NAME", help="metrics to show (default: the headline ones)"
    )
    parser.add_argument(
        "--rows", action="store_true", help="one row per workload and allocator, with intervals"
    )
    parser.add_argument(
        "--mind-study", action="store_true", help="the MIND study's measures instead of metrics"
    )
    parser.add_argument("--seed-study", action="store_true", dest="mind_study", help=SUPPRESS)
    parser.add_argument(
        "--against-best",
        metavar="ALLOCATOR",
        help="this allocator against the best other of each case, instead of the baseline",
    )
    add_baseline(parser)
    add_delta(parser)
    add_accept_changed(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints the tables; 0."""
    from stats.estimates.analysis import open_analysis
    from stats.tables.render import render, terminal
    from stats.tables.table import with_marks

    colour = sys.stdout.isatty()
    for path in arguments.runs:
        analysis = open_analysis(
            path, arguments.baseline, arguments.delta, arguments.accept_changed
        )
        for table in _tables(analysis, arguments):
            table = with_marks(table, analysis.run.marks)
            form = arguments.format
            print(terminal(table, colour=colour) if form == "term" else render(table, form))
    return 0


def _tables(analysis: Analysis, arguments: argparse.Namespace) -> list[Table]:
    from stats.tables import mind_study, ratios

    if arguments.mind_study:
        return [mind_study.mind_table_or_fail(analysis)]
    if arguments.against_best:
        return _against_best(analysis, arguments)
    asked = arguments.metric or [
        m.name for m in analysis.metrics.headline() if analysis.has(m.name)
    ]
    make = ratios.details if arguments.rows or arguments.format == "csv" else ratios.overall
    return [make(analysis, ratios.measured(analysis, name)) for name in asked]


def _against_best(analysis: Analysis, arguments: argparse.Namespace) -> list[Table]:
    from stats.tables import against_best, ratios

    asked = [ratios.measured(analysis, name) for name in arguments.metric or []]
    metrics = asked or against_best.compared_metrics(analysis)
    made = [against_best.summary_table(analysis, arguments.against_best, metrics)]
    if arguments.rows or arguments.format == "csv":
        made = [against_best.rows_table(analysis, arguments.against_best, metrics)]
    return made
