"""What --list prints: all experiments, allocators and workloads."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from harness import experiment as experiments
from harness.allocators import from_makefile
from harness.errors import HarnessError


def everything(root: Path) -> str:
    """The three lists. What is not built or installed yet says so instead of failing."""
    parts = [_experiments(root), _allocators(root), _workloads(root / "build/memtest-ptmalloc")]
    return "\n\n".join(parts)


def _experiments(root: Path) -> str:
    lines = ["experiments (./harness.sh NAME):"]
    for path in sorted((root / "experiments").glob("*.toml")):
        try:
            found = experiments.load(path)
            lines.append(f"  {found.name:<16}{found.title}")
        except HarnessError as error:
            lines.append(f"  {path.stem:<16}cannot be used: {error}")
    return "\n".join(lines)


def _allocators(root: Path) -> str:
    lines = ["allocators (--allocators a,b):"]
    try:
        for allocator in from_makefile(root):
            state = (
                allocator.version if allocator.available else f"not installed: {allocator.why_not}"
            )
            note = f"  ({allocator.note})" if allocator.note else ""
            lines.append(f"  {allocator.name:<16}{allocator.role:<12}{state}{note}")
    except (HarnessError, OSError) as error:
        lines.append(f"  cannot be listed: {error}")
    return "\n".join(lines)


def _workloads(binary: Path) -> str:
    lines = ["workloads (build/memtest-ptmalloc NAME --help):"]
    try:
        done = subprocess.run(
            [binary, "--list", "--json"], capture_output=True, check=True, timeout=30
        )
        lines += [
            f"  {entry['name']:<20}{entry['summary']}"
            for entry in json.loads(done.stdout)["workloads"]
        ]
    except (OSError, subprocess.SubprocessError, ValueError):
        lines.append("  memtest is not built yet; make all builds it")
    return "\n".join(lines)
