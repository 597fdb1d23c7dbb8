"""The Makefile's own promises, on a copy of it with the reference allocators and a tiny memtest."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEMTEST = """#include <dlfcn.h>
#include <stdio.h>
int main(void) {
    Dl_info info;
    dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info);
    puts(info.dli_fname);
}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "allocators/reference", tmp_path / "allocators/reference")
    (tmp_path / "memtest").mkdir()
    (tmp_path / "memtest/main.c").write_text(MEMTEST)
    return tmp_path


def make(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # A make that runs these tests must not hand its own flags down.
    environment = {key: text for key, text in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def compiled(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The sources that a make call compiled."""
    assert done.returncode == 0, done.stderr
    return sorted(line.split()[1] for line in done.stdout.splitlines() if line.startswith("  CC "))


BUMP, LIFO = "allocators/reference/bump.c", "allocators/reference/lifo.c"
ALL = [
    *(BUMP, LIFO, "allocators/reference/null.c", "allocators/reference/slowed.c"),
    "memtest/main.c",
]


def test_a_second_make_has_nothing_to_do(tree: Path) -> None:
    assert compiled(make(tree, "-j4")) == ALL
    assert make(tree).stdout == ""


def test_a_changed_header_makes_only_what_includes_it(tree: Path) -> None:
    make(tree)
    os.utime(tree / "allocators/reference/extent.h")
    assert compiled(make(tree)) == [BUMP, LIFO]


def test_changed_flags_make_everything(tree: Path) -> None:
    make(tree)
    assert compiled(make(tree, "OPT=-O1")) == ALL


def test_an_allocators_name_builds_memtest_on_it(tree: Path) -> None:
    assert make(tree, "lifo").returncode == 0
    printed = subprocess.run(
        [tree / "build/memtest-lifo"], capture_output=True, text=True, check=True
    )
    assert Path(printed.stdout.strip()) == tree / "build/liblifo.so"
    assert not (tree / "build/memtest-bump").exists()


def test_allocators_that_are_not_installed_do_not_break_the_others(tree: Path) -> None:
    assert make(tree, "LIB=/nowhere", "SCUDO=").returncode == 0
    built = {path.name for path in (tree / "build").glob("memtest-*")}
    assert built == {"memtest-bump", "memtest-lifo", "memtest-null"}


def test_an_unavailable_allocators_target_fails_with_the_cure(tree: Path) -> None:
    done = make(tree, "jemalloc", "LIB=/nowhere")
    assert done.returncode != 0
    assert "jemalloc is not installed; ./install.sh fetches it" in done.stderr


def test_clean_keeps_the_downloaded_peers(tree: Path) -> None:
    make(tree)
    (tree / "build/peers/some").mkdir(parents=True)
    make(tree, "clean")
    assert [path.name for path in (tree / "build").iterdir()] == ["peers"]


def test_a_failing_test_program_shows_its_output_and_code(tree: Path) -> None:
    folder = tree / "tests/part"
    folder.mkdir(parents=True)
    (folder / "build.mk").write_text(
        "C_TESTS += $(BUILD)/test_no\n$(BUILD)/test_no:\n"
        "\tmkdir -p $(@D); printf '#!/bin/sh\\necho the reason; exit 3\\n' > $@; chmod +x $@\n"
    )
    done = make(tree, "run-tests")
    assert done.returncode != 0
    assert "the reason" in done.stdout
    assert "FAILED  build/test_no (exit 3" in done.stdout


def test_a_hanging_test_program_is_ended(tree: Path) -> None:
    folder = tree / "tests/part"
    folder.mkdir(parents=True)
    (folder / "build.mk").write_text(
        "C_TESTS += $(BUILD)/test_hang\n$(BUILD)/test_hang:\n"
        "\tmkdir -p $(@D); printf '#!/bin/sh\\nexec sleep 60\\n' > $@; chmod +x $@\n"
    )
    done = make(tree, "run-tests", "TEST_TIMEOUT=1")
    assert "FAILED  build/test_hang (exit 124" in done.stdout
