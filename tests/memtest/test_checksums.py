"""Same seed, same operations on every allocator: what makes two records comparable at all."""

import json
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.memtest.driver import ROOT, end_record, runnable_workloads


@cache
def built_allocators() -> list[tuple[str, Path]]:
    """Name and memtest binary of every allocator that is available here."""
    table = json.loads(
        subprocess.run(
            ["make", "--no-print-directory", "list-allocators"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )
    binaries = [(row["name"], ROOT / row["binary"]) for row in table if row["available"]]
    return [(name, binary) for name, binary in binaries if binary.exists()]


def checksum(workload: str, threads: int, binary: Path, seed: int = 1) -> str:
    """The operation checksum of a short run."""
    end = end_record(
        workload,
        *("--threads", str(threads), "--seed", str(seed)),
        *("--scale", "0.001", "--rounds", "2"),
        binary=binary,
    )
    assert end["checksum"] != ""
    return str(end["checksum"])


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("workload", [each["name"] for each in runnable_workloads()])
def test_every_allocator_does_the_same_work(workload: str, threads: int) -> None:
    contestants = [
        row for row in built_allocators() if row[0] in ("ptmalloc", "jemalloc", "mimalloc", "lifo")
    ]
    assert len(contestants) >= 2
    sums = {name: checksum(workload, threads, binary) for name, binary in contestants}
    assert len(set(sums.values())) == 1, sums


def test_every_built_allocator_agrees_on_random_mixed() -> None:
    sums = {name: checksum("random_mixed", 2, binary) for name, binary in built_allocators()}
    assert len(set(sums.values())) == 1, sums


def test_another_seed_or_thread_count_is_other_work() -> None:
    _, binary = built_allocators()[0]
    sums = [
        checksum("random_mixed", 1, binary),
        checksum("random_mixed", 1, binary, seed=2),
        checksum("random_mixed", 2, binary),
    ]
    assert len(set(sums)) == 3
