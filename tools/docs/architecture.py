"""Draws the picture of ARCHITECTURE.md from the tree: docs/architecture.dot, and from it docs/architecture.svg.

Usage: make architecture

A box is a folder. Its rows are layers, from top to bottom: those of the layer table in its README, or
its subpackages. A solid arrow is an include or an import that a file in the tree has; a dashed one is
data or a process that no file includes, and stands in FLOWS below.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path

from tests.layers import C_SUFFIXES, INCLUDE, read_table

ROOT = Path(__file__).resolve().parents[2]
DOT = ROOT / "docs" / "architecture.dot"

# Folders whose subfolders are boxes of their own, and folders that explain or check the others.
SPLIT = ("allocators", "tools")
LEFT_OUT = (".ci", "docs", "tests", "thesis", "install", "tools/docs")

FLOWS = [
    ("experiments", "harness", "plan"),
    ("harness", "memtest", "starts"),
    ("harness", "apps", "starts"),
    ("memtest", "allocators/slotmalloc", "allocates from"),
    ("memtest", "allocators/reference", ""),
    ("apps", "allocators/slotmalloc", "preload"),
    ("harness", "allocators/shm_arena", "starts its benches"),
    ("tools/record", "memtest", "traces"),
    ("harness", "results", "records"),
    ("results", "stats", "tables, figures, report"),
]


def main() -> int:
    DOT.write_text(dot_source())
    return subprocess.run(
        ["dot", "-Tsvg", "-o", DOT.with_suffix(".svg"), DOT], check=False
    ).returncode


def dot_source() -> str:
    folders = boxes()
    for start, end, _ in FLOWS:
        if {start, end} - set(folders):
            raise SystemExit(
                f"architecture.py: FLOWS names {start} -> {end}, which is not in the tree"
            )
    lines = [
        "// Made by `make architecture`.",
        "digraph alloclab {",
        "  graph [rankdir=TB, nodesep=0.35, ranksep=0.45, fontname=Helvetica]",
        "  node [shape=plain, fontname=Helvetica, fontsize=11]",
        "  edge [fontname=Helvetica, fontsize=9, color=gray30]",
        *(f'  "{name}" [label=<{label(name, rows)}>]' for name, rows in folders.items()),
        *(f'  "{user}" -> "{used}"' for user, used in sorted(dependencies(list(folders)))),
        *(f'  "{start}" -> "{end}" [style=dashed, label="{text}"]' for start, end, text in FLOWS),
        "}",
    ]
    return "\n".join(lines) + "\n"


def boxes() -> dict[str, list[str]]:
    """The folders with their layers."""
    return {
        name: layers(ROOT / name) for name in sorted({box_of(name) for name in tracked()} - {""})
    }


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listed.stdout.splitlines()


def box_of(name: str) -> str:
    """The folder that stands for a file in the picture; '' for one that is not in it."""
    parts = name.split("/")
    depth = 2 if parts[0] in SPLIT else 1
    folder = "/".join(parts[:depth])
    return "" if len(parts) <= depth or folder in LEFT_OUT else folder


def layers(folder: Path) -> list[str]:
    for readme in (folder / "src" / "README.md", folder / "README.md"):
        if readme.is_file() and (table := read_table(readme)):
            return list(dict.fromkeys(layer.name for layer in table))
    return sorted(init.parent.name for init in folder.glob("*/__init__.py"))


def label(name: str, rows: list[str]) -> str:
    cells = [f'<tr><td bgcolor="#dbe7f3"><b>{escape(name)}</b></td></tr>']
    cells += [f"<tr><td>{escape(row)}</td></tr>" for row in rows]
    return (
        f'<table border="0" cellborder="1" cellspacing="0" cellpadding="3">{"".join(cells)}</table>'
    )


def dependencies(folders: list[str]) -> set[tuple[str, str]]:
    """Which folder includes or imports files of which."""
    found = set()
    for name in tracked():
        if user := box_of(name):
            for used in needs(ROOT / name):
                if used in folders and used != user:
                    found.add((user, used))
    return found


def needs(file: Path) -> Iterator[str]:
    """The boxes of what a file includes or imports."""
    if not file.is_file():
        return
    if file.suffix in C_SUFFIXES:
        for included in INCLUDE.findall(file.read_text()):
            for path in (ROOT / included, file.parent / included):
                if path.is_file():
                    yield box_of(path.resolve().relative_to(ROOT).as_posix())
    elif file.suffix == ".py":
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.split(".")[0]
            elif isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)


if __name__ == "__main__":
    sys.exit(main())
