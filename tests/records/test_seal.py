"""Records that were changed after a run are noticed, and named with what is missing."""

from __future__ import annotations

import json
import pkgutil
from pathlib import Path

import pytest

from records.pack import pack
from records.record import RecordError
from records.seal import BY_HARNESS, KEY, change, of_folder, of_manifest, seal_by_hand
from records.store import read_json, read_text
from stats import verbs
from stats.cli import main
from stats.errors import DataError
from stats.tidy.run import read_run
from tests.stats.synthetic import Plan, write_run

SMALL = Plan(passes={"time": 20, "memory": 1}, threads=[1], workloads=[("rounds", "touch=none")])


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """A run with a whole plan, sealed as the harness does it."""
    folder = write_run(tmp_path / "run", SMALL)
    runs = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
    plan = {"schema": 1, "seed": 1, "runs": [{"run": r["run"]} for r in runs]}
    (folder / "plan.json").write_text(json.dumps(plan))
    manifest = read_json(folder / "manifest.json")
    seal = of_folder(folder, BY_HARNESS)
    (folder / "manifest.json").write_text(json.dumps({**manifest, KEY: seal}))
    return folder


def delete_records(folder: Path, count: int) -> None:
    lines = (folder / "runs.jsonl").read_text().splitlines(keepends=True)
    (folder / "runs.jsonl").write_text("".join(lines[count:]))


def edit_value(folder: Path) -> None:
    path = folder / "runs.jsonl"
    path.write_text(path.read_text().replace('"wall_s": 0.', '"wall_s": 1.', 1))


def edit_series(folder: Path) -> None:
    path = sorted((folder / "series").iterdir())[0]
    path.write_text(path.read_text().replace("1", "2"))


def edit_plan(folder: Path) -> None:
    path = folder / "plan.json"
    path.write_text(path.read_text().replace('"seed": 1', '"seed": 2'))


def test_an_untouched_run_is_read_without_a_word(sealed: Path) -> None:
    run = read_run(sealed)
    assert run.marks == run.remarks == []


def test_deleted_records_are_counted_against_the_plan(sealed: Path) -> None:
    planned = len(read_run(sealed).records)
    delete_records(sealed, 60)
    with pytest.raises(DataError, match=rf"runs\.jsonl was changed.* 60 of {planned} planned"):
        read_run(sealed)


@pytest.mark.parametrize(
    ("edit", "name"),
    [(edit_value, "runs.jsonl"), (edit_series, "series/memory"), (edit_plan, "plan.json")],
)
def test_the_changed_file_is_named(sealed: Path, edit: object, name: str) -> None:
    assert callable(edit)
    edit(sealed)
    with pytest.raises(DataError, match=rf"{name}.*was changed after the run.*help: restore"):
        read_run(sealed)


def test_a_lost_series_is_named(sealed: Path) -> None:
    sorted((sealed / "series").iterdir())[0].unlink()
    with pytest.raises(DataError, match=r"series/memory.*is missing"):
        read_run(sealed)


def test_every_verb_that_reads_runs_has_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    names = {found.name for found in pkgutil.iter_modules(verbs.__path__)}
    for name in names - {"trace", "seal"}:  # what reads traces, and what makes the hashes
        with pytest.raises(SystemExit):
            main([name, "--help"])
        assert "--accept-changed-records" in capsys.readouterr().out, name


@pytest.mark.parametrize(
    "words",
    [
        ["report"],
        ["table"],
        ["plot", "forest"],
        ["compare", "RUN"],
        ["pack"],
        ["selftest"],
        ["power"],
        ["simulate"],
    ],
)
def test_every_verb_refuses_and_names_the_option_that_goes_on(
    sealed: Path, tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    edit_value(sealed)
    named = [str(sealed) if word == "RUN" else word for word in words]
    into = [str(tmp_path / "packed")] if words == ["pack"] else []
    assert main([*named, str(sealed), *into]) == 2
    assert "--accept-changed-records" in capsys.readouterr().err


def test_who_goes_on_has_it_in_every_table_also_of_the_packed_run(
    sealed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    delete_records(sealed, 4)
    option = "--accept-changed-records"
    assert main(["table", str(sealed), option]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Records were changed after the run" in shown
    assert main(["pack", str(sealed), str(tmp_path / "packed"), option]) == 0
    assert "4 of" in " ".join(read_run(tmp_path / "packed").marks)


def test_packing_keeps_the_hashes_of_what_it_packed(sealed: Path, tmp_path: Path) -> None:
    pack(sealed, tmp_path / "packed")
    assert read_run(tmp_path / "packed").marks == []
    manifest = read_json(tmp_path / "packed" / "manifest.json")
    assert manifest[KEY] == read_json(sealed / "manifest.json")[KEY]
    (tmp_path / "packed" / "series.tar.xz").unlink()
    with pytest.raises(DataError, match=r"series/memory.*is missing"):
        read_run(tmp_path / "packed")


def test_of_a_session_that_did_not_end_the_earlier_records_are_checked(sealed: Path) -> None:
    manifest = read_json(sealed / "manifest.json")
    manifest[KEY]["whole"] = False
    (sealed / "manifest.json").write_text(json.dumps(manifest))
    last = (sealed / "runs.jsonl").read_text().splitlines(keepends=True)[-1]
    with (sealed / "runs.jsonl").open("a") as file:
        file.write(last)
    run = read_run(sealed)
    assert run.marks == []
    assert "did not end" in run.remarks[0]
    edit_value(sealed)
    with pytest.raises(DataError, match=r"runs\.jsonl was changed"):
        read_run(sealed)


def test_what_a_crash_left_of_a_line_is_no_change(sealed: Path) -> None:
    seal = of_manifest(read_json(sealed / "manifest.json"))
    assert seal
    text = read_text(sealed / "runs.jsonl") + '{"schema":1,"run":"time-0'
    assert change(sealed, seal, text) == ""


def test_a_run_without_hashes_says_so_once_and_can_be_sealed_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_run(tmp_path / "run", SMALL)
    assert [r for r in read_run(folder).remarks if "no hashes" in r]
    assert main(["seal", str(folder)]) == 0
    assert "hashes were made after the run" in " ".join(
        " ".join(read_run(folder).remarks).replace("of the records ", "").split()
    )
    edit_value(folder)
    with pytest.raises(DataError, match="was changed"):
        read_run(folder)
    assert main(["seal", str(folder)]) == 2
    capsys.readouterr()
    with pytest.raises(RecordError, match="has hashes already"):
        seal_by_hand(folder)


@pytest.mark.parametrize("source", [{"revision": "a", "dirty": True}, {"revision": None}, None])
def test_a_run_of_unknown_source_does_not_become_a_reference(
    sealed: Path, tmp_path: Path, source: dict[str, object] | None
) -> None:
    manifest = read_json(sealed / "manifest.json") | {"source": source}
    (sealed / "manifest.json").write_text(json.dumps(manifest))
    into = tmp_path / "results" / "reference" / "mine"
    with pytest.raises(RecordError, match=r"cannot become a reference run.*help: commit"):
        pack(sealed, into)
    manifest["source"] = {"revision": "a", "dirty": False}
    (sealed / "manifest.json").write_text(json.dumps(manifest))
    assert pack(sealed, into) > 0
