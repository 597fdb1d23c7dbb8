"""docs/malloc-symbols.tsv: what others export of a malloc, and what slotmalloc does about each."""

from __future__ import annotations

import csv
import re
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LIBRARY = ROOT / "build" / "libslotmalloc.so"
FOLDERS = [Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/lib/aarch64-linux-gnu")]
PATTERNS = {
    "glibc": ["libc.so.6"],
    "jemalloc": ["libjemalloc.so.2"],
    "mimalloc": ["libmimalloc.so.2", "libmimalloc.so.3"],
    "gperftools": ["libtcmalloc_minimal.so.4"],
}
# Of all that the C library exports, what its malloc does.
OF_MALLOC = re.compile(
    r"(malloc|calloc|realloc|memalign|valloc|mallinfo|mallopt|morecore|mcheck|mprobe|mtrace|muntrace)"
    r"|^(__libc_)?c?free$|_free_hook$|^free_(aligned_)?sized$|^dlm?open$|^__libc_.*(alloc|free)"
)

TABLE = ROOT / "docs" / "malloc-symbols.tsv"


def rows() -> list[dict[str, str]]:
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def exported(library: Path) -> set[str]:
    command = ["nm", "-D", "--defined-only", str(library)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    symbols = [line.split() for line in text.splitlines()]
    return {name.split("@")[0] for _, kind, name in symbols if kind in "TWDBVi"}


def libraries(owner: str) -> list[Path]:
    peers = [path for path in (ROOT / "build" / "peers").glob("*/*.so*") if path.is_file()]
    installed = [folder / name for folder in FOLDERS for name in PATTERNS[owner]]
    found = [path for path in installed if path.is_file()]
    return found + [path for path in peers if path.name in PATTERNS[owner]]


def row_of(symbol: str) -> dict[str, str] | None:
    """The first row whose pattern the symbol has."""
    return next((row for row in rows() if fnmatchcase(symbol, row["symbol"])), None)


@pytest.mark.parametrize("owner", PATTERNS)
def test_each_symbol_that_others_export_has_a_row(owner: str) -> None:
    found = libraries(owner)
    if not found:
        pytest.skip(f"{owner} is not installed")
    for library in found:
        symbols = exported(library)
        if owner == "glibc":
            symbols = {name for name in symbols if OF_MALLOC.search(name)}
            assert {"malloc", "cfree", "__libc_valloc"} <= symbols
        missing = sorted(
            name
            for name in symbols
            if (row := row_of(name)) is None or owner not in row["exported by"].split()
        )
        assert not missing, f"{library}: {missing}"


def test_the_table_says_what_slotmalloc_exports() -> None:
    own = {name for name in exported(LIBRARY) if not name.startswith("slotmalloc_")}
    provided = {row["symbol"] for row in rows() if row["slotmalloc"] == "yes"}
    assert provided == own


def test_each_row_that_is_not_provided_says_why() -> None:
    assert all(row["why"] for row in rows() if row["slotmalloc"] != "yes")
    assert {row["slotmalloc"] for row in rows()} == {"yes", "no"}
