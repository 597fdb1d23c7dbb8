"""harness and stats know the records, not each other; what both need knows neither."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT = {
    "harness": {"common", "records"},
    "stats": {"common", "records"},
    "records": set(),
    "common": set(),
}


def imported(source: str) -> set[str]:
    """The top-level names of all modules that a source text imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_go_down_only(folder: str) -> None:
    ours = {path.name for path in ROOT.iterdir() if path.is_dir()}
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    for path in files:
        found = imported(path.read_text(encoding="utf-8")) & ours
        assert found <= {folder} | MAY_IMPORT[folder], path


def test_an_import_inside_a_function_is_found() -> None:
    assert imported("def f():\n    from stats.tidy.run import tidy\n    import harness.cli\n") == {
        "stats",
        "harness",
    }
