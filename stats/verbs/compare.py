"""stats.py compare: two runs of one experiment."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stats.verbs import add_accept_changed, add_baseline, add_delta

HELP = "compare two runs: which verdicts agree, which ratios changed"
DETAILS = """\
example:
  stats.py compare results/local/quick-A results/local/quick-B
The exit status is 1 when conclusive verdicts of the two runs contradict each other."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("run_a", type=Path, metavar="RUN_A")
    parser.add_argument("run_b", type=Path, metavar="RUN_B")
    parser.add_argument("--format", choices=("term", "md", "csv", "latex"), default="term")
    parser.add_argument("--metric", nargs="+", metavar="NAME", default=["wall_s"])
    add_baseline(parser)
    add_delta(parser)
    add_accept_changed(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints one table per metric; 1 when conclusive verdicts contradict each other."""
    from stats.errors import DataError
    from stats.estimates.analysis import open_analysis
    from stats.tables.comparison import CONFLICT, comparison_table
    from stats.tables.render import render, terminal
    from stats.tables.table import with_marks

    options = (arguments.baseline, arguments.delta, arguments.accept_changed)
    a, b = (open_analysis(path, *options) for path in (arguments.run_a, arguments.run_b))
    if a.baseline != b.baseline:
        raise DataError(
            f"the runs have different baselines ({a.baseline}, {b.baseline}); "
            "help: name one with --baseline"
        )
    conflicts = 0
    for name in arguments.metric:
        table = comparison_table(a, b, a.metrics[name].name)
        if table.raw.empty:
            raise DataError(
                f"the runs share no comparison of '{name}'; help: give two runs of one experiment"
            )
        table = with_marks(table, dict.fromkeys([*a.run.marks, *b.run.marks]))
        conflicts += int((table.raw["outcome"] == CONFLICT).sum())
        colour = sys.stdout.isatty()
        form = arguments.format
        print(terminal(table, colour=colour) if form == "term" else render(table, form))
    return 1 if conflicts else 0
