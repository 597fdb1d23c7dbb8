"""Reading run directories: what is there is read, what is not is named with a cure."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats.errors import DataError
from stats.load import TIDY_COLUMNS, read_run, read_tidy, tidy
from stats.records import parse_records
from tests.stats.synthetic import Plan, base_record, write_run

SMALL = Plan(passes={"time": 2, "memory": 1, "syscalls": 1}, threads=[1])


def record(**changes: object) -> dict[str, object]:
    return (
        base_record("r1", 0, "ptmalloc", "rounds", "", 1, "time")
        | {"metrics": {"wall_s": 1.0}}
        | changes
    )


def line(**changes: object) -> str:
    return json.dumps(record(**changes))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "holds no record"),
        ("\n\n", "holds no record"),
        (line() + "\n" + line(run="r2")[:40], r"line 2: the last line is torn.*--resume"),
        (line() + "\n{broken\n" + line(run="r2") + "\n", "line 2: not valid JSON"),
        ("[1]\n", "line 1: malformed record, it is not a JSON object"),
        (line(schema=9) + "\n", "schema is 9"),
        (line(status="fine") + "\n", "status 'fine' is none of ok, crash"),
        (line(threads="1") + "\n", "field 'threads' is '1'"),
        (line(metrics={"wall_s": "fast"}) + "\n", "metric 'wall_s' has the value 'fast'"),
        (line(metrics={"wall_s": float("nan")}) + "\n", "metric 'wall_s' has the value nan"),
        (
            json.dumps({k: v for k, v in record().items() if k != "pass"}) + "\n",
            "field 'pass' is missing",
        ),
    ],
)
def test_unusable_text_is_refused_with_line_and_cure(text: str, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        parse_records(text)
    assert "Cure:" in str(caught.value)


def test_a_process_measured_again_counts_once() -> None:
    text = line(metrics={"wall_s": 1.0}) + "\n" + line(metrics={"wall_s": 2.0}) + "\n"
    assert [r["metrics"]["wall_s"] for r in parse_records(text)] == [2.0]


def test_a_whole_last_line_without_newline_is_read() -> None:
    assert len(parse_records(line() + "\n" + line(run="r2"))) == 2


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fail_otherwise_than_by_its_own_error(text: str) -> None:
    try:
        assert parse_records(text)
    except DataError as error:
        assert "Cure:" in str(error)


@given(st.binary(max_size=60), st.integers(0, 200))
def test_a_damaged_record_is_read_or_named(garbage: bytes, place: int) -> None:
    whole = (line() + "\n" + line(run="r2") + "\n").encode()
    damaged = whole[:place] + garbage + whole[place:]
    try:
        assert parse_records(damaged.decode("utf-8", "replace"))
    except DataError as error:
        assert "runs.jsonl" in str(error)


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
    assert run.series({"series": "series/lost.csv"}) is None


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
    with pytest.raises(DataError, match="Cure:") as caught:
        read_run(path)
    assert "\n" not in str(caught.value)


def test_tidy_csv_comes_back_as_it_was(tmp_path: Path, planted_dir: Path) -> None:
    table = tidy(read_run(planted_dir).records)
    table.to_csv(tmp_path / "tidy.csv", index=False)
    pd.testing.assert_frame_equal(read_tidy(tmp_path / "tidy.csv"), table, check_dtype=False)
    table.drop(columns="unit").to_csv(tmp_path / "tidy.csv", index=False)
    with pytest.raises(DataError, match="columns are not"):
        read_tidy(tmp_path / "tidy.csv")
