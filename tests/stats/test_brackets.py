"""Peaks of which only two ends are known: tables show both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stats.estimates.analysis import Analysis, analyse
from stats.tables import ratios
from stats.tables.workload import workload
from stats.tidy.derived import MARK, PEAK
from stats.tidy.run import read_run
from tests.stats.synthetic import Plan, write_run

GIVEN_UP = "jemalloc"  # the allocator that used MADV_FREE


def run_with_marks(folder: Path, mark_over_peak: float) -> Analysis:
    """Memory passes of the synthetic run, with a higher mark under GIVEN_UP."""
    run = read_run(write_run(folder / "run", Plan(passes={"memory": 15})))
    records = []
    for record in run.records:
        metrics = dict(record["metrics"])
        factor = mark_over_peak if record["allocator"] == GIVEN_UP else 1.0
        metrics[MARK] = metrics[PEAK] * factor
        records.append(record | {"metrics": metrics})
    return analyse(replace(run, records=records))


@pytest.fixture(scope="module")
def bracketed(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return run_with_marks(tmp_path_factory.mktemp("bracketed"), 1.5)


def test_the_rows_of_a_bracket_have_both_ends_and_both_ratios(bracketed: Analysis) -> None:
    frame = ratios.details(bracketed, bracketed.metrics[PEAK]).frame.set_index("allocator")
    low, high = frame["ratio"][GIVEN_UP], frame["ratio of marks"][GIVEN_UP]
    assert [float(b) / float(a) for a, b in zip(low, high, strict=True)] == pytest.approx(
        [1.5] * len(low), rel=0.02
    )
    assert "–" not in set(frame["at most"][GIVEN_UP])
    assert set(frame["at most"]["mimalloc"]) == set(frame["ratio of marks"]["mimalloc"]) == {"–"}


def test_an_overview_says_which_peaks_are_brackets(bracketed: Analysis) -> None:
    notes = ratios.overall(bracketed, bracketed.metrics[PEAK]).notes
    assert any(f"{GIVEN_UP} (4 cases)" in note for note in notes)


def test_a_workloads_table_prints_both_ends(bracketed: Analysis) -> None:
    view = bracketed.only(next(iter(bracketed.settings)))
    frame = workload(view).frame.set_index("allocator")["peak footprint"]
    assert frame[GIVEN_UP].str.contains(" MiB to ").all()
    assert not frame["mimalloc"].str.contains(" to ").any()


def test_without_brackets_tables_have_one_number(tmp_path: Path) -> None:
    plain = run_with_marks(tmp_path, 1.0)
    table = ratios.details(plain, plain.metrics[PEAK])
    assert "at most" not in table.frame
    assert not any("LazyFree" in note for note in table.notes)
