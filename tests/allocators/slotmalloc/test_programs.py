"""Real programs give the same output under slotmalloc, whatever its options, as under libc."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.allocators.slotmalloc.programs import PROGRAMS, Environment, Missing

BUILD = Path(__file__).resolve().parents[3] / "build"
LIBRARY = BUILD / "libslotmalloc.so"

# Kills a process in which slotmalloc calls what glibc's malloc does not: see sandbox.c.
SANDBOX = BUILD / "tests" / "slotmalloc" / "libsandbox.so"

# The defaults; memory given back at once; every check and the quarantine.
OPTIONS = ["", "purge_delay=0", "check=full"]


def plain_environment() -> Environment:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LD_")}
    return {**kept, "LC_ALL": "C.UTF-8"}


def run(name: str, folder: Path, environment: Environment) -> str:
    """The program's output, with the folder's own name, which differs, taken out."""
    try:
        return PROGRAMS[name](folder, environment).replace(str(folder), "FOLDER")
    except Missing as missing:
        pytest.skip(f"{missing} is not installed")


@cache
def output_under_libc(name: str) -> str:
    with TemporaryDirectory() as folder:
        return run(name, Path(folder), plain_environment())


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: options or "defaults")
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gives_the_same_output_as_under_libc(
    name: str, options: str, tmp_path: Path
) -> None:
    counters = tmp_path / "counters.json"
    setting = ",".join(filter(None, [options, f"stats={counters}"]))
    folder = tmp_path / "folder"
    folder.mkdir()
    environment = {**plain_environment(), "LD_PRELOAD": str(LIBRARY), "SLOTMALLOC": setting}
    assert run(name, folder, environment) == output_under_libc(name)
    assert json.loads(counters.read_text()), "no process of the program ran under slotmalloc"


@pytest.mark.parametrize("options", ["", "purge_delay=0,pool=cpu"], ids=["defaults", "purging"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gives_the_same_output_where_other_system_calls_kill(
    name: str, options: str, tmp_path: Path
) -> None:
    preload = f"{LIBRARY}:{SANDBOX}"
    environment = {**plain_environment(), "LD_PRELOAD": preload, "SLOTMALLOC": options}
    assert run(name, tmp_path, environment) == output_under_libc(name)
