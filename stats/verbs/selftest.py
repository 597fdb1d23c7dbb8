"""stats.py selftest: whether a run finds what is known about it."""

from __future__ import annotations

import argparse
from pathlib import Path

from stats.verbs import add_accept_changed

HELP = "judge a run by its A/A copy, which must not differ, and its positive control, which must be found"
DETAILS = """\
example:
  stats.py selftest results/local/quick-...
The exit status is 1 when the copy differs or the control was missed. A run without copy and control says so; its status
is 0. docs/method.md explains the tests."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    add_accept_changed(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints the findings; 1 on an alarm."""
    from stats.estimates.analysis import open_analysis
    from stats.report.sentences import selftest_sentences

    alarmed = False
    for path in arguments.runs:
        analysis = open_analysis(path, accept_changed=arguments.accept_changed)
        for sentence in selftest_sentences(analysis):
            print(sentence)
        alarmed |= any(finding.is_alarm for finding in analysis.findings)
    return 1 if alarmed else 0
