"""How a process is judged, how groups are compared, and when the harness stops trying."""

from __future__ import annotations

import pytest

from harness.experiment import Case
from harness.memtest import Output, parse
from harness.process import Outcome
from harness.provider import Proof
from harness.validity import (
    ALLOCATOR_LIMIT,
    CELL_LIMIT,
    FailurePolicy,
    checksum_mismatches,
    classify,
)
from records.record import Record
from tests.records.sample import sample

CASE = Case("memtest", "rounds", 1)
PROVEN = Proof("/a.so", "/a.so", True)
END = Output(end={"checksum": "1"})


@pytest.mark.parametrize(
    ("outcome", "output", "proof", "status", "words"),
    [
        (Outcome(exit_code=0), END, PROVEN, "ok", ""),
        (Outcome("timeout", "did not end"), Output(), PROVEN, "timeout", "did not end"),
        (Outcome("oom", "too much"), Output(), PROVEN, "oom", "too much"),
        (Outcome("crash", "ended by SIGSEGV"), Output(), PROVEN, "crash", "SIGSEGV"),
        (Outcome("crash", "code 1", stderr="a\nb"), Output(), PROVEN, "crash", "code 1: b"),
        (Outcome("crash", "4", 4), Output(fault={"what": "overlap"}), PROVEN, "crash", "overlap"),
        (Outcome("crash", "2", 2, stderr="no --x"), Output(), PROVEN, "refused", "no --x"),
        (Outcome(exit_code=0), Output(), PROVEN, "crash", "end record"),
        (Outcome(exit_code=0), END, Proof("", "/a.so", False, "by libc"), "refused", "by libc"),
    ],
)
def test_status_and_reason(
    outcome: Outcome, output: Output, proof: Proof, status: str, words: str
) -> None:
    found, why = classify(CASE, outcome, output, proof)
    assert found == status
    assert words in why
    assert (why == "") == (status == "ok")


def test_half_written_lines_of_a_crash_are_passed_over() -> None:
    output = parse(b'{"record":"round","round":0}\n7\n{"record":"fault","what":"x"}\n{"rec')
    assert [entry["round"] for entry in output.rounds] == [0]
    assert output.fault["what"] == "x"
    assert output.end == {}


def group(**checksums: str) -> list[Record]:
    return [
        sample(run=name, status="ok" if value != "bad" else "crash", checksum=value)
        for name, value in checksums.items()
    ]


def test_equal_work_is_accepted() -> None:
    assert checksum_mismatches(group(a="1", b="1", c="bad")) == {}


def test_the_minority_is_refused() -> None:
    odd = checksum_mismatches(group(a="1", b="2", c="1"))
    assert list(odd) == ["b"]
    assert "2 others have 1" in odd["b"]


def test_without_a_majority_all_are_refused() -> None:
    assert set(checksum_mismatches(group(a="1", b="2"))) == {"a", "b"}


def test_work_bound_by_time_is_not_compared() -> None:
    assert checksum_mismatches(group(a="", b="")) == {}


def record(status: str, workload: str = "w", started: bool = True) -> Record:
    argv = ["x"] if started else []
    return sample(allocator="a", workload=workload, status=status, argv=argv)


def test_a_case_that_keeps_failing_is_left_and_others_are_not() -> None:
    failures = FailurePolicy()
    failures.add(record("ok", "other"))
    failures.add_all([record("timeout")] * CELL_LIMIT)
    assert "'timeout' 2 times" in failures.reason_to_skip("a", "w", "", 1)
    assert failures.reason_to_skip("a", "other", "", 1) == ""
    assert failures.reason_to_skip("b", "w", "", 1) == ""


def test_a_success_in_between_gives_another_chance() -> None:
    failures = FailurePolicy()
    failures.add_all([record("crash"), record("ok"), record("crash")])
    assert failures.reason_to_skip("a", "w", "", 1) == ""


def test_an_allocator_that_never_succeeds_is_left_everywhere() -> None:
    failures = FailurePolicy()
    failures.add_all([record("crash", f"w{i}") for i in range(ALLOCATOR_LIMIT)])
    assert "so far failed" in failures.reason_to_skip("a", "new", "", 1)


def test_runs_that_were_not_started_are_no_evidence() -> None:
    failures = FailurePolicy()
    failures.add_all([record("refused", started=False)] * 9)
    assert failures.reason_to_skip("a", "w", "", 1) == ""
