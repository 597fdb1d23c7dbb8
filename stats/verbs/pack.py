"""stats.py pack: a run as a few files, as results/reference/ keeps them."""

from __future__ import annotations

import argparse
from pathlib import Path

from stats.verbs import add_accept_changed

HELP = "pack a run into a few small files, which every verb reads like the run itself"
DETAILS = """\
example:
  stats.py pack results/local/suite-... results/reference/suite
Derived files (tidy table, tables, figures, report) are left out: stats.py makes them again."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    parser.add_argument("into", type=Path, metavar="NEW_DIR", help="must not exist")
    add_accept_changed(parser)


def run(arguments: argparse.Namespace) -> int:
    """Packs the run and prints the size."""
    from records.pack import pack
    from stats.tidy.run import CHANGED, read_run

    run = read_run(arguments.run_dir, arguments.accept_changed)  # raises for what is unreadable
    changed = next((m.removeprefix(CHANGED).strip(" .") for m in run.marks), "")
    size = pack(arguments.run_dir, arguments.into, changed)
    print(f"{arguments.into}: {len(run.records)} records in {size / 1e6:.1f} MB")
    return 0
