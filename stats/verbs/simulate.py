"""stats.py simulate: false claims and power of the procedure on a run's noise."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stats.verbs import add_accept_changed

HELP = "simulate the whole procedure on a run's noise: false claims, coverage, power"
DETAILS = """\
example:
  stats.py simulate results/reference/suite --runs 50
docs/method.md explains the table. 200 runs take two minutes of processor time for fifteen hundred rows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    parser.add_argument(
        "--runs", type=int, default=100, metavar="N", help="simulated runs per line (100)"
    )
    parser.add_argument("--format", choices=("term", "md", "csv", "latex"), default="term")
    add_accept_changed(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints the table; 0."""
    from stats.estimates.analysis import open_analysis
    from stats.tables.render import render, terminal
    from stats.tables.simulation import simulation_table
    from stats.tables.table import with_marks

    analysis = open_analysis(arguments.run_dir, accept_changed=arguments.accept_changed)
    table = with_marks(simulation_table(analysis, arguments.runs), analysis.run.marks)
    form = arguments.format
    print(terminal(table, colour=sys.stdout.isatty()) if form == "term" else render(table, form))
    return 0
