#!/usr/bin/env -S python3 -I
"""Turns the records of a run into tables, figures and a report: ./stats.py report RUN_DIR (see -h)."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"


def main() -> int:
    """Runs stats/cli.py with the Python of .venv; returns the exit status.

    Python is started isolated (-I), so that PYTHON* variables and the user's own packages have no
    effect; the tree is therefore added to the path here.
    """
    if Path(sys.prefix).resolve() != VENV.resolve():
        python = VENV / "bin" / "python"
        if not os.access(python, os.X_OK):
            print(
                "stats.py: the Python environment .venv is missing; help: run ./install.sh",
                file=sys.stderr,
            )
            return 2
        os.execv(python, [str(python), "-I", __file__, *sys.argv[1:]])
    sys.path.insert(0, str(ROOT))
    from stats.cli import main as run_verb

    return run_verb(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
