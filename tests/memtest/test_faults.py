"""Allocators with planted faults: each is caught, and named in a record and by the exit code."""

import json

import pytest

from tests.memtest.driver import PLANTED, run

MIXED = ["random_mixed", "--iterations", "20k"]
WRONG = 4


def planted(
    plant: str, *arguments: str, after: int = 1000
) -> tuple[int, list[dict[str, object]], str]:
    """Exit code, records and stderr of memtest on the planted allocator."""
    done = run(
        *arguments,
        environment={"LD_PRELOAD": str(PLANTED), "PLANT": plant, "PLANT_AFTER": str(after)},
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_the_planted_allocator_works_without_a_fault() -> None:
    code, lines, _ = planted("none", *MIXED, "--verify", "full")
    assert code == 0
    assert lines[-1]["provider"]["path"] == str(PLANTED.resolve())  # type: ignore[index]


@pytest.mark.parametrize(
    ("plant", "arguments", "what"),
    [
        ("overlap", [*MIXED, "--verify", "stamp"], "lost content"),
        ("overlap", [*MIXED, "--verify", "full", "--threads", "2"], "lost content"),
        ("twice", [*MIXED, "--verify", "stamp"], "lost content"),
        ("twice", [*MIXED, "--verify", "stamp", "--min_bytes", "64", "--max_bytes", "64"], "lost"),
        ("misaligned", [*MIXED, "--verify", "stamp"], "misaligned"),
    ],
)
def test_a_wrong_block_is_a_fault(plant: str, arguments: list[str], what: str) -> None:
    code, lines, _ = planted(plant, *arguments)
    assert code == WRONG
    (fault,) = lines
    assert fault["record"] == "fault"
    assert what in str(fault["what"])
    assert fault["workload"] == "random_mixed"


@pytest.mark.parametrize(
    ("plant", "workload", "what"),
    [("dirty", "calloc_heavy", "calloc"), ("forgetful", "vector_growth", "lost content")],
)
@pytest.mark.parametrize("verify", ["stamp", "full"])
def test_a_dirty_calloc_and_a_forgetful_realloc_are_faults(
    plant: str, workload: str, what: str, verify: str
) -> None:
    code, lines, _ = planted(plant, workload, "--scale", "0.002", "--verify", verify, after=100)
    assert code == WRONG
    assert what in str(lines[-1]["what"])
    assert lines[-1]["workload"] == workload


def test_null_ends_the_run_with_3_and_one_line() -> None:
    code, lines, message = planted("null", *MIXED)
    assert code == 3
    assert lines == []
    assert len(message.splitlines()) == 1
    assert "malloc of" in message
    assert "random_mixed" in message


def test_verify_none_checks_nothing() -> None:
    code, lines, _ = planted("overlap", *MIXED)
    assert code == 0
    assert lines[-1]["record"] == "end"
