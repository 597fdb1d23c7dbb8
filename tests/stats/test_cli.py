"""stats.py as a user calls it: whole processes, exit codes, messages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stats.tidy.run import TIDY_COLUMNS
from tests.stats.synthetic import Plan, write_run

TREE = Path(__file__).parents[2]


def run(*arguments: object, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    command = [python, str(TREE / "stats.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run directory after `stats.py report`, and what that printed."""
    plan = Plan(
        passes={"time": 20, "memory": 1, "syscalls": 1}, threads=[1], failures={"mimalloc": "oom"}
    )
    folder = write_run(tmp_path_factory.mktemp("cli") / "run", plan)
    done = run("report", folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder, done.stdout


def test_report_writes_everything_and_ends_with_its_path(reported: tuple[Path, str]) -> None:
    folder, printed = reported
    assert printed.rstrip().endswith(f"report: {folder / 'report.html'}")
    assert "wall_s: ratio to ptmalloc" in printed
    assert "planted oom" in printed
    assert list(pd.read_csv(folder / "tidy.csv").columns) == TIDY_COLUMNS
    assert {"overall_wall_s.md", "status.tex", "estimates.csv"} <= {
        p.name for p in (folder / "tables").iterdir()
    }
    assert (folder / "figures" / "forest-rounds.png").read_bytes().startswith(b"\x89PNG")


def test_the_report_shows_what_was_noted_of_an_allocator(reported: tuple[Path, str]) -> None:
    page = (reported[0] / "report.html").read_text(encoding="utf-8")
    assert "note on jemalloc" in page


def test_tidy_holds_only_what_ended_well_and_the_net_rows(reported: tuple[Path, str]) -> None:
    table = pd.read_csv(reported[0] / "tidy.csv")
    assert "mmap_calls_net" in set(table["metric"])
    first_block = table[
        (table["metric"] == "wall_s") & (table["pass"] == "time") & (table["block"] == 0)
    ]
    assert (
        first_block["allocator"] == "mimalloc"
    ).sum() == 1  # of the other workload; that of the first one failed


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["table", "{run}", "--metric", "wall_s", "--format", "md"], 0, "| workload · threads |"),
        (
            ["table", "{run}", "--metric", "wall_s", "--rows", "--format", "latex"],
            0,
            r"\begin{tabular}",
        ),
        (
            ["table", "{run}", "--metric", "wall_s", "--format", "csv"],
            0,
            "metric,workload,params,threads",
        ),
        (["table", "{run}", "--mind-study"], 0, "mallocs_per_mmap"),
        (["table", "{run}", "--seed-study"], 0, "mallocs_per_mmap"),  # the old name
        (["table", "{run}", "--baseline", "jemalloc"], 0, "ratio to jemalloc"),
        (["plot", "overview", "{run}", "--format", "svg"], 0, "overview.svg"),
        (["plot", "latency", "{run}"], 1, "not drawn, the run has no malloc_ns_p50"),
        (["compare", "{run}", "{run}"], 0, "agree in"),
        (["table", "{run}", "--metric", "speed"], 2, "no metric is called 'speed'"),
        (["table", "{run}", "--metric", "cycles"], 2, "no comparison of 'cycles'"),
        (["table", "{run}", "--baseline", "x"], 2, "has no allocator 'x'"),
        (["plot", "pie", "{run}"], 2, "no figure is called 'pie'"),
        (["plot", "overview", "{run}", "--format", "gif"], 2, "no format is called 'gif'"),
        (["report", "{run}/nowhere"], 2, "does not exist"),
        (["dance"], 2, "invalid choice"),
        ([], 2, "VERB"),
    ],
)
def test_verbs(reported: tuple[Path, str], arguments: list[str], code: int, text: str) -> None:
    done = run(*(a.replace("{run}", str(reported[0])) for a in arguments))
    assert done.returncode == code, done.stderr
    assert text in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["report", "table", "plot", "compare"])
def test_each_verb_explains_itself(verb: str) -> None:
    done = run(verb, "-h")
    assert done.returncode == 0
    assert "RUN" in done.stdout
    assert "example" in done.stdout


def test_an_incomplete_record_is_named_with_its_line(
    reported: tuple[Path, str], tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(reported[0], damaged)
    records = damaged / "runs.jsonl"
    text = records.read_text()
    records.write_text(text[:-200])
    done = run("report", damaged)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"line {text.count(chr(10))}: the last line is incomplete" in done.stderr


def test_conflicting_verdicts_end_compare_with_status_1(tmp_path: Path) -> None:
    passes = {"time": 20}
    fast = write_run(tmp_path / "a", Plan(passes=passes, speed={"jemalloc": 0.5}))
    slow = write_run(tmp_path / "b", Plan(passes=passes, speed={"jemalloc": 2.0}, seed=2))
    done = run("compare", fast, slow)
    assert done.returncode == 1
    assert "conflict" in done.stdout
    no_calls = run("table", fast, "--mind-study")
    assert no_calls.returncode == 2
    assert "no syscalls pass" in no_calls.stderr


def test_any_python_starts_the_one_of_venv(reported: tuple[Path, str]) -> None:
    others = [
        p
        for p in ("/usr/bin/python3", shutil.which("python3", path=os.defpath))
        if p and Path(p).exists()
    ]
    if not others:
        pytest.skip("this machine has no Python beside the project's")
    done = run("table", reported[0], "--metric", "wall_s", python=others[0])
    assert done.returncode == 0, done.stderr


def test_a_missing_environment_gives_one_message(tmp_path: Path) -> None:
    shutil.copy(TREE / "stats.py", tmp_path)
    done = subprocess.run(
        [sys.executable, tmp_path / "stats.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "run ./install.sh" in done.stderr


def test_an_unwritable_place_gives_one_message(reported: tuple[Path, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("report", reported[0], "--out", tmp_path / "file")
    assert done.returncode == 2
    assert done.stderr.startswith("stats.py: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("failures", [{}, {"ptmalloc": "timeout"}])
def test_a_run_with_nothing_to_compare_is_reported_with_a_message(
    tmp_path: Path, failures: dict[str, str]
) -> None:
    alone: dict[str, Any] = {"allocators": ["ptmalloc"], "workloads": [("w", "")], "threads": [1]}
    folder = write_run(tmp_path / "run", Plan(passes={"time": 1}, failures=failures, **alone))
    assert run("report", folder).returncode == 0
    table = run("table", folder, "--metric", "wall_s")
    assert table.returncode == 2
    assert "compares nothing with ptmalloc" in table.stderr
    assert run("compare", folder, folder).returncode == 2
