"""The user's environment: what reaches a measured process, and what is said of the rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import environment, manifest
from harness.allocators import Allocator, with_variants
from harness.errors import UsageError
from tests.harness.conftest import ROOT, Harness, records_of

HOSTILE = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_CONF": "narenas:1",
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0",
    "MIMALLOC_ARENA_RESERVE": "0",
    "TCMALLOC_SAMPLE_PARAMETER": "1",
    "_RJEM_MALLOC_CONF": "x",
    "SCUDO_OPTIONS": "x",
    "TBB_MALLOC_USE_HUGE_PAGES": "1",
    "RPMALLOC_STATS": "1",
    "SLOTMALLOC": "check=full",
    "LD_BIND_NOW": "1",
}
MISLEADING = {
    "PYTHONPATH": "/nowhere",
    "PYTHONSAFEPATH": "1",
    "PYTHONOPTIMIZE": "2",
    "GIT_DIR": "/nowhere",
    "GIT_WORK_TREE": "/nowhere",
    "GIT_INDEX_FILE": "/nowhere",
    "MAKEFLAGS": "-n",
    "CDPATH": "/",
    "POSIXLY_CORRECT": "1",
    "TMPDIR": "/nowhere",
    "COLUMNS": "1",
    "NO_COLOR": "1",
}
SHOW_ENVIRONMENT = """
title = "t"
question = "q"
passes = { time = 1 }
warm_mib = 0
control = []
aa = ""
disturbed = { repeats = 0 }
[[command]]
name = "env"
argv = ["PYTHON", "-I", "-c", "import os; open('SEEN', 'w').write(' '.join(os.environ))"]
"""


def test_only_a_built_up_environment_reaches_a_measured_process(tmp_path: Path) -> None:
    shown = SHOW_ENVIRONMENT.replace("SEEN", str(tmp_path / "seen"))
    (tmp_path / "t.toml").write_text(shown.replace("PYTHON", sys.executable))
    out = tmp_path / "out"
    words: list[str | Path] = [
        tmp_path / "t.toml",
        "--allocators",
        "ptmalloc",
        "--no-report",
        "--out",
        out,
    ]
    subprocess.run(
        [sys.executable, "-I", ROOT / "harness" / "__main__.py", *words],
        env={**os.environ, **HOSTILE, **MISLEADING},
        capture_output=True,
        timeout=120,
        check=False,
    )
    (record,) = (r for r in records_of(out) if r["workload"] == "env")
    allowed = {"PATH", "HOME", "LC_ALL", "ALLOCLAB_PADDING"}
    assert record["status"] == "ok", record["why"]
    assert set((tmp_path / "seen").read_text().split()) <= allowed
    kept = json.loads((out / "manifest.json").read_text())["environment"]
    assert kept["kept_out"] == dict(sorted(HOSTILE.items()))


def test_what_steers_is_said_and_what_misleads_is_gone() -> None:
    environ = {**HOSTILE, **MISLEADING, "PATH": "/bin", "EDITOR": "vi"}
    assert environment.steering(environ) == HOSTILE
    environment.clear(environ)
    assert set(environ) == {"PATH", "EDITOR", "TMPDIR", "COLUMNS", "NO_COLOR"}
    source = {"revision": "x", "dirty": False}
    kept = {"kept_out": {"MALLOC_CONF": "x"}}
    (line,) = manifest.warnings({"doctor": None, "source": source, "environment": kept})
    assert "MALLOC_CONF=x" in line


def test_a_temporary_folder_that_is_not_there_is_not_passed_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert environment.passed_on()["TMPDIR"] == str(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    assert "TMPDIR" not in environment.passed_on()


def test_a_variant_is_another_allocator_with_its_variables() -> None:
    known = [Allocator("a", role="contestant", env={})]
    (made,) = with_variants(known, ["b=a:X=1:2=3", "b=a:Y="])
    assert (made.name, made.env, made.note) == ("b", {"X": "1:2=3", "Y": ""}, "a with X=1:2=3 Y=")


@pytest.mark.parametrize("option", ["b", "b=a", "b=a:X", "=a:X=1", "b=c:X=1", "b=a:LD_PRELOAD=x"])
def test_a_variant_that_says_nothing_is_refused(option: str) -> None:
    with pytest.raises(UsageError):
        with_variants([Allocator("a")], [option])


def test_a_variant_is_measured_with_its_variable_and_the_record_has_it(
    harness: Harness, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["tiny", "--passes", "syscalls", "--allocators", "ptmalloc", "--out", out]
    done = harness(*words, "--variant", "mapped=ptmalloc:MALLOC_MMAP_THRESHOLD_=64")
    assert done.returncode == 0, done.stderr
    of_name = {r["allocator"]: r for r in records_of(out) if r["workload"] == "random_mixed"}
    assert of_name["mapped"]["env"]["MALLOC_MMAP_THRESHOLD_"] == "64"
    assert "MALLOC_MMAP_THRESHOLD_" not in of_name["ptmalloc"]["env"]
    calls = {name: r["metrics"]["mmap_calls"] for name, r in of_name.items()}
    assert calls["mapped"] > calls["ptmalloc"] + 100


GIT = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=m")


def git(folder: Path, *words: str) -> str:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    command = [*GIT, "-C", str(folder), *words]
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with one commit."""
    folder = tmp_path / "tree"
    folder.mkdir()
    git(folder, "init")
    git(folder, "commit", "--allow-empty", "-m", "x")
    return folder


def test_a_hooks_variables_do_not_answer_for_the_tree(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init")
    git(other, "commit", "--allow-empty", "-m", "another")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))
    assert manifest.source(tree) == {"revision": git(tree, "rev-parse", "HEAD"), "dirty": False}


def test_a_repository_around_the_tree_does_not_answer_for_it(tree: Path) -> None:
    inside = tree / "unpacked"
    inside.mkdir()
    found = manifest.source(inside)
    assert (found["revision"], found["dirty"]) == (None, None)
    (line,) = manifest.warnings({"doctor": None, "source": found})
    assert "inside another" in line


def test_a_new_file_is_a_change_since_the_makefile_would_build_it(tree: Path) -> None:
    (tree / "new.c").write_text("int x;\n")
    assert manifest.source(tree)["dirty"] is True


def test_a_checkout_that_git_refuses_gets_a_warning(tree: Path) -> None:
    (tree / ".git" / "HEAD").write_text("broken\n")
    found = manifest.source(tree)
    assert found["revision"] is None
    assert manifest.warnings({"doctor": None, "source": found})


def test_stats_runs_whatever_pythons_variables_say(tmp_path: Path) -> None:
    (tmp_path / "pandas.py").write_text("raise SystemExit('the wrong pandas')")
    hostile = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": "/nowhere", "PYTHONSAFEPATH": "1"}
    env = {**os.environ, **hostile, "PYTHONSTARTUP": "/nowhere", "PYTHONOPTIMIZE": "2"}
    run = ROOT / "results" / "reference" / "rnbench"
    done = subprocess.run(
        [ROOT / "stats.py", "table", run, "--metric", "wall_s"],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "wall_s" in done.stdout
