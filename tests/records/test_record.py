"""The type, the schema and the stored runs agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from records.record import SCHEMA, STATUSES, Record, not_started, violation
from records.store import RUNS, parse_records, read_text
from tests.records.sample import PLANNED, sample

REFERENCE = Path(__file__).resolve().parents[2] / "results" / "reference"
RUN_FOLDERS = sorted(path.parent for path in REFERENCE.glob(f"*/{RUNS}.xz"))


def test_the_type_has_the_fields_of_the_schema() -> None:
    assert set(Record.__annotations__) == set(SCHEMA["properties"])
    assert Record.__required_keys__ == set(SCHEMA["required"])


def test_the_sample_and_a_process_that_was_not_started_are_valid() -> None:
    assert violation(sample()) == ""
    assert violation(not_started(PLANNED, "", "refused", "no such file")) == ""


def test_the_good_status_comes_first() -> None:
    assert STATUSES[0] == "ok"
    assert len(STATUSES) == len(set(STATUSES))


@pytest.mark.parametrize("folder", RUN_FOLDERS, ids=lambda folder: folder.name)
def test_stored_runs_are_valid(folder: Path) -> None:
    """Every record is read, which checks it; of each pass and status some are checked in full."""
    records = parse_records(read_text(folder / RUNS))
    kinds: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        kinds.setdefault((record["pass"], record["status"]), []).append(record)
    for same in kinds.values():
        for record in same[:: max(1, len(same) // 20)]:
            assert violation(record) == "", record["run"]


def test_there_are_stored_runs() -> None:
    assert len(RUN_FOLDERS) >= 6
