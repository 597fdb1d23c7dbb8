"""--footprint: memory over work, and the kernel's high-water mark."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest

from tests.memtest.driver import MEMTEST, PLANTED, ROOT, Record, end_record, records, run

MIB = 1 << 20
SLOTS = ["random_slots", "--slots", "2000", "--iterations", "100k", "--touch", "first"]
BLOCKS = ["rounds", "--rounds", "1", "--slots", "64", "--min_bytes", "1M", "--max_bytes", "1M"]
OTHERS = [ROOT / "build" / f"memtest-{name}" for name in ("mimalloc", "slotmalloc")]


def footprint(*arguments: str, plant: str = "", after: str = "0", binary: Path = MEMTEST) -> Record:
    environment = (
        {"LD_PRELOAD": str(PLANTED), "PLANT": plant, "PLANT_AFTER": after} if plant else {}
    )
    words = [*arguments, "--footprint"]
    return records(run(*words, binary=binary, environment=environment))[-1]


def work(end: Record) -> list[int]:
    """The operations at which the curve was read."""
    return [ops for ops, *_ in end["curve"]]


def highest(end: Record) -> int:
    return max(rss for _, _, rss, _, _ in end["curve"])


def mark(end: Record) -> int:
    """The high-water mark; a kernel that does not reset it (CONFIG_PROC_PAGE_MONITOR) has none."""
    if isinstance(end["rss_high_water_bytes"], str):
        pytest.skip(f"no high-water mark here: {end['rss_high_water_bytes']}")
    return int(end["rss_high_water_bytes"])


def test_readings_lie_at_equal_counts_of_operations() -> None:
    *inner, last = work(footprint(*SLOTS))
    gaps = {b - a for a, b in pairwise(inner)}
    assert len(gaps) == 1
    assert inner[0] == 0
    assert 64 <= len(inner) <= 128
    assert inner[-1] <= last <= inner[-1] + gaps.pop()


def test_readings_of_every_allocator_fall_on_the_same_work() -> None:
    first = footprint(*SLOTS)
    for binary in filter(Path.exists, OTHERS):
        other = footprint(*SLOTS, binary=binary)
        assert work(other) == work(first)
        assert [row[4] for row in other["curve"]] == [row[4] for row in first["curve"]]


def test_threads_share_the_count_of_operations() -> None:
    end = footprint("random_mixed", "--iterations", "50k", "--threads", "3", "--touch", "first")
    *inner, last = work(end)
    assert last == end["ops"] == 2 * 3 * 50_000
    gap = inner[1] - inner[0]
    assert 60 <= len(inner) <= 128
    assert all(0 < b - a < 2 * gap + 64 * 3 for a, b in pairwise(inner))


def test_a_curve_of_few_operations_has_each() -> None:
    few = ["rounds", "--rounds", "1", "--slots", "8"]
    assert work(footprint(*few)) == [*range(17), 16]


def test_reading_changes_no_operation() -> None:
    for threads in ("1", "2"):
        words = [*SLOTS, "--threads", threads]
        assert footprint(*words)["checksum"] == end_record(*words)["checksum"]


def test_live_bytes_are_those_of_the_same_instant() -> None:
    end = footprint(*BLOCKS)
    assert [live for *_, live in end["curve"]] == [min(n, 128 - n) * MIB for n in work(end)]
    assert end["live_peak_bytes"] == 64 * MIB


def test_a_peak_between_two_readings_is_in_the_high_water_mark() -> None:
    end = footprint(*SLOTS, plant="spike", after="1000")
    before = end["curve"][0][2]
    assert highest(end) < before + 32 * MIB
    assert 63 * MIB < mark(end) - before < 80 * MIB


@pytest.mark.parametrize("threads", ["1", "2"])
def test_an_allocator_that_needs_half_is_seen_as_half(threads: str) -> None:
    once, twice = (
        footprint(*BLOCKS, "--touch", "all", "--threads", threads, plant=plant)
        for plant in ("none", "double")
    )
    floor = once["curve"][0][2]
    for read in (highest, mark):
        assert (read(once) - floor) / (read(twice) - floor) == pytest.approx(0.5, rel=0.03)


def test_a_kernel_that_does_not_reset_the_mark_is_said() -> None:
    """Who may not read the program may not write its clear_refs either."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        binary = Path(shutil.copy(MEMTEST, folder / "memtest"))
        binary.chmod(0o111)
        nobody = 65534 if os.getuid() == 0 else None
        done = subprocess.run(
            [binary, *SLOTS, "--footprint"],
            capture_output=True, text=True, check=True, timeout=60, cwd="/",
            user=nobody, group=nobody, extra_groups=None if nobody is None else [],
        )  # fmt: skip
    end = json.loads(done.stdout.splitlines()[-1])
    assert end["rss_high_water_bytes"] == "Permission denied"
    assert len(end["curve"]) >= 64
