#!/usr/bin/env python3
"""Whether the Python that runs this has every package of a lock file, at its version.

    python -I install/installed.py requirements.lock

Exit code 0, or 1 with one line for each package that is missing or of another version.
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement


def missing(lock: str) -> list[str]:
    """What of a lock file's pins that hold on this machine is not installed, one line each."""
    found = []
    for line in lock.splitlines():
        if "==" not in line or line.startswith((" ", "#")):
            continue
        pin = Requirement(line.rstrip(" \\"))
        if pin.marker is not None and not pin.marker.evaluate():
            continue
        try:
            version = metadata.version(pin.name)
        except metadata.PackageNotFoundError:
            found.append(f"{pin.name} is not installed")
            continue
        if version not in pin.specifier:
            found.append(f"{pin.name} is {version}, not {pin.specifier}")
    return found


if __name__ == "__main__":
    lines = missing(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print("\n".join(lines), file=sys.stderr)
    sys.exit(1 if lines else 0)
