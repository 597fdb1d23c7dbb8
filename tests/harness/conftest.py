"""What several tests of the harness need: the tree, planted libraries, small experiments, and a way
to run it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from records.record import violation

ROOT = Path(__file__).resolve().parent.parent.parent

Harness = Callable[..., subprocess.CompletedProcess[str]]
Planted = Callable[[str], Path]


@pytest.fixture(scope="session")
def root() -> Path:
    """The tree, built: these tests start real processes."""
    if not (ROOT / "build/memtest-ptmalloc").exists():
        pytest.fail("build/memtest-ptmalloc is missing; run: make all")
    return ROOT


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """Compiles a library with a planted fault (see planted.c) and returns its path."""
    folder = tmp_path_factory.mktemp("planted")

    def build(fault: str) -> Path:
        library = folder / f"lib{fault.lower()}.so"
        if not library.exists():
            source = Path(__file__).parent / "planted.c"
            flags = ["-O1", "-fPIC", "-shared", "-fno-builtin", f"-DFAULT={fault}"]
            subprocess.run(["gcc", *flags, "-o", library, source], check=True)
        return library

    return build


@pytest.fixture
def harness(root: Path) -> Harness:
    """Runs `python -m harness` in the tree, without a report unless asked for, and returns it."""

    def call(*words: str | Path, report: bool = False) -> subprocess.CompletedProcess[str]:
        command = command_line(*words, *([] if report else ["--no-report"]))
        return subprocess.run(
            command, cwd=root, capture_output=True, text=True, timeout=120, check=False
        )

    return call


def command_line(*words: str | Path) -> list[str]:
    """The argv that starts the harness with these words."""
    return [sys.executable, "-m", "harness", *map(str, words)]


def records_of(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's runs.jsonl, each checked against the schema."""
    records = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
    for record in records:
        assert violation(record) == ""
    return records


def write_experiment(folder: Path, passes: str, cases: str, extra: Sequence[str] = ()) -> Path:
    """A small experiment file over ptmalloc and lifo, by default without A/A copy, positive control
    and repetitions, and in one code layout.
    """
    keys = {line.split(" =")[0] for line in extra}
    defaults = {"aa": '""', "control": "[]", "layouts": "1", "disturbed": "{ repeats = 0 }"}
    lines = [
        'title = "test"',
        'question = "test"',
        'allocators = ["ptmalloc", "lifo"]',
        *(f"{key} = {value}" for key, value in defaults.items() if key not in keys),
        *extra,
        "[replicates]",
        passes,
        cases,
    ]
    path = folder / "small.toml"
    path.write_text("\n".join(lines) + "\n")
    return path
