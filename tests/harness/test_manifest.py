from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness import manifest
from harness.allocators import Allocator, as_manifest, from_manifest
from harness.paths import absolute, portable
from harness.pinning import split


def test_the_source_revision_and_a_change_to_it_are_seen(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        name = ("-c", "user.name=x", "-c", "user.email=x@example.org")
        subprocess.run(["git", "-C", tmp_path, *name, *words], check=True, capture_output=True)

    git("init")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-m", "x")
    before = manifest.source(tmp_path)
    assert len(before["revision"]) == 40
    assert before["dirty"] is False
    (tmp_path / "file").write_text("2")
    assert manifest.source(tmp_path)["dirty"] is True


def test_outside_a_checkout_there_is_no_revision(tmp_path: Path) -> None:
    found = manifest.source(tmp_path)
    assert (found["revision"], found["dirty"]) == (None, None)
    assert found["why"]


def test_the_build_is_told_with_compiler_version_and_every_flag(root: Path) -> None:
    found = manifest.build(root)
    assert found["flags"] is not None
    assert "-O" in found["flags"]
    assert found["compiler"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"revision": "a", "dirty": False}, ""),
        ({"revision": "a", "dirty": True}, "uncommitted changes"),
        ({"revision": None, "dirty": None, "why": "no git"}, "not known: no git"),
    ],
)
def test_a_reference_run_needs_a_revision_that_tells_what_is_measured(
    source: dict[str, object], words: str
) -> None:
    problem = manifest.reference_problem(source)
    assert words in problem
    assert bool(problem) == bool(words)


def test_warnings_are_those_of_the_doctor_and_a_changed_tree() -> None:
    findings = [
        {"check": "load", "status": "warn", "value": "9", "effect": "noise"},
        {"check": "swap", "status": "ok", "value": "off", "effect": "x"},
    ]
    found = manifest.warnings({"doctor": {"findings": findings}, "source": {"dirty": True}})
    assert found[0] == "load: 9 (noise)"
    assert len(found) == 2
    host = {"system_files": {"/etc/ld.so.preload": {"content": "/lib/x.so"}}}
    loaded = manifest.warnings({"doctor": None, "source": {"dirty": False}, "host": host})
    assert "/lib/x.so" in loaded[0]
    assert manifest.warnings({"doctor": None, "source": {"dirty": False}}) == []


def test_paths_inside_the_tree_are_kept_relative_to_it(tmp_path: Path) -> None:
    both = f"{tmp_path}/build/a.so:/usr/lib/b.so"
    assert portable(tmp_path, both) == "build/a.so:/usr/lib/b.so"
    assert absolute(tmp_path, portable(tmp_path, both)) == both
    assert absolute(tmp_path, "") == ""


def test_an_allocator_survives_the_manifest(tmp_path: Path) -> None:
    allocator = Allocator("a", shared_object=f"{tmp_path}/build/a.so", preload="/usr/lib/b.so")
    entry = as_manifest(allocator, tmp_path)
    assert entry["library"] == "build/a.so"
    assert from_manifest(entry, tmp_path) == allocator


def test_a_single_threaded_process_shares_its_processor_with_nothing_of_ours() -> None:
    found = split(frozenset({0, 1, 2}))
    assert found.for_threads(1) == {2}
    assert found.rest == {0, 1}
    assert found.for_threads(2) == {0, 1, 2}


def test_one_processor_serves_all() -> None:
    found = split(frozenset({5}))
    assert found.for_threads(1) == found.rest == found.for_threads(4) == {5}
