"""Metrics that are computed when a run is read: stored runs follow the present definitions."""

from __future__ import annotations

from pathlib import Path

import pytest

from records.record import Record
from stats.estimates.analysis import open_analysis
from stats.tables import ratios
from stats.tidy.derived import NOT_RECORDED, derived
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


@pytest.mark.parametrize("name", ["mind", "rnbench"])
def test_the_reference_runs_follow_and_their_tables_note_what_is_left_out(name: str) -> None:
    for stored in read_run(REFERENCE / name).ok("syscalls"):
        values = stored["metrics"]
        wanted = sum(values[f"{c}_calls"] for c in ("mmap", "munmap", "mremap", "brk"))
        assert values["mind_messages"] == wanted
    analysis = open_analysis(REFERENCE / name)
    table = ratios.overall(analysis, analysis.metrics["mind_messages"])
    assert any("no process calls" in note for note in table.notes)
