"""`python -m harness`: what harness.sh calls once everything is installed and built."""

import sys
from pathlib import Path

# Started as a file by an isolated Python (-I), which puts no folder on the path.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.cli import main

if __name__ == "__main__":
    sys.exit(main())
