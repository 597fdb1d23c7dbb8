"""stats.py report: tables, figures and the page of a run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stats.verbs import add_accept_changed, add_baseline, add_delta

if TYPE_CHECKING:
    from stats.estimates.analysis import Analysis

HELP = "write tidy.csv, tables/, figures/ and report.html into RUN_DIR, and print the summary"
DETAILS = """\
example:
  stats.py report results/local/quick-...
RUN_DIR/report.html is one file that needs no network. The exit status is 3 when the self-test of a run raises an
alarm (stats.py selftest), though everything is written."""
ALARM_STATUS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write there instead of into RUN_DIR"
    )
    add_baseline(parser)
    add_delta(parser)
    add_accept_changed(parser)
    parser.add_argument(
        "--figures",
        metavar="LIST",
        help="formats of figures/, of png,svg,pdf (default png, and with more than 8 workloads "
        "only the figures of the whole run)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Writes everything for each run directory; 0, or ALARM_STATUS."""
    from stats.estimates.analysis import open_analysis
    from stats.report.files import write_everything

    alarmed = False
    for path in arguments.runs:
        analysis = open_analysis(
            path, arguments.baseline, arguments.delta, arguments.accept_changed
        )
        page = write_everything(analysis, arguments.out or path, arguments.figures)
        print_summary(analysis)
        alarmed |= any(finding.is_alarm for finding in analysis.findings)
        print(f"\nreport: {page}")
    return ALARM_STATUS if alarmed else 0


def print_summary(analysis: Analysis) -> None:
    """Prints alarms, the first headline table and the failed processes."""
    from stats.report import sentences
    from stats.tables import diagnostics, ratios
    from stats.tables.render import terminal
    from stats.tables.table import with_marks

    colour = sys.stdout.isatty()
    for sentence in sentences.selftest_sentences(analysis):
        print(sentence)
    for metric in ratios.headline_metrics(analysis)[:1]:
        table = with_marks(ratios.overall(analysis, metric), analysis.run.marks)
        print(terminal(table, colour=colour))
    print(sentences.status_sentence(analysis))
    for remark in analysis.run.remarks:
        print(remark)
    failures = diagnostics.status(analysis)
    if len(failures.frame):
        print(terminal(failures, colour=colour))
