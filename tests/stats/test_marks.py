"""What was decided after a run, or went wrong around it, stands in the report and in every table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stats.cli import main
from stats.estimates.analysis import open_analysis
from stats.report.files import write_tables
from stats.report.page import context
from stats.tidy.allocators import allocators_of
from stats.tidy.run import read_run
from tests.stats.synthetic import Plan, write_run

SMALL = Plan(passes={"time": 20}, threads=[1], workloads=[("rounds", "touch=none")])


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", SMALL)


def change_manifest(folder: Path, **fields: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_choices_of_the_run_itself_leave_no_mark(run_dir: Path) -> None:
    assert open_analysis(run_dir).run.marks == []
    assert open_analysis(run_dir, "ptmalloc", 0.02).run.marks == []


def test_a_baseline_and_a_delta_chosen_afterwards_are_told_with_what_was_planned(
    run_dir: Path,
) -> None:
    change_manifest(run_dir, definition={"delta": 0.03})
    marks = open_analysis(run_dir, "jemalloc", 0.1).run.marks
    assert "baseline jemalloc was chosen after the run" in marks[0]
    assert "file says ptmalloc, and its A/A copy is one of ptmalloc" in marks[0]
    assert "delta 10 % was chosen after the run" in marks[1]
    assert "file says 3.0 %" in marks[1]


def test_marks_stand_in_the_report_and_in_the_notes_of_every_table(run_dir: Path) -> None:
    analysis = open_analysis(run_dir, delta=0.1)
    (mark,) = analysis.run.marks
    write_tables(analysis, run_dir)
    for path in (run_dir / "tables").glob("*.md"):
        assert mark in path.read_text(encoding="utf-8"), path.name
    page = context(analysis, lambda _: None)
    assert page["marks"] == [mark]
    assert all(mark in tab["notes"] for tab in page["overall"])


@pytest.mark.parametrize("form", ["term", "md", "latex"])
def test_marks_are_printed_by_the_verb(
    run_dir: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["table", str(run_dir), "--delta", "0.1", "--format", form]) == 0
    assert "was chosen after the run" in " ".join(capsys.readouterr().out.split())


def test_comparisons_and_figures_say_so_too(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--baseline", "jemalloc"]
    main(["compare", str(run_dir), str(run_dir), *options])
    assert "was chosen after the run" in " ".join(capsys.readouterr().out.split())
    main(["plot", "forest", str(run_dir), *options])
    assert "was chosen after the run" in " ".join(capsys.readouterr().out.split())


def test_a_run_on_two_hosts_and_one_with_a_library_in_every_process_are_marked(
    run_dir: Path,
) -> None:
    changes = {"boot_id": ["a", "b"]}
    files = {"/etc/ld.so.preload": {"content": "/usr/lib/libx.so\n"}, "/etc/malloc.conf": None}
    change_manifest(run_dir, sessions=[{"host_changes": {}}, {"host_changes": changes}])
    assert "boot_id a → b" in read_run(run_dir).marks[0]
    change_manifest(run_dir, host={"system_files": files})
    assert "/usr/lib/libx.so loaded by /etc/ld.so.preload" in read_run(run_dir).marks[1]


def test_disturbed_replicates_are_listed_and_enter_no_estimate(run_dir: Path) -> None:
    before = open_analysis(run_dir)
    path = run_dir / "runs.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    first = [r for r in records if r["block"] == 0]
    again = [r | {"run": f"{r['run']}-r1"} for r in first]
    marked = [r | {"disturbed": "steal 9% under x", "metrics": {"wall_s": 1e9}} for r in first]
    rest = [r for r in records if r["block"] != 0]
    path.write_text("".join(json.dumps(r) + "\n" for r in [*marked, *again, *rest]))
    analysis = open_analysis(run_dir)
    assert set(analysis.estimates["n"]) == set(before.estimates["n"])
    assert analysis.estimates["ratio"].to_list() == pytest.approx(
        before.estimates["ratio"].to_list()
    )
    page = context(analysis, lambda _: None)
    assert "steal 9% under x" in page["disturbed"]["html"]
    assert any(f"{len(first)} processes were measured again" in r for r in page["remarks"])
    write_tables(analysis, run_dir)
    assert "steal 9% under x" in (run_dir / "tables/disturbed.md").read_text()


@pytest.mark.parametrize(
    ("entry", "role"),
    [
        ({"role": "own"}, "own"),
        ({"role": "own", "note": "named on the command line"}, "contestant"),
        ({"role": "own", "note": "slotmalloc with A=1", "env": {"A": "1"}}, "contestant"),
        ({"role": "reference", "env": {"A": "1"}}, "reference"),
    ],
)
def test_of_stored_runs_only_the_row_of_the_makefile_is_the_projects_own(
    entry: dict[str, Any], role: str
) -> None:
    found = allocators_of(["a", "b"], "a", {"allocators": [{"name": "b"} | entry]})
    assert found["b"].role == role
