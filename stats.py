#!/usr/bin/env -S python3 -I
"""Turns the records of a run into tables, figures and a report: ./stats.py report RUN_DIR (see -h)."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"


def main() -> int:
    """Goes on under the project's own Python, wherever it was started from; returns the exit
    status.

    Python runs isolated (-I), so that no PYTHON* variable and no package of the user's own counts;
    the tree then has to be put on the path here.
    """
    if Path(sys.prefix).resolve() != VENV.resolve():
        python = VENV / "bin" / "python"
        if not os.access(python, os.X_OK):
            print(
                "stats.py: the Python environment .venv is missing. Cure: run ./install.sh",
                file=sys.stderr,
            )
            return 2
        os.execv(python, [str(python), "-I", __file__, *sys.argv[1:]])
    sys.path.insert(0, str(ROOT))
    from stats.cli import main as run_verb

    return run_verb(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
