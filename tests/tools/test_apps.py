"""The programs of the apps experiment do the same whatever allocator serves them, and their inputs
are always the same bytes. Small sizes; what is not installed is skipped by name.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import experiment
from tests.tools.recording import BUILD, ROOT

APPS = ROOT / "apps"
PYTHON = str(Path(sys.executable).resolve())
SMALL: dict[str, list[str]] = {
    "perl": ["perl", "apps/words.pl", "1", "2000"],
    "lua5.4": ["lua5.4", "apps/trees.lua", "1"],
    "redis-check-rdb": ["apps/redis.sh", "500", "1000"],
    "sqlite3": [
        *("sqlite3", "-batch", ":memory:"),
        *("create table size as select 20000 as rows", ".read apps/queries.sql"),
    ],
    "python3": [PYTHON, "-S", "apps/objects.py", "1"],
}


def output(command: list[str], **environment: str) -> str:
    """What the command prints, with a fixed environment."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PERL_HASH_SEED": "0",
            "PYTHONHASHSEED": "0",
            "PYTHONMALLOC": "malloc",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("program", SMALL)
def test_a_program_prints_the_same_on_another_allocator(program: str) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    plain = output(SMALL[program])
    assert len(plain) > 10
    assert output(SMALL[program], LD_PRELOAD=str(BUILD / "liblifo.so")) == plain


def test_sources_are_always_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        subprocess.run([PYTHON, APPS / "sources.py", tmp_path / folder], check=True)
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {"program.c", "program.cpp", "puzzles.smt2"}
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_share_of_the_sources_is_smaller(tmp_path: Path) -> None:
    subprocess.run([PYTHON, APPS / "sources.py", tmp_path / "all"], check=True)
    subprocess.run([PYTHON, APPS / "sources.py", tmp_path / "part", "40"], check=True)
    for path in (tmp_path / "all").iterdir():
        assert (tmp_path / "part" / path.name).stat().st_size < path.stat().st_size * 0.8


@pytest.mark.parametrize(("driver", "name"), [("gcc", "program.c"), ("g++", "program.cpp")])
def test_what_is_compiled_is_right(tmp_path: Path, driver: str, name: str) -> None:
    """The compilers proper accept it, and print assembler as the drivers would."""
    subprocess.run([PYTHON, APPS / "sources.py", tmp_path], check=True)
    assembler = output([str(APPS / "compile.sh"), driver, str(tmp_path / name), "-fsyntax-only"])
    assert assembler == ""


def test_every_script_of_the_experiment_is_there_and_can_be_started() -> None:
    cells = experiment.load(ROOT / "experiments" / "apps.toml").cases
    assert {cell.workload for cell in cells} == {
        *("perl", "python", "lua", "redis", "sqlite3", "gcc", "g++", "clang++", "z3"),
    }
    for cell in cells:
        for word in (*cell.argv, *cell.prepare):
            if word.startswith("apps/"):
                assert (ROOT / word).is_file(), word
        assert not cell.argv[0].startswith("apps/") or os.access(ROOT / cell.argv[0], os.X_OK)
