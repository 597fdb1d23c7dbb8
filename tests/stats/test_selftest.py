"""The A/A copy and the positive control are judged, and a run that fails is refused belief."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stats.estimates.analysis import Analysis, analyse
from stats.estimates.selftest import DIFFERS, FOUND, MISSED, NOT_JUDGED, SOUND, TOO_SMALL
from stats.report.sentences import selftest_sentences
from stats.tidy.run import read_run
from tests.stats.synthetic import Plan, write_run

TREE = Path(__file__).parents[2]
SLOW0, SLOW5 = "ptmalloc#slow0", "ptmalloc#slow5"
WORKLOADS = [(f"w{i}", "") for i in range(8)]


def run_of(
    folder: Path, noise: float = 0.01, time: int = 20, copy: float = 1.0, slow: float = 1.05
) -> Path:
    """A run with an A/A copy and a positive control, of which the true times are `copy` and `slow`."""
    names = ["ptmalloc", "ptmalloc#2", "jemalloc", SLOW0, SLOW5]
    plan = Plan(
        allocators=names, workloads=WORKLOADS, threads=[1], passes={"time": time}, noise=noise,
        speed={"ptmalloc#2": copy, SLOW5: slow},
    )  # fmt: skip
    write_run(folder, plan)
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, slowdown in ((SLOW0, 0.0), (SLOW5, 0.05)):
        manifest["allocators"].append({"name": name, "role": "control", "slowdown": slowdown})
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def outcomes(analysis: Analysis) -> dict[tuple[str, str], str]:
    return {(f.allocator, f.metric): f.outcome for f in analysis.findings}


def test_a_sound_run_has_an_equal_copy_and_finds_its_control(tmp_path: Path) -> None:
    analysis = analyse(read_run(run_of(tmp_path / "run")))
    found = outcomes(analysis)
    assert found["ptmalloc#2", "wall_s"] == SOUND
    assert found[SLOW5, "wall_s"] == FOUND
    assert not any(f.is_alarm for f in analysis.findings)


def test_the_control_takes_no_part_in_the_comparison(tmp_path: Path) -> None:
    analysis = analyse(read_run(run_of(tmp_path / "run")))
    assert set(analysis.estimates["allocator"]) == {"ptmalloc#2", "jemalloc"}
    assert analysis.allocators[SLOW5].role == "control"


@pytest.mark.parametrize("copy", [2.0, 1.04])
def test_a_slower_copy_is_an_alarm(tmp_path: Path, copy: float) -> None:
    analysis = analyse(read_run(run_of(tmp_path / "run", copy=copy)))
    assert outcomes(analysis)["ptmalloc#2", "wall_s"] == DIFFERS
    assert any(s.startswith("ALARM: A/A ptmalloc#2") for s in selftest_sentences(analysis))


def test_a_control_without_its_slowdown_is_missed(tmp_path: Path) -> None:
    analysis = analyse(read_run(run_of(tmp_path / "run", slow=1.0)))
    assert outcomes(analysis)[SLOW5, "cpu_s"] == MISSED
    assert any(f.is_alarm for f in analysis.findings)


def test_a_noisy_run_says_that_it_could_not_have_found_its_control(tmp_path: Path) -> None:
    analysis = analyse(read_run(run_of(tmp_path / "run", noise=0.4)))
    assert outcomes(analysis)[SLOW5, "wall_s"] in (TOO_SMALL, FOUND)
    assert not any(f.is_alarm for f in analysis.findings)


def test_too_few_replicates_are_not_judged(tmp_path: Path) -> None:
    analysis = analyse(read_run(run_of(tmp_path / "run", time=10)))
    assert set(outcomes(analysis).values()) == {NOT_JUDGED}


def test_many_small_p_values_are_an_alarm_though_the_mean_is_1(tmp_path: Path) -> None:
    folder = run_of(tmp_path / "run")
    records = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
    for record in records:
        if record["allocator"] == "ptmalloc#2":
            factor = 1.03 if int(record["workload"][1:]) % 2 else 1 / 1.03
            record["metrics"] = {k: v * factor for k, v in record["metrics"].items()}
    (folder / "runs.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    analysis = analyse(read_run(folder))
    assert outcomes(analysis)["ptmalloc#2", "wall_s"] == DIFFERS


def test_what_is_missing_is_said(planted: Analysis) -> None:
    assert any("No positive control" in s for s in selftest_sentences(planted))
    other = analyse(planted.run, "jemalloc")
    assert any("not of the baseline jemalloc" in s for s in selftest_sentences(other))


def test_alarms_are_as_rare_as_promised_in_sound_runs() -> None:
    """The share of 300 runs of equal allocators with an alarm is at most that of two tests at 1 %."""
    from stats.estimates.comparison import Comparison, compare
    from stats.estimates.pairing import copy_with_original
    from stats.estimates.selftest import judge_copies
    from stats.estimates.verdict import Limits
    from stats.tidy.metrics import registry
    from tests.stats.tidy_tables import tidy_of

    random = np.random.default_rng(9)
    alarms = 0
    for _ in range(300):
        values = {name: np.exp(random.normal(0, 0.05, (12, 20))) for name in ("a", "a#2")}
        table = tidy_of(values)
        found: Comparison = compare(table, copy_with_original, registry(), Limits())
        alarms += any(f.is_alarm for f in judge_copies(found, registry(), Limits()))
    assert alarms <= 13  # 2 % of 300, and three standard errors


@pytest.mark.parametrize(
    ("copy", "slow", "selftest", "report"), [(1.0, 1.05, 0, 0), (2.0, 1.05, 1, 3), (1.0, 1.0, 1, 3)]
)
def test_exit_statuses(
    tmp_path: Path, copy: float, slow: float, selftest: int, report: int
) -> None:
    folder = run_of(tmp_path / "run", copy=copy, slow=slow)
    for verb, status in (("selftest", selftest), ("report", report)):
        done = subprocess.run(
            [sys.executable, TREE / "stats.py", verb, folder],
            capture_output=True, text=True, check=False, timeout=200,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        assert ("ALARM" in done.stdout) == bool(status)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert ('class="alarm"' in page) == bool(report)
    assert page.index('id="selftest"') < page.index('id="summary"')
