"""A disturbed replicate of a case is measured again, with all its allocators, at most so often."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.disturbance import Rule
from harness.errors import Interrupted
from harness.plan import PlannedProcess, load_plan, next_attempt
from harness.progress import Progress
from harness.rundir import is_unfinished
from harness.runner import Runner, count_statuses
from records.record import Record
from records.store import RecordFile, read_records
from stats.tidy.run import read_run
from tests.harness.test_disturbance import process

CALM, NOISY = process(), process(steal_s=0.5)


def planned(replicate: int, allocator: str) -> PlannedProcess:
    order = "ab".index(allocator)
    run = f"time-{replicate:03}-{order:03}"
    return PlannedProcess(run, "time", replicate, order, allocator, "rounds", "", 1, 1, 0)


PLAN = [planned(replicate, name) for replicate in (0, 1) for name in "ab"]


class Planted(Runner):
    """A session whose processes are not started: `noisy` says which are disturbed."""

    noisy: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    stop_before: str = ""

    def _record_of(self, planned: PlannedProcess) -> Record:
        if planned.id == self.stop_before:
            raise Interrupted
        found = dict(NOISY if planned.id in self.noisy else CALM)
        if planned.id in self.failed:
            found |= {"status": "crash", "why": "planted"}
        return cast(Record, {**found, **planned.as_entry()})


def session(folder: Path, noisy: Sequence[str], repeats: int = 1, **more: Any) -> Planted:
    bench = SimpleNamespace(
        root=folder,
        should_stop=lambda: False,
        experiment=SimpleNamespace(disturbed=Rule(repeats=repeats)),
    )
    path = folder / "runs.jsonl"
    known = {record["run"]: record for record in read_records(path)}
    file = RecordFile(path)
    made = Planted(cast(Any, bench), PLAN, file, {}, Progress([], 0), known)
    made.noisy = frozenset(noisy)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def runs_of(folder: Path, mark: bool) -> list[str]:
    records = read_records(folder / "runs.jsonl")
    return [record["run"] for record in records if ("disturbed" in record) == mark]


def test_all_allocators_of_the_case_are_measured_again_and_the_first_records_kept(
    tmp_path: Path,
) -> None:
    session(tmp_path, ["time-000-001"]).run()
    assert runs_of(tmp_path, mark=True) == ["time-000-000", "time-000-001"]
    again = ["time-000-000-r1", "time-000-001-r1", "time-001-000", "time-001-001"]
    assert sorted(runs_of(tmp_path, mark=False)) == again
    run = read_run(tmp_path)
    assert [r["run"] for r in run.disturbed] == ["time-000-000", "time-000-001"]
    assert "steal 50% under b" in run.disturbed[0].get("disturbed", "")
    assert {(r["allocator"], r["block"]) for r in run.ok()} == {
        (name, block) for name in "ab" for block in (0, 1)
    }


def test_it_is_repeated_as_often_as_the_rule_says_and_then_counts(tmp_path: Path) -> None:
    noisy = ["time-000-000", "time-000-001-r1", "time-000-000-r2"]
    made = session(tmp_path, noisy, repeats=2)
    made.run()
    assert sorted(runs_of(tmp_path, mark=False))[:2] == ["time-000-000-r2", "time-000-001-r2"]
    assert len(runs_of(tmp_path, mark=True)) == 4
    assert made.kept_disturbed == 1
    assert count_statuses(made.records.values()) == {"ok": 4}


def test_without_repetitions_nothing_is_repeated(tmp_path: Path) -> None:
    session(tmp_path, [p.id for p in PLAN], repeats=0).run()
    assert runs_of(tmp_path, mark=False) == [p.id for p in PLAN]


def test_a_replicate_with_a_failure_is_not_repeated(tmp_path: Path) -> None:
    session(tmp_path, ["time-000-000"], failed=frozenset({"time-000-001"})).run()
    assert runs_of(tmp_path, mark=True) == []


@pytest.mark.parametrize("stop", ["time-000-000-r1", "time-000-001-r1", "time-001-000"])
def test_an_interrupted_repetition_is_finished_and_never_counted_twice(
    tmp_path: Path, stop: str
) -> None:
    (tmp_path / "plan.json").write_text(json.dumps({"runs": [p.as_entry() for p in PLAN]}))
    assert len(load_plan(tmp_path / "plan.json")[0]) == len(PLAN)
    first = session(tmp_path, ["time-000-001"], stop_before=stop)
    with pytest.raises(Interrupted):
        first.run()
    first.file.close()
    counted = [(r["allocator"], r["block"]) for r in read_run(tmp_path).ok()]
    assert len(counted) == len(set(counted))
    assert is_unfinished(tmp_path)
    session(tmp_path, ["time-000-001"]).run()
    again = ["time-000-000-r1", "time-000-001-r1", "time-001-000", "time-001-001"]
    assert sorted(runs_of(tmp_path, mark=False)) == again
    assert not is_unfinished(tmp_path)


def test_attempts_are_numbered() -> None:
    assert next_attempt("time-000-000") == "time-000-000-r1"
    assert next_attempt("time-000-000-r9") == "time-000-000-r10"
