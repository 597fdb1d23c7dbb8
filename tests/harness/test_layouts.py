"""Replicates take turns with code layouts; records, manifest and guards know which files they ran."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness import layouts
from harness.allocators import Allocator, Layout, as_manifest, from_manifest, with_hashes
from harness.errors import HarnessError, UsageError
from harness.experiment import parse
from harness.plan import layouts_of, make_plan
from harness.rundir import check_unchanged
from harness.validity import BuildGuard
from tests.harness.conftest import Harness, records_of, write_experiment

RAW = {
    "title": "t",
    "question": "q",
    "replicates": {"time": 5, "memory": 1},
    "workload": [{"name": "rounds"}],
    "layouts": 3,
}
SMALL = '[[workload]]\nname = "random_mixed"\nparams = { working_set = 64, iterations = 2000 }\n'


def test_replicates_take_turns_with_the_layouts() -> None:
    experiment = parse(RAW, "x", "x.toml")
    plan = make_plan(experiment, experiment.cases, [Allocator("a")], experiment.replicates, 1)
    assert {run.replicate: run.layout for run in plan} == {0: 0, 1: 1, 2: 2, 3: 0, 4: 1}
    assert layouts_of(plan) == 3
    assert layouts_of([run for run in plan if run.pass_name == "memory"]) == 1


def test_the_number_of_layouts_is_checked() -> None:
    assert parse({**RAW, "layouts": 1}, "x", "x.toml").layouts == 1
    with pytest.raises(UsageError, match="'layouts' must be 1"):
        parse({**RAW, "layouts": 0}, "x", "x.toml")


OWN = Allocator(
    "own",
    shared_object="/tree/build/libown.so",
    preload="/tree/build/libown.so",
    binary="build/memtest-own",
    binary_sha256="b0",
    sha256="s0",
    layouts=(Layout("b1", "s1"), Layout("b2", "s2")),
)


def test_what_is_built_here_moves_as_a_whole_and_a_package_with_memtest_only() -> None:
    assert OWN.in_layout(0) == OWN
    moved = OWN.in_layout(2)
    assert (moved.binary, moved.binary_sha256) == ("build/layouts/2/memtest-own", "b2")
    assert moved.shared_object == moved.preload == "/tree/build/layouts/2/libown.so"
    assert moved.sha256 == "s2"
    packaged = replace(OWN, layouts=(Layout("b1"),)).in_layout(1)
    assert packaged.binary == "build/layouts/1/memtest-own"
    assert (packaged.shared_object, packaged.sha256) == (OWN.shared_object, "s0")


def test_the_manifest_holds_the_hashes_of_all(root: Path) -> None:
    layouts.build(root, [Allocator("ptmalloc", binary="build/memtest-ptmalloc")], 3)
    found = with_hashes(Allocator("ptmalloc", binary="build/memtest-ptmalloc"), root, 3)
    assert len({found.binary_sha256, *(files.binary_sha256 for files in found.layouts)}) == 3
    entry = json.loads(json.dumps(as_manifest(found, root)))
    assert from_manifest(entry, root) == found
    assert "layouts" not in as_manifest(replace(found, layouts=()), root)


def tree_with_layouts(tmp_path: Path) -> Allocator:
    """An allocator whose files lie in tmp_path/build, hashed in two layouts."""
    for folder in ("build", "build/layouts/1"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name in ("memtest-own", "libown.so"):
            (tmp_path / folder / name).write_text(folder + name)
    library = str(tmp_path / "build/libown.so")
    own = Allocator("own", binary="build/memtest-own", shared_object=library, preload=library)
    return with_hashes(own, tmp_path, 2)


@pytest.mark.parametrize("name", ["memtest-own", "libown.so"])
def test_a_layout_that_is_linked_again_during_a_run_is_noticed(tmp_path: Path, name: str) -> None:
    own, guard = tree_with_layouts(tmp_path), BuildGuard(tmp_path)
    assert guard.changed(own) == guard.changed(own.in_layout(1)) == ""
    (tmp_path / "build/layouts/1" / name).write_text("another")
    assert guard.changed(own) == ""
    assert f"{name} was rebuilt" in guard.changed(own.in_layout(1))
    with pytest.raises(UsageError, match="own is not the file"):
        check_unchanged(own, with_hashes(own, tmp_path, 2), tmp_path)


def test_a_failing_make_is_reported_with_its_message(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("layouts:\n\t@echo no linker >&2; exit 1\n")
    with pytest.raises(HarnessError, match=r"(?s)`make layouts` failed: no linker.*layouts = 1"):
        layouts.build(tmp_path, [Allocator("a", binary="build/memtest-a")], 2)


def test_a_tree_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "build").write_text("no folder")
    with pytest.raises(HarnessError, match="build/layouts cannot be written"):
        layouts.build(tmp_path, [Allocator("a", binary="build/memtest-a")], 2)


def test_a_run_measures_and_proves_each_layout(tmp_path: Path, harness: Harness) -> None:
    command = '[[command]]\nname = "sort"\nargv = ["sort", "/etc/passwd"]\n'
    experiment = write_experiment(tmp_path, "time = 3", SMALL + command, ["layouts = 2"])
    out = tmp_path / "run"
    done = harness(experiment, "--out", out, "--allocators", "ptmalloc,slotmalloc")
    assert done.returncode == 0, done.stderr
    records = records_of(out)
    assert {(r["block"], r["layout"]) for r in records} == {(0, 0), (1, 1), (2, 0)}
    slotmalloc = [r for r in records if r["allocator"] == "slotmalloc" and r["layout"] == 1]
    assert {r["provider"]["path"] for r in slotmalloc} == {"build/layouts/1/libslotmalloc.so"}
    ptmalloc = next(r for r in records if r["allocator"] == "ptmalloc" and r["layout"] == 1)
    assert ptmalloc["provider"]["path"].endswith("libc.so.6")
    assert harness(experiment, "--out", out, "--resume").returncode == 0
