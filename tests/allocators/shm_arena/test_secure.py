"""A set-user-id program takes nothing from its caller's environment: see secure_getenv(3)."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NOBODY = 65534

PROGRAM = """
#include <shm_arena.h>
#include <stdio.h>
#include <sys/auxv.h>
int main(void) {
    struct shm_arena_options options = SHM_ARENA_OPTIONS_INIT;
    int error = shm_arena_options_from_environment(&options, NULL);
    printf("%lu %d %s", getauxval(AT_SECURE), error, options.name ? options.name : "none");
    return 0;
}
"""


@pytest.fixture
def program() -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can start it as another user")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "program.c").write_text(PROGRAM)
    include, archive = f"-I{ROOT}/allocators/shm_arena/include", f"{ROOT}/build/libshm_arena.a"
    command = ["cc", include, "-o", f"{folder}/program", f"{folder}/program.c", archive]
    subprocess.run(command, check=True, timeout=60)
    yield folder / "program"
    shutil.rmtree(folder)


def started_by_nobody(program: Path, variable: str, value: str) -> list[str]:
    done = subprocess.run(
        [program],
        env={variable: value},
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.split()


def test_with_the_callers_rights_the_environment_counts(program: Path) -> None:
    assert started_by_nobody(program, "SHM_ARENA_NAME", "/theirs") == ["0", "0", "/theirs"]


def test_with_more_rights_than_the_caller_it_does_not(program: Path) -> None:
    program.chmod(0o4755)
    secure, error, name = started_by_nobody(program, "SHM_ARENA_NAME", "/theirs")
    if secure == "0":
        pytest.skip("set-user-id programs gain nothing here: the file system is mounted nosuid")
    assert (error, name) == ("0", "none")
    assert started_by_nobody(program, "SHM_ARENA_MODE", "nonsense") == ["1", "0", "none"]
