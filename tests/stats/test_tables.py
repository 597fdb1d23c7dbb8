"""Tables and their forms."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pandas as pd
import pytest

from stats.errors import DataError
from stats.estimates.analysis import CLOCK_STEP, Analysis
from stats.report.files import tables_of_run
from stats.tables import diagnostics, mind_study, ratios
from stats.tables.render import markdown, render, terminal
from stats.tables.table import Table

FRAME = pd.DataFrame({"name": ["a_b", "c"], "value": ["1.00 ✓", "50 % <x>"]})
TABLE = Table("t", "Title", FRAME, pd.DataFrame({"raw": [1.5]}), ["a note"])


def test_the_overall_table_has_every_row_and_its_summary(planted: Analysis) -> None:
    table = ratios.overall(planted, planted.metrics["wall_s"])
    labels = list(table.frame["workload · threads"])
    assert labels[:-6] == list(planted.cases.values())
    assert labels[-6:] == [
        "geometric mean",
        "over replicates",
        "over workloads",
        "without one workload",
        "worst row",
        "ahead : equivalent : behind : undecided",
    ]
    assert table.frame["slotmalloc"].str.endswith("✓")[:4].all()
    assert not table.frame["bump"].str.contains("✓").any()
    assert table.frame["slotmalloc"].iloc[-1] == "4 : 0 : 0 : 0"
    assert table.frame["slotmalloc"].iloc[-6].endswith("✓")  # a headline has a verdict of its own


def test_with_too_few_pairs_the_values_stand_in_place_of_ratios(planted: Analysis) -> None:
    table = ratios.overall(planted, planted.metrics["footprint_peak_bytes"])
    row = table.frame.iloc[0]
    assert row["slotmalloc"] == "114 MiB ·"
    assert row["ptmalloc"] == "191 MiB ·"
    assert table.footer == 0
    assert "that takes 15 pairs" in table.notes[1]
    details = ratios.details(planted, planted.metrics["footprint_peak_bytes"]).frame
    assert set(details["ratio"]) == {"–"}
    assert set(details["verdict"]) == {"not compared", "(reference)", "(A/A copy)"}


def test_rows_stand_in_the_order_of_the_experiment(planted: Analysis) -> None:
    assert list(planted.cases.values()) == [
        "rounds · 1T",
        "rounds · 2T",
        "larson · 1T",
        "larson · 2T",
    ]


def test_details_name_interval_and_verdict(planted: Analysis) -> None:
    frame = ratios.details(planted, planted.metrics["wall_s"]).frame
    row = frame[frame["allocator"] == "jemalloc"].iloc[0]
    assert re.fullmatch(r"\[0\.\d\d, 0\.\d\d\]", row["95 % interval"])
    assert (row["verdict"], row["pairs"]) == ("ahead", "20")
    assert row["detectable"].endswith(" %")


def test_times_below_the_step_of_the_clock_are_printed_as_less(planted: Analysis) -> None:
    coarse = replace(
        planted, table=planted.table.assign(
            value=planted.table["value"].mask(planted.table["metric"] == CLOCK_STEP, 30.0)
        )
    )  # fmt: skip
    single = ratios.details(coarse, planted.metrics["malloc_ns_p50"])
    assert "< 30 ns" in set(single.frame["value"])
    assert any("steps of 30.0 ns" in note for note in single.notes)
    batches = ratios.details(coarse, planted.metrics["malloc_ns_batch_p50"])
    assert "<" not in "".join(batches.frame["value"])


def test_a_failure_is_listed_with_its_reason(planted: Analysis) -> None:
    table = diagnostics.status(planted)
    assert table.frame.iloc[0][["status", "allocator", "why", "processes"]].tolist() == [
        "crash",
        "mimalloc",
        "planted crash",
        "1",
    ]


def test_the_mind_table_holds_the_calls_that_the_study_left_out(planted: Analysis) -> None:
    assert {"mallocs_per_mmap", "brk_calls", "madvise_calls"} <= set(
        mind_study.mind_table(planted).frame.columns
    )


def test_a_metric_that_the_run_lacks_is_refused_with_those_it_has(planted: Analysis) -> None:
    with pytest.raises(DataError, match=r"no comparison of 'cycles'.*wall_s"):
        ratios.measured(planted, "cycles")


def test_every_table_can_be_written_in_every_form(planted: Analysis) -> None:
    for table in tables_of_run(planted):
        for form in ("term", "md", "csv", "latex"):
            assert render(table, form).strip(), (table.name, form)


def test_csv_holds_raw_numbers() -> None:
    assert pd.read_csv(io.StringIO(render(TABLE, "csv")))["raw"][0] == 1.5


def test_markdown_aligns_and_escapes() -> None:
    lines = markdown(Table("t", "T", pd.DataFrame({"a": ["x|y"], "b": ["1"]}), FRAME)).splitlines()
    assert lines[2:5] == ["| a | b |", "| :-- | --: |", "| x\\|y | 1 |"]


def test_latex_escapes_the_special_characters_of_latex() -> None:
    text = render(TABLE, "latex")
    assert r"a\_b & 1.00 \(+\) \\" in text
    assert r"50 \% \(<\)x\(>\)" in text
    assert text.count(r"\begin{tabular}{lr}") == 1


def test_a_wide_table_is_broken_to_the_terminal() -> None:
    frame = pd.DataFrame({"name": ["row"], **{f"column{i}": ["1.00"] for i in range(12)}})
    text = terminal(Table("t", "T", frame, frame), width=60)
    assert max(map(len, text.splitlines())) <= 60
    assert text.count("row") > 1
    assert all(f"column{i}" in text for i in range(12))


def test_colour_only_when_asked() -> None:
    assert "\x1b[" in terminal(TABLE, 80, colour=True)
    assert "\x1b[" not in terminal(TABLE, 80)
