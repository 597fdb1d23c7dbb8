"""Tables and figures print no number that rests on too little, and name what they leave out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from records.record import Record
from stats.estimates.analysis import Analysis, analyse
from stats.estimates.best_other import Leader
from stats.estimates.verdict import MIN_PAIRS, Limits
from stats.figures import Plot, plot, plots
from stats.figures._style import write_below
from stats.report.page import write_page
from stats.report.sentences import headline_sentence, verdict_sentence
from stats.tables import against_best, comparison, counters, diagnostics, mind_study, ratios
from stats.tables.workload import workload
from stats.tidy.allocators import allocators_of
from stats.tidy.derived import SAMPLES_FOR, derived
from stats.tidy.reasons import merged
from stats.tidy.run import Run, read_run
from tests.stats.synthetic import Plan, base_record, write_run

RATIO_FIGURES = ["forest", "overview", "spread"]


def run_of(folder: Path, **passes: int) -> Analysis:
    return analyse(read_run(write_run(folder / "run", Plan(passes=passes))))


def changed(analysis: Analysis, change: Callable[[Record], Record | None]) -> Analysis:
    """The analysis of the same run with changed records; None drops one."""
    records = [new for record in analysis.run.records if (new := change(record)) is not None]
    return analyse(replace(analysis.run, records=records))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """One pair less than a ratio needs."""
    return run_of(tmp_path_factory.mktemp("few"), time=MIN_PAIRS - 1, memory=2)


def view(figure: Plot, analysis: Analysis) -> Analysis:
    return figure.all_views(analysis)[0][1]


@pytest.mark.parametrize("name", RATIO_FIGURES)
def test_no_ratio_is_drawn_of_too_few_pairs(name: str, few: Analysis) -> None:
    figure = plot(name)
    assert figure.draw(view(figure, few)) is None
    assert figure.interactive(view(figure, few)) is None
    assert f"not compared, {MIN_PAIRS - 1} of {MIN_PAIRS} pairs" in figure.why_not(
        view(figure, few)
    )


def test_the_report_says_why_a_figure_is_not_drawn(few: Analysis, tmp_path: Path) -> None:
    write_page(few, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<b>Every wall-time ratio</b> is not drawn." in page


def test_tables_have_a_dash_for_a_ratio_of_too_few_pairs(few: Analysis) -> None:
    metric = few.metrics["wall_s"]
    assert set(ratios.details(few, metric).frame["ratio"]) == {"–"}
    assert set(diagnostics.noise(few).frame["ratio"]) == {"–"}
    compared = comparison.comparison_table(few, few, "wall_s").frame
    for column in ("ratio A", "ratio B", "B / A", "95 % interval"):
        assert set(compared[column]) == {"–"}
    rows = against_best.rows_table(few, "slotmalloc", [metric]).frame
    assert set(rows["ratio"]) == {"–"}


def test_the_raw_numbers_of_a_dash_stand_in_the_csv_file_with_their_pairs(few: Analysis) -> None:
    raw = ratios.details(few, few.metrics["wall_s"]).raw
    assert raw["ratio"].notna().all()
    assert set(raw["n"]) == {MIN_PAIRS - 1}


@pytest.mark.parametrize(
    "name", sorted(p for p in plots() if hasattr(plots()[p].module, "coverage"))
)
def test_a_figure_says_how_much_stands_behind_it(name: str, planted: Analysis) -> None:
    notes = plot(name).notes(view(plot(name), planted))
    assert notes[0].startswith("Behind each mark or curve: ")


@pytest.mark.parametrize(
    ("name", "pass_name"),
    [
        ("forest", "time"),
        ("overview", "time"),
        ("spread", "time"),
        ("threads", "time"),
        ("memory_speed", "memory"),
        ("kernel_calls", "syscalls"),
        ("latency", "latency"),
        ("footprint", "memory"),
        ("net_mapped", "syscalls"),
    ],
)
def test_a_figure_names_who_is_missing_and_why(
    name: str, pass_name: str, planted: Analysis
) -> None:
    def crash(record: Record) -> Record | None:
        if record["pass"] != pass_name:
            return record
        if record["allocator"] == "bump":
            return None
        gone = record["allocator"] == "jemalloc"
        return record | {"status": "crash", "why": "ended by SIGSEGV"} if gone else record

    figure, analysis = plot(name), changed(planted, crash)
    text = " ".join(figure.notes(view(figure, analysis)))
    assert "jemalloc (" in text
    assert "ended by SIGSEGV" in text
    assert f"bump (no process of the {pass_name} pass)" in text


def test_a_figure_counts_the_failed_processes_of_what_it_draws(planted: Analysis) -> None:
    text = " ".join(plot("spread").notes(planted))  # mimalloc's first process crashed
    assert "Behind each mark or curve: 19 to 20 pairs." in text
    assert "mimalloc in rounds · 1T (1 of 20 processes, crash: planted crash)" in text


def test_an_allocator_with_the_value_zero_is_named_where_axes_are_logarithmic(
    planted: Analysis,
) -> None:
    def without_memory(record: Record) -> Record:
        if record["allocator"] != "mimalloc" or record["pass"] != "memory":
            return record
        return record | {"metrics": record["metrics"] | {"footprint_peak_bytes": 0.0}}

    figure = plot("memory_speed")
    notes = figure.notes(view(figure, changed(planted, without_memory)))
    assert any("mimalloc (a value of 0 has no place" in note for note in notes)


def test_markers_that_cover_each_other_are_named(planted: Analysis) -> None:
    def alike(record: Record) -> Record:
        if record["allocator"] not in ("jemalloc", "mimalloc"):
            return record
        same = {"wall_s": 0.5, "footprint_peak_bytes": 3e8}
        kept = {k: v for k, v in same.items() if k in record["metrics"]}
        return record | {"metrics": record["metrics"] | kept}

    figure = plot("memory_speed")
    notes = figure.notes(view(figure, changed(planted, alike)))
    assert any("jemalloc and mimalloc (1 thread)" in note for note in notes)


def test_two_numbers_of_threads_are_not_joined(planted: Analysis) -> None:
    figure = plot("threads")
    drawn, shown = figure.draw(view(figure, planted)), figure.interactive(view(figure, planted))
    assert drawn is not None
    assert {line.get_linestyle() for line in drawn.axes[0].lines} == {"None"}
    assert {trace.mode for trace in shown.data} == {"markers"}


def latency(folder: Path, samples: int) -> Analysis:
    """A run with one process and so many samples of malloc and free, some of them 0."""
    histogram = {"count": samples, "buckets": [[0.0, samples // 2], [30.0, samples - samples // 2]]}
    metrics = {"malloc_ns_p50": 30.0, "clock_quantum_ns": 10.0}
    record = base_record("r", 0, "ptmalloc", "w", "", 1, "latency") | {
        "metrics": metrics,
        "latency": {"malloc_ns": histogram, "free_ns": histogram},
    }
    return analyse(Run(folder, {}, {}, [record])).only(("w", ""))


def test_a_curve_of_few_samples_is_a_sentence(tmp_path: Path) -> None:
    figure, analysis = plot("latency"), latency(tmp_path, 99)
    assert figure.draw(analysis) is None
    assert "99 samples" in figure.why_not(analysis)
    assert figure.draw(latency(tmp_path, 100)) is not None


def test_times_below_the_clocks_step_lie_in_a_band_and_zero_is_on_the_axis(tmp_path: Path) -> None:
    drawn = plot("latency").draw(latency(tmp_path, 1000))
    assert drawn is not None
    axis = drawn.axes[0]
    (band,) = axis.patches
    low, high = axis.get_ylim()
    assert band.get_extents().transformed(axis.transData.inverted()).y1 == pytest.approx(10.0)
    assert all(low <= y <= high for line in axis.lines for y in np.asarray(line.get_ydata()))


@pytest.mark.parametrize(("name", "needed"), SAMPLES_FOR.items())
def test_a_percentile_takes_ten_slower_samples(name: str, needed: int) -> None:
    record = base_record("r", 0, "x", "w", "", 1, "latency")
    metrics = {f"malloc_ns_{name}": 30.0, "malloc_ns_max": 90.0}
    for count in (needed - 1, needed):
        found = derived(record | {"metrics": metrics, "latency": {"malloc_ns": {"count": count}}})
        assert (f"malloc_ns_{name}" in found["metrics"]) == (count == needed)
        assert found["metrics"]["malloc_ns_max"] == 90.0
    short = derived(record | {"metrics": metrics, "latency": {"malloc_ns": {"count": 3}}})
    assert short["unavailable"][f"malloc_ns_{name}"].endswith("and there are 3")


def test_a_table_says_why_values_are_missing(planted: Analysis) -> None:
    def short(record: Record) -> Record:
        if record["pass"] != "memory" or record["allocator"] != "jemalloc":
            return record
        kept = {k: v for k, v in record["metrics"].items() if k != "fragmentation_mean"}
        return record | {"metrics": kept, "unavailable": {"fragmentation_mean": "2 readings"}}

    analysis = changed(planted, short)
    table = workload(analysis.only(next(iter(analysis.settings))))
    frame = table.frame.set_index("allocator")
    assert set(frame["footprint / live"][["jemalloc"]]) == {"–"}
    assert any("2 readings" in note for note in table.notes)


def test_every_table_of_ratios_says_how_many_pairs_it_has(planted: Analysis) -> None:
    metric = planted.metrics["wall_s"]
    for table in (ratios.overall(planted, metric), ratios.details(planted, metric)):
        assert any(
            "Pairs in a row: 20, in 1 of 20 rows 19. Intervals: 95 %." in note
            for note in table.notes
        )
    one = workload(planted.only(next(iter(planted.settings))))
    assert any("time 19 to 20, " in note and "syscalls 1" in note for note in one.notes)
    summary = against_best.summary_table(planted, "slotmalloc", [metric])
    assert any("Pairs in a case: wall_s 20." in note for note in summary.notes)
    assert set(mind_study.mind_table(planted).frame["processes"]) == {"1"}


def test_words_of_verdicts_have_their_limits_beside_them(planted: Analysis) -> None:
    analysis = replace(planted, limits=Limits(0.03, 0.07))
    metric = analysis.metrics["wall_s"]
    assert "ahead of ptmalloc (above 3 %)" in headline_sentence(analysis, metric)
    assert "95 % interval over 20 replicates" in headline_sentence(analysis, metric)
    estimates = analysis.estimates.assign(verdict="equivalent")
    same = replace(analysis, estimates=estimates)
    assert "equivalent (within 7 %)" in verdict_sentence(same, metric)


@pytest.mark.parametrize(
    ("verdict", "heading"), [("ahead", "a ahead (above 3 %)"), ("equivalent", "a = b (within 7 %)"),
                             ("undecided", "undecided (a, b)")],
)  # fmt: skip
def test_a_heading_names_a_winner_only_with_its_verdict(verdict: str, heading: str) -> None:
    row: Any = {"best": "b", "low": 0.5, "high": 0.7, "ratio": 0.6, "verdict": verdict}
    leader = Leader("a", row, row)
    sentence, short = counters._leader_texts(leader, Limits(0.03, 0.07))
    assert short == heading
    assert "(95 %)" in sentence


def test_no_two_allocators_share_colour_and_marker() -> None:
    names = [f"unheard{i}" for i in range(30)]
    references = ["bump", "lifo", "null"]
    found = allocators_of([*names, *references, "ptmalloc"], "ptmalloc", {}).values()
    for kind in ("marker", "plotly_marker"):
        assert len({(a.colour, getattr(a, kind)) for a in found}) == len(found)
    # curves on screen have no markers
    assert len({a.colour for a in found if a.is_reference}) == len(references)


@pytest.mark.parametrize(
    ("reasons", "texts"),
    [
        (["too few: 2", "too few: 9", "too few: 4"], ["too few: 2 to 9"]),
        (["a", "a", "b"], ["a", "b"]),
        ([], []),
    ],
)
def test_reasons_that_differ_in_a_number_are_one(reasons: list[str], texts: Sequence[str]) -> None:
    assert merged(reasons) == texts


def test_notes_cover_nothing_of_a_figure(planted: Analysis) -> None:
    figure = plot("memory_speed").draw(planted.only(next(iter(planted.settings))))
    assert figure is not None
    write_below(figure, ["a note " * 60])
    figure.draw_without_rendering()
    extents = [box.get_window_extent() for box in [figure.texts[-1], *figure.legends]]
    extents += [box for axes in figure.axes if (box := axes.get_tightbbox()) is not None]
    assert not any(extents[0].overlaps(other) for other in extents[1:])
