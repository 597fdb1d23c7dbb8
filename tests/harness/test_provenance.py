"""What a run keeps of where it came from, with real processes: hashes, hosts, roles, the A/A copy."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness import session
from harness.allocators import Allocator, from_option, with_variants
from harness.errors import UsageError
from harness.rundir import load_manifest, save_manifest
from stats.tidy.run import read_run
from tests.harness.conftest import Harness, command_line, write_experiment
from tests.harness.test_end_to_end import SMALL, wait_for_records


def change_a_value(out: Path) -> None:
    path = out / "runs.jsonl"
    path.write_text(path.read_text().replace('"padding":', '"padding":1', 1))


def change_host(out: Path, **fields: Any) -> None:
    manifest = load_manifest(out)
    manifest["host"] |= fields
    save_manifest(out, manifest)


@pytest.fixture
def finished(tmp_path: Path, harness: Harness) -> Path:
    done = harness(
        write_experiment(tmp_path, "time = 1\nmemory = 1", SMALL), "--out", tmp_path / "run"
    )
    assert done.returncode == 0, done.stderr
    return tmp_path / "run"


def test_a_finished_run_has_the_hashes_of_plan_records_and_series(finished: Path) -> None:
    seal = load_manifest(finished)["seal"]
    assert seal["whole"]
    assert {"plan.json", "runs.jsonl"} < set(seal["files"])
    assert [name for name in seal["files"] if name.startswith("series/memory")]
    assert read_run(finished).marks == read_run(finished).remarks == []


def test_every_process_has_what_else_the_machine_did(finished: Path) -> None:
    for record in read_run(finished).records:
        assert record["disturbance"]["wall_s"] > 0
        assert record["disturbance"]["processors"] >= 1
    assert load_manifest(finished)["disturbed"]["repeats"] == 0


def test_a_stopped_run_has_hashes_and_is_resumed_only_unchanged(
    tmp_path: Path, root: Path, harness: Harness
) -> None:
    experiment = write_experiment(tmp_path, "time = 30", SMALL)
    out = tmp_path / "run"
    command = command_line(experiment, "--out", out, "--no-report")
    first = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True)
    wait_for_records(out / "runs.jsonl", 3)
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    assert load_manifest(out)["seal"]["whole"]
    records = (out / "runs.jsonl").read_text()
    change_a_value(out)
    done = harness(experiment, "--out", out, "--resume")
    assert done.returncode == 2
    assert "runs.jsonl was changed after the run" in done.stderr
    (out / "runs.jsonl").write_text(records)
    assert harness(experiment, "--out", out, "--resume").returncode == 0
    assert len(load_manifest(out)["sessions"]) == 2


def test_another_boot_is_refused_or_accepted_and_marked(
    tmp_path: Path, finished: Path, harness: Harness
) -> None:
    change_host(finished, boot_id="another", thp="never")
    words = [tmp_path / "small.toml", "--out", finished, "--resume"]
    done = harness(*words)
    assert done.returncode == 2
    assert "boot_id was another" in done.stderr
    assert "thp was never" in done.stderr
    assert "--accept-changed-host" in done.stderr
    assert harness(*words, "--accept-changed-host").returncode == 0
    assert any("boot_id another" in mark for mark in read_run(finished).marks)


def options(**given: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"out": None, "dry_run": False, "reference": False, **given})


@pytest.mark.parametrize("given", [{"reference": True}, {"out": "results/reference/mine"}])
def test_a_reference_run_of_a_changed_tree_is_refused_with_the_help(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    subprocess.run(["git", "-C", tmp_path, "init", "-q"], check=True)
    (tmp_path / "new.c").write_text("")
    name = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    commit = ["git", "-C", str(tmp_path), *name, "commit", "-q", "--allow-empty", "-m", "x"]
    subprocess.run(commit, check=True)
    with pytest.raises(UsageError, match=r"uncommitted changes; commit or `git stash -u` first"):
        session._check_reference(tmp_path, options(**given))
    session._check_reference(tmp_path, options())
    (tmp_path / "new.c").unlink()
    session._check_reference(tmp_path, options(**given))


def test_a_library_given_by_path_and_a_variant_are_contestants(tmp_path: Path) -> None:
    library = tmp_path / "x.so"
    library.write_text("")
    own, reference = Allocator("slotmalloc", role="own"), Allocator("lifo", role="reference")
    made = [from_option(f"x={library}", "memtest")]
    made += with_variants([own, reference], ["v=slotmalloc:A=1", "w=lifo:A=1"])
    assert [a.role for a in made] == ["contestant", "contestant", "reference"]


@pytest.mark.parametrize(
    ("extra", "chosen", "expected"),
    [
        ([], "ptmalloc,slotmalloc", "ptmalloc, ptmalloc#2, slotmalloc"),
        ([], "lifo,slotmalloc", "lifo, slotmalloc, slotmalloc#2"),
        (['aa = "ptmalloc"'], "slotmalloc", "slotmalloc, slotmalloc#2"),
        (['aa = "slotmalloc"'], "ptmalloc,slotmalloc", "ptmalloc, slotmalloc, slotmalloc#2"),
        (['aa = ""'], "ptmalloc,slotmalloc", "ptmalloc, slotmalloc"),
        (['baseline = "slotmalloc"'], "ptmalloc,slotmalloc", "ptmalloc, slotmalloc, slotmalloc#2"),
    ],
)
def test_the_copy_is_one_of_the_baseline_that_takes_part(
    tmp_path: Path, harness: Harness, extra: list[str], chosen: str, expected: str
) -> None:
    path = write_experiment(tmp_path, "time = 1", SMALL, extra)
    if not extra or "aa" not in extra[0]:
        path.write_text(path.read_text().replace('aa = ""\n', ""))
    done = harness(path, "--allocators", chosen, "--dry-run")
    assert f"allocators: {expected}\n" in done.stdout


def test_the_manifest_says_which_baseline_took_part(tmp_path: Path, harness: Harness) -> None:
    path = write_experiment(tmp_path, "time = 1", SMALL)
    path.write_text(path.read_text().replace('aa = ""\n', ""))
    out = tmp_path / "run"
    done = harness(path, "--allocators", "lifo,slotmalloc", "--out", out)
    assert "ptmalloc does not take part: ratios are to slotmalloc" in done.stderr
    manifest = json.loads((out / "manifest.json").read_text())
    assert (manifest["baseline"], manifest["aa"]) == ("slotmalloc", "slotmalloc")
