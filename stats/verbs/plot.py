"""stats.py plot: figures of a run as files."""

from __future__ import annotations

import argparse
from pathlib import Path

from stats.verbs import add_accept_changed, add_baseline

HELP = "draw figures into RUN_DIR/figures"
DETAILS = """\
examples:
  stats.py plot all results/local/quick-...
  stats.py plot forest RUN --format pdf,svg --out paper/figures
A figure is one file in stats/figures/; docs/add-a-figure.md shows how to add one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("name", metavar="NAME|all", help="a figure's name, or all")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    parser.add_argument(
        "--format", default="png", metavar="LIST", help="of png,svg,pdf (default png)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="instead of RUN_DIR/figures")
    add_baseline(parser)
    add_accept_changed(parser)


def run(arguments: argparse.Namespace) -> int:
    """Writes the files and prints their paths; 0, or 1 when the run has nothing for the figure
    asked for.
    """
    from stats.estimates.analysis import open_analysis
    from stats.figures import file_formats, plot, plots, write_figures
    from stats.tidy.reasons import merged

    chosen = list(plots().values()) if arguments.name == "all" else [plot(arguments.name)]
    kinds = file_formats(arguments.format)
    written = 0
    for path in arguments.runs:
        analysis = open_analysis(path, arguments.baseline, accept_changed=arguments.accept_changed)
        for mark in analysis.run.marks:
            print(mark)
        for figure in chosen:
            files = write_figures(analysis, figure, arguments.out or path / "figures", kinds)
            written += len(files)
            missing = figure.missing(analysis)
            if not files:
                reasons = {figure.why_not(view) for _, view in figure.all_views(analysis)} - {""}
                reason = f"the run has no {', '.join(missing)}" if missing else "nothing to show"
                reason = "; ".join(merged(sorted(reasons))) or reason
                print(f"{figure.name}: not drawn, {reason}")
            for file in files:
                print(file)
    return 0 if written else 1
