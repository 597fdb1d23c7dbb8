"""Metrics that are computed when a run is read: stored runs follow the present definitions."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.readings import FEWEST, too_few
from records.record import Record
from stats.estimates.analysis import open_analysis
from stats.tables import ratios
from stats.tidy.derived import (
    FEWEST_ROUNDS,
    MARK,
    MEANS,
    NO_MARK,
    NOT_RECORDED,
    PEAK,
    ROUNDS,
    SAMPLED_PEAK,
    derived,
)
from stats.tidy.run import read_run
from tests.stats.synthetic import base_record

REFERENCE = Path(__file__).resolve().parents[2] / "results" / "reference"
COUNTS = {
    "mmap_calls": 1,
    "munmap_calls": 20,
    "mremap_calls": 300,
    "brk_calls": 4000,
    "madvise_calls": 50000,
    "mprotect_calls": 600000,
}


def record(**metrics: float) -> Record:
    return base_record("r1", 0, "x", "rounds", "", 1, "syscalls") | {"metrics": metrics}


def test_mind_forwards_mappings_brk_and_processes_but_neither_madvise_nor_mprotect() -> None:
    found = derived(record(**COUNTS, process_calls=7_000_000))
    assert found["metrics"]["mind_messages"] == 7_004_321
    assert "mind_messages" not in found["unavailable"]


def test_a_stored_sum_is_computed_again_and_a_missing_summand_is_noted() -> None:
    found = derived(record(**COUNTS, mind_messages=4021))
    assert found["metrics"]["mind_messages"] == 4321
    assert found["unavailable"]["mind_messages"] == NOT_RECORDED


def test_a_recorded_zero_is_no_missing_summand() -> None:
    assert derived(record(**dict.fromkeys(COUNTS, 0), process_calls=0))["unavailable"] == {}


def test_a_record_of_another_pass_gets_no_sum() -> None:
    assert derived(record(wall_s=1.0))["metrics"] == {"wall_s": 1.0}


def rounds(*walls: float, pass_name: str = "time") -> Record:
    lines = [{"round": i, "t_s": 0.0, "wall_s": wall} for i, wall in enumerate(walls)]
    return base_record("r1", 0, "x", "rounds", "", 1, pass_name) | {"rounds": lines}


def test_the_first_round_and_the_steady_state_are_told_apart() -> None:
    found = derived(rounds(18.7, 5.1, 2.1, 2.0, 1.0, *[0.4] * 4, 0.9))["metrics"]
    assert found["first_round_s"] == 18.7
    assert found["steady_round_s"] == pytest.approx(0.5)  # a rare stall counts with its share


def test_a_process_of_few_rounds_has_no_steady_state() -> None:
    found = derived(rounds(*[1.0] * (FEWEST_ROUNDS - 1)))
    assert not set(ROUNDS) & set(found["metrics"])
    assert "10 rounds, and there are 9" in found["unavailable"]["steady_round_s"]


@pytest.mark.parametrize("pass_name", ["memory", "latency", "syscalls"])
def test_rounds_that_an_instrument_slowed_are_not_timed(pass_name: str) -> None:
    assert not set(ROUNDS) & set(derived(rounds(*[1.0] * 20, pass_name=pass_name))["metrics"])


def sampled(readings: int, **metrics: float) -> Record:
    rows = [f"{t},1,100,,,,9" for t in range(readings)]
    series = "\n".join(["t_s,phase,rss_bytes", "-1.0,0,5,,,,0", *rows, "99.0,2,5,,,,0"])
    record = base_record("r1", 0, "x", "rounds", "", 1, "memory") | {"metrics": metrics}
    return derived(record, lambda: series)


def test_a_stored_peak_of_samples_says_that_shorter_ones_are_missing() -> None:
    found = sampled(50, **{PEAK: 100.0, "footprint_mean_bytes": 50.0})
    assert found["metrics"] == {PEAK: 100.0, "footprint_mean_bytes": 50.0}
    assert found["unavailable"] == {PEAK: SAMPLED_PEAK, MARK: NO_MARK}


def test_a_stored_mean_of_few_samples_is_left_out() -> None:
    """Only samples of the measured region count; two others stand in the series."""
    found = sampled(FEWEST - 1, **{PEAK: 100.0, **dict.fromkeys(MEANS, 50.0)})
    assert found["metrics"] == {PEAK: 100.0}
    assert all(found["unavailable"][name] == too_few(FEWEST - 1) for name in MEANS)


def test_a_record_with_the_mark_or_the_reason_why_it_lacks_it_stays() -> None:
    record = base_record("r1", 0, "x", "rounds", "", 1, "memory")
    assert derived(record | {"metrics": {MARK: 1.0}})["unavailable"] == {}
    refused = record | {"metrics": {PEAK: 1.0}, "unavailable": {MARK: "not permitted"}}
    assert derived(refused)["unavailable"] == {MARK: "not permitted"}


def test_the_reference_runs_say_that_they_hold_no_mark() -> None:
    analysis = open_analysis(REFERENCE / "mind")
    table = ratios.overall(analysis, analysis.metrics[PEAK])
    assert any(SAMPLED_PEAK in note for note in table.notes)
    for record in analysis.run.ok("memory"):
        assert record["unavailable"][MARK] == NO_MARK
        assert "footprint_mean_bytes" in {*record["metrics"], *record["unavailable"]}


@pytest.mark.parametrize("name", ["mind", "rnbench"])
def test_the_reference_runs_follow_and_their_tables_note_what_is_left_out(name: str) -> None:
    for stored in read_run(REFERENCE / name).ok("syscalls"):
        values = stored["metrics"]
        wanted = sum(values[f"{c}_calls"] for c in ("mmap", "munmap", "mremap", "brk"))
        assert values["mind_messages"] == wanted
    analysis = open_analysis(REFERENCE / name)
    table = ratios.overall(analysis, analysis.metrics["mind_messages"])
    assert any("no process calls" in note for note in table.notes)
