"""The Makefile's table, as `make list-allocators` and install.sh see it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from install import list_allocators

ROOT = Path(__file__).resolve().parents[2]
KEYS = [
    "name",
    "role",
    "version",
    "package",
    "library",
    "preload",
    "binary",
    "sha256",
    "licence",
    "link_mode",
    "available",
    "why_not",
    "note",
]


def make(*arguments: str) -> str:
    command = ["make", "--silent", "--no-print-directory", *arguments]
    # A make that runs these tests must not hand its own flags down.
    environment = {key: text for key, text in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def table() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(make("list-allocators"))}


def test_every_row_has_exactly_the_agreed_keys(table: dict[str, dict[str, Any]]) -> None:
    assert all(list(row) == KEYS for row in table.values())


def test_contestants_references_and_the_own_allocator_are_told_apart(
    table: dict[str, dict[str, Any]],
) -> None:
    roles = {name: row["role"] for name, row in table.items()}
    assert roles["bump"] == roles["lifo"] == roles["null"] == "reference"
    assert roles["slotmalloc"] == "own"
    assert roles["ptmalloc"] == roles["jemalloc"] == roles["mimalloc3"] == "contestant"


def test_an_available_allocator_has_a_version_and_its_librarys_hash(
    table: dict[str, dict[str, Any]],
) -> None:
    available = [row for row in table.values() if row["available"]]
    assert available
    for row in available:
        library = Path(row["library"])
        assert library == library.resolve()
        assert row["sha256"] == sha256(library.read_bytes()).hexdigest()
        assert row["version"]
        assert row["why_not"] == ""


def test_an_unavailable_allocator_says_why(table: dict[str, dict[str, Any]]) -> None:
    assert all(bool(row["why_not"]) != row["available"] for row in table.values())


def test_only_libcs_own_malloc_needs_no_preload(table: dict[str, dict[str, Any]]) -> None:
    assert table["ptmalloc"]["preload"] == ""
    for name, row in table.items():
        if row["available"] and name != "ptmalloc":
            assert row["preload"].split(":")[0] == row["library"]


def test_gperftools_is_not_taken_for_googles_tcmalloc(table: dict[str, dict[str, Any]]) -> None:
    assert table["tcmalloc"]["note"].startswith("gperftools")


def test_the_listing_takes_no_longer_than_a_person_waits(table: dict[str, dict[str, Any]]) -> None:
    # CPU time of the children: the clock on the wall would measure what else runs here.
    before = os.times()
    make("list-allocators")
    after = os.times()
    used = after.children_user + after.children_system - before.children_user
    assert used - before.children_system < 4.0  # 0.8 s on an idle machine


def test_what_is_not_installed_is_named_with_its_package() -> None:
    row = "ghost|contestant|MIT|libghost1||haunts"
    described = list_allocators.describe(row, Path("build"))
    assert not described["available"]
    assert described["why_not"] == "not installed; ./install.sh fetches package libghost1"
    assert described["library"] == described["sha256"] == described["version"] == ""


def test_an_own_library_that_is_not_built_names_the_target() -> None:
    described = list_allocators.describe("new|own|MIT||build/none/libnew.so|", Path("build"))
    assert described["why_not"] == "not built; run: make new"


def test_a_newer_peer_that_does_not_run_here_gives_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_allocators, "PEERS", tmp_path)
    (tmp_path / "peer9").mkdir()
    (tmp_path / "peer9/why_not").write_text("needs another libc\n")
    described = list_allocators.describe("peer9|contestant|MIT|libpeer=9*||", Path("build"))
    assert described["why_not"] == "needs another libc"
    assert described["package"] == "libpeer"


def test_installing_and_listing_read_the_same_table(table: dict[str, dict[str, Any]]) -> None:
    patterns = [line.split()[1] for line in make("list-packages").splitlines()]
    newer = {line.split()[0] for line in make("list-peers").splitlines()}
    assert newer <= table.keys()
    for name, row in table.items():
        if name not in newer and row["package"] and row["available"]:
            assert any(re.fullmatch(pattern, row["package"]) for pattern in patterns)
