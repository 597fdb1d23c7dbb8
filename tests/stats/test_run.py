"""Reading run directories: what is there is read, what is not is named with what helps."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.record import Record, RecordError
from stats.errors import DataError
from stats.tidy.run import TIDY_COLUMNS, read_run, read_tidy, tidy
from tests.stats.synthetic import Plan, base_record, write_run

SMALL = Plan(passes={"time": 2, "memory": 1, "syscalls": 1}, threads=[1])


def record(**changes: object) -> Record:
    base = base_record("r1", 0, "ptmalloc", "rounds", "", 1, "time")
    return cast(Record, {**base, "metrics": {"wall_s": 1.0}, **changes})


@given(
    st.dictionaries(
        st.sampled_from(["wall_s", "ops", "minor_faults"]),
        st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_tidy_holds_every_metric_of_every_ok_record_once(metrics: dict[str, float]) -> None:
    table = tidy(
        [record(metrics=metrics), record(run="r2", status="crash", metrics={"wall_s": 1.0})]
    )
    assert list(table.columns) == TIDY_COLUMNS
    assert dict(zip(table["metric"], table["value"], strict=True)) == {
        k: float(v) for k, v in metrics.items()
    }


def test_an_unregistered_metric_is_named() -> None:
    with pytest.raises(DataError, match=r"no metric is called 'speed'.*metrics\.toml"):
        tidy([record(metrics={"speed": 1.0})])


def test_a_record_without_series_has_none(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run", SMALL))
    assert run.series(run.ok("time")[0]) is None
    assert run.series(record(series="series/lost.csv")) is None


@pytest.mark.parametrize("damage", ["missing", "file", "no records", "bad xz", "bad manifest"])
def test_an_unusable_folder_gives_one_sentence(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "run"
    if damage != "missing":
        write_run(path, SMALL)
    if damage == "file":
        path = path / "runs.jsonl"
    if damage in ("no records", "bad xz"):
        (path / "runs.jsonl").unlink()
    if damage == "bad xz":
        (path / "runs.jsonl.xz").write_bytes(b"not xz")
    if damage == "bad manifest":
        (path / "manifest.json").write_text("{")
    with pytest.raises(RecordError, match="help:") as caught:
        read_run(path)
    assert "\n" not in str(caught.value)


def test_tidy_csv_comes_back_as_it_was(tmp_path: Path, planted_dir: Path) -> None:
    table = tidy(read_run(planted_dir).records)
    table.to_csv(tmp_path / "tidy.csv", index=False)
    pd.testing.assert_frame_equal(read_tidy(tmp_path / "tidy.csv"), table, check_dtype=False)
    table.drop(columns="unit").to_csv(tmp_path / "tidy.csv", index=False)
    with pytest.raises(DataError, match="columns are not"):
        read_tidy(tmp_path / "tidy.csv")
