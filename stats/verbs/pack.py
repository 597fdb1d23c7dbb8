"""stats.py pack: a run as the few files that reference results are kept in."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "keep a run as a few small files, which every verb reads as it reads the run"
DETAILS = """\
example:
  stats.py pack results/local/suite-... results/reference/suite
What is derived (tidy table, tables, figures, report) is not packed: stats.py makes it again."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    parser.add_argument("into", type=Path, metavar="NEW_DIR", help="must not exist")


def run(arguments: argparse.Namespace) -> int:
    """Packs, and says how much it wrote."""
    from stats.load import read_run
    from stats.packing import pack

    records = len(read_run(arguments.run_dir).records)  # refuses what no verb could read back
    size = pack(arguments.run_dir, arguments.into)
    print(f"{arguments.into}: {records} records in {size / 1e6:.1f} MB")
    return 0
