"""One file per verb of stats.py; the file's name is the verb's. Here: options of several verbs."""

import argparse


def add_baseline(parser: argparse.ArgumentParser) -> None:
    """--baseline."""
    parser.add_argument(
        "--baseline", metavar="NAME", help="denominator of the ratios (default: the experiment's)"
    )


def add_delta(parser: argparse.ArgumentParser) -> None:
    """--delta."""
    parser.add_argument(
        "--delta",
        type=float,
        metavar="SHARE",
        help="smallest effect that a verdict may claim (default: the experiment's, or 0.02)",
    )


def add_accept_changed(parser: argparse.ArgumentParser) -> None:
    """The option of every verb that reads runs."""
    parser.add_argument(
        "--accept-changed-records",
        action="store_true",
        dest="accept_changed",
        help="go on with a run whose records were changed after it was made; tables say so",
    )
