"""Appending records loses nothing, and reading names what is damaged."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.record import RecordError
from records.store import RecordFile, parse_records, read_records, write_whole
from tests.records.sample import line, sample

ROOT = Path(__file__).resolve().parents[2]


def test_what_was_appended_reads_back(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "runs.jsonl")
    file.append(sample(1, metrics={"wall_s": 1.5}))
    file.append(sample(2))
    file.close()
    first, second = read_records(tmp_path / "runs.jsonl")
    assert first == sample(1, metrics={"wall_s": 1.5}, started=first["started"])
    assert second["run"] == sample(2)["run"]


def test_an_incomplete_last_line_is_removed_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(line(1) + line(2)[:-5])
    assert [r["run"] for r in read_records(path)] == ["time-000-001"]
    file = RecordFile(path)
    file.append(sample(3))
    file.close()
    assert [r["run"] for r in read_records(path)] == ["time-000-001", "time-000-003"]


def test_a_later_record_of_a_process_replaces_the_earlier(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(line(1) + line(2) + line(1, status="refused", why="other work"))
    assert [r["status"] for r in read_records(path)] == ["refused", "ok"]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(line(1) + "{broken}\n" + line(2))
    with pytest.raises(RecordError, match="line 2"):
        read_records(path)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"status": "fine", "why": "?"}, "'fine'"),
        ({"why": "although it is ok"}, "why"),
        ({"threads": 0}, "threads"),
        ({"metrics": {"wall_s": "1"}}, "wall_s"),
        ({"metrics": {"wall_s": float("nan")}}, "JSON"),
        ({"extra": 1}, "extra"),
        ({"latency": {"malloc_ns": {"count": 1}}}, "buckets"),
        ({"syscalls": {"mmap": {"calls": 1}}}, "failed"),
    ],
)
def test_an_invalid_record_is_not_written(
    tmp_path: Path, changes: dict[str, object], complaint: str
) -> None:
    path = tmp_path / "runs.jsonl"
    file = RecordFile(path)
    file.append(sample(0))
    with pytest.raises(RecordError, match=complaint):
        file.append(sample(1, **changes))
    file.close()
    assert len(read_records(path)) == 1


def test_two_harnesses_cannot_write_to_one_run(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "runs.jsonl")
    with pytest.raises(RecordError, match="another harness"):
        RecordFile(tmp_path / "runs.jsonl")
    file.close()
    RecordFile(tmp_path / "runs.jsonl").close()


def test_a_folder_in_the_way_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").mkdir()
    with pytest.raises(RecordError, match="cannot be opened"):
        RecordFile(tmp_path / "runs.jsonl")


_FILL = """
import sys
from pathlib import Path
from records.record import RecordError
from records.store import RecordFile
from tests.records.sample import sample
file = RecordFile(Path(sys.argv[1]))
for number in range(100):
    try:
        file.append(sample(number))
    except RecordError as error:
        print(number, error)
        break
"""


def test_a_full_disk_leaves_whole_lines_only(tmp_path: Path) -> None:
    """A limit on the size of files makes a write fail half way, as a full disk does."""
    path = tmp_path / "runs.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", _FILL, path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)),
    )
    written = int(done.stdout.split()[0])
    assert 0 < written < 100
    assert "cannot add a record" in done.stdout
    assert path.read_bytes().endswith(b"\n")
    assert [r["run"] for r in read_records(path)] == [sample(n)["run"] for n in range(written)]


def test_a_whole_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    write_whole(path, "old")
    path.with_name("plan.json.part").mkdir()
    with pytest.raises(RecordError, match="cannot be written"):
        write_whole(path, "new")
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "holds no record"),
        ("\n\n", "holds no record"),
        (line() + line(1)[:40], r"line 2: the last line is incomplete.*--resume"),
        (line() + "{broken\n" + line(1), "line 2: not valid JSON"),
        ("[1]\n", "line 1: malformed record, it is not a JSON object"),
        (line(schema=9), "schema is 9"),
        (line(status="fine"), "status 'fine' is none of ok, crash"),
        (line(threads="1"), "field 'threads' is '1'"),
        (line(metrics={"wall_s": "fast"}), "metric 'wall_s' has the value 'fast'"),
        (line(metrics={"wall_s": float("nan")}), "metric 'wall_s' has the value nan"),
        (
            json.dumps({k: v for k, v in sample().items() if k != "pass"}) + "\n",
            "field 'pass' is missing",
        ),
    ],
)
def test_unusable_text_is_refused_with_line_and_help(text: str, complaint: str) -> None:
    with pytest.raises(RecordError, match=complaint) as caught:
        parse_records(text)
    assert "help:" in str(caught.value)


def test_a_process_measured_again_counts_once() -> None:
    text = line(metrics={"wall_s": 1.0}) + line(metrics={"wall_s": 2.0})
    assert [r["metrics"]["wall_s"] for r in parse_records(text)] == [2.0]


def test_a_whole_last_line_without_newline_is_read() -> None:
    assert len(parse_records((line() + line(1)).rstrip("\n"))) == 2


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fail_otherwise_than_by_its_own_error(text: str) -> None:
    try:
        assert parse_records(text)
    except RecordError as error:
        assert "help:" in str(error)


@given(st.binary(max_size=60), st.integers(0, 200))
def test_a_damaged_record_is_read_or_named(garbage: bytes, place: int) -> None:
    whole = (line() + line(1)).encode()
    damaged = whole[:place] + garbage + whole[place:]
    try:
        assert parse_records(damaged.decode("utf-8", "replace"))
    except RecordError as error:
        assert "runs.jsonl" in str(error)
