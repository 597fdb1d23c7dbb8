"""`python -m harness`: what harness.sh calls once everything is installed and built."""

import sys

from harness.cli import main

if __name__ == "__main__":
    sys.exit(main())
