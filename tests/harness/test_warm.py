from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from harness import warm
from harness.warm import Warmer
from tests.harness.conftest import Harness, records_of, write_experiment

CASE = ("rounds", "", 1)
MIB = 1 << 20
WORK = '[[workload]]\nname = "random_mixed"\nparams = { iterations = 1000 }\n'


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes that were asked for, instead of touching them."""
    sizes: list[int] = []

    def note(size: int) -> int:
        sizes.append(size)
        return size

    monkeypatch.setattr(warm, "touch", note)
    return sizes


def test_at_least_the_set_amount_is_touched(touched: list[int]) -> None:
    warmer = Warmer(64 * MIB, lambda: 1 << 40)
    warmer.after(CASE, 3 * MIB)
    assert warmer.before(CASE) == 64 * MIB
    assert touched == [64 * MIB]


def test_the_largest_peak_of_the_same_case_raises_it_by_a_quarter(touched: list[int]) -> None:
    warmer = Warmer(64 * MIB, lambda: 1 << 40)
    for peak in (100, 400, 200):
        warmer.after(CASE, peak * MIB)
    assert warmer.before(CASE) == 500 * MIB
    assert warmer.before(("rounds", "", 2)) == 64 * MIB


def test_no_more_is_touched_than_the_machine_can_spare(touched: list[int]) -> None:
    assert Warmer(64 * MIB, lambda: 10 * MIB).before(CASE) == 10 * MIB
    assert Warmer(64 * MIB, lambda: 0).before(CASE) == 0


def test_nothing_switches_it_off(touched: list[int]) -> None:
    warmer = Warmer(0, lambda: 1 << 40)
    warmer.after(CASE, 400 * MIB)
    assert warmer.before(CASE) == 0
    assert touched == []


def test_touching_is_done_outside_of_the_harness_and_leaves_nothing_there() -> None:
    def peak_kib() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = peak_kib()
    assert warm.touch(256 * MIB) == 256 * MIB
    assert peak_kib() - before < 64 << 10
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >= 256 << 10


def test_what_cannot_be_had_is_not_claimed() -> None:
    assert warm.touch(1 << 60) == 0


def test_half_of_the_available_memory_is_the_limit() -> None:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < warm.affordable_bytes() <= total // 2


@pytest.mark.parametrize(("line", "expected"), [("warm_mib = 96", 96 * MIB), ("warm_mib = 0", 0)])
def test_a_record_tells_how_much_was_warm(
    harness: Harness, tmp_path: Path, line: str, expected: int
) -> None:
    path = write_experiment(tmp_path, "time = 1", WORK, [line])
    assert harness(path, "--out", tmp_path / "run").returncode == 0
    assert {r["warmed_bytes"] for r in records_of(tmp_path / "run")} == {expected}
