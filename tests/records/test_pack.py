"""A packed run says what the run said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from records.pack import pack
from records.record import RecordError
from records.series import ARCHIVE
from stats.cli import main
from stats.tidy.run import read_run
from tests.stats.synthetic import Plan, write_run

SMALL = Plan(passes={"time": 2, "memory": 1, "syscalls": 1}, threads=[1])


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", SMALL)


def test_records_plan_and_series_come_back(run_dir: Path, tmp_path: Path) -> None:
    pack(run_dir, tmp_path / "packed")
    plain, packed = read_run(run_dir), read_run(tmp_path / "packed")
    assert packed.records == plain.records
    assert packed.manifest == plain.manifest
    assert packed.plan == plain.plan
    series = [(plain.series(r), packed.series(r)) for r in plain.records if r.get("series")]
    assert series
    for before, after in series:
        assert before is not None and after is not None
        assert before.equals(after)


def test_few_files_and_the_same_bytes_each_time(run_dir: Path, tmp_path: Path) -> None:
    names = {"manifest.json", "plan.json.xz", "runs.jsonl.xz", ARCHIVE}
    for into in (tmp_path / "a", tmp_path / "b"):
        pack(run_dir, into)
        assert {path.name for path in into.iterdir()} == names
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_packed_run_can_be_packed_again(run_dir: Path, tmp_path: Path) -> None:
    pack(run_dir, tmp_path / "once")
    pack(tmp_path / "once", tmp_path / "twice")
    for path in (tmp_path / "once").iterdir():
        assert path.read_bytes() == (tmp_path / "twice" / path.name).read_bytes()


def test_what_is_there_is_not_overwritten(run_dir: Path, tmp_path: Path) -> None:
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(RecordError, match=r"exists; help: remove it"):
        pack(run_dir, into)
    assert not list(into.iterdir())


def test_a_torn_archive_is_refused_with_its_name(run_dir: Path, tmp_path: Path) -> None:
    pack(run_dir, tmp_path / "packed")
    archive = tmp_path / "packed" / ARCHIVE
    archive.write_bytes(archive.read_bytes()[:60])
    packed = read_run(tmp_path / "packed")
    with pytest.raises(RecordError, match=rf"{ARCHIVE} cannot be read .* help: restore"):
        for record in packed.records:
            packed.series(record)


def test_the_verb_packs_and_says_how_much(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pack", str(run_dir), str(tmp_path / "packed")]) == 0
    records = len(read_run(run_dir).records)
    assert f"{records} records in" in capsys.readouterr().out
    assert main(["pack", str(run_dir), str(tmp_path / "packed")]) == 2


def test_the_folder_of_a_library_given_by_path_is_left_out(run_dir: Path, tmp_path: Path) -> None:
    manifest = run_dir / "manifest.json"
    content = json.loads(manifest.read_text())
    content["extra"] = [{"library": "/home/me/mine.so"}, {"library": "/usr/lib/theirs.so"}]
    manifest.write_text(json.dumps(content))
    pack(run_dir, tmp_path / "packed")
    extra = read_run(tmp_path / "packed").manifest["extra"]
    assert extra == [{"library": "mine.so"}, {"library": "/usr/lib/theirs.so"}]
