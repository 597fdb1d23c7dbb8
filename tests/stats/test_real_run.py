"""The way from the harness's real records to a report, and the agreement between the two parts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from markupsafe import escape

from records.record import violation
from stats.estimates.analysis import analyse
from stats.estimates.verdict import CONCLUSIVE
from stats.report.files import write_everything
from stats.tidy.metrics import registry
from stats.tidy.run import read_run
from tests.stats.synthetic import Plan, write_run

TREE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory of the experiment `tiny`: every pass, a few seconds."""
    folder = tmp_path_factory.mktemp("real") / "run"
    command = [sys.executable, "-m", "harness", "tiny", "--out", str(folder)]
    done = subprocess.run(
        command, cwd=TREE, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return folder


PROGRAMS = """
title = "Programs"
question = "Are they told apart?"
allocators = ["ptmalloc", "lifo"]
[replicates]
time = 2
memory = 1
syscalls = 1
[[command]]
name = "sorting"
summary = "Sorts the lines of a file."
argv = ["sort", "Makefile"]
[[command]]
name = "words"
argv = ["awk", "{ n += NF } END { print n }", "Makefile"]
"""


def test_a_run_of_programs_alone_is_reported_with_a_section_for_each(tmp_path: Path) -> None:
    (tmp_path / "programs.toml").write_text(PROGRAMS)
    command = [sys.executable, "-m", "harness", str(tmp_path / "programs.toml")]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "run")],
        cwd=TREE, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Sorts the lines of a file." in page
    assert '<p class="facts">sort Makefile</p>' in page
    for name in ("sorting", "words"):
        assert f'id="w-{name}"' in page
        assert f'id="table-workload_{name}"' in page


def test_the_manifest_keeps_what_its_workloads_do(tiny: Path) -> None:
    told = {w["name"]: w for w in read_run(tiny).manifest["workloads"]}
    assert {"empty", "rounds"} <= set(told)
    page = (tiny / "report.html").read_text(encoding="utf-8")
    shown = [w for name, w in told.items() if f'id="w-{name}"' in page]
    assert shown
    assert all(str(escape(w["summary"])) in page for w in shown)


def test_every_metric_that_the_harness_emits_is_registered(tiny: Path) -> None:
    emitted = {name for record in read_run(tiny).records for name in record["metrics"]}
    assert len(emitted) > 40
    assert [name for name in sorted(emitted) if name not in registry()] == []


def test_each_pass_emits_the_metrics_that_metrics_toml_assigns_to_it(tiny: Path) -> None:
    emitted: dict[str, set[str]] = {}
    for record in read_run(tiny).records:
        found = emitted.setdefault(record["pass"], set())
        found |= {*record["metrics"], *record["unavailable"]}
    for metric in registry().headline():
        assert metric.name in emitted[metric.pass_name], metric.name


def test_the_harness_ended_by_writing_the_report(tiny: Path) -> None:
    assert (tiny / "report.html").stat().st_size > 1_000_000
    assert (tiny / "tables" / "mind_study.csv").exists()


def test_two_replicates_claim_nothing(tiny: Path) -> None:
    analysis = analyse(read_run(tiny))
    assert not analysis.estimates["verdict"].isin(CONCLUSIVE).any()
    assert not analysis.headlines["verdict"].isin(CONCLUSIVE).any()
    assert set(analysis.allocators) == {"ptmalloc", "ptmalloc#2", "lifo"}
    assert analysis.allocators["lifo"].is_reference


def test_reading_changes_nothing_that_was_measured(tiny: Path, tmp_path: Path) -> None:
    before = (tiny / "runs.jsonl").read_bytes()
    write_everything(analyse(read_run(tiny)), tmp_path, "png")
    assert (tiny / "runs.jsonl").read_bytes() == before


def test_planted_records_are_records_by_the_schema(tmp_path: Path) -> None:
    plan = Plan(
        passes=dict.fromkeys(("time", "latency", "memory", "syscalls"), 1),
        failures={"jemalloc": "crash"},
    )
    for record in read_run(write_run(tmp_path / "run", plan)).records:
        assert violation(record) == ""


def test_the_copy_of_a_planted_run_shows_no_difference(tmp_path: Path) -> None:
    analysis = analyse(read_run(write_run(tmp_path / "run", Plan(passes={"time": 20}, seed=3))))
    assert {f.metric for f in analysis.findings} == {"wall_s", "cpu_s"}
    assert not any(f.is_alarm for f in analysis.findings)
