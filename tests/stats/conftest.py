"""One planted run, analysed once, for all tests of stats/."""

from __future__ import annotations

from pathlib import Path

import pytest

from stats.estimates.analysis import Analysis, analyse
from stats.tidy.run import read_run
from tests.stats.synthetic import Plan, write_run


@pytest.fixture(scope="session")
def planted_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory in which mimalloc's first process crashed."""
    return write_run(
        tmp_path_factory.mktemp("planted") / "run", Plan(failures={"mimalloc": "crash"})
    )


@pytest.fixture(scope="session")
def planted(planted_dir: Path) -> Analysis:
    """The planted run, analysed."""
    return analyse(read_run(planted_dir))
