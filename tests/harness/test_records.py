from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import StorageError
from harness.records import RecordFile, encode, read_records, write_whole


def record(name: str, **more: object) -> dict[str, object]:
    return {"run": name, **more}


def test_what_was_appended_reads_back(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "runs.jsonl")
    file.append(record("a", value=1.5))
    file.append(record("b"))
    file.close()
    assert read_records(tmp_path / "runs.jsonl") == [record("a", value=1.5), record("b")]


def test_a_torn_last_line_is_cut_off_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_bytes(encode(record("a")) + encode(record("b"))[:-5])
    assert [r["run"] for r in read_records(path)] == ["a"]
    file = RecordFile(path)
    file.append(record("c"))
    file.close()
    assert [r["run"] for r in read_records(path)] == ["a", "c"]


def test_a_later_record_of_a_run_replaces_the_earlier(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_bytes(
        encode(record("a", status="ok"))
        + encode(record("b"))
        + encode(record("a", status="refused"))
    )
    assert [r.get("status") for r in read_records(path)] == ["refused", None]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_bytes(encode(record("a")) + b"{broken}\n" + encode(record("b")))
    with pytest.raises(StorageError, match="line 2"):
        read_records(path)


def test_two_harnesses_cannot_write_to_one_run(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "runs.jsonl")
    with pytest.raises(StorageError, match="another harness"):
        RecordFile(tmp_path / "runs.jsonl")
    file.close()
    RecordFile(tmp_path / "runs.jsonl").close()


def test_a_folder_in_the_way_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").mkdir()
    with pytest.raises(StorageError, match="cannot be opened"):
        RecordFile(tmp_path / "runs.jsonl")


_FILL = """
import sys
from pathlib import Path
from harness.errors import StorageError
from harness.records import RecordFile
file = RecordFile(Path(sys.argv[1]))
for number in range(100):
    try:
        file.append({"run": str(number), "filler": "x" * 100})
    except StorageError as error:
        print(number, error)
        break
"""


def test_a_full_disk_leaves_whole_lines_only(tmp_path: Path, root: Path) -> None:
    """A limit on the size of files makes a write fail half way, as a full disk does."""
    path = tmp_path / "runs.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", _FILL, path],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
    )
    written = int(done.stdout.split()[0])
    assert 0 < written < 100
    assert "cannot add a record" in done.stdout
    assert path.read_bytes().endswith(b"\n")
    assert [r["run"] for r in read_records(path)] == [str(n) for n in range(written)]


def test_not_a_number_is_no_record() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode(record("a", value=float("nan")))


def test_a_whole_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    write_whole(path, "old")
    path.with_name("plan.json.part").mkdir()
    with pytest.raises(StorageError, match="cannot be written"):
        write_whole(path, "new")
    assert path.read_text() == "old"
