"""Prints the Makefile's allocator table as JSON, with what this machine knows about each line.

Usage: make list-allocators (it passes the table in ALLOCATOR_ROWS, the build folder as argument)

One row is `name|role|licence|package|library ...|note`; see the table's head in the Makefile. Only
the standard library is used, because install.sh asks before .venv exists.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path("build/peers")


def main() -> int:
    build = Path(sys.argv[1] if len(sys.argv) > 1 else "build")
    rows = os.environ["ALLOCATOR_ROWS"].splitlines()
    os.chdir(ROOT)
    print(json.dumps([describe(row, build) for row in rows if row.strip()], indent=1))
    return 0


def describe(row: str, build: Path) -> dict[str, Any]:
    """One allocator as the JSON object that the harness reads; paths in it are absolute."""
    name, role, licence, package, library, note = (cell.strip() for cell in row.split("|", 5))
    libraries = [str(Path(part).resolve()) for part in library.split()]
    why_not = reason_missing(name, package, libraries)
    defining = libraries[0] if libraries else ""
    installed, version = ("", "") if why_not else origin(name, package, defining)
    peer_note = peer_fact(name, "note")
    return {
        "name": name,
        "role": role,
        "version": version,
        "package": installed or package.split("=")[0],
        "library": defining,
        "preload": "" if name == "ptmalloc" else ":".join(libraries),
        "binary": f"{build}/memtest-{name}",
        "sha256": "" if why_not else hashlib.sha256(Path(defining).read_bytes()).hexdigest(),
        "licence": licence,
        "link_mode": "linked",
        "available": not why_not,
        "why_not": why_not,
        "note": "; ".join(part for part in (note, peer_note) if part),
    }


def reason_missing(name: str, package: str, libraries: list[str]) -> str:
    """'' when every library file is there, otherwise one sentence that says what to do."""
    if libraries and all(Path(library).is_file() for library in libraries):
        return ""
    if not package:
        return f"not built; run: make {name}"
    return peer_fact(name, "why_not") or f"not installed; ./install.sh fetches package {package}"


def origin(name: str, package: str, library: str) -> tuple[str, str]:
    """Package and version of a library; of an own one no package, and the tree's revision."""
    if not package:
        return "", tree_version()
    if "=" in package:
        return peer_fact(name, "package"), peer_fact(name, "version")
    return installed_package(library)


def peer_fact(name: str, fact: str) -> str:
    """What install/peers.sh wrote down about a newer peer: its version, note or why_not."""
    path = PEERS / name / fact
    return path.read_text().strip() if path.is_file() else ""


def installed_package(library: str) -> tuple[str, str]:
    """Name and version of the distro package that a file belongs to; both '' if none."""
    for path in (library, library.removeprefix("/usr")):  # dpkg knows merged /usr by either name
        package = run("dpkg-query", "--search", path).split(":")[0]
        if package:
            return package, run("dpkg-query", "--show", "--showformat", "${Version}", package)
    return "", ""


@cache
def tree_version() -> str:
    return run("git", "describe", "--always", "--dirty", "--tags") or "unversioned"


def run(*command: str) -> str:
    """The command's output, or '' when it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    sys.exit(main())
