#!/usr/bin/env python3
"""Turns the records of a run into tables, figures and a report: ./stats.py report RUN_DIR (see -h)."""

import os
import sys
from pathlib import Path

VENV = Path(__file__).resolve().parent / ".venv"


def main() -> int:
    """Goes on under the project's own Python, wherever it was started from; returns the exit
    status.
    """
    if Path(sys.prefix).resolve() != VENV.resolve():
        python = VENV / "bin" / "python"
        if not os.access(python, os.X_OK):
            print(
                "stats.py: the Python environment .venv is missing. Cure: run ./install.sh",
                file=sys.stderr,
            )
            return 2
        os.execv(python, [str(python), __file__, *sys.argv[1:]])
    from stats.cli import main as run_verb

    return run_verb(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
