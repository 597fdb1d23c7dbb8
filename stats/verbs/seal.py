"""stats.py seal: hashes for a run that was stored before the harness made them."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "write the SHA-256 of plan, records and series into the manifest of a run that has none"
DETAILS = """\
example:
  stats.py seal results/reference/suite
The manifest says that the hashes were made after the run: they show later changes, not earlier ones.
The harness seals each run that it makes; a run that has hashes is refused."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")


def run(arguments: argparse.Namespace) -> int:
    """Seals each run and prints how many files have hashes now; 0."""
    from records.seal import seal_by_hand
    from stats.tidy.run import read_run

    for path in arguments.runs:
        read_run(path)  # raises for what no verb could read back
        print(f"{path}: {seal_by_hand(path)} files have hashes now")
    return 0
